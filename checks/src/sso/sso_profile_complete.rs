use crate::check::{Check, Family, Meta, Seen};
use crate::credentials::{cause, profile_flag};
use crate::facts::{AwsFiles, Configuration, Credentials, SsoCache, Step};
use crate::finding::Finding;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct SsoProfileComplete;

impl Check for SsoProfileComplete {
    const META: &'static Meta = &Meta {
        id: "sso-profile-complete",
        family: Family::Sso,
        title: "the IAM Identity Center profile is complete",
        file: file!(),
        docs: "
## What it looks at

Whether the profile in use has `sso_account_id`, `sso_role_name`, `sso_start_url` and `sso_region`; the last two
may stand in the `[sso-session …]` section that `sso_session` names.

## Why it matters

One SSO key is enough to make Claude Code use IAM Identity Center, and if another is missing it ends there. A
missing section shows as \"undefined is not an object (evaluating 'p.sso_region')\" after about 186 s.

## How to fix it

Add the missing keys or the missing section to `~/.aws/config`; `aws configure sso` asks for all of them.
",
    };

    type Needs<'a> = (
        Seen<'a, Credentials>,
        &'a SsoCache,
        &'a Configuration,
        Seen<'a, AwsFiles>,
    );

    fn run(
        (Seen(credentials), cache, configuration, Seen(files)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let profile = &configuration.profile.value;
        let steps = credentials.known().map_or(&[][..], |it| &it.steps);
        let finding = steps
            .iter()
            .find_map(|step| judge(step, profile, files.known()));
        if let Some(finding) = finding {
            return vec![finding];
        }
        vec![match &cache.active {
            Some(session) => Finding::pass(format!(
                "profile `{}` names role `{}` in account {}, portal in `{}`",
                session.profile, session.role_name, session.account_id, session.region
            )),
            None => Finding::not_applicable("the active profile does not use IAM Identity Center"),
        }]
    }
}

fn judge(step: &Step, profile: &str, files: Option<&AwsFiles>) -> Option<Finding> {
    let fail = |code: &str, why: &str| {
        Finding::fail(code, step.reason.clone())
            .why(why)
            .explained_by("bedrock-enabled")
            .explained_by("aws-files-readable")
    };
    Some(match cause(step) {
        code @ "sso-session-section-missing" => {
            let names = files
                .map(|files| &files.config.sso_sessions[..])
                .unwrap_or_default();
            let finding = fail(code, "Claude Code ends with a message about `p.sso_region`, after about 186 s");
            if names.iter().any(|name| step.reason.contains(&format!("[sso-session {name}]"))) {
                return Some(finding.fix_command(
                    "write the path in AWS_CONFIG_FILE without `~`: the section is there, but Claude Code does not expand the `~` when it looks for sessions",
                    r#"export AWS_CONFIG_FILE="$HOME${AWS_CONFIG_FILE#\~}""#,
                ));
            }
            let existing: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let finding = if existing.is_empty() {
                finding
            } else {
                finding.fix(format!("name a section that exists: {}", list(&existing)))
            };
            finding.fix_command(
                "add the section to `~/.aws/config`, under that very name, with its two lines `sso_start_url = https://….awsapps.com/start` and `sso_region = …`",
                "aws configure sso-session",
            )
        }
        code @ "sso-profile-incomplete" => fail(
            code,
            "one SSO key is enough to make Claude Code use IAM Identity Center, and it ends there when another is missing",
        )
        .fix_command(
            "add what is missing to the profile or to its `[sso-session …]` section",
            format!("aws configure sso{}", profile_flag(profile)),
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{CredentialKind, Facts, Observed, SsoSession, StepOutcome};
    use crate::finding::Status;
    use crate::sample::{healthy, now, only, with_credentials};

    const CHECK: Entry = Entry::of::<SsoProfileComplete>();

    fn stopped(cause: &str) -> Facts {
        with_credentials(|it| {
            let step = Step {
                provider: CredentialKind::Sso,
                outcome: StepOutcome::Stopped,
                reason: "profile `dev` lacks sso_account_id and sso_region".into(),
                failure: None,
                cause: Some(cause.into()),
            };
            *it = Credentials::none(vec![step], None);
        })
    }

    #[test]
    fn names_the_keys_that_are_missing() {
        let finding = only(
            &CHECK,
            &stopped("sso-profile-incomplete"),
            Status::Fail,
            Some("sso-profile-incomplete"),
        );
        assert_eq!(
            finding.what,
            "profile `dev` lacks sso_account_id and sso_region"
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws configure sso --profile dev")
        );
    }

    #[test]
    fn shows_the_section_to_add_and_the_sections_that_exist() {
        let code = Some("sso-session-section-missing");
        let mut facts = stopped("sso-session-section-missing");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert!(finding.fix[0].text.contains("`sso_start_url = https://"));
        if let Observed::Known(files) = &mut facts.aws_files {
            files.config.sso_sessions = vec!["acme".into(), "corp".into()];
        }
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(
            finding.fix[0].text,
            "name a section that exists: `acme` and `corp`"
        );
    }

    #[test]
    fn a_section_that_is_there_and_not_found_is_behind_a_path_with_a_tilde() {
        let mut facts = stopped("sso-session-section-missing");
        if let Observed::Known(files) = &mut facts.aws_files {
            files.config.sso_sessions = vec!["acme".into()];
        }
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.steps[0].reason = "no section `[sso-session acme]` is found".into();
        }
        let code = Some("sso-session-section-missing");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(r#"export AWS_CONFIG_FILE="$HOME${AWS_CONFIG_FILE#\~}""#)
        );
    }

    #[test]
    fn passes_when_everything_is_named_also_without_credentials() {
        let mut facts = healthy();
        facts.credentials = Observed::default();
        if let Observed::Known(cache) = &mut facts.sso_cache {
            cache.active = Some(SsoSession {
                profile: "dev".into(),
                session: None,
                start_url: "https://acme.awsapps.com/start".into(),
                region: "eu-west-1".into(),
                account_id: "123456789012".into(),
                role_name: "Dev".into(),
                cache_file: "a.json".into(),
            });
        }
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn does_not_apply_to_profiles_without_identity_center() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
        only(
            &CHECK,
            &stopped("mfa-required"),
            Status::NotApplicable,
            None,
        );
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
