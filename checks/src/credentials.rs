//! Where the credentials come from.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

mod api_key_usable;
mod aws_cli_agrees;
mod aws_files_readable;
mod credential_helper_works;
mod credential_source_found;
mod credentials_not_expired;
mod profile_exists;
mod role_assumable;
mod session_token_present;

pub(crate) use self::api_key_usable::ApiKeyUsable;
pub(crate) use self::aws_cli_agrees::AwsCliAgrees;
pub(crate) use self::aws_files_readable::AwsFilesReadable;
pub(crate) use self::credential_helper_works::CredentialHelperWorks;
pub(crate) use self::credential_source_found::CredentialSourceFound;
pub(crate) use self::credentials_not_expired::CredentialsNotExpired;
pub(crate) use self::profile_exists::ProfileExists;
pub(crate) use self::role_assumable::RoleAssumable;
pub(crate) use self::session_token_present::SessionTokenPresent;

use crate::answer::{Answer, answer, not_judged_here};
pub(crate) use crate::claude_code::credential_plan::NO_PROVIDERS;
pub(crate) use crate::facts::is_not_renewed;
use crate::facts::{
    ApiKey, Configuration, CredentialKind, Credentials, Failure, FailureKind, Request, SourceKind,
    Step, StepOutcome,
};
use crate::finding::{Basis, Explanation, Finding};
use crate::text::{edits, shell_word};

/// Adds the command that renews what is due and goes on, with what this run assumes.
pub(crate) fn renew(finding: Finding, text: &str, request: &Request) -> Finding {
    let Some(assumed) = request.assumed() else {
        return finding.fix(format!("{text}: with the same flags and `--refresh`"));
    };
    let mut command = vec!["bedrock-doctor check --refresh"];
    command.extend(assumed.iter().map(String::as_str));
    finding.fix_command(text, command.join(" "))
}

/// What helps after a renewal that failed: where the new token could not be kept, no sign-in could be either.
pub(crate) fn sign_in_then_check(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::File => "let the cache file be written, sign in again, then run this checkup",
        _ => "sign in again, then run this checkup again",
    }
}

/// The source that delivered; none when the chain ended with nothing or was not walked to its end.
pub(crate) fn delivered(credentials: &Credentials) -> Option<CredentialKind> {
    let open = credentials
        .steps
        .iter()
        .any(|step| step.outcome == StepOutcome::NotTried);
    (credentials.kind != CredentialKind::None && !open).then_some(credentials.kind)
}

/// The finer cause of a step; empty when there is none.
pub(crate) fn cause(step: &Step) -> &str {
    step.cause.as_deref().unwrap_or_default()
}

/// Something that a failed step left undone, and that matters less when another source delivers: then it is a warning.
pub(crate) fn fail_unless_delivered(
    code: &str,
    what: impl Into<String>,
    credentials: Option<&Credentials>,
) -> Finding {
    let what = what.into();
    let finding = match credentials.and_then(delivered) {
        Some(kind) => Finding::warn(
            code,
            format!(
                "{what}; Claude Code goes on without it and uses {}",
                kind.words()
            ),
        ),
        None => Finding::fail(code, what),
    };
    finding.explained_by("bedrock-enabled")
}

/// The finding for a refusal that says nothing about the credentials: not reached, throttled, out of order.
pub(crate) fn unanswered(asked: &str, failure: &Failure) -> Option<Finding> {
    match answer(failure) {
        Answer::Unreached if failure.is_transport() => {
            let words = failure.words();
            let mut finding =
                Finding::cannot_tell(format!("could not tell: {asked} got no answer: {words}"))
                    .evidence(Basis::NotTested, words);
            finding.explained_by.push(Explanation::Network);
            Some(finding)
        }
        Answer::Throttled(_) | Answer::Service => Some(not_judged_here(asked, failure)),
        _ => None,
    }
}

/// The Region a short-term API key was made for, when Claude Code uses another one.
pub(crate) fn made_elsewhere<'a>(
    key: &'a ApiKey,
    configuration: &Configuration,
) -> Option<&'a str> {
    let made_for = key.region.as_deref()?;
    (made_for != configuration.region.value).then_some(made_for)
}

/// Adds the step that sets the Region of an API key.
pub(crate) fn use_region_of_key(
    finding: Finding,
    made_for: &str,
    configuration: &Configuration,
) -> Finding {
    let source = &configuration.region.source;
    let text = format!("use `{made_for}`, the Region of the key");
    match source.kind {
        SourceKind::Environment | SourceKind::Default | SourceKind::AwsFile => {
            finding.fix_command(text, format!("export AWS_REGION={}", shell_word(made_for)))
        }
        _ => finding.fix(format!("{text}, in {}", source.words())),
    }
}

/// The finding for what `--offline` leaves out.
pub(crate) fn left_out(what: &str) -> Finding {
    let mut finding = Finding::not_applicable(format!("left out: --offline {what}"));
    finding.left_out = true;
    finding
}

/// ` --profile NAME`; nothing for the default profile.
pub(crate) fn profile_flag(profile: &str) -> String {
    if profile == "default" {
        String::new()
    } else {
        format!(" --profile {}", shell_word(profile))
    }
}

/// `…` and the last four characters of an access key id.
pub(crate) fn short_key_id(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(4);
    format!("…{}", id.chars().skip(skipped).collect::<String>())
}

/// The name that was probably meant: the same in another case or with blanks around it, else at most a third different.
pub(crate) fn closest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let bare = |name: &str| name.trim().to_lowercase();
    let wanted = bare(wanted);
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .iter()
        .map(|&name| (edits(&wanted, &bare(name)), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::diagnosis::Diagnosis;
    use crate::facts::{Facts, Observed, SsoSession, SsoToken};
    use crate::sample::{healthy, in_seconds, refusal, with_credentials};
    use crate::sso::{SsoProfileComplete, SsoRoleAssigned, SsoTokenFresh, SsoTokenPresent};

    const CHECKS: [Entry; 12] = [
        Entry::of::<AwsFilesReadable>(),
        Entry::of::<ProfileExists>(),
        Entry::of::<CredentialHelperWorks>(),
        Entry::of::<RoleAssumable>(),
        Entry::of::<ApiKeyUsable>(),
        Entry::of::<CredentialsNotExpired>(),
        Entry::of::<SessionTokenPresent>(),
        Entry::of::<CredentialSourceFound>(),
        Entry::of::<SsoProfileComplete>(),
        Entry::of::<SsoTokenPresent>(),
        Entry::of::<SsoTokenFresh>(),
        Entry::of::<SsoRoleAssigned>(),
    ];

    /// The root causes, each as `check: code`.
    fn roots(facts: &Facts) -> Vec<String> {
        let checks: Vec<&Entry> = CHECKS.iter().collect();
        Diagnosis::of(facts, &checks)
            .roots()
            .map(|finding| {
                format!(
                    "{}: {}",
                    finding.id,
                    finding.code.as_deref().unwrap_or_default()
                )
            })
            .collect()
    }

    /// A machine without credentials, for one cause.
    fn without(provider: CredentialKind, cause: &str, failure: Option<Failure>) -> Facts {
        with_credentials(|it| {
            let step = Step {
                provider,
                outcome: StepOutcome::Stopped,
                reason: "because".into(),
                failure,
                cause: Some(cause.to_owned()),
            };
            *it = Credentials::none(vec![step], Some(NO_PROVIDERS.into()));
        })
    }

    /// The machine with an Identity Center profile; `left`: the seconds its token still lasts.
    fn with_session(mut facts: Facts, left: Option<i64>, renewable: bool) -> Facts {
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
            cache.tokens.extend(left.map(|left| SsoToken {
                file: "a.json".into(),
                expires_at: Some(in_seconds(left)),
                renewable,
                renewal_refused: None,
                renewal_failed: None,
                registration_expires_at: None,
                start_url: None,
                region: None,
            }));
        }
        facts
    }

    #[test]
    fn every_problem_has_one_root_cause() {
        use CredentialKind::{AssumeRole, Container, CredentialProcess, Login, ProfileStatic};
        for (provider, cause, root) in [
            (
                ProfileStatic,
                "half-profile",
                "credential-source-found: no-credentials-in-chain",
            ),
            (
                ProfileStatic,
                "profile-without-credentials",
                "credential-source-found: no-credentials-in-chain",
            ),
            (
                Container,
                "container-refused",
                "credential-source-found: no-credentials-in-chain",
            ),
            (
                AssumeRole,
                "container-refused",
                "credential-source-found: no-credentials-in-chain",
            ),
            (
                CredentialProcess,
                "helper-noise",
                "credential-helper-works: credential-process-fails",
            ),
            (
                AssumeRole,
                "helper-exit",
                "credential-helper-works: credential-process-fails",
            ),
            (
                AssumeRole,
                "role-without-source",
                "role-assumable: role-without-source",
            ),
            (
                AssumeRole,
                "source-profile-loop",
                "role-assumable: source-profile-loop",
            ),
            (
                AssumeRole,
                "mfa-required",
                "role-assumable: mfa-profile-unsupported",
            ),
            (
                CredentialKind::WebIdentity,
                "web-identity-token-unreadable",
                "role-assumable: irsa-pod-identity-not-used",
            ),
            (
                CredentialKind::Sso,
                "sso-profile-incomplete",
                "sso-profile-complete: sso-profile-incomplete",
            ),
            (
                CredentialKind::Sso,
                "sso-session-section-missing",
                "sso-profile-complete: sso-session-section-missing",
            ),
            (
                Login,
                "login-expired",
                "credential-source-found: login-session-expired",
            ),
        ] {
            assert_eq!(roots(&without(provider, cause, None)), [root], "{cause}");
        }
        assert_eq!(roots(&healthy()), [""; 0]);
    }

    #[test]
    fn every_problem_of_identity_center_has_one_root_cause() {
        for provider in [CredentialKind::Sso, CredentialKind::AssumeRole] {
            let missing = without(provider, "sso-token-missing", None);
            let expired = without(provider, "sso-session-expired", None);
            let refused = |status, code| {
                let failure = refusal("sso", status, code, "refused");
                without(provider, "sso-portal-refused", Some(failure))
            };
            let (unknown, stale) = (
                refused(401, "UnauthorizedException"),
                refused(403, "ForbiddenException"),
            );
            let leads_to = |facts, expires, renewable, root: &str| {
                let facts = with_session(facts, expires, renewable);
                assert_eq!(roots(&facts), [root], "{provider:?}");
            };
            leads_to(missing, None, false, "sso-token-present: sso-token-missing");
            leads_to(
                expired,
                Some(-60),
                false,
                "sso-token-fresh: sso-session-expired",
            );
            leads_to(
                unknown,
                Some(7_200),
                true,
                "sso-role-assigned: sso-token-unknown-to-portal",
            );
            leads_to(
                stale,
                Some(7_200),
                true,
                "sso-role-assigned: sso-role-assignment-stale",
            );
        }
    }

    #[test]
    fn what_did_not_answer_has_no_root_cause_here() {
        let timeout = Failure {
            service: Some("sts".into()),
            ..Failure::new(FailureKind::TimedOut, "no answer within 5 s")
        };
        let role = without(
            CredentialKind::AssumeRole,
            "assume-role-refused",
            Some(timeout),
        );
        assert_eq!(roots(&role), [""; 0]);
        let mut renewable = with_session(
            without(CredentialKind::Sso, "sso-not-renewed", None),
            Some(-60),
            true,
        );
        if let Observed::Known(credentials) = &mut renewable.credentials {
            credentials.steps[0].outcome = StepOutcome::NotTried;
        }
        assert_eq!(roots(&renewable), [""; 0]);
    }

    #[test]
    fn finds_the_name_that_was_meant() {
        let names = ["default", "dev", "prod-admin"];
        for (wanted, meant) in [
            ("dve", Some("dev")),
            ("DEV", Some("dev")),
            ("dev ", Some("dev")),
            ("prod_admin", Some("prod-admin")),
            ("prodadmn", Some("prod-admin")),
            ("staging", None),
            ("", None),
        ] {
            assert_eq!(closest(wanted, &names), meant, "{wanted}");
        }
    }

    #[test]
    fn shows_no_more_than_four_characters_of_a_key_id() {
        assert_eq!(short_key_id("AKIAIOSFODNN7EXAMPLE"), "…MPLE");
        assert_eq!(short_key_id("abc"), "…abc");
    }
}
