use crate::answer::{Answer, answer, is_unknown_operation, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{AllFacts, Failure, InferenceProfiles, Observed};
use crate::finding::{Basis, Finding, Owner};
use crate::network::{invocations_answered, listed_without_token};
use crate::probe::ProbeId;
use crate::text::count;

/// See [`Meta::docs`].
pub(crate) struct ProfileListingAllowed;

const UNCHECKED: &str = "Claude Code then puts the Region's prefix before model ids unchecked; a wrong one appears as an invalid model id";

impl Check for ProfileListingAllowed {
    const META: &'static Meta = &Meta {
        id: "profile-listing-allowed",
        family: Family::Permissions,
        title: "the inference profiles may be listed",
        file: file!(),
        docs: "
## What it looks at

Whether `bedrock:ListInferenceProfiles` is allowed, and whether Claude Code asks at all. It does not when an
endpoint of your own is configured together with FIPS or dual-stack endpoints, or when
`AWS_BEARER_TOKEN_BEDROCK` holds a line end: invocations do without either.
With `CLAUDE_CODE_SKIP_BEDROCK_AUTH` it asks unsigned, even where an API key or a gateway's token signs invocations.

## Why it matters

Claude Code works without it, but then puts the prefix of the Region before a model's id without looking
whether such a profile exists. The mistake appears later, as a 400 that calls the model id invalid.

## How to fix it

Allow `bedrock:ListInferenceProfiles` and `bedrock:GetInferenceProfile`, or pin full model ids.
",
    };

    type Needs<'a> = (AllFacts<'a>, Seen<'a, InferenceProfiles>);

    fn run((AllFacts(facts), Seen(listed)): Self::Needs<'_>) -> Vec<Finding> {
        vec![match listed {
            Observed::Known(listed) => Finding::pass(format!(
                "{} listed",
                count(listed.profiles.len(), "inference profile")
            )),
            Observed::NotCollected(why) => not_collected(ProbeId::InferenceProfiles, why),
            Observed::Failed(failure) => match answer(failure) {
                Answer::Denied(_, denial)
                    if !super::invocation_allowed::is_bearer_call(&denial) =>
                {
                    let principal = denial
                        .principal
                        .map_or_else(String::new, |principal| format!(" for `{principal}`"));
                    Finding::warn(
                        "profile-discovery-blocked",
                        format!("not allowed: `bedrock:ListInferenceProfiles`{principal}"),
                    )
                    .owner(Owner::AccountAdmin)
                    .why(UNCHECKED)
                    .evidence(Basis::Reported, failure.words())
                    .request_id(failure.request_id.clone())
                    .fix("allow `bedrock:ListInferenceProfiles` and `bedrock:GetInferenceProfile` on `*`")
                }
                Answer::Authentication(_) if listed_without_token(facts) => Finding::warn(
                    "profile-discovery-blocked",
                    "Claude Code asks for the inference profiles unsigned and gets none: `CLAUDE_CODE_SKIP_BEDROCK_AUTH` is set",
                )
                .why(UNCHECKED)
                .evidence(Basis::Reported, failure.words())
                .request_id(failure.request_id.clone())
                .fix_command("let Claude Code authenticate this request too", "unset CLAUDE_CODE_SKIP_BEDROCK_AUTH"),
                // The SDK's own errors have a name. Where only this checkup could not ask, there is none.
                Answer::NotSent if failure.code.is_some() => Finding::warn(
                    "profile-discovery-blocked",
                    format!(
                        "Claude Code does not list the inference profiles: {}",
                        failure.message
                    ),
                )
                .why(UNCHECKED)
                .evidence(Basis::Inferred, failure.words())
                .fix("correct the variables or the profile that this names, or pin full model ids"),
                _ if lacks_list(failure) && invocations_answered(facts) => Finding::warn(
                    "profile-discovery-blocked",
                    format!(
                        "the list of inference profiles does not arrive, while Bedrock itself answers: {}",
                        failure.message
                    ),
                )
                .owner(Owner::NetworkTeam)
                .why(UNCHECKED)
                .evidence(Basis::Observed, failure.words())
                .fix("let this machine reach the endpoint of `bedrock` too, which is another one than that of `bedrock-runtime`; in a VPC each is an endpoint of its own")
                .fix("or pin full model ids"),
                _ => not_judged_here("the list of inference profiles", failure),
            },
        }]
    }
}

/// Whether nothing came, or an endpoint was asked that has no such list: `ANTHROPIC_BEDROCK_BASE_URL` moves both
/// questions, and often names the runtime.
fn lacks_list(failure: &Failure) -> bool {
    failure.is_transport() || is_unknown_operation(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, FailureKind};
    use crate::finding::{Explanation, Status};
    use crate::sample::{configured, healthy, now, only, refusal, variable};

    const CHECK: Entry = Entry::of::<ProfileListingAllowed>();

    fn with(listed: Observed<InferenceProfiles>) -> Facts {
        let mut facts = healthy();
        facts.inference_profiles = listed;
        facts
    }

    fn denied(action: &str) -> Failure {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        refusal("bedrock", 403, "AccessDeniedException", &message)
    }

    #[test]
    fn passes_with_the_number_of_profiles() {
        let finding = only(&CHECK, &healthy(), Status::Pass, None);
        assert_eq!(finding.what, "2 inference profiles listed");
    }

    #[test]
    fn warns_when_a_policy_denies() {
        let facts = with(Observed::Failed(denied("bedrock:ListInferenceProfiles")));
        let finding = only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("profile-discovery-blocked"),
        );
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert!(finding.what.contains("user/alice"));
    }

    #[test]
    fn warns_when_the_list_is_asked_for_unsigned() {
        let unsigned = refusal(
            "bedrock",
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
        let mut facts = configured(|it| it.skip_auth = true);
        facts.inference_profiles = Observed::Failed(unsigned);
        only(&CHECK, &facts, Status::CannotTell, None);
        if let Observed::Known(configuration) = &mut facts.configuration {
            let token = variable("ANTHROPIC_AUTH_TOKEN", "token");
            configuration.variables.push(token);
        }
        only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("profile-discovery-blocked"),
        );
    }

    #[test]
    fn warns_when_claude_code_does_not_ask() {
        let words = "Invalid Configuration: FIPS and custom endpoint are not supported";
        let mut failure = Failure::new(FailureKind::Configuration, words);
        only(
            &CHECK,
            &with(Observed::Failed(failure.clone())),
            Status::CannotTell,
            None,
        );
        failure.code = Some("EndpointError".into());
        let finding = only(
            &CHECK,
            &with(Observed::Failed(failure)),
            Status::Warn,
            Some("profile-discovery-blocked"),
        );
        assert!(finding.what.ends_with(words), "{}", finding.what);
    }

    #[test]
    fn other_refusals_are_judged_elsewhere() {
        for (failure, check) in [
            (
                denied("bedrock:CallWithBearerToken"),
                Explanation::Check("invocation-allowed"),
            ),
            (
                refusal(
                    "bedrock",
                    403,
                    "ExpiredTokenException",
                    "The security token included in the request is expired",
                ),
                Explanation::Authentication,
            ),
        ] {
            let finding = only(
                &CHECK,
                &with(Observed::Failed(failure)),
                Status::CannotTell,
                None,
            );
            assert_eq!(finding.explained_by, [check]);
        }
        let unreached = || Failure::new(FailureKind::Dns, "no such host");
        let mut facts = with(Observed::Failed(unreached()));
        facts.invocations = Observed::Failed(unreached());
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert_eq!(finding.explained_by, [Explanation::Network]);
    }

    #[test]
    fn warns_when_only_the_list_does_not_arrive() {
        let unreached = Failure::new(FailureKind::Dns, "no such host");
        let finding = only(
            &CHECK,
            &with(Observed::Failed(unreached)),
            Status::Warn,
            Some("profile-discovery-blocked"),
        );
        assert_eq!(finding.owner, Owner::NetworkTeam);
    }

    #[test]
    fn is_left_out_offline() {
        let facts = with(Observed::NotCollected(Absence::Offline));
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
