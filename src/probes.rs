//! The probes: what each asks, what it costs, how long it may take, and how they run side by side.
//!
//! A probe may decide what to ask next, never whether an answer is good.

mod aws_files;
mod bedrock;
mod claude_code;
mod identity;
mod invocation;
mod machine;
mod settings_files;
mod sso_cache;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bedrock_doctor_checks::claude_code::environment::Environment;
use bedrock_doctor_checks::claude_code::network::host_of;
use bedrock_doctor_checks::claude_code::versions::Version;
use bedrock_doctor_checks::claude_code::{Inputs, Resolved, resolve, variables};
use bedrock_doctor_checks::facts::{Absence, Facts, Failure, FailureKind, Observed, Request};
use bedrock_doctor_checks::probe::ProbeId;

use crate::credentials::{Chain, Signer};
use crate::http::Http;
use crate::progress::Progress;
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
pub(crate) static PROBES: [Probe; 12] = [
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
        ProbeId::SsoCache,
        "the token cache of IAM Identity Center, `~/.aws/sso/cache`",
    ),
    Probe {
        id: ProbeId::Credentials,
        asks: "the credentials Claude Code would use, from the provider that it would use",
        actions: &[
            "sso:GetRoleCredentials",
            "sts:AssumeRole",
            "sts:AssumeRoleWithWebIdentity",
        ],
        cost: "free",
        effect: "starts the helper program that the configuration names, once; renews nothing",
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
        ProbeId::ModelAvailability,
        "agreement, authorization, entitlement and lifecycle of the models in use",
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
        ],
        cost: "free; with --invoke one real request of 1 token per model",
        effect: "none; not sent when AWS says that the model's agreement is missing, because a first invocation would start it",
        seconds: 6,
    },
    Probe {
        id: ProbeId::Clock,
        asks: "how far this machine's clock is from AWS's: the `Date` of the answers that were asked for anyway",
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

/// What a run asks for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Only what this machine shows.
    pub(crate) offline: bool,
    /// Also make one real request per model.
    pub(crate) invoke: bool,
    /// The accounts that are expected.
    pub(crate) accounts: Vec<String>,
    /// The deadline of the whole run.
    pub(crate) timeout: Duration,
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

/// A failure by time-out, with what was waited for.
pub(crate) fn timed_out(http: &Http, service: &str, host: &str, patience: Duration) -> Failure {
    let waiting = http
        .stage(host)
        .map_or("its turn", crate::http::Stage::words);
    Failure {
        service: Some(service.to_owned()),
        host: Some(host.to_owned()),
        ..Failure::new(
            FailureKind::TimedOut,
            format!(
                "timed out after {} s: `{host}` was silent while waiting for {waiting}",
                (patience.as_secs_f32() * 10.0).round() / 10.0
            ),
        )
    }
}

/// Observes what the wanted probes ask for. Ends by the deadline with what is known by then.
pub(crate) async fn collect(
    world: &World,
    options: &Options,
    wanted: &BTreeSet<ProbeId>,
    progress: &Progress,
) -> Collected {
    let started = Instant::now();
    let secrets = Secrets::default();
    let mut facts = Facts::at(world.now());
    facts.request = Request {
        offline: options.offline,
        accounts: options.accounts.clone(),
    };
    let mut timings = Vec::new();
    let mut timed = |probe, since: Instant, outcome| {
        timings.push(Timing {
            probe,
            took: since.elapsed(),
            outcome,
        });
    };

    let since = Instant::now();
    facts.machine = Observed::Known(machine::observe(world));
    timed(ProbeId::Machine, since, "known");

    let since = Instant::now();
    let claude_code = claude_code::observe(world);
    let version = claude_code.version.as_deref().and_then(Version::parse);
    facts.claude_code = Observed::Known(claude_code);
    timed(ProbeId::ClaudeCode, since, "known");

    let since = Instant::now();
    let settings = settings_files::read(world);
    let environment = Environment::merge(world.environment(), &settings);
    timed(ProbeId::Configuration, since, "known");
    let since = Instant::now();
    let (profiles, aws_files) = aws_files::read(world, &environment);
    facts.aws_files = Observed::Known(aws_files);
    timed(ProbeId::AwsFiles, since, "known");
    let mut resolved = resolve(Inputs {
        environment,
        settings,
        profiles,
        version,
    });
    remember_secrets(&secrets, &resolved);
    for file in &mut resolved.configuration.ca_files {
        file.problem = crate::http::problem_of(world, &file.path.value);
    }
    facts.configuration = Observed::Known(resolved.configuration.clone());
    let since = Instant::now();
    facts.sso_cache = sso_cache::observe(world, resolved.plan.sso());
    timed(ProbeId::SsoCache, since, observed_outcome(&facts.sso_cache));

    let online = Online {
        world,
        options,
        wanted,
        progress,
        secrets: &secrets,
        http: Http::new(
            world.clone(),
            resolved.configuration.ca_files.clone(),
            resolved.control.clone(),
            resolved.runtime.clone(),
        ),
        resolved: &resolved,
        facts: RefCell::new(facts),
        timings: RefCell::new(timings),
        deadline: started + options.timeout,
    };
    let rest = options.timeout.saturating_sub(started.elapsed());
    online.set_pending();
    if tokio::time::timeout(rest, Box::pin(online.run()))
        .await
        .is_err()
    {
        online.end_at_deadline();
    }
    online.finish()
}

/// The secrets that the configuration holds, so that no message can repeat them.
fn remember_secrets(secrets: &Secrets, resolved: &Resolved) {
    let environment = &resolved.inputs.environment;
    for name in variables::secret_names() {
        if let Some(value) = environment.get(name) {
            secrets.remember(value);
            // Headers: each value for itself.
            for line in value.lines() {
                if let Some((_, value)) = line.split_once(':') {
                    secrets.remember(value);
                }
            }
        }
    }
    for (_, value) in environment.for_child() {
        let authority = value.split_once("://").map(|(_, rest)| rest);
        let credentials = authority.and_then(|rest| rest.split_once('@'));
        if let Some((_, password)) = credentials.and_then(|(user, _)| user.split_once(':')) {
            secrets.remember(password);
        }
    }
    for file in [
        &resolved.inputs.profiles.config.1,
        &resolved.inputs.profiles.credentials.1,
    ] {
        for section in file.profiles.values() {
            for key in [
                "aws_secret_access_key",
                "aws_session_token",
                "aws_security_token",
            ] {
                if let Some(entry) = section.keys.get(key) {
                    secrets.remember(&entry.value);
                }
            }
        }
    }
}

/// One online run: the questions to AWS along their real dependencies.
struct Online<'a> {
    world: &'a World,
    options: &'a Options,
    wanted: &'a BTreeSet<ProbeId>,
    progress: &'a Progress,
    secrets: &'a Secrets,
    http: Http,
    resolved: &'a Resolved,
    facts: RefCell<Facts>,
    timings: RefCell<Vec<Timing>>,
    deadline: Instant,
}

/// Why the online probes ask nobody, when they do not.
fn silence(options: &Options, resolved: &Resolved) -> Option<Absence> {
    let provider = resolved.configuration.provider.value;
    if !provider.uses_bedrock() {
        return Some(Absence::DoesNotApply {
            because: format!(
                "Claude Code will use {}, so AWS was not asked",
                provider.words()
            ),
        });
    }
    options.offline.then_some(Absence::Offline)
}

impl Online<'_> {
    /// What the facts are until an answer is there.
    fn set_pending(&self) {
        let mut facts = self.facts.borrow_mut();
        facts.credentials = self.pending(ProbeId::Credentials);
        facts.caller_identity = self.pending(ProbeId::CallerIdentity);
        facts.inference_profiles = self.pending(ProbeId::InferenceProfiles);
        facts.model_availability = self.pending(ProbeId::ModelAvailability);
        facts.use_case_form = self.pending(ProbeId::UseCaseForm);
        facts.invocations = self.pending(ProbeId::Invocations);
        facts.clock = self.pending(ProbeId::Clock);
    }

    fn pending<T>(&self, probe: ProbeId) -> Observed<T> {
        match silence(self.options, self.resolved) {
            Some(why) => Observed::NotCollected(why),
            _ if !self.wanted.contains(&probe) => Observed::NotCollected(Absence::NotSelected),
            _ => Observed::Failed(Failure::new(FailureKind::TimedOut, WAITING)),
        }
    }

    async fn run(&self) {
        let silent = silence(self.options, self.resolved);
        let asks_for_credentials = match silent {
            None => true,
            Some(Absence::Offline) => self.wanted.contains(&ProbeId::Credentials),
            Some(_) => false,
        };
        if !asks_for_credentials {
            return;
        }
        let signer = self.credentials().await;
        if silent.is_some() {
            return;
        }
        let Some(signer) = signer else {
            self.no_credentials();
            return;
        };
        tokio::join!(
            self.ask(
                ProbeId::CallerIdentity,
                identity::caller(self, &signer),
                |facts, seen| {
                    facts.caller_identity = seen;
                }
            ),
            self.ask(
                ProbeId::UseCaseForm,
                bedrock::use_case_form(self, &signer),
                |facts, seen| {
                    facts.use_case_form = seen;
                }
            ),
            self.models(&signer),
        );
    }

    async fn credentials(&self) -> Option<Signer> {
        let since = Instant::now();
        let shown = self.progress.start(ProbeId::Credentials);
        let chain = Chain {
            world: self.world,
            resolved: self.resolved,
            http: &self.http,
            secrets: self.secrets,
            patience: self.patience(ProbeId::Credentials),
            offline: self.options.offline,
        };
        let (credentials, signer) = chain.walk().await;
        drop(shown);
        self.note(ProbeId::Credentials, since, "known");
        self.facts.borrow_mut().credentials = Observed::Known(credentials);
        signer
    }

    /// The model questions: listing and availability side by side, then the invocations.
    async fn models(&self, signer: &Signer) {
        let availability = self.ask(
            ProbeId::ModelAvailability,
            bedrock::model_availability(self, signer),
            |facts, seen| facts.model_availability = seen,
        );
        let listing = self.ask(
            ProbeId::InferenceProfiles,
            bedrock::inference_profiles(self, signer),
            |facts, seen| facts.inference_profiles = seen,
        );
        tokio::join!(availability, listing);
        let configuration = {
            let facts = self.facts.borrow();
            facts
                .inference_profiles
                .known()
                .map(|listed| self.resolved.with_listing(listed))
        };
        if let Some(configuration) = configuration {
            self.facts.borrow_mut().configuration = Observed::Known(configuration);
        }
        self.ask(
            ProbeId::Invocations,
            invocation::invocations(self, signer),
            |facts, seen| facts.invocations = seen,
        )
        .await;
    }

    /// Asks one question, if it is wanted, and notes how long it took.
    async fn ask<T>(
        &self,
        probe: ProbeId,
        question: impl Future<Output = Observed<T>>,
        store: impl FnOnce(&mut Facts, Observed<T>),
    ) {
        if !self.wanted.contains(&probe) {
            return;
        }
        let since = Instant::now();
        let shown = self.progress.start(probe);
        let seen = question.await;
        drop(shown);
        self.note(probe, since, observed_outcome(&seen));
        store(&mut self.facts.borrow_mut(), seen);
    }

    fn note(&self, probe: ProbeId, since: Instant, outcome: &'static str) {
        self.timings.borrow_mut().push(Timing {
            probe,
            took: since.elapsed(),
            outcome,
        });
    }

    /// Without credentials nothing else can be asked.
    fn no_credentials(&self) {
        fn unasked<T>(fact: &mut Observed<T>) {
            if matches!(fact, Observed::Failed(_)) {
                *fact = Observed::NotCollected(Absence::Needs {
                    probe: ProbeId::Credentials,
                });
            }
        }
        let mut facts = self.facts.borrow_mut();
        unasked(&mut facts.caller_identity);
        unasked(&mut facts.inference_profiles);
        unasked(&mut facts.model_availability);
        unasked(&mut facts.use_case_form);
        unasked(&mut facts.invocations);
    }

    /// Names the deadline in every answer that did not come.
    fn end_at_deadline(&self) {
        fn ended<T>(fact: &mut Observed<T>, seconds: f32) {
            if let Observed::Failed(failure) = fact
                && failure.message == WAITING
            {
                failure.message =
                    format!("timed out: the whole run ends after {seconds} s (--timeout)");
            }
        }
        let seconds = self.options.timeout.as_secs_f32();
        let mut facts = self.facts.borrow_mut();
        ended(&mut facts.credentials, seconds);
        ended(&mut facts.caller_identity, seconds);
        ended(&mut facts.inference_profiles, seconds);
        ended(&mut facts.model_availability, seconds);
        ended(&mut facts.use_case_form, seconds);
        ended(&mut facts.invocations, seconds);
    }

    fn finish(self) -> Collected {
        let mut facts = self.facts.into_inner();
        if matches!(facts.clock, Observed::Failed(_)) {
            facts.clock = match self.http.clock() {
                Some(clock) => Observed::Known(clock),
                None => Observed::NotCollected(Absence::DoesNotApply {
                    because: "no answer came with a date".to_owned(),
                }),
            };
        }
        let mut timings = self.timings.into_inner();
        timings.sort_by_key(|timing| timing.probe);
        Collected { facts, timings }
    }

    /// How long one question of a probe may take: it ends before the whole run does, so that what was waited for can
    /// be named.
    fn patience(&self, probe: ProbeId) -> Duration {
        let seconds = PROBES
            .iter()
            .find(|known| known.id == probe)
            .map_or(6, |known| known.seconds);
        // Whatever needs the credentials comes after them.
        let share = if probe == ProbeId::Credentials {
            0.7
        } else {
            0.9
        };
        let rest = self.deadline.saturating_duration_since(Instant::now());
        Duration::from_secs(seconds).min(rest.mul_f32(share))
    }

    /// Asks AWS one question; a time-out names the stage that was waited for.
    async fn within<T>(
        &self,
        probe: ProbeId,
        service: &str,
        endpoint: &str,
        question: impl Future<Output = Observed<T>>,
    ) -> Observed<T> {
        let patience = self.patience(probe);
        tokio::time::timeout(patience, question)
            .await
            .unwrap_or_else(|_| {
                Observed::Failed(timed_out(&self.http, service, &host_of(endpoint), patience))
            })
    }
}

/// The message of a failure that is only a place-holder until the answer is there.
const WAITING: &str = "no answer yet";

fn observed_outcome<T>(observed: &Observed<T>) -> &'static str {
    match observed {
        Observed::Known(_) => "known",
        Observed::Failed(_) => "failed",
        Observed::NotCollected(_) => "not-collected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_described_once_and_in_order() {
        let described: Vec<ProbeId> = PROBES.iter().map(|probe| probe.id).collect();
        assert_eq!(described, ProbeId::ALL);
    }
}
