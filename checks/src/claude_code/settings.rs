//! What the settings files say: models, helper commands, and what became of each file.

use std::collections::BTreeMap;

use super::environment::{Environment, source_kind};
use super::models::ModelSettings;
use crate::facts::{
    DroppedKey, HelperCommand, Overridden, SettingsFile, SettingsLevel, SettingsState, Source,
    Value,
};
use crate::parse::settings::{Located, Settings, SettingsDocument};

/// A settings file as it was found. May hold secrets: no `Debug`, never serialised.
#[derive(Clone)]
pub struct SettingsInput {
    /// Whose it is.
    pub level: SettingsLevel,
    /// Where it stands.
    pub path: String,
    /// What it says; none when there is none.
    pub document: Option<SettingsDocument>,
    /// Why it could not be read.
    pub unreadable: Option<String>,
}

impl SettingsInput {
    pub(super) fn source(&self, line: Option<u32>, name: &str) -> Source {
        Source {
            kind: source_kind(self.level),
            path: Some(self.path.clone()),
            line,
            name: Some(name.to_owned()),
        }
    }

    pub(super) fn usable(&self) -> Option<&Settings> {
        match &self.document {
            Some(SettingsDocument::Usable(settings)) => Some(settings),
            _ => None,
        }
    }
}

/// The values of one key in all usable files, strongest first, as one value with its losers.
pub(crate) fn first_of(values: impl Iterator<Item = (String, Source)>) -> Option<Value<String>> {
    let mut values = values;
    let (value, source) = values.next()?;
    Some(Value {
        value,
        source,
        overridden: values
            .map(|(value, source)| Overridden { value, source })
            .collect(),
    })
}

pub(super) fn model_settings(files: &[SettingsInput], environment: &Environment) -> ModelSettings {
    // Whoever embeds Claude Code chooses the model then, not the organization (seen, 2.1.330).
    let embedded = environment.is_managed_by_host();
    let usable = || {
        files
            .iter()
            .filter(|file| !(embedded && file.level == SettingsLevel::Managed))
            .filter_map(|file| Some((file, file.usable()?)))
    };
    let model = first_of(
        usable()
            .filter(|(file, _)| file.level != SettingsLevel::State)
            .filter_map(|(file, settings)| {
                let model = settings.model.as_ref()?;
                Some((model.value.clone(), file.source(Some(model.line), "model")))
            }),
    );
    let mut overrides = BTreeMap::new();
    for (file, settings) in usable() {
        // An empty target counts for nothing (seen, 2.1.330).
        let targets = settings.model_overrides.iter();
        for (id, target) in targets.filter(|(_, target)| !target.value.is_empty()) {
            overrides.entry(id.clone()).or_insert_with(|| {
                let name = format!("modelOverrides.{id}");
                Value::new(target.value.clone(), file.source(Some(target.line), &name))
            });
        }
    }
    let available = usable().find_map(|(file, settings)| {
        let available = settings.available_models.as_ref()?;
        let source = file.source(Some(available.line), "availableModels");
        Some(Value::new(available.value.clone(), source))
    });
    ModelSettings {
        flag: None,
        model,
        overrides,
        available,
    }
}

pub(super) fn helper(
    files: &[SettingsInput],
    name: &str,
    of: impl Fn(&Settings) -> Option<&Located<String>>,
) -> Option<Value<HelperCommand>> {
    let found = first_of(
        files
            .iter()
            .filter(|file| file.level != SettingsLevel::State)
            .filter_map(|file| {
                let located = of(file.usable()?)?;
                Some((located.value.clone(), file.source(Some(located.line), name)))
            }),
    )
    // An empty command is none, and it hides those of weaker files (seen, 2.1.330).
    .filter(|found| !found.value.is_empty())?;
    Some(Value {
        value: HelperCommand {
            shown: shown_command(&found.value),
        },
        source: found.source,
        overridden: Vec::new(),
    })
}

/// The whole command when it is a sign-in of the AWS CLI, else its program: arguments may hold secrets.
pub fn shown_command(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_plain = |word: &&str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./=@".contains(c))
    };
    match words.as_slice() {
        ["aws", "sso", "login", rest @ ..] | ["aws", "login", rest @ ..]
            if rest.iter().all(is_plain) =>
        {
            words.join(" ")
        }
        // An assignment in front of the program would show its value.
        [program, rest @ ..] if !program.contains('=') => {
            if rest.is_empty() {
                (*program).to_owned()
            } else {
                format!("{program} …")
            }
        }
        _ => "…".to_owned(),
    }
}

pub(super) fn settings_file(file: &SettingsInput) -> SettingsFile {
    let state = match (&file.document, &file.unreadable) {
        (_, Some(problem)) => SettingsState::Unreadable {
            problem: problem.clone(),
        },
        (None, None) => SettingsState::Absent,
        (Some(SettingsDocument::Ignored { problem, mentions }), None) => SettingsState::Ignored {
            line: problem.line,
            key: problem.key.clone(),
            problem: problem.what.clone(),
            lost: mentions.clone(),
        },
        (Some(SettingsDocument::Usable(settings)), None) => SettingsState::Used {
            env: settings
                .env
                .iter()
                .map(|entry| entry.name.clone())
                .collect(),
            keys: [
                ("model", settings.model.is_some()),
                ("awsAuthRefresh", settings.aws_auth_refresh.is_some()),
                (
                    "awsCredentialExport",
                    settings.aws_credential_export.is_some(),
                ),
                ("modelOverrides", !settings.model_overrides.is_empty()),
                ("apiKeyHelper", settings.api_key_helper.is_some()),
            ]
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| name.to_owned())
            .collect(),
            dropped: settings
                .dropped
                .iter()
                .map(|problem| DroppedKey {
                    line: problem.line,
                    problem: problem.what.clone(),
                })
                .collect(),
        },
    };
    SettingsFile {
        level: file.level,
        path: file.path.clone(),
        state,
    }
}
