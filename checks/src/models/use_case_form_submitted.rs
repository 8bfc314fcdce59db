use super::{FORM_MISSING, accepted, on_bedrock};
use crate::answer::{Answer, answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{CallerIdentity, Configuration, Failure, Invocation, Observed, UseCaseForm};
use crate::finding::{Basis, Finding, Owner};
use crate::probe::ProbeId;

/// See [`Meta::docs`].
pub(crate) struct UseCaseFormSubmitted;

impl Check for UseCaseFormSubmitted {
    const META: &'static Meta = &Meta {
        id: "use-case-form-submitted",
        family: Family::Models,
        title: "the use-case form for Anthropic models was submitted",
        file: file!(),
        docs: "
## What it looks at

Whether the account (or its organization's management account) has told AWS what it uses Anthropic
models for: `GetUseCaseForModelAccess`, and refusals of invocations that speak of the form.

## Why it matters

Without the form AWS refuses every Claude model with a 404. Claude Code hides AWS's text and prints that
the model is not available on your deployment.

## How to fix it

An administrator opens a Claude model in the Bedrock model catalog and submits the form: once per account,
or once in the management account for all. Compare the account id first.
",
    };

    type Needs<'a> = (
        Seen<'a, UseCaseForm>,
        Seen<'a, Vec<Invocation>>,
        Seen<'a, CallerIdentity>,
        Seen<'a, Configuration>,
    );

    fn run(
        (Seen(form), Seen(trials), Seen(identity), Seen(configuration)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let account = identity.known().map(|identity| identity.account.as_str());
        let region = configuration
            .known()
            .map_or("us-east-1", |configuration| &configuration.region.value);
        if let Some(failure) =
            reported(trials).or_else(|| form.failure().filter(|failure| is_missing(failure)))
        {
            return vec![
                submit(missing(account), region)
                    .evidence(Basis::Reported, failure.words())
                    .request_id(failure.request_id.clone()),
            ];
        }
        vec![match (form, accepted(&on_bedrock(trials), None)) {
            (Observed::Known(UseCaseForm::Submitted), _) => Finding::pass("AWS has the form"),
            (Observed::Known(UseCaseForm::Missing), Some((basis, words))) => submit(
                Finding::warn(
                    FORM_MISSING,
                    format!(
                        "AWS has no use-case form of {}, but does not ask for it yet",
                        of(account)
                    ),
                ),
                region,
            )
            .evidence(basis, words),
            (Observed::Known(UseCaseForm::Missing), None) => submit(missing(account), region)
                .evidence(
                    Basis::Observed,
                    "bedrock:GetUseCaseForModelAccess found none",
                ),
            (_, Some((basis, words))) => {
                Finding::pass("models can be invoked, so AWS does not miss the form")
                    .evidence(basis, words)
            }
            (Observed::Failed(failure), None) => not_judged_here("the use-case form", failure),
            (Observed::NotCollected(why), None) => not_collected(ProbeId::UseCaseForm, why),
        }]
    }
}

/// The first invocation that was refused for want of the form.
fn reported(trials: &Observed<Vec<Invocation>>) -> Option<&Failure> {
    let trials = trials.known().into_iter().flatten();
    let mut failures = trials.filter_map(|trial| trial.outcome.failure());
    failures.find(|failure| is_missing(failure))
}

fn is_missing(failure: &Failure) -> bool {
    matches!(answer(failure), Answer::ModelAccess(signature) if signature.cause == FORM_MISSING)
}

fn of(account: Option<&str>) -> String {
    account.map_or_else(
        || "this account".to_owned(),
        |account| format!("account {account}"),
    )
}

fn missing(account: Option<&str>) -> Finding {
    Finding::fail(
        FORM_MISSING,
        format!("the use-case form for Anthropic models was not submitted for {}", of(account)),
    )
    .why("AWS refuses every Claude model without it; Claude Code prints only that the model is not available on your deployment")
    .explained_by("account-expected")
}

fn submit(finding: Finding, region: &str) -> Finding {
    finding
        .owner(Owner::AccountAdmin)
        .fix(format!(
            "open a Claude model in the model catalog and submit the use-case form: {}#/model-catalog",
            super::console(region)
        ))
        .fix("if the form was submitted in another account, use credentials of that account")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InvokeAnswer, InvokeOperation};
    use crate::finding::Status;
    use crate::sample::{healthy, invoked, now, only, refusal};

    const CHECK: Entry = Entry::of::<UseCaseFormSubmitted>();
    const MESSAGE: &str = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";

    fn with(form: Observed<UseCaseForm>, tried: bool) -> Facts {
        let mut facts = healthy();
        facts.use_case_form = form;
        if !tried {
            facts.invocations = Observed::NotCollected(Absence::NotSelected);
        }
        facts
    }

    #[test]
    fn passes_when_aws_has_the_form() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn fails_for_the_account_when_an_invocation_says_so() {
        let refused = refusal("bedrock-runtime", 404, "ResourceNotFoundException", MESSAGE);
        let mut facts = invoked(&Observed::Failed(refused));
        // A form of the management account can be seen and still not count.
        facts.use_case_form = Observed::Known(UseCaseForm::Submitted);
        let finding = only(&CHECK, &facts, Status::Fail, Some("use-case-form-missing"));
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert!(finding.what.contains("123456789012"));
        assert!(finding.fix[0].text.contains(
            "https://us-east-1.console.aws.amazon.com/bedrock/home?region=us-east-1#/model-catalog"
        ));
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn a_missing_form_counts_less_than_an_accepted_request() {
        let missing = Observed::Known(UseCaseForm::Missing);
        let code = Some("use-case-form-missing");
        only(&CHECK, &with(missing.clone(), true), Status::Warn, code);
        only(&CHECK, &with(missing, false), Status::Fail, code);
    }

    #[test]
    fn an_invocation_makes_up_for_a_denied_look() {
        let denied = Observed::Failed(refusal("bedrock", 403, "AccessDeniedException", "no"));
        only(&CHECK, &with(denied.clone(), true), Status::Pass, None);
        only(&CHECK, &with(denied, false), Status::CannotTell, None);
    }

    #[test]
    fn an_answer_of_mantle_does_not_make_up_for_it() {
        let denied = Observed::Failed(refusal("bedrock", 403, "AccessDeniedException", "no"));
        let mut facts = with(denied, true);
        if let Observed::Known(trials) = &mut facts.invocations {
            for trial in trials {
                trial.operation = InvokeOperation::MantleCreateInference;
                trial.outcome = Observed::Known(InvokeAnswer {
                    content_type: None,
                    complete: true,
                    guardrail_intervened: false,
                    usage: None,
                });
            }
        }
        only(&CHECK, &facts, Status::CannotTell, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
