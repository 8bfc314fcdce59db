//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::invocation_allowed::{Verdict, remedy, short, verdict, whole_policy};
use crate::access::Known;
use crate::answer::{Answer, not_asked, not_for_everybody};
use crate::check::{Check, Family, Meta, Seen};
use crate::denial::{Denial, Effect, Layer};
use crate::facts::{
    AllFacts, Configuration, Decision, Invocation, InvokeOperation, Observed, Simulated, Simulation,
};
use crate::finding::{Basis, Finding};
use crate::models::Trial;
use crate::probe::ProbeId;
use crate::text::{count, list};

/// See [`Meta::docs`].
pub(crate) struct PermissionsComplete;

/// What the simulator is blind to: said wherever it is believed.
const BLIND: &str = "the policy simulator sees no conditions of service control policies, no session policies and no policies of VPC endpoints";

/// Who is asked, in a sentence.
const ASKED: &str = "the policy simulator";

impl Check for PermissionsComplete {
    const META: &'static Meta = &Meta {
        id: "permissions-complete",
        family: Family::Permissions,
        title: "policies allow all that Claude Code needs, in every Region it may use",
        file: file!(),
        docs: "
## What it looks at

Every action that Claude Code needs, on every resource: the inference profiles in use and the foundation models
behind them in each Region to which they may send a request. What no call tried is asked of the IAM policy
simulator (`iam:SimulatePrincipalPolicy`), with the Region and the inference profile as the context.
It is asked only when a policy denied an invocation, with `--thorough`, or when `--only` names this check: few people
may ask it, and attempts are watched as signs of an intruder. A refusal to be asked is `cannot-tell` (exit code 3)
where a flag asked for it, and left out where only a denial did.

A call that was answered outweighs what the simulator says of it.
Each finding says how it is known: reported by AWS, simulated, or not told. The simulator sees no conditions of
service control policies, no session policies and no policies of VPC endpoints, so \"simulated\" is less than a
call that was answered.

## Why it matters

A call that is allowed goes to one Region; the next may go to another one, where it is denied: failures that come
and go. And a denial names one action on one resource: whoever allows just that meets the next one.

## How to fix it

`bedrock-doctor policy` prints the whole policy. The finding names the policy that denies, when AWS tells it.
",
    };

    type Needs<'a> = (
        Seen<'a, Simulation>,
        Seen<'a, Vec<Invocation>>,
        &'a Configuration,
        AllFacts<'a>,
    );

    fn run(
        (Seen(simulation), Seen(trials), configuration, AllFacts(facts)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let simulation = match simulation {
            Observed::Known(simulation) => simulation,
            Observed::Failed(failure) => {
                return vec![not_for_everybody(ASKED, failure, &facts.request)];
            }
            Observed::NotCollected(why) => {
                return vec![not_asked(ASKED, ProbeId::PolicySimulation, why, facts)];
            }
        };
        let known = Known::of(configuration, facts);
        let mut actions: Vec<&str> = Vec::new();
        for result in &simulation.results {
            if !actions.contains(&result.action.as_str()) {
                actions.push(&result.action);
            }
        }
        if actions.is_empty() {
            return vec![Finding::cannot_tell(
                "could not tell: the policy simulator gave no result",
            )];
        }
        let trials = trials.known().map(Vec::as_slice).unwrap_or_default();
        actions
            .into_iter()
            .map(|action| judge(action, simulation, trials, &known).subject(action))
            .collect()
    }
}

fn judge(
    action: &str,
    simulation: &Simulation,
    trials: &[Invocation],
    known: &Known<'_>,
) -> Finding {
    let results: Vec<&Simulated> = simulation
        .results
        .iter()
        .filter(|result| result.action == action)
        .collect();
    // What AWS answered is allowed, whatever the simulator says.
    let (allowed, rest): (Vec<&Simulated>, Vec<&Simulated>) = results.iter().partition(|result| {
        result.decision == Decision::Allowed || was_answered(result, trials, known)
    });
    let contradicted = allowed
        .iter()
        .any(|result| result.decision != Decision::Allowed);
    let (open, denied): (Vec<&Simulated>, Vec<&Simulated>) =
        rest.into_iter().partition(|result| is_open(result));
    let of_denied_calls: Vec<String> = trials
        .iter()
        .filter(|trial| {
            trial.operation.action() == action
                && matches!(Trial::of(trial), Trial::Refused(_, Answer::Denied(..)))
        })
        .flat_map(|trial| known.resources_of(&trial.model))
        .collect();
    // `invocation-allowed` names what a call was denied, and these with it.
    let (told, denied): (Vec<&Simulated>, Vec<&Simulated>) = denied
        .into_iter()
        .partition(|result| of_denied_calls.contains(&result.resource));
    let evidence = format!(
        "simulated for `{}`: allowed on {} of {}; {BLIND}",
        simulation.principal,
        allowed.len(),
        count(results.len(), "resource"),
    );
    if let Some(first) = denied.first() {
        return refused(first, &denied, simulation, known).evidence(Basis::Simulated, evidence);
    }
    if !told.is_empty() {
        return Finding::left_out(format!(
            "`{action}` was denied, and the policy simulator denies it too: `invocation-allowed` says on what"
        ))
        .evidence(Basis::Simulated, evidence);
    }
    if let Some(first) = open.first() {
        return Finding::cannot_tell(format!(
            "could not tell: whether `{action}` is allowed on {} depends on {}, for which the policy simulator has no value",
            short(&first.resource),
            list(&quoted(&first.missing_context)),
        ))
        .evidence(Basis::Simulated, evidence);
    }
    if !of_denied_calls.is_empty() {
        // `invocation-allowed` has the verdict; this says where not to look.
        return Finding::left_out(format!(
            "`{action}` was denied, although the policies of `{}` allow it on every resource: the denial comes from what the policy simulator does not see",
            simulation.principal
        ))
        .evidence(Basis::Simulated, evidence);
    }
    if contradicted {
        return Finding::pass(format!(
            "`{action}` was answered (the policy simulator disagrees)"
        ))
        .evidence(Basis::Observed, evidence);
    }
    Finding::pass(format!(
        "allowed: `{action}` on {}",
        if results.len() == 1 {
            short(&results[0].resource)
        } else {
            format!("all {} resources", results.len())
        }
    ))
    .evidence(Basis::Simulated, evidence)
}

/// Whether AWS answered a call for the same action on the same resource. Of an inference profile and the models behind
/// it an accepted invocation proves the profile alone: nobody knows to which Region it went.
fn was_answered(result: &Simulated, trials: &[Invocation], known: &Known<'_>) -> bool {
    let Simulated {
        action, resource, ..
    } = result;
    match action.as_str() {
        "bedrock:ListInferenceProfiles" => known.listed.is_some(),
        "bedrock:GetInferenceProfile" => {
            let mut models = known.models.iter();
            models.any(|told| told.model == *resource && !told.model_arns.is_empty())
        }
        _ => trials.iter().any(|trial| {
            trial.operation.action() == action
                && matches!(Trial::of(trial), Trial::Accepted(..))
                && known.resources_of(&trial.model).first() == Some(resource)
        }),
    }
}

/// Whether a value that the simulator did not have could turn the decision.
pub(super) fn is_open(result: &Simulated) -> bool {
    result.decision == Decision::ImplicitDeny && !result.missing_context.is_empty()
}

fn refused(
    first: &Simulated,
    denied: &[&Simulated],
    simulation: &Simulation,
    known: &Known<'_>,
) -> Finding {
    let denial = as_denial(first, &simulation.principal);
    let models = known.configuration.models.in_use();
    let model = models
        .iter()
        .map(|(model, _)| model.as_str())
        .find(|model| known.resources_of(model).contains(&first.resource))
        .unwrap_or("*");
    let Verdict {
        code: cause,
        owner,
        by,
    } = verdict(&denial, model, known.region_of(model));
    let invokes = first.action.starts_with("bedrock:InvokeModel");
    let code = if invokes {
        cause
    } else {
        "profile-discovery-blocked"
    };
    let resources: Vec<String> = denied.iter().map(|it| short(&it.resource)).collect();
    let policies = if first.policies.is_empty() {
        String::new()
    } else {
        format!(" ({})", list(&quoted(&first.policies)))
    };
    let what = format!(
        "not allowed for `{}`: `{}` on {}: {by}{policies}",
        simulation.principal,
        first.action,
        list(&resources),
    );
    let every_answer = first.action == InvokeOperation::InvokeModelWithResponseStream.action();
    let finding = if every_answer {
        Finding::fail(code, what)
            .why("requests that are sent there are refused, although others are answered")
    } else {
        Finding::warn(code, what).why(
            "Claude Code asks it at its start and does without, but may then choose other models",
        )
    };
    let finding = finding.owner(owner);
    match cause {
        // What its own policies allow does not outweigh these.
        "iam-explicit-deny" | "iam-session-policy-or-boundary" => {
            remedy(finding, cause, &denial, model, known)
        }
        _ if invokes => remedy(finding, cause, &denial, model, known),
        "scp-deny" => finding.fix(format!(
            "allow `{}` in the service control policies of the organization",
            first.action
        )),
        _ => whole_policy(finding.fix(format!(
            "allow `{}` on `{}` for the principal",
            first.action, first.resource
        ))),
    }
}

/// The simulator's answer in the words of a denial.
fn as_denial(result: &Simulated, principal: &str) -> Denial {
    let layer = if result.organization_allows == Some(false) {
        Layer::ServiceControlPolicy
    } else if result.boundary_allows == Some(false) {
        Layer::PermissionsBoundary
    } else {
        Layer::Identity
    };
    let effect = match result.decision {
        Decision::ExplicitDeny => Effect::Explicit,
        Decision::ImplicitDeny | Decision::Allowed => Effect::Implicit,
    };
    Denial {
        principal: Some(principal.to_owned()),
        action: Some(result.action.clone()),
        resource: Some(result.resource.clone()),
        layer,
        effect,
        policy_arn: None,
    }
}

fn quoted(words: &[String]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, CredentialKind, Facts};
    use crate::finding::{Owner, Status};
    use crate::sample::{MAIN, findings, healthy, invoked, now, only, refusal};

    const CHECK: Entry = Entry::of::<PermissionsComplete>();
    const STREAM: &str = "bedrock:InvokeModelWithResponseStream";
    const HERE: &str = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5";
    const ELSEWHERE: &str = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-opus-5-5";
    const NOWHERE: &str = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5";

    fn result(action: &str, resource: &str, decision: Decision) -> Simulated {
        Simulated {
            action: action.into(),
            resource: resource.into(),
            decision,
            policies: vec![],
            boundary_allows: None,
            organization_allows: None,
            missing_context: vec![],
        }
    }

    fn simulated(results: Vec<Simulated>) -> Facts {
        let mut facts = healthy();
        facts.simulation = Observed::Known(Simulation {
            principal: "arn:aws:iam::123456789012:role/team/Dev".into(),
            results,
        });
        facts
    }

    /// The machine on which the list of inference profiles did not come.
    fn unlisted(mut facts: Facts) -> Facts {
        facts.inference_profiles = Observed::default();
        facts
    }

    #[test]
    fn passes_when_all_is_allowed_and_says_what_was_not_seen() {
        let facts = simulated(vec![
            result(STREAM, HERE, Decision::Allowed),
            result(STREAM, ELSEWHERE, Decision::Allowed),
        ]);
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert_eq!(finding.evidence.basis, Basis::Simulated);
        assert!(finding.evidence.detail.contains(BLIND));
        assert_eq!(finding.subject.as_deref(), Some(STREAM));
    }

    #[test]
    fn each_layer_and_region_has_its_cause() {
        type Change = fn(&mut Simulated);
        let same: Change = |_| {};
        let boundary: Change = |it| it.boundary_allows = Some(false);
        let organization: Change = |it| it.organization_allows = Some(false);
        for (resource, decision, change, code, owner) in [
            (
                ELSEWHERE,
                Decision::ImplicitDeny,
                same,
                "iam-destination-region-missing",
                Owner::AccountAdmin,
            ),
            (
                HERE,
                Decision::ExplicitDeny,
                same,
                "iam-explicit-deny",
                Owner::AccountAdmin,
            ),
            (
                HERE,
                Decision::ImplicitDeny,
                boundary,
                "iam-session-policy-or-boundary",
                Owner::AccountAdmin,
            ),
            (
                ELSEWHERE,
                Decision::ImplicitDeny,
                organization,
                "scp-deny-destination-region",
                Owner::OrgAdmin,
            ),
            (
                NOWHERE,
                Decision::ImplicitDeny,
                organization,
                "scp-deny-global-profile",
                Owner::OrgAdmin,
            ),
        ] {
            let mut denied = result(STREAM, resource, decision);
            change(&mut denied);
            let finding = only(&CHECK, &simulated(vec![denied]), Status::Fail, Some(code));
            assert_eq!(finding.owner, owner, "{code}");
            assert!(finding.what.contains("role/team/Dev"), "{finding:#?}");
        }
    }

    #[test]
    fn all_denied_resources_are_named_with_the_deciding_policy() {
        let mut denied = result(STREAM, HERE, Decision::ExplicitDeny);
        denied.policies = vec!["role_Dev_regions".into()];
        let other = result(STREAM, ELSEWHERE, Decision::ExplicitDeny);
        let finding = only(
            &CHECK,
            &simulated(vec![denied, other]),
            Status::Fail,
            Some("iam-explicit-deny"),
        );
        for part in ["`us-east-1`", "`us-west-2`", "`role_Dev_regions`"] {
            assert!(finding.what.contains(part), "{finding:#?}");
        }
    }

    #[test]
    fn what_is_asked_at_the_start_alone_is_a_warning() {
        let listing = result("bedrock:ListInferenceProfiles", "*", Decision::ImplicitDeny);
        only(
            &CHECK,
            &unlisted(simulated(vec![listing])),
            Status::Warn,
            Some("profile-discovery-blocked"),
        );
    }

    #[test]
    fn what_was_answered_is_allowed_whatever_the_simulator_says() {
        let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}");
        for (action, resource) in [
            ("bedrock:ListInferenceProfiles", "*"),
            (STREAM, profile.as_str()),
        ] {
            let denied = result(action, resource, Decision::ImplicitDeny);
            let facts = simulated(vec![denied.clone()]);
            let finding = only(&CHECK, &facts, Status::Pass, None);
            assert!(finding.what.contains("disagrees"), "{finding:#?}");
        }
        // The models behind the profile were not all tried.
        let denied = [profile.as_str(), ELSEWHERE]
            .map(|resource| result(STREAM, resource, Decision::ImplicitDeny));
        let code = Some("iam-destination-region-missing");
        let finding = only(&CHECK, &simulated(denied.into()), Status::Fail, code);
        assert!(
            !finding.what.contains("inference profile `"),
            "{finding:#?}"
        );
    }

    #[test]
    fn what_denies_the_listing_decides_what_helps() {
        let listing = |decision| result("bedrock:ListInferenceProfiles", "*", decision);
        let mut boundary = listing(Decision::ImplicitDeny);
        boundary.boundary_allows = Some(false);
        let mut organization = listing(Decision::ExplicitDeny);
        organization.organization_allows = Some(false);
        for (denied, step) in [
            (
                listing(Decision::ImplicitDeny),
                "allow `bedrock:ListInference",
            ),
            (
                listing(Decision::ExplicitDeny),
                "remove or narrow the statement that denies it",
            ),
            (
                boundary,
                "add to the session policy or permissions boundary",
            ),
            (
                organization,
                "allow `bedrock:ListInferenceProfiles` in the service control policies",
            ),
        ] {
            let facts = unlisted(simulated(vec![denied]));
            let code = Some("profile-discovery-blocked");
            let finding = only(&CHECK, &facts, Status::Warn, code);
            assert!(finding.fix[0].text.starts_with(step), "{finding:#?}");
        }
    }

    #[test]
    fn a_missing_value_of_a_condition_is_no_verdict() {
        let mut open = result(STREAM, HERE, Decision::ImplicitDeny);
        open.missing_context = vec!["aws:SourceVpce".into()];
        let facts = simulated(vec![open]);
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert!(finding.what.contains("`aws:SourceVpce`"));
    }

    #[test]
    fn a_denial_that_the_simulator_does_not_see_is_said() {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: {STREAM} on resource: {HERE} because no session policy allows the {STREAM} action"
        );
        let denial = refusal("bedrock-runtime", 403, "AccessDeniedException", &message);
        let mut facts = invoked(&Observed::Failed(denial));
        let allowed = vec![result(STREAM, HERE, Decision::Allowed)];
        facts.simulation = simulated(allowed).simulation;
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.what.contains("does not see"), "{}", finding.what);
    }

    #[test]
    fn a_denied_call_is_told_once_and_another_model_for_itself() {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: {STREAM} on resource: {HERE} because no identity-based policy allows the {STREAM} action"
        );
        let denial = refusal("bedrock-runtime", 403, "AccessDeniedException", &message);
        let mut facts = simulated(vec![result(STREAM, ELSEWHERE, Decision::ImplicitDeny)]);
        if let Observed::Known(trials) = &mut facts.invocations {
            trials[0].outcome = Observed::Failed(denial);
        }
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(
            finding.what.contains("`invocation-allowed`"),
            "{finding:#?}"
        );
        let other =
            "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0";
        if let Observed::Known(simulation) = &mut facts.simulation {
            let denied = result(STREAM, other, Decision::ImplicitDeny);
            simulation.results.push(denied);
        }
        let code = Some("iam-destination-region-missing");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert!(finding.what.contains("claude-sonnet-4-5"), "{finding:#?}");
        assert!(!finding.what.contains("claude-opus-5-5"), "{finding:#?}");
    }

    #[test]
    fn a_refusal_to_simulate_is_no_defect() {
        let mut facts = healthy();
        facts.simulation = Observed::Failed(refusal("iam", 403, "AccessDenied", "no"));
        assert!(findings(&CHECK, &facts)[0].left_out);
        facts.request.thorough = true;
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        let command = finding.fix[0].command.as_deref();
        assert_eq!(command, Some("bedrock-doctor policy --for-checkup"));
        facts.simulation = Observed::NotCollected(Absence::DoesNotApply {
            because: "keys only".into(),
        });
        only(&CHECK, &facts, Status::NotApplicable, None);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::ApiKey;
        }
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert!(
            finding
                .what
                .ends_with("cannot be asked with a Bedrock API key")
        );
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
