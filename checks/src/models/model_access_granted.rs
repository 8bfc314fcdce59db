//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

mod advice;

use self::advice::{WAIT, advice, advised};
use super::{
    FORM_MISSING, NOT_ALLOWED, Trial, accepted, before_a_switch, console, is_in_use, named,
    per_model,
};
use crate::answer::{Answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{
    Availability, CallerIdentity, Configuration, Failure, Invocation, ModelFacts, Observed, Request,
};
use crate::finding::{Basis, Finding, Owner, Status};
use crate::signatures::{AwsErrorText, Kind, Signature, classify};
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct ModelAccessGranted;

impl Check for ModelAccessGranted {
    const META: &'static Meta = &Meta {
        id: "model-access-granted",
        family: Family::Models,
        title: "the account has access to the models",
        file: file!(),
        docs: "
## What it looks at

What AWS says about the account's access when the models in use are tried: AWS Marketplace, payment,
reseller, allow-list, country, data retention, agreements. `GetFoundationModelAvailability` is taken as a hint
only: accounts for which it says `AUTHORIZED` have been refused. Models that are pinned for later are looked at
with it and not tried.

## Why it matters

Claude Code shows such a refusal as `AWS authentication failed`, although no credential is wrong.

## How to fix it

Mostly an administrator must act: invoke the model once with permission to subscribe to it, correct the
payment method, or ask AWS Support. Only an answered request proves access: `bedrock-doctor check --invoke`.
",
    };

    type Needs<'a> = (
        Seen<'a, Vec<ModelFacts>>,
        Seen<'a, Vec<Invocation>>,
        Seen<'a, Configuration>,
        Seen<'a, CallerIdentity>,
        &'a Request,
    );

    fn run(
        (Seen(models), Seen(trials), Seen(configuration), Seen(identity), request): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let place = Place {
            invoked: request.invoke,
            region: configuration
                .known()
                .map_or("us-east-1", |configuration| &configuration.region.value),
            account: identity.known().map_or_else(
                || "the account".to_owned(),
                |identity| format!("account {}", identity.account),
            ),
            main_works: configuration
                .known()
                .map(|configuration| configuration.models.main.value.as_str())
                .filter(|main| accepted(trials, Some(main)).is_some()),
        };
        let known = || models.known().into_iter().flatten();
        let mut findings: Vec<Finding> = if trials.known().is_some_and(|trials| !trials.is_empty())
        {
            per_model(trials, |trial| {
                let facts = known().find(|facts| facts.model == trial.model);
                judge(trial, facts, &place)
            })
        } else {
            // Nothing was tried: what the control plane denies is known all the same.
            let used = known().filter(|model| is_in_use(&model.part));
            used.filter_map(|model| Some(stated(model, &place)?.subject(&model.model)))
                .collect()
        };
        if findings.is_empty() {
            findings = per_model(trials, |trial| Trial::of(trial).not_judged_here(trial));
        }
        let pinned = known().filter(|model| !is_in_use(&model.part));
        findings.extend(pinned.map(|model| untried(model, &place).subject(&model.model)));
        findings
    }
}

/// What the control plane denies of a model.
fn stated(model: &ModelFacts, place: &Place<'_>) -> Option<Finding> {
    let name = format!("the {} `{}`", model.part, model.model);
    denied(&name, model.availability.known()?, place)
}

/// A model that not every session invokes: it is not tried, to keep refused requests few.
fn untried(model: &ModelFacts, place: &Place<'_>) -> Finding {
    if let Some(finding) = stated(model, place) {
        return before_a_switch(finding, &model.part);
    }
    let listed = match &model.availability {
        Observed::Known(_) => "AWS lists it as authorized, which is no proof of access",
        _ => "what AWS lists of it is not known",
    };
    let why = if model.part == "subagent model" {
        "only subagents use it"
    } else {
        "it is pinned and not in use"
    };
    Finding::not_applicable(format!(
        "the {} `{}` was not tried, because {why}; {listed}",
        model.part, model.model
    ))
    .fix_command(
        "try it, for free",
        format!("bedrock-doctor check --model {}", shell_word(&model.model)),
    )
}

struct Place<'a> {
    region: &'a str,
    account: String,
    /// The main model, when a trial of it was accepted.
    main_works: Option<&'a str>,
    /// Real requests were made.
    invoked: bool,
}

fn judge(trial: &Invocation, facts: Option<&ModelFacts>, place: &Place<'_>) -> Finding {
    let availability = facts.and_then(|facts| facts.availability.known());
    match Trial::of(trial) {
        Trial::Accepted(basis, words) => {
            Finding::pass(format!("{} has access to {}", place.account, named(trial)))
                .evidence(basis, words)
        }
        Trial::Refused(failure, Answer::ModelAccess(signature))
            if signature.cause == FORM_MISSING =>
        {
            not_judged_here(&named(trial), failure).explained_by("use-case-form-submitted")
        }
        Trial::Refused(failure, Answer::ModelAccess(signature)) => {
            let finding = refused(trial, failure, signature, place);
            let agreed = availability.is_some_and(|stated| stated.agreement == "AVAILABLE");
            match signature.cause.as_str() {
                NOT_ALLOWED => finding.explained_by("model-lifecycle-active"),
                "marketplace-permission-missing" | "marketplace-subscription-incomplete"
                    if agreed =>
                {
                    finding.fix(format!(
                        "AWS lists the agreement as made: if that was only minutes ago, {WAIT}"
                    ))
                }
                _ => finding,
            }
        }
        other => {
            let stated =
                availability.and_then(|availability| denied(&named(trial), availability, place));
            match (stated, &other) {
                (Some(stated), Trial::NotTried(_)) => stated,
                // Nobody else knows that refusal: what the control plane denies is its reason as far as can be told.
                (Some(stated), Trial::Refused(failure, Answer::Unknown(_))) => {
                    stated.request_id(failure.request_id.clone())
                }
                // Another check says what went wrong; what is stated may be the next obstacle.
                (Some(mut stated), _) => {
                    stated.status = Status::Warn;
                    stated
                }
                (None, _) => {
                    let finding = other.not_judged_here(trial);
                    // One more request tells nothing after a real one, and not while requests are throttled.
                    let tried =
                        place.invoked || matches!(other, Trial::Refused(_, Answer::Throttled(_)));
                    if availability.is_some() && !finding.left_out && !tried {
                        finding.fix_command(
                            "AWS lists the model as authorized, which is no proof; an answered request is (it costs a fraction of a cent)",
                            "bedrock-doctor check --invoke",
                        )
                    } else {
                        finding
                    }
                }
            }
        }
    }
}

fn refused(
    trial: &Invocation,
    failure: &Failure,
    signature: &Signature,
    place: &Place<'_>,
) -> Finding {
    let cause = signature.cause.as_str();
    let advice = advice(cause, place);
    let owner = advice.owner.unwrap_or(signature.owner);
    let main = place
        .main_works
        .filter(|_| trial.part == "background model" && cause == "model-access-not-granted");
    let (code, owner) = match main {
        Some(_) => ("background-model-not-enabled", Owner::You),
        None => (cause, owner),
    };
    let mut finding = Finding::fail(code, format!("{} {}", advice.what, named(trial)))
        .owner(owner)
        .why("the credentials are good, although Claude Code prints `AWS authentication failed` or that the model is not available")
        .evidence(Basis::Reported, failure.words())
        .request_id(failure.request_id.clone())
        .explained_by("account-expected")
        .shared();
    if let Some(main) = main {
        finding = finding.fix_command(
            "let the main model, which works, do the background work",
            format!("export ANTHROPIC_DEFAULT_HAIKU_MODEL={}", shell_word(main)),
        );
    }
    advised(finding, advice.steps, cause, place)
}

/// What the control plane denies, if anything; what it grants is no proof.
fn denied(name: &str, availability: &Availability, place: &Place<'_>) -> Option<Finding> {
    let Place {
        region, account, ..
    } = place;
    let Availability {
        agreement,
        agreement_error,
        authorization,
        entitlement,
        region: offered,
    } = availability;
    let detail = format!(
        "GetFoundationModelAvailability: agreement {agreement}, authorization {authorization}, entitlement {entitlement}, Region {offered}"
    );
    let catalog = format!("{}#/model-catalog", console(region));
    let finding = if offered == "NOT_AVAILABLE" {
        Finding::fail(
            "model-not-in-region",
            format!("`{region}` does not offer {name}"),
        )
        .evidence(Basis::Observed, detail)
        .fix(format!(
            "use a model or a Region from the catalog: {catalog}"
        ))
    } else if authorization == "NOT_AUTHORIZED" {
        Finding::fail("account-not-authorized", format!("{account} is not authorized for {name}"))
            .owner(Owner::AccountAdmin)
            .evidence(Basis::Observed, detail)
            .fix(format!("look at the model in the catalog; if it cannot be enabled there, open a support case: {catalog}"))
    } else if agreement == "PENDING" {
        Finding::warn(
            "subscription-propagation",
            format!("the agreement of {account} is still under way for {name}"),
        )
        .evidence(Basis::Observed, detail)
        .fix(WAIT)
    } else if agreement == "NOT_AVAILABLE" || agreement == "ERROR" {
        without_agreement(name, agreement_error.as_deref(), &detail, place)
    } else if entitlement == "NOT_AVAILABLE" {
        Finding::fail(
            "model-access-not-granted",
            format!("{account} has the agreement, but not the entitlement that follows from it, for {name}"),
        )
        .owner(Owner::AccountAdmin)
        .why("the agreement was just made, or its subscription has ended")
        .evidence(Basis::Observed, detail)
        .fix(WAIT)
        .fix("if it stays, look whether the subscription is active: https://console.aws.amazon.com/marketplace/home#/subscriptions")
    } else {
        return None;
    };
    Some(finding.explained_by("account-expected").shared())
}

/// An agreement that is missing or failed: AWS's own words decide, where it says any.
fn without_agreement(name: &str, words: Option<&str>, detail: &str, place: &Place<'_>) -> Finding {
    let Place {
        region, account, ..
    } = place;
    let known = words.and_then(|message| {
        let (service, status, code) = ("bedrock", None, None);
        classify(&AwsErrorText {
            service,
            status,
            code,
            message,
        })
    });
    let cause = match known {
        Some(signature) if signature.kind == Kind::ModelAccess => Some(signature.cause.as_str()),
        _ if region.starts_with("us-gov-") => Some("govcloud-model-agreement"),
        _ => None,
    };
    if let Some(cause) = cause {
        let advice = advice(cause, place);
        let owner = advice.owner.or(known.map(|signature| signature.owner));
        let (basis, detail) = match words {
            Some(words) => (Basis::Reported, format!("{detail}: {words}")),
            None => (Basis::Observed, detail.to_owned()),
        };
        let finding = Finding::fail(cause, format!("{} {name}", advice.what))
            .owner(owner.unwrap_or(Owner::AccountAdmin))
            .evidence(basis, detail);
        return advised(finding, advice.steps, cause, place);
    }
    let words = words.map_or_else(String::new, |words| format!(": {words}"));
    let catalog = format!("{}#/model-catalog", console(region));
    Finding::fail("model-access-not-granted", format!("{account} has no agreement for {name}{words}"))
        .owner(Owner::AccountAdmin)
        .why("the first request subscribes the account through AWS Marketplace, if the caller may do that (`marketplace-permission-missing` otherwise); this was not tried, because it would change the account")
        .evidence(Basis::Inferred, detail)
        .fix(format!("invoke the model once as an administrator, which subscribes the account: {catalog}"))
        .fix("if the account belongs to a reseller, ask the reseller: AWS does not subscribe accounts of its channel program to Anthropic models")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InvokeAnswer, Observed};
    use crate::finding::Explanation;
    use crate::sample::{body_refused, findings, healthy, invoked, now, only, refusal, verdicts};

    const CHECK: Entry = Entry::of::<ModelAccessGranted>();
    const NO_ACCESS: &str = "You don't have access to the model with the specified model ID.";

    fn denied_with(message: &str) -> Failure {
        refusal("bedrock-runtime", 403, "AccessDeniedException", message)
    }

    /// The healthy machine with one model: what the control plane says of it, and how its trial ended.
    fn with(change: impl FnOnce(&mut Availability), outcome: &Observed<InvokeAnswer>) -> Facts {
        let mut facts = invoked(outcome);
        if let Observed::Known(trials) = &mut facts.invocations {
            trials.truncate(1);
        }
        if let Observed::Known(models) = &mut facts.model_availability
            && let Observed::Known(availability) = &mut models[0].availability
        {
            change(availability);
        }
        facts
    }

    fn untried() -> Observed<InvokeAnswer> {
        Observed::NotCollected(Absence::NotSelected)
    }

    #[test]
    fn passes_by_inference_when_only_the_body_is_refused() {
        let findings = findings(&CHECK, &healthy());
        assert_eq!(findings.len(), 2);
        for finding in findings {
            assert_eq!(
                (finding.status, finding.evidence.basis),
                (Status::Pass, Basis::Inferred)
            );
        }
    }

    #[test]
    fn a_200_is_observed() {
        let answered = Observed::Known(InvokeAnswer {
            content_type: None,
            complete: true,
            guardrail_intervened: false,
            usage: None,
        });
        let finding = only(&CHECK, &with(|_| (), &answered), Status::Pass, None);
        assert_eq!(finding.evidence.basis, Basis::Observed);
    }

    #[test]
    fn every_refusal_of_access_has_its_cause_and_owner() {
        for (message, cause, owner) in [
            (NO_ACCESS, "model-access-not-granted", Owner::AccountAdmin),
            (
                "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model.",
                "marketplace-permission-missing",
                Owner::AccountAdmin,
            ),
            (
                "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is still being processed",
                "subscription-propagation",
                Owner::You,
            ),
            (
                "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.",
                "payment-instrument-invalid",
                Owner::AccountAdmin,
            ),
            (
                "Access to Anthropic models is not allowed from unsupported countries, regions, or territories.",
                "unsupported-country",
                Owner::You,
            ),
            (
                "data retention mode 'default' is not available for this model",
                "data-retention-mode",
                Owner::AccountAdmin,
            ),
            (
                "The GovCloud account 111122223333 cannot perform this operation. You must use your associated standard AWS account",
                "govcloud-model-agreement",
                Owner::AccountAdmin,
            ),
            (
                "Your account is not authorized to invoke this API operation.",
                "account-not-authorized",
                Owner::AccountAdmin,
            ),
            (
                "Error 002: Access to Bedrock models is not allowed for this account",
                "account-under-verification",
                Owner::AwsSupport,
            ),
            (
                "anthropic.claude-opus-4-7 is not available for this account. You can explore other available models",
                "model-not-available-for-account",
                Owner::AwsSupport,
            ),
        ] {
            let outcome = Observed::Failed(denied_with(message));
            let finding = only(&CHECK, &with(|_| (), &outcome), Status::Fail, Some(cause));
            assert_eq!(finding.owner, owner, "{cause}");
            assert!(finding.evidence.detail.contains(message), "{cause}");
            assert_eq!(finding.request_id.as_deref(), Some("req-1"));
        }
    }

    #[test]
    fn authorized_is_no_proof_of_access() {
        let outcome = Observed::Failed(denied_with(NO_ACCESS));
        only(
            &CHECK,
            &with(|_| (), &outcome),
            Status::Fail,
            Some("model-access-not-granted"),
        );
        let finding = only(
            &CHECK,
            &with(|_| (), &Observed::Failed(denied_with("news"))),
            Status::CannotTell,
            None,
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("bedrock-doctor check --invoke")
        );
        let mut invoked = with(|_| (), &Observed::Failed(denied_with("news")));
        invoked.request.invoke = true;
        let finding = only(&CHECK, &invoked, Status::CannotTell, None);
        assert_eq!(finding.fix, []);
        let throttled = refusal("bedrock-runtime", 429, "ThrottlingException", "slow down");
        let throttled = with(|_| (), &Observed::Failed(throttled));
        let finding = only(&CHECK, &throttled, Status::CannotTell, None);
        assert_eq!(finding.fix, []);
    }

    #[test]
    fn the_form_is_judged_elsewhere() {
        let message = "Model use case details have not been submitted for this account.";
        let failure = refusal("bedrock-runtime", 404, "ResourceNotFoundException", message);
        let finding = only(
            &CHECK,
            &with(|_| (), &Observed::Failed(failure)),
            Status::CannotTell,
            None,
        );
        let form = Explanation::Check("use-case-form-submitted");
        assert!(finding.explained_by.contains(&form));
    }

    #[test]
    fn a_background_model_that_alone_is_refused_is_for_the_user() {
        let mut facts = healthy();
        if let Observed::Known(trials) = &mut facts.invocations {
            trials[2].outcome = Observed::Failed(denied_with(NO_ACCESS));
        }
        let verdict = (
            Status::Fail,
            Some("background-model-not-enabled".to_owned()),
        );
        assert_eq!(verdicts(&CHECK, &facts), [(Status::Pass, None), verdict]);
        let finding = &findings(&CHECK, &facts)[1];
        assert_eq!(finding.owner, Owner::You);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export ANTHROPIC_DEFAULT_HAIKU_MODEL=us.anthropic.claude-opus-5-5")
        );
    }

    #[test]
    fn an_accepted_request_outweighs_the_control_plane() {
        let accepted = Observed::Failed(body_refused());
        only(
            &CHECK,
            &with(|it| it.region = "NOT_AVAILABLE".into(), &accepted),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn the_control_plane_decides_when_nothing_was_tried() {
        type Change = fn(&mut Availability);
        let cases: [(Change, Status, &str); 5] = [
            (
                |it| it.region = "NOT_AVAILABLE".into(),
                Status::Fail,
                "model-not-in-region",
            ),
            (
                |it| it.authorization = "NOT_AUTHORIZED".into(),
                Status::Fail,
                "account-not-authorized",
            ),
            (
                |it| it.agreement = "NOT_AVAILABLE".into(),
                Status::Fail,
                "model-access-not-granted",
            ),
            (
                |it| it.entitlement = "NOT_AVAILABLE".into(),
                Status::Fail,
                "model-access-not-granted",
            ),
            (
                |it| it.agreement = "PENDING".into(),
                Status::Warn,
                "subscription-propagation",
            ),
        ];
        for (change, status, code) in cases {
            only(&CHECK, &with(change, &untried()), status, Some(code));
            let mut facts = with(change, &untried());
            facts.invocations = Observed::NotCollected(Absence::NotSelected);
            only(&CHECK, &facts, status, Some(code));
        }
    }

    #[test]
    fn the_words_of_a_failed_agreement_decide() {
        let failed = |words: &'static str| {
            move |it: &mut Availability| {
                it.agreement = "ERROR".into();
                it.agreement_error = Some(words.into());
            }
        };
        for (words, cause) in [
            (
                "INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.",
                "payment-instrument-invalid",
            ),
            (
                "Access to this model is not available for channel program accounts.",
                "channel-program-account",
            ),
            ("news", "model-access-not-granted"),
        ] {
            let facts = with(failed(words), &untried());
            let finding = only(&CHECK, &facts, Status::Fail, Some(cause));
            assert_eq!(finding.owner, Owner::AccountAdmin, "{cause}");
            let told = format!("{} {}", finding.what, finding.evidence.detail);
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn in_govcloud_the_agreement_is_made_elsewhere() {
        let mut facts = with(|it| it.agreement = "NOT_AVAILABLE".into(), &untried());
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.region.value = "us-gov-west-1".into();
        }
        let code = Some("govcloud-model-agreement");
        only(&CHECK, &facts, Status::Fail, code);
    }

    #[test]
    fn agreement_and_entitlement_are_told_apart() {
        let facts = with(|it| it.entitlement = "NOT_AVAILABLE".into(), &untried());
        let code = Some("model-access-not-granted");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert!(
            finding.what.contains("but not the entitlement"),
            "{}",
            finding.what
        );
    }

    #[test]
    fn a_pinned_model_is_not_tried_and_what_is_denied_is_a_warning() {
        let with = |change: fn(&mut Availability)| {
            let mut facts = healthy();
            if let Observed::Known(models) = &mut facts.model_availability {
                let mut pinned = models[0].clone();
                pinned.model = "us.anthropic.claude-opus-4-7".into();
                pinned.part = "opus model".into();
                if let Observed::Known(availability) = &mut pinned.availability {
                    change(availability);
                }
                models.push(pinned);
            }
            findings(&CHECK, &facts).remove(2)
        };
        let untold = with(|_| ());
        assert_eq!(untold.status, Status::NotApplicable);
        assert!(
            untold.what.contains("no proof of access"),
            "{}",
            untold.what
        );
        let denied = with(|it| it.region = "NOT_AVAILABLE".into());
        assert_eq!(
            (denied.status, denied.code.as_deref()),
            (Status::Warn, Some("model-not-in-region"))
        );
        assert!(denied.why.unwrap().contains("/model opus"));
    }

    #[test]
    fn a_refusal_that_another_check_judges_makes_it_a_warning() {
        let expired = "The security token included in the request is expired";
        let outcome = Observed::Failed(denied_with(expired));
        let facts = with(|it| it.agreement = "NOT_AVAILABLE".into(), &outcome);
        only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("model-access-not-granted"),
        );
        let outcome = Observed::Failed(denied_with("news"));
        let facts = with(|it| it.authorization = "NOT_AUTHORIZED".into(), &outcome);
        let code = Some("account-not-authorized");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = healthy();
        facts.invocations = Observed::NotCollected(Absence::Offline);
        facts.model_availability = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
