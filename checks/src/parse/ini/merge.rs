//! The two AWS files as one, key by key.

use std::collections::BTreeMap;

use super::{Entry, FileKind, IniFile};

/// The profiles of both files, by name.
pub type Merged = BTreeMap<String, MergedProfile>;

/// A profile with the keys of both files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergedProfile {
    /// The line of its header in the config file, if it is there.
    pub config_line: Option<u32>,
    /// The line of its header in the credentials file, if it is there.
    pub credentials_line: Option<u32>,
    /// The keys that count.
    pub keys: BTreeMap<String, MergedEntry>,
}

impl MergedProfile {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(|merged| merged.entry.value.as_str())
    }
}

/// A value, the file it comes from, and whether it hides another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedEntry {
    /// The value and its line.
    pub entry: Entry,
    /// The file.
    pub file: FileKind,
    /// The line of the config file that says something else and does not count.
    pub hides_config_line: Option<u32>,
}

/// Merges the profiles of both files; where both give a key, the credentials file wins.
pub fn merge(config: &IniFile, credentials: &IniFile) -> Merged {
    let mut merged = Merged::new();
    for (name, section) in &config.profiles {
        let keys = section.keys.iter().map(|(key, entry)| {
            let merged = MergedEntry {
                entry: entry.clone(),
                file: FileKind::Config,
                hides_config_line: None,
            };
            (key.clone(), merged)
        });
        let profile = MergedProfile {
            config_line: Some(section.line),
            credentials_line: None,
            keys: keys.collect(),
        };
        merged.insert(name.clone(), profile);
    }
    for (name, section) in &credentials.profiles {
        let profile = merged.entry(name.clone()).or_default();
        profile.credentials_line = Some(section.line);
        for (key, entry) in &section.keys {
            let hides_config_line = profile
                .keys
                .get(key)
                .filter(|hidden| hidden.entry.value != entry.value)
                .map(|hidden| hidden.entry.line);
            let winner = MergedEntry {
                entry: entry.clone(),
                file: FileKind::Credentials,
                hides_config_line,
            };
            profile.keys.insert(key.clone(), winner);
        }
    }
    merged
}
