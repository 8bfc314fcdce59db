//! The probes: what each asks, what it costs, how long it may take. `run.rs` is a run; how it asks AWS side by side stands
//! in `online.rs`.
//!
//! A probe may decide what to ask next, never whether an answer is good.

mod auth_refresh;
mod aws_cli;
mod aws_files;
mod bedrock;
mod claude_code;
mod identity;
mod invocation;
mod machine;
mod mantle;
mod online;
mod quotas;
mod run;
mod settings_files;
mod simulation;
mod sso_cache;
mod what_if;

use std::time::{Duration, Instant};

use bedrock_doctor_checks::claude_code::Resolved;
use bedrock_doctor_checks::facts::Facts;
use bedrock_doctor_checks::probe::ProbeId;

use self::online::Online;
pub(crate) use self::online::timed_out;
pub(crate) use self::run::collect;
pub(crate) use self::what_if::WhatIf;
use crate::credentials::{Chain, Renewal};
use crate::http::Http;
use crate::secrets::Secrets;
use crate::world::World;

/// What a probe is: for the lists that people read, and for its deadline.
pub(crate) struct Probe {
    /// Its name.
    pub(crate) id: ProbeId,
    /// What it asks.
    pub(crate) asks: &'static str,
    /// The AWS operations it may call, as IAM actions.
    pub(crate) actions: &'static [&'static str],
    /// What it costs.
    pub(crate) cost: &'static str,
    /// What it changes.
    pub(crate) effect: &'static str,
    /// The most seconds one question may take.
    pub(crate) seconds: u64,
}

/// Every probe, in the order people read them.
pub(crate) static PROBES: [Probe; 17] = [
    local(
        ProbeId::Machine,
        "operating system, home folder, container, SSH",
    ),
    local(
        ProbeId::ClaudeCode,
        "the Claude Code version, from its files; Claude Code is not started",
    ),
    local(
        ProbeId::Configuration,
        "Claude Code's settings files of all levels and the environment variables that bear on Bedrock",
    ),
    local(
        ProbeId::AwsFiles,
        "`~/.aws/config` and `~/.aws/credentials`",
    ),
    local(
        ProbeId::AwsCli,
        "what `aws` would use in the same shell, from the same files; `aws` is not started",
    ),
    local(
        ProbeId::SsoCache,
        "the token cache of IAM Identity Center, `~/.aws/sso/cache`",
    ),
    Probe {
        id: ProbeId::Credentials,
        asks: "the credentials Claude Code would use, from the provider that it would use",
        actions: &[
            "sso:GetRoleCredentials",
            "sso-oidc:CreateToken",
            "signin:CreateOAuth2Token",
            "sts:AssumeRole",
            "sts:AssumeRoleWithWebIdentity",
        ],
        cost: "free",
        effect: "starts the helper program that the configuration names, once; with --refresh renews an expired token, which rewrites its cache file, and runs awsAuthRefresh when Claude Code would",
        seconds: 15,
    },
    online(
        ProbeId::CallerIdentity,
        "whom AWS takes the credentials for",
        &["sts:GetCallerIdentity"],
    ),
    online(
        ProbeId::InferenceProfiles,
        "the inference profiles the account lists in the Region",
        &["bedrock:ListInferenceProfiles"],
    ),
    online(
        ProbeId::MantleModels,
        "the models that Mantle lists in the Region, when requests go to Mantle",
        &["bedrock-mantle:ListModels"],
    ),
    online(
        ProbeId::ModelAvailability,
        "agreement, authorization, entitlement and lifecycle of the models that are in use or pinned",
        &[
            "bedrock:GetInferenceProfile",
            "bedrock:GetFoundationModelAvailability",
            "bedrock:GetFoundationModel",
        ],
    ),
    online(
        ProbeId::UseCaseForm,
        "whether the use-case form of Anthropic models was submitted",
        &["bedrock:GetUseCaseForModelAccess"],
    ),
    Probe {
        id: ProbeId::Invocations,
        asks: "whether the models in use may be invoked: a request whose body must be refused, or with --invoke a real one",
        actions: &[
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:InvokeModel",
            "bedrock-mantle:CreateInference",
            "aws-external-anthropic:CreateInference",
        ],
        cost: "free; with --invoke one real request of 1 token per model",
        effect: "none; not sent when AWS says that the model's agreement is missing, because a first invocation would start it; a real request is sent all the same",
        seconds: 6,
    },
    Probe {
        id: ProbeId::PolicySimulation,
        asks: "what the caller's policies allow of all that Claude Code needs, also what no call tried; when a policy denied an invocation, or with --thorough",
        actions: &["iam:GetRole", "iam:SimulatePrincipalPolicy"],
        cost: "free",
        effect: "none",
        seconds: 4,
    },
    Probe {
        id: ProbeId::Quotas,
        asks: "the quotas of the models in use; when an invocation was throttled, or with --invoke or --thorough",
        actions: &[
            "servicequotas:ListServiceQuotas",
            "servicequotas:GetAWSDefaultServiceQuota",
        ],
        cost: "free",
        effect: "none",
        seconds: 10,
    },
    Probe {
        id: ProbeId::Clock,
        asks: "how far this machine's clock is from AWS's: the `Date` of the answers that were asked for anyway",
        actions: &[],
        cost: "free",
        effect: "none",
        seconds: 0,
    },
    Probe {
        id: ProbeId::Connections,
        asks: "how far the requests that were made anyway came: the time of every stage, where names led, which certificates were shown",
        actions: &[],
        cost: "free",
        effect: "none",
        seconds: 0,
    },
];

const fn local(id: ProbeId, asks: &'static str) -> Probe {
    Probe {
        id,
        asks,
        actions: &[],
        cost: "free",
        effect: "none",
        seconds: 0,
    }
}

const fn online(id: ProbeId, asks: &'static str, actions: &'static [&'static str]) -> Probe {
    Probe {
        id,
        asks,
        actions,
        cost: "free",
        effect: "none",
        seconds: 6,
    }
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Only what this machine shows.
    Offline,
    /// AWS is asked what every checkup needs, and more where an answer calls for it.
    Usual,
    /// AWS is asked everything.
    Thorough,
}

/// What a run asks for.
#[derive(Clone)]
pub(crate) struct Options {
    /// How far it goes.
    pub(crate) extent: Extent,
    /// Also make one real request per model.
    pub(crate) invoke: bool,
    /// Whether a token that is due is renewed.
    pub(crate) renewal: Renewal,
    /// Whether `awsAuthRefresh` is run when Claude Code would: a yes on the terminal is none to this.
    pub(crate) auth_refresh: bool,
    /// The accounts that are expected.
    pub(crate) accounts: Vec<String>,
    /// The deadline of the whole run.
    pub(crate) timeout: Duration,
    /// What is assumed instead of what the machine says.
    pub(crate) what_if: WhatIf,
}

impl Options {
    /// Whether nobody is asked over the network.
    pub(crate) fn offline(&self) -> bool {
        self.extent == Extent::Offline
    }

    /// A run that asks questions and invokes nothing.
    pub(crate) fn reading(offline: bool, refresh: bool, timeout: f64, what_if: WhatIf) -> Self {
        Self {
            extent: if offline {
                Extent::Offline
            } else {
                Extent::Usual
            },
            invoke: false,
            renewal: Renewal::of(refresh),
            auth_refresh: refresh,
            accounts: Vec::new(),
            timeout: Duration::from_secs_f64(timeout),
            what_if,
        }
    }
}

/// How long a probe took and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    /// The probe.
    pub(crate) probe: ProbeId,
    /// How long it took, without what it waited for.
    pub(crate) took: Duration,
    /// `known`, `failed`, `not-collected`.
    pub(crate) outcome: &'static str,
}

/// What a run observed.
pub(crate) struct Collected {
    /// The facts.
    pub(crate) facts: Facts,
    /// How long each probe took.
    pub(crate) timings: Vec<Timing>,
}

/// The credential chain of a machine.
fn chain<'a>(
    world: &'a World,
    resolved: &'a Resolved,
    http: &'a Http,
    secrets: &'a Secrets,
    deadline: Instant,
    options: &Options,
) -> Chain<'a> {
    Chain {
        world,
        resolved,
        http,
        secrets,
        longest: longest(ProbeId::Credentials),
        deadline,
        offline: options.offline(),
        renewal: options.renewal,
    }
}

/// The longest that one question of a probe may take.
fn longest(probe: ProbeId) -> Duration {
    let described = PROBES.iter().find(|known| known.id == probe);
    Duration::from_secs(described.map_or(0, |known| known.seconds))
}

#[cfg(test)]
mod tests {
    use bedrock_doctor_checks::access::OF_THE_CHECKUP;

    use super::*;

    #[test]
    fn every_probe_is_described_once_and_in_order() {
        let described: Vec<ProbeId> = PROBES.iter().map(|probe| probe.id).collect();
        assert_eq!(described, ProbeId::ALL);
    }

    /// `policy --for-checkup` allows what the probes ask.
    #[test]
    fn every_action_of_a_probe_is_in_the_policy_for_the_checkup() {
        // No policy of the caller governs these, or another caller asks.
        let elsewhere = ["sso:", "sso-oidc:", "signin:", "sts:"];
        let of_claude_code = [
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:InvokeModel",
            "bedrock:ListInferenceProfiles",
            "bedrock:GetInferenceProfile",
            "bedrock-mantle:CreateInference",
            "aws-external-anthropic:CreateInference",
        ];
        for action in PROBES.iter().flat_map(|probe| probe.actions) {
            assert!(
                elsewhere.iter().any(|service| action.starts_with(service))
                    || of_claude_code.contains(action)
                    || OF_THE_CHECKUP.iter().any(|(known, _)| known == action),
                "{action} is missing in `access::OF_THE_CHECKUP`"
            );
        }
    }
}
