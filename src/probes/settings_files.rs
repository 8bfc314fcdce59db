//! Claude Code's settings files of all levels.

use std::path::{Path, PathBuf};

use bedrock_doctor_checks::claude_code::SettingsInput;
use bedrock_doctor_checks::facts::SettingsLevel;
use bedrock_doctor_checks::parse::settings;

use crate::world::{FileText, World};

/// Reads every settings file Claude Code would read, strongest first.
pub(super) fn read(world: &World) -> Vec<SettingsInput> {
    let managed = managed_folder(world);
    let drop_ins = managed.join("managed-settings.d");
    let mut names = world.list(&drop_ins).unwrap_or_default();
    names.retain(|name| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "json")
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
    files
        .into_iter()
        .map(|(level, path)| input(world, level, &path))
        .collect()
}

fn input(world: &World, level: SettingsLevel, path: &Path) -> SettingsInput {
    let (document, unreadable) = match world.read(path) {
        FileText::Absent => (None, None),
        FileText::Unreadable(why) => (None, Some(why)),
        FileText::Text(text) => {
            let document = match level {
                SettingsLevel::Managed => settings::parse_managed(&text),
                SettingsLevel::State => settings::parse_claude_json(&text),
                SettingsLevel::Local | SettingsLevel::Project | SettingsLevel::User => {
                    settings::parse(&text)
                }
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

fn config_folder(world: &World) -> Option<PathBuf> {
    world
        .variable("CLAUDE_CONFIG_DIR")
        .filter(|folder| !folder.is_empty())
        .map(|folder| world.working_folder().join(folder))
}

fn user_folder(world: &World) -> Option<PathBuf> {
    config_folder(world).or_else(|| Some(world.home()?.join(".claude")))
}

fn state_file(world: &World) -> Option<PathBuf> {
    config_folder(world)
        .or_else(|| world.home().map(Path::to_path_buf))
        .map(|folder| folder.join(".claude.json"))
}
