//! What a refused call means, in the classes that decide which check speaks about it.
//!
//! Each class has exactly one check that judges it (network: `endpoints-reachable`, authentication:
//! `credentials-accepted`, …). Every other check that meets it says `cannot-tell` and names who explains it.

use crate::check::not_collected;
use crate::denial::{self, Denial};
use crate::facts::{Absence, CredentialKind, Facts, Failure, FailureKind, Request};
use crate::finding::{Basis, Explanation, Finding, Owner};
use crate::probe::ProbeId;
use crate::signatures::{AwsErrorText, Kind, Signature, classify};

/// The class of a refused call.
pub enum Answer {
    /// It never reached the service.
    Unreached,
    /// It was never sent: a file, a helper or the configuration ruled it out.
    NotSent,
    /// AWS does not accept the credentials.
    Authentication(&'static Signature),
    /// A policy denies the action.
    Denied(Option<&'static Signature>, Denial),
    /// The account has no access to the model.
    ModelAccess(&'static Signature),
    /// The model id does not stand for a usable model.
    ModelId(&'static Signature),
    /// The body was refused: everything before the body was accepted.
    BodyRefused(&'static Signature),
    /// The form of the request was refused: a beta, a member, a guardrail, a service tier.
    FormRefused(&'static Signature),
    /// Too many requests.
    Throttled(Option<&'static Signature>),
    /// The service itself failed.
    Service,
    /// What answers there knows no such operation: the address is that of something else.
    NoSuchOperation,
    /// An answer nobody here knows.
    Unknown(Option<&'static Signature>),
}

/// Classifies a failure. Never guesses: what is not known is [`Answer::Unknown`].
pub fn answer(failure: &Failure) -> Answer {
    let signature = classify(&AwsErrorText {
        service: failure.service.as_deref().unwrap_or_default(),
        status: failure.status,
        code: failure.code.as_deref(),
        message: &failure.message,
    });
    if failure.kind != FailureKind::Service {
        let form = signature.filter(|signature| signature.kind == Kind::RequestForm);
        return match (form, failure.status) {
            // A gateway hands such a refusal on in words of its own.
            (Some(signature), Some(400..=499)) if failure.kind == FailureKind::Http => {
                Answer::FormRefused(signature)
            }
            _ if failure.is_transport() => Answer::Unreached,
            _ => Answer::NotSent,
        };
    }
    match signature.map(|signature| (signature.kind, signature)) {
        Some((Kind::Authentication, signature)) => Answer::Authentication(signature),
        Some((Kind::ModelAccess, signature)) => Answer::ModelAccess(signature),
        Some((Kind::ModelId, signature)) => Answer::ModelId(signature),
        Some((Kind::BodyRefused, signature)) => Answer::BodyRefused(signature),
        Some((Kind::RequestForm, signature)) => Answer::FormRefused(signature),
        Some((Kind::Throttled, signature)) => Answer::Throttled(Some(signature)),
        Some((Kind::Service, _)) => Answer::Service,
        Some((Kind::Endpoint, _)) => Answer::NoSuchOperation,
        Some((Kind::Authorization, signature)) => match denial::parse(&failure.message) {
            Some(denial) => Answer::Denied(Some(signature), denial),
            None => Answer::Unknown(Some(signature)),
        },
        None => match (denial::parse(&failure.message), failure.status) {
            (Some(denial), _) => Answer::Denied(None, denial),
            (None, Some(429)) => Answer::Throttled(None),
            (None, Some(500..=599)) => Answer::Service,
            // Every operation that Bedrock has names the cause of a 404.
            (None, Some(404)) if failure.code.is_none() => Answer::NoSuchOperation,
            (None, _) => Answer::Unknown(None),
        },
    }
}

/// Whether what answers does not know the operation that it was asked for.
pub fn is_unknown_operation(failure: &Failure) -> bool {
    matches!(answer(failure), Answer::NoSuchOperation)
}

/// The finding for a question that few people may ask, and that nobody needs for Claude Code: no defect of the set-up,
/// but said when it was asked for by flag.
///
/// `asked` is who was asked, such as `the policy simulator`.
pub fn not_for_everybody(asked: &str, failure: &Failure, request: &Request) -> Finding {
    let words = failure.words();
    let denied = denial::parse(&failure.message).and_then(|denial| denial.action);
    let what = match denied {
        Some(action) => format!("`{action}` is not allowed"),
        None if failure.is_transport() => {
            format!("{asked} was asked, and no answer of AWS came: {words}")
        }
        None => format!("{asked} was asked and answered {words}"),
    };
    let is_denied = matches!(answer(failure), Answer::Denied(..))
        || failure
            .code
            .as_deref()
            .is_some_and(|code| code.starts_with("AccessDenied"));
    let finding = match (request.thorough, is_denied) {
        // Whoever asked for it is told that it could not be told.
        (true, true) => Finding::cannot_tell(format!("could not tell: {what}"))
            .owner(Owner::AccountAdmin)
            .fix_command(
                "allow what only the checkup asks, as this policy does",
                FOR_CHECKUP,
            ),
        (true, false) => Finding::cannot_tell(format!("could not tell: {what}")),
        (false, true) => Finding::left_out(format!(
            "not told: {what}; Claude Code does without, and `{FOR_CHECKUP}` allows it"
        )),
        (false, false) => Finding::left_out(format!("not told: {what}")),
    };
    finding
        .evidence(Basis::Reported, words)
        .request_id(failure.request_id.clone())
}

/// The finding for such a question that was not asked: with an API key nobody can.
pub fn not_asked(asked: &str, probe: ProbeId, why: &Absence, facts: &Facts) -> Finding {
    let configuration = facts.configuration.known();
    let uses_bedrock = configuration.is_some_and(|it| it.provider.value.uses_bedrock());
    let with = match facts.credentials.known().map(|found| found.kind) {
        Some(CredentialKind::ApiKey) => "with a Bedrock API key",
        Some(CredentialKind::Unsigned) => "without credentials",
        _ => return not_collected(probe, why),
    };
    match why {
        Absence::DoesNotApply { .. } if uses_bedrock && facts.request.thorough => {
            Finding::cannot_tell(format!("could not tell: {asked} cannot be asked {with}"))
        }
        _ => not_collected(probe, why),
    }
}

/// The command that prints a policy with what only the checkup asks.
const FOR_CHECKUP: &str = "bedrock-doctor policy --for-checkup";

/// The finding of a check that met a refusal it does not judge.
///
/// `asked` is what was asked, such as `the list of inference profiles`.
pub fn not_judged_here(asked: &str, failure: &Failure) -> Finding {
    let words = failure.words();
    let how = if failure.is_transport() {
        "did not arrive"
    } else {
        "was refused"
    };
    let mut finding = Finding::cannot_tell(format!("could not tell: {asked} {how}: {words}"))
        .evidence(Basis::NotTested, words)
        .request_id(failure.request_id.clone());
    let explanations: &[Explanation] = match answer(failure) {
        Answer::Unreached => &[Explanation::Network],
        Answer::Authentication(_) => &[Explanation::Authentication],
        Answer::Denied(..) => &[Explanation::Check("invocation-allowed")],
        Answer::ModelAccess(_) => &[
            Explanation::Check("model-access-granted"),
            Explanation::Check("use-case-form-submitted"),
        ],
        Answer::ModelId(_) => &[
            Explanation::Check("model-id-accepted"),
            Explanation::Check("model-lifecycle-active"),
        ],
        Answer::Throttled(_) => &[
            Explanation::Check("requests-not-throttled"),
            Explanation::Check("quotas-sufficient"),
        ],
        Answer::Service => &[Explanation::Check("service-available")],
        Answer::NoSuchOperation => &[Explanation::Check("endpoint-serves-bedrock")],
        Answer::FormRefused(_) => &[Explanation::Check("request-form-accepted")],
        Answer::NotSent | Answer::BodyRefused(_) | Answer::Unknown(_) => return finding,
    };
    finding.explained_by.extend(explanations);
    finding
}
