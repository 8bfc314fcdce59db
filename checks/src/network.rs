//! Host names, proxies, certificates, the clock, and whether AWS answers at all.

mod ca_files_usable;
mod clock_in_step;
mod connections_fast;
mod endpoint_serves_bedrock;
mod endpoints_reachable;
mod service_available;

pub(crate) use self::ca_files_usable::CaFilesUsable;
pub(crate) use self::clock_in_step::ClockInStep;
pub(crate) use self::connections_fast::ConnectionsFast;
pub(crate) use self::endpoint_serves_bedrock::EndpointServesBedrock;
pub(crate) use self::endpoints_reachable::EndpointsReachable;
pub(crate) use self::service_available::ServiceAvailable;

use crate::answer::{is_unknown_operation, not_judged_here};
use crate::check::not_collected;
use crate::facts::{
    Absence, Configuration, Facts, Failure, FailureKind, Invocation, InvokeOperation, Observed,
};
use crate::finding::{Finding, Status};
use crate::probe::ProbeId;

/// The failures of questions to the services that Claude Code needs: what the policy simulator and Service Quotas answer
/// says nothing about them.
pub(crate) fn aws_failures(facts: &Facts) -> Vec<(ProbeId, &Failure)> {
    let mut failures = all_failures(facts);
    failures.retain(|(probe, _)| !is_on_demand(*probe));
    failures
}

/// The failures of all questions to AWS: those to the machine's own credentials endpoints are left out.
fn all_failures(facts: &Facts) -> Vec<(ProbeId, &Failure)> {
    let mut failures = facts.network_failures();
    failures.retain(|(probe, failure)| *probe != ProbeId::Credentials || !is_local(failure));
    failures
}

fn is_on_demand(probe: ProbeId) -> bool {
    matches!(probe, ProbeId::PolicySimulation | ProbeId::Quotas)
}

/// Instance metadata, container credentials: addresses of the machine itself.
fn is_local(failure: &Failure) -> bool {
    is_local_host(failure.host.as_deref().unwrap_or_default())
}

fn is_local_host(host: &str) -> bool {
    let host = host.trim_start_matches('[');
    ["169.254.", "127.", "::1", "fd00:ec2:", "localhost"]
        .iter()
        .any(|local| host.starts_with(local))
}

/// The failures of all questions to AWS, those that only this checkup misses behind all others: where one host fails both
/// alike, Claude Code's own question decides.
pub(crate) fn by_weight(facts: &Facts) -> Vec<(ProbeId, &Failure)> {
    let mut failures = all_failures(facts);
    failures.sort_by_key(|(probe, _)| asked_only_here(facts, *probe));
    failures
}

/// Whether a failed question is none of Claude Code's: it never asks for the form and the availability of models nor for
/// Mantle's list, and asks STS who it is only before `awsAuthRefresh`.
///
/// Networks with endpoints for Bedrock alone look like this. Only when the service that invokes models answers is that
/// enough.
pub(crate) fn asked_only_here(facts: &Facts, probe: ProbeId) -> bool {
    let refreshes = |configuration: &Configuration| configuration.aws_auth_refresh.is_some();
    match probe {
        ProbeId::UseCaseForm | ProbeId::ModelAvailability => invocations_answered(facts),
        ProbeId::CallerIdentity => {
            !facts.configuration.known().is_some_and(refreshes) && invocations_answered(facts)
        }
        ProbeId::MantleModels => trials_answered(facts)
            .any(|trial| trial.operation == InvokeOperation::MantleCreateInference),
        probe => is_on_demand(probe),
    }
}

/// Whether the profile listing goes without the token that invocations carry: with `CLAUDE_CODE_SKIP_BEDROCK_AUTH` it is
/// asked for unsigned (seen, 2.1.330). Then it says nothing about the credentials.
pub(crate) fn listed_without_token(facts: &Facts) -> bool {
    let Some(configuration) = facts.configuration.known() else {
        return false;
    };
    let has_token = ["AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_AUTH_TOKEN"]
        .iter()
        .any(|token| configuration.is_set(token));
    configuration.skip_auth && has_token
}

/// Turns the failure of such a question into a warning.
pub(crate) fn only_a_warning(mut finding: Finding) -> Finding {
    finding.status = Status::Warn;
    finding.why = Some(
        "Claude Code itself does not ask this: only this checkup misses the answer".to_owned(),
    );
    finding
}

/// The services that answered at all, in words.
pub(crate) fn answered(facts: &Facts) -> Vec<&'static str> {
    let asked = [
        ("STS", state(&facts.caller_identity)),
        ("Bedrock", state(&facts.inference_profiles)),
        ("Bedrock", state(&facts.use_case_form)),
        ("Bedrock", models_answered(facts)),
        ("Mantle", state(&facts.mantle_models)),
    ];
    let asked = asked.into_iter();
    let asked = asked.filter_map(|(service, answered)| answered.then_some(service));
    let invoked = trials_answered(facts).map(|trial| match trial.operation {
        InvokeOperation::InvokeModel | InvokeOperation::InvokeModelWithResponseStream => {
            "the Bedrock runtime"
        }
        _ => crate::models::asked(trial),
    });
    let mut services = Vec::new();
    for service in asked.chain(invoked) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

fn state<T>(observed: &Observed<T>) -> bool {
    match observed {
        Observed::Known(_) => true,
        Observed::Failed(failure) => is_answer(failure),
        Observed::NotCollected(_) => false,
    }
}

/// Whether the service itself refused. One that does not know the operation is another one.
fn is_answer(failure: &Failure) -> bool {
    failure.kind == FailureKind::Service && !is_unknown_operation(failure)
}

fn models_answered(facts: &Facts) -> bool {
    let models = facts.model_availability.known().into_iter().flatten();
    models
        .into_iter()
        .any(|model| state(&model.availability) || state(&model.lifecycle))
        || facts.model_availability.failure().is_some_and(is_answer)
}

pub(crate) fn invocations_answered(facts: &Facts) -> bool {
    trials_answered(facts).next().is_some()
}

/// The trials of models to which the service itself said something.
fn trials_answered(facts: &Facts) -> impl Iterator<Item = &Invocation> {
    let trials = facts.invocations.known().into_iter().flatten();
    trials.filter(|trial| state(&trial.outcome))
}

/// The finding of a check over all answers, when there is none.
pub(crate) fn no_answer(facts: &Facts) -> Finding {
    if let Some((_, failure)) = aws_failures(facts)
        .into_iter()
        .find(|(_, failure)| failure.is_transport())
    {
        return not_judged_here("every call to AWS", failure);
    }
    let reasons = [
        (ProbeId::CallerIdentity, absence(&facts.caller_identity)),
        (
            ProbeId::InferenceProfiles,
            absence(&facts.inference_profiles),
        ),
        (ProbeId::MantleModels, absence(&facts.mantle_models)),
        (ProbeId::Invocations, absence(&facts.invocations)),
    ];
    let mut reasons: Vec<(ProbeId, &Absence)> = reasons
        .into_iter()
        .filter_map(|(probe, why)| Some((probe, why?)))
        .collect();
    // A caller identity does not exist for an API key: the others say why nobody asked them.
    reasons.sort_by_key(|(_, why)| matches!(why, Absence::DoesNotApply { .. }));
    match reasons.first() {
        Some((probe, why)) => not_collected(*probe, why),
        None => Finding::cannot_tell("could not tell: AWS was not asked anything")
            .missing(ProbeId::Credentials),
    }
}

fn absence<T>(observed: &Observed<T>) -> Option<&Absence> {
    match observed {
        Observed::NotCollected(why) => Some(why),
        Observed::Known(_) | Observed::Failed(_) => None,
    }
}
