use super::{open_at, remove_at, set_at};
use crate::check::{Check, Family, Meta};
use crate::facts::{
    Configuration, Provider, SettingsFile, SettingsLevel, SettingsState, Source, UnknownVariable,
    Variable,
};
use crate::finding::Finding;

/// See [`Meta::docs`].
pub(crate) struct BedrockEnabled;

const FLAG: &str = "CLAUDE_CODE_USE_BEDROCK";
const WHY: &str =
    "without it Claude Code asks for a login at Anthropic: `Not logged in · Please run /login`";

impl Check for BedrockEnabled {
    const META: &'static Meta = &Meta {
        id: "bedrock-enabled",
        family: Family::Configuration,
        title: "Claude Code sends its requests to Amazon Bedrock",
        file: file!(),
        docs: "
## What it looks at

`CLAUDE_CODE_USE_BEDROCK` and the switches of the other providers, in the environment and in the `env` blocks of
the settings files, merged as Claude Code merges them. On is `1`, `true`, `yes` or `on`, in any case.

## Why it matters

When the switch is off, lost in an ignored file or misspelt, Claude Code talks to another service and asks for a
login there, whatever the AWS set-up is like. An editor, a service or a desktop program often does not see what
the shell exports.

## How to fix it

Run `export CLAUDE_CODE_USE_BEDROCK=1`, or put the variable into the `env` block of `~/.claude/settings.json`,
which reaches Claude Code however it is started.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let provider = &configuration.provider;
        let goes = format!(
            "requests go to {}, because of {}",
            provider.value.words(),
            provider.source.words()
        );
        vec![match provider.value {
            Provider::Bedrock | Provider::BedrockAndMantle | Provider::Mantle => {
                Finding::pass(goes)
            }
            // A service of its own, with AWS's credentials: what can be told of its requests is told where they are tried.
            Provider::AnthropicAws => Finding::not_applicable(goes),
            Provider::Vertex | Provider::Foundry => another(configuration, goes),
            Provider::Anthropic => off(configuration),
        }]
    }
}

fn another(configuration: &Configuration, goes: String) -> Finding {
    let source = &configuration.provider.source;
    let name = source
        .name
        .as_deref()
        .unwrap_or_default()
        .trim_start_matches("env.");
    let finding = Finding::fail("another-provider", goes).why("no request reaches Amazon Bedrock");
    let finding = remove_at(switch_on(finding, configuration), source, name);
    match configuration.lost_in(FLAG) {
        Some(_) => finding.explained_by("settings-files-usable"),
        None => finding,
    }
}

fn off(configuration: &Configuration) -> Finding {
    let flag = configuration.variable(FLAG);
    // A settings file beats the shell, so the ignored file would have decided.
    let from_file = flag.is_some_and(|flag| flag.value.source.path.is_some());
    if let Some(file) = configuration.lost_in(FLAG).filter(|_| !from_file) {
        return lost(file);
    }
    if let Some(flag) = flag {
        return switched_off(configuration, flag);
    }
    let slip = configuration
        .unknown_variables
        .iter()
        .find(|unknown| unknown.meant == FLAG);
    match slip {
        Some(slip) => misspelt(slip),
        None => nothing_set(configuration),
    }
}

fn lost(file: &SettingsFile) -> Finding {
    let line = match &file.state {
        SettingsState::Ignored { line, .. } => Some(*line),
        _ => None,
    };
    Finding::fail(
        "settings-file-ignored",
        format!(
            "`{FLAG}` stands in `{}`, but Claude Code ignores that file",
            file.path
        ),
    )
    .why(WHY)
    .fix_command("repair the file", open_at(&file.path, line))
    .explained_by("settings-files-usable")
}

fn switched_off(configuration: &Configuration, flag: &Variable) -> Finding {
    let beaten = flag.value.overridden.iter().map(|loser| {
        let (source, value) = (loser.source.words(), loser.value.words());
        format!("it beats {source}, which is {value}")
    });
    let off = format!(
        "{} is {}, which leaves Bedrock off",
        flag.value.source.words(),
        flag.value.value.words()
    );
    let what: Vec<String> = std::iter::once(off).chain(beaten).collect();
    let what = what.join("; ");
    let finding = Finding::fail("bedrock-flag-off", what)
        .why("only `1`, `true`, `yes` and `on` switch it on, and a settings file beats the shell");
    switch_on(finding, configuration)
}

fn misspelt(slip: &UnknownVariable) -> Finding {
    let finding = Finding::fail(
        "misspelled-or-foreign-variable",
        format!(
            "`{FLAG}` is not set; {} looks like it, but Claude Code does not read that name",
            slip.source.words()
        ),
    )
    .why(WHY);
    match &slip.source.path {
        Some(path) => finding.fix_command(
            format!("rename it to `{FLAG}`"),
            open_at(path, slip.source.line),
        ),
        None => finding.fix_command("set the name that is read", format!("export {FLAG}=1")),
    }
}

fn nothing_set(configuration: &Configuration) -> Finding {
    let user = configuration
        .settings_files
        .iter()
        .find(|file| file.level == SettingsLevel::User);
    let path = user.map_or("~/.claude/settings.json", |file| file.path.as_str());
    let finding = Finding::fail(
        "host-process-missing-bedrock-env",
        format!("`{FLAG}` is set neither in the environment nor in a settings file, so requests go to the Anthropic API"),
    )
    .why(WHY)
    .fix_command("switch Bedrock on", format!("export {FLAG}=1"))
    .fix(format!(
        "or, for an IDE or a service, which may not see the shell's variables, put this into `{path}`: `{{\"env\": {{\"{FLAG}\": \"1\"}}}}`"
    ))
    .fix_command("a sample machine, to see what a whole report looks like", "bedrock-doctor demo");
    match user.map(|file| &file.state) {
        // Nobody could look into the file that usually holds it.
        Some(SettingsState::Unreadable { .. }) => finding.explained_by("settings-files-usable"),
        _ => finding,
    }
}

fn switch_on(finding: Finding, configuration: &Configuration) -> Finding {
    let environment = Source::environment(FLAG);
    let source = configuration
        .variable(FLAG)
        .map_or(&environment, |flag| &flag.value.source);
    set_at(finding, source, FLAG, "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Overridden, Shown, SourceKind, Value};
    use crate::finding::{Explanation, Owner, Status};
    use crate::sample::{configured, from_settings, from_shell, healthy, now, only, variable};

    const CHECK: Entry = Entry::of::<BedrockEnabled>();

    /// The machine on which no provider is switched on, after a change.
    fn off_with(change: impl FnOnce(&mut Configuration)) -> Facts {
        configured(|configuration| {
            configuration.provider = Value::new(
                Provider::Anthropic,
                Source::default_of("no provider is switched on"),
            );
            configuration
                .variables
                .retain(|variable| variable.name != FLAG);
            change(configuration);
        })
    }

    #[track_caller]
    fn fails(facts: &Facts, code: &str) -> Finding {
        only(&CHECK, facts, Status::Fail, Some(code))
    }

    fn ignored(path: &str, lost: &[&str]) -> SettingsFile {
        SettingsFile {
            level: SettingsLevel::User,
            path: path.into(),
            state: SettingsState::Ignored {
                line: 3,
                key: None,
                problem: "a comment".into(),
                lost: lost.iter().map(|name| (*name).to_owned()).collect(),
            },
        }
    }

    #[test]
    fn passes_and_says_because_of_what() {
        let finding = only(&CHECK, &healthy(), Status::Pass, None);
        assert_eq!(
            finding.what,
            "requests go to Amazon Bedrock, because of `CLAUDE_CODE_USE_BEDROCK` in the environment"
        );
    }

    #[test]
    fn fails_when_nothing_is_set_and_names_the_variable() {
        let finding = fails(&off_with(|_| {}), "host-process-missing-bedrock-env");
        assert!(finding.what.contains(FLAG));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export CLAUDE_CODE_USE_BEDROCK=1")
        );
        assert!(finding.fix[1].text.contains("~/.claude/settings.json"));
        assert_eq!(
            finding.fix[2].command.as_deref(),
            Some("bedrock-doctor demo")
        );
        assert_eq!(finding.explained_by, []);
    }

    #[test]
    fn fails_for_every_value_that_is_not_on() {
        for value in ["0", "false", "", "enable", "2", "null", "1 "] {
            let finding = fails(
                &off_with(|configuration| configuration.variables.push(variable(FLAG, value))),
                "bedrock-flag-off",
            );
            assert_eq!(
                finding.fix[0].command.as_deref(),
                Some("export CLAUDE_CODE_USE_BEDROCK=1"),
                "{value}"
            );
        }
    }

    #[test]
    fn names_the_shell_value_that_an_empty_setting_beats() {
        let facts = off_with(|configuration| {
            let mut value = from_settings("env.CLAUDE_CODE_USE_BEDROCK", 4, Shown::Empty);
            value.overridden = vec![Overridden {
                value: Shown::Plain("1".into()),
                source: Source::environment(FLAG),
            }];
            configuration.variables.push(Variable {
                name: FLAG.into(),
                value,
            });
        });
        let finding = fails(&facts, "bedrock-flag-off");
        assert_eq!(
            finding.what,
            "`env.CLAUDE_CODE_USE_BEDROCK` in ~/.claude/settings.json:4 is empty, which leaves Bedrock off; it beats `CLAUDE_CODE_USE_BEDROCK` in the environment, which is `1`"
        );
        assert_eq!(finding.owner, Owner::You);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("\"${EDITOR:-vi}\" +4 ~/.claude/settings.json")
        );
    }

    #[test]
    fn the_organization_owns_its_own_file() {
        let facts = off_with(|configuration| {
            let mut value =
                from_settings("env.CLAUDE_CODE_USE_BEDROCK", 4, Shown::Plain("0".into()));
            value.source.kind = SourceKind::ManagedSettings;
            configuration.variables.push(Variable {
                name: FLAG.into(),
                value,
            });
        });
        assert_eq!(fails(&facts, "bedrock-flag-off").owner, Owner::AccountAdmin);
    }

    #[test]
    fn fails_for_a_misspelt_name() {
        let facts = off_with(|configuration| {
            configuration.unknown_variables.push(UnknownVariable {
                name: "CLAUDE_CODE_USE_BEDROK".into(),
                meant: FLAG.into(),
                source: Source::environment("CLAUDE_CODE_USE_BEDROK"),
            });
        });
        let finding = fails(&facts, "misspelled-or-foreign-variable");
        assert!(
            finding
                .what
                .contains("`CLAUDE_CODE_USE_BEDROK` in the environment")
        );
    }

    #[test]
    fn the_ignored_file_is_the_root_cause() {
        let facts = off_with(|configuration| {
            configuration.settings_files = vec![ignored("~/.claude/settings.json", &[FLAG])];
        });
        let finding = fails(&facts, "settings-file-ignored");
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("settings-files-usable")]
        );
    }

    #[test]
    fn the_ignored_file_explains_a_shell_value_but_no_other_file() {
        let with = |flag: Variable| {
            off_with(|configuration| {
                configuration.settings_files = vec![ignored("~/.claude/settings.json", &[FLAG])];
                configuration.variables.push(flag);
            })
        };
        fails(&with(variable(FLAG, "0")), "settings-file-ignored");
        let in_file = Variable {
            name: FLAG.into(),
            value: from_settings("env.CLAUDE_CODE_USE_BEDROCK", 1, Shown::Plain("0".into())),
        };
        fails(&with(in_file), "bedrock-flag-off");
    }

    #[test]
    fn an_unreadable_user_file_explains_that_nothing_is_set() {
        let facts = off_with(|configuration| {
            configuration.settings_files[0].state = SettingsState::Unreadable {
                problem: "permission denied".into(),
            };
        });
        let finding = fails(&facts, "host-process-missing-bedrock-env");
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("settings-files-usable")]
        );
    }

    #[test]
    fn fails_for_another_provider() {
        let facts = off_with(|configuration| {
            configuration.provider = from_shell("CLAUDE_CODE_USE_VERTEX", Provider::Vertex);
        });
        let finding = fails(&facts, "another-provider");
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("unset CLAUDE_CODE_USE_VERTEX")
        );
    }

    #[test]
    fn the_other_services_of_aws_are_no_mistake() {
        for (provider, status) in [
            (Provider::Mantle, Status::Pass),
            (Provider::AnthropicAws, Status::NotApplicable),
        ] {
            let facts = off_with(|configuration| {
                configuration.provider = from_shell("CLAUDE_CODE_USE_MANTLE", provider);
            });
            only(&CHECK, &facts, status, None);
        }
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
