//! The machine itself.

use serde::{Deserialize, Serialize};

/// The machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent observations, each with a name in the report"
)]
pub struct Machine {
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// The home folder Claude Code will use; none when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Runs in Windows Subsystem for Linux.
    pub wsl: bool,
    /// Runs in a container.
    pub container: bool,
    /// Runs in an SSH session.
    pub ssh: bool,
    /// Runs under continuous integration.
    pub ci: bool,
}

/// The Claude Code that would start, found without starting it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaudeCode {
    /// Its version, when a file tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How it was installed: `native`, `npm`, or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
}
