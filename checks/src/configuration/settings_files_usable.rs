use super::open_at;
use crate::check::{Check, Family, Meta};
use crate::facts::{Configuration, SettingsFile, SettingsLevel, SettingsState};
use crate::finding::{Finding, Owner};
use crate::text::{count, list, shell_path};

/// See [`Meta::docs`].
pub(crate) struct SettingsFilesUsable;

impl Check for SettingsFilesUsable {
    const META: &'static Meta = &Meta {
        id: "settings-files-usable",
        family: Family::Configuration,
        title: "Claude Code uses every settings file that is there",
        file: file!(),
        docs: "
## What it looks at

The settings files of all levels: managed, local, project and user, and the helper commands that were put into
`~/.claude.json` by mistake.

## Why it matters

A file that is not valid JSON (a comment, a trailing comma), or that has one known key of the wrong type, is
ignored as a whole and without a word: its `env` block with Region, profile and `CLAUDE_CODE_USE_BEDROCK` is lost
too. A broken managed file keeps Claude Code from starting. `awsAuthRefresh` and `awsCredentialExport` are not
read from `~/.claude.json`.

## How to fix it

Repair the line that is named. JSON has no comments and no comma after the last entry.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let found: Vec<Finding> = configuration
            .settings_files
            .iter()
            .filter_map(judge)
            .collect();
        if found.is_empty() {
            return vec![healthy(configuration)];
        }
        found
    }
}

fn healthy(configuration: &Configuration) -> Finding {
    let used: Vec<String> = configuration
        .settings_files
        .iter()
        .filter(|file| matches!(file.state, SettingsState::Used { .. }))
        .map(|file| format!("`{}`", file.path))
        .collect();
    Finding::pass(match used.as_slice() {
        [] => "there is no settings file: the environment alone decides".to_owned(),
        used => format!(
            "{} in use: {}",
            count(used.len(), "settings file"),
            list(used)
        ),
    })
}

fn judge(file: &SettingsFile) -> Option<Finding> {
    let finding = match &file.state {
        SettingsState::Absent => return None,
        SettingsState::Used { keys, .. } => return misplaced(file, keys),
        SettingsState::Ignored {
            line,
            key,
            problem,
            lost,
        } => ignored(file, *line, key.as_deref(), problem, lost),
        SettingsState::Unreadable { problem } => unreadable(file, problem),
    };
    let finding = finding.subject(file.path.clone());
    Some(if file.level == SettingsLevel::Managed {
        finding.owner(Owner::AccountAdmin)
    } else {
        finding
    })
}

fn ignored(
    file: &SettingsFile,
    line: u32,
    key: Option<&str>,
    problem: &str,
    lost: &[String],
) -> Finding {
    let path = &file.path;
    let place = match key {
        Some(key) if !problem.contains(&format!("`{key}`")) => {
            format!("line {line}, key `{key}`: {problem}")
        }
        _ => format!("line {line}: {problem}"),
    };
    let names: Vec<String> = lost.iter().map(|name| format!("`{name}`")).collect();
    let lost = if names.is_empty() {
        String::new()
    } else {
        format!("; lost with it: {}", list(&names))
    };
    let finding = if file.level == SettingsLevel::Managed {
        Finding::fail(
            "managed-settings-invalid",
            format!("the managed settings in `{path}` are invalid: {place}"),
        )
        .why("Claude Code refuses to start with a broken managed file")
    } else if file.ends_claude_code() {
        Finding::fail(
            "claude-json-corrupted",
            format!("`{path}` is corrupted: {place}{lost}"),
        )
        .why("Claude Code ends at its start with `Claude configuration file … is corrupted`")
    } else {
        let what =
            format!("Claude Code ignores the whole file `{path}` without a word: {place}{lost}");
        let code = "settings-file-ignored";
        if names.is_empty() {
            Finding::warn(code, what)
                .why("nothing in it bears on Bedrock, but all other settings in it are lost too")
        } else {
            Finding::fail(code, what)
                .why("one mistake anywhere in the file switches off every setting in it")
        }
    };
    finding.fix_command(repair(path, line, key, problem), open_at(path, Some(line)))
}

fn repair(path: &str, line: u32, key: Option<&str>, problem: &str) -> String {
    let place = format!("line {line} of `{path}`");
    match key {
        Some(key) => format!("give `{key}` in {place} a value of the right type, or remove it"),
        None if problem.starts_with("a comment") => format!("remove the comment in {place}"),
        None if problem.starts_with("a comma before a closing bracket") => {
            format!("remove the last comma in {place}")
        }
        None => format!("repair {place}: {problem}"),
    }
}

fn unreadable(file: &SettingsFile, problem: &str) -> Finding {
    let path = shell_path(&file.path);
    let command = if file.level == SettingsLevel::Managed {
        format!("sudo chmod a+r {path}")
    } else {
        format!("chmod u+r {path}")
    };
    let finding = Finding::fail(
        "settings-file-unreadable",
        format!("`{}` cannot be read: {problem}", file.path),
    )
    .why("whatever it sets for Bedrock is lost");
    if problem.contains("UTF-8") {
        return finding.fix_command(
            "write it again as text, or move it away",
            format!("mv {path} {path}.old"),
        );
    }
    finding
        .fix_command("look who may read it", format!("ls -ld {path}"))
        .fix_command("make it readable", command)
}

/// Helper commands in `~/.claude.json`: the `env` block there is read, they are not (seen, 2.1.330).
fn misplaced(file: &SettingsFile, keys: &[String]) -> Option<Finding> {
    let helpers: Vec<String> = keys
        .iter()
        .filter(|key| ["awsAuthRefresh", "awsCredentialExport"].contains(&key.as_str()))
        .map(|key| format!("`{key}`"))
        .collect();
    if file.level != SettingsLevel::State || helpers.is_empty() {
        return None;
    }
    let helpers = list(&helpers);
    let path = &file.path;
    Some(
        Finding::warn(
            "setting-in-wrong-file",
            format!("{helpers} in `{path}` is not read from that file"),
        )
        .subject(path.clone())
        .why("the command never runs, so credentials are not renewed by it")
        .fix_command(
            format!("move {helpers} to `~/.claude/settings.json`"),
            open_at(path, None),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::Facts;
    use crate::finding::Status;
    use crate::sample::{configured, now, only, verdicts};

    const CHECK: Entry = Entry::of::<SettingsFilesUsable>();

    fn file(level: SettingsLevel, state: SettingsState) -> SettingsFile {
        let path = match level {
            SettingsLevel::Managed => "/etc/claude-code/managed-settings.json",
            SettingsLevel::CommandLine => "--settings",
            SettingsLevel::Local => ".claude/settings.local.json",
            SettingsLevel::Project => ".claude/settings.json",
            SettingsLevel::User => "~/.claude/settings.json",
            SettingsLevel::State => "~/.claude.json",
        };
        SettingsFile {
            level,
            path: path.into(),
            state,
        }
    }

    fn used(keys: &[&str]) -> SettingsState {
        SettingsState::Used {
            env: vec!["AWS_REGION".into()],
            dropped: Vec::new(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn broken(key: Option<&str>, problem: &str, lost: &[&str]) -> SettingsState {
        SettingsState::Ignored {
            line: 7,
            key: key.map(str::to_owned),
            problem: problem.into(),
            lost: lost.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn with(files: Vec<SettingsFile>) -> Facts {
        configured(|configuration| configuration.settings_files = files)
    }

    #[test]
    fn passes_and_counts_the_files() {
        let none = with(vec![file(SettingsLevel::User, SettingsState::Absent)]);
        let finding = only(&CHECK, &none, Status::Pass, None);
        assert_eq!(
            finding.what,
            "there is no settings file: the environment alone decides"
        );
        let two = with(vec![
            file(SettingsLevel::Project, used(&[])),
            file(SettingsLevel::User, used(&["model"])),
        ]);
        let finding = only(&CHECK, &two, Status::Pass, None);
        assert_eq!(
            finding.what,
            "2 settings files in use: `.claude/settings.json` and `~/.claude/settings.json`"
        );
    }

    #[test]
    fn fails_when_something_for_bedrock_is_lost() {
        let state = broken(
            None,
            "a comment; JSON has none",
            &["AWS_REGION", "AWS_PROFILE"],
        );
        let finding = only(
            &CHECK,
            &with(vec![file(SettingsLevel::User, state)]),
            Status::Fail,
            Some("settings-file-ignored"),
        );
        assert_eq!(
            finding.what,
            "Claude Code ignores the whole file `~/.claude/settings.json` without a word: line 7: a comment; JSON has none; lost with it: `AWS_REGION` and `AWS_PROFILE`"
        );
        assert_eq!(finding.subject.as_deref(), Some("~/.claude/settings.json"));
        assert_eq!(
            finding.fix[0].text,
            "remove the comment in line 7 of `~/.claude/settings.json`"
        );
        assert_eq!(finding.owner, Owner::You);
    }

    #[test]
    fn names_the_key_of_the_wrong_type() {
        let state = broken(
            Some("permissions"),
            "`permissions` must be an object, is text",
            &["AWS_REGION"],
        );
        let finding = only(
            &CHECK,
            &with(vec![file(SettingsLevel::User, state)]),
            Status::Fail,
            Some("settings-file-ignored"),
        );
        assert!(
            finding
                .what
                .contains(": line 7: `permissions` must be an object, is text; lost")
        );
        assert_eq!(
            finding.fix[0].text,
            "give `permissions` in line 7 of `~/.claude/settings.json` a value of the right type, or remove it"
        );
    }

    #[test]
    fn warns_when_nothing_for_bedrock_is_lost() {
        let facts = with(vec![file(
            SettingsLevel::Project,
            broken(
                None,
                "a comma before a closing bracket; JSON allows none there",
                &[],
            ),
        )]);
        only(&CHECK, &facts, Status::Warn, Some("settings-file-ignored"));
    }

    #[test]
    fn a_broken_managed_file_is_for_the_administrator() {
        let facts = with(vec![file(
            SettingsLevel::Managed,
            broken(
                None,
                "a comma before a closing bracket; JSON allows none there",
                &[],
            ),
        )]);
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("managed-settings-invalid"),
        );
        assert_eq!(finding.owner, Owner::AccountAdmin);
    }

    #[test]
    fn fails_for_a_file_that_cannot_be_read() {
        let state = SettingsState::Unreadable {
            problem: "permission denied".into(),
        };
        let finding = only(
            &CHECK,
            &with(vec![file(SettingsLevel::User, state)]),
            Status::Fail,
            Some("settings-file-unreadable"),
        );
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("chmod u+r ~/.claude/settings.json")
        );
    }

    #[test]
    fn warns_about_helpers_in_the_state_file_only() {
        let facts = with(vec![file(
            SettingsLevel::State,
            used(&["awsAuthRefresh", "model"]),
        )]);
        let finding = only(&CHECK, &facts, Status::Warn, Some("setting-in-wrong-file"));
        assert_eq!(
            finding.what,
            "`awsAuthRefresh` in `~/.claude.json` is not read from that file"
        );
        let facts = with(vec![file(SettingsLevel::User, used(&["awsAuthRefresh"]))]);
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn speaks_of_each_broken_file() {
        let facts = with(vec![
            file(SettingsLevel::Local, broken(None, "a comment", &[])),
            file(SettingsLevel::Project, used(&[])),
            file(
                SettingsLevel::User,
                broken(None, "a comment", &["CLAUDE_CODE_USE_BEDROCK"]),
            ),
        ]);
        let code = || Some("settings-file-ignored".to_owned());
        assert_eq!(
            verdicts(&CHECK, &facts),
            [(Status::Warn, code()), (Status::Fail, code())]
        );
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
