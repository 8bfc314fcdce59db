use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta};
use crate::credentials::{cause, is_not_renewed, left_out, unanswered};
use crate::facts::{CredentialKind, Credentials, Failure, SsoCache, SsoSession, Step, StepOutcome};
use crate::finding::{Basis, Finding, Owner};

/// See [`Meta::docs`].
pub(crate) struct SsoRoleAssigned;

impl Check for SsoRoleAssigned {
    const META: &'static Meta = &Meta {
        id: "sso-role-assigned",
        family: Family::Sso,
        title: "IAM Identity Center hands out the role of the profile",
        file: file!(),
        docs: "
## What it looks at

What the portal of IAM Identity Center answers when it is asked for the credentials of `sso_role_name` in
`sso_account_id` with the cached token.

## Why it matters

The portal knows more than the cache: it refuses a token that was revoked or made in another `sso_region`, and a
role that is no longer assigned to the user.

## How to fix it

Sign out and in again; correct `sso_region`; or have the permission set assigned to the user in that account.
",
    };

    type Needs<'a> = (&'a Credentials, &'a SsoCache);

    fn run((credentials, cache): Self::Needs<'_>) -> Vec<Finding> {
        let Some(session) = &cache.active else {
            return vec![Finding::not_applicable(
                "the active profile does not use IAM Identity Center",
            )];
        };
        let step = credentials.steps.iter().find(|step| is_portal(step));
        vec![match step {
            Some(step) => judge(step, session),
            None => Finding::cannot_tell("IAM Identity Center was not asked for the role"),
        }]
    }
}

/// Whether the step asked, or would have asked, the portal: of its own, or as the source of a role.
fn is_portal(step: &Step) -> bool {
    matches!(
        step.provider,
        CredentialKind::Sso | CredentialKind::AssumeRole
    ) && step.outcome != StepOutcome::PassedOver
}

fn judge(step: &Step, session: &SsoSession) -> Finding {
    let (role, account) = (&session.role_name, &session.account_id);
    let service = step
        .failure
        .as_ref()
        .and_then(|failure| failure.service.as_deref());
    match (step.outcome, &step.failure) {
        // A role that starts from the portal, and STS has answered for it: the portal had handed out its role.
        (StepOutcome::Used, _) => pass(role, account),
        _ if service == Some("sts") => pass(role, account),
        (StepOutcome::NotTried, _) if !is_not_renewed(step) => {
            left_out("does not ask IAM Identity Center for the role")
        }
        _ if cause(step) == "sso-refresh-rejected" => refresh_rejected(step, session),
        _ if cause(step) == "endpoint-refused" => {
            not_asked(step).explained_by("credential-source-found")
        }
        (StepOutcome::Failed | StepOutcome::Stopped, Some(failure)) => {
            refused(step, failure, session)
        }
        _ => not_asked(step)
            .explained_by("sso-profile-complete")
            .explained_by("sso-token-present")
            .explained_by("sso-token-fresh")
            .explained_by("role-assumable"),
    }
}

fn not_asked(step: &Step) -> Finding {
    let reason = &step.reason;
    Finding::cannot_tell(format!(
        "IAM Identity Center was not asked for the role: {reason}"
    ))
}

fn pass(role: &str, account: &str) -> Finding {
    Finding::pass(format!(
        "credentials for role `{role}` in account {account} were handed out"
    ))
}

fn fail(code: &str, what: String, words: &str, failure: Option<&Failure>) -> Finding {
    Finding::fail(code, what)
        .why("no role credentials are handed out: every call fails before it reaches Bedrock")
        .evidence(Basis::Reported, words)
        .request_id(failure.and_then(|failure| failure.request_id.clone()))
        .explained_by("bedrock-enabled")
}

fn refresh_rejected(step: &Step, session: &SsoSession) -> Finding {
    let failure = step.failure.as_ref();
    let words = failure.map_or_else(|| step.reason.clone(), Failure::words);
    let what = format!(
        "IAM Identity Center refuses to renew the token of profile `{}`: {words}",
        session.profile
    );
    fail("sso-refresh-token-rejected", what, &words, failure)
        .explained_by("sso-token-fresh")
        .fix_command("sign in again", session.login_command())
}

fn refused(step: &Step, failure: &Failure, session: &SsoSession) -> Finding {
    let (role, account) = (&session.role_name, &session.account_id);
    let (profile, region) = (&session.profile, &session.region);
    let asked = format!("IAM Identity Center (portal in `{region}`)");
    let words = failure.words();
    let signature = match answer(failure) {
        Answer::Throttled(_) => {
            return Finding::cannot_tell(format!(
                "could not tell: {asked} answers too many requests: {words}"
            ))
            .code("sso-portal-throttled")
            .evidence(Basis::NotTested, words)
            .request_id(failure.request_id.clone())
            .fix("wait a minute, then run this checkup again");
        }
        Answer::Authentication(signature) | Answer::Unknown(Some(signature)) => {
            signature.cause.as_str()
        }
        _ => "",
    };
    if let Some(finding) = unanswered(&format!("the call to {asked}"), failure) {
        return finding;
    }
    match (signature, failure.status) {
        ("sso-refresh-token-rejected", _) => refresh_rejected(step, session),
        ("sso-token-unknown-to-portal", _) | (_, Some(401)) => {
            let what = format!("{asked} does not know the token of profile `{profile}`: {words}");
            fail("sso-token-unknown-to-portal", what, &words, Some(failure))
                .fix_command("sign out, and in again", format!("aws sso logout && {}", session.login_command()))
                .fix(format!("if that does not help, check `sso_region`: it is `{region}` and must be the Region of IAM Identity Center"))
        }
        ("sso-role-assignment-stale", _) | (_, Some(403)) => {
            let what = format!(
                "{asked} hands out no credentials for role `{role}` in account {account}: {words}"
            );
            fail("sso-role-assignment-stale", what, &words, Some(failure))
                .owner(Owner::AccountAdmin)
                .fix(format!("assign the permission set `{role}` to the user in account {account}, in IAM Identity Center"))
                .fix("if the role has another name or account now, correct `sso_role_name` and `sso_account_id` of the profile")
        }
        _ => Finding::cannot_tell(format!("could not tell: {asked} answers {words}"))
            .evidence(Basis::NotTested, words)
            .request_id(failure.request_id.clone())
            .explained_by("credential-source-found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, FailureKind, Observed};
    use crate::finding::{Explanation, Status};
    use crate::sample::{healthy, now, only, refusal, with_credentials};

    const CHECK: Entry = Entry::of::<SsoRoleAssigned>();

    fn machine(
        provider: CredentialKind,
        outcome: StepOutcome,
        cause: &str,
        failure: Option<Failure>,
    ) -> Facts {
        let mut facts = with_credentials(|it| {
            it.steps = vec![Step {
                provider,
                outcome,
                reason: "because".into(),
                failure,
                cause: (!cause.is_empty()).then(|| cause.to_owned()),
            }];
        });
        if let Observed::Known(cache) = &mut facts.sso_cache {
            cache.active = Some(SsoSession {
                profile: "dev".into(),
                session: Some("acme".into()),
                start_url: "https://acme.awsapps.com/start".into(),
                region: "eu-west-1".into(),
                account_id: "123456789012".into(),
                role_name: "Dev".into(),
                cache_file: "a.json".into(),
            });
        }
        facts
    }

    fn stopped(failure: Failure) -> Facts {
        machine(CredentialKind::Sso, StepOutcome::Stopped, "", Some(failure))
    }

    #[test]
    fn passes_when_the_role_was_handed_out() {
        let direct = machine(CredentialKind::Sso, StepOutcome::Used, "", None);
        only(&CHECK, &direct, Status::Pass, None);
        let chained = machine(CredentialKind::AssumeRole, StepOutcome::Used, "", None);
        only(&CHECK, &chained, Status::Pass, None);
        let denied = refusal(
            "sts",
            403,
            "AccessDenied",
            "not authorized to perform: sts:AssumeRole",
        );
        let later = machine(
            CredentialKind::AssumeRole,
            StepOutcome::Stopped,
            "",
            Some(denied),
        );
        only(&CHECK, &later, Status::Pass, None);
    }

    #[test]
    fn a_token_that_the_portal_does_not_know_needs_a_new_sign_in() {
        let facts = stopped(refusal(
            "sso",
            401,
            "UnauthorizedException",
            "Session token not found or invalid",
        ));
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("sso-token-unknown-to-portal"),
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws sso logout && aws sso login --profile dev")
        );
        assert!(finding.fix[1].text.contains("`eu-west-1`"));
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn a_role_that_is_not_assigned_is_for_the_account_administrator() {
        let facts = stopped(refusal("sso", 403, "ForbiddenException", "No access"));
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("sso-role-assignment-stale"),
        );
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert_eq!(
            finding.what,
            "IAM Identity Center (portal in `eu-west-1`) hands out no credentials for role `Dev` in account 123456789012: ForbiddenException: No access"
        );
    }

    #[test]
    fn the_status_decides_when_the_code_is_unknown() {
        for (status, code) in [
            (401, "sso-token-unknown-to-portal"),
            (403, "sso-role-assignment-stale"),
        ] {
            only(
                &CHECK,
                &stopped(refusal("sso", status, "Strange", "")),
                Status::Fail,
                Some(code),
            );
        }
    }

    #[test]
    fn a_refused_renewal_needs_a_new_sign_in() {
        let code = Some("sso-refresh-token-rejected");
        let refused = refusal(
            "sso-oidc",
            400,
            "InvalidGrantException",
            "Invalid grant provided",
        );
        only(&CHECK, &stopped(refused), Status::Fail, code);
        let named = machine(
            CredentialKind::Sso,
            StepOutcome::Stopped,
            "sso-refresh-rejected",
            None,
        );
        let finding = only(&CHECK, &named, Status::Fail, code);
        assert!(
            finding
                .explained_by
                .contains(&Explanation::Check("sso-token-fresh"))
        );
    }

    #[test]
    fn throttling_tells_nothing() {
        let facts = stopped(refusal(
            "sso",
            429,
            "TooManyRequestsException",
            "HTTP 429 Too Many Requests",
        ));
        only(
            &CHECK,
            &facts,
            Status::CannotTell,
            Some("sso-portal-throttled"),
        );
    }

    #[test]
    fn an_unreached_portal_tells_nothing() {
        let timeout = Failure::new(FailureKind::TimedOut, "no answer within 5 s");
        let finding = only(&CHECK, &stopped(timeout), Status::CannotTell, None);
        assert_eq!(finding.explained_by, [Explanation::Network]);
        only(
            &CHECK,
            &stopped(refusal("sso", 503, "", "")),
            Status::CannotTell,
            None,
        );
        only(
            &CHECK,
            &stopped(refusal("sso", 404, "ResourceNotFoundException", "gone")),
            Status::CannotTell,
            None,
        );
    }

    #[test]
    fn a_missing_or_expired_token_is_judged_elsewhere() {
        for cause in ["sso-token-missing", "sso-session-expired"] {
            let facts = machine(CredentialKind::Sso, StepOutcome::Stopped, cause, None);
            only(&CHECK, &facts, Status::CannotTell, None);
        }
        let refusal = Failure::new(FailureKind::Configuration, "FIPS and custom endpoint");
        let facts = machine(
            CredentialKind::Sso,
            StepOutcome::Stopped,
            "endpoint-refused",
            Some(refusal),
        );
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("credential-source-found")]
        );
        let open = machine(
            CredentialKind::Sso,
            StepOutcome::NotTried,
            "sso-not-renewed",
            None,
        );
        only(&CHECK, &open, Status::CannotTell, None);
    }

    #[test]
    fn offline_is_left_out_on_purpose() {
        let facts = machine(CredentialKind::Sso, StepOutcome::NotTried, "", None);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn does_not_apply_to_profiles_without_identity_center() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_asked_or_looked() {
        let other = machine(CredentialKind::ProfileStatic, StepOutcome::Failed, "", None);
        only(&CHECK, &other, Status::CannotTell, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
