//! See [`Meta::docs`].

use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{Failure, MantleModels, ModelFacts, Observed, UseCaseForm};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct CheckupCallsAllowed;

impl Check for CheckupCallsAllowed {
    const META: &'static Meta = &Meta {
        id: "checkup-calls-allowed",
        family: Family::Permissions,
        title: "policies allow what only the checkup asks",
        file: file!(),
        docs: "
## What it looks at

Whether a policy denies the questions that the checkup asks and Claude Code does not:
`bedrock:GetFoundationModelAvailability`, `bedrock:GetFoundationModel`, `bedrock:GetUseCaseForModelAccess`, and with
Mantle `bedrock-mantle:ListModels`.

## Why it matters

It does not matter to Claude Code, so it is never a failure. When models cannot be invoked, the checkup knows
less about the reason: whether an agreement or the use-case form is missing, or the model has reached its end.

## How to fix it

`bedrock-doctor policy --for-checkup` prints a policy that allows them.
",
    };

    type Needs<'a> = (
        Seen<'a, Vec<ModelFacts>>,
        Seen<'a, UseCaseForm>,
        Seen<'a, MantleModels>,
    );

    fn run((Seen(models), Seen(form), Seen(listed)): Self::Needs<'_>) -> Vec<Finding> {
        let of_models = models.known().into_iter().flatten().flat_map(|model| {
            [
                (
                    "bedrock:GetFoundationModelAvailability",
                    model.availability.failure(),
                ),
                ("bedrock:GetFoundationModel", model.lifecycle.failure()),
            ]
        });
        let others = [
            ("bedrock:GetUseCaseForModelAccess", form.failure()),
            ("bedrock-mantle:ListModels", listed.failure()),
        ];
        let failures: Vec<(&str, &Failure)> = of_models
            .chain(others)
            .filter_map(|(action, failure)| Some((action, failure?)))
            .collect();
        let mut denied: Vec<String> = Vec::new();
        let mut words = None;
        for (action, failure) in &failures {
            let named = format!("`{action}`");
            if matches!(answer(failure), Answer::Denied(..)) && !denied.contains(&named) {
                denied.push(named);
                words = words.or(Some(failure));
            }
        }
        vec![match (words, models, form) {
            (Some(first), ..) => Finding::not_applicable(format!(
                "not allowed: {}; Claude Code does not ask, and the checkup does without (`bedrock-doctor policy --for-checkup` allows it)",
                list(&denied)
            ))
            .evidence(Basis::Reported, first.words())
            .request_id(first.request_id.clone()),
            (None, Observed::NotCollected(why), _) => not_collected(ProbeId::ModelAvailability, why),
            (None, _, Observed::NotCollected(why)) => not_collected(ProbeId::UseCaseForm, why),
            (None, Observed::Known(_), _) if failures.is_empty() => {
                Finding::pass("AWS answered what only the checkup asks")
            }
            (None, ..) => Finding::not_applicable(
                "no policy denied what only the checkup asks, but not all of it was answered",
            ),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, FailureKind};
    use crate::finding::Status;
    use crate::sample::{healthy, now, only, refusal};

    const CHECK: Entry = Entry::of::<CheckupCallsAllowed>();

    fn denied(action: &str) -> Failure {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        refusal("bedrock", 403, "AccessDeniedException", &message)
    }

    #[test]
    fn passes_when_all_was_answered() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn names_each_denied_action_once() {
        let mut facts = healthy();
        facts.use_case_form = Observed::Failed(denied("bedrock:GetUseCaseForModelAccess"));
        facts.mantle_models = Observed::Failed(denied("bedrock-mantle:ListModels"));
        if let Observed::Known(models) = &mut facts.model_availability {
            for model in models {
                model.lifecycle = Observed::Failed(denied("bedrock:GetFoundationModel"));
            }
        }
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(
            finding.what.starts_with(
                "not allowed: `bedrock:GetFoundationModel`, `bedrock:GetUseCaseForModelAccess` and `bedrock-mantle:ListModels`;"
            ),
            "{}",
            finding.what
        );
        assert_eq!(finding.evidence.basis, Basis::Reported);
    }

    #[test]
    fn other_failures_are_no_pass() {
        let mut facts = healthy();
        facts.use_case_form = Observed::Failed(Failure::new(FailureKind::Dns, "no such host"));
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.what.starts_with("no policy denied"));
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = healthy();
        facts.model_availability = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
