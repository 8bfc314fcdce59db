//! The Claude Code that would start, found from its files: starting it would take seconds and change its state.

use std::path::{Path, PathBuf};

use bedrock_doctor_checks::claude_code::versions::Version;
use bedrock_doctor_checks::facts::ClaudeCode;

use crate::world::{FileText, World};

/// Looks for Claude Code on the search path, then in the places its installers use.
pub(super) fn observe(world: &World) -> ClaudeCode {
    let Some(found) = find(world) else {
        return ClaudeCode {
            version: None,
            path: None,
            installation: None,
        };
    };
    let real = world.real_path(&found).unwrap_or_else(|| found.clone());
    let (version, installation) = native(&real)
        .map(|version| (version, "native"))
        .or_else(|| Some((npm(world, &real)?, "npm")))
        .unzip();
    ClaudeCode {
        version,
        path: Some(world.shown(&found)),
        installation: installation.map(str::to_owned),
    }
}

fn find(world: &World) -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) {
        &["claude.exe", "claude.cmd"]
    } else {
        &["claude"]
    };
    let separator = if cfg!(windows) { ';' } else { ':' };
    let on_path = world
        .variable("PATH")
        .unwrap_or_default()
        .split(separator)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let installed = [
        ".local/bin",
        ".claude/local",
        ".claude/local/node_modules/.bin",
    ]
    .iter()
    .filter_map(|folder| Some(world.home()?.join(folder)));
    on_path
        .chain(installed)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| world.is_file(path))
}

/// The native installer links to `…/claude/versions/<version>`.
fn native(real: &Path) -> Option<String> {
    let name = real.file_name()?.to_str()?;
    Version::parse(name).map(|version| version.to_string())
}

/// An npm package has its version in `package.json`, beside or above the program.
fn npm(world: &World, real: &Path) -> Option<String> {
    real.ancestors().skip(1).take(5).find_map(|folder| {
        let package = match world.read(&folder.join("package.json")) {
            FileText::Text(text) => serde_json::from_str::<serde_json::Value>(&text).ok()?,
            FileText::Absent | FileText::Unreadable(_) => return None,
        };
        let name = package.get("name")?.as_str()?;
        if !name.starts_with("@anthropic-ai/claude-code") {
            return None;
        }
        Some(package.get("version")?.as_str()?.to_owned())
    })
}
