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
            .get("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST")
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

    fn add(&mut self, name: &str, value: &str, source: Source) {
        self.variables
            .entry(name.to_owned())
            .or_default()
            .push((value.to_owned(), source));
    }

    /// The same environment without what a project's files set: what control-plane calls see of endpoints and proxies.
    #[must_use]
    pub fn without_project(&self) -> Self {
        let mut kept = self.clone();
        for values in kept.variables.values_mut() {
            values.retain(|(_, source)| source.kind != SourceKind::ProjectSettings);
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

/// With `CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST` the settings files have no say in provider, Region, endpoint and authentication.
fn is_hosts_business(name: &str) -> bool {
    name.starts_with("AWS_")
        || name.starts_with("CLAUDE_CODE_USE_")
        || name.starts_with("CLAUDE_CODE_SKIP_")
        || (name.starts_with("ANTHROPIC_")
            && (name.ends_with("_BASE_URL") || name.ends_with("_TOKEN")))
}

/// The kind of source a settings file of this level is.
pub(super) fn source_kind(level: SettingsLevel) -> SourceKind {
    match level {
        SettingsLevel::Managed => SourceKind::ManagedSettings,
        SettingsLevel::Local | SettingsLevel::Project => SourceKind::ProjectSettings,
        SettingsLevel::User | SettingsLevel::State => SourceKind::Settings,
    }
}
