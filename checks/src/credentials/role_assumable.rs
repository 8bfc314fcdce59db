//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{cause, fail_unless_delivered, left_out, profile_flag, unanswered};
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta};
use crate::denial::Denial;
use crate::facts::{Configuration, CredentialKind, Credentials, Failure, Step, StepOutcome};
use crate::finding::{Basis, Finding, Owner};
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct RoleAssumable;

impl Check for RoleAssumable {
    const META: &'static Meta = &Meta {
        id: "role-assumable",
        family: Family::Credentials,
        title: "the role of the profile can be assumed",
        file: file!(),
        docs: "
## What it looks at

The role that the profile names with `role_arn`, or that `AWS_ROLE_ARN` names with
`AWS_WEB_IDENTITY_TOKEN_FILE`: whether its source is complete, and what STS answers to AssumeRole.

## Why it matters

Without the role there are no credentials. Claude Code cannot ask for an MFA code, hides an incomplete
`role_arn` behind \"Could not load credentials from any providers\", and retries a refused AssumeRole for
about 190 s.

## How to fix it

Complete the profile, or have the role's trust policy allow the caller and the caller's policy allow
`sts:AssumeRole`. For a role that demands MFA, get temporary keys first and export them.
",
    };

    type Needs<'a> = (&'a Credentials, &'a Configuration);

    fn run((credentials, configuration): Self::Needs<'_>) -> Vec<Finding> {
        let machine = Role {
            credentials,
            profile: &configuration.profile.value,
        };
        let findings: Vec<Finding> = credentials
            .steps
            .iter()
            .filter_map(|step| machine.judge(step))
            .collect();
        if findings.is_empty() {
            return vec![Finding::not_applicable("no role is assumed")];
        }
        findings
    }
}

/// What a role is judged by.
struct Role<'a> {
    credentials: &'a Credentials,
    profile: &'a str,
}

impl Role<'_> {
    fn judge(&self, step: &Step) -> Option<Finding> {
        let is_role = matches!(
            step.provider,
            CredentialKind::AssumeRole | CredentialKind::WebIdentity
        );
        if let Some(finding) = self.configured_wrongly(step) {
            return Some(finding);
        }
        if !is_role {
            return None;
        }
        match (step.outcome, &step.failure) {
            (StepOutcome::PassedOver, _) => None,
            (StepOutcome::Used, _) => Some(Finding::pass(format!("{} was assumed", self.name()))),
            (StepOutcome::NotTried, _) if cause(step).is_empty() => {
                Some(left_out("does not ask STS for the role"))
            }
            (StepOutcome::Failed | StepOutcome::Stopped, Some(failure))
                if failure.service.as_deref() == Some("sts")
                    || cause(step) == "assume-role-refused" =>
            {
                Some(self.refused(&step.reason, failure))
            }
            // The credentials that the role starts from are judged by the check of their own kind.
            _ => Some(
                Finding::cannot_tell(format!("the role was not asked for: {}", step.reason))
                    .explained_by("credential-helper-works")
                    .explained_by("sso-profile-complete")
                    .explained_by("sso-token-present")
                    .explained_by("sso-token-fresh")
                    .explained_by("sso-role-assigned")
                    .explained_by("credential-source-found"),
            ),
        }
    }

    /// The role by its ARN, as far as that is known.
    fn name(&self) -> String {
        match self.credentials.role_arns.last() {
            Some(arn) => format!("role `{arn}`"),
            None => format!("the role of profile `{}`", self.profile),
        }
    }

    /// What the configuration alone decides.
    fn configured_wrongly(&self, step: &Step) -> Option<Finding> {
        let profile = self.profile;
        let fail = |code: &str| {
            fail_unless_delivered(code, step.reason.clone(), Some(self.credentials))
                .explained_by("aws-files-readable")
        };
        Some(match cause(step) {
            "mfa-required" => Finding {
                    what: without_sdk_words(&step.reason),
                    ..fail("mfa-profile-unsupported")
                }
                .why("Claude Code does not use the profile at all; the AWS CLI asks for the code")
                .fix_command(
                    "get temporary keys with the AWS CLI and use them instead of the profile",
                    format!(
                        "eval \"$(aws configure export-credentials{} --format env)\" && unset AWS_PROFILE",
                        profile_flag(profile)
                    ),
                ),
            code @ "role-without-source" => fail(code)
                .why("without one source, and one only, Claude Code does not assume the role")
                .fix("give the profile one of `source_profile = NAME` and `credential_source = Environment` (or EcsContainer, Ec2InstanceMetadata)"),
            code @ "source-profile-not-found" => fail(code)
                .why("the role is assumed with the credentials of that profile")
                .fix("correct `source_profile`, or add the profile that it names; in `~/.aws/config` its section is `[profile NAME]`")
                .fix_command("list the profiles that exist", "aws configure list-profiles"),
            code @ "source-profile-loop" => fail(code)
                .why("no profile in the circle has credentials of its own")
                .fix("let the last profile of the circle hold keys, `credential_process` or an SSO session, and no `source_profile`"),
            code @ "credential-source-unknown" => fail(code)
                .why("Claude Code compares the word letter by letter; the AWS CLI does not mind the case")
                .fix("write `credential_source = Environment`, `EcsContainer` or `Ec2InstanceMetadata`"),
            "irsa-pod-identity-not-used" => fail("irsa-pod-identity-not-used")
                .why("a role is assumed with an OIDC token only when both are set")
                .fix("pass both AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN to Claude Code, or neither"),
            "web-identity-token-unreadable" => fail("irsa-pod-identity-not-used")
                .why("the OIDC token in the file is what the role is assumed with; Claude Code retries for about 180 s")
                .fix("mount the service account token where Claude Code runs, readable for its user, or correct the path in AWS_WEB_IDENTITY_TOKEN_FILE (`web_identity_token_file` in a profile)"),
            _ => return None,
        })
    }

    fn refused(&self, reason: &str, failure: &Failure) -> Finding {
        let asked = format!("the call to STS for {}", self.name());
        if let Some(finding) = unanswered(&asked, failure) {
            return finding;
        }
        let words = failure.words();
        let fail = |code: &str| {
            Finding::fail(code, reason)
                .why("without the role there are no credentials; Claude Code retries for about 190 s")
                .evidence(Basis::Reported, words.clone())
                .request_id(failure.request_id.clone())
                .explained_by("bedrock-enabled")
        };
        match answer(failure) {
            Answer::Authentication(signature) => {
                let finding = fail(&signature.cause)
                    .owner(signature.owner)
                    .explained_by("clock-in-step");
                if signature.owner == Owner::You {
                    finding
                        .fix("renew the credentials that the role is assumed with: AWS does not accept them")
                        .fix_command("show where they come from", "bedrock-doctor check --format markdown")
                } else {
                    finding.fix("activate STS in this Region for the account, or use another Region")
                }
            }
            Answer::Denied(signature, denial) => {
                let owner = signature.map_or(Owner::AccountAdmin, |signature| signature.owner);
                self.trust(fail("assume-role-refused").owner(owner), Some(&denial))
            }
            _ if failure.code.as_deref().is_some_and(|code| code.contains("ValidationError")) => {
                fail("assume-role-refused")
                    .fix("correct what STS names: `role_arn`, `duration_seconds`, `external_id` or `role_session_name` of the profile")
            }
            _ => self.trust(fail("assume-role-refused").owner(Owner::AccountAdmin), None),
        }
    }

    /// The two policies that have to allow it.
    fn trust(&self, finding: Finding, denial: Option<&Denial>) -> Finding {
        let arn = denial
            .and_then(|denial| denial.resource.clone())
            .filter(|resource| resource.starts_with("arn:"))
            .or_else(|| self.credentials.role_arns.last().cloned());
        let role = arn
            .as_deref()
            .map_or_else(|| self.name(), |arn| format!("role `{arn}`"));
        let caller = denial
            .and_then(|denial| denial.principal.as_deref())
            .map_or_else(
                || "the caller".to_owned(),
                |principal| format!("`{principal}`"),
            );
        let action = denial
            .and_then(|denial| denial.action.as_deref())
            .unwrap_or("sts:AssumeRole");
        let trust = format!(
            "let the trust policy of {role} allow {caller}, with the `external_id` of the profile if it asks for one"
        );
        let finding = match arn.as_deref().and_then(|arn| arn.rsplit_once('/')) {
            Some((_, name)) => finding.fix_command(
                trust,
                format!(
                    "aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument",
                    shell_word(name)
                ),
            ),
            None => finding.fix(trust),
        };
        finding.fix(format!(
            "let the policies of {caller} allow `{action}` on that role"
        ))
    }
}

/// What the AWS SDK says of MFA, in words of people.
fn without_sdk_words(reason: &str) -> String {
    let words = reason.replace(
        ", but no MFA code callback was provided.",
        ", and Claude Code cannot ask for the code",
    );
    match words.strip_prefix("Profile ") {
        Some(rest) => format!("profile {rest}"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, FailureKind};
    use crate::finding::{Explanation, Status};
    use crate::sample::{healthy, now, only, refusal, with_credentials};

    const CHECK: Entry = Entry::of::<RoleAssumable>();
    const ROLE: &str = "arn:aws:iam::123456789012:role/claude";

    fn step(outcome: StepOutcome, cause: Option<&str>, failure: Option<Failure>) -> Step {
        Step {
            provider: CredentialKind::AssumeRole,
            outcome,
            reason: "profile `dev` has `role_arn` but no source".into(),
            failure,
            cause: cause.map(str::to_owned),
        }
    }

    fn machine(kind: CredentialKind, step: Step) -> Facts {
        with_credentials(|it| {
            it.kind = kind;
            it.role_arns = vec![ROLE.into()];
            it.steps = vec![step];
        })
    }

    fn failed(cause: &str) -> Facts {
        machine(
            CredentialKind::None,
            step(StepOutcome::Failed, Some(cause), None),
        )
    }

    fn refused(failure: Failure) -> Facts {
        let cause = Some("assume-role-refused");
        machine(
            CredentialKind::None,
            step(StepOutcome::Stopped, cause, Some(failure)),
        )
    }

    #[test]
    fn what_the_profile_lacks_is_yours_to_fix() {
        for (cause, code) in [
            ("role-without-source", "role-without-source"),
            ("source-profile-not-found", "source-profile-not-found"),
            ("source-profile-loop", "source-profile-loop"),
            ("credential-source-unknown", "credential-source-unknown"),
            ("mfa-required", "mfa-profile-unsupported"),
            ("irsa-pod-identity-not-used", "irsa-pod-identity-not-used"),
            (
                "web-identity-token-unreadable",
                "irsa-pod-identity-not-used",
            ),
        ] {
            let finding = only(&CHECK, &failed(cause), Status::Fail, Some(code));
            assert_eq!(finding.what, "profile `dev` has `role_arn` but no source");
            assert_eq!(finding.owner, Owner::You);
        }
    }

    #[test]
    fn a_role_without_source_is_a_warning_when_another_source_delivers() {
        let broken = step(StepOutcome::Failed, Some("role-without-source"), None);
        let facts = machine(CredentialKind::InstanceMetadata, broken);
        only(&CHECK, &facts, Status::Warn, Some("role-without-source"));
    }

    #[test]
    fn mfa_is_answered_with_exported_keys() {
        let finding = only(
            &CHECK,
            &failed("mfa-required"),
            Status::Fail,
            Some("mfa-profile-unsupported"),
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(
                "eval \"$(aws configure export-credentials --profile dev --format env)\" && unset AWS_PROFILE"
            )
        );
    }

    #[test]
    fn a_denial_is_for_the_account_administrator_with_the_words_of_aws() {
        let facts = refused(refusal(
            "sts",
            403,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
            ),
        ));
        let finding = only(&CHECK, &facts, Status::Fail, Some("assume-role-refused"));
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert_eq!(finding.evidence.basis, Basis::Reported);
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws iam get-role --role-name claude --query Role.AssumeRolePolicyDocument")
        );
        assert_eq!(
            finding.fix[1].text,
            "let the policies of `arn:aws:iam::111122223333:user/dev` allow `sts:AssumeRole` on that role"
        );
    }

    #[test]
    fn a_denial_by_the_organization_is_for_its_administrator() {
        let facts = refused(refusal(
            "sts",
            403,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole on resource: {ROLE} with an explicit deny in a service control policy"
            ),
        ));
        let finding = only(&CHECK, &facts, Status::Fail, Some("assume-role-refused"));
        assert_eq!(finding.owner, Owner::OrgAdmin);
    }

    #[test]
    fn source_credentials_that_aws_does_not_accept_keep_their_own_cause() {
        let facts = refused(refusal(
            "sts",
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ));
        let finding = only(&CHECK, &facts, Status::Fail, Some("security-token-invalid"));
        assert_eq!(finding.owner, Owner::You);
        assert!(
            finding
                .explained_by
                .contains(&Explanation::Check("clock-in-step"))
        );
    }

    #[test]
    fn a_malformed_role_is_yours_to_fix() {
        let facts = refused(refusal("sts", 400, "ValidationError", "xyz is invalid"));
        let finding = only(&CHECK, &facts, Status::Fail, Some("assume-role-refused"));
        assert_eq!(finding.owner, Owner::You);
    }

    #[test]
    fn an_unreached_or_throttled_sts_tells_nothing() {
        let timeout = Failure {
            service: Some("sts".into()),
            ..Failure::new(FailureKind::TimedOut, "no answer within 5 s")
        };
        let finding = only(&CHECK, &refused(timeout), Status::CannotTell, None);
        assert_eq!(finding.explained_by, [Explanation::Network]);
        let throttled = refusal("sts", 400, "Throttling", "Rate exceeded");
        only(&CHECK, &refused(throttled), Status::CannotTell, None);
        let broken = refusal("sts", 500, "InternalFailure", "");
        only(&CHECK, &refused(broken), Status::CannotTell, None);
    }

    #[test]
    fn broken_source_credentials_are_judged_elsewhere() {
        for (cause, failure) in [
            ("sso-token-missing", None),
            ("sso-not-renewed", None),
            (
                "helper-exit",
                Some(Failure::new(FailureKind::Helper, "exit code 3")),
            ),
            (
                "container-refused",
                Some(Failure::new(FailureKind::Tcp, "connection refused")),
            ),
            (
                "sso-refused",
                Some(refusal(
                    "sso",
                    401,
                    "UnauthorizedException",
                    "Session token not found",
                )),
            ),
        ] {
            let facts = machine(
                CredentialKind::None,
                step(StepOutcome::Stopped, Some(cause), failure),
            );
            only(&CHECK, &facts, Status::CannotTell, None);
        }
    }

    #[test]
    fn passes_when_the_role_was_assumed() {
        let facts = machine(
            CredentialKind::AssumeRole,
            step(StepOutcome::Used, None, None),
        );
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert_eq!(finding.what, format!("role `{ROLE}` was assumed"));
    }

    #[test]
    fn offline_is_left_out_on_purpose() {
        let facts = machine(
            CredentialKind::AssumeRole,
            step(StepOutcome::NotTried, None, None),
        );
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn does_not_apply_without_a_role() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
