//! The version of Claude Code and its known defects.

mod claude_code_version_known_good;

pub(crate) use self::claude_code_version_known_good::ClaudeCodeVersionKnownGood;
