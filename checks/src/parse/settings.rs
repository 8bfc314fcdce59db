//! A settings file of Claude Code.
//!
//! Follows what 2.1.330 does with one: the rules of `JSON.parse`, and a known key of the wrong type
//! costs the whole file, its `env` too. A managed file loses only the key. Which level a file
//! belongs to, and what beats what, is decided elsewhere.
//!
//! Longer than 400 lines: the one reader of these files, in the order in which it reads.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::json::{self, JsonProblem, Member};

mod fault;
mod known;

/// What Claude Code makes of a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsDocument {
    /// It counts.
    Usable(Settings),
    /// It is passed over as a whole, without a word in a `-p` run.
    Ignored {
        /// Why; the first reason in the file.
        problem: Problem,
        /// The names in [`INTERESTING`] that stand in it as keys: what was lost.
        mentions: Vec<String>,
    },
}

/// What is wrong in a file, and where. Never holds a value from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line.
    pub line: u32,
    /// The character in the line, where the text is not JSON.
    pub column: Option<u32>,
    /// The key whose value has the wrong type, such as `permissions.defaultMode`.
    pub key: Option<String>,
    /// A phrase: "a comment; JSON has none", "`permissions` must be an object, is text".
    pub what: String,
}

/// The settings that bear on Amazon Bedrock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The `env` block, in the order of the file.
    pub env: Vec<EnvEntry>,
    /// `model`; empty counts as unset for Claude Code.
    pub model: Option<Located<String>>,
    /// `awsAuthRefresh`, a command.
    pub aws_auth_refresh: Option<Located<String>>,
    /// `awsCredentialExport`, a command.
    pub aws_credential_export: Option<Located<String>>,
    /// Whether `apiKeyHelper` is there.
    pub api_key_helper: Option<Located<()>>,
    /// `modelOverrides`: model ids of Anthropic to those of Bedrock.
    pub model_overrides: BTreeMap<String, Located<String>>,
    /// `availableModels`.
    pub available_models: Option<Located<Vec<String>>>,
    /// The `forceLogin…` keys that are there.
    pub force_login: Vec<KeyAt>,
    /// Keys that Claude Code does not know and that somebody took for a way to set up Bedrock.
    pub misplaced: Vec<KeyAt>,
    /// The keys a managed file loses because of their type; always empty for other files.
    pub dropped: Vec<Problem>,
}

/// A variable of an `env` block. `Debug` hides the value: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// The name.
    pub name: String,
    /// The value; what is not text in the file is made text as JavaScript does (`true`, `1`, `null`).
    pub value: String,
    /// The line of the name.
    pub line: u32,
}

impl fmt::Debug for EnvEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvEntry")
            .field("name", &self.name)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// A value and the line of its key. `Debug` hides the value: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The line of the key.
    pub line: u32,
}

impl<T> fmt::Debug for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Located")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// A key and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAt {
    /// The key.
    pub name: String,
    /// The line.
    pub line: u32,
}

/// The variables and keys whose loss explains a failure.
pub const INTERESTING: [&str; 35] = [
    "ALL_PROXY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_REGION_PREFIX",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_USE_BEDROCK",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "availableModels",
    "awsAuthRefresh",
    "awsCredentialExport",
    "model",
    "modelOverrides",
];

/// Reads a user, project or local settings file, or the argument of `--settings`.
pub fn parse(text: &str) -> SettingsDocument {
    let page = Page::new(text);
    let settings =
        read(&page).and_then(
            |members| match wrong_types(&page, &members).into_iter().next() {
                Some((_, problem)) => Err(problem),
                None => Ok(settings(&page, &members)),
            },
        );
    document(&page, settings)
}

/// Reads a managed settings file.
///
/// A known key of the wrong type is dropped and the rest counts; an empty file counts as `{}`.
/// Anything else that is not a JSON object stops Claude Code with an error.
pub fn parse_managed(text: &str) -> SettingsDocument {
    let page = Page::new(text);
    if json::object(page.text).err() == Some(JsonProblem::Empty) {
        return SettingsDocument::Usable(Settings::default());
    }
    let settings = read(&page).map(|mut members| {
        let wrong = wrong_types(&page, &members);
        members.retain(|member| wrong.iter().all(|(top_key, _)| *top_key != member.key));
        let dropped = wrong.into_iter().map(|(_, problem)| problem).collect();
        Settings {
            dropped,
            ..settings(&page, &members)
        }
    });
    document(&page, settings)
}

/// Reads `~/.claude.json`, of which only the `env` block bears on Bedrock. What is no JSON ends Claude Code.
pub fn parse_claude_json(text: &str) -> SettingsDocument {
    let page = Page::new(text);
    // Nothing, or something else than an object, is taken for `{}` (seen, 2.1.330).
    if matches!(
        json::object(page.text).err(),
        Some(JsonProblem::Empty | JsonProblem::NotAnObject)
    ) {
        return SettingsDocument::Usable(Settings::default());
    }
    let settings = read(&page).map(|members| Settings {
        env: env(&page, &members),
        ..Settings::default()
    });
    document(&page, settings)
}

fn document(page: &Page<'_>, settings: Result<Settings, Problem>) -> SettingsDocument {
    match settings {
        Ok(settings) => SettingsDocument::Usable(settings),
        Err(problem) => SettingsDocument::Ignored {
            problem,
            mentions: mentions(page.text),
        },
    }
}

/// Reads the members of the object in the file.
fn read<'a>(page: &Page<'a>) -> Result<Vec<Member<'a>>, Problem> {
    let at = |line, column, what: &str| Problem {
        line,
        column,
        key: None,
        what: what.to_owned(),
    };
    json::object(page.text).map_err(|problem| match problem {
        JsonProblem::Empty => at(1, None, "the file is empty"),
        JsonProblem::NotAnObject => at(1, None, "the file must hold an object in braces"),
        JsonProblem::Malformed { line } => match fault::find(page.text) {
            Some(fault::Fault { offset, what }) => {
                at(page.line(offset), Some(page.column(offset)), what)
            }
            None => at(line, None, "something that is not JSON"),
        },
    })
}

/// Returns the known keys of the wrong type, each with the key of the file it belongs to.
fn wrong_types(page: &Page<'_>, members: &[Member<'_>]) -> Vec<(String, Problem)> {
    known::wrong_types(members)
        .into_iter()
        .map(|wrong| {
            let top_key = wrong.path.split('.').next().unwrap_or_default().to_owned();
            let problem = Problem {
                line: page.line_of(wrong.raw_key),
                column: None,
                key: Some(wrong.path),
                what: wrong.what,
            };
            (top_key, problem)
        })
        .collect()
}

/// Picks what bears on Bedrock.
fn settings(page: &Page<'_>, members: &[Member<'_>]) -> Settings {
    let member = |key: &str| members.iter().find(|member| member.key == key);
    let located = |key: &str| {
        member(key).and_then(|member| {
            let value = json::string(member.value)?;
            let line = page.line_of(member.raw_key);
            Some(Located { value, line })
        })
    };
    let keys = |wanted: fn(&str) -> bool| -> Vec<KeyAt> {
        members
            .iter()
            .filter(|member| wanted(&member.key))
            .map(|member| KeyAt {
                name: member.key.clone(),
                line: page.line_of(member.raw_key),
            })
            .collect()
    };
    let overrides = member("modelOverrides").and_then(|member| json::members(member.value));
    Settings {
        env: env(page, members),
        model: located("model"),
        aws_auth_refresh: located("awsAuthRefresh"),
        aws_credential_export: located("awsCredentialExport"),
        api_key_helper: member("apiKeyHelper").map(|member| Located {
            value: (),
            line: page.line_of(member.raw_key),
        }),
        model_overrides: overrides
            .unwrap_or_default()
            .into_iter()
            .filter_map(|member| {
                let value = json::string(member.value)?;
                let line = page.line_of(member.raw_key);
                Some((member.key, Located { value, line }))
            })
            .collect(),
        available_models: member("availableModels").map(|member| Located {
            value: texts(member.value),
            line: page.line_of(member.raw_key),
        }),
        force_login: keys(|key| key.starts_with("forceLogin")),
        misplaced: keys(is_misplaced),
        dropped: Vec::new(),
    }
}

/// Reads the `env` block.
fn env(page: &Page<'_>, members: &[Member<'_>]) -> Vec<EnvEntry> {
    json::get(members, "env")
        .and_then(json::members)
        .unwrap_or_default()
        .into_iter()
        .map(|member| EnvEntry {
            value: json::text(member.value),
            line: page.line_of(member.raw_key),
            name: member.key,
        })
        .collect()
}

/// The texts of a list.
fn texts(value: &RawValue) -> Vec<String> {
    let elements = json::elements(value).unwrap_or_default();
    elements.into_iter().filter_map(json::string).collect()
}

/// Returns whether a key of the file looks like a way to set up Bedrock and is none.
fn is_misplaced(key: &str) -> bool {
    const LOOKALIKES: [&str; 9] = [
        "apiProvider",
        "awsProfile",
        "awsRegion",
        "bedrock",
        "modelProvider",
        "provider",
        "region",
        "smallFastModel",
        "useBedrock",
    ];
    const VARIABLES: [&str; 3] = ["AWS_", "ANTHROPIC_", "CLAUDE_CODE_"];
    let is_key = |known: &&str| *known == key;
    let is_variable = VARIABLES.iter().any(|start| key.starts_with(start))
        || INTERESTING
            .iter()
            .any(|name| is_key(name) && name.starts_with(|c: char| c.is_ascii_uppercase()));
    let wrong_case = ["env", "model", "awsAuthRefresh", "awsCredentialExport"]
        .iter()
        .any(|known| key != *known && key.eq_ignore_ascii_case(known));
    is_variable || wrong_case || LOOKALIKES.iter().any(is_key)
}

/// Returns the interesting names that stand in quotes before a colon.
fn mentions(text: &str) -> Vec<String> {
    let is_key = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().last());
            let mut after = text.get(at + name.len()..).unwrap_or_default().chars();
            matches!(before, Some('"' | '\'' | '“' | '”'))
                && matches!(after.next(), Some('"' | '\'' | '”'))
                && after.as_str().trim_start().starts_with(':')
        })
    };
    INTERESTING
        .into_iter()
        .filter(|name| is_key(name))
        .map(str::to_owned)
        .collect()
}

/// A text whose lines can be found fast.
struct Page<'a> {
    text: &'a str,
    /// The offsets of the line ends.
    ends: Vec<usize>,
}

impl<'a> Page<'a> {
    /// Takes a text, without a byte order mark.
    fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { text, ends }
    }

    /// Returns the line of a slice of the text, from 1.
    fn line_of(&self, slice: &str) -> u32 {
        let start = self.text.as_ptr().addr();
        self.line(slice.as_ptr().addr().saturating_sub(start))
    }

    fn line(&self, offset: usize) -> u32 {
        short(self.ends.partition_point(|end| *end < offset) + 1)
    }

    /// Returns the column of an offset, in characters, from 1.
    fn column(&self, offset: usize) -> u32 {
        let before = self.text.get(..offset).unwrap_or(self.text);
        short(before.chars().rev().take_while(|c| *c != '\n').count() + 1)
    }
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
