//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::set_region;
use crate::check::{Check, Family, Meta};
use crate::claude_code::region::is_malformed;
use crate::claude_code::versions::{Rule, Rules, Version};
use crate::configuration::remove_at;
use crate::facts::{Configuration, Overridden, SettingsFile, Shown, Source, SourceKind};
use crate::finding::Finding;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct RegionChosen;

const NAMES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const FALLBACK: &str = "profiles and models of other Regions are then not found";

impl Check for RegionChosen {
    const META: &'static Meta = &Meta {
        id: "region-chosen",
        family: Family::Region,
        title: "the Region in use is the one that was chosen",
        file: file!(),
        docs: "
## What it looks at

`AWS_REGION`, then `AWS_DEFAULT_REGION`, then `region` of the active AWS profile (from Claude Code 2.1.172 on), and
what lost: a value with a slash, a dot or a blank counts as unset, and a settings file replaces the shell's value.

## Why it matters

When nothing is set, or what is set is not usable, Claude Code falls back to `us-east-1` without a word. Models,
inference profiles and permissions differ from Region to Region.

## How to fix it

Run `export AWS_REGION=` with the Region that you mean, or set it in the `env` block of `~/.claude/settings.json`.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        vec![if configuration.region.source.kind == SourceKind::Default {
            fallen_back(configuration)
        } else {
            chosen(configuration)
        }]
    }
}

fn chosen(configuration: &Configuration) -> Finding {
    let region = &configuration.region;
    let used = format!("`{}`, from {}", region.value, region.source.words());
    let losers = &region.overridden;
    let passed_over = |lost: &&Overridden<String>| {
        is_malformed(lost.value.trim()) && rank(&lost.source) < rank(&region.source)
    };
    if let Some(malformed) = losers.iter().find(passed_over) {
        let finding = Finding::warn(
            "region-value-malformed",
            format!(
                "{used}: {} is `{}`, which is no Region and counts as unset",
                malformed.source.words(),
                malformed.value
            ),
        )
        .why("Claude Code passes over a malformed value without a word");
        return set_region(finding, &malformed.source, &region.value);
    }
    let name = variable_name(&region.source);
    let in_shell = losers.iter().find(|lost| {
        lost.source.kind == SourceKind::Environment
            && variable_name(&lost.source) == name
            && lost.value.trim() != region.value
    });
    if let Some(shell) = in_shell {
        let finding = Finding::warn(
            "settings-env-overrides-shell",
            format!("{used}: it replaces `{}` of the shell", shell.value),
        )
        .why("a settings file always beats the shell, so an exported Region has no effect");
        return remove_at(finding, &region.source, name.unwrap_or("AWS_REGION")).fix_command(
            "or, if the settings file is right, remove the other value from the shell",
            format!("unset {}", name.unwrap_or("AWS_REGION")),
        );
    }
    let lost: Vec<String> = losers
        .iter()
        .filter(|lost| lost.value.trim() != region.value)
        .map(|lost| format!("`{}` ({})", lost.value, lost.source.words()))
        .collect();
    Finding::pass(if lost.is_empty() {
        used
    } else {
        format!("{used}; not used: {}", list(&lost))
    })
}

/// The place of a source in the order of trial.
fn rank(source: &Source) -> u8 {
    match (source.kind, variable_name(source)) {
        (SourceKind::AwsFile, _) => 2,
        (_, Some("AWS_DEFAULT_REGION")) => 1,
        _ => 0,
    }
}

/// `AWS_REGION` for `env.AWS_REGION`.
fn variable_name(source: &Source) -> Option<&str> {
    Some(source.name.as_deref()?.trim_start_matches("env."))
}

fn fallen_back(configuration: &Configuration) -> Finding {
    let region = &configuration.region;
    let default = format!("Claude Code falls back to `{}`", region.value);
    if let Some((name, file)) = lost(configuration) {
        let finding = Finding::fail(
            "region-not-resolved",
            format!(
                "{default}: `{name}` stands in `{}`, but that file is ignored",
                file.path
            ),
        )
        .why(FALLBACK)
        .explained_by("settings-files-usable");
        return export(finding);
    }
    let rules = Rules::of(Version::parse(&configuration.rules));
    let unread = |lost: &&Overridden<String>| {
        lost.source.kind == SourceKind::AwsFile && !rules.has(Rule::RegionFromAwsFiles)
    };
    if let Some(unread) = region.overridden.iter().find(unread) {
        let finding = Finding::warn(
            "region-not-resolved",
            format!(
                "{default}: version {} does not read {}, which is `{}`",
                configuration.rules,
                unread.source.words(),
                unread.value
            ),
        )
        .why(FALLBACK);
        return set_region(
            finding,
            &Source::environment("AWS_REGION"),
            unread.value.trim(),
        )
        .fix_command(
            "or update Claude Code: 2.1.172 and later read it",
            "claude update",
        );
    }
    if let Some(malformed) = region
        .overridden
        .iter()
        .find(|lost| is_malformed(lost.value.trim()))
    {
        let finding = Finding::warn(
            "region-value-malformed",
            format!(
                "{default}: {} is `{}`, which is no Region and counts as unset",
                malformed.source.words(),
                malformed.value
            ),
        )
        .why(FALLBACK);
        let meant = super::region_exists::meant(&malformed.value).unwrap_or(&region.value);
        return set_region(finding, &malformed.source, meant);
    }
    let emptied = NAMES.iter().find_map(|name| {
        let variable = configuration.variable(name)?;
        let shell = variable.value.overridden.first()?;
        (variable.value.value == Shown::Empty).then_some((*name, variable, shell))
    });
    if let Some((name, variable, shell)) = emptied {
        let source = &variable.value.source;
        let finding = Finding::warn(
            "region-not-resolved",
            format!(
                "{default}: {} is empty and replaces {} of the shell",
                source.words(),
                shell.value.words()
            ),
        )
        .why(FALLBACK);
        return remove_at(finding, source, name);
    }
    let finding = Finding::warn(
        "region-not-resolved",
        format!("no Region is set: {default}"),
    )
    .why(FALLBACK);
    export(finding)
}

fn export(finding: Finding) -> Finding {
    finding.fix_command(
        "set the Region that you mean, `us-east-1` included",
        "export AWS_REGION=us-east-1",
    )
}

/// The ignored settings file that would have set the Region.
fn lost(configuration: &Configuration) -> Option<(&'static str, &SettingsFile)> {
    NAMES
        .into_iter()
        .find_map(|name| Some((name, configuration.lost_in(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, SettingsLevel, SettingsState, Value, Variable};
    use crate::finding::{Explanation, Status};
    use crate::sample::{configured, from_settings, from_shell, healthy, now, only};

    const CHECK: Entry = Entry::of::<RegionChosen>();

    fn of_profile(value: &str) -> Overridden<String> {
        Overridden {
            value: value.into(),
            source: Source {
                kind: SourceKind::AwsFile,
                path: Some("~/.aws/config".into()),
                line: Some(2),
                name: Some("[dev] region".into()),
            },
        }
    }

    fn of_shell(name: &str, value: &str) -> Overridden<String> {
        Overridden {
            value: value.into(),
            source: Source::environment(name),
        }
    }

    fn with(region: Value<String>, overridden: Vec<Overridden<String>>) -> Facts {
        configured(|configuration| {
            configuration.region = Value {
                overridden,
                ..region
            }
        })
    }

    fn default() -> Value<String> {
        Value::new("us-east-1".into(), Source::default_of("us-east-1"))
    }

    #[test]
    fn passes_with_the_source() {
        let finding = only(&CHECK, &healthy(), Status::Pass, None);
        assert_eq!(
            finding.what,
            "`us-east-1`, from `AWS_REGION` in the environment"
        );
    }

    #[test]
    fn names_what_lost() {
        let facts = with(
            from_shell("AWS_REGION", "us-west-2".into()),
            vec![of_profile("eu-west-1")],
        );
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert_eq!(
            finding.what,
            "`us-west-2`, from `AWS_REGION` in the environment; not used: `eu-west-1` (`[dev] region` in ~/.aws/config:2)"
        );
        // A weaker variable is expected to lose.
        let facts = with(
            from_settings("env.AWS_REGION", 4, "eu-west-1".into()),
            vec![of_shell("AWS_DEFAULT_REGION", "us-west-2")],
        );
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn warns_when_a_settings_file_replaces_the_shell() {
        let settings = || from_settings("env.AWS_REGION", 4, "eu-west-1".into());
        let facts = with(settings(), vec![of_shell("AWS_REGION", "us-west-2")]);
        let finding = only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("settings-env-overrides-shell"),
        );
        assert_eq!(
            finding.what,
            "`eu-west-1`, from `env.AWS_REGION` in ~/.claude/settings.json:4: it replaces `us-west-2` of the shell"
        );
        let same = with(settings(), vec![of_shell("AWS_REGION", "eu-west-1")]);
        only(&CHECK, &same, Status::Pass, None);
    }

    #[test]
    fn warns_when_nothing_is_set() {
        let finding = only(
            &CHECK,
            &with(default(), vec![]),
            Status::Warn,
            Some("region-not-resolved"),
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=us-east-1")
        );
    }

    #[test]
    fn warns_about_a_malformed_value() {
        let code = Some("region-value-malformed");
        let facts = with(default(), vec![of_shell("AWS_REGION", "eu west 1")]);
        let finding = only(&CHECK, &facts, Status::Warn, code);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=eu-west-1")
        );
        let facts = with(default(), vec![of_profile("https://x.y/")]);
        let finding = only(&CHECK, &facts, Status::Warn, code);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws configure set region us-east-1 --profile dev")
        );
        let facts = with(
            from_shell("AWS_DEFAULT_REGION", "eu-west-1".into()),
            vec![of_shell("AWS_REGION", "us-east-1/")],
        );
        only(&CHECK, &facts, Status::Warn, code);
    }

    #[test]
    fn a_malformed_value_in_a_weaker_place_changes_nothing() {
        let facts = with(
            from_shell("AWS_REGION", "us-west-2".into()),
            vec![of_profile("us west 2")],
        );
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn warns_when_the_version_does_not_read_the_profile() {
        let at = |version: &str| {
            configured(|configuration| {
                configuration.rules = version.into();
                configuration.region = Value {
                    overridden: vec![of_profile("eu-west-3")],
                    ..default()
                };
            })
        };
        let finding = only(
            &CHECK,
            &at("2.1.171"),
            Status::Warn,
            Some("region-not-resolved"),
        );
        assert!(
            finding
                .what
                .contains("version 2.1.171 does not read `[dev] region`")
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=eu-west-3")
        );
        assert!(
            !only(
                &CHECK,
                &at("2.1.172"),
                Status::Warn,
                Some("region-not-resolved")
            )
            .what
            .contains("version")
        );
    }

    #[test]
    fn warns_when_an_empty_setting_takes_the_region_away() {
        let facts = configured(|configuration| {
            configuration.region = Value {
                overridden: vec![of_shell("AWS_REGION", "us-west-2")],
                ..default()
            };
            let mut value = from_settings("env.AWS_REGION", 4, Shown::Empty);
            value.overridden = vec![Overridden {
                value: Shown::Plain("us-west-2".into()),
                source: Source::environment("AWS_REGION"),
            }];
            configuration.variables = vec![Variable {
                name: "AWS_REGION".into(),
                value,
            }];
        });
        let finding = only(&CHECK, &facts, Status::Warn, Some("region-not-resolved"));
        assert!(
            finding
                .what
                .ends_with("is empty and replaces `us-west-2` of the shell")
        );
    }

    #[test]
    fn the_ignored_file_is_the_root_cause() {
        let ignored = |region: Value<String>| {
            configured(|configuration| {
                configuration.region = region;
                configuration.settings_files = vec![SettingsFile {
                    level: SettingsLevel::User,
                    path: "~/.claude/settings.json".into(),
                    state: SettingsState::Ignored {
                        line: 2,
                        key: None,
                        problem: "a comment".into(),
                        lost: vec!["AWS_REGION".into()],
                    },
                }];
            })
        };
        let finding = only(
            &CHECK,
            &ignored(default()),
            Status::Fail,
            Some("region-not-resolved"),
        );
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("settings-files-usable")]
        );
        only(
            &CHECK,
            &ignored(from_shell("AWS_REGION", "us-east-1".into())),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
