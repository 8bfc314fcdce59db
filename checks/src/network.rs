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
use crate::facts::{Absence, Configuration, Facts, Failure, FailureKind, Observed};
use crate::finding::{Finding, Status};
use crate::probe::ProbeId;

/// The failures of questions to AWS: those to the machine's own credentials endpoints are left out.
pub(crate) fn aws_failures(facts: &Facts) -> Vec<(ProbeId, &Failure)> {
    let mut failures = facts.network_failures();
    failures.retain(|(probe, failure)| *probe != ProbeId::Credentials || !is_local(failure));
    failures
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

/// Whether a failed question is none of Claude Code's: it never asks for the form and the availability of models, and
/// asks STS who it is only before `awsAuthRefresh`.
///
/// Networks with endpoints for Bedrock alone look like this. Only when the runtime answers is that enough.
pub(crate) fn asked_only_here(facts: &Facts, probe: ProbeId) -> bool {
    let refreshes = |configuration: &Configuration| configuration.aws_auth_refresh.is_some();
    let never_asked = match probe {
        ProbeId::UseCaseForm | ProbeId::ModelAvailability => true,
        ProbeId::CallerIdentity => !facts.configuration.known().is_some_and(refreshes),
        _ => false,
    };
    never_asked && invocations_answered(facts)
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
    finding.why = Some("Claude Code itself does not ask this, and Bedrock answers: only this checkup misses the answer".to_owned());
    finding
}

/// The services that answered at all, in words.
pub(crate) fn answered(facts: &Facts) -> Vec<&'static str> {
    let asked = [
        ("STS", state(&facts.caller_identity)),
        ("Bedrock", state(&facts.inference_profiles)),
        ("Bedrock", state(&facts.use_case_form)),
        ("Bedrock", models_answered(facts)),
        ("the Bedrock runtime", invocations_answered(facts)),
    ];
    let mut services: Vec<&'static str> = asked
        .into_iter()
        .filter_map(|(service, answered)| answered.then_some(service))
        .collect();
    services.dedup();
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
    let invocations = facts.invocations.known().into_iter().flatten();
    invocations
        .into_iter()
        .any(|invocation| state(&invocation.outcome))
        || facts.invocations.failure().is_some_and(is_answer)
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
