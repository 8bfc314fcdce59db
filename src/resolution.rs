//! What Claude Code will use, in the form in which `resolve` writes it: version 1 of the JSON.

mod open;

use bedrock_doctor_checks::check::Entry;
use bedrock_doctor_checks::diagnosis::Diagnosis;
use bedrock_doctor_checks::facts::{
    AuthRefresh, AwsCli, CaFile, Configuration, CredentialKind, Credentials, Facts, Header,
    Ignored, Provider, Proxy, Route, SettingsFile, SettingsState, Shown, Source, Step, StepOutcome,
    Value,
};
use bedrock_doctor_checks::finding::Status;
use bedrock_doctor_checks::forecast::{Forecast, Layer};
use bedrock_doctor_checks::probe::ProbeId;
use bedrock_doctor_checks::registry::ALL;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::{ClaudeCodeVersion, SCHEMA, Schema, Tool};

/// The answer of `resolve`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Resolution {
    pub(crate) schema: Schema,
    pub(crate) tool: Tool,
    pub(crate) claude_code: ClaudeCodeVersion,
    /// What is assumed instead of what the machine says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) what_if: Vec<String>,
    pub(crate) provider: Value<Provider>,
    pub(crate) region: Value<String>,
    pub(crate) profile: Value<String>,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: ResolvedCredentials,
    pub(crate) models: Models,
    /// The request that carries the user's prompt, as far as it is known.
    pub(crate) request: Option<Request>,
    pub(crate) headers: Vec<Header>,
    pub(crate) proxy: Proxies,
    pub(crate) tls: Tls,
    pub(crate) settings_files: Vec<SettingsFile>,
    /// Why Claude Code ends at its start, when a settings file makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stops: Option<String>,
    pub(crate) forecast: Lifetime,
    /// What the AWS CLI would use in the same shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aws_cli: Option<AwsCliView>,
    /// What is set and has no effect.
    pub(crate) ignored: Vec<Ignored>,
    /// What the checks of the configuration say about it.
    pub(crate) notes: Vec<Note>,
    /// What could not be told, or was left out with `--offline`.
    pub(crate) open: Vec<String>,
}

/// Full URLs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// Control-plane calls: the profile listing.
    pub(crate) bedrock: Value<String>,
    /// Invocations.
    pub(crate) runtime: Value<String>,
    pub(crate) mantle: Option<Value<String>>,
    pub(crate) anthropic_aws: Option<Value<String>>,
}

/// The credentials, without secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResolvedCredentials {
    pub(crate) kind: CredentialKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) has_session_token: bool,
    pub(crate) renewable: bool,
    /// What Claude Code prints when it ends without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) steps: Vec<ResolvedStep>,
    /// A run of `awsAuthRefresh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_refresh: Option<AuthRefresh>,
    /// Why a renewed token could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_saved: Option<String>,
}

/// One provider of the chain.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResolvedStep {
    pub(crate) provider: CredentialKind,
    pub(crate) outcome: StepOutcome,
    pub(crate) reason: String,
}

impl From<&Step> for ResolvedStep {
    fn from(step: &Step) -> Self {
        Self {
            provider: step.provider,
            outcome: step.outcome,
            reason: step.reason.clone(),
        }
    }
}

/// The models; a value is what goes into the request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Models {
    pub(crate) main: Value<String>,
    pub(crate) background: Value<String>,
    pub(crate) opus: Value<String>,
    pub(crate) sonnet: Value<String>,
    pub(crate) haiku: Value<String>,
    /// When somebody pinned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fable: Option<Value<String>>,
    /// What subagents use, when somebody chose a model for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subagent: Option<Value<String>>,
    /// Where the background model is invoked, when that is another Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) background_region: Option<Value<String>>,
}

/// What the AWS CLI would use, and in what that is something else.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AwsCliView {
    #[serde(flatten)]
    pub(crate) uses: AwsCli,
    /// `profile`, `region`, `credentials`.
    pub(crate) differs: Vec<String>,
}

fn aws_cli(facts: &Facts, configuration: &Configuration) -> Option<AwsCliView> {
    let uses = facts.aws_cli.known()?.clone();
    let theirs = &uses.credentials.value;
    let differ = facts.credentials.known().is_some_and(|ours| {
        let other_key = theirs.access_key_id.is_some()
            && ours.access_key_id.is_some()
            && theirs.access_key_id != ours.access_key_id;
        theirs.error.is_some()
            || theirs.kind != ours.kind
            || (theirs.profile.is_some() && theirs.profile != ours.profile)
            || other_key
    });
    let region = uses.region.as_ref().map(|region| &region.value);
    let differs = [
        ("profile", uses.profile.value != configuration.profile.value),
        ("region", region != Some(&configuration.region.value)),
        ("credentials", differ),
    ];
    let differs = differs.iter().filter(|(_, differs)| *differs);
    Some(AwsCliView {
        differs: differs.map(|(name, _)| (*name).to_owned()).collect(),
        uses,
    })
}

/// A judgement of a check.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) what: String,
}

/// What the checks say that look at this machine alone, but for what stands in the answer anyway.
fn notes(facts: &Facts) -> Vec<Note> {
    const TOLD: [&str; 3] = [
        "settings-files-usable",
        "variables-consistent",
        "aws-cli-agrees",
    ];
    let checks: Vec<&'static Entry> = ALL
        .iter()
        .filter(|check| !TOLD.contains(&check.meta.id))
        .filter(|check| {
            let mut probes = check.needed_probes();
            probes.all(|probe| probe < ProbeId::Credentials || probe == ProbeId::InferenceProfiles)
        })
        .collect();
    let findings = Diagnosis::of(facts, &checks).findings.into_iter();
    findings
        .filter(|finding| matches!(finding.status, Status::Warn | Status::Fail))
        .map(|finding| Note {
            id: finding.id,
            status: finding.status,
            what: finding.what,
        })
        .collect()
}

/// How long the credentials will do.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Lifetime {
    /// What will expire, the soonest first.
    pub(crate) layers: Vec<Layer>,
    /// The first that Claude Code does not renew by itself.
    pub(crate) breaks: Option<Layer>,
}

impl Lifetime {
    fn of(facts: &Facts) -> Self {
        let forecast = Forecast::of(facts);
        Self {
            breaks: forecast.breaks().copied(),
            layers: forecast.layers,
        }
    }
}

/// A request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    /// The endpoint that the URL begins with.
    pub(crate) endpoint: Value<String>,
    /// The service of the signature.
    pub(crate) service: String,
}

/// The proxy of invocations, and those of other calls.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Proxies {
    #[serde(flatten)]
    pub(crate) invocations: Value<Option<String>>,
    /// That of the profile listing.
    pub(crate) control_plane: Value<Option<String>>,
    /// That of the calls that get credentials.
    pub(crate) credentials: Value<Option<String>>,
}

/// Which certificates are trusted beside the built-in ones and the system's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tls {
    pub(crate) ca_files: Vec<CaFile>,
    /// Whether certificates are checked at all.
    pub(crate) verify: Value<bool>,
}

impl Resolution {
    /// The answer that these facts give; none when there is no configuration, which every run has.
    pub(crate) fn of(facts: &Facts) -> Option<Self> {
        let configuration = facts.configuration.known()?;
        let endpoint = |route: &Route| route.endpoint.clone();
        let found = facts.claude_code.known();
        let mut ignored = configuration.ignored.clone();
        ignored.sort_by(|a, b| a.source.path.cmp(&b.source.path));
        Some(Self {
            schema: SCHEMA,
            tool: Tool::this(),
            claude_code: ClaudeCodeVersion {
                version: found.and_then(|found| found.version.clone()),
                rules: Some(configuration.rules.clone()),
            },
            what_if: facts.request.what_if.clone(),
            provider: configuration.provider.clone(),
            region: configuration.region.clone(),
            profile: configuration.profile.clone(),
            endpoint: Endpoint {
                bedrock: endpoint(&configuration.bedrock),
                runtime: endpoint(&configuration.runtime),
                mantle: configuration.mantle.as_ref().map(endpoint),
                anthropic_aws: configuration.anthropic_aws.as_ref().map(endpoint),
            },
            credentials: credentials(facts),
            models: Models {
                main: configuration.models.main.clone(),
                background: configuration.models.background.clone(),
                opus: configuration.models.opus.clone(),
                sonnet: configuration.models.sonnet.clone(),
                haiku: configuration.models.haiku.clone(),
                fable: configuration.models.fable.clone(),
                subagent: configuration.models.subagent.clone(),
                background_region: configuration.background_region.clone(),
            },
            request: configuration.main_request().map(|request| Request {
                method: "POST".to_owned(),
                endpoint: endpoint(request.route),
                url: request.url,
                service: request.service.to_owned(),
            }),
            headers: configuration.headers.clone(),
            proxy: proxies(configuration),
            tls: tls(configuration),
            settings_files: configuration.settings_files.clone(),
            stops: stops(configuration),
            forecast: Lifetime::of(facts),
            aws_cli: aws_cli(facts, configuration),
            ignored,
            notes: notes(facts),
            open: open::questions(facts, configuration),
        })
    }
}

fn credentials(facts: &Facts) -> ResolvedCredentials {
    let none = Credentials::none(Vec::new(), None);
    let found = facts.credentials.known().unwrap_or(&none);
    ResolvedCredentials {
        kind: found.kind,
        profile: found.profile.clone(),
        access_key_id: found.access_key_id.clone(),
        expires_at: found.expires_at,
        has_session_token: found.has_session_token,
        renewable: found.renewable,
        error: found.error.clone(),
        steps: found.steps.iter().map(ResolvedStep::from).collect(),
        auth_refresh: found.auth_refresh.clone(),
        not_saved: found.not_saved.clone(),
    }
}

fn stops(configuration: &Configuration) -> Option<String> {
    let mut files = configuration.settings_files.iter();
    let file = files.find(|file| file.ends_claude_code())?;
    match &file.state {
        SettingsState::Ignored { line, problem, .. } => {
            Some(format!("{}: line {line}: {problem}", file.path))
        }
        _ => None,
    }
}

fn proxies(configuration: &Configuration) -> Proxies {
    let request = configuration.main_request();
    let route = request.map_or(&configuration.runtime, |request| request.route);
    let url = |proxy: &Value<Option<Proxy>>| proxy.clone().map(|proxy| Some(proxy?.url));
    Proxies {
        invocations: url(&route.proxy),
        control_plane: url(&configuration.bedrock.proxy),
        credentials: url(&configuration.credentials_proxy),
    }
}

fn tls(configuration: &Configuration) -> Tls {
    let variable = configuration.variable("NODE_TLS_REJECT_UNAUTHORIZED");
    let off = variable.filter(|variable| variable.value.value == Shown::Plain("0".to_owned()));
    Tls {
        ca_files: configuration.ca_files.clone(),
        verify: match off {
            Some(variable) => Value::new(false, variable.value.source.clone()),
            None => Value::new(true, Source::default_of("certificates are checked")),
        },
    }
}
