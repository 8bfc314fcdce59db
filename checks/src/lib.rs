//! What `bedrock-doctor` knows: how Claude Code decides, what can go wrong, and how it is told.
//!
//! Pure functions over [`facts::Facts`]. Nothing here reads the environment, files, the network or a clock:
//! the lints of this crate forbid it.

#![warn(missing_docs)]

pub mod access;
pub mod answer;
pub mod aws_cli;
pub mod check;
pub mod claude_code;
pub mod denial;
pub mod diagnosis;
pub mod facts;
pub mod finding;
pub mod forecast;
pub mod parse;
pub mod policy;
pub mod probe;
pub mod quotas;
pub mod registry;
pub mod signatures;
pub mod text;

mod configuration;
mod credentials;
mod identity;
mod models;
mod network;
mod permissions;
mod quota_names;
mod region;
mod sso;
mod version;

#[cfg(test)]
mod sample;
