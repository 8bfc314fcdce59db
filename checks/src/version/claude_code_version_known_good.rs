//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::check::{Check, Family, Meta, Seen, not_for};
use crate::claude_code::provider::is_on;
use crate::claude_code::versions::{NEWEST_KNOWN, Version};
use crate::facts::{
    ClaudeCode, Configuration, CredentialKind, Credentials, Machine, SettingsState, Shown,
    SourceKind, SsoCache, StepOutcome,
};
use crate::finding::{Basis, Finding};

/// See [`Meta::docs`].
pub(crate) struct ClaudeCodeVersionKnownGood;

impl Check for ClaudeCodeVersionKnownGood {
    const META: &'static Meta = &Meta {
        id: "claude-code-version-known-good",
        family: Family::ClaudeCode,
        title: "no known defect of this Claude Code version touches this set-up",
        file: file!(),
        docs: "
## What it looks at

The version of Claude Code, and a list of defects of published versions with what a configuration must have to meet
them: an API key, a proxy, `awsCredentialExport`, container credentials and so on. Defects that this configuration
cannot meet are not reported.

## Why it matters

Some versions break a configuration that is right, with messages that blame credentials or models.

## How to fix it

Run `claude update`, or `npm install -g @anthropic-ai/claude-code@latest` where npm installed it.
",
    };

    type Needs<'a> = (
        &'a ClaudeCode,
        &'a Configuration,
        Seen<'a, Credentials>,
        Seen<'a, SsoCache>,
        Seen<'a, Machine>,
    );

    fn run(
        (claude_code, configuration, credentials, sso_cache, machine): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let version = claude_code.version.as_deref();
        let Some(version) = version.and_then(Version::parse) else {
            return vec![Finding::not_applicable(format!(
                "the version of Claude Code could not be found; the rules of {NEWEST_KNOWN} were used"
            ))];
        };
        let set_up = SetUp {
            configuration,
            credentials: credentials.0.known(),
            sso_cache: sso_cache.0.known(),
            machine: machine.0.known(),
        };
        let met = REGRESSIONS
            .iter()
            .filter(|regression| regression.covers(version) && set_up.meets(regression.condition));
        let found: Vec<Finding> = met
            .map(|regression| judge(regression, version, claude_code.installation.as_deref()))
            .collect();
        if !found.is_empty() {
            return found;
        }
        vec![if !configuration.provider.value.uses_bedrock() {
            not_for(configuration.provider.value)
        } else if version > NEWEST_KNOWN {
            Finding::pass(format!(
                "version {version} is newer than {NEWEST_KNOWN}, whose rules were used; no defect is known of it"
            ))
        } else {
            Finding::pass(format!(
                "version {version}: no known defect touches this set-up"
            ))
        }]
    }
}

fn judge(regression: &Regression, version: Version, installation: Option<&str>) -> Finding {
    let what = format!("Claude Code {version}: {}", regression.what);
    let finding = if regression.breaks {
        Finding::fail(&regression.code, what)
            .why("this version breaks the set-up, whatever else is right")
    } else {
        Finding::warn(&regression.code, what).why("it depends on more than this checkup can see")
    };
    let update = if installation == Some("npm") {
        "npm install -g @anthropic-ai/claude-code@latest"
    } else {
        "claude update"
    };
    let step = match &regression.fixed_in {
        Some(fixed) => format!("update Claude Code; it is fixed since {fixed}"),
        None => format!("update Claude Code to a version after {}", regression.to),
    };
    let finding = finding
        .evidence(Basis::Inferred, regression.source.clone())
        .fix_command(step, update);
    match &regression.workaround {
        Some(command) => finding.fix_command("or, without an update", command.clone()),
        None => finding,
    }
}

/// A defect of published versions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regression {
    code: String,
    from: Option<String>,
    to: String,
    fixed_in: Option<String>,
    condition: Condition,
    breaks: bool,
    what: String,
    workaround: Option<String>,
    source: String,
}

impl Regression {
    fn covers(&self, version: Version) -> bool {
        let from = self.from.as_deref().and_then(Version::parse);
        let to = Version::parse(&self.to);
        from.is_none_or(|from| from <= version) && to.is_some_and(|to| version <= to)
    }
}

/// What a configuration must have to meet a defect.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Condition {
    Always,
    AnthropicAuthorization,
    ApplicationProfile,
    AuthRefreshBehindProxy,
    AwsLogin,
    BearerTokenOnly,
    BearerTokenOrSkipAuth,
    ContainerFullUri,
    ContainerRelativeUri,
    ContinuousIntegration,
    CredentialExport,
    CredentialProcess,
    EmptyBearerOrBaseUrl,
    FlagOff,
    GovcloudDefaultModel,
    NoProxy,
    #[serde(rename = "opus-4-7")]
    Opus47,
    Proxy,
    SkipAuth,
    SsoRegionDiffers,
}

/// The data file of the defects; empty only if it is broken, which a test rules out.
static REGRESSIONS: LazyLock<Vec<Regression>> =
    LazyLock::new(|| parse(include_str!("../../data/regressions.toml")).unwrap_or_default());

fn parse(text: &str) -> Result<Vec<Regression>, toml::de::Error> {
    #[derive(Deserialize)]
    struct File {
        regression: Vec<Regression>,
    }
    toml::from_str::<File>(text).map(|file| file.regression)
}

/// What decides whether a defect is met.
struct SetUp<'a> {
    configuration: &'a Configuration,
    credentials: Option<&'a Credentials>,
    sso_cache: Option<&'a SsoCache>,
    machine: Option<&'a Machine>,
}

impl SetUp<'_> {
    fn meets(&self, condition: Condition) -> bool {
        let configuration = self.configuration;
        let set = |name: &str| configuration.is_set(name);
        if condition == Condition::FlagOff {
            let flag = configuration.variable("CLAUDE_CODE_USE_BEDROCK");
            return flag.is_some_and(
                |flag| matches!(&flag.value.value, Shown::Plain(text) if !is_on(text)),
            );
        }
        if !configuration.provider.value.uses_bedrock() {
            return false;
        }
        match condition {
            Condition::Always => true,
            Condition::FlagOff => false,
            Condition::AnthropicAuthorization => {
                self.is_signed() && self.has_anthropic_authorization()
            }
            Condition::ApplicationProfile => {
                self.uses_model(|id| id.contains(":application-inference-profile/"))
            }
            Condition::AuthRefreshBehindProxy => {
                configuration.aws_auth_refresh.is_some() && self.has_proxy()
            }
            Condition::AwsLogin => self.tried(CredentialKind::Login),
            Condition::BearerTokenOnly => {
                set("AWS_BEARER_TOKEN_BEDROCK") && !set("AWS_PROFILE") && !set("AWS_ACCESS_KEY_ID")
            }
            Condition::BearerTokenOrSkipAuth => {
                set("AWS_BEARER_TOKEN_BEDROCK") || self.is_unsigned_with_token()
            }
            Condition::ContainerFullUri => {
                self.tried(CredentialKind::Container) && set("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            }
            Condition::ContainerRelativeUri => {
                self.tried(CredentialKind::Container) && !set("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            }
            Condition::ContinuousIntegration => {
                self.machine.is_some_and(|machine| machine.ci) && !set("ANTHROPIC_API_KEY")
            }
            Condition::CredentialExport => {
                self.is_signed() && configuration.aws_credential_export.is_some()
            }
            Condition::CredentialProcess => self.tried(CredentialKind::CredentialProcess),
            Condition::EmptyBearerOrBaseUrl => {
                ["AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_BEDROCK_BASE_URL"]
                    .iter()
                    .filter_map(|name| configuration.variable(name))
                    .any(|variable| variable.value.value == Shown::Empty)
            }
            Condition::GovcloudDefaultModel => {
                configuration.region.value.starts_with("us-gov-")
                    && configuration.models.main.source.kind == SourceKind::Default
            }
            Condition::NoProxy => self.names_proxy() && (set("NO_PROXY") || set("no_proxy")),
            Condition::Opus47 => self.uses_model(|id| id.contains("claude-opus-4-7")),
            Condition::Proxy => self.has_proxy(),
            Condition::SkipAuth => configuration.skip_auth,
            Condition::SsoRegionDiffers => self.sso_region_differs(),
        }
    }

    /// Whether requests carry a signature of AWS.
    fn is_signed(&self) -> bool {
        !self.configuration.skip_auth && !self.configuration.is_set("AWS_BEARER_TOKEN_BEDROCK")
    }

    fn is_unsigned_with_token(&self) -> bool {
        self.configuration.skip_auth && self.configuration.is_set("ANTHROPIC_AUTH_TOKEN")
    }

    fn has_anthropic_authorization(&self) -> bool {
        let headers = self.configuration.variable("ANTHROPIC_CUSTOM_HEADERS");
        let header = headers.is_some_and(|headers| {
            matches!(&headers.value.value, Shown::Plain(names)
                if names.split(", ").any(|name| name.eq_ignore_ascii_case("authorization")))
        });
        let helper = self.configuration.settings_files.iter().any(|file| {
            matches!(&file.state, SettingsState::Used { keys, .. } if keys.iter().any(|key| key == "apiKeyHelper"))
        });
        header || helper || self.configuration.is_set("ANTHROPIC_AUTH_TOKEN")
    }

    fn uses_model(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        self.configuration
            .models
            .in_use()
            .iter()
            .any(|(id, _)| is_meant(id))
    }

    fn names_proxy(&self) -> bool {
        [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ]
        .iter()
        .any(|name| self.configuration.is_set(name))
    }

    /// Whether requests go through a proxy.
    fn has_proxy(&self) -> bool {
        let Configuration {
            bedrock, runtime, ..
        } = self.configuration;
        bedrock.proxy.value.is_some() || runtime.proxy.value.is_some()
    }

    /// Whether a source of credentials delivers, or is reached and fails.
    fn tried(&self, kind: CredentialKind) -> bool {
        self.credentials.is_some_and(|credentials| {
            credentials.kind == kind
                || credentials
                    .steps
                    .iter()
                    .any(|step| step.provider == kind && step.outcome != StepOutcome::PassedOver)
        })
    }

    fn sso_region_differs(&self) -> bool {
        let Some(session) = self.sso_cache.and_then(|cache| cache.active.as_ref()) else {
            return false;
        };
        // Credentials from elsewhere leave Identity Center alone.
        let elsewhere = self.credentials.is_some_and(|credentials| {
            !matches!(
                credentials.kind,
                CredentialKind::Sso | CredentialKind::AssumeRole | CredentialKind::None
            )
        });
        session.region != self.configuration.region.value && !elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{
        Facts, HelperCommand, Observed, Provider, Proxy, SecretShape, SettingsLevel, SsoSession,
        Step, Value, Variable,
    };
    use crate::finding::Status;
    use crate::sample::{from_shell, healthy, now, only, variable, verdicts};

    const CHECK: Entry = Entry::of::<ClaudeCodeVersionKnownGood>();

    /// The healthy machine with a version and a change.
    fn at(version: &str, change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = healthy();
        if let Observed::Known(claude_code) = &mut facts.claude_code {
            claude_code.version = Some(version.into());
        }
        change(&mut facts);
        facts
    }

    fn configured(version: &str, change: impl FnOnce(&mut Configuration)) -> Facts {
        at(version, |facts| {
            if let Observed::Known(configuration) = &mut facts.configuration {
                change(configuration);
            }
        })
    }

    fn secret(name: &str) -> Variable {
        Variable {
            name: name.into(),
            value: from_shell(name, Shown::Secret(SecretShape::Plausible)),
        }
    }

    /// Asserts the codes of all findings, and their status.
    #[track_caller]
    fn says(facts: &Facts, status: Status, codes: &[&str]) {
        let wanted: Vec<_> = codes
            .iter()
            .map(|code| (status, Some((*code).to_owned())))
            .collect();
        assert_eq!(verdicts(&CHECK, facts), wanted);
    }

    #[track_caller]
    fn passes(facts: &Facts) {
        only(&CHECK, facts, Status::Pass, None);
    }

    #[test]
    fn the_data_is_sound() {
        let regressions = parse(include_str!("../../data/regressions.toml")).unwrap();
        assert!(regressions.len() > 20);
        for regression in &regressions {
            let to = Version::parse(&regression.to).unwrap();
            if let Some(from) = &regression.from {
                assert!(Version::parse(from).unwrap() <= to, "{}", regression.code);
            }
            if let Some(fixed) = &regression.fixed_in {
                assert!(Version::parse(fixed).unwrap() > to, "{}", regression.code);
            }
            assert!(!regression.what.ends_with('.') && !regression.source.is_empty());
        }
    }

    #[test]
    fn passes_on_a_healthy_machine() {
        passes(&healthy());
    }

    #[test]
    fn passes_for_a_version_newer_than_all_known() {
        let finding = only(&CHECK, &at("9.0.0", |_| {}), Status::Pass, None);
        assert!(finding.what.contains("newer than 2.1.330"));
    }

    #[test]
    fn does_not_apply_when_the_version_is_unknown_or_bedrock_is_off() {
        let unknown = at("unknown", |_| {});
        let finding = only(&CHECK, &unknown, Status::NotApplicable, None);
        assert!(finding.what.contains("the rules of 2.1.330 were used"));
        let off = configured("2.1.69", |configuration| {
            configuration.provider.value = Provider::Anthropic;
        });
        only(&CHECK, &off, Status::NotApplicable, None);
    }

    #[test]
    fn fails_when_the_sso_region_differs_in_the_one_bad_version() {
        let in_region = |version: &str, region: &str, kind: CredentialKind| {
            at(version, |facts| {
                if let Observed::Known(cache) = &mut facts.sso_cache {
                    cache.active = Some(SsoSession {
                        profile: "dev".into(),
                        session: Some("acme".into()),
                        start_url: "https://acme.awsapps.com/start".into(),
                        region: region.into(),
                        account_id: "123456789012".into(),
                        role_name: "Dev".into(),
                        cache_file: "a.json".into(),
                    });
                }
                if let Observed::Known(credentials) = &mut facts.credentials {
                    credentials.kind = kind;
                }
            })
        };
        let code = "sso-region-overridden-2.1.207";
        let bad = in_region("2.1.207", "eu-west-1", CredentialKind::Sso);
        let finding = only(&CHECK, &bad, Status::Fail, Some(code));
        assert_eq!(
            finding.fix[0].text,
            "update Claude Code; it is fixed since 2.1.208"
        );
        assert_eq!(finding.fix[0].command.as_deref(), Some("claude update"));
        passes(&in_region("2.1.206", "eu-west-1", CredentialKind::Sso));
        passes(&in_region("2.1.208", "eu-west-1", CredentialKind::Sso));
        passes(&in_region("2.1.207", "us-east-1", CredentialKind::Sso));
        passes(&in_region("2.1.207", "eu-west-1", CredentialKind::Export));
    }

    #[test]
    fn npm_updates_what_npm_installed() {
        let facts = at("2.1.69", |facts| {
            if let Observed::Known(claude_code) = &mut facts.claude_code {
                claude_code.installation = Some("npm".into());
            }
        });
        let finding = only(&CHECK, &facts, Status::Warn, Some("beta-flag-rejected"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("npm install -g @anthropic-ai/claude-code@latest")
        );
    }

    #[test]
    fn fails_for_api_keys_in_the_versions_that_drop_them() {
        let keyed = |version: &str| {
            configured(version, |configuration| {
                configuration
                    .variables
                    .push(secret("AWS_BEARER_TOKEN_BEDROCK"));
            })
        };
        let code = "bearer-header-missing-2.1.94";
        passes(&keyed("2.1.93"));
        says(&keyed("2.1.94"), Status::Fail, &[code]);
        says(&keyed("2.1.95"), Status::Fail, &[code]);
        passes(&keyed("2.1.96"));
        let too_old = ["context-command-fails"];
        says(&keyed("1.0.50"), Status::Warn, &too_old);
        let alone = configured("1.0.50", |configuration| {
            configuration.variables = vec![secret("AWS_BEARER_TOKEN_BEDROCK")];
        });
        let verdicts = verdicts(&CHECK, &alone);
        let dropped = Some("bearer-not-supported-by-component".to_owned());
        assert!(verdicts.contains(&(Status::Fail, dropped)), "{verdicts:?}");
    }

    #[test]
    fn fails_for_empty_variables_with_a_way_around() {
        let emptied = |version: &str| {
            configured(version, |configuration| {
                configuration
                    .variables
                    .push(variable("ANTHROPIC_BEDROCK_BASE_URL", ""));
            })
        };
        let finding = only(
            &CHECK,
            &emptied("2.1.96"),
            Status::Fail,
            Some("empty-string-aws-variables"),
        );
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("unset AWS_BEARER_TOKEN_BEDROCK ANTHROPIC_BEDROCK_BASE_URL")
        );
        passes(&emptied("2.1.97"));
    }

    #[test]
    fn fails_for_container_credentials_in_the_versions_that_crash() {
        let container = |version: &str, full: bool| {
            at(version, |facts| {
                if let Observed::Known(credentials) = &mut facts.credentials {
                    credentials.kind = CredentialKind::Container;
                }
                if let (true, Observed::Known(configuration)) = (full, &mut facts.configuration) {
                    let uri = variable(
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                        "http://169.254.170.23/v1/credentials",
                    );
                    configuration.variables.push(uri);
                }
            })
        };
        let code = "container-credentials-crash-2.1.248";
        passes(&container("2.1.247", true));
        says(&container("2.1.248", true), Status::Fail, &[code]);
        says(&container("2.1.250", false), Status::Warn, &[code]);
        passes(&container("2.1.251", true));
    }

    #[test]
    fn fails_for_an_authorization_of_anthropic_beside_a_signature() {
        let code = "anthropic-auth-header-conflict";
        let token = |version: &str| {
            configured(version, |configuration| {
                configuration.variables.push(secret("ANTHROPIC_AUTH_TOKEN"));
            })
        };
        says(&token("2.1.100"), Status::Fail, &[code]);
        passes(&token("2.1.101"));
        let header = |names: &str| {
            configured("2.1.100", |configuration| {
                configuration
                    .variables
                    .push(variable("ANTHROPIC_CUSTOM_HEADERS", names));
            })
        };
        says(&header("X-Team, authorization"), Status::Fail, &[code]);
        passes(&header("X-Authorization-Hint"));
        let helper = configured("2.1.100", |configuration| {
            configuration.settings_files = vec![crate::facts::SettingsFile {
                level: SettingsLevel::User,
                path: "~/.claude/settings.json".into(),
                state: SettingsState::Used {
                    env: vec![],
                    dropped: Vec::new(),
                    keys: vec!["apiKeyHelper".into()],
                },
            }];
        });
        says(&helper, Status::Fail, &[code]);
        let unsigned = configured("2.1.100", |configuration| {
            configuration.skip_auth = true;
            configuration.variables.push(secret("ANTHROPIC_AUTH_TOKEN"));
        });
        passes(&unsigned);
    }

    #[test]
    fn warns_about_helpers_behind_a_proxy() {
        let helper = || {
            let shown = "aws sso login".to_owned();
            Some(from_shell("awsAuthRefresh", HelperCommand { shown }))
        };
        let behind = |version: &str, refresh: bool| {
            configured(version, |configuration| {
                configuration.aws_auth_refresh = helper().filter(|_| refresh);
                let proxy = Proxy {
                    url: "http://proxy.example.com:8080".into(),
                    has_credentials: false,
                };
                configuration.runtime.proxy = from_shell("HTTPS_PROXY", Some(proxy));
            })
        };
        passes(&behind("2.1.239", true));
        says(
            &behind("2.1.238", true),
            Status::Warn,
            &["credential-precheck-bypasses-proxy"],
        );
        passes(&behind("2.1.238", false));
        says(
            &behind("2.1.187", true),
            Status::Warn,
            &["startup-check-bypasses-proxy"],
        );
    }

    #[test]
    fn warns_about_credential_export_until_it_works() {
        let export = |version: &str| {
            configured(version, |configuration| {
                let shown = "./export.sh".to_owned();
                configuration.aws_credential_export =
                    Some(from_shell("awsCredentialExport", HelperCommand { shown }));
            })
        };
        passes(&export("2.1.206"));
        says(
            &export("2.1.181"),
            Status::Warn,
            &["credential-export-startup-stall"],
        );
        says(
            &export("2.1.140"),
            Status::Warn,
            &[
                "credential-export-startup-stall",
                "credential-export-bad-output",
                "credential-export-skipped",
            ],
        );
    }

    #[test]
    fn warns_about_a_stalling_credential_process() {
        let process = |outcome: StepOutcome| {
            at("2.1.206", |facts| {
                if let Observed::Known(credentials) = &mut facts.credentials {
                    credentials.steps = vec![Step {
                        provider: CredentialKind::CredentialProcess,
                        outcome,
                        reason: String::new(),
                        failure: None,
                        cause: None,
                    }];
                }
            })
        };
        says(
            &process(StepOutcome::Failed),
            Status::Warn,
            &["chain-resolve-timeout"],
        );
        passes(&process(StepOutcome::PassedOver));
    }

    #[test]
    fn warns_about_models_that_a_version_mishandles() {
        let model = |version: &str, region: &str, value: Value<String>| {
            configured(version, |configuration| {
                configuration.region.value = region.into();
                configuration.models.main = value;
            })
        };
        let pinned = |id: &str| from_shell("ANTHROPIC_MODEL", id.to_owned());
        let default = Value::new(
            "global.anthropic.x".to_owned(),
            crate::facts::Source::default_of("x"),
        );
        says(
            &model("2.1.173", "us-gov-west-1", default),
            Status::Warn,
            &["govcloud-prefix"],
        );
        passes(&model(
            "2.1.173",
            "us-gov-west-1",
            pinned("us-gov.anthropic.x"),
        ));
        let opus = "us.anthropic.claude-opus-4-7";
        says(
            &model("2.1.112", "us-east-1", pinned(opus)),
            Status::Warn,
            &["beta-flag-rejected"],
        );
        passes(&model("2.1.113", "us-east-1", pinned(opus)));
        let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc";
        says(
            &model("2.1.121", "us-east-1", pinned(arn)),
            Status::Warn,
            &["app-profile-request-shape"],
        );
    }

    #[test]
    fn warns_that_an_old_version_takes_zero_for_on() {
        let zero = |version: &str| {
            configured(version, |configuration| {
                configuration.variables = vec![variable("CLAUDE_CODE_USE_BEDROCK", "0")];
                configuration.provider.value = Provider::Anthropic;
            })
        };
        says(
            &zero("1.0.123"),
            Status::Warn,
            &["use-bedrock-zero-is-truthy"],
        );
        only(&CHECK, &zero("1.0.124"), Status::NotApplicable, None);
    }

    #[test]
    fn warns_in_versions_that_any_set_up_meets() {
        let finding = only(
            &CHECK,
            &at("2.1.37", |_| {}),
            Status::Warn,
            Some("billing-header-reserved-keyword"),
        );
        assert_eq!(
            finding.fix[0].text,
            "update Claude Code to a version after 2.1.49"
        );
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("export CLAUDE_CODE_ATTRIBUTION_HEADER=0")
        );
        passes(&at("2.1.36", |_| {}));
        passes(&at("2.1.50", |_| {}));
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
