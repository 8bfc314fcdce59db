//! A policy held against everything that is needed.

use serde::Serialize;

use super::{CALLED_VIA_LAST, Context, Policy, Verdict};
use crate::access::{Known, Needed, Permission};

/// What a policy says of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The IAM action.
    pub action: &'static str,
    /// An ARN, or `*`.
    pub resource: String,
    /// When it is needed.
    pub needed: Needed,
    /// What the policy says.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What a policy says of everything that the configuration needs, in the order of the permissions.
pub fn coverage(policy: &Policy, known: &Known<'_>, for_checkup: bool) -> Vec<Coverage> {
    let mut all = Vec::new();
    for permission in known.access().permissions {
        if permission.needed == Needed::Checkup && !for_checkup {
            continue;
        }
        for resource in &permission.resources {
            // The same foundation model may be reached in several ways; the worst counts.
            let verdicts = contexts(known, &permission, resource)
                .into_iter()
                .map(|context| policy.verdict(permission.action, resource, &context));
            if let Some(verdict) = verdicts.max_by_key(Verdict::weight) {
                all.push(Coverage {
                    action: permission.action,
                    resource: resource.clone(),
                    needed: permission.needed,
                    verdict,
                });
            }
        }
    }
    all
}

/// What is known of the requests for a permission: one for each way to the resource.
fn contexts(known: &Known<'_>, permission: &Permission, resource: &str) -> Vec<Context> {
    let common = common(known, permission, resource);
    let invokes = permission.action.starts_with("bedrock:Invoke");
    if !resource.contains(":foundation-model/") {
        return vec![common];
    }
    let ways = if invokes {
        known.ways_to(resource)
    } else {
        vec![None]
    };
    let key = "bedrock:InferenceProfileArn";
    ways.into_iter()
        .map(|way| match way {
            Some(profile) if profile.contains('*') => common.clone(),
            Some(profile) => common.clone().with(key, profile),
            None => common.clone().without(key),
        })
        .collect()
}

fn common(known: &Known<'_>, permission: &Permission, resource: &str) -> Context {
    let mut context = Context::default();
    if known
        .configuration
        .runtime
        .endpoint
        .value
        .starts_with("https://")
    {
        context = context.with("aws:SecureTransport", "true");
    }
    if let Some(identity) = known.identity {
        context = context.with("aws:PrincipalAccount", &identity.account);
        // The ARN of a role is not that of its session.
        if identity.arn.contains(":iam::") {
            context = context.with("aws:PrincipalArn", &identity.arn);
        }
    }
    if let Some(region) = requested_region(known, permission, resource) {
        context = context.with("aws:RequestedRegion", region);
    }
    let by_service = ["aws:CalledVia", "aws:CalledViaFirst", CALLED_VIA_LAST];
    match permission.via {
        Some(service) => by_service
            .into_iter()
            .fold(context, |context, key| context.with(key, service))
            .with("aws:ViaAWSService", "true"),
        None => by_service
            .into_iter()
            .fold(context, Context::without)
            .with("aws:ViaAWSService", "false"),
    }
}

/// The Region of a request, which for a foundation model behind a profile is that of its ARN.
fn requested_region(known: &Known<'_>, permission: &Permission, resource: &str) -> Option<String> {
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    let service = permission.action.split(':').next().unwrap_or_default();
    match fields[..] {
        // Documented for `global.` profiles.
        [_, _, "bedrock", "", _, _] => Some("unspecified".to_owned()),
        [
            _,
            _,
            "bedrock" | "bedrock-mantle" | "aws-external-anthropic",
            region,
            _,
            _,
        ] => (region != "*").then(|| region.to_owned()),
        ["*"] if service == "bedrock" => Some(known.configuration.region.value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, Observed};
    use crate::policy::parse;
    use crate::sample::{configured, healthy};

    const BASE: &str = "anthropic.claude-opus-5-5";

    /// The actions on the main model's resources that are not allowed, by their resources' last part.
    #[track_caller]
    fn missing(facts: &Facts, statements: &str) -> Vec<(String, u8)> {
        let policy = parse(&format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": [{statements}]}}"
        ));
        let known = Known::of(facts.configuration.known().unwrap(), facts);
        coverage(&policy.unwrap(), &known, false)
            .into_iter()
            .filter(|it| it.action == "bedrock:InvokeModel" && it.verdict.weight() > 0)
            .map(|it| (it.resource, it.verdict.weight()))
            .collect()
    }

    /// AWS's own example: models may be invoked only through a profile.
    #[test]
    fn models_may_be_limited_to_their_profile() {
        let limited = |profile: &str| {
            format!(
                r#"{{"Effect": "Allow", "Action": "bedrock:*", "Resource": "arn:aws:bedrock:*:*:inference-profile/*"}},
                   {{"Effect": "Allow", "Action": "bedrock:*", "Resource": "arn:aws:bedrock:*::foundation-model/*",
                     "Condition": {{"StringLike": {{"bedrock:InferenceProfileArn": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/{profile}"}}}}}}"#
            )
        };
        assert_eq!(missing(&healthy(), &limited("us.anthropic.*")), []);
        assert_eq!(missing(&healthy(), &limited("eu.anthropic.*")).len(), 6);
        // The same foundation model is used directly too, which the condition does not allow.
        let both = configured(|it| it.models.background.value = BASE.to_owned());
        let found = missing(&both, &limited("us.anthropic.*"));
        let model = format!("arn:aws:bedrock:us-east-1::foundation-model/{BASE}");
        assert_eq!(found, [(model, 2)]);
        // Without the account the profile's ARN is not known.
        let mut unknown = healthy();
        unknown.caller_identity = Observed::default();
        let found = missing(&unknown, &limited("us.anthropic.*"));
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|(_, weight)| *weight == 1), "{found:?}");
    }

    #[test]
    fn a_deny_of_regions_is_held_against_every_destination() {
        let facts = configured(|it| {
            it.models.main.value = format!("global.{BASE}");
            it.models.background.value = it.models.main.value.clone();
        });
        let statements = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*",
             "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}"#;
        let nowhere = format!("arn:aws:bedrock:::foundation-model/{BASE}");
        assert_eq!(missing(&facts, statements), [(nowhere, 3)]);
    }
}
