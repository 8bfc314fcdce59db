//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{FORM_MISSING, Trial, accepted, console, named, per_model};
use crate::answer::{Answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{Availability, CallerIdentity, Configuration, Failure, Invocation, ModelFacts};
use crate::finding::{Basis, Finding, Owner, Status};
use crate::signatures::Signature;
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
allow-list, country, data retention, agreements. `GetFoundationModelAvailability` is taken as a hint only:
accounts for which it says `AUTHORIZED` have been refused.

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
    );

    fn run(
        (Seen(models), Seen(trials), Seen(configuration), Seen(identity)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let place = Place {
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
        if trials.known().is_some_and(|trials| !trials.is_empty()) {
            return per_model(trials, |trial| {
                let facts = models.known().into_iter().flatten();
                let facts = facts.into_iter().find(|facts| facts.model == trial.model);
                judge(trial, facts, &place)
            });
        }
        // Nothing was tried: what the control plane denies is known all the same.
        let stated = models.known().into_iter().flatten().filter_map(|model| {
            let availability = model.availability.known()?;
            let finding = denied(
                &format!("the {} `{}`", model.part, model.model),
                availability,
                &place,
            )?;
            Some(finding.subject(&model.model))
        });
        let stated: Vec<Finding> = stated.collect();
        if stated.is_empty() {
            per_model(trials, |trial| Trial::of(trial).not_judged_here(trial))
        } else {
            stated
        }
    }
}

struct Place<'a> {
    region: &'a str,
    account: String,
    /// The main model, when a trial of it was accepted.
    main_works: Option<&'a str>,
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
            refused(trial, failure, signature, place)
        }
        other => {
            let stated =
                availability.and_then(|availability| denied(&named(trial), availability, place));
            match (stated, &other) {
                (Some(stated), Trial::NotTried(_)) => stated,
                // Another check says what went wrong; what is stated may be the next obstacle.
                (Some(mut stated), _) => {
                    stated.status = Status::Warn;
                    stated
                }
                (None, _) => {
                    let finding = other.not_judged_here(trial);
                    if availability.is_some() && !finding.left_out {
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
    advice.steps.into_iter().fold(finding, Finding::fix)
}

struct Advice {
    owner: Option<Owner>,
    /// A clause that the model's name completes.
    what: String,
    steps: Vec<String>,
}

fn advice(cause: &str, place: &Place<'_>) -> Advice {
    let Place {
        region, account, ..
    } = place;
    let catalog = format!("{}#/model-catalog", console(region));
    let (owner, what, steps): (Option<Owner>, String, Vec<String>) = match cause {
        "model-access-not-granted" => (
            Some(Owner::AccountAdmin),
            format!("{account} has no access in `{region}` to"),
            vec![
                format!("open the model in the catalog and try it once in the playground, which grants access to the account: {catalog}"),
                "if it works there, compare id, Region and account: AWS says the same for an id that is nearly right".to_owned(),
            ],
        ),
        "marketplace-permission-missing" => (
            Some(Owner::AccountAdmin),
            format!("{account} is not subscribed, and this principal may not subscribe it, to"),
            vec![
                format!("invoke the model once as an administrator, which subscribes the account: {catalog}"),
                "or allow `aws-marketplace:ViewSubscriptions` and `aws-marketplace:Subscribe` with the condition `aws:CalledViaLast` = `bedrock.amazonaws.com`".to_owned(),
            ],
        ),
        "marketplace-denied-by-scp" => (
            Some(Owner::OrgAdmin),
            format!("a service control policy keeps {account} from subscribing to"),
            vec!["allow `aws-marketplace:ViewSubscriptions` and `aws-marketplace:Subscribe` in the policy, at least for the role that subscribes".to_owned()],
        ),
        "subscription-propagation" => (
            Some(Owner::You),
            format!("the subscription of {account} is still under way for"),
            vec!["wait 2 to 15 minutes and try again".to_owned()],
        ),
        "marketplace-subscription-incomplete" => (
            Some(Owner::AccountAdmin),
            format!("the Marketplace subscription of {account} could not be completed for"),
            vec![
                "wait 2 to 15 minutes and try again".to_owned(),
                format!("if it stays, invoke the model once as an administrator and look at the payment method: {catalog}"),
            ],
        ),
        "payment-instrument-invalid" => (
            Some(Owner::AccountAdmin),
            format!("{account} has no valid payment method to subscribe to"),
            vec!["set a valid default payment method, then wait 2 minutes: https://console.aws.amazon.com/billing/home#/paymentpreferences".to_owned()],
        ),
        "unsupported-country" => (
            Some(Owner::You),
            "Anthropic does not allow use from this machine's country of".to_owned(),
            vec!["send the requests from a supported country; a proxy or VPN may lead through another one: https://www.anthropic.com/supported-countries".to_owned()],
        ),
        "data-retention-mode" => (
            Some(Owner::AccountAdmin),
            format!("the data retention mode of {account} rules out"),
            vec![
                "use another model".to_owned(),
                "or have the data retention mode of the account changed in the Bedrock settings: a decision about privacy that other models follow too".to_owned(),
            ],
        ),
        "govcloud-model-agreement" => (
            Some(Owner::AccountAdmin),
            format!("the standard account linked to GovCloud {account} has no agreement for"),
            vec!["in the linked standard account, accept the model's agreement in us-east-1 or us-west-2, then enable it in GovCloud".to_owned()],
        ),
        "account-not-authorized" => (
            Some(Owner::AccountAdmin),
            format!("{account} is not authorized in `{region}` for"),
            vec![
                format!("enable Bedrock and the model in `{region}`: {catalog}"),
                "or use the Region in which access was granted".to_owned(),
            ],
        ),
        "account-under-verification" => (
            Some(Owner::AwsSupport),
            format!("AWS has restricted {account} and refuses"),
            vec!["open a support case of the type \"Account and billing\" and send the request id: https://console.aws.amazon.com/support/home#/case/create".to_owned()],
        ),
        "operation-not-allowed" => (
            Some(Owner::AwsSupport),
            format!("AWS allows {account} no use of"),
            vec!["open a support case of the type \"Account and billing\" and send the request id; the account may be under verification, or the model a legacy one: https://console.aws.amazon.com/support/home#/case/create".to_owned()],
        ),
        "model-not-available-for-account" => (
            Some(Owner::AwsSupport),
            format!("AWS does not offer {account}"),
            vec![
                "use an older model meanwhile: set `ANTHROPIC_MODEL`".to_owned(),
                "ask AWS Support or AWS Sales to enable the model for the account; no permission or setting does".to_owned(),
            ],
        ),
        _ => (
            None,
            format!("AWS refuses {account} access to"),
            vec![format!("look at the model in the catalog and send AWS Support the request id if it says that access is granted: {catalog}")],
        ),
    };
    Advice { owner, what, steps }
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
        .fix("wait 2 to 15 minutes and try again")
    } else if agreement == "NOT_AVAILABLE" || agreement == "ERROR" || entitlement == "NOT_AVAILABLE"
    {
        let error = agreement_error
            .as_ref()
            .map_or_else(String::new, |error| format!(": {error}"));
        Finding::fail("model-access-not-granted", format!("{account} has no agreement for {name}{error}"))
            .owner(Owner::AccountAdmin)
            .why("the first request subscribes the account through AWS Marketplace, if the caller may do that (`marketplace-permission-missing` otherwise); this was not tried, because it would change the account")
            .evidence(Basis::Inferred, detail)
            .fix(format!("invoke the model once as an administrator, which subscribes the account: {catalog}"))
    } else {
        return None;
    };
    Some(finding.explained_by("account-expected").shared())
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
    fn another_refusal_makes_it_a_warning() {
        let outcome = Observed::Failed(denied_with("news"));
        let facts = with(|it| it.agreement = "NOT_AVAILABLE".into(), &outcome);
        only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("model-access-not-granted"),
        );
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
