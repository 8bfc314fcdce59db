//! The online probes along their real dependencies, side by side.
//!
//! Longer than 400 lines: the order of all of them is one subject.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bedrock_doctor_checks::answer::{Answer, answer};
use bedrock_doctor_checks::claude_code::Resolved;
use bedrock_doctor_checks::claude_code::credential_plan::{Link, Provider};
use bedrock_doctor_checks::claude_code::network::host_of;
use bedrock_doctor_checks::facts::{
    Absence, AuthRefresh, Facts, Failure, FailureKind, Observed, Stage,
};
use bedrock_doctor_checks::probe::ProbeId;

use super::{
    Collected, Extent, Options, Timing, bedrock, chain, identity, invocation, longest, mantle,
    quotas, simulation, sso_cache,
};
use crate::credentials::{Renewal, Signer, Walked};
use crate::http::Http;
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::world::World;

/// A failure by time-out, with what was waited for.
pub(crate) fn timed_out(http: &Http, service: &str, host: &str, patience: Duration) -> Failure {
    let waiting = http.stage(host).map_or("its turn", Stage::words);
    Failure {
        service: Some(service.to_owned()),
        host: Some(host.to_owned()),
        waited_for: http.stage(host),
        ..Failure::new(
            FailureKind::TimedOut,
            format!(
                "timed out after {} s: `{host}` was silent while waiting for {waiting}",
                (patience.as_secs_f32() * 10.0).round() / 10.0
            ),
        )
    }
}

fn not_needed<T>(because: &str) -> Observed<T> {
    Observed::NotCollected(Absence::DoesNotApply {
        because: because.to_owned(),
    })
}

/// One online run: the questions to AWS along their real dependencies.
pub(super) struct Online<'a> {
    pub(super) world: &'a World,
    pub(super) options: &'a Options,
    pub(super) wanted: &'a BTreeSet<ProbeId>,
    pub(super) progress: &'a Progress<'a>,
    pub(super) secrets: &'a Secrets,
    pub(super) http: Http,
    pub(super) resolved: &'a Resolved,
    /// What control-plane calls see, when that is something else.
    pub(super) early: Option<&'a Resolved>,
    pub(super) refreshed: Option<AuthRefresh>,
    pub(super) facts: RefCell<Facts>,
    pub(super) timings: RefCell<Vec<Timing>>,
    pub(super) deadline: Instant,
}

/// Why a probe asks nobody, when it does not.
pub(super) fn silence(options: &Options, resolved: &Resolved, probe: ProbeId) -> Option<Absence> {
    let provider = resolved.configuration.provider.value;
    // Models are invoked on the endpoint of each service that belongs to AWS.
    let asks_bedrock = !matches!(
        probe,
        ProbeId::Credentials
            | ProbeId::CallerIdentity
            | ProbeId::Clock
            | ProbeId::Connections
            | ProbeId::Invocations
    );
    let applies = if probe == ProbeId::MantleModels {
        provider.uses_mantle()
    } else if asks_bedrock {
        provider.uses_bedrock()
    } else {
        provider.uses_aws_credentials()
    };
    if !applies {
        let asked = match probe {
            ProbeId::MantleModels => "Mantle",
            _ if asks_bedrock => "Bedrock",
            _ => "AWS",
        };
        return Some(Absence::DoesNotApply {
            because: format!(
                "Claude Code will use {}, so {asked} was not asked",
                provider.words()
            ),
        });
    }
    options.offline().then_some(Absence::Offline)
}

impl Online<'_> {
    /// What the facts are until an answer is there: the end of the run, for all that is asked.
    pub(super) fn set_pending(&self) {
        let mut facts = self.facts.borrow_mut();
        facts.credentials = self.pending(ProbeId::Credentials);
        facts.caller_identity = self.pending(ProbeId::CallerIdentity);
        facts.inference_profiles = self.pending(ProbeId::InferenceProfiles);
        facts.mantle_models = self.pending(ProbeId::MantleModels);
        facts.model_availability = self.pending(ProbeId::ModelAvailability);
        facts.use_case_form = self.pending(ProbeId::UseCaseForm);
        facts.invocations = self.pending(ProbeId::Invocations);
        facts.simulation = self.pending(ProbeId::PolicySimulation);
        facts.quotas = self.pending(ProbeId::Quotas);
        facts.clock = self.pending(ProbeId::Clock);
        facts.connections = self.pending(ProbeId::Connections);
    }

    fn pending<T>(&self, probe: ProbeId) -> Observed<T> {
        match silence(self.options, self.resolved, probe) {
            Some(why) => Observed::NotCollected(why),
            _ if !self.wanted.contains(&probe) => Observed::NotCollected(Absence::NotSelected),
            _ => Observed::Failed(self.ended()),
        }
    }

    /// What is said of a question that had no answer when the whole run ended.
    fn ended(&self) -> Failure {
        let seconds = self.options.timeout.as_secs_f32();
        let message = format!("timed out: the whole run ends after {seconds} s (--timeout)");
        Failure::new(FailureKind::TimedOut, message)
    }

    /// `walked`: what the chain delivers, when that is known already.
    pub(super) async fn run(&self, walked: Option<Walked>) {
        let silent = |probe| silence(self.options, self.resolved, probe);
        let asks_for_credentials = match silent(ProbeId::Credentials) {
            None | Some(Absence::Offline) => self.wanted.contains(&ProbeId::Credentials),
            Some(_) => false,
        };
        if !asks_for_credentials {
            return;
        }
        let (signer, listing) = self.credentials(walked).await;
        if self.options.offline() {
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
                ProbeId::MantleModels,
                mantle::models(self, &signer),
                |facts, seen| {
                    facts.mantle_models = seen;
                }
            ),
            self.ask(
                ProbeId::UseCaseForm,
                bedrock::use_case_form(self, &signer),
                |facts, seen| {
                    facts.use_case_form = seen;
                }
            ),
            self.models(&signer, listing.as_ref()),
        );
        Box::pin(self.on_demand(&signer)).await;
    }

    /// What is asked only when it adds something: these calls are slow, or watched as signs of an intruder.
    async fn on_demand(&self, signer: &Signer) {
        let (denied, throttled) = {
            let facts = self.facts.borrow();
            let failures = facts.network_failures().into_iter();
            let answers: Vec<Answer> = failures
                .filter(|(probe, _)| *probe == ProbeId::Invocations)
                .map(|(_, failure)| answer(failure))
                .collect();
            let any = |class: fn(&Answer) -> bool| answers.iter().any(class);
            (
                any(|answer| matches!(answer, Answer::Denied(..))),
                any(|answer| matches!(answer, Answer::Throttled(_))),
            )
        };
        let thorough = self.options.extent == Extent::Thorough;
        let invoke = self.options.invoke;
        tokio::join!(
            self.ask(
                ProbeId::PolicySimulation,
                async {
                    if denied || thorough {
                        simulation::simulation(self, signer).await
                    } else {
                        not_needed("no policy denied an invocation; --thorough asks the policy simulator all the same")
                    }
                },
                |facts, seen| facts.simulation = seen
            ),
            self.ask(
                ProbeId::Quotas,
                async {
                    if throttled || invoke || thorough {
                        quotas::quotas(self, signer).await
                    } else {
                        not_needed("no invocation was throttled; --thorough asks for the quotas all the same")
                    }
                },
                |facts, seen| facts.quotas = seen
            ),
        );
    }

    async fn walk(&self, resolved: &Resolved) -> Walked {
        let (http, secrets, options) = (&self.http, self.secrets, self.options);
        chain(self.world, resolved, http, secrets, self.deadline, options)
            .walk()
            .await
    }

    /// Who signs invocations, and who signs the profile listing.
    async fn credentials(&self, walked: Option<Walked>) -> (Option<Signer>, Option<Signer>) {
        let since = Instant::now();
        let shown = self.progress.start(ProbeId::Credentials);
        let (world, resolved) = (self.world, self.resolved);
        let early = match self.early {
            Some(early) => Some(self.walk(early).await),
            None => None,
        };
        let keyless =
            |link: &Link| matches!(link, Link::Try(Provider::ApiKey | Provider::Unsigned));
        let (mut credentials, signer, listing) = match early {
            // Keys are kept once they are obtained, until they expire: a project's come too late (seen, 2.1.330).
            Some((credentials, Some(Signer::Keys(keys))))
                if !resolved.plan.links.iter().any(keyless)
                    && credentials.expires_at.is_none_or(|at| at > world.now()) =>
            {
                let signer = Some(Signer::Keys(keys));
                (credentials, signer.clone(), signer)
            }
            Some((_, listing)) => {
                let (credentials, signer) = self.walk(resolved).await;
                (credentials, signer, listing)
            }
            None => {
                let (credentials, signer) = match walked {
                    Some(walked) => walked,
                    None => self.walk(resolved).await,
                };
                (credentials, signer.clone(), signer)
            }
        };
        // The list is asked for unsigned then, whatever token invocations carry (seen, 2.1.330).
        let listing = if resolved.configuration.skip_auth {
            Some(Signer::Nobody)
        } else {
            listing
        };
        credentials.auth_refresh.clone_from(&self.refreshed);
        drop(shown);
        self.note(ProbeId::Credentials, since, "known");
        let mut facts = self.facts.borrow_mut();
        if self.options.renewal == Renewal::Renew {
            let cache = sso_cache::observe(world, resolved.plan.sso(), Some(&credentials));
            facts.sso_cache = Observed::Known(cache);
        }
        facts.credentials = Observed::Known(credentials);
        (signer, listing)
    }

    /// The model questions: listing and availability side by side, then the invocations.
    async fn models(&self, signer: &Signer, lister: Option<&Signer>) {
        let availability = self.ask(
            ProbeId::ModelAvailability,
            bedrock::model_availability(self, signer),
            |facts, seen| facts.model_availability = seen,
        );
        let listing = self.ask(
            ProbeId::InferenceProfiles,
            async {
                match lister {
                    Some(lister) => bedrock::inference_profiles(self, lister).await,
                    // Claude Code does without.
                    None => Observed::NotCollected(Absence::DoesNotApply {
                        because:
                            "a project's settings bring the credentials, too late for the list"
                                .to_owned(),
                    }),
                }
            },
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
        if !self.wanted.contains(&probe) || silence(self.options, self.resolved, probe).is_some() {
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
        unasked(&mut facts.mantle_models);
        unasked(&mut facts.model_availability);
        unasked(&mut facts.use_case_form);
        unasked(&mut facts.invocations);
        unasked(&mut facts.simulation);
        unasked(&mut facts.quotas);
    }

    pub(super) fn finish(self) -> Collected {
        let mut facts = self.facts.into_inner();
        if matches!(facts.clock, Observed::Failed(_)) {
            facts.clock = match self.http.clock() {
                Some(clock) => Observed::Known(clock),
                None => Observed::NotCollected(Absence::DoesNotApply {
                    because: "no answer came with a date".to_owned(),
                }),
            };
        }
        if matches!(facts.connections, Observed::Failed(_)) {
            let seen = self.http.connections(self.secrets);
            facts.connections = if seen.is_empty() {
                Observed::NotCollected(Absence::DoesNotApply {
                    because: "no connection was needed".to_owned(),
                })
            } else {
                Observed::Known(seen)
            };
        }
        let mut timings = self.timings.into_inner();
        timings.sort_by_key(|timing| timing.probe);
        Collected { facts, timings }
    }

    /// How long one question of a probe may take: it ends before the whole run does, so that what was waited for can
    /// be named.
    fn patience(&self, probe: ProbeId) -> Duration {
        let rest = self.deadline.saturating_duration_since(Instant::now());
        longest(probe).min(rest.mul_f32(0.9))
    }

    /// Asks AWS one question; a time-out names the stage that was waited for.
    pub(super) async fn within<T>(
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

/// How a probe ended, for the timings.
fn observed_outcome<T>(observed: &Observed<T>) -> &'static str {
    match observed {
        Observed::Known(_) => "known",
        Observed::Failed(_) => "failed",
        Observed::NotCollected(_) => "not-collected",
    }
}
