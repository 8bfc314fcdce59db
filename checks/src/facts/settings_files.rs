//! What became of Claude Code's settings files.

use serde::{Deserialize, Serialize};

/// A settings file Claude Code looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsFile {
    /// Whose it is.
    pub level: SettingsLevel,
    /// Where it stands.
    pub path: String,
    /// What became of it.
    pub state: SettingsState,
}

impl SettingsFile {
    /// Whether Claude Code ends at its start because of it: broken managed settings, and a `~/.claude.json` that is no JSON.
    pub fn ends_claude_code(&self) -> bool {
        matches!(self.level, SettingsLevel::Managed | SettingsLevel::State)
            && matches!(self.state, SettingsState::Ignored { .. })
    }
}

/// Whose a settings file is; the stronger first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsLevel {
    /// `managed-settings.json` and `managed-settings.d/`.
    Managed,
    /// `claude --settings`.
    CommandLine,
    /// `.claude/settings.local.json`.
    Local,
    /// `.claude/settings.json`.
    Project,
    /// `~/.claude/settings.json`.
    User,
    /// The `env` block of `~/.claude.json`.
    State,
}

impl SettingsLevel {
    /// The words in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Managed => "managed settings",
            Self::CommandLine => "settings on the command line",
            Self::Local => "local project settings",
            Self::Project => "project settings",
            Self::User => "user settings",
            Self::State => "state file",
        }
    }
}

/// What became of a settings file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SettingsState {
    /// There is none.
    Absent,
    /// Claude Code uses it.
    Used {
        /// The variables its `env` block sets, by name.
        env: Vec<String>,
        /// Other keys that bear on Bedrock.
        keys: Vec<String>,
        /// Keys of the wrong type that Claude Code leaves out: managed files only.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<DroppedKey>,
    },
    /// Claude Code ignores the whole file, without a word.
    Ignored {
        /// The line of the problem, from 1.
        line: u32,
        /// The key, when one is to blame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// What is wrong there.
        problem: String,
        /// Settings that bear on Bedrock and are lost with it.
        lost: Vec<String>,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        problem: String,
    },
}

/// A key of the wrong type that Claude Code leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedKey {
    /// Its line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub problem: String,
}
