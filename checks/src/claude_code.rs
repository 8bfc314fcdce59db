//! How Claude Code decides: settings precedence, provider, Region, credentials, models, endpoints, proxies.
//!
//! Source: what was seen of the published program (`tests/data/observed`), then its documentation.

pub mod credential_plan;
pub mod environment;
pub mod headers;
pub mod ignored;
pub mod model_ids;
pub mod models;
pub mod network;
pub mod profiles;
pub mod provider;
pub mod region;
pub mod request;
pub mod variables;
pub mod versions;

use self::credential_plan::{Link, Plan};
use self::environment::Environment;
use self::models::{ModelSettings, Target};
use self::network::{Plane, Routing};
use self::profiles::Profiles;
use self::versions::{Rule, Rules, Version};
use crate::facts::{
    Configuration, DroppedKey, HelperCommand, InferenceProfiles, Overridden, Provider,
    SettingsFile, SettingsLevel, SettingsState, Source, SourceKind, Value,
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
    fn source(&self, line: Option<u32>, name: &str) -> Source {
        Source {
            kind: environment::source_kind(self.level),
            path: Some(self.path.clone()),
            line,
            name: Some(name.to_owned()),
        }
    }

    fn usable(&self) -> Option<&Settings> {
        match &self.document {
            Some(SettingsDocument::Usable(settings)) => Some(settings),
            _ => None,
        }
    }
}

/// Everything the decision depends on. May hold secrets: no `Debug`, never serialised.
#[derive(Clone)]
pub struct Inputs {
    /// The environment, merged.
    pub environment: Environment,
    /// The settings files, strongest first.
    pub settings: Vec<SettingsInput>,
    /// The AWS files.
    pub profiles: Profiles,
    /// The version of Claude Code.
    pub version: Option<Version>,
    /// `claude --model`.
    pub model: Option<String>,
}

/// The decision, with what its execution needs. May hold secrets: no `Debug`, never serialised.
#[derive(Clone)]
pub struct Resolved {
    /// Everything it depends on.
    pub inputs: Inputs,
    /// The decision as a fact; the model ids are as far as they are known without asking AWS.
    pub configuration: Configuration,
    /// The credential providers in order.
    pub plan: Plan,
    /// Control-plane routing.
    pub control: Routing,
    /// Invocation routing.
    pub runtime: Routing,
    model_settings: ModelSettings,
}

impl Resolved {
    /// The configuration with the model ids that the account's profile listing decides.
    pub fn with_listing(&self, listed: &InferenceProfiles) -> Configuration {
        let target = Target {
            provider: self.configuration.provider.value,
            region: &self.configuration.region.value,
            rules: Rules::of(self.inputs.version),
            listed: Some(listed),
        };
        let models = models::resolve(&self.inputs.environment, &self.model_settings, target);
        Configuration {
            models: models.models,
            ..self.configuration.clone()
        }
    }

    /// What control-plane calls are decided from, when a project's files set credentials: they are made before those count.
    pub fn of_control_plane(&self) -> Option<Inputs> {
        const CREDENTIALS: [&str; 8] = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
        ];
        let environment = &self.inputs.environment;
        let in_project = |name: &&str| {
            environment
                .value(name)
                .is_some_and(|value| value.source.kind == SourceKind::ProjectSettings)
        };
        // A helper takes its time: what is asked after it finds the project's variables (seen, 2.1.330). But for an API key,
        // which goes before the helper.
        let helper = self.configuration.aws_credential_export.is_some();
        let waits = helper || self.configuration.aws_auth_refresh.is_some();
        let early = if waits {
            helper && in_project(&"AWS_BEARER_TOKEN_BEDROCK")
        } else {
            CREDENTIALS.iter().any(in_project)
        };
        early.then(|| Inputs {
            environment: environment.of_control_plane(),
            ..self.inputs.clone()
        })
    }

    /// The command of `awsCredentialExport`. It may hold secrets.
    pub fn export_command(&self) -> Option<&str> {
        self.configuration.aws_credential_export.as_ref()?;
        self.command(|settings| settings.aws_credential_export.as_ref())
    }

    /// The command of `awsAuthRefresh`, when it can make a difference. It may hold secrets.
    pub fn auth_refresh_command(&self) -> Option<&str> {
        // Where a gateway signs it is not run. With an API key it is (seen, 2.1.330), and the key is used all the same.
        let signs = !self.plan.links.iter().any(|link| {
            matches!(
                link,
                Link::Try(credential_plan::Provider::ApiKey | credential_plan::Provider::Unsigned)
            )
        });
        self.configuration.aws_auth_refresh.as_ref()?;
        self.command(|settings| settings.aws_auth_refresh.as_ref())
            .filter(|_| signs)
    }

    /// The strongest settings file's command, as it stands there.
    fn command(&self, of: impl Fn(&Settings) -> Option<&Located<String>>) -> Option<&str> {
        let files = self.inputs.settings.iter();
        let files = files.filter(|file| file.level != SettingsLevel::State);
        let mut commands = files.filter_map(|file| of(file.usable()?));
        commands.next().map(|located| located.value.as_str())
    }
}

/// Decides as Claude Code would.
pub fn resolve(inputs: Inputs) -> Resolved {
    let rules = Rules::of(inputs.version);
    let environment = &inputs.environment;
    let profile = environment
        .set_value("AWS_PROFILE")
        .unwrap_or_else(|| Value {
            value: "default".to_owned(),
            source: Source::default_of("AWS_PROFILE is not set"),
            overridden: environment.unset("AWS_PROFILE"),
        });
    let region = region::resolve(environment, &inputs.profiles, &profile.value, rules);
    let provider = provider::resolve(environment, rules);
    let mut model_settings = model_settings(&inputs.settings, environment);
    if !rules.has(Rule::ModelOverrides) {
        model_settings.overrides.clear();
    }
    model_settings.flag = inputs.model.clone().map(|model| {
        let source = Source {
            kind: SourceKind::Flag,
            path: None,
            line: None,
            name: Some("--model".to_owned()),
        };
        Value::new(model, source)
    });
    let target = Target {
        provider: provider.value,
        region: &region.value,
        rules,
        listed: None,
    };
    let models = models::resolve(environment, &model_settings, target);
    let export = helper(&inputs.settings, "awsCredentialExport", |settings| {
        settings.aws_credential_export.as_ref()
    });
    let refresh = helper(&inputs.settings, "awsAuthRefresh", |settings| {
        settings.aws_auth_refresh.as_ref()
    });
    // Whoever embeds Claude Code delivers the credentials, too (seen, 2.1.330).
    let embedded = environment.is_managed_by_host();
    let (export, refresh) = (export.filter(|_| !embedded), refresh.filter(|_| !embedded));
    let routing = |plane| Routing::of(environment, &inputs.profiles, &profile.value, plane, rules);
    let (control, runtime) = (routing(Plane::Control), routing(Plane::Runtime));
    let mut configuration = Configuration {
        rules: rules.version.to_string(),
        bedrock: control.route(&region.value),
        runtime: runtime.route(&region.value),
        mantle: Some(runtime.route_to(runtime.mantle(&region.value))),
        anthropic_aws: Some(runtime.route_to(runtime.anthropic_aws(&region.value))),
        background_region: background_region(environment, provider.value),
        headers: headers::resolve(
            environment,
            provider.value,
            credential_plan::skips_authentication(environment, provider.value),
        ),
        ignored: Vec::new(),
        ca_files: network::ca_files(environment),
        models_need_listing: models.needs_listing,
        models: models.models,
        skip_auth: credential_plan::skips_authentication(environment, provider.value),
        provider,
        aws_auth_refresh: refresh,
        aws_credential_export: export,
        settings_files: inputs.settings.iter().map(settings_file).collect(),
        variables: variables::shown(environment),
        unknown_variables: variables::unknown(environment),
        profile,
        region,
    };
    configuration.ignored = ignored::resolve(environment, &configuration, rules);
    let plan = credential_plan::plan(
        environment,
        &inputs.profiles,
        configuration.provider.value,
        rules,
        configuration.aws_credential_export.is_some(),
    );
    Resolved {
        inputs,
        configuration,
        plan,
        control,
        runtime,
        model_settings,
    }
}

/// Where the background model is invoked: elsewhere only when it is pinned, on Mantle always (documentation).
fn background_region(environment: &Environment, provider: Provider) -> Option<Value<String>> {
    let pins = [
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "ANTHROPIC_SMALL_FAST_MODEL",
    ];
    let pinned = pins.iter().any(|pin| environment.get(pin).is_some());
    environment
        .set_value("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION")
        .filter(|_| provider == Provider::Mantle || (provider.uses_bedrock() && pinned))
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

fn model_settings(files: &[SettingsInput], environment: &Environment) -> ModelSettings {
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
    let mut overrides = std::collections::BTreeMap::new();
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

fn helper(
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

fn settings_file(file: &SettingsInput) -> SettingsFile {
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
