//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{cause, delivered};
use crate::check::{Check, Family, Meta, Seen};
use crate::configuration::open_at;
use crate::facts::{
    AwsFile, AwsFiles, Configuration, CredentialKind, Credentials, IgnoredLine, SourceKind,
    StepOutcome,
};
use crate::finding::Finding;
use crate::text::{list, shell_path};

/// See [`Meta::docs`].
pub(crate) struct AwsFilesReadable;

impl Check for AwsFilesReadable {
    const META: &'static Meta = &Meta {
        id: "aws-files-readable",
        family: Family::Credentials,
        title: "Claude Code reads the AWS files whole",
        file: file!(),
        docs: "
## What it looks at

`~/.aws/config` and `~/.aws/credentials` (or the files that `AWS_CONFIG_FILE` and
`AWS_SHARED_CREDENTIALS_FILE` name): whether they can be read, and whether every section and key is
written as Claude Code reads it.

## Why it matters

Claude Code skips what it cannot read without a word: a file without read permission, `[dev]` instead of
`[profile dev]` in the config file, `[profile dev]` in the credentials file, quoted profile names, keys in
upper case. The AWS CLI accepts some of these.

## How to fix it

Correct the lines that are listed, or the permissions of the file.
",
    };

    type Needs<'a> = (&'a AwsFiles, &'a Configuration, Seen<'a, Credentials>);

    fn run((files, configuration, Seen(credentials)): Self::Needs<'_>) -> Vec<Finding> {
        let profile = &configuration.profile.value;
        let decisive = match credentials.known() {
            Some(credentials) => is_missed(credentials),
            None => files_are_needed(configuration),
        };
        let both = [&files.config, &files.credentials];
        let findings: Vec<Finding> = both
            .into_iter()
            .flat_map(|file| judge(file, profile, decisive))
            .collect();
        if !findings.is_empty() {
            return findings;
        }
        let present: Vec<&str> = both
            .into_iter()
            .filter_map(|file| file.present.then_some(file.path.as_str()))
            .collect();
        vec![if present.is_empty() {
            let [config, credentials] = both.map(|file| &file.path);
            Finding::not_applicable(format!("neither {config} nor {credentials} exists"))
        } else {
            Finding::pass(format!("nothing in {} is skipped", list(&present)))
        }]
    }
}

/// Causes that a file which could not be read, or a section that was skipped, would explain.
const FROM_FILES: [&str; 7] = [
    "aws-profile-not-found",
    "half-profile",
    "profile-without-credentials",
    "role-without-source",
    "source-profile-not-found",
    "sso-profile-incomplete",
    "sso-session-section-missing",
];

/// Whether there are no credentials for want of something in the files.
fn is_missed(credentials: &Credentials) -> bool {
    delivered(credentials).is_none()
        && credentials.steps.iter().any(|step| {
            let no_default = step.provider == CredentialKind::ProfileStatic
                && step.outcome == StepOutcome::PassedOver;
            no_default || FROM_FILES.contains(&cause(step))
        })
}

/// Whether the configuration sends Claude Code to the files, when the credentials are not known.
fn files_are_needed(configuration: &Configuration) -> bool {
    let is_set = |name| configuration.is_set(name);
    let keys = is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY");
    let no_profile = configuration.profile.source.kind == SourceKind::Default;
    !(is_set("AWS_BEARER_TOKEN_BEDROCK")
        || configuration.skip_auth
        || configuration.aws_credential_export.is_some()
        || keys && no_profile)
}

fn judge(file: &AwsFile, profile: &str, decisive: bool) -> Vec<Finding> {
    let finding = |code: &str, what: String| {
        let finding = if decisive {
            Finding::fail(code, what).explained_by("bedrock-enabled")
        } else {
            Finding::warn(code, what)
        };
        finding.subject(file.path.clone())
    };
    if let Some(problem) = &file.problem {
        return vec![
            finding(
                "aws-file-unreadable",
                format!("{} cannot be read: {problem}", file.path),
            )
            .why("Claude Code takes a file that it cannot read for an empty one, without a word")
            .fix_command(
                "make it a text file that you may read",
                format!("ls -ld {}", shell_path(&file.path)),
            ),
        ];
    }
    let (misnamed, others): (Vec<&IgnoredLine>, Vec<&IgnoredLine>) = file
        .ignored
        .iter()
        .partition(|line| line.section.as_deref() == Some(profile) && is_misnamed(line));
    let mut findings = Vec::new();
    if let Some(first) = misnamed.first() {
        let place = format!("{}:{}", file.path, first.line);
        let what = format!(
            "{place} is meant for profile `{profile}`, and Claude Code skips it: {}",
            first.why
        );
        findings.push(
            finding("profile-section-misnamed", what)
                .why("everything below this line is lost: keys, role, Region")
                .fix_command(
                    match &first.instead {
                        Some(instead) if has_strange_name(first) => format!(
                            "write `{instead}` at {place}, and set AWS_PROFILE to that name"
                        ),
                        Some(instead) => format!("write `{instead}` at {place}"),
                        None => {
                            format!("give the profile a name without blanks and quotes at {place}")
                        }
                    },
                    open_at(&file.path, Some(first.line)),
                ),
        );
    }
    if !others.is_empty() {
        findings.push(
            Finding::warn(
                "aws-file-line-ignored",
                format!(
                    "Claude Code skips lines in {}: {}",
                    file.path,
                    reasons(&others)
                ),
            )
            .subject(file.path.clone())
            .fix(corrections(&others)),
        );
    }
    findings
}

/// Whether the section is written wrongly: not when it is empty, or there twice.
fn is_misnamed(line: &IgnoredLine) -> bool {
    line.instead.is_some() || has_strange_name(line)
}

/// Whether the name has characters with which no section is found.
fn has_strange_name(line: &IgnoredLine) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-@+.%:/".contains(c);
    let name = line.section.as_ref();
    name.is_some_and(|name| !name.chars().all(fits))
}

/// `3 and 9 (why), 12 (why)`: each reason once, in the order of the file.
fn reasons(lines: &[&IgnoredLine]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for line in lines {
        let number = line.line.to_string();
        match groups.iter_mut().find(|(why, _)| *why == line.why) {
            Some((_, numbers)) => numbers.push(number),
            None => groups.push((&line.why, vec![number])),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(why, numbers)| format!("{} ({why})", list(&numbers)))
        .collect();
    groups.join(", ")
}

fn corrections(lines: &[&IgnoredLine]) -> String {
    let known: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            Some(format!(
                "`{}` in line {}",
                line.instead.as_ref()?,
                line.line
            ))
        })
        .collect();
    if known.is_empty() {
        "correct or remove these lines".to_owned()
    } else {
        format!("write {}", list(&known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Observed, Source, Step, Value};
    use crate::finding::Status;
    use crate::sample::{configured, healthy, now, only, variable, verdicts};

    const CHECK: Entry = Entry::of::<AwsFilesReadable>();

    fn step(cause: Option<&str>) -> Step {
        Step {
            provider: CredentialKind::ProfileStatic,
            outcome: if cause.is_some() {
                StepOutcome::Failed
            } else {
                StepOutcome::PassedOver
            },
            reason: "no file has a profile `dev`".into(),
            failure: None,
            cause: cause.map(str::to_owned),
        }
    }

    /// The machine after a change of its files; `missing`: the credentials are not found, for this cause.
    fn with_files(missing: Option<&str>, change: impl FnOnce(&mut AwsFiles)) -> Facts {
        let mut facts = healthy();
        if let Observed::Known(files) = &mut facts.aws_files {
            change(files);
        }
        if missing.is_some() {
            facts.credentials = Observed::Known(Credentials::none(vec![step(missing)], None));
        }
        facts
    }

    fn ignored(line: u32, section: Option<&str>, why: &str, instead: Option<&str>) -> IgnoredLine {
        IgnoredLine {
            line,
            section: section.map(str::to_owned),
            why: why.into(),
            instead: instead.map(str::to_owned),
        }
    }

    fn misnamed(files: &mut AwsFiles) {
        files.config.ignored = vec![ignored(
            4,
            Some("dev"),
            "the word `profile` is missing",
            Some("[profile dev]"),
        )];
    }

    #[test]
    fn passes_when_nothing_is_skipped() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn does_not_apply_without_files() {
        let facts = with_files(None, |files| {
            files.config.present = false;
            files.credentials.present = false;
        });
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn an_unreadable_file_fails_only_when_credentials_are_missing_for_it() {
        let unreadable = |files: &mut AwsFiles| {
            files.credentials.problem = Some("permission denied".into());
        };
        let code = Some("aws-file-unreadable");
        for cause in FROM_FILES {
            only(
                &CHECK,
                &with_files(Some(cause), unreadable),
                Status::Fail,
                code,
            );
        }
        only(
            &CHECK,
            &with_files(Some("sso-token-missing"), unreadable),
            Status::Warn,
            code,
        );
        only(&CHECK, &with_files(None, unreadable), Status::Warn, code);
    }

    #[test]
    fn a_missing_default_profile_makes_an_unreadable_file_decisive() {
        let mut facts = with_files(None, |files| {
            files.config.problem = Some("is a folder".into());
        });
        facts.credentials = Observed::Known(Credentials::none(vec![step(None)], None));
        only(&CHECK, &facts, Status::Fail, Some("aws-file-unreadable"));
    }

    #[test]
    fn the_configuration_decides_when_the_credentials_are_not_known() {
        let judged = |mut facts: Facts, status| {
            facts.credentials = Observed::default();
            if let Observed::Known(files) = &mut facts.aws_files {
                files.config.problem = Some("is a named pipe".into());
            }
            only(&CHECK, &facts, status, Some("aws-file-unreadable"));
        };
        judged(healthy(), Status::Fail);
        judged(configured(|it| it.skip_auth = true), Status::Warn);
        judged(
            configured(|it| it.variables.push(variable("AWS_BEARER_TOKEN_BEDROCK", "x"))),
            Status::Warn,
        );
        let keys = |it: &mut Configuration| {
            it.variables.push(variable("AWS_ACCESS_KEY_ID", "x"));
            it.variables.push(variable("AWS_SECRET_ACCESS_KEY", "x"));
        };
        judged(configured(keys), Status::Fail);
        judged(
            configured(|it| {
                keys(it);
                it.profile = Value::new("default".into(), Source::default_of("default"));
            }),
            Status::Warn,
        );
    }

    #[test]
    fn a_misnamed_section_of_the_active_profile_is_the_cause() {
        let facts = with_files(Some("aws-profile-not-found"), misnamed);
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("profile-section-misnamed"),
        );
        assert_eq!(
            finding.fix[0].text,
            "write `[profile dev]` at ~/.aws/config:4"
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(r#""${EDITOR:-vi}" +4 ~/.aws/config"#)
        );
        assert_eq!(
            finding.what,
            "~/.aws/config:4 is meant for profile `dev`, and Claude Code skips it: the word `profile` is missing"
        );
    }

    #[test]
    fn a_misnamed_section_is_a_warning_when_the_profile_works_without_it() {
        let facts = with_files(None, misnamed);
        only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("profile-section-misnamed"),
        );
    }

    #[test]
    fn a_name_with_blanks_can_never_be_found() {
        for (instead, text) in [
            (
                Some("[profile my-dev]"),
                "write `[profile my-dev]` at ~/.aws/config:4, and set AWS_PROFILE to that name",
            ),
            (
                None,
                "give the profile a name without blanks and quotes at ~/.aws/config:4",
            ),
        ] {
            let mut facts = with_files(Some("aws-profile-not-found"), |files| {
                files.config.ignored = vec![ignored(4, Some("my dev"), "a blank", instead)];
            });
            if let Observed::Known(configuration) = &mut facts.configuration {
                configuration.profile.value = "my dev".into();
            }
            let finding = only(
                &CHECK,
                &facts,
                Status::Fail,
                Some("profile-section-misnamed"),
            );
            assert_eq!(finding.fix[0].text, text);
        }
    }

    #[test]
    fn an_empty_section_is_not_misnamed() {
        let facts = with_files(Some("aws-profile-not-found"), |files| {
            files.config.ignored = vec![ignored(4, Some("dev"), "no key has a value", None)];
        });
        only(&CHECK, &facts, Status::Warn, Some("aws-file-line-ignored"));
    }

    #[test]
    fn other_lines_are_one_warning_per_file() {
        let facts = with_files(Some("profile-without-credentials"), |files| {
            files.credentials.ignored = vec![
                ignored(2, None, "upper-case key", Some("aws_access_key_id = …")),
                ignored(3, None, "upper-case key", None),
                ignored(7, Some("old"), "quoted name", Some("[old]")),
            ];
        });
        let finding = only(&CHECK, &facts, Status::Warn, Some("aws-file-line-ignored"));
        assert_eq!(
            finding.what,
            "Claude Code skips lines in ~/.aws/credentials: 2 and 3 (upper-case key), 7 (quoted name)"
        );
        assert_eq!(
            finding.fix[0].text,
            "write `aws_access_key_id = …` in line 2 and `[old]` in line 7"
        );
    }

    #[test]
    fn says_both_about_a_file_with_both() {
        let facts = with_files(Some("aws-profile-not-found"), |files| {
            misnamed(files);
            files
                .config
                .ignored
                .push(ignored(9, None, "upper-case key", None));
        });
        assert_eq!(
            verdicts(&CHECK, &facts),
            [
                (Status::Fail, Some("profile-section-misnamed".into())),
                (Status::Warn, Some("aws-file-line-ignored".into())),
            ]
        );
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
