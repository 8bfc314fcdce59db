//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

mod missing;

use self::missing::Missing;
use super::{cause, is_not_renewed, profile_flag, renew, short_key_id, sign_in_then_check};
use crate::check::{Check, Family, Meta, Seen, absent};
use crate::facts::{
    AwsFiles, Configuration, CredentialKind, Credentials, FailureKind, Machine, Observed, Request,
    Step, StepOutcome,
};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;

/// See [`Meta::docs`].
pub(crate) struct CredentialSourceFound;

impl Check for CredentialSourceFound {
    const META: &'static Meta = &Meta {
        id: "credential-source-found",
        family: Family::Credentials,
        title: "Claude Code finds credentials",
        file: file!(),
        docs: "
## What it looks at

The sources of credentials in Claude Code's order: `AWS_BEARER_TOKEN_BEDROCK`, `CLAUDE_CODE_SKIP_BEDROCK_AUTH`,
`awsCredentialExport`, keys in the environment (only without `AWS_PROFILE`), the profile, web identity, the
container's credentials, EC2 instance metadata. The first one that delivers is used.

## Why it matters

Without credentials no request is made, and Claude Code says \"Could not load credentials from any providers\"
whatever the reason is.

## How to fix it

Provide one source: sign in with `aws sso login` or `aws login`, export keys, or set a Bedrock API key.
",
    };

    type Needs<'a> = (
        Seen<'a, Credentials>,
        &'a Configuration,
        Seen<'a, AwsFiles>,
        Seen<'a, Machine>,
        &'a Request,
    );

    fn run(
        (Seen(observed), configuration, Seen(files), Seen(machine), request): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let credentials = match observed {
            Observed::Known(credentials) => credentials,
            Observed::Failed(failure) if failure.kind == FailureKind::TimedOut => {
                return vec![out_of_time(&failure.message)];
            }
            _ => return vec![absent(ProbeId::Credentials, observed)],
        };
        let steps = &credentials.steps;
        let not_tried = steps
            .iter()
            .find(|step| step.outcome == StepOutcome::NotTried);
        let broken = steps.iter().any(is_broken);
        vec![match (not_tried, credentials.kind) {
            (Some(step), _) if is_not_renewed(step) => not_renewed(step, configuration, request),
            (Some(step), _) if step.provider != CredentialKind::InstanceMetadata => {
                found(credentials, configuration).evidence(
                    Basis::Inferred,
                    format!("from the configuration; not tried: {}", step.reason),
                )
            }
            (Some(step), _) if !broken => only_metadata_left(step),
            (None, kind) if kind != CredentialKind::None => found(credentials, configuration),
            _ => Missing {
                credentials,
                configuration,
                files: files.known(),
                in_container: machine.known().is_some_and(|machine| machine.container),
            }
            .judge(),
        }]
    }
}

/// Whether the step is something that should have worked: the last resort, instance metadata, need not.
fn is_broken(step: &Step) -> bool {
    matches!(step.outcome, StepOutcome::Failed | StepOutcome::Stopped)
        && step.provider != CredentialKind::InstanceMetadata
}

/// The checks that look at one kind of source each.
fn explained(finding: Finding) -> Finding {
    [
        "bedrock-enabled",
        "aws-files-readable",
        "profile-exists",
        "credential-helper-works",
        "role-assumable",
        "sso-profile-complete",
        "sso-token-present",
        "sso-token-fresh",
        "sso-role-assigned",
    ]
    .into_iter()
    .fold(finding, Finding::explained_by)
}

fn out_of_time(words: &str) -> Finding {
    let what =
        format!("could not tell: the sources of credentials did not answer in time: {words}");
    explained(Finding::cannot_tell(what).evidence(Basis::NotTested, words))
        .missing(ProbeId::Credentials)
        .why("Claude Code itself waits up to 60 s for a source (from version 2.1.207 on)")
}

fn not_renewed(step: &Step, configuration: &Configuration, request: &Request) -> Finding {
    let profile = &configuration.profile.value;
    let command = if step.provider == CredentialKind::Login || cause(step) == "login-not-renewed" {
        format!("aws login{}", profile_flag(profile))
    } else {
        format!("aws sso login{}", profile_flag(profile))
    };
    let told = |why: &str| {
        let what = format!(
            "could not tell: Claude Code would renew the expired token of profile `{profile}`, and {why}"
        );
        explained(Finding::cannot_tell(what).evidence(Basis::NotTested, step.reason.clone()))
    };
    if let Some(failure) = &step.failure {
        return told(&format!("this checkup did not: {}", failure.words()))
            .fix_command(sign_in_then_check(failure), command);
    }
    let finding = told("this checkup renews nothing without --refresh");
    renew(
        finding,
        "renew it now, as Claude Code would, and go on",
        request,
    )
    .fix_command("or sign in again, then run this checkup again", command)
}

fn only_metadata_left(step: &Step) -> Finding {
    Finding::warn(
        "no-credentials-in-chain",
        "nothing is configured that delivers credentials; only EC2 instance metadata is left",
    )
    .evidence(Basis::Inferred, format!("not tried: {}", step.reason))
    .explained_by("bedrock-enabled")
    .fix_command(
        "on a machine that is not in EC2, sign in",
        "aws configure sso",
    )
}

fn found(credentials: &Credentials, configuration: &Configuration) -> Finding {
    let mut parts = vec![credentials.kind.words().to_owned()];
    if let Some(profile) = &credentials.profile {
        parts.push(format!("profile `{profile}`"));
    }
    if let Some(id) = &credentials.access_key_id {
        parts.push(format!("access key {}", short_key_id(id)));
    }
    let mut what = parts.join(", ");
    let has_keys = configuration.is_set("AWS_ACCESS_KEY_ID");
    match credentials.kind {
        CredentialKind::ApiKey | CredentialKind::Unsigned | CredentialKind::Export if has_keys => {
            what.push_str("; keys in the environment are not used");
        }
        CredentialKind::Environment | CredentialKind::ApiKey | CredentialKind::Unsigned => {}
        _ if has_keys && configuration.is_set("AWS_PROFILE") => what.push_str(
            "; keys in the environment are skipped, because AWS_PROFILE is set (the AWS CLI would use the keys)",
        ),
        _ => {}
    }
    for step in credentials.steps.iter().filter(|step| is_broken(step)) {
        what.push_str("; passed over: ");
        what.push_str(&step.reason);
    }
    Finding::pass(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::credentials::NO_PROVIDERS;
    use crate::facts::{Absence, Facts, Failure, FailureKind, IgnoredLine};
    use crate::finding::{Explanation, Status};
    use crate::sample::{configured, healthy, now, only, refusal, variable, with_credentials};

    const CHECK: Entry = Entry::of::<CredentialSourceFound>();
    const CODE: Option<&str> = Some("no-credentials-in-chain");

    fn step(provider: CredentialKind, outcome: StepOutcome, cause: &str, reason: &str) -> Step {
        Step {
            provider,
            outcome,
            reason: reason.into(),
            failure: None,
            cause: (!cause.is_empty()).then(|| cause.to_owned()),
        }
    }

    fn metadata(outcome: StepOutcome) -> Step {
        let cause = if outcome == StepOutcome::NotTried {
            ""
        } else {
            "metadata-unreachable"
        };
        step(
            CredentialKind::InstanceMetadata,
            outcome,
            cause,
            "no answer within 1 s",
        )
    }

    fn unset() -> Step {
        let (kind, outcome) = (CredentialKind::Environment, StepOutcome::PassedOver);
        step(
            kind,
            outcome,
            "",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
        )
    }

    fn without(steps: Vec<Step>) -> Facts {
        with_credentials(|it| *it = Credentials::none(steps, Some(NO_PROVIDERS.into())))
    }

    fn texts(finding: &Finding) -> Vec<&str> {
        finding.fix.iter().map(|step| step.text.as_str()).collect()
    }

    #[test]
    fn names_source_profile_and_the_end_of_the_key() {
        assert_eq!(
            only(&CHECK, &healthy(), Status::Pass, None).what,
            "keys in the profile, profile `dev`, access key …MPLE"
        );
    }

    #[test]
    fn says_that_keys_in_the_environment_are_skipped() {
        let facts = configured(|it| it.variables.push(variable("AWS_ACCESS_KEY_ID", "x")));
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert!(
            finding
                .what
                .contains("are skipped, because AWS_PROFILE is set"),
            "{}",
            finding.what
        );
    }

    #[test]
    fn says_what_was_passed_over_on_the_way() {
        let facts = with_credentials(|it| {
            let (kind, outcome) = (CredentialKind::Environment, StepOutcome::Failed);
            it.steps.insert(
                0,
                step(kind, outcome, "half-environment-keys", "only half is set"),
            );
        });
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert!(
            finding.what.ends_with("; passed over: only half is set"),
            "{}",
            finding.what
        );
    }

    #[test]
    fn fails_when_nothing_is_configured() {
        let facts = without(vec![unset(), metadata(StepOutcome::Failed)]);
        let finding = only(&CHECK, &facts, Status::Fail, CODE);
        assert_eq!(
            finding.what,
            "nothing is configured that delivers credentials: no keys in the environment, none for profile `dev`, no other source"
        );
        assert_eq!(
            finding.evidence.detail,
            "keys in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; EC2 instance metadata: no answer within 1 s"
        );
        assert!(finding.why.unwrap().contains(NO_PROVIDERS));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws configure sso --profile dev")
        );
    }

    #[test]
    fn a_profile_in_the_variable_that_is_not_read_is_offered() {
        for (profile, offered) in [("dev", true), ("gone", false)] {
            let mut facts = without(vec![unset(), metadata(StepOutcome::Failed)]);
            if let Observed::Known(configuration) = &mut facts.configuration {
                configuration.variables = vec![variable("AWS_DEFAULT_PROFILE", profile)];
            }
            let finding = only(&CHECK, &facts, Status::Fail, CODE);
            let command = finding.fix[0].command.as_deref();
            assert_eq!(
                command == Some("export AWS_PROFILE=dev"),
                offered,
                "{command:?}"
            );
        }
    }

    #[test]
    fn each_situation_has_its_fix() {
        let kind = CredentialKind::ProfileStatic;
        for (cause, text) in [
            (
                "half-environment-keys",
                "export both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither",
            ),
            ("half-profile", "write both keys into the profile"),
            ("profile-without-credentials", "write keys into the profile"),
            (
                "container-refused",
                "check the role of the ECS task, or the EKS Pod Identity association of the service account",
            ),
            (
                "endpoint-refused",
                "take away one of both: the endpoint of your own (AWS_ENDPOINT_URL…, or `endpoint_url` in the profile), or the FIPS or dual-stack endpoints (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, or the same in the profile)",
            ),
            (
                "host-without-credentials",
                "run Claude Code from the main session of the program that starts it, or restart that program, so that it passes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK",
            ),
        ] {
            let facts = without(vec![step(kind, StepOutcome::Failed, cause, "because")]);
            let finding = only(&CHECK, &facts, Status::Fail, CODE);
            assert_eq!(finding.what, "no source delivers credentials: because");
            assert_eq!(texts(&finding)[0], text);
        }
    }

    #[test]
    fn silence_of_the_container_endpoint_is_no_fault_of_the_network() {
        let (kind, outcome) = (CredentialKind::Container, StepOutcome::Stopped);
        let mut silent = step(kind, outcome, "container-refused", "connection refused");
        silent.failure = Some(Failure::new(FailureKind::Tcp, "connection refused"));
        let finding = only(&CHECK, &without(vec![silent]), Status::Fail, CODE);
        assert!(finding.fix[0].text.contains("EKS Pod Identity"));
    }

    #[test]
    fn points_at_lines_that_are_skipped_when_the_profile_is_empty() {
        let empty = step(
            CredentialKind::ProfileStatic,
            StepOutcome::Failed,
            "profile-without-credentials",
            "profile `dev` has nothing that delivers credentials",
        );
        let mut facts = without(vec![empty]);
        if let Observed::Known(files) = &mut facts.aws_files {
            files.credentials.ignored = vec![IgnoredLine {
                line: 2,
                section: None,
                why: "upper-case key".into(),
                instead: None,
            }];
        }
        let finding = only(&CHECK, &facts, Status::Fail, CODE);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("sed -n 2p ~/.aws/credentials")
        );
    }

    #[test]
    fn in_a_container_the_hop_limit_is_a_candidate() {
        let mut facts = without(vec![unset(), metadata(StepOutcome::Failed)]);
        if let Observed::Known(machine) = &mut facts.machine {
            machine.container = true;
        }
        let finding = only(&CHECK, &facts, Status::Fail, CODE);
        assert!(texts(&finding)[0].contains("imds-hop-limit"));
    }

    #[test]
    fn every_check_of_one_source_explains_it() {
        let finding = only(&CHECK, &without(vec![unset()]), Status::Fail, CODE);
        for check in [
            "bedrock-enabled",
            "profile-exists",
            "role-assumable",
            "sso-token-fresh",
        ] {
            assert!(
                finding.explained_by.contains(&Explanation::Check(check)),
                "{check}"
            );
        }
    }

    #[test]
    fn aws_login_has_codes_of_its_own() {
        for (cause, code) in [
            ("login-expired", "login-session-expired"),
            ("login-missing", "login-session-missing"),
            ("login-renewal-failed", "login-session-expired"),
            ("login-renewal-denied", "login-renewal-denied"),
        ] {
            let kind = CredentialKind::Login;
            let facts = without(vec![step(
                kind,
                StepOutcome::Stopped,
                cause,
                "the sign-in has expired",
            )]);
            let finding = only(&CHECK, &facts, Status::Fail, Some(code));
            assert_eq!(
                finding.fix[0].command.as_deref(),
                Some("aws login --profile dev")
            );
        }
    }

    #[test]
    fn cannot_tell_when_a_token_was_not_renewed() {
        for (kind, cause, command) in [
            (
                CredentialKind::Sso,
                "sso-not-renewed",
                "aws sso login --profile dev",
            ),
            (
                CredentialKind::Login,
                "login-not-renewed",
                "aws login --profile dev",
            ),
        ] {
            let open = step(kind, StepOutcome::NotTried, cause, "expired 1 h ago");
            let predicted = with_credentials(|it| {
                it.kind = kind;
                it.steps = vec![open.clone()];
            });
            for facts in [without(vec![open.clone()]), predicted] {
                let finding = only(&CHECK, &facts, Status::CannotTell, None);
                let commands = [&finding.fix[0], &finding.fix[1]].map(|it| it.command.as_deref());
                assert_eq!(
                    commands,
                    [Some("bedrock-doctor check --refresh"), Some(command)]
                );
            }
        }
    }

    #[test]
    fn a_token_that_could_not_be_kept_is_not_to_be_renewed_again() {
        let (kind, outcome) = (CredentialKind::Sso, StepOutcome::NotTried);
        let mut open = step(kind, outcome, "sso-not-renewed", "expired 1 h ago");
        let what = "`~/a.json` cannot be written: permission denied";
        open.failure = Some(Failure::new(FailureKind::File, what));
        let finding = only(&CHECK, &without(vec![open]), Status::CannotTell, None);
        assert!(finding.what.ends_with(what), "{}", finding.what);
        assert!(!format!("{finding:?}").contains("--refresh"));
    }

    #[test]
    fn offline_passes_by_the_configuration() {
        let open = step(CredentialKind::Sso, StepOutcome::NotTried, "", "--offline");
        let facts = with_credentials(|it| {
            it.kind = CredentialKind::Sso;
            it.access_key_id = None;
            it.steps = vec![open];
        });
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert_eq!(finding.evidence.basis, Basis::Inferred);
        assert_eq!(finding.what, "IAM Identity Center, profile `dev`");
    }

    #[test]
    fn offline_warns_when_only_instance_metadata_is_left() {
        let open = metadata(StepOutcome::NotTried);
        only(
            &CHECK,
            &without(vec![unset(), open.clone()]),
            Status::Warn,
            CODE,
        );
        let (kind, outcome) = (CredentialKind::Environment, StepOutcome::Failed);
        let half = step(kind, outcome, "half-environment-keys", "only half is set");
        only(&CHECK, &without(vec![half, open]), Status::Fail, CODE);
    }

    #[test]
    fn cannot_tell_when_the_source_did_not_answer() {
        let mut stopped = step(CredentialKind::Sso, StepOutcome::Stopped, "", "no answer");
        stopped.failure = Some(Failure::new(FailureKind::Dns, "no such host"));
        let finding = only(
            &CHECK,
            &without(vec![stopped.clone()]),
            Status::CannotTell,
            None,
        );
        assert!(finding.explained_by.contains(&Explanation::Network));
        stopped.failure = Some(refusal(
            "sso",
            429,
            "TooManyRequestsException",
            "Rate exceeded",
        ));
        only(&CHECK, &without(vec![stopped]), Status::CannotTell, None);
    }

    #[test]
    fn cannot_tell_when_the_chain_did_not_end_or_nobody_looked() {
        let mut facts = healthy();
        facts.credentials = Observed::Failed(Failure::new(FailureKind::TimedOut, "after 20 s"));
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert!(finding.what.contains("did not answer in time"));
        facts.credentials = Observed::Failed(Failure::new(FailureKind::Configuration, "no home"));
        only(&CHECK, &facts, Status::CannotTell, None);
        facts.credentials = Observed::NotCollected(Absence::NotSelected);
        only(&CHECK, &facts, Status::NotApplicable, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
