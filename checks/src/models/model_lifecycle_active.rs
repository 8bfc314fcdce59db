//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{
    ENDED, NOT_ALLOWED, Trial, accepted, before_a_switch, is_in_use, is_legacy, list_ids, named,
};
use crate::answer::{Answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{Configuration, Failure, Invocation, Lifecycle, ModelFacts, Now, Observed};
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

The lifecycle that Bedrock states for each model that is in use or pinned, with its dates, and refusals that
speak of its end.

## Why it matters

A legacy model is refused to accounts that have not used it for 30 days, and a model past its end to
everyone. In the last part of its legacy time, the extended access, its price may be higher.
Claude Code hides AWS's text: it prints that the model is not available on your deployment.

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
            let finding =
                reported(trial, region).or_else(|| unspoken(trial, trials, models, region));
            if let (false, Some(finding)) = (told, finding) {
                findings.push(finding.subject(&trial.model));
            }
        }
        for model in models.known().into_iter().flatten() {
            if !findings
                .iter()
                .any(|finding| finding.subject.as_ref() == Some(&model.model))
            {
                let finding = stated(model, trials, now, region).subject(&model.model);
                findings.push(before_a_switch(finding, &model.part));
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

/// "Operation not allowed" is said of a legacy model in its extended access, and of an account that AWS has restricted;
/// such an account is refused every model.
fn unspoken(
    trial: &Invocation,
    trials: &Observed<Vec<Invocation>>,
    models: &Observed<Vec<ModelFacts>>,
    region: &str,
) -> Option<Finding> {
    let failure = not_allowed(trial)?;
    let mut refused = trials
        .known()?
        .iter()
        .filter(|trial| not_allowed(trial).is_some());
    if !refused.all(|trial| is_legacy(models.known(), &trial.model)) {
        return None;
    }
    let finding = Finding::fail(
        "legacy-model-inactive-account",
        format!("{} is a legacy model, and AWS does not allow it to this account", named(trial)),
    )
    .why("AWS serves legacy models only to accounts that use them; Claude Code prints only that the model is not available on your deployment")
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone());
    Some(replace(finding, region))
}

/// The refusal that does not say whether it means the model or the account.
fn not_allowed(trial: &Invocation) -> Option<&Failure> {
    match Trial::of(trial) {
        Trial::Refused(failure, Answer::ModelAccess(signature))
            if signature.cause == NOT_ALLOWED =>
        {
            Some(failure)
        }
        _ => None,
    }
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
        (_, None) if !is_in_use(&model.part) => {
            return Finding::not_applicable(format!(
                "{name} was not tried, and its lifecycle is not known"
            ));
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
        legacy_at,
        extended_access_at,
        end_of_life_at,
    } = lifecycle;
    let mut life = format!("{name} is {status}");
    for (at, ahead, past) in [
        (legacy_at, "it turns legacy", "it turned legacy"),
        (
            extended_access_at,
            "its extended access, in which its price may be higher, begins",
            "its extended access, in which its price may be higher, began",
        ),
        (end_of_life_at, "its life ends", "its life ended"),
    ] {
        if let Some(at) = at {
            let verb = if *at > now { ahead } else { past };
            let _ = write!(life, "; {verb} {}", relative(*at, now));
        }
    }
    match end_of_life_at {
        Some(end) if *end <= now && works.is_none() => replace(
            Finding::fail(
                "model-end-of-life",
                format!("{name} reached the end of its life {}", relative(*end, now)),
            )
            .why("AWS answers to nobody for it any more"),
            region,
        ),
        _ if status == "ACTIVE" => Finding::pass(life),
        Some(_) => replace(
            Finding::warn("model-end-of-life", life)
                .why("requests for it are refused from then on, and until then to accounts that have not used it for 30 days"),
            region,
        ),
        None => replace(
            Finding::warn("legacy-model-inactive-account", life)
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
                extended_access_at: None,
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
    fn every_date_is_named() {
        let mut facts = with("LEGACY", Some(86_400), untried());
        if let Observed::Known(models) = &mut facts.model_availability
            && let Observed::Known(lifecycle) = &mut models[0].lifecycle
        {
            lifecycle.legacy_at = Some(in_seconds(-2 * 86_400));
            lifecycle.extended_access_at = Some(in_seconds(-86_400));
        }
        let code = Some("model-end-of-life");
        let finding = only(&CHECK, &facts, Status::Warn, code);
        for words in [
            "it turned legacy 2 d ago (2026-11-20 18:00 UTC)",
            "its price may be higher, began 1 d ago",
            "its life ends in 1 d",
        ] {
            assert!(finding.what.contains(words), "{}", finding.what);
        }
    }

    #[test]
    fn a_pinned_model_is_judged_without_a_trial() {
        let mut facts = healthy();
        let Observed::Known(models) = &mut facts.model_availability else {
            panic!("the healthy machine knows its models");
        };
        let mut pinned = models[0].clone();
        pinned.model = "us.anthropic.claude-3-7-sonnet".into();
        pinned.part = "sonnet model".into();
        pinned.lifecycle = Observed::Known(Lifecycle {
            status: "LEGACY".into(),
            legacy_at: None,
            extended_access_at: None,
            end_of_life_at: Some(in_seconds(-1)),
        });
        models.push(pinned);
        let ended = findings(&CHECK, &facts).remove(2);
        assert_eq!(
            (ended.status, ended.code.as_deref()),
            (Status::Warn, Some("model-end-of-life"))
        );
        if let Observed::Known(models) = &mut facts.model_availability {
            models[2].lifecycle = Observed::NotCollected(Absence::NotSelected);
        }
        let untold = findings(&CHECK, &facts).remove(2);
        assert_eq!(untold.status, Status::NotApplicable);
    }

    #[test]
    fn a_refusal_without_a_reason_means_a_legacy_model_where_no_other_is_refused() {
        let refused = refusal(
            "bedrock-runtime",
            400,
            "ValidationException",
            "Operation not allowed",
        );
        let mut facts = invoked(&Observed::Failed(refused));
        let legacy = |facts: &mut Facts, many: usize| {
            if let Observed::Known(models) = &mut facts.model_availability {
                for model in &mut models[..many] {
                    if let Observed::Known(lifecycle) = &mut model.lifecycle {
                        lifecycle.status = "LEGACY".into();
                    }
                }
            }
        };
        // The other model is a current one, and refused as well: it is the account.
        legacy(&mut facts, 1);
        let code = Some("legacy-model-inactive-account".to_owned());
        let told = verdicts(&CHECK, &facts);
        assert!(!told.contains(&(Status::Fail, code.clone())), "{told:?}");
        legacy(&mut facts, 2);
        let verdict = (Status::Fail, code);
        assert_eq!(verdicts(&CHECK, &facts), [verdict.clone(), verdict]);
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
