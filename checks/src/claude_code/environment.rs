//! The environment as Claude Code sees it: the shell's variables, replaced by the `env` blocks of the settings files.

use std::collections::BTreeMap;

use super::SettingsInput;
use crate::facts::{Overridden, SettingsLevel, Source, SourceKind, Value};
use crate::parse::settings::SettingsDocument;

/// The environment as Claude Code sees it. Holds secrets: it has no `Debug` and is never serialised.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Vec<(String, Source)>>,
}

impl Environment {
    /// Merges the shell's variables with the settings files, given strongest first.
    ///
    /// A settings file's value replaces the shell's, and `""` counts as a value: it unsets.
    pub fn merge(shell: &BTreeMap<String, String>, settings: &[SettingsInput]) -> Self {
        let mut merged = Self::default();
        let managed_by_host = shell
            .get(MANAGED_BY_HOST)
            .is_some_and(|value| super::provider::is_on(value));
        for file in settings {
            let Some(SettingsDocument::Usable(document)) = &file.document else {
                continue;
            };
            for entry in &document.env {
                if managed_by_host && is_hosts_business(&entry.name) {
                    continue;
                }
                let source = file.source(Some(entry.line), &format!("env.{}", entry.name));
                merged.add(&entry.name, &entry.value, source);
            }
        }
        for (name, value) in shell {
            merged.add(name, value, Source::environment(name));
        }
        merged
    }

    /// Whether a program that embeds Claude Code chooses the provider; a settings file cannot say so.
    pub fn is_managed_by_host(&self) -> bool {
        let values = self.variables.get(MANAGED_BY_HOST);
        values.into_iter().flatten().any(|(value, source)| {
            source.kind == SourceKind::Environment && super::provider::is_on(value)
        })
    }

    fn add(&mut self, name: &str, value: &str, source: Source) {
        self.variables
            .entry(name.to_owned())
            .or_default()
            .push((value.to_owned(), source));
    }

    /// Sets a variable before everything else, because a flag of this program says so.
    pub fn set(&mut self, name: &str, value: &str, flag: &str) {
        let source = Source {
            kind: SourceKind::Flag,
            path: None,
            line: None,
            name: Some(flag.to_owned()),
        };
        let values = self.variables.entry(name.to_owned()).or_default();
        values.insert(0, (value.to_owned(), source));
    }

    /// The environment that control-plane calls see: they are made before a project's files count in full. Of those only
    /// the Region, the profile and what chooses and switches providers reach them (seen, 2.1.330).
    #[must_use]
    pub fn of_control_plane(&self) -> Self {
        let mut kept = self.clone();
        for (name, values) in &mut kept.variables {
            let counts = REACH_CONTROL_PLANE.contains(&name.as_str())
                || name.starts_with("CLAUDE_CODE_USE_")
                || name.starts_with("CLAUDE_CODE_SKIP_");
            values.retain(|(_, source)| counts || source.kind != SourceKind::ProjectSettings);
        }
        kept.variables.retain(|_, values| !values.is_empty());
        kept
    }

    /// The value in use, also when it is empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let (value, _) = self.variables.get(name)?.first()?;
        Some(value)
    }

    /// The value in use, when it is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value in use with its source and what it beat.
    pub fn value(&self, name: &str) -> Option<Value<String>> {
        let values = self.variables.get(name)?;
        let ((value, source), losers) = values.split_first()?;
        Some(Value {
            value: value.clone(),
            source: source.clone(),
            overridden: losers
                .iter()
                .map(|(value, source)| Overridden {
                    value: value.clone(),
                    source: source.clone(),
                })
                .collect(),
        })
    }

    /// Like [`Self::value`], only when it is not empty.
    pub fn set_value(&self, name: &str) -> Option<Value<String>> {
        self.value(name).filter(|value| !value.value.is_empty())
    }

    /// The values that lost against an empty one: it unsets a variable.
    pub fn unset(&self, name: &str) -> Vec<Overridden<String>> {
        let lost = self.value(name).filter(|value| value.value.is_empty());
        let lost = lost.map(|value| value.overridden).unwrap_or_default();
        lost.into_iter()
            .filter(|lost| !lost.value.is_empty())
            .collect()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Every value of every variable, the ones that lost too.
    pub fn all_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().flat_map(|(name, values)| {
            let values = values.iter().map(|(value, _)| value.as_str());
            values.map(|value| (name.as_str(), value))
        })
    }

    /// The variables a child process gets, as Claude Code would pass them on.
    pub fn for_child(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, values)| {
            let (value, _) = values.first()?;
            Some((name.as_str(), value.as_str()))
        })
    }
}

const MANAGED_BY_HOST: &str = "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST";

/// Variables of a project's files that reach control-plane calls.
const REACH_CONTROL_PLANE: [&str; 3] = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"];

/// With `CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST` the settings files have no say in provider, Region, endpoint, proxy,
/// authentication and models (seen, 2.1.330).
fn is_hosts_business(name: &str) -> bool {
    [
        "AWS_",
        "ANTHROPIC_",
        "CLAUDE_CODE_USE_",
        "CLAUDE_CODE_SKIP_",
    ]
    .iter()
    .any(|beginning| name.starts_with(beginning))
        || name.to_ascii_lowercase().ends_with("_proxy")
}

/// The kind of source a settings file of this level is.
pub(super) fn source_kind(level: SettingsLevel) -> SourceKind {
    match level {
        SettingsLevel::Managed => SourceKind::ManagedSettings,
        SettingsLevel::CommandLine => SourceKind::Flag,
        SettingsLevel::Local | SettingsLevel::Project => SourceKind::ProjectSettings,
        SettingsLevel::User | SettingsLevel::State => SourceKind::Settings,
    }
}
