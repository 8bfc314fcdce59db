//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::permissions_complete::is_open;
use super::use_another_profile;
use crate::access::{Known, shortened};
use crate::answer::Answer;
use crate::check::{Check, Family, Meta, Seen};
use crate::claude_code::model_ids::behind_profile;
use crate::denial::{Denial, Effect, Layer};
use crate::facts::{
    AllFacts, Configuration, Decision, Failure, Invocation, InvokeOperation, Simulated, Simulation,
    Source,
};
use crate::finding::{Basis, Finding, Owner, Status};
use crate::models::{EMPTY_BODY, Trial, asked, in_use, named, per_model, replace_id};
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct InvocationAllowed;

/// Refusals of access that come after the policies have allowed the call.
const SUBSCRIBING: [&str; 5] = [
    "marketplace-denied-by-scp",
    "marketplace-permission-missing",
    "marketplace-subscription-incomplete",
    "payment-instrument-invalid",
    "subscription-propagation",
];

impl Check for InvocationAllowed {
    const META: &'static Meta = &Meta {
        id: "invocation-allowed",
        family: Family::Permissions,
        title: "policies allow the models to be invoked",
        file: file!(),
        docs: "
## What it looks at

Whether a policy denies `bedrock:InvokeModelWithResponseStream` (every answer) or `bedrock:InvokeModel`
(the check at the start of Claude Code) for the models in use, and which kind of policy AWS names.

## Why it matters

Claude Code shows a denial as `AWS authentication failed · refresh your AWS credentials`, although the
credentials are good. An inference profile needs permission for the profile **and** for the foundation
model in every Region it may send a request to; a `global.` profile also without a Region.

## How to fix it

The kind of policy decides who must act: the account's administrator for IAM policies, the organization's
for service control policies, the network team for VPC endpoint policies.
For IAM and VPC endpoint policies the report prints the statement that is needed;
`bedrock-doctor policy` prints the whole policy, and `bedrock-doctor policy check FILE` what one leaves out.
",
    };

    type Needs<'a> = (Seen<'a, Vec<Invocation>>, &'a Configuration, AllFacts<'a>);

    fn run((Seen(trials), configuration, AllFacts(facts)): Self::Needs<'_>) -> Vec<Finding> {
        let known = Known::of(configuration, facts);
        let simulation = facts.simulation.known();
        let mut findings = per_model(trials, |trial| judge(trial, &known, simulation));
        for finding in &mut findings {
            let of_model = trials
                .known()
                .into_iter()
                .flatten()
                .filter(|trial| Some(&trial.model) == finding.subject.as_ref());
            soften(finding, &of_model.collect::<Vec<_>>());
        }
        findings
    }
}

fn judge(trial: &Invocation, known: &Known<'_>, simulation: Option<&Simulation>) -> Finding {
    match Trial::of(trial) {
        // It says nothing of the action that every answer needs, so it never outweighs what that one said.
        Trial::Accepted(..) if trial.operation == InvokeOperation::InvokeModel => {
            Finding::not_applicable("`bedrock:InvokeModel` is allowed for the check at the start")
        }
        Trial::Accepted(basis, words) => Finding::pass(format!(
            "allowed: `{}` for {}",
            trial.operation.action(),
            named(trial)
        ))
        .evidence(basis, format!("{words}{}", untried(&trial.model, known))),
        Trial::Refused(failure, Answer::Denied(_, denial)) => {
            let mut finding = denied(trial, failure, &denial, known);
            let simulated = simulation.into_iter().flat_map(|it| &it.results);
            finding.what += &denied_too(trial, &denial, known, simulated);
            finding
        }
        // AWS subscribes to a model only after the policies have allowed the call.
        Trial::Refused(failure, Answer::ModelAccess(signature))
            if SUBSCRIBING.contains(&signature.cause.as_str()) =>
        {
            Finding::pass(format!(
                "no policy denies `{}` for {}",
                trial.operation.action(),
                named(trial)
            ))
            .evidence(Basis::Inferred, failure.words())
            .request_id(failure.request_id.clone())
        }
        Trial::Unproven => Finding::cannot_tell(format!(
            "could not tell: {} answers, and refuses an empty body, whatever its policies say",
            asked(trial)
        ))
        .evidence(Basis::NotTested, EMPTY_BODY)
        .fix_command(
            "make a real request of 1 token, which costs a fraction of a cent",
            "bedrock-doctor check --invoke",
        ),
        other => other.not_judged_here(trial),
    }
}

/// What one accepted request does not tell: it went to one of the Regions of its inference profile.
fn untried(model: &str, known: &Known<'_>) -> String {
    let resources = known.resources_of(model);
    let regions: Vec<String> = resources
        .iter()
        .filter_map(|arn| foundation_model_region(arn))
        .filter(|region| !region.is_empty() && *region != "*")
        .map(|region| format!("`{region}`"))
        .collect();
    if regions.len() < 2 {
        return String::new();
    }
    format!(
        "; it went to one of {}, and the others were not tried",
        list(&regions)
    )
}

/// When answers stream, a denied start-up check costs a fallback, no more.
fn soften(finding: &mut Finding, trials: &[&Invocation]) {
    let denied =
        |trial: &&&Invocation| matches!(Trial::of(trial), Trial::Refused(_, Answer::Denied(..)));
    let operations: Vec<InvokeOperation> = trials
        .iter()
        .filter(denied)
        .map(|trial| trial.operation)
        .collect();
    let streams = trials.iter().any(|trial| {
        trial.operation == InvokeOperation::InvokeModelWithResponseStream
            && matches!(Trial::of(trial), Trial::Accepted(..))
    });
    if finding.status != Status::Fail {
        return;
    }
    if operations == [InvokeOperation::InvokeModel] && streams {
        finding.status = Status::Warn;
        finding.why = Some(
            "answers stream all the same, but the check at the start of Claude Code fails, and it falls back to an older model".to_owned(),
        );
    } else if operations.len() > 1 {
        finding.evidence.detail.push_str(" (both operations)");
    }
}

/// Whether what is denied is the use of an API key as such.
pub(super) fn is_bearer_call(denial: &Denial) -> bool {
    denial.action.as_deref().is_some_and(|action| {
        action
            .to_ascii_lowercase()
            .ends_with(":callwithbearertoken")
    })
}

fn denied(trial: &Invocation, failure: &Failure, denial: &Denial, known: &Known<'_>) -> Finding {
    let region = known.region_of(&trial.model);
    let action = denial
        .action
        .as_deref()
        .unwrap_or_else(|| trial.operation.action());
    let resource = denial.resource.as_deref().unwrap_or(&trial.model);
    let principal = denial
        .principal
        .as_deref()
        .map_or_else(String::new, |principal| format!(" for `{principal}`"));
    let Verdict { code, owner, by } = verdict(denial, &trial.model, region);
    let meant = (code == "iam-no-allow-invoke")
        .then(|| application_profile_elsewhere(trial, known.configuration))
        .flatten();
    let (code, owner) = match meant {
        Some(_) => ("app-profile-not-used-everywhere", Owner::You),
        None => (code, owner),
    };
    let finding = Finding::fail(
        code,
        format!(
            "not allowed: `{action}` on {}{principal}: {by}",
            short(resource)
        ),
    )
    .owner(owner)
    .why("the credentials are good, although Claude Code prints `AWS authentication failed · refresh your AWS credentials`")
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone())
    .shared();
    let finding = match meant {
        Some((source, arn)) => replace_id(finding, &trial.part, source, arn),
        None => finding,
    };
    let mut finding = remedy(finding, code, denial, &trial.model, known);
    // The fix names the policy; once is enough.
    if let Some(arn) = &denial.policy_arn
        && !finding
            .fix
            .iter()
            .any(|step| step.text.contains(arn.as_str()))
    {
        finding.what = format!("{} (`{arn}`)", finding.what);
    }
    finding
}

/// What the policy simulator denies besides, on the resources of the same model: whoever allows one meets the next.
fn denied_too<'a>(
    trial: &Invocation,
    denial: &Denial,
    known: &Known<'_>,
    simulated: impl Iterator<Item = &'a Simulated>,
) -> String {
    let resources = known.resources_of(&trial.model);
    let denied: Vec<&str> = simulated
        .filter(|result| result.action == trial.operation.action())
        .filter(|result| result.decision != Decision::Allowed && !is_open(result))
        .map(|result| result.resource.as_str())
        .filter(|resource| denial.resource.as_deref() != Some(resource))
        .filter(|resource| resources.iter().any(|known| known == resource))
        .collect();
    let (anywhere, regions): (Vec<&str>, Vec<&str>) = denied
        .iter()
        .filter_map(|arn| foundation_model_region(arn))
        .partition(|region| region.is_empty());
    let mut places: Vec<String> = Vec::new();
    if denied.iter().any(|arn| arn.contains("inference-profile/")) {
        places.push("on the inference profile".to_owned());
    }
    if !regions.is_empty() {
        let regions: Vec<String> = regions.iter().map(|it| format!("`{it}`")).collect();
        places.push(format!("in {}", list(&regions)));
    }
    if !anywhere.is_empty() {
        places.push("without a Region".to_owned());
    }
    if places.is_empty() {
        return String::new();
    }
    format!(
        "; the policy simulator denies it {} too",
        places.join(" and ")
    )
}

/// Where the denied model is set, and the application profile that another part uses: an account with such profiles
/// mostly allows no others.
fn application_profile_elsewhere<'a>(
    trial: &Invocation,
    configuration: &'a Configuration,
) -> Option<(&'a Source, &'a str)> {
    let is_one = |id: &str| id.contains(":application-inference-profile/");
    let used = || in_use(configuration).into_iter().map(|(_, model)| model);
    let denied = used().find(|model| model.value == trial.model && !is_one(&model.value))?;
    let other = used().find(|model| is_one(&model.value))?;
    Some((&denied.source, &other.value))
}

/// A resource without what every ARN of Bedrock begins with; the whole ARN is in the evidence.
pub(super) fn short(resource: &str) -> String {
    let region = resource.split(':').nth(3).unwrap_or_default();
    match resource.rsplit_once("foundation-model/") {
        Some((_, name)) if region.is_empty() => format!("`{name}` without a Region"),
        Some((_, name)) => format!("`{name}` in `{region}`"),
        None => match resource.rsplit_once(":inference-profile/") {
            Some((_, name)) => format!("the inference profile `{name}`"),
            None => format!("`{resource}`"),
        },
    }
}

pub(super) struct Verdict {
    pub(super) code: &'static str,
    pub(super) owner: Owner,
    /// Who denies, as a clause.
    pub(super) by: &'static str,
}

/// The cause, from the kind of policy and the resource that AWS names; `region` is where the model is invoked.
pub(super) fn verdict(denial: &Denial, model: &str, region: &str) -> Verdict {
    let of = |code, owner, by| Verdict { code, owner, by };
    let admin = Owner::AccountAdmin;
    if is_bearer_call(denial) {
        return of(
            "bearer-missing-call-permission",
            if denial.layer == Layer::ServiceControlPolicy {
                Owner::OrgAdmin
            } else {
                admin
            },
            "the principal behind the API key may not use API keys",
        );
    }
    let model_region = denial.resource.as_deref().and_then(foundation_model_region);
    match (denial.layer, denial.effect, model_region) {
        (Layer::ServiceControlPolicy, _, Some("")) => of(
            "scp-deny-global-profile",
            Owner::OrgAdmin,
            "a service control policy denies requests without a fixed Region, which `global.` profiles make",
        ),
        (Layer::ServiceControlPolicy, _, Some(found)) if found != region => of(
            "scp-deny-destination-region",
            Owner::OrgAdmin,
            "a service control policy denies a Region that the inference profile may send requests to",
        ),
        (Layer::ServiceControlPolicy, ..) => of(
            "scp-deny",
            Owner::OrgAdmin,
            "a service control policy denies it",
        ),
        (Layer::ResourceControlPolicy, ..) => of(
            "rcp-deny",
            Owner::OrgAdmin,
            "a resource control policy denies it",
        ),
        (Layer::VpcEndpointPolicy, ..) => of(
            "vpc-endpoint-policy-deny",
            Owner::NetworkTeam,
            "the policy of the VPC endpoint does not allow it",
        ),
        (Layer::SessionPolicy, ..) => of(
            "iam-session-policy-or-boundary",
            admin,
            "the session policy does not allow it",
        ),
        (Layer::PermissionsBoundary, ..) => of(
            "iam-session-policy-or-boundary",
            admin,
            "the permissions boundary does not allow it",
        ),
        (Layer::ResourcePolicy, ..) => of(
            "resource-policy-deny",
            admin,
            "the policy of the resource does not allow it",
        ),
        (Layer::Identity, Effect::Explicit, _) => of(
            "iam-explicit-deny",
            admin,
            "an IAM policy denies it explicitly",
        ),
        (Layer::Unstated, Effect::Explicit, _) => of(
            "iam-explicit-deny",
            admin,
            "a policy denies it explicitly; AWS does not say which kind",
        ),
        (Layer::Identity, _, Some(found)) if !found.is_empty() && found != region => of(
            "iam-destination-region-missing",
            admin,
            "no IAM policy allows the model in this Region, to which the inference profile may send requests",
        ),
        (Layer::Identity, _, Some(_)) if uses_profile(model) => of(
            "iam-profile-and-model-both-needed",
            admin,
            "no IAM policy allows the foundation model behind the inference profile; both are needed",
        ),
        (Layer::Identity, ..) => of("iam-no-allow-invoke", admin, "no IAM policy allows it"),
        (Layer::Unstated, ..) => of(
            "iam-no-allow-invoke",
            admin,
            "AWS does not say which policy is to blame",
        ),
    }
}

/// The Region in the ARN of a foundation model: empty for requests of `global.` profiles.
fn foundation_model_region(resource: &str) -> Option<&str> {
    let mut fields = resource.splitn(6, ':');
    let (arn, _, service, region, _, name) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    (arn == "arn" && service == "bedrock" && name.starts_with("foundation-model/"))
        .then_some(region)
}

fn uses_profile(model: &str) -> bool {
    behind_profile(model).is_some() || model.contains("inference-profile/")
}

/// The rest of the policy, for whoever would otherwise find the next missing action only then.
pub(super) fn whole_policy(finding: Finding) -> Finding {
    finding.fix_command(
        "or all that Claude Code needs here, as a policy",
        "bedrock-doctor policy",
    )
}

pub(super) fn remedy(
    finding: Finding,
    code: &str,
    denial: &Denial,
    model: &str,
    known: &Known<'_>,
) -> Finding {
    let region = known.region_of(model);
    let resources = shortened(&known.resources_of(model));
    let quoted: Vec<String> = resources.iter().map(|arn| format!("\"{arn}\"")).collect();
    let statement = match (denial.action.as_deref(), denial.resource.as_deref()) {
        // A guardrail, Mantle, Claude Platform on AWS: what AWS names is what is needed.
        (Some(action), Some(resource)) if !action.starts_with("bedrock:Invoke") => format!(
            "{{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{resource}\"}}"
        ),
        _ => format!(
            "{{\"Effect\": \"Allow\", \"Action\": [\"bedrock:InvokeModel\", \"bedrock:InvokeModelWithResponseStream\"], \"Resource\": [{}]}}",
            quoted.join(", ")
        ),
    };
    let blamed = denial
        .policy_arn
        .as_ref()
        .map_or_else(String::new, |arn| format!(" `{arn}`"));
    let permission_set = denial
        .principal
        .as_deref()
        .and_then(|principal| principal.split_once("AWSReservedSSO_"))
        .and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('_'))
        .map(|(name, _)| name);
    let target = match permission_set {
        Some(name) => format!("the Identity Center permission set `{name}`"),
        None => "a policy of the principal".to_owned(),
    };
    match code {
        "bearer-missing-call-permission" => finding
            .fix("allow `bedrock:CallWithBearerToken` on `*` for the principal behind the API key")
            .fix_command("or sign with AWS credentials instead of the key", "unset AWS_BEARER_TOKEN_BEDROCK"),
        "scp-deny-global-profile" => {
            let finding = finding.fix(format!(
                "exempt `bedrock:Invoke*` in the service control policy{blamed} where `aws:RequestedRegion` is `unspecified`"
            ));
            use_another_profile(finding, known, model, "")
        }
        "scp-deny-destination-region" => {
            let denied = denial.resource.as_deref().and_then(foundation_model_region);
            let denied = denied.unwrap_or_default();
            let finding = finding.fix(format!(
                "exempt `bedrock:Invoke*` in `{denied}` in the service control policy{blamed}, for requests with the condition key `bedrock:InferenceProfileArn`"
            ));
            use_another_profile(finding, known, model, denied)
        }
        "scp-deny" | "rcp-deny" => finding.fix(format!(
            "allow `bedrock:InvokeModel` and `bedrock:InvokeModelWithResponseStream` in the organization's policy{blamed} on {}",
            list(&resources.iter().map(|arn| format!("`{arn}`")).collect::<Vec<_>>())
        )),
        "vpc-endpoint-policy-deny" => finding.fix(format!(
            "add to the policy of the VPC endpoint for `bedrock-runtime` in `{region}`: {statement}"
        )),
        "iam-session-policy-or-boundary" => whole_policy(finding.fix(format!(
            "add to the session policy or permissions boundary{blamed}, which limits what the principal's own policies allow: {statement}"
        ))),
        "iam-explicit-deny" => finding
            .fix(format!("remove or narrow the statement that denies it{blamed}; an allow elsewhere does not outweigh it")),
        "resource-policy-deny" => finding.fix(format!("allow the principal in the policy of the resource{blamed}")),
        _ => whole_policy(finding.fix(format!("add to {target}: {statement}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InferenceProfile, InferenceProfiles, Observed};
    use crate::finding::Explanation;
    use crate::sample::{
        MAIN, body_refused, configured, findings, from_shell, healthy, invoked, now, only, refusal,
    };

    const CHECK: Entry = Entry::of::<InvocationAllowed>();
    const PROFILE: &str =
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5";
    const HERE: &str = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5";
    const ELSEWHERE: &str = "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-opus-5-5";
    const NOWHERE: &str = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5";

    fn denial(action: &str, resource: &str, reason: &str) -> Failure {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/dev/alice is not authorized to perform: {action} on resource: {resource}{reason}"
        );
        refusal("bedrock-runtime", 403, "AccessDeniedException", &message)
    }

    /// The healthy machine with one model only, whose two trials end like this.
    fn with(streaming: Failure, startup: Failure) -> Facts {
        let mut facts = healthy();
        if let Observed::Known(trials) = &mut facts.invocations {
            trials.truncate(2);
            trials[0].outcome = Observed::Failed(streaming);
            trials[1].outcome = Observed::Failed(startup);
        }
        facts
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
    fn what_the_simulator_denies_besides_is_said_at_once() {
        let stream = "bedrock:InvokeModelWithResponseStream";
        let reason = " because no identity-based policy allows the action";
        let failure = denial(stream, PROFILE, reason);
        let mut facts = with(failure.clone(), failure);
        let simulated = |action: &str, resource: &str, decision| Simulated {
            action: action.into(),
            resource: resource.into(),
            decision,
            policies: vec![],
            boundary_allows: None,
            organization_allows: None,
            missing_context: vec![],
        };
        facts.simulation = Observed::Known(Simulation {
            principal: "arn:aws:iam::123456789012:role/Dev".into(),
            results: vec![
                simulated(stream, PROFILE, Decision::ImplicitDeny),
                simulated(stream, HERE, Decision::ImplicitDeny),
                simulated(stream, ELSEWHERE, Decision::ExplicitDeny),
                simulated(
                    stream,
                    &ELSEWHERE.replace("us-east-2", "us-west-2"),
                    Decision::Allowed,
                ),
            ],
        });
        let code = Some("iam-no-allow-invoke");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        let words = "; the policy simulator denies it in `us-east-1` and `us-east-2` too";
        assert!(finding.what.ends_with(words), "{}", finding.what);
    }

    #[test]
    fn the_background_model_is_judged_by_its_own_region() {
        let reason = " because no identity-based policy allows the action";
        let model =
            "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0";
        let failure = denial("bedrock:InvokeModelWithResponseStream", model, reason);
        let mut facts = configured(|it| {
            let mut region = it.region.clone();
            region.value = "eu-west-1".into();
            it.background_region = Some(region);
        });
        if let Observed::Known(trials) = &mut facts.invocations {
            trials.remove(0);
            trials.remove(0);
            trials[0].outcome = Observed::Failed(failure);
        }
        only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("iam-profile-and-model-both-needed"),
        );
    }

    #[test]
    fn every_layer_has_its_cause_and_owner() {
        let implicit = |policy: &str| {
            format!(" because no {policy} allows the bedrock:InvokeModelWithResponseStream action")
        };
        let explicit = |policy: &str| format!(" with an explicit deny in {policy}");
        let (admin, organization) = (Owner::AccountAdmin, Owner::OrgAdmin);
        for (resource, reason, code, owner) in [
            (
                PROFILE,
                implicit("identity-based policy"),
                "iam-no-allow-invoke",
                admin,
            ),
            (
                HERE,
                implicit("identity-based policy"),
                "iam-profile-and-model-both-needed",
                admin,
            ),
            (
                NOWHERE,
                implicit("identity-based policy"),
                "iam-profile-and-model-both-needed",
                admin,
            ),
            (
                ELSEWHERE,
                implicit("identity-based policy"),
                "iam-destination-region-missing",
                admin,
            ),
            (
                PROFILE,
                explicit("an identity-based policy"),
                "iam-explicit-deny",
                admin,
            ),
            (
                ELSEWHERE,
                explicit("a service control policy"),
                "scp-deny-destination-region",
                organization,
            ),
            (
                NOWHERE,
                explicit("a service control policy"),
                "scp-deny-global-profile",
                organization,
            ),
            (
                HERE,
                explicit("a service control policy"),
                "scp-deny",
                organization,
            ),
            (
                PROFILE,
                implicit("service control policy"),
                "scp-deny",
                organization,
            ),
            (
                PROFILE,
                explicit("a resource control policy"),
                "rcp-deny",
                organization,
            ),
            (
                PROFILE,
                implicit("session policy"),
                "iam-session-policy-or-boundary",
                admin,
            ),
            (
                PROFILE,
                implicit("permissions boundary"),
                "iam-session-policy-or-boundary",
                admin,
            ),
            (
                PROFILE,
                implicit("VPC endpoint policy"),
                "vpc-endpoint-policy-deny",
                Owner::NetworkTeam,
            ),
            (PROFILE, String::new(), "iam-no-allow-invoke", admin),
            (
                PROFILE,
                " with an explicit deny".to_owned(),
                "iam-explicit-deny",
                admin,
            ),
        ] {
            let failure = denial("bedrock:InvokeModelWithResponseStream", resource, &reason);
            let finding = only(
                &CHECK,
                &with(failure.clone(), failure),
                Status::Fail,
                Some(code),
            );
            assert_eq!(finding.owner, owner, "{code}");
            assert!(finding.evidence.detail.contains(resource), "{finding:#?}");
            let name = resource.rsplit('/').next().unwrap_or(resource);
            for part in [
                name,
                "bedrock:InvokeModelWithResponseStream",
                "assumed-role/dev/alice",
            ] {
                assert!(finding.what.contains(part), "{finding:#?}");
            }
            assert_eq!(finding.request_id.as_deref(), Some("req-1"));
        }
    }

    #[test]
    fn another_profile_is_offered_only_when_it_is_listed_and_helps() {
        const SCP: &str = " with an explicit deny in a service control policy";
        const US: &str = "us.anthropic.claude-opus-5-5";
        const GLOBAL: &str = "global.anthropic.claude-opus-5-5";
        let fixes = |model: &str, denied: &str, listed: &[(&str, &[&str])]| {
            let resource =
                format!("arn:aws:bedrock:{denied}::foundation-model/anthropic.claude-opus-5-5");
            let failure = denial("bedrock:InvokeModelWithResponseStream", &resource, SCP);
            let mut facts = with(failure.clone(), failure);
            if let Observed::Known(trials) = &mut facts.invocations {
                for trial in trials {
                    trial.model = model.into();
                }
            }
            if let Observed::Known(configuration) = &mut facts.configuration {
                configuration.models.main = from_shell("ANTHROPIC_MODEL", model.into());
            }
            facts.inference_profiles = Observed::Known(InferenceProfiles {
                profiles: listed
                    .iter()
                    .map(|(id, regions)| InferenceProfile {
                        id: (*id).into(),
                        model_arns: regions
                            .iter()
                            .map(|region| format!("arn:aws:bedrock:{region}::foundation-model/x"))
                            .collect(),
                    })
                    .collect(),
            });
            findings(&CHECK, &facts).remove(0).fix
        };
        let us = (US, &["us-east-1", "us-east-2"][..]);
        let global = (GLOBAL, &["us-east-1", ""][..]);
        let fix = fixes(GLOBAL, "", &[global, us]);
        let command = fix[1].command.as_deref();
        assert_eq!(
            command,
            Some("export ANTHROPIC_MODEL=us.anthropic.claude-opus-5-5")
        );
        let fix = fixes(US, "us-east-2", &[us, global]);
        assert!(fix[1].text.starts_with("or use `global."), "{fix:#?}");
        assert!(fix[1].text.contains("unspecified"), "{fix:#?}");
        let fix = fixes(US, "us-east-2", &[us]);
        assert!(fix[1].text.starts_with("no other"), "{fix:#?}");
    }

    #[test]
    fn says_when_aws_does_not_name_the_policy() {
        let failure = denial("bedrock:InvokeModel", PROFILE, "");
        let finding = only(
            &CHECK,
            &with(failure.clone(), failure),
            Status::Fail,
            Some("iam-no-allow-invoke"),
        );
        assert!(
            finding
                .what
                .ends_with("AWS does not say which policy is to blame")
        );
    }

    #[test]
    fn names_the_statement_that_is_missing() {
        let reason = " because no identity-based policy allows the bedrock:InvokeModel action";
        let failure = denial("bedrock:InvokeModel", PROFILE, reason);
        let finding = only(
            &CHECK,
            &with(failure.clone(), failure),
            Status::Fail,
            Some("iam-no-allow-invoke"),
        );
        assert!(finding.fix[0].text.ends_with(
            r#""Resource": ["arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5", "arn:aws:bedrock:*::foundation-model/anthropic.claude-opus-5-5"]}"#
        ), "{finding:#?}");
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("bedrock-doctor policy")
        );
    }

    #[test]
    fn names_the_permission_set_of_identity_center() {
        let message = "User: arn:aws:sts::1:assumed-role/AWSReservedSSO_Dev_Team_0123456789abcdef/alice is not authorized to perform: bedrock:InvokeModel on resource: x because no identity-based policy allows the bedrock:InvokeModel action";
        let failure = refusal("bedrock-runtime", 403, "AccessDeniedException", message);
        let finding = only(
            &CHECK,
            &with(failure.clone(), failure),
            Status::Fail,
            Some("iam-no-allow-invoke"),
        );
        assert!(
            finding.fix[0].text.contains("permission set `Dev_Team`"),
            "{finding:#?}"
        );
    }

    #[test]
    fn an_api_key_needs_a_permission_of_its_own() {
        let reason =
            " because no identity-based policy allows the bedrock:CallWithBearerToken action";
        let failure = denial("bedrock:CallWithBearerToken", "*", reason);
        only(
            &CHECK,
            &with(failure.clone(), failure),
            Status::Fail,
            Some("bearer-missing-call-permission"),
        );
    }

    #[test]
    fn only_the_start_up_check_denied_is_a_warning() {
        let reason = " because no identity-based policy allows the bedrock:InvokeModel action";
        let startup = denial("bedrock:InvokeModel", PROFILE, reason);
        let facts = with(body_refused(), startup.clone());
        let finding = only(&CHECK, &facts, Status::Warn, Some("iam-no-allow-invoke"));
        assert_eq!(finding.subject.as_deref(), Some(MAIN));
        only(
            &CHECK,
            &with(startup, body_refused()),
            Status::Fail,
            Some("iam-no-allow-invoke"),
        );
    }

    #[test]
    fn one_finding_for_each_model() {
        let failure = denial(
            "bedrock:InvokeModel",
            "*",
            " with an explicit deny in a service control policy",
        );
        let found = findings(&CHECK, &invoked(&Observed::Failed(failure)));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn other_refusals_are_judged_elsewhere() {
        let pending = "Your AWS Marketplace subscription for this model is still being processed";
        let pending = refusal("bedrock-runtime", 403, "AccessDeniedException", pending);
        only(&CHECK, &with(pending.clone(), pending), Status::Pass, None);
        let unknown = refusal(
            "bedrock-runtime",
            400,
            "ValidationException",
            "something new",
        );
        let finding = only(
            &CHECK,
            &with(unknown.clone(), unknown),
            Status::CannotTell,
            None,
        );
        assert_eq!(finding.explained_by, []);
        assert!(finding.what.contains("something new"));
        let throttled = refusal(
            "bedrock-runtime",
            429,
            "ThrottlingException",
            "Too many tokens, please wait before trying again.",
        );
        let finding = only(
            &CHECK,
            &with(throttled.clone(), throttled),
            Status::CannotTell,
            None,
        );
        assert_eq!(
            finding.explained_by,
            [
                Explanation::Check("requests-not-throttled"),
                Explanation::Check("quotas-sufficient"),
            ]
        );
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = healthy();
        facts.invocations = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
