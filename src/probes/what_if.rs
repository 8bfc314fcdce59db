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
    /// Reads the flags; the variables among them are already in `world`. An error is one that Claude Code would end with.
    pub(crate) fn of(world: &World, args: &WhatIfArgs) -> Result<Self, String> {
        let settings = args.settings.as_deref();
        let settings = settings
            .map(|text| settings_files::command_line(world, text))
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
        told.extend(args.env.iter().map(|(name, _)| format!("--env {name}=…")));
        Ok(Self {
            profile: args.profile.clone(),
            region: args.region.clone(),
            model: args.model.clone(),
            settings,
            version: args.claude_version,
            told,
        })
    }
}
