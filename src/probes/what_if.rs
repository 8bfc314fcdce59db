//! What is assumed instead of what the machine says.

use bedrock_doctor_checks::claude_code::SettingsInput;
use bedrock_doctor_checks::claude_code::versions::Version;
use bedrock_doctor_checks::text::shell_word;

use super::settings_files;
use crate::cli::WhatIfArgs;
use crate::world::World;

/// What is assumed instead of what the machine says.
#[derive(Clone, Default)]
pub(crate) struct WhatIf {
    /// `AWS_PROFILE`.
    pub(crate) profile: Option<String>,
    /// `AWS_REGION`.
    pub(crate) region: Option<String>,
    /// `claude --model`.
    pub(crate) model: Option<String>,
    /// `claude --settings`.
    pub(crate) settings: Option<SettingsInput>,
    /// The version of Claude Code.
    pub(crate) version: Option<Version>,
    /// The assumptions as the report names them.
    pub(crate) told: Vec<String>,
}

impl WhatIf {
    /// Reads the flags: the machine with the variables among them, and the rest. Settings with which Claude Code would end
    /// are an error.
    pub(crate) fn of(world: &World, args: &WhatIfArgs) -> Result<(World, Self), String> {
        let variables = args.env.iter().map(|text| variable(text));
        let variables = variables.collect::<Result<Vec<(String, String)>, String>>()?;
        let world = world.with_variables(&variables);
        let settings = args.settings.as_deref();
        let settings = settings
            .map(|text| settings_files::command_line(&world, text))
            .transpose()?;
        let flag = |name: &str, value: &Option<String>| {
            let value = value.as_deref()?;
            Some(format!("--{name} {}", shell_word(value)))
        };
        let mut told: Vec<String> = [
            flag("profile", &args.profile),
            flag("region", &args.region),
            flag("model", &args.model),
        ]
        .into_iter()
        .flatten()
        .collect();
        told.extend(settings.iter().map(|input| {
            if input.path == settings_files::INLINE {
                "--settings with JSON".to_owned()
            } else {
                format!("--settings {}", shell_word(&input.path))
            }
        }));
        told.extend(
            args.claude_version
                .iter()
                .map(|version| format!("--claude-version {version}")),
        );
        // A value may be a secret.
        told.extend(variables.iter().map(|(name, value)| {
            let shown = if value.is_empty() { "" } else { "…" };
            format!("--env {name}={shown}")
        }));
        let what_if = Self {
            profile: args.profile.clone(),
            region: args.region.clone(),
            model: args.model.clone(),
            settings,
            version: args.claude_version,
            told,
        };
        Ok((world, what_if))
    }

    /// The variables that flags stand for: name, value, flag.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        let all = [
            ("AWS_PROFILE", &self.profile, "--profile"),
            ("AWS_REGION", &self.region, "--region"),
        ];
        all.into_iter()
            .filter_map(|(name, value, flag)| Some((name, value.as_deref()?, flag)))
    }

    /// The machine as another program would see it that is started with the same assumptions.
    pub(super) fn shell(&self, world: &World) -> World {
        let variables = self.variables();
        let variables: Vec<(String, String)> = variables
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect();
        world.with_variables(&variables)
    }
}

/// A variable and its value. What is wrong is not repeated: it may be a secret.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("--env needs NAME=VALUE; what was given has no name before a `=`".to_owned()),
    }
}
