use proptest::prelude::*;

use super::*;
use crate::access::Known;
use crate::facts::{Configuration, Facts, Observed};
use crate::sample::{MAIN, configured, healthy, variable};

fn access(facts: &Facts) -> Access {
    Known::of(facts.configuration.known().unwrap(), facts).access()
}

#[track_caller]
fn judged(document: &str) -> Policy {
    parse(document).unwrap_or_else(|fault| panic!("{fault:?}\n{document}"))
}

#[test]
fn the_policy_of_the_healthy_machine() {
    let policy = Policy::of(&access(&healthy()), false);
    assert_eq!(
        policy.to_json(),
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ClaudeCodeInvokeModelWithResponseStream",
      "Effect": "Allow",
      "Action": [
        "bedrock:InvokeModelWithResponseStream",
        "bedrock:InvokeModel"
      ],
      "Resource": [
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-opus-5-5",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-opus-5-5",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"
      ]
    },
    {
      "Sid": "ClaudeCodeListInferenceProfiles",
      "Effect": "Allow",
      "Action": "bedrock:ListInferenceProfiles",
      "Resource": "*"
    }
  ]
}"#
    );
    assert!(policy.length() < MANAGED_POLICY_LIMIT);
}

#[test]
fn marketplace_is_allowed_only_through_bedrock() {
    let mut facts = healthy();
    if let Observed::Known(models) = &mut facts.model_availability
        && let Observed::Known(availability) = &mut models[0].availability
    {
        availability.agreement = "NOT_AVAILABLE".to_owned();
    }
    let text = Policy::of(&access(&facts), false).to_json();
    let condition = r#""Condition": {
        "StringEquals": {
          "aws:CalledViaLast": "bedrock.amazonaws.com"
        }
      }"#;
    assert!(text.contains(condition), "{text}");
}

#[test]
fn what_an_api_key_needs_has_a_statement_of_its_own() {
    let facts = configured(|it| {
        it.variables
            .push(variable("AWS_BEARER_TOKEN_BEDROCK", "key"));
    });
    let policy = Policy::of(&access(&facts), false);
    let of_key: Vec<(&str, &[String])> = policy
        .statements
        .iter()
        .filter_map(|it| Some((it.sid.as_deref()?, &it.actions.patterns[..])))
        .filter(|(_, actions)| actions.iter().any(|action| action.contains("BearerToken")))
        .collect();
    let wanted = ["bedrock:CallWithBearerToken".to_owned()];
    assert_eq!(of_key, [("ClaudeCodeApiKey", &wanted[..])]);
}

/// Machines of all kinds, each with something that asks for actions of its own.
fn machines() -> Vec<Facts> {
    let changes: [fn(&mut Configuration); 6] = [
        |_| (),
        |it| it.models.main.value = "anthropic.claude-x".to_owned(),
        |it| it.models.main.value = "global.anthropic.claude-x".to_owned(),
        |it| {
            it.models.main.value =
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
                    .to_owned();
        },
        |it| {
            it.variables
                .push(variable("AWS_BEARER_TOKEN_BEDROCK", "key"));
        },
        |it| it.region.value = "us-gov-west-1".to_owned(),
    ];
    let mut machines: Vec<Facts> = changes.into_iter().map(configured).collect();
    let mut unlisted = healthy();
    unlisted.inference_profiles = Observed::default();
    unlisted.caller_identity = Observed::default();
    machines.push(unlisted);
    machines
}

/// The acceptance of the whole module: what is made allows all that is needed, and nothing that is taken out of it
/// stays unnoticed.
#[test]
fn a_policy_allows_what_it_is_made_for_and_every_action_of_it_is_needed() {
    for facts in machines() {
        let access = access(&facts);
        let whole = judged(&Policy::of(&access, true).to_json());
        assert_eq!(whole, Policy::of(&access, true));
        for permission in &access.permissions {
            let allows = |policy: &Policy| {
                let verdicts = permission
                    .resources
                    .iter()
                    .map(|arn| policy.verdict(permission.action, arn, &Context::default()));
                verdicts
                    .filter(|it| matches!(it, Verdict::Allowed { .. }))
                    .count()
            };
            assert_eq!(allows(&whole), permission.resources.len());
            let mut without = whole.clone();
            for statement in &mut without.statements {
                let patterns = &mut statement.actions.patterns;
                patterns.retain(|action| action != permission.action);
            }
            assert_eq!(allows(&without), 0, "{}", permission.action);
        }
    }
}

/// A policy allows no other model, Region, account or action.
#[test]
fn a_policy_allows_no_more() {
    let policy = Policy::of(&access(&healthy()), false);
    for (action, resource) in [
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-5-5",
        ),
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5-v2",
        ),
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:us-east-1:210987654321:inference-profile/us.anthropic.claude-opus-5-5",
        ),
        (
            "bedrock:GetFoundationModel",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5",
        ),
        ("iam:CreateUser", "*"),
    ] {
        let verdict = policy.verdict(action, resource, &Context::default());
        assert_eq!(verdict, Verdict::NotAllowed, "{action} {resource}");
    }
}

#[test]
fn faults_have_a_place_and_a_name() {
    for (text, line, column, what) in [
        ("", 1, 0, "EOF while parsing a value"),
        (" \n [{}]", 2, 2, "is an object"),
        (
            "{\"Statement\": {\"Effect\": \"Deny\", \"Action\": \"*\", \"Resource\": \"*\",\n\"Condition\": {\"Bool\": {}, \"Bool\": {}}}}",
            2,
            37,
            "`Bool` stands here twice",
        ),
        ("5", 1, 1, "expected a policy document"),
        ("{\n  \"Statement\": [,]\n}", 2, 17, "expected value"),
        (
            "{\"Statement\": {\"Effect\": \"allow\", \"Action\": \"*\", \"Resource\": \"*\"}}",
            1,
            32,
            "unknown variant `allow`, expected `Allow` or `Deny`",
        ),
        (
            "{\"Statement\": [\n{\"Effect\": \"Allow\",\n \"Action\": 5.5,\n \"Resources\": \"*\"}]}",
            4,
            12,
            "unknown field `Resources`",
        ),
        (
            "{\"Statement\": [\n{\"Effect\": \"Allow\",\n \"Action\": {},\n \"Resource\": \"*\"}]}",
            3,
            13,
            "invalid type: map, expected a text or a list of texts",
        ),
        (
            "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\"}]}",
            1,
            50,
            "neither `Resource` nor `NotResource`",
        ),
        (
            "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"NotAction\": \"*\", \"Resource\": \"*\"}]}",
            1,
            85,
            "both `Action` and `NotAction`",
        ),
        (
            "{\"Version\": \"2012-10-17\"}",
            1,
            25,
            "missing field `Statement`",
        ),
    ] {
        let fault = parse(text).unwrap_err();
        assert!(fault.what.contains(what), "{fault:?}");
        assert!(!fault.what.contains(" at line "), "{fault:?}");
        assert_eq!((fault.line, fault.column), (line, column), "{fault:?}");
    }
}

#[test]
fn other_spellings_of_a_document() {
    let policy = judged(
        "\u{feff}{\"Statement\": {\"Effect\": \"Deny\", \"NotAction\": [\"a:b\"], \"NotResource\": \"x\", \"Principal\": {\"AWS\": [\"*\"]}, \"Condition\": {\"Bool\": {\"aws:SecureTransport\": false}}}}",
    );
    assert!(!policy.has_variables);
    let statement = &policy.statements[0];
    assert_eq!(statement.principals, Principals::Everybody);
    assert!(statement.actions.negated && statement.resources.negated);
    assert_eq!(statement.conditions[0].values, ["false"]);
}

proptest! {
    #[test]
    fn reading_never_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn reading_and_writing_keeps_a_policy(
        sid in proptest::option::of("[A-Za-z0-9]{1,8}"),
        allow in any::<bool>(),
        negated in any::<(bool, bool)>(),
        patterns in proptest::collection::vec("[a-z:*?${}]{0,8}", 1..4),
        has_variables in any::<bool>(),
    ) {
        let selection = |negated| Selection { patterns: patterns.clone(), negated };
        let policy = Policy {
            has_variables,
            statements: vec![Statement {
                sid,
                effect: if allow { Effect::Allow } else { Effect::Deny },
                principals: Principals::Unnamed,
                actions: selection(negated.0),
                resources: selection(negated.1),
                conditions: vec![Condition {
                    operator: "StringLike".to_owned(),
                    key: MAIN.to_owned(),
                    values: patterns.clone(),
                }],
            }],
        };
        prop_assert_eq!(parse(&policy.to_json()), Ok(policy));
    }
}
