use jiff::Timestamp;

use super::{ENDED, Trial, accepted, list_ids, named};
use crate::answer::{Answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{Configuration, Invocation, Lifecycle, ModelFacts, Now, Observed};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;
use crate::text::relative;

/// See [`Meta::docs`].
pub(crate) struct ModelLifecycleActive;

impl Check for ModelLifecycleActive {
    const META: &'static Meta = &Meta {
        id: "model-lifecycle-active",
        family: Family::Models,
        title: "the models are not at the end of their life",
        file: file!(),
        docs: "
## What it looks at

The lifecycle that Bedrock states for each model in use, and refusals that speak of its end.

## Why it matters

A legacy model is refused to accounts that have not used it for 30 days, and a model past its end to
everyone. Claude Code hides AWS's text: it prints that the model is not available on your deployment.

## How to fix it

Choose a current model: change or remove the setting that names the old one.
",
    };

    type Needs<'a> = (
        Now,
        Seen<'a, Vec<ModelFacts>>,
        Seen<'a, Vec<Invocation>>,
        Seen<'a, Configuration>,
    );

    fn run(
        (Now(now), Seen(models), Seen(trials), Seen(configuration)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let region = configuration
            .known()
            .map_or("us-east-1", |configuration| &configuration.region.value);
        let mut findings: Vec<Finding> = Vec::new();
        for trial in trials.known().into_iter().flatten() {
            let told = findings
                .iter()
                .any(|finding| finding.subject.as_ref() == Some(&trial.model));
            if let (false, Some(finding)) = (told, reported(trial, region)) {
                findings.push(finding.subject(&trial.model));
            }
        }
        for model in models.known().into_iter().flatten() {
            if !findings
                .iter()
                .any(|finding| finding.subject.as_ref() == Some(&model.model))
            {
                findings.push(stated(model, trials, now, region).subject(&model.model));
            }
        }
        if findings.is_empty() {
            findings.push(match (accepted(trials, None), models) {
                (Some((basis, words)), _) => {
                    Finding::pass("the models can be invoked, so they have not ended")
                        .evidence(basis, words)
                }
                (None, Observed::Failed(failure)) => {
                    not_judged_here("the lifecycle of the models", failure)
                }
                (None, Observed::NotCollected(why)) => {
                    not_collected(ProbeId::ModelAvailability, why)
                }
                (None, Observed::Known(_)) => {
                    Finding::cannot_tell("could not tell: AWS was not asked about any model")
                }
            });
        }
        findings
    }
}

/// What the refusal of an invocation says of the model's life.
fn reported(trial: &Invocation, region: &str) -> Option<Finding> {
    let Trial::Refused(failure, Answer::ModelId(signature)) = Trial::of(trial) else {
        return None;
    };
    let cause = ENDED.into_iter().find(|cause| signature.cause == *cause)?;
    let (words, why) = if cause == "model-end-of-life" {
        (
            "has reached the end of its life",
            "AWS answers to nobody for it any more",
        )
    } else {
        (
            "is a legacy model that this account has not used for 30 days",
            "AWS serves legacy models only to accounts that use them",
        )
    };
    let finding = Finding::fail(cause, format!("{} {words}", named(trial)))
        .owner(signature.owner)
        .why(format!(
            "{why}; Claude Code prints only that the model is not available on your deployment"
        ))
        .evidence(Basis::Reported, failure.words())
        .request_id(failure.request_id.clone());
    Some(replace(finding, region))
}

/// What the control plane states.
fn stated(
    model: &ModelFacts,
    trials: &Observed<Vec<Invocation>>,
    now: Timestamp,
    region: &str,
) -> Finding {
    let name = format!("the {} `{}`", model.part, model.model);
    let works = accepted(trials, Some(&model.model));
    let lifecycle = match (&model.lifecycle, works) {
        (Observed::Known(lifecycle), _) => lifecycle,
        (_, Some((basis, detail))) => {
            return Finding::pass(format!("{name} can be invoked, so it has not ended"))
                .evidence(basis, detail);
        }
        (Observed::Failed(failure), None) => {
            return not_judged_here(&format!("the lifecycle of {name}"), failure);
        }
        (Observed::NotCollected(why), None) => {
            return not_collected(ProbeId::ModelAvailability, why);
        }
    };
    let Lifecycle {
        status,
        end_of_life_at,
        ..
    } = lifecycle;
    match end_of_life_at {
        Some(end) if *end <= now && works.is_none() => replace(
            Finding::fail(
                "model-end-of-life",
                format!("{name} reached the end of its life {}", relative(*end, now)),
            )
            .why("AWS answers to nobody for it any more"),
            region,
        ),
        _ if status == "ACTIVE" => Finding::pass(format!("{name} is active")),
        Some(end) => replace(
            Finding::warn(
                "model-end-of-life",
                format!("{name} is {status}; its life ends {}", relative(*end, now)),
            )
            .why("requests for it are refused from then on"),
            region,
        ),
        None => replace(
            Finding::warn(
                "legacy-model-inactive-account",
                format!("{name} is {status}"),
            )
            .why("AWS refuses legacy models to accounts that have not used them for 30 days"),
            region,
        ),
    }
}

fn replace(finding: Finding, region: &str) -> Finding {
    list_ids(
        finding.fix("choose a current model: change or remove the setting that names this one (`bedrock-doctor check --format markdown` shows where it stands)"),
        "these models can be used",
        region,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts};
    use crate::finding::Status;
    use crate::sample::{findings, healthy, in_seconds, invoked, now, only, refusal, verdicts};

    const CHECK: Entry = Entry::of::<ModelLifecycleActive>();

    /// The healthy machine with one model whose lifecycle is this.
    fn with(status: &str, end: Option<i64>, invocations: Observed<Vec<Invocation>>) -> Facts {
        let mut facts = healthy();
        facts.invocations = invocations;
        if let Observed::Known(models) = &mut facts.model_availability {
            models.truncate(1);
            models[0].lifecycle = Observed::Known(Lifecycle {
                status: status.into(),
                legacy_at: None,
                end_of_life_at: end.map(in_seconds),
            });
        }
        facts
    }

    fn untried() -> Observed<Vec<Invocation>> {
        Observed::NotCollected(Absence::NotSelected)
    }

    #[test]
    fn passes_for_active_models() {
        assert_eq!(
            verdicts(&CHECK, &healthy()),
            [(Status::Pass, None), (Status::Pass, None)]
        );
    }

    #[test]
    fn warns_with_the_date_when_the_end_is_ahead() {
        let finding = only(
            &CHECK,
            &with("LEGACY", Some(86_400), untried()),
            Status::Warn,
            Some("model-end-of-life"),
        );
        assert!(
            finding
                .what
                .ends_with("its life ends in 1 d (2026-11-23 18:00 UTC)"),
            "{}",
            finding.what
        );
    }

    #[test]
    fn fails_at_the_very_second_of_its_end() {
        only(
            &CHECK,
            &with("LEGACY", Some(1), untried()),
            Status::Warn,
            Some("model-end-of-life"),
        );
        only(
            &CHECK,
            &with("LEGACY", Some(0), untried()),
            Status::Fail,
            Some("model-end-of-life"),
        );
    }

    #[test]
    fn a_model_that_still_works_has_not_ended() {
        let facts = with("LEGACY", Some(-1), healthy().invocations);
        only(&CHECK, &facts, Status::Warn, Some("model-end-of-life"));
    }

    #[test]
    fn warns_about_a_legacy_model_without_a_date() {
        only(
            &CHECK,
            &with("LEGACY", None, untried()),
            Status::Warn,
            Some("legacy-model-inactive-account"),
        );
    }

    #[test]
    fn a_refusal_outweighs_the_stated_lifecycle() {
        for (message, code) in [
            (
                "This model version has reached the end of its life. Please refer to the AWS documentation.",
                "model-end-of-life",
            ),
            (
                "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days.",
                "legacy-model-inactive-account",
            ),
        ] {
            let failure = refusal("bedrock-runtime", 404, "ResourceNotFoundException", message);
            let facts = invoked(&Observed::Failed(failure));
            let verdict = (Status::Fail, Some(code.to_owned()));
            assert_eq!(verdicts(&CHECK, &facts), [verdict.clone(), verdict]);
            assert_eq!(
                findings(&CHECK, &facts)[0].request_id.as_deref(),
                Some("req-1")
            );
        }
    }

    #[test]
    fn an_invocation_makes_up_for_a_denied_look() {
        let mut facts = healthy();
        let denied = refusal("bedrock", 403, "AccessDeniedException", "no");
        facts.model_availability = Observed::Failed(denied);
        only(&CHECK, &facts, Status::Pass, None);
        facts.invocations = untried();
        only(&CHECK, &facts, Status::CannotTell, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
