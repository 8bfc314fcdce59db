use super::{NO_PROVIDERS, closest, fail_unless_delivered, profile_flag};
use crate::check::{Check, Family, Meta, Seen};
use crate::configuration::open_at;
use crate::facts::{AwsFiles, Configuration, CredentialKind, Credentials, Machine, SourceKind};
use crate::finding::Finding;
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct ProfileExists;

impl Check for ProfileExists {
    const META: &'static Meta = &Meta {
        id: "profile-exists",
        family: Family::Credentials,
        title: "the AWS profile in use exists",
        file: file!(),
        docs: "
## What it looks at

Whether the profile that `AWS_PROFILE` names has a section in `~/.aws/config` or `~/.aws/credentials`.

## Why it matters

Claude Code ignores `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` as soon as `AWS_PROFILE` is set, even
when that profile does not exist. It then ends with \"Could not load credentials from any providers\",
although other tools may work with the same environment.

## How to fix it

Unset `AWS_PROFILE` to use the keys in the environment, or name a profile that
`aws configure list-profiles` lists. Names are case sensitive.
",
    };

    type Needs<'a> = (
        &'a Configuration,
        &'a AwsFiles,
        Seen<'a, Credentials>,
        Seen<'a, Machine>,
    );

    fn run(
        (configuration, files, Seen(credentials), Seen(machine)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let profile = &configuration.profile;
        let name = &profile.value;
        // Also when it was not tried: whatever stands before the profiles decides about them.
        if let Some(kind) = credentials.known().map(|credentials| credentials.kind)
            && matches!(
                kind,
                CredentialKind::ApiKey | CredentialKind::Unsigned | CredentialKind::Export
            )
        {
            let words = kind.words();
            return vec![Finding::not_applicable(format!(
                "no profile is used: {words} comes first"
            ))];
        }
        if profile.source.kind == SourceKind::Default || name == "default" {
            return vec![Finding::not_applicable(
                "no profile is named: `default` is used if it exists",
            )];
        }
        let source = profile.source.words();
        if files.has_profile(name) {
            return vec![Finding::pass(format!("profile `{name}` exists ({source})"))];
        }
        let in_container = machine.known().is_some_and(|machine| machine.container);
        vec![missing(
            configuration,
            files,
            credentials.known(),
            in_container,
        )]
    }
}

fn missing(
    configuration: &Configuration,
    files: &AwsFiles,
    credentials: Option<&Credentials>,
    in_container: bool,
) -> Finding {
    let profile = &configuration.profile;
    let (name, source) = (&profile.value, profile.source.words());
    let (config, keys_file) = (&files.config, &files.credentials);
    let names = files.profiles();
    let meant = closest(name, &names);
    let has_keys = configuration.is_set("AWS_ACCESS_KEY_ID");
    let no_files = !config.present && !keys_file.present;
    let mut what = if no_files {
        format!(
            "{source} is `{name}`, and neither {} nor {} exists",
            config.path, keys_file.path
        )
    } else {
        format!(
            "{source} is `{name}`, and neither {} nor {} has that profile",
            config.path, keys_file.path
        )
    };
    if let Some(meant) = meant {
        what.push_str("; the closest existing profile is `");
        what.push_str(meant);
        what.push('`');
    }
    let why = if has_keys {
        "the keys in the environment are ignored: Claude Code skips them as soon as AWS_PROFILE is set, other tools may not".to_owned()
    } else {
        format!("Claude Code ends with \"{NO_PROVIDERS}\" and does not name the profile")
    };
    let mut finding = fail_unless_delivered("aws-profile-not-found", what, credentials)
        .explained_by("aws-files-readable")
        .why(why);
    // Where the name stands in a file, the command opens it.
    let open = profile.source.path.as_deref();
    let open = open.map(|path| open_at(path, profile.source.line));
    if has_keys {
        let text = "to use the keys in the environment, name no profile";
        finding = match &open {
            None => finding.fix_command(text, "unset AWS_PROFILE"),
            Some(open) => finding.fix_command(format!("{text}: remove {source}"), open),
        };
    }
    if let Some(meant) = meant {
        let text = format!("use profile `{meant}`");
        finding = match &open {
            None => finding.fix_command(text, format!("export AWS_PROFILE={}", shell_word(meant))),
            Some(open) => finding.fix_command(format!("{text}: change {source}"), open),
        };
    }
    if no_files && in_container {
        finding =
            finding.fix("mount the whole `~/.aws` folder into the container, with `sso/cache`");
    }
    if names.is_empty() {
        let command = format!("aws configure sso{}", profile_flag(name));
        return finding.fix_command("make the profile", command);
    }
    finding.fix_command(
        "list the profiles that exist",
        "aws configure list-profiles",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Observed, Source, Step, StepOutcome, Value};
    use crate::finding::Status;
    use crate::sample::{configured, from_settings, from_shell, healthy, now, only, variable};

    const CHECK: Entry = Entry::of::<ProfileExists>();
    const CODE: Option<&str> = Some("aws-profile-not-found");

    /// A machine whose profile is not in the files.
    fn named(profile: Value<String>, keys: bool) -> Facts {
        let mut facts = configured(|it| {
            it.profile = profile;
            if keys {
                it.variables
                    .push(variable("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"));
            }
        });
        facts.credentials = Observed::Known(Credentials::none(
            vec![Step {
                provider: CredentialKind::ProfileStatic,
                outcome: StepOutcome::Failed,
                reason: "no file has that profile".into(),
                failure: None,
                cause: Some("aws-profile-not-found".into()),
            }],
            Some(NO_PROVIDERS.into()),
        ));
        facts
    }

    fn shell(name: &str) -> Value<String> {
        from_shell("AWS_PROFILE", name.into())
    }

    fn commands(finding: &Finding) -> Vec<&str> {
        finding
            .fix
            .iter()
            .filter_map(|step| step.command.as_deref())
            .collect()
    }

    #[test]
    fn passes_when_either_file_has_it() {
        only(&CHECK, &healthy(), Status::Pass, None);
        let mut facts = healthy();
        if let Observed::Known(files) = &mut facts.aws_files {
            files.config.profiles.clear();
        }
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn names_the_closest_profile() {
        let finding = only(&CHECK, &named(shell("dve"), false), Status::Fail, CODE);
        assert_eq!(
            finding.what,
            "`AWS_PROFILE` in the environment is `dve`, and neither ~/.aws/config nor ~/.aws/credentials has that profile; the closest existing profile is `dev`"
        );
        assert_eq!(
            commands(&finding),
            ["export AWS_PROFILE=dev", "aws configure list-profiles"]
        );
    }

    #[test]
    fn another_case_is_another_name() {
        let finding = only(&CHECK, &named(shell("DEV"), false), Status::Fail, CODE);
        assert_eq!(commands(&finding)[0], "export AWS_PROFILE=dev");
    }

    #[test]
    fn says_that_keys_in_the_environment_are_ignored() {
        let finding = only(&CHECK, &named(shell("work"), true), Status::Fail, CODE);
        assert_eq!(
            commands(&finding),
            ["unset AWS_PROFILE", "aws configure list-profiles"]
        );
        assert!(
            finding
                .why
                .unwrap()
                .starts_with("the keys in the environment are ignored")
        );
    }

    #[test]
    fn points_into_the_settings_file_when_the_name_stands_there() {
        let profile = from_settings("AWS_PROFILE", 4, "dve".into());
        let finding = only(&CHECK, &named(profile, true), Status::Fail, CODE);
        let open = r#""${EDITOR:-vi}" +4 ~/.claude/settings.json"#;
        assert_eq!(
            commands(&finding),
            [open, open, "aws configure list-profiles"]
        );
        assert_eq!(
            finding.fix[1].text,
            "use profile `dev`: change `AWS_PROFILE` in ~/.claude/settings.json:4"
        );
    }

    #[test]
    fn tells_a_container_without_the_folder_to_mount_it() {
        let mut facts = named(shell("dev"), false);
        if let (Observed::Known(files), Observed::Known(machine)) =
            (&mut facts.aws_files, &mut facts.machine)
        {
            machine.container = true;
            for file in [&mut files.config, &mut files.credentials] {
                file.present = false;
                file.profiles.clear();
            }
        }
        let finding = only(&CHECK, &facts, Status::Fail, CODE);
        assert!(
            finding
                .what
                .ends_with("neither ~/.aws/config nor ~/.aws/credentials exists")
        );
        assert!(finding.fix[0].text.contains("mount"));
        assert_eq!(commands(&finding), ["aws configure sso --profile dev"]);
    }

    #[test]
    fn warns_when_another_source_delivers() {
        let mut facts = named(shell("work"), false);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::InstanceMetadata;
        }
        only(&CHECK, &facts, Status::Warn, CODE);
    }

    #[test]
    fn does_not_apply_without_a_named_profile_or_before_the_chain() {
        let unnamed = Value::new("default".to_owned(), Source::default_of("default"));
        only(&CHECK, &named(unnamed, false), Status::NotApplicable, None);
        only(
            &CHECK,
            &named(shell("default"), false),
            Status::NotApplicable,
            None,
        );
        for kind in [
            CredentialKind::ApiKey,
            CredentialKind::Unsigned,
            CredentialKind::Export,
        ] {
            let mut facts = named(shell("work"), false);
            if let Observed::Known(credentials) = &mut facts.credentials {
                credentials.kind = kind;
                credentials.steps[0].outcome = StepOutcome::NotTried;
            }
            only(&CHECK, &facts, Status::NotApplicable, None);
        }
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
