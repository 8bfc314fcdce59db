//! `~/.aws/config` and `~/.aws/credentials`, as the AWS SDK for JavaScript reads them.
//!
//! The SDK is lenient and says nothing: a section it does not know is skipped with all its keys.
//! What it skips is collected in [`IniFile::ignored`], with line numbers. Mirrors `parseIni` and
//! `getConfigData` of `@smithy/core` 3.41.0 (`@smithy/shared-ini-file-loader`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod header;
mod merge;
mod reader;

pub use merge::{Merged, MergedEntry, MergedProfile, merge};

/// Which of the two files a text is. They differ in how profiles are headed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// `~/.aws/config`: `[profile name]`, `[default]`.
    Config,
    /// `~/.aws/credentials`: `[name]`.
    Credentials,
}

/// One file: profiles and the like with line numbers, and what was ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IniFile {
    /// The profiles, under the name by which `AWS_PROFILE` finds them.
    ///
    /// In the credentials file `[profile x]` makes a profile called `profile.x`.
    pub profiles: BTreeMap<String, Section>,
    /// The `[sso-session …]` sections; the SDK takes them from the config file only.
    pub sso_sessions: BTreeMap<String, Section>,
    /// The `[services …]` sections of the config file.
    pub services: BTreeMap<String, Section>,
    /// What the file says in vain, in the order of the lines.
    pub ignored: Vec<IgnoredLine>,
}

/// A section with at least one key; one without does not exist for the SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The line of the first header with this name.
    pub line: u32,
    /// The keys; one of a sub-section is called `parent.key`.
    pub keys: BTreeMap<String, Entry>,
}

impl Section {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(|entry| entry.value.as_str())
    }
}

/// A value and where it stands. `Debug` hides the value: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value, never empty.
    pub value: String,
    /// The line.
    pub line: u32,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// A line that does not do what it looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredLine {
    /// The line.
    pub line: u32,
    /// What is the matter with it.
    #[serde(flatten)]
    pub why: IgnoredWhy,
}

/// What is the matter with a line. Holds names of sections and of known keys, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum IgnoredWhy {
    /// `[name]` in the config file, where a profile is `[profile name]`.
    SectionWithoutProfilePrefix {
        /// The name.
        name: String,
    },
    /// `[profile name]` in the credentials file, where a profile is `[name]`.
    ProfilePrefixInCredentials {
        /// The name.
        name: String,
    },
    /// `[sso-session name]` or `[services name]` in the credentials file.
    ConfigSectionInCredentials {
        /// The name.
        name: String,
    },
    /// A name with blanks, or with other characters than letters, digits and `_-@+.%:/`.
    QuotedOrSpacedName {
        /// The name, without the outer blanks and quotes.
        name: String,
    },
    /// A section of a kind the SDK does not know, such as `[plugins]`.
    UnknownSection {
        /// The text between the brackets.
        name: String,
    },
    /// A section without a single key that has a value.
    EmptySection {
        /// The name.
        name: String,
    },
    /// A section that was there before; the keys of both count, of the same key the last one.
    DuplicateSection {
        /// The name.
        name: String,
        /// The line of the first.
        first_line: u32,
    },
    /// `[default]` in a config file that has `[profile default]` too, which replaces it.
    DefaultReplaced {
        /// The line of `[profile default]`.
        by_line: u32,
    },
    /// A key before the first section.
    KeyOutsideSection,
    /// A line that is neither a section nor `key = value`.
    NoEqualsSign,
    /// A line that begins with `=`.
    NoKey,
    /// A known key in upper case; the SDK looks for the lower case.
    UpperCaseKey {
        /// The key as it stands there.
        key: String,
    },
    /// A known key that is given again; only the last counts.
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the one before.
        first_line: u32,
    },
    /// A known key without a value. Indented lines below it become its sub-keys.
    EmptyValue {
        /// The key.
        key: String,
    },
    /// `[__proto__]`: the SDK refuses the whole file for it.
    WholeFileRefused,
}

/// Reads a file.
pub fn parse(text: &str, kind: FileKind) -> IniFile {
    reader::read(text, kind)
}

#[cfg(test)]
mod tests;
