//! `policy`: what it allows, what it says it does not know, and what `policy check` finds missing.

use bedrock_doctor_world::{Machine, Rule, Run, World};
use serde_json::{Value, json};

use crate::harness::{DOCTOR, machine};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";

/// A machine that uses one model for everything.
fn pinned(world: &World) -> Machine {
    let mut machine = machine(world);
    machine.env("ANTHROPIC_MODEL", MAIN);
    machine
}

#[track_caller]
fn policy(machine: &Machine, arguments: &[&str]) -> Run {
    let mut all = vec!["policy"];
    all.extend(arguments);
    let run = machine.run(DOCTOR, &all);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    run
}

/// Every action of a policy document.
pub(crate) fn actions(document: &Value) -> Vec<String> {
    let statements = document["Statement"].as_array().unwrap().iter();
    let of_statement = |statement: &Value| match &statement["Action"] {
        Value::String(one) => vec![one.clone()],
        several => serde_json::from_value(several.clone()).unwrap(),
    };
    statements.flat_map(of_statement).collect()
}

/// The document without an action.
pub(crate) fn without(document: &Value, action: &str) -> Value {
    let mut document = document.clone();
    let statements = document["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        let left: Vec<String> = actions(&json!({"Statement": [statement.clone()]}));
        let left: Vec<String> = left.into_iter().filter(|it| it != action).collect();
        statement["Action"] = json!(left);
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    document
}

/// What the standard error says, wherever a line ends; none of its lines is wider than a terminal.
#[track_caller]
fn said(run: &Run) -> String {
    for line in run.stderr.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let words: Vec<&str> = run.stderr.split_whitespace().collect();
    words.join(" ")
}

fn check(machine: &mut Machine, document: &str, arguments: &[&str]) -> Run {
    machine.file("policy.json", document);
    let mut all = vec!["policy", "check", "policy.json"];
    all.extend(arguments);
    machine.run(DOCTOR, &all)
}

#[test]
fn the_policy_alone_goes_to_the_standard_output() {
    let world = World::healthy();
    let run = policy(&pinned(&world), &[]);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!("policy", run.stdout);
    let asked = world.operations();
    assert!(!asked.iter().any(|it| it.contains("Invoke")), "{asked:?}");
}

#[test]
fn a_policy_may_go_to_a_file_and_says_when_it_is_too_long() {
    let world = World::healthy();
    let models: Vec<Value> = (0..100)
        .map(|region| json!({"modelArn": format!("arn:aws:bedrock:us-north-{region}::foundation-model/anthropic.claude-sonnet-4-6")}))
        .collect();
    let listed = json!({"inferenceProfileSummaries": [{
        "inferenceProfileName": "x", "inferenceProfileId": MAIN, "models": models, "status": "ACTIVE",
        "type": "SYSTEM_DEFINED", "inferenceProfileArn": format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}"),
    }]});
    world.rule(Rule::new("bedrock", "/inference-profiles").respond(
        200,
        &[("content-type", "application/json")],
        listed.to_string(),
    ));
    let machine = pinned(&world);
    let run = policy(&machine, &["--output", "policy.json"]);
    assert_eq!(run.stdout, "");
    assert!(said(&run).contains("IAM takes 6144"), "{}", run.stderr);
    let written = std::fs::read_to_string(machine.cwd().join("policy.json")).unwrap();
    assert!(written.contains("us-north-99"), "{written}");
}

#[test]
fn terraform() {
    let world = World::healthy();
    let run = policy(&pinned(&world), &["--format", "terraform", "--for-checkup"]);
    insta::assert_snapshot!("policy-terraform", run.stdout);
    // What is not known stands in it as comments, and nowhere else.
    let run = policy(&pinned(&world), &["--format", "terraform", "--offline"]);
    assert!(run.stdout.starts_with("# "), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn without_aws_wildcards_stand_for_what_is_not_known() {
    let mut machine = Machine::offline();
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("ANTHROPIC_MODEL", "eu.anthropic.claude-sonnet-4-6");
    let run = policy(&machine, &["--offline"]);
    let document = run.json();
    assert_eq!(
        document["Statement"][0]["Resource"],
        json!([
            "arn:aws:bedrock:eu-west-1:*:inference-profile/eu.anthropic.claude-sonnet-4-6",
            "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-6",
        ])
    );
    for note in [
        "the Regions to which",
        "the account is not known",
        "AWS Marketplace is left out",
    ] {
        assert!(said(&run).contains(note), "{}", run.stderr);
    }
    assert_eq!(policy(&machine, &["--offline", "-q"]).stderr, "");
    assert!(!run.stderr.contains("iam:GetRole"), "{}", run.stderr);
    let run = policy(&machine, &["--offline", "--for-checkup"]);
    assert!(!actions(&run.json()).iter().any(|it| it.starts_with("iam:")));
    for action in ["iam:SimulatePrincipalPolicy", "iam:GetRole"] {
        assert!(said(&run).contains(action), "{}", run.stderr);
    }
}

#[test]
fn a_denied_list_of_profiles_is_told_with_its_reason() {
    let world = World::healthy();
    let words = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: bedrock:ListInferenceProfiles";
    world.rule(Rule::new("bedrock", "/inference-profiles").aws_error(
        403,
        "AccessDeniedException",
        words,
    ));
    let run = policy(&pinned(&world), &[]);
    assert!(run.stdout.contains("arn:aws:bedrock:*::foundation-model/"));
    assert!(said(&run).contains(words), "{}", run.stderr);
}

#[test]
fn marketplace_is_allowed_while_an_agreement_is_missing() {
    let world = World::healthy();
    let body = json!({
        "modelId": "anthropic.claude-sonnet-4-6",
        "agreementAvailability": {"status": "NOT_AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    });
    world.rule(
        Rule::new("bedrock", "/foundation-model-availability/").respond(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        ),
    );
    let document = policy(&pinned(&world), &[]).json();
    let statement = document["Statement"].as_array().unwrap().last().unwrap();
    assert_eq!(
        statement["Condition"],
        json!({"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}})
    );
    assert_eq!(
        statement["Action"],
        json!([
            "aws-marketplace:Subscribe",
            "aws-marketplace:ViewSubscriptions"
        ])
    );
}

#[test]
fn an_api_key_needs_an_action_of_its_own() {
    let world = World::healthy();
    let mut machine = pinned(&world);
    machine.env(
        "AWS_BEARER_TOKEN_BEDROCK",
        "ABSKdGVzdC1hdC0xMjM0NTY3ODkwMTI6c2VjcmV0",
    );
    let document = policy(&machine, &[]).json();
    let actions = actions(&document);
    assert!(actions.contains(&"bedrock:CallWithBearerToken".to_owned()));
}

#[test]
fn nothing_of_aws_needs_no_policy() {
    let run = Machine::offline().run(DOCTOR, &["policy"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(said(&run).contains("the Anthropic API"), "{}", run.stderr);
}

#[test]
fn a_policy_passes_its_own_check_and_every_missing_action_is_named() {
    let world = World::healthy();
    let mut machine = pinned(&world);
    let document = policy(&machine, &["--for-checkup"]).json();
    let run = check(&mut machine, &document.to_string(), &["--for-checkup"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    insta::assert_snapshot!("policy-check", run.stdout);
    let all = actions(&document);
    assert_eq!(all.len(), 10, "{all:?}");
    for action in &all {
        let less = without(&document, action).to_string();
        let arguments = ["--for-checkup", "--format", "json"];
        let run = check(&mut machine, &less, &arguments);
        assert_eq!(run.code, 2, "{action}: {}", run.stdout);
        assert_eq!(run.json()["schema"]["major"], 1);
        let missing: Vec<Value> = run.json()["coverage"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["verdict"] != "allowed")
            .map(|it| it["action"].clone())
            .collect();
        assert!(!missing.is_empty());
        assert!(missing.iter().all(|it| it == action), "{missing:?}");
    }
}

#[test]
fn the_statement_that_decides_is_named() {
    let world = World::healthy();
    let mut machine = pinned(&world);
    let document = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Models", "Effect": "Allow", "Action": "bedrock:Invoke*", "Resource": "arn:aws:bedrock:*:*:*/*"},
    {"Effect": "Allow", "Action": "bedrock:ListInferenceProfiles", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}},
    {"Sid": "East", "Effect": "Deny", "NotAction": "iam:*", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}}}
  ]
}"#;
    let run = check(&mut machine, document, &[]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    insta::assert_snapshot!("policy-check-denied", run.stdout);
    let narrower = document.replace("\"us-west-2\"", "\"us-west-2\", \"us-east-2\"");
    let run = check(&mut machine, &narrower, &[]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    let run = check(&mut machine, document, &["--for-checkup"]);
    let hint = "`bedrock-doctor policy --for-checkup` prints what is needed";
    assert!(run.stdout.contains(hint), "{}", run.stdout);
}

#[test]
fn a_broken_document_is_told_by_file_line_and_column() {
    let mut machine = Machine::offline();
    machine.env("CLAUDE_CODE_USE_BEDROCK", "1");
    let broken = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [,]\n}\n";
    let run = check(&mut machine, broken, &["--offline"]);
    assert_eq!((run.code, run.stdout.as_str()), (64, ""));
    assert_eq!(
        run.stderr,
        "error: `policy.json`, line 3, column 17: expected value\n"
    );
    let run = check(&mut machine, "\n", &["--offline"]);
    assert_eq!(run.code, 64);
    assert_eq!(run.stderr, "error: `policy.json` is empty\n");
    let run = machine.run(DOCTOR, &["policy", "check", "nowhere.json"]);
    assert_eq!(run.code, 64);
    assert_eq!(run.stderr, "error: there is no file `nowhere.json`\n");
}
