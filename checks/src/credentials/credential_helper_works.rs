use super::{NO_PROVIDERS, cause, fail_unless_delivered, left_out, profile_flag};
use crate::check::{Check, Family, Meta};
use crate::facts::{AuthRefresh, Configuration, CredentialKind, Credentials, Step, StepOutcome};
use crate::finding::{Basis, Finding};

/// See [`Meta::docs`].
pub(crate) struct CredentialHelperWorks;

impl Check for CredentialHelperWorks {
    const META: &'static Meta = &Meta {
        id: "credential-helper-works",
        family: Family::Credentials,
        title: "the credential helper prints usable credentials",
        file: file!(),
        docs: "
## What it looks at

What the helper program prints: `credential_process` of the profile in use, or `awsCredentialExport` of the
settings. It is started as Claude Code starts it; its output is never shown. `awsAuthRefresh` is run with
`--refresh` only, and only when AWS does not accept the credentials.

## Why it matters

Claude Code hides every failure of a helper. A `credential_process` that fails ends in \"Could not load
credentials from any providers\"; an `awsCredentialExport` that fails is skipped without a word, and the next
source of credentials is used, possibly those of another account.

## How to fix it

Run the helper by hand. It must be found without your shell's aliases and PATH, ask nothing, exit with 0, and
print one JSON object to standard output and everything else to standard error.
",
    };

    type Needs<'a> = (&'a Credentials, &'a Configuration);

    fn run((credentials, configuration): Self::Needs<'_>) -> Vec<Finding> {
        let refresh = credentials.auth_refresh.as_ref();
        let refresh = refresh.map(|refresh| judge_refresh(refresh, configuration));
        let steps = credentials.steps.iter();
        let findings: Vec<Finding> = steps
            .filter_map(|step| judge(step, credentials, configuration))
            .chain(refresh)
            .collect();
        if findings.is_empty() {
            return vec![Finding::not_applicable("no credential helper is used")];
        }
        findings
    }
}

fn judge(step: &Step, credentials: &Credentials, configuration: &Configuration) -> Option<Finding> {
    let is_helper = matches!(
        step.provider,
        CredentialKind::Export | CredentialKind::CredentialProcess
    );
    let advice = advice(cause(step));
    let name = match step.provider {
        CredentialKind::Export => "awsCredentialExport",
        _ => "credential_process",
    };
    let finding = match step.outcome {
        StepOutcome::Used if is_helper => {
            Finding::pass(format!("`{name}` printed usable credentials"))
        }
        StepOutcome::NotTried if is_helper => left_out("starts no helper program"),
        StepOutcome::Failed | StepOutcome::Stopped if is_helper || advice.is_some() => {
            let advice = advice.unwrap_or("correct what the helper reports");
            failed(step, credentials).fix(advice)
        }
        _ => return None,
    };
    Some(by_hand(finding.subject(name), step, configuration))
}

/// A failure is no more than a warning: Claude Code goes on with the credentials that there are.
fn judge_refresh(refresh: &AuthRefresh, configuration: &Configuration) -> Finding {
    let because = format!("it was run, because: {}", refresh.because);
    let Some(failure) = &refresh.failure else {
        return Finding::pass(format!("`awsAuthRefresh` ended well; {because}"))
            .subject("awsAuthRefresh");
    };
    let finding = Finding::warn("auth-refresh-fails", failure.message.clone())
        .subject("awsAuthRefresh")
        .why("Claude Code runs it to get new credentials, and goes on with those that there are")
        .evidence(Basis::Observed, because);
    let by_hand = match &configuration.aws_auth_refresh {
        Some(command) => format!("run the command of {} in a shell", command.source.words()),
        None => "run it in a shell".to_owned(),
    };
    finding.fix(format!("to see what it says, {by_hand}"))
}

fn failed(step: &Step, credentials: &Credentials) -> Finding {
    let reason = &step.reason;
    let (code, why) = if step.provider == CredentialKind::Export {
        (
            "credential-export-bad-output",
            "Claude Code skips it without a word and takes the next source, possibly another account".to_owned(),
        )
    } else {
        (
            "credential-process-fails",
            format!("Claude Code hides this and ends with \"{NO_PROVIDERS}\""),
        )
    };
    let detail = step
        .failure
        .as_ref()
        .map_or_else(|| reason.clone(), crate::facts::Failure::words);
    fail_unless_delivered(code, reason.clone(), Some(credentials))
        .why(why)
        .evidence(Basis::Observed, detail)
}

/// What to change in the helper.
fn advice(cause: &str) -> Option<&'static str> {
    Some(match cause {
        "helper-not-found" => {
            "name the program with its absolute path: Claude Code may have another PATH than your shell, and no aliases"
        }
        "helper-exit" => "sign in to what the helper relies on, until it ends with exit code 0",
        "helper-timed-out" => {
            "make it end by itself: it must not wait for input; sign in before you start Claude Code, which gives up after 60 s from version 2.1.207 on"
        }
        "helper-noise" => {
            "send log lines to standard error: standard output may hold the JSON object only"
        }
        "helper-bad-output" => {
            "let it print one JSON object with `AccessKeyId`, `SecretAccessKey`, `SessionToken` and `Expiration`; `credential_process` also needs `\"Version\": 1`"
        }
        "helper-expired" => {
            "renew the sign-in that the helper relies on, or clear its cache: it prints credentials that have expired"
        }
        "helper-flood" => "let it print the JSON object only: it printed more than 1 MiB",
        _ => return None,
    })
}

/// How to run the helper by hand. Its command is not shown: arguments may hold secrets.
fn by_hand(finding: Finding, step: &Step, configuration: &Configuration) -> Finding {
    if finding.fix.is_empty() {
        return finding;
    }
    match (step.provider, &configuration.aws_credential_export) {
        (CredentialKind::Export, Some(export)) => finding.fix(format!(
            "to see what it says, run the command of {} in a shell",
            export.source.words()
        )),
        (CredentialKind::Export, None) => finding,
        _ => finding.fix_command(
            "to see what it says, run in a shell the command that this prints",
            format!(
                "aws configure get credential_process{}",
                profile_flag(&configuration.profile.value)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Failure, FailureKind, HelperCommand, Observed};
    use crate::finding::Status;
    use crate::sample::{from_settings, healthy, now, only, verdicts, with_credentials};

    const CHECK: Entry = Entry::of::<CredentialHelperWorks>();

    const CAUSES: [&str; 7] = [
        "helper-not-found",
        "helper-exit",
        "helper-timed-out",
        "helper-noise",
        "helper-bad-output",
        "helper-expired",
        "helper-flood",
    ];

    fn step(provider: CredentialKind, outcome: StepOutcome, cause: &str) -> Step {
        Step {
            provider,
            outcome,
            reason: "the helper ended with exit code 3".into(),
            failure: None,
            cause: (!cause.is_empty()).then(|| cause.to_owned()),
        }
    }

    fn machine(kind: CredentialKind, steps: Vec<Step>) -> Facts {
        let mut facts = with_credentials(|it| {
            it.kind = kind;
            it.steps = steps;
        });
        if let Observed::Known(configuration) = &mut facts.configuration {
            let shown = "corp-login …".into();
            configuration.aws_credential_export = Some(from_settings(
                "awsCredentialExport",
                3,
                HelperCommand { shown },
            ));
        }
        facts
    }

    const PROCESS: CredentialKind = CredentialKind::CredentialProcess;
    const EXPORT: CredentialKind = CredentialKind::Export;

    #[test]
    fn every_failure_of_a_process_has_its_own_advice() {
        let mut seen = Vec::new();
        for cause in CAUSES {
            let facts = machine(
                CredentialKind::None,
                vec![step(PROCESS, StepOutcome::Failed, cause)],
            );
            let finding = only(
                &CHECK,
                &facts,
                Status::Fail,
                Some("credential-process-fails"),
            );
            assert_eq!(finding.what, "the helper ended with exit code 3");
            assert_eq!(
                finding.fix[1].command.as_deref(),
                Some("aws configure get credential_process --profile dev")
            );
            assert!(!seen.contains(&finding.fix[0].text), "{cause}");
            seen.push(finding.fix[0].text.clone());
        }
    }

    #[test]
    fn a_failed_export_is_a_warning_when_another_source_is_used() {
        let export = step(EXPORT, StepOutcome::Failed, "helper-bad-output");
        let used = step(CredentialKind::ProfileStatic, StepOutcome::Used, "");
        let code = Some("credential-export-bad-output");
        let facts = machine(CredentialKind::ProfileStatic, vec![export.clone(), used]);
        let finding = only(&CHECK, &facts, Status::Warn, code);
        assert_eq!(
            finding.fix[1].text,
            "to see what it says, run the command of `awsCredentialExport` in ~/.claude/settings.json:3 in a shell"
        );
        assert_eq!(
            finding.what,
            "the helper ended with exit code 3; Claude Code goes on without it and uses keys in the profile"
        );
        only(
            &CHECK,
            &machine(CredentialKind::None, vec![export]),
            Status::Fail,
            code,
        );
    }

    #[test]
    fn a_process_behind_an_assumed_role_is_judged_too() {
        let behind = step(
            CredentialKind::AssumeRole,
            StepOutcome::Failed,
            "helper-exit",
        );
        let facts = machine(CredentialKind::None, vec![behind]);
        only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("credential-process-fails"),
        );
    }

    #[test]
    fn an_unknown_failure_still_fails_with_a_fix() {
        let facts = machine(
            CredentialKind::None,
            vec![step(PROCESS, StepOutcome::Failed, "")],
        );
        only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("credential-process-fails"),
        );
    }

    #[test]
    fn judges_export_and_process_each() {
        let steps = vec![
            step(EXPORT, StepOutcome::Failed, "helper-exit"),
            step(PROCESS, StepOutcome::Failed, "helper-noise"),
        ];
        assert_eq!(
            verdicts(&CHECK, &machine(CredentialKind::None, steps)),
            [
                (Status::Fail, Some("credential-export-bad-output".into())),
                (Status::Fail, Some("credential-process-fails".into())),
            ]
        );
    }

    #[test]
    fn passes_when_the_helper_was_used() {
        for kind in [PROCESS, EXPORT] {
            let facts = machine(kind, vec![step(kind, StepOutcome::Used, "")]);
            only(&CHECK, &facts, Status::Pass, None);
        }
    }

    #[test]
    fn offline_is_left_out_on_purpose() {
        let facts = machine(PROCESS, vec![step(PROCESS, StepOutcome::NotTried, "")]);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn does_not_apply_without_a_helper() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }

    #[test]
    fn a_refresh_that_fails_is_a_warning() {
        let mut facts = with_credentials(|it| {
            it.auth_refresh = Some(AuthRefresh {
                because: "the token is expired".into(),
                failure: None,
            });
        });
        only(&CHECK, &facts, Status::Pass, None);
        if let Observed::Known(credentials) = &mut facts.credentials {
            let failure =
                Failure::new(FailureKind::Helper, "awsAuthRefresh ended with exit code 4");
            credentials.auth_refresh.as_mut().unwrap().failure = Some(failure);
        }
        let finding = only(&CHECK, &facts, Status::Warn, Some("auth-refresh-fails"));
        assert_eq!(finding.subject.as_deref(), Some("awsAuthRefresh"));
        assert_eq!(finding.what, "awsAuthRefresh ended with exit code 4");
    }
}
