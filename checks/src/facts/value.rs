//! A value of the configuration: where it comes from, and what it beat.

use serde::{Deserialize, Serialize};

/// A value, its source, and the values it beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value<T> {
    /// The value in use.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
    /// What it beat, strongest first.
    #[serde(default = "Vec::new")]
    pub overridden: Vec<Overridden<T>>,
}

impl<T> Value<T> {
    /// A value nobody contested.
    pub fn new(value: T, source: Source) -> Self {
        Self {
            value,
            source,
            overridden: Vec::new(),
        }
    }

    /// The same with every value changed, those that lost too.
    #[must_use]
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Value<U> {
        let lost = self.overridden.into_iter();
        Value {
            value: change(self.value),
            source: self.source,
            overridden: lost
                .map(|lost| Overridden {
                    value: change(lost.value),
                    source: lost.source,
                })
                .collect(),
        }
    }
}

/// A value that lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden<T> {
    /// The value that is not used.
    pub value: T,
    /// Where it stands.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The kind of place.
    pub kind: SourceKind,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The variable, JSON key or INI section and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Source {
    /// A built-in default.
    pub fn default_of(name: &str) -> Self {
        Self {
            kind: SourceKind::Default,
            path: None,
            line: None,
            name: Some(name.to_owned()),
        }
    }

    /// A variable of the environment Claude Code is started from.
    pub fn environment(name: &str) -> Self {
        Self {
            kind: SourceKind::Environment,
            path: None,
            line: None,
            name: Some(name.to_owned()),
        }
    }

    /// `AWS_REGION in ~/.claude/settings.json:4`, for a sentence.
    pub fn words(&self) -> String {
        let place = match (&self.path, self.line) {
            (Some(path), Some(line)) => format!("{path}:{line}"),
            (Some(path), None) => path.clone(),
            (None, _) => match self.kind {
                SourceKind::Environment => "the environment".to_owned(),
                SourceKind::Flag => "a flag of this run".to_owned(),
                _ => "the built-in default".to_owned(),
            },
        };
        match (&self.name, self.kind) {
            (Some(name), SourceKind::Default) => format!("the default ({name})"),
            (Some(name), SourceKind::Flag) if self.path.is_none() => format!("`{name}`"),
            (Some(name), _) => format!("`{name}` in {place}"),
            (None, _) => place,
        }
    }
}

/// The kind of place a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The environment Claude Code is started from.
    Environment,
    /// A Claude Code settings file, whoever wrote it.
    Settings,
    /// A settings file of the project in the working directory.
    ProjectSettings,
    /// A settings file of the organization.
    ManagedSettings,
    /// `~/.aws/config` or `~/.aws/credentials`.
    AwsFile,
    /// A flag of this program.
    Flag,
    /// Claude Code's own default.
    Default,
}
