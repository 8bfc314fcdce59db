//! Who must do what about each way in which AWS refuses access.

use super::super::console;
use super::Place;
use crate::finding::{Finding, Owner};
use crate::text::shell_word;

/// How long AWS takes to subscribe an account.
pub(super) const WAIT: &str =
    "wait 2 to 15 minutes and try again; until then AWS may answer some requests and refuse others";

/// Adds the steps of an advice, and the commands that go with them, where there are some.
pub(super) fn advised(
    finding: Finding,
    steps: Vec<String>,
    cause: &str,
    place: &Place<'_>,
) -> Finding {
    let finding = steps.into_iter().fold(finding, Finding::fix);
    if cause == "data-retention-mode" {
        let region = shell_word(place.region);
        return finding
            .fix_command(
                "or see which mode is set; each Region has its own",
                format!("aws bedrock get-account-data-retention --region {region}"),
            )
            .fix_command(
                "and, if the account may share its prompts with the provider there, which other models that ask for it follow too, change it",
                format!("aws bedrock put-account-data-retention --mode provider_data_share --region {region}"),
            );
    }
    finding
}

/// What to do about a cause.
pub(super) struct Advice {
    /// Who, where the cause alone does not tell.
    pub(super) owner: Option<Owner>,
    /// A clause that the model's name completes.
    pub(super) what: String,
    /// What to do, the best first.
    pub(super) steps: Vec<String>,
}

/// What to do about a cause, by its slug.
pub(super) fn advice(cause: &str, place: &Place<'_>) -> Advice {
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
                "or allow `aws-marketplace:ViewSubscriptions` and `aws-marketplace:Subscribe` with the condition `aws:CalledViaLast` = `bedrock.amazonaws.com`, then wait 2 to 5 minutes".to_owned(),
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
            vec![WAIT.to_owned()],
        ),
        "marketplace-subscription-incomplete" => (
            Some(Owner::AccountAdmin),
            format!("the Marketplace subscription of {account} could not be completed for"),
            vec![
                WAIT.to_owned(),
                format!("if it stays, invoke the model once as an administrator and look at the payment method: {catalog}"),
            ],
        ),
        "payment-instrument-invalid" => (
            Some(Owner::AccountAdmin),
            format!("{account} has no valid payment method to subscribe to"),
            vec!["set a valid default payment method, then wait 2 minutes: https://console.aws.amazon.com/billing/home#/paymentpreferences".to_owned()],
        ),
        "channel-program-account" => (
            Some(Owner::AccountAdmin),
            format!("{account} belongs to a reseller (AWS channel program), whose accounts AWS does not subscribe to"),
            vec![
                "ask the reseller (AWS Solution Provider or AWS Distributor) that provides the account to enable Anthropic models for it; no permission or setting of the account does".to_owned(),
                "or use an account that is billed by AWS directly".to_owned(),
            ],
        ),
        "unsupported-country" => (
            Some(Owner::You),
            "Anthropic does not allow use from this machine's country of".to_owned(),
            vec!["send the requests from a supported country; a proxy or VPN may lead through another one: https://www.anthropic.com/supported-countries".to_owned()],
        ),
        "data-retention-mode" => (
            Some(Owner::AccountAdmin),
            format!("the data retention mode of {account} rules out"),
            vec!["use another model".to_owned()],
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
