//! Variables and settings files: whether Bedrock is on, and which values decide.

mod bedrock_enabled;
mod project_settings_harmless;
mod settings_files_usable;
mod variables_consistent;
mod variables_known;

pub(crate) use self::bedrock_enabled::BedrockEnabled;
pub(crate) use self::project_settings_harmless::ProjectSettingsHarmless;
pub(crate) use self::settings_files_usable::SettingsFilesUsable;
pub(crate) use self::variables_consistent::VariablesConsistent;
pub(crate) use self::variables_known::VariablesKnown;
use crate::facts::{Source, SourceKind};
use crate::finding::{Finding, Owner};
use crate::text::{shell_path, shell_word};

/// Adds the step that gives a variable another value, at the place that decides it.
pub(crate) fn set_at(finding: Finding, source: &Source, name: &str, value: &str) -> Finding {
    match editor(source) {
        Some(command) => owned(finding, source)
            .fix_command(format!("make {} `{value}`", source.words()), command),
        None => finding.fix_command(
            format!("set `{name}` to `{value}`"),
            format!("export {name}={}", shell_word(value)),
        ),
    }
}

/// Adds the step that takes a variable away, at the place that decides it.
pub(crate) fn remove_at(finding: Finding, source: &Source, name: &str) -> Finding {
    match editor(source) {
        Some(command) => {
            owned(finding, source).fix_command(format!("remove {}", source.words()), command)
        }
        None => finding.fix_command(
            format!("remove `{name}` from the environment"),
            format!("unset {name}"),
        ),
    }
}

/// The organization's files are not the user's to change.
fn owned(finding: Finding, source: &Source) -> Finding {
    if source.kind == SourceKind::ManagedSettings {
        finding.owner(Owner::AccountAdmin)
    } else {
        finding
    }
}

/// The command that opens the file a value stands in.
fn editor(source: &Source) -> Option<String> {
    Some(open_at(source.path.as_deref()?, source.line))
}

/// The command that opens a file at a line.
pub(crate) fn open_at(path: &str, line: Option<u32>) -> String {
    let path = shell_path(path);
    match line {
        Some(line) => format!("\"${{EDITOR:-vi}}\" +{line} {path}"),
        None => format!("\"${{EDITOR:-vi}}\" {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_still_expands_the_home_folder() {
        assert_eq!(
            open_at("~/.claude/settings.json", Some(4)),
            "\"${EDITOR:-vi}\" +4 ~/.claude/settings.json"
        );
        assert_eq!(open_at("/my dir/x", None), "\"${EDITOR:-vi}\" '/my dir/x'");
    }
}
