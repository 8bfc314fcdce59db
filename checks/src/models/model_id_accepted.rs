use super::{
    ENDED, Trial, asked, foundation_model, in_use, list_ids, listed_for, model_id_well_formed,
    model_prefix_matches_region, named, per_model, replace_id,
};
use crate::answer::Answer;
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{
    Configuration, InferenceProfiles, Invocation, InvokeOperation, Observed, SourceKind,
};
use crate::finding::{Basis, Finding, Status};

/// See [`Meta::docs`].
pub(crate) struct ModelIdAccepted;

impl Check for ModelIdAccepted {
    const META: &'static Meta = &Meta {
        id: "model-id-accepted",
        family: Family::Models,
        title: "Bedrock knows the model ids",
        file: file!(),
        docs: "
## What it looks at

What Bedrock says of the id when the models in use are tried, by default with a request whose body it
must refuse, so that nothing is generated and nothing is billed.

## Why it matters

`The provided model identifier is invalid` and `with on-demand throughput isn't supported` mean that no
request for this id can work, whatever the permissions.

## How to fix it

Use the id that `aws bedrock list-inference-profiles` shows for the model.
",
    };

    type Needs<'a> = (
        Seen<'a, Vec<Invocation>>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Configuration>,
    );

    fn run((Seen(trials), Seen(listed), Seen(configuration)): Self::Needs<'_>) -> Vec<Finding> {
        per_model(trials, |trial| judge(trial, listed, configuration.known()))
    }
}

fn judge(
    trial: &Invocation,
    listed: &Observed<InferenceProfiles>,
    configuration: Option<&Configuration>,
) -> Finding {
    match Trial::of(trial) {
        Trial::Accepted(basis, words) => {
            Finding::pass(format!("{} knows {}", asked(trial), named(trial))).evidence(basis, words)
        }
        Trial::Refused(failure, Answer::ModelId(signature))
            if !ENDED.contains(&signature.cause.as_str()) =>
        {
            let mut finding = Finding::fail(
                &signature.cause,
                if failure.message.contains("on-demand throughput") {
                    format!("{} can be invoked only through an inference profile", named(trial))
                } else {
                    format!("{} does not know {}: {}", asked(trial), named(trial), failure.message)
                },
            )
            .owner(signature.owner)
            .why("no request for this id can work; Claude Code prints `API Error: 400` or that the model is not available")
            .evidence(Basis::Reported, failure.words())
            .request_id(failure.request_id.clone());
            if trial.operation.is_messages_api() {
                finding = finding
                    .explained_by("model-id-well-formed")
                    .explained_by("mantle-lists-models");
                return elsewhere(finding, trial);
            }
            finding = explained(finding, trial, listed, configuration);
            repair(finding, trial, listed.known(), configuration)
        }
        other => other.not_judged_here(trial),
    }
}

/// The ids of the services with Anthropic's Messages API, which list none.
fn elsewhere(finding: Finding, trial: &Invocation) -> Finding {
    if trial.operation == InvokeOperation::MantleCreateInference {
        finding
            .fix("use an id of Mantle's: `anthropic.claude-…`, without a prefix such as `us.` and without date and version")
            .fix_command(
                "or let ids of inference profiles go to Bedrock's own API",
                "export CLAUDE_CODE_USE_BEDROCK=1",
            )
    } else {
        finding.fix("use an id of Anthropic's API, such as `claude-sonnet-4-6`")
    }
}

/// Names the check that knows better what is wrong with this very id, and takes over the finer cause.
fn explained(
    finding: Finding,
    trial: &Invocation,
    listed: &Observed<InferenceProfiles>,
    configuration: Option<&Configuration>,
) -> Finding {
    let Some(configuration) = configuration else {
        return finding;
    };
    let Some((part, model)) = in_use(configuration)
        .into_iter()
        .find(|(_, model)| model.value == trial.model)
    else {
        return finding;
    };
    let form = model_id_well_formed::judge(part, model, configuration);
    let prefix = model_prefix_matches_region::judge(part, model, configuration, listed);
    let checks = [
        ("model-id-well-formed", Some(form)),
        ("model-prefix-matches-region", prefix),
    ];
    let mut finding = finding;
    for (check, found) in checks {
        let Some(found) = found else { continue };
        if found.status == Status::Fail {
            finding = finding.explained_by(check);
        }
        // Bedrock uses one sentence for many mistakes.
        let general = finding.code.as_deref() == Some("model-identifier-invalid");
        if let (true, Status::Fail | Status::Warn, Some(code)) = (general, found.status, found.code)
        {
            finding = finding.code(code);
        }
    }
    finding
}

fn repair(
    finding: Finding,
    trial: &Invocation,
    listed: Option<&InferenceProfiles>,
    configuration: Option<&Configuration>,
) -> Finding {
    let Some(configuration) = configuration else {
        return finding.fix("use an id that `aws bedrock list-inference-profiles` shows");
    };
    let region = &configuration.region.value;
    let source = in_use(configuration)
        .into_iter()
        .find(|(_, model)| model.value == trial.model)
        .map(|(_, model)| &model.source);
    let meant = listed
        .and_then(|listed| listed_for(listed, &trial.model))
        .filter(|meant| *meant != trial.model);
    let guess = || {
        let base = foundation_model(&trial.model);
        let has_no_prefix = base.starts_with("anthropic.") && base == trial.model;
        has_no_prefix.then(|| format!("{}.{base}", super::region_prefix(region)))
    };
    match (meant.map(str::to_owned).or_else(guess), source) {
        (Some(id), Some(source)) => {
            let finding = replace_id(finding, &trial.part, source, &id);
            list_ids(finding, "this shows which ids the account can use", region)
        }
        (Some(id), None) => list_ids(
            finding.fix(format!("use `{id}`")),
            "this shows which ids the account can use",
            region,
        ),
        (None, Some(source)) if source.kind != SourceKind::Default => list_ids(
            finding,
            &format!("take an id from this list for {}", source.words()),
            region,
        ),
        (None, _) => list_ids(
            finding,
            &format!(
                "pin an id from this list with `{}`",
                super::pin(&trial.part)
            ),
            region,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, Failure};
    use crate::finding::Explanation;
    use crate::sample::{
        BACKGROUND, MAIN, findings, from_shell, healthy, now, only, refusal, verdicts,
    };

    const CHECK: Entry = Entry::of::<ModelIdAccepted>();
    const INVALID: &str = "The provided model identifier is invalid.";
    const ON_DEMAND: &str = "Invocation of model ID anthropic.claude-opus-5-5 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.";

    fn validation(message: &str) -> Failure {
        refusal("bedrock-runtime", 400, "ValidationException", message)
    }

    /// The healthy machine with one main model for everything, whose trials end like this.
    fn with(model: &str, failure: &Failure) -> Facts {
        let mut facts = healthy();
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.models.main = from_shell("ANTHROPIC_MODEL", model.into());
            configuration.models.background = configuration.models.main.clone();
        }
        if let Observed::Known(trials) = &mut facts.invocations {
            trials.truncate(2);
            for trial in trials {
                trial.model = model.into();
                trial.outcome = Observed::Failed(failure.clone());
            }
        }
        facts
    }

    #[test]
    fn passes_by_inference_when_only_the_body_is_refused() {
        let findings = findings(&CHECK, &healthy());
        assert_eq!(findings.len(), 2);
        assert!(
            findings
                .iter()
                .all(|finding| finding.evidence.basis == Basis::Inferred)
        );
        assert_eq!(findings[0].subject.as_deref(), Some(MAIN));
        assert_eq!(findings[1].subject.as_deref(), Some(BACKGROUND));
    }

    #[test]
    fn names_the_listed_profile_of_a_bare_id() {
        let facts = with("anthropic.claude-opus-5-5", &validation(ON_DEMAND));
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("on-demand-not-supported"),
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export ANTHROPIC_MODEL=us.anthropic.claude-opus-5-5")
        );
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
        assert_eq!(finding.explained_by, []);
    }

    #[test]
    fn the_form_of_the_id_explains_its_refusal() {
        let facts = with("claude-opus-5-5", &validation(INVALID));
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("anthropic-short-id-sent-to-bedrock"),
        );
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("model-id-well-formed")]
        );
    }

    #[test]
    fn the_prefix_of_the_id_explains_its_refusal() {
        let facts = with("eu.anthropic.claude-opus-5-5", &validation(INVALID));
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("profile-prefix-wrong-for-region"),
        );
        assert_eq!(
            finding.explained_by,
            [Explanation::Check("model-prefix-matches-region")]
        );
    }

    #[test]
    fn an_id_nobody_knows_better_keeps_the_general_cause() {
        let facts = with(MAIN, &validation(INVALID));
        only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("model-identifier-invalid"),
        );
    }

    #[test]
    fn other_refusals_are_judged_elsewhere() {
        for (failure, status) in [
            (validation("something new"), Status::CannotTell),
            (
                validation("This model version has reached the end of its life."),
                Status::CannotTell,
            ),
            (
                refusal(
                    "bedrock-runtime",
                    403,
                    "AccessDeniedException",
                    "You don't have access to the model with the specified model ID.",
                ),
                Status::CannotTell,
            ),
        ] {
            only(&CHECK, &with(MAIN, &failure), status, None);
        }
    }

    #[test]
    fn one_accepted_operation_is_enough() {
        let mut facts = with(MAIN, &crate::sample::body_refused());
        if let Observed::Known(trials) = &mut facts.invocations {
            trials[0].outcome = Observed::Failed(validation("something new"));
        }
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn is_left_out_offline_and_said_once() {
        let mut facts = healthy();
        facts.invocations = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        assert_eq!(
            verdicts(&CHECK, &Facts::at(now())),
            [(Status::CannotTell, None)]
        );
    }
}
