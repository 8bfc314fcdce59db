use super::open_at;
use crate::check::{Check, Family, Meta};
use crate::facts::{Configuration, UnknownVariable};
use crate::finding::Finding;

/// See [`Meta::docs`].
pub(crate) struct VariablesKnown;

impl Check for VariablesKnown {
    const META: &'static Meta = &Meta {
        id: "variables-known",
        family: Family::Configuration,
        title: "no variable has a name that Claude Code does not read",
        file: file!(),
        docs: "
## What it looks at

Names of variables, in the environment and in `env` blocks, that are a slip of the pen away from one that Claude
Code reads, or that other tools read in its place (`AWS_REGION_NAME`, `AWS_BEARER_TOKEN`).

## Why it matters

A name that nobody reads changes nothing, and nobody says so: the default is used instead.

## How to fix it

Rename the variable.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let unknown = &configuration.unknown_variables;
        if unknown.is_empty() {
            return vec![Finding::pass("no variable looks like a misspelt one")];
        }
        unknown
            .iter()
            .map(|unknown| judge(configuration, unknown))
            .collect()
    }
}

fn judge(configuration: &Configuration, unknown: &UnknownVariable) -> Finding {
    let UnknownVariable {
        name,
        meant,
        source,
    } = unknown;
    let also_set = configuration.is_set(meant);
    let finding = Finding::warn(
        "misspelled-or-foreign-variable",
        format!(
            "Claude Code does not read {}; the name that is read is `{meant}`",
            source.words()
        ),
    )
    .subject(name.clone())
    .why(if also_set {
        format!("`{meant}` is set as well, and only its value counts")
    } else {
        format!("its value is not used, and `{meant}` is not set")
    });
    match &source.path {
        Some(path) => finding.fix_command(
            format!("rename `{name}` to `{meant}`"),
            open_at(path, source.line),
        ),
        None if !is_shell_name(name) => finding.fix(format!("rename `{name}` to `{meant}`")),
        None if also_set => {
            finding.fix_command(format!("remove `{name}`"), format!("unset {name}"))
        }
        None => finding.fix_command(
            format!("rename `{name}` to `{meant}`"),
            format!("export {meant}=\"${name}\"; unset {name}"),
        ),
    }
}

/// Whether a POSIX shell can name the variable.
fn is_shell_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Source};
    use crate::finding::Status;
    use crate::sample::{configured, from_settings, healthy, now, only, verdicts};

    const CHECK: Entry = Entry::of::<VariablesKnown>();
    const CODE: Option<&str> = Some("misspelled-or-foreign-variable");

    fn unknown(name: &str, meant: &str) -> UnknownVariable {
        UnknownVariable {
            name: name.into(),
            meant: meant.into(),
            source: Source::environment(name),
        }
    }

    #[test]
    fn passes_when_every_name_is_known() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn renames_a_shell_variable_without_showing_its_value() {
        let facts = configured(|configuration| {
            configuration.unknown_variables =
                vec![unknown("AWS_BEARER_TOKEN", "AWS_BEARER_TOKEN_BEDROCK")];
        });
        let finding = only(&CHECK, &facts, Status::Warn, CODE);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_BEARER_TOKEN_BEDROCK=\"$AWS_BEARER_TOKEN\"; unset AWS_BEARER_TOKEN")
        );
    }

    #[test]
    fn does_not_overwrite_the_right_variable() {
        let facts = configured(|configuration| {
            configuration.unknown_variables = vec![unknown("AWS_REGION_NAME", "AWS_REGION")];
        });
        let finding = only(&CHECK, &facts, Status::Warn, CODE);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset AWS_REGION_NAME")
        );
    }

    #[test]
    fn opens_the_settings_file_at_the_line() {
        let facts = configured(|configuration| {
            configuration.unknown_variables = vec![UnknownVariable {
                source: from_settings("env.ANTHROPIC_BEDROCK_MODEL", 9, ()).source,
                ..unknown("ANTHROPIC_BEDROCK_MODEL", "ANTHROPIC_MODEL")
            }];
        });
        let finding = only(&CHECK, &facts, Status::Warn, CODE);
        assert!(
            finding
                .what
                .contains("`env.ANTHROPIC_BEDROCK_MODEL` in ~/.claude/settings.json:9")
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("\"${EDITOR:-vi}\" +9 ~/.claude/settings.json")
        );
    }

    #[test]
    fn gives_no_command_for_a_name_no_shell_can_say() {
        let facts = configured(|configuration| {
            configuration.unknown_variables = vec![unknown("AWS-REGION", "AWS_REGION")];
        });
        assert_eq!(
            only(&CHECK, &facts, Status::Warn, CODE).fix[0].command,
            None
        );
    }

    #[test]
    fn speaks_of_each_name() {
        let facts = configured(|configuration| {
            configuration.unknown_variables = vec![
                unknown("AWS_REGIONS", "AWS_REGION"),
                unknown("USE_BEDROCK", "CLAUDE_CODE_USE_BEDROCK"),
            ];
        });
        assert_eq!(verdicts(&CHECK, &facts).len(), 2);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
