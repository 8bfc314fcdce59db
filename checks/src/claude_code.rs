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
pub mod settings;
pub mod variables;
pub mod versions;

use self::credential_plan::{Link, Plan};
use self::environment::Environment;
use self::models::{ModelSettings, Target};
use self::network::{Plane, Routing};
use self::profiles::Profiles;
pub use self::settings::{SettingsInput, shown_command};
use self::settings::{helper, model_settings, settings_file};
use self::versions::{Rule, Rules, Version};
use crate::facts::{
    Configuration, InferenceProfiles, Provider, SettingsLevel, Source, SourceKind, Value,
};
use crate::parse::settings::{Located, Settings};

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
    /// Routing of the profile listing.
    pub listing: Routing,
    /// Routing of the calls that get credentials.
    pub credentials: Routing,
    /// Routing of invocations.
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
    let routing = |plane| {
        let (profiles, profile, region) = (&inputs.profiles, &profile.value, &region.value);
        Routing::of(environment, profiles, profile, region, plane, rules)
    };
    let (listing, runtime) = (routing(Plane::Listing), routing(Plane::Runtime));
    let credentials = routing(Plane::Credentials);
    let sts = credentials.service("sts", "STS", &region.value);
    let skip_auth = credential_plan::skips_authentication(environment, provider.value);
    let mut configuration = Configuration {
        rules: rules.version.to_string(),
        bedrock: listing.route(&region.value),
        runtime: runtime.route(&region.value),
        mantle: Some(runtime.route_to(runtime.mantle(&region.value))),
        anthropic_aws: Some(runtime.route_to(runtime.anthropic_aws(&region.value))),
        credentials_proxy: credentials.proxy_of(&sts.value),
        background_region: background_region(environment, provider.value),
        headers: headers::resolve(environment, provider.value, skip_auth),
        ignored: Vec::new(),
        ca_files: network::ca_files(environment),
        models_need_listing: models.needs_listing,
        models: models.models,
        skip_auth,
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
        listing,
        credentials,
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
