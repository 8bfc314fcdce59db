//! Model ids, and access to the models.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

mod mantle_lists_models;
mod model_access_granted;
mod model_id_accepted;
mod model_id_well_formed;
mod model_lifecycle_active;
mod model_prefix_matches_region;
mod request_form_accepted;
mod use_case_form_submitted;

pub(crate) use self::mantle_lists_models::MantleListsModels;
pub(crate) use self::model_access_granted::ModelAccessGranted;
pub(crate) use self::model_id_accepted::ModelIdAccepted;
pub(crate) use self::model_id_well_formed::ModelIdWellFormed;
pub(crate) use self::model_lifecycle_active::ModelLifecycleActive;
pub(crate) use self::model_prefix_matches_region::ModelPrefixMatchesRegion;
pub(crate) use self::request_form_accepted::RequestFormAccepted;
pub(crate) use self::use_case_form_submitted::UseCaseFormSubmitted;

use crate::answer::{Answer, answer, not_judged_here};
use crate::check::not_collected;
use crate::facts::{
    Absence, Configuration, Failure, InferenceProfiles, Invocation, InvokeAnswer, InvokeOperation,
    ModelFacts, Observed, Source, SourceKind, Value,
};
use crate::finding::{Basis, Finding, Status};
use crate::probe::ProbeId;
use crate::text::shell_word;

/// The cause that `use-case-form-submitted` judges.
const FORM_MISSING: &str = "use-case-form-missing";

/// The causes that `model-lifecycle-active` judges.
const ENDED: [&str; 2] = ["model-end-of-life", "legacy-model-inactive-account"];

/// A refusal that means the account, or a legacy model.
const NOT_ALLOWED: &str = "operation-not-allowed";

/// The end of a stream that began well, as a predicate.
pub(crate) const CUT_OFF: &str = "was cut off";

/// What was seen of a trial that is [`Trial::Unproven`].
pub(crate) const EMPTY_BODY: &str = "a request was refused for its empty body";

/// How the trial of an invocation ended.
pub(crate) enum Trial<'a> {
    /// All that comes before the body was accepted, or the whole request: how that is known, and from what.
    Accepted(Basis, &'static str),
    /// Only the body was refused, by a service of which nobody knows what it looks at before.
    Unproven,
    /// Answered with status 200, but not with what Claude Code reads: a predicate.
    Garbled(String),
    /// Refused.
    Refused(&'a Failure, Answer),
    /// Not tried.
    NotTried(&'a Absence),
}

impl<'a> Trial<'a> {
    /// How this trial ended.
    pub(crate) fn of(trial: &'a Invocation) -> Self {
        let failure = match &trial.outcome {
            Observed::Known(reply) => {
                return match trial.real.then(|| defect(trial.operation, reply)).flatten() {
                    Some(words) => Self::Garbled(words),
                    None => Self::Accepted(Basis::Observed, "a request was answered"),
                };
            }
            Observed::NotCollected(why) => return Self::NotTried(why),
            Observed::Failed(failure) => failure,
        };
        match answer(failure) {
            Answer::BodyRefused(signature) if trial.real => {
                Self::Refused(failure, Answer::FormRefused(signature))
            }
            Answer::BodyRefused(_) if trial.operation.is_messages_api() => Self::Unproven,
            Answer::BodyRefused(_) => Self::Accepted(
                Basis::Inferred,
                "a request with an empty body was refused only for its body",
            ),
            // The empty body is none of Claude Code's; what is in the header fields is.
            Answer::FormRefused(signature)
                if !trial.real && !IN_HEADERS.contains(&signature.cause.as_str()) =>
            {
                Self::Refused(failure, Answer::Unknown(Some(signature)))
            }
            answer => Self::Refused(failure, answer),
        }
    }

    /// The finding of a check that does not judge this end of the trial.
    pub(crate) fn not_judged_here(&self, trial: &Invocation) -> Finding {
        match self {
            Self::Accepted(basis, words) => {
                Finding::pass(format!("{} got an answer", named(trial))).evidence(*basis, *words)
            }
            // `invocation-allowed` says why, and has the command.
            Self::Unproven => {
                Finding::cannot_tell("could not tell: only a real request does (`--invoke`)")
                    .evidence(Basis::NotTested, EMPTY_BODY)
            }
            Self::Garbled(words) => Finding::cannot_tell(format!(
                "could not tell: the answer for {} {words}",
                named(trial)
            ))
            .explained_by("endpoints-reachable"),
            Self::Refused(failure, Answer::FormRefused(_)) => Finding::cannot_tell(format!(
                "could not tell: the form of the request for {} was refused",
                named(trial)
            ))
            .evidence(Basis::NotTested, failure.words())
            .request_id(failure.request_id.clone())
            .explained_by("request-form-accepted"),
            Self::Refused(failure, _) => {
                let asked = format!("`{}` for {}", trial.operation.action(), named(trial));
                not_judged_here(&asked, failure)
            }
            // One trial among others is left out only because of the model's agreement.
            Self::NotTried(Absence::DoesNotApply { because }) => {
                Finding::cannot_tell(because.clone()).explained_by("model-access-granted")
            }
            Self::NotTried(why) => not_collected(ProbeId::Invocations, why),
        }
    }
}

/// The refusals of a request's form that are about header fields.
const IN_HEADERS: [&str; 2] = ["guardrail-refused", "service-tier-refused"];

/// What keeps Claude Code from reading a 200.
fn defect(operation: InvokeOperation, reply: &InvokeAnswer) -> Option<String> {
    let content_type = reply.content_type.as_deref();
    if let Some(expected) = operation.stream_type()
        && !operation.is_messages_api()
        && !content_type.is_some_and(|found| is_of_type(found, expected))
        // Whole frames are read without it, too (seen, 2.1.330).
        && !(content_type.is_none() && reply.complete)
    {
        return Some(format!(
            "has the content type `{}` instead of `{expected}`",
            content_type.unwrap_or("none")
        ));
    }
    (!reply.complete).then(|| CUT_OFF.to_owned())
}

/// Whether a content type is this one, whatever its parameters are.
pub(crate) fn is_of_type(content_type: &str, expected: &str) -> bool {
    let plain = content_type.split(';').next().unwrap_or_default().trim();
    plain.eq_ignore_ascii_case(expected)
}

/// ``the main model `us.anthropic.…` ``.
pub(crate) fn named(trial: &Invocation) -> String {
    format!("the {} `{}`", trial.part, trial.model)
}

/// The service that a model was asked of, in words.
pub(crate) fn asked(trial: &Invocation) -> &'static str {
    match trial.operation {
        InvokeOperation::MantleCreateInference => "Mantle",
        InvokeOperation::AnthropicAwsCreateInference => "Claude Platform on AWS",
        _ => "Bedrock",
    }
}

/// The most telling finding for each model.
pub(crate) fn per_model(
    trials: &Observed<Vec<Invocation>>,
    judge: impl Fn(&Invocation) -> Finding,
) -> Vec<Finding> {
    let trials = match trials {
        Observed::Known(trials) if !trials.is_empty() => trials,
        Observed::Known(_) => {
            return vec![Finding::cannot_tell("could not tell: no model was tried")];
        }
        Observed::Failed(failure) => {
            return vec![not_judged_here("the trial of the models", failure)];
        }
        Observed::NotCollected(why) => return vec![not_collected(ProbeId::Invocations, why)],
    };
    let mut chosen: Vec<Finding> = Vec::new();
    for trial in trials {
        let finding = judge(trial).subject(&trial.model);
        match chosen
            .iter_mut()
            .find(|earlier| earlier.subject == finding.subject)
        {
            Some(earlier) if weight(finding.status) > weight(earlier.status) => *earlier = finding,
            Some(_) => {}
            None => chosen.push(finding),
        }
    }
    // Nobody asked, for one and the same reason: said once.
    if chosen.len() > 1
        && chosen
            .iter()
            .all(|finding| finding.status == Status::NotApplicable)
    {
        chosen.truncate(1);
        chosen[0].subject = None;
    }
    chosen
}

/// One operation that was accepted tells more than another that could not be judged.
fn weight(status: Status) -> u8 {
    match status {
        Status::Fail => 4,
        Status::Warn => 3,
        Status::Pass => 2,
        Status::CannotTell | Status::Blocked => 1,
        Status::NotApplicable => 0,
    }
}

/// Whether a trial of this model was accepted, and how that is known.
pub(crate) fn accepted(
    trials: &Observed<Vec<Invocation>>,
    model: Option<&str>,
) -> Option<(Basis, &'static str)> {
    let trials = trials.known()?;
    trials
        .iter()
        .filter(|trial| model.is_none_or(|model| trial.model == model))
        .find_map(|trial| match Trial::of(trial) {
            Trial::Accepted(basis, words) => Some((basis, words)),
            _ => None,
        })
}

/// The trials on Bedrock's own API: an answer of Mantle tells nothing about it.
pub(crate) fn on_bedrock(trials: &Observed<Vec<Invocation>>) -> Observed<Vec<Invocation>> {
    trials.clone().map(|mut trials| {
        trials.retain(|trial| !trial.operation.is_messages_api());
        trials
    })
}

/// The distinct models in use, with their parts and where they are set.
pub(crate) fn in_use(configuration: &Configuration) -> Vec<(&'static str, &Value<String>)> {
    let models = &configuration.models;
    let mut used = vec![("main model", &models.main)];
    if models.background.value != models.main.value {
        used.push(("background model", &models.background));
    }
    used
}

/// The distinct models in use, and those that somebody pinned for later, with their parts and where they are set.
pub(crate) fn chosen(configuration: &Configuration) -> Vec<(&'static str, &Value<String>)> {
    let pinned = configuration.models.pinned().into_iter();
    let mut chosen = in_use(configuration);
    chosen.extend(pinned.map(|(model, part)| (part, model)));
    chosen
}

/// Whether every session invokes the model of a part, so that it is tried.
pub(crate) fn is_in_use(part: &str) -> bool {
    ["main model", "background model"].contains(&part)
}

/// What is wrong with the model of a family that nobody switched to breaks nothing yet.
pub(crate) fn before_a_switch(mut finding: Finding, part: &str) -> Finding {
    let family = part.strip_suffix(" model").unwrap_or_default();
    if finding.status == Status::Fail && ["opus", "sonnet", "haiku", "fable"].contains(&family) {
        finding.status = Status::Warn;
        let switch = format!("it is pinned, and `/model {family}` would switch to it");
        finding.why = Some(match finding.why {
            Some(why) => format!("{switch}; {why}"),
            None => switch,
        });
    }
    finding
}

/// Whether Bedrock states that a model is a legacy one.
fn is_legacy(models: Option<&Vec<ModelFacts>>, model: &str) -> bool {
    let mut models = models.into_iter().flatten();
    let facts = models.find(|facts| facts.model == model);
    facts
        .and_then(|facts| facts.lifecycle.known())
        .is_some_and(|lifecycle| lifecycle.status == "LEGACY")
}

/// The step that puts another id where the old one stands.
pub(crate) fn replace_id(finding: Finding, part: &str, source: &Source, id: &str) -> Finding {
    let text = format!("use `{id}`");
    let id = shell_word(id);
    match (source.kind, source.name.as_deref()) {
        (SourceKind::Environment, Some(name)) => {
            finding.fix_command(text, format!("export {name}={id}"))
        }
        (SourceKind::Flag, _) => finding.fix_command(text, format!("claude --model {id}")),
        (SourceKind::Default, _) => finding.fix_command(text, format!("export {}={id}", pin(part))),
        _ => finding.fix(format!("{text}: change {}", source.words())),
    }
}

/// The variable that pins the model of a part.
fn pin(part: &str) -> &'static str {
    match part {
        "background model" | "haiku model" => "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "opus model" => "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "sonnet model" => "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "fable model" => "ANTHROPIC_DEFAULT_FABLE_MODEL",
        "subagent model" => "CLAUDE_CODE_SUBAGENT_MODEL",
        _ => "ANTHROPIC_MODEL",
    }
}

/// The step that shows which ids exist.
pub(crate) fn list_ids(finding: Finding, text: &str, region: &str) -> Finding {
    finding.fix_command(
        text,
        format!(
            "aws bedrock list-inference-profiles --region {} --query 'inferenceProfileSummaries[].inferenceProfileId'",
            shell_word(region)
        ),
    )
}

/// The id of a listed profile for the model that an id means, by foundation model or by name without version.
fn listed_for<'a>(listed: &'a InferenceProfiles, id: &str) -> Option<&'a str> {
    let base = foundation_model(id);
    let name = bare_name(base);
    let profiles = &listed.profiles;
    profiles
        .iter()
        .find(|profile| foundation_model(&profile.id) == base)
        .or_else(|| {
            profiles
                .iter()
                .find(|profile| bare_name(foundation_model(&profile.id)) == name)
        })
        .map(|profile| profile.id.as_str())
}

/// The name of a model: `claude-sonnet-4-5` of `us.anthropic.claude-sonnet-4-5-20250929-v1:0`.
pub(crate) fn model_name(id: &str) -> &str {
    bare_name(foundation_model(id))
}

/// An id without what stands before `anthropic.`, known prefix or not.
pub(crate) fn foundation_model(id: &str) -> &str {
    id.find("anthropic.").map_or(id, |at| &id[at..])
}

/// `claude-sonnet-4-5` of `anthropic.claude-sonnet-4-5-20250929-v1:0`.
fn bare_name(base: &str) -> &str {
    let name = base.strip_prefix("anthropic.").unwrap_or(base);
    let name = name.split(['@', ':', '[']).next().unwrap_or(name);
    let is_version =
        |tail: &str| tail.starts_with('v') && tail[1..].bytes().all(|byte| byte.is_ascii_digit());
    let name = match name.rsplit_once('-') {
        Some((head, tail)) if is_version(tail) => head,
        _ => name,
    };
    match name.rsplit_once('-') {
        Some((head, tail)) if tail.len() == 8 && tail.bytes().all(|byte| byte.is_ascii_digit()) => {
            head
        }
        _ => name,
    }
}

/// The address of the Bedrock console in a Region.
fn console(region: &str) -> String {
    if region.starts_with("us-gov-") {
        format!("https://{region}.console.amazonaws-us-gov.com/bedrock/home?region={region}")
    } else {
        format!("https://{region}.console.aws.amazon.com/bedrock/home?region={region}")
    }
}

/// What stands before `.anthropic.`, known prefix or not.
fn prefix(id: &str) -> Option<&str> {
    let (prefix, _) = id.split_once(".anthropic.")?;
    (!id.starts_with("arn:")).then_some(prefix)
}

/// The prefix of the profiles that serve a Region.
fn region_prefix(region: &str) -> &'static str {
    [
        ("us-gov-", "us-gov"),
        ("us-", "us"),
        ("eu-", "eu"),
        ("ap-", "apac"),
    ]
    .into_iter()
    .find(|(start, _)| region.starts_with(start))
    .map_or("global", |(_, prefix)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_neither_date_nor_version() {
        for (base, name) in [
            (
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
                "claude-sonnet-4-5",
            ),
            ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
            ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
            ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
            ("gpt-4", "gpt-4"),
            ("", ""),
        ] {
            assert_eq!(bare_name(base), name, "{base}");
        }
    }

    #[test]
    fn prefixes_are_read_and_made() {
        assert_eq!(prefix("us.anthropic.claude-x"), Some("us"));
        assert_eq!(prefix(".anthropic.claude-x"), Some(""));
        assert_eq!(prefix("anthropic.claude-x"), None);
        assert_eq!(
            prefix("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x"),
            None
        );
        assert_eq!(region_prefix("us-gov-west-1"), "us-gov");
        assert_eq!(region_prefix("sa-east-1"), "global");
    }
}
