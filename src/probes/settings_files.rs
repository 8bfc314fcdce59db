//! Claude Code's settings files of all levels.

use std::path::{Path, PathBuf};

use bedrock_doctor_checks::claude_code::SettingsInput;
use bedrock_doctor_checks::facts::SettingsLevel;
use bedrock_doctor_checks::parse::settings::{self, SettingsDocument};

use crate::world::{FileText, World};

/// The path of settings that stand on the command line themselves.
pub(crate) const INLINE: &str = "--settings";

/// Reads what `claude --settings` takes: JSON when it has braces around it, else a file. Where Claude Code ends with an
/// error (seen, 2.1.330), so does this.
pub(super) fn command_line(world: &World, text: &str) -> Result<SettingsInput, String> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        let document = settings::parse(trimmed);
        if let SettingsDocument::Ignored { problem, .. } = &document
            && problem.key.is_none()
        {
            return Err(format!(
                "--settings: line {}: {}; Claude Code ends with `Invalid JSON provided to --settings`",
                problem.line, problem.what
            ));
        }
        return Ok(SettingsInput {
            level: SettingsLevel::CommandLine,
            path: INLINE.to_owned(),
            document: Some(document),
            unreadable: None,
        });
    }
    // It may hold secrets: it is not repeated.
    if text.contains(['{', '"', '\n']) || trimmed.is_empty() {
        return Err(
            "--settings: this is neither the name of a file nor JSON with braces around it; \
             Claude Code ends with `Settings file not found`"
                .to_owned(),
        );
    }
    let path = world.working_folder().join(text);
    let input = input(world, SettingsLevel::CommandLine, &path);
    match (&input.document, &input.unreadable) {
        (Some(_), _) => Ok(input),
        (None, Some(why)) => Err(format!(
            "--settings: `{}` cannot be read: {why}",
            input.path
        )),
        (None, None) => Err(format!(
            "--settings: there is no file `{}`; Claude Code ends with `Settings file not found`",
            input.path
        )),
    }
}

/// Reads every settings file Claude Code would read, strongest first. `command_line`: what stands there already.
pub(super) fn read(world: &World, command_line: Option<&SettingsInput>) -> Vec<SettingsInput> {
    let managed = managed_folder(world);
    let drop_ins = managed.join("managed-settings.d");
    let mut names = world.list(&drop_ins).unwrap_or_default();
    // One whose name begins with a dot is passed over (seen, 2.1.330).
    names.retain(|name| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|extension| extension == "json") && !name.starts_with('.')
    });
    // Later files beat earlier ones, and all of them the main file.
    let mut files: Vec<(SettingsLevel, PathBuf)> = names
        .iter()
        .rev()
        .map(|name| (SettingsLevel::Managed, drop_ins.join(name)))
        .collect();
    files.push((
        SettingsLevel::Managed,
        managed.join("managed-settings.json"),
    ));
    let project = world.working_folder().join(".claude");
    files.push((SettingsLevel::Local, project.join("settings.local.json")));
    let user = user_folder(world);
    let of_project = project.join("settings.json");
    let of_user = user.as_ref().map(|folder| folder.join("settings.json"));
    // In the home folder both are the same file.
    if of_user.as_ref() != Some(&of_project) {
        files.push((SettingsLevel::Project, of_project));
    }
    files.extend(of_user.map(|path| (SettingsLevel::User, path)));
    files.extend(state_file(world).map(|path| (SettingsLevel::State, path)));
    let mut inputs: Vec<SettingsInput> = files
        .into_iter()
        .map(|(level, path)| input(world, level, &path))
        .collect();
    let below_managed = |input: &SettingsInput| input.level > SettingsLevel::CommandLine;
    let place = inputs
        .iter()
        .position(below_managed)
        .unwrap_or(inputs.len());
    inputs.splice(place..place, command_line.cloned());
    inputs
}

fn input(world: &World, level: SettingsLevel, path: &Path) -> SettingsInput {
    let (document, unreadable) = match world.read(path) {
        FileText::Absent => (None, None),
        FileText::Unreadable(why) => (None, Some(why)),
        FileText::Text(text) => {
            let document = match level {
                SettingsLevel::Managed => settings::parse_managed(&text),
                SettingsLevel::State => settings::parse_claude_json(&text),
                SettingsLevel::CommandLine
                | SettingsLevel::Local
                | SettingsLevel::Project
                | SettingsLevel::User => settings::parse(&text),
            };
            (Some(document), None)
        }
    };
    SettingsInput {
        level,
        path: world.shown(path),
        document,
        unreadable,
    }
}

fn managed_folder(world: &World) -> PathBuf {
    if cfg!(target_os = "macos") {
        world.system("Library/Application Support/ClaudeCode")
    } else if cfg!(windows) {
        PathBuf::from(r"C:\Program Files\ClaudeCode")
    } else {
        world.system("etc/claude-code")
    }
}

/// `CLAUDE_CONFIG_DIR`, below the working folder when it is no absolute path.
fn config_folder(world: &World) -> Option<PathBuf> {
    let folder = world.variable("CLAUDE_CONFIG_DIR")?;
    Some(world.working_folder().join(folder))
}

/// An empty `CLAUDE_CONFIG_DIR` is the working folder for the settings, and none for the state (seen, 2.1.330).
fn user_folder(world: &World) -> Option<PathBuf> {
    config_folder(world).or_else(|| Some(world.home()?.join(".claude")))
}

fn state_file(world: &World) -> Option<PathBuf> {
    let is_set = world
        .variable("CLAUDE_CONFIG_DIR")
        .is_some_and(|folder| !folder.is_empty());
    config_folder(world)
        .filter(|_| is_set)
        .or_else(|| world.home().map(Path::to_path_buf))
        .map(|folder| folder.join(".claude.json"))
}
