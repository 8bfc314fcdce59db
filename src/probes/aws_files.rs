//! `~/.aws/config` and `~/.aws/credentials`.

use std::path::Path;

use bedrock_doctor_checks::claude_code::environment::Environment;
use bedrock_doctor_checks::claude_code::profiles::Profiles;
use bedrock_doctor_checks::facts::{AwsFile, AwsFiles, IgnoredLine};
use bedrock_doctor_checks::parse::ini::{self, FileKind, IgnoredWhy, IniFile};

use crate::world::{FileText, World};

/// Reads both files: with values for the chain, without for the facts.
pub(super) fn read(world: &World, environment: &Environment) -> (Profiles, AwsFiles) {
    let path =
        |variable: &str, usual: &str| world.expand(environment.get(variable).unwrap_or(usual));
    let (config, config_fact) = file(
        world,
        &path("AWS_CONFIG_FILE", "~/.aws/config"),
        FileKind::Config,
    );
    let (credentials, credentials_fact) = file(
        world,
        &path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        FileKind::Credentials,
    );
    (
        Profiles {
            config: (config_fact.path.clone(), config),
            credentials: (credentials_fact.path.clone(), credentials),
        },
        AwsFiles {
            config: config_fact,
            credentials: credentials_fact,
        },
    )
}

fn file(world: &World, path: &Path, kind: FileKind) -> (IniFile, AwsFile) {
    let (text, present, problem) = match world.read(path) {
        FileText::Absent => (String::new(), false, None),
        FileText::Unreadable(why) => (String::new(), true, Some(why)),
        FileText::Text(text) => (text, true, None),
    };
    let parsed = ini::parse(&text, kind);
    let fact = AwsFile {
        path: world.shown(path),
        present,
        problem,
        profiles: parsed.profiles.keys().cloned().collect(),
        sso_sessions: parsed.sso_sessions.keys().cloned().collect(),
        ignored: parsed
            .ignored
            .iter()
            .filter_map(|ignored| described(ignored.line, &ignored.why, kind))
            .collect(),
    };
    (parsed, fact)
}

/// What is worth telling of a line Claude Code does not read.
fn described(line: u32, why: &IgnoredWhy, kind: FileKind) -> Option<IgnoredLine> {
    let section = |name: &str, why: &str, instead: Option<String>| {
        Some(IgnoredLine {
            line,
            section: Some(name.to_owned()),
            why: why.to_owned(),
            instead,
        })
    };
    let plain = |why: String| {
        Some(IgnoredLine {
            line,
            section: None,
            why,
            instead: None,
        })
    };
    match why {
        IgnoredWhy::SectionWithoutProfilePrefix { name } => section(
            name,
            "in this file a profile is written `[profile …]`",
            Some(format!("[profile {name}]")),
        ),
        IgnoredWhy::ProfilePrefixInCredentials { name } => section(
            name,
            "in this file a profile is written without `profile`",
            Some(format!("[{name}]")),
        ),
        IgnoredWhy::ConfigSectionInCredentials { name } => {
            section(name, "such a section belongs into the config file", None)
        }
        IgnoredWhy::QuotedOrSpacedName { name } => section(
            name,
            "a name with quotes or blanks is not found",
            Some(match kind {
                FileKind::Config => format!("[profile {}]", name.replace(' ', "-")),
                FileKind::Credentials => format!("[{}]", name.replace(' ', "-")),
            }),
        ),
        IgnoredWhy::UpperCaseKey { key } => plain(format!(
            "`{key}` is read in lower case only: `{}`",
            key.to_ascii_lowercase()
        )),
        IgnoredWhy::KeyOutsideSection => plain("it stands before the first section".to_owned()),
        IgnoredWhy::NoEqualsSign => plain("it has no `=`".to_owned()),
        IgnoredWhy::EmptyValue { key } => plain(format!("`{key}` has no value")),
        IgnoredWhy::WholeFileRefused => {
            plain("the whole file is refused because of a section `__proto__`".to_owned())
        }
        // Harmless, or seen in every second file.
        IgnoredWhy::UnknownSection { .. }
        | IgnoredWhy::EmptySection { .. }
        | IgnoredWhy::DuplicateSection { .. }
        | IgnoredWhy::DefaultReplaced { .. }
        | IgnoredWhy::DuplicateKey { .. }
        | IgnoredWhy::NoKey => None,
    }
}
