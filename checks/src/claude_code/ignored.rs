//! What is set and has no effect: people look at it and wonder.

use super::environment::Environment;
use super::models;
use super::region::is_malformed;
use super::versions::{Rule, Rules};
use crate::facts::{Configuration, Ignored, Provider, SettingsState, Source, SourceKind};

/// Everything that is set and that Claude Code ignores, files first.
pub fn resolve(
    environment: &Environment,
    configuration: &Configuration,
    rules: Rules,
) -> Vec<Ignored> {
    let mut list = List {
        environment,
        found: Vec::new(),
    };
    list.files(configuration);
    list.profile(configuration);
    list.region(configuration, rules);
    list.credentials(configuration);
    list.endpoints(configuration);
    list.models(configuration, rules);
    list.found
}

struct List<'a> {
    environment: &'a Environment,
    found: Vec<Ignored>,
}

impl List<'_> {
    /// A variable, when it is set.
    fn variable(&mut self, name: &str, why: &str) {
        let Some(value) = self.environment.set_value(name) else {
            return;
        };
        self.found.push(Ignored {
            name: name.to_owned(),
            source: value.source,
            why: why.to_owned(),
        });
    }

    fn files(&mut self, configuration: &Configuration) {
        for file in &configuration.settings_files {
            let source = |line| Source {
                kind: SourceKind::Settings,
                path: Some(file.path.clone()),
                line,
                name: None,
            };
            match &file.state {
                SettingsState::Ignored {
                    line, key, problem, ..
                } => self.found.push(Ignored {
                    name: key.clone().unwrap_or_else(|| file.path.clone()),
                    source: source(Some(*line)),
                    why: format!("the whole file is ignored: {problem}"),
                }),
                SettingsState::Unreadable { problem } => self.found.push(Ignored {
                    name: file.path.clone(),
                    source: source(None),
                    why: format!("the file cannot be read: {problem}"),
                }),
                SettingsState::Used { dropped, .. } => {
                    let keys = dropped.iter().map(|key| Ignored {
                        name: file.path.clone(),
                        source: source(Some(key.line)),
                        why: format!("this key is left out: {}", key.problem),
                    });
                    self.found.extend(keys);
                }
                SettingsState::Absent => {}
            }
        }
    }

    fn profile(&mut self, configuration: &Configuration) {
        if self.environment.get("AWS_DEFAULT_PROFILE") != Some(&configuration.profile.value) {
            self.variable(
                "AWS_DEFAULT_PROFILE",
                "the profile comes from `AWS_PROFILE` only; the AWS CLI reads this one too",
            );
        }
    }

    fn region(&mut self, configuration: &Configuration, rules: Rules) {
        if !rules.has(Rule::MalformedRegionIsUnset) {
            return;
        }
        let lost = &configuration.region.overridden;
        let malformed = lost.iter().filter(|lost| is_malformed(lost.value.trim()));
        self.found.extend(malformed.map(|lost| Ignored {
            name: lost.source.name.clone().unwrap_or_default(),
            source: lost.source.clone(),
            why: format!("`{}` has not the shape of a Region", lost.value),
        }));
    }

    fn credentials(&mut self, configuration: &Configuration) {
        self.variable(
            "AWS_BEARER_TOKEN",
            "an API key is read from `AWS_BEARER_TOKEN_BEDROCK` only",
        );
        let provider = configuration.provider.value;
        if !provider.uses_aws_credentials() {
            return;
        }
        if self.environment.is_managed_by_host() {
            self.variable(
                "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST",
                "what settings files say of provider, Region, models, endpoints, proxies and credentials does not count",
            );
        }
        if provider != Provider::AnthropicAws {
            let on_aws = format!("it plays no part with {}", provider.words());
            for name in ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"] {
                self.variable(name, &on_aws);
            }
            if !configuration.skip_auth {
                self.variable("ANTHROPIC_AUTH_TOKEN", &on_aws);
            }
        }
        let skipped = !self.environment.is_managed_by_host();
        if skipped && self.environment.get("AWS_PROFILE").is_some() {
            self.variable(
                "AWS_ACCESS_KEY_ID",
                "keys of the environment are skipped as soon as `AWS_PROFILE` is set",
            );
        }
    }

    fn endpoints(&mut self, configuration: &Configuration) {
        self.variable(
            "AWS_CA_BUNDLE",
            "certificates come from `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE` and the system; the AWS CLI reads this one",
        );
        self.variable(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "configured endpoints count all the same",
        );
        if !configuration.provider.value.uses_bedrock() {
            return;
        }
        self.variable(
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            "invocations go to `ANTHROPIC_BEDROCK_BASE_URL`, or to the endpoint of the Region",
        );
        let not_for_invocations =
            "not for invocations: it moves the profile listing and the calls for credentials only";
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK"] {
            self.variable(name, not_for_invocations);
        }
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            match self.environment.get(name) {
                Some("true") => self.variable(name, not_for_invocations),
                Some("false") | None => {}
                Some(_) => self.variable(name, "it is read as `true` or `false` in this spelling"),
            }
        }
    }

    fn models(&mut self, configuration: &Configuration, rules: Rules) {
        let prefix = "ANTHROPIC_BEDROCK_REGION_PREFIX";
        if let Some(wanted) = self.environment.get(prefix) {
            let used = models::prefix(self.environment, &configuration.region.value, rules);
            if used != crate::parse::js::trim(wanted) {
                let why = format!("the prefix stays `{used}.`");
                self.variable(prefix, &why);
            }
        }
        if configuration.background_region.is_none() {
            self.variable(
                "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION",
                "it counts with `ANTHROPIC_DEFAULT_HAIKU_MODEL` only",
            );
        }
        let start = "ANTHROPIC_DEFAULT_MODEL";
        if let Some(model) = self.environment.get(start)
            && !models::may_start_sessions(model)
        {
            let why = format!("sessions do not start with `{model}`");
            self.variable(start, &why);
        }
    }
}
