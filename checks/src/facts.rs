//! What can be observed of a machine, typed and serialisable. No field can hold a secret.

mod aws;
mod aws_cli;
mod configuration;
mod connections;
mod credentials;
mod machine;
mod observed;
mod on_demand;
mod settings_files;
mod value;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::aws::*;
pub use self::aws_cli::*;
pub use self::configuration::*;
pub use self::connections::*;
pub use self::credentials::*;
pub use self::machine::*;
pub use self::observed::*;
pub use self::on_demand::*;
pub use self::settings_files::*;
pub use self::value::*;
use crate::check::{Need, Seen, absent};
use crate::finding::Finding;
use crate::probe::ProbeId;

/// Everything that was observed in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// When the facts were collected. The checks have no other clock.
    pub now: Timestamp,
    /// What was asked for.
    #[serde(default)]
    pub request: Request,
    /// The machine itself.
    #[serde(default)]
    pub machine: Observed<Machine>,
    /// The Claude Code that would start.
    #[serde(default)]
    pub claude_code: Observed<ClaudeCode>,
    /// The configuration Claude Code will use.
    #[serde(default)]
    pub configuration: Observed<Configuration>,
    /// `~/.aws/config` and `~/.aws/credentials`.
    #[serde(default)]
    pub aws_files: Observed<AwsFiles>,
    /// What the AWS CLI would use instead.
    #[serde(default)]
    pub aws_cli: Observed<AwsCli>,
    /// The token cache of IAM Identity Center.
    #[serde(default)]
    pub sso_cache: Observed<SsoCache>,
    /// The credentials Claude Code would use.
    #[serde(default)]
    pub credentials: Observed<Credentials>,
    /// Whom AWS takes the credentials for.
    #[serde(default)]
    pub caller_identity: Observed<CallerIdentity>,
    /// The inference profiles the account lists.
    #[serde(default)]
    pub inference_profiles: Observed<InferenceProfiles>,
    /// The models that Mantle lists.
    #[serde(default)]
    pub mantle_models: Observed<MantleModels>,
    /// What the control plane says of the models that are in use or pinned.
    #[serde(default)]
    pub model_availability: Observed<Vec<ModelFacts>>,
    /// Whether the use-case form was submitted.
    #[serde(default)]
    pub use_case_form: Observed<UseCaseForm>,
    /// Whether the models in use may be invoked.
    #[serde(default)]
    pub invocations: Observed<Vec<Invocation>>,
    /// What the policy simulator says of the permissions that are needed.
    #[serde(default)]
    pub simulation: Observed<Simulation>,
    /// The quotas of the models in use.
    #[serde(default)]
    pub quotas: Observed<Vec<Quota>>,
    /// How far this machine's clock is from AWS's.
    #[serde(default)]
    pub clock: Observed<Clock>,
    /// How far the requests to each host came: one connection for each host and way to it.
    #[serde(default)]
    pub connections: Observed<Vec<Connection>>,
}

impl Facts {
    /// Facts of a machine nobody has looked at yet.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            request: Request::default(),
            machine: Observed::default(),
            claude_code: Observed::default(),
            configuration: Observed::default(),
            aws_files: Observed::default(),
            aws_cli: Observed::default(),
            sso_cache: Observed::default(),
            credentials: Observed::default(),
            caller_identity: Observed::default(),
            inference_profiles: Observed::default(),
            mantle_models: Observed::default(),
            model_availability: Observed::default(),
            use_case_form: Observed::default(),
            invocations: Observed::default(),
            simulation: Observed::default(),
            quotas: Observed::default(),
            clock: Observed::default(),
            connections: Observed::default(),
        }
    }

    /// The connections to a host, one for each way to it.
    pub fn connections_to(&self, host: &str) -> impl Iterator<Item = &Connection> {
        let all = self.connections.known().into_iter().flatten();
        all.filter(move |connection| connection.host == host)
    }

    /// Every failure of a question that was asked over the network, with the probe that asked.
    pub fn network_failures(&self) -> Vec<(ProbeId, &Failure)> {
        let mut all: Vec<(ProbeId, &Failure)> = Vec::new();
        if let Some(credentials) = self.credentials.known() {
            let failures = credentials
                .steps
                .iter()
                .filter_map(|step| step.failure.as_ref());
            all.extend(failures.map(|failure| (ProbeId::Credentials, failure)));
        }
        let single = [
            (ProbeId::Credentials, self.credentials.failure()),
            (ProbeId::CallerIdentity, self.caller_identity.failure()),
            (
                ProbeId::InferenceProfiles,
                self.inference_profiles.failure(),
            ),
            (ProbeId::MantleModels, self.mantle_models.failure()),
            (ProbeId::UseCaseForm, self.use_case_form.failure()),
            (
                ProbeId::ModelAvailability,
                self.model_availability.failure(),
            ),
            (ProbeId::Invocations, self.invocations.failure()),
            (ProbeId::PolicySimulation, self.simulation.failure()),
            (ProbeId::Quotas, self.quotas.failure()),
        ];
        all.extend(
            single
                .into_iter()
                .filter_map(|(probe, failure)| Some((probe, failure?))),
        );
        for model in self.model_availability.known().into_iter().flatten() {
            all.extend(
                model
                    .availability
                    .failure()
                    .map(|failure| (ProbeId::ModelAvailability, failure)),
            );
            all.extend(
                model
                    .lifecycle
                    .failure()
                    .map(|failure| (ProbeId::ModelAvailability, failure)),
            );
        }
        for invocation in self.invocations.known().into_iter().flatten() {
            all.extend(
                invocation
                    .outcome
                    .failure()
                    .map(|failure| (ProbeId::Invocations, failure)),
            );
        }
        all
    }
}

/// What was asked for on the command line, as far as judgement depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of the command line, each on its own"
)]
pub struct Request {
    /// `--offline`.
    #[serde(default)]
    pub offline: bool,
    /// `--refresh`.
    #[serde(default)]
    pub refresh: bool,
    /// `--invoke`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invoke: bool,
    /// `--thorough`, or `--only`, which names what is to be told: what is asked only then was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thorough: bool,
    /// `--account`, each.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// What is assumed instead of what the machine says, as flags; values that may be secret are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<String>,
}

impl Request {
    /// The assumptions as flags of a command to paste; none when one was left out, because it is JSON or may be a secret.
    pub fn assumed(&self) -> Option<&[String]> {
        let is_left_out = |flag: &String| flag.ends_with("=…") || flag == "--settings with JSON";
        let is_whole = !self.what_if.iter().any(is_left_out);
        is_whole.then_some(self.what_if.as_slice())
    }
}

/// When the facts were collected.
#[derive(Debug, Clone, Copy)]
pub struct Now(pub Timestamp);

impl<'a> Need<'a> for Now {
    const PROBE: Option<ProbeId> = None;

    fn take(facts: &'a Facts) -> Result<Self, Finding> {
        Ok(Self(facts.now))
    }
}

impl<'a> Need<'a> for &'a Request {
    const PROBE: Option<ProbeId> = None;

    fn take(facts: &'a Facts) -> Result<Self, Finding> {
        Ok(&facts.request)
    }
}

/// All facts, for the few checks that look at every answer.
pub struct AllFacts<'a>(pub &'a Facts);

impl<'a> Need<'a> for AllFacts<'a> {
    const PROBE: Option<ProbeId> = None;

    fn take(facts: &'a Facts) -> Result<Self, Finding> {
        Ok(Self(facts))
    }
}

macro_rules! fact {
    ($($kind:ty, $field:ident, $probe:ident;)+) => {$(
        impl<'a> Need<'a> for &'a $kind {
            const PROBE: Option<ProbeId> = Some(ProbeId::$probe);

            fn take(facts: &'a Facts) -> Result<Self, Finding> {
                facts
                    .$field
                    .known()
                    .ok_or_else(|| absent(ProbeId::$probe, &facts.$field))
            }
        }

        impl<'a> Need<'a> for Seen<'a, $kind> {
            const PROBE: Option<ProbeId> = Some(ProbeId::$probe);

            fn take(facts: &'a Facts) -> Result<Self, Finding> {
                Ok(Seen(&facts.$field))
            }
        }
    )+};
}
fact! {
    Machine, machine, Machine;
    ClaudeCode, claude_code, ClaudeCode;
    Configuration, configuration, Configuration;
    AwsFiles, aws_files, AwsFiles;
    AwsCli, aws_cli, AwsCli;
    SsoCache, sso_cache, SsoCache;
    Credentials, credentials, Credentials;
    CallerIdentity, caller_identity, CallerIdentity;
    InferenceProfiles, inference_profiles, InferenceProfiles;
    MantleModels, mantle_models, MantleModels;
    Vec<ModelFacts>, model_availability, ModelAvailability;
    UseCaseForm, use_case_form, UseCaseForm;
    Vec<Invocation>, invocations, Invocations;
    Simulation, simulation, PolicySimulation;
    Vec<Quota>, quotas, Quotas;
    Clock, clock, Clock;
    Vec<Connection>, connections, Connections;
}
