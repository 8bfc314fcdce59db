//! The binary against an AWS that nobody here wrote: real signatures, real expiry, real policies.
//!
//! Where MiniStack is not installed these tests say so and pass; `BEDROCK_DOCTOR_REQUIRE_PEERS=1` makes them fail.

use bedrock_doctor_checks::policy::{Context, Verdict, parse};
use bedrock_doctor_world::Machine;
use serde_json::{Value, json};

use self::peer::{Caller, Keys, Ministack, clock};
use crate::harness::{DOCTOR, assert_owner, checkup, checkup_with, summary};
use crate::policy::{actions, without};

#[path = "../peers/ministack.rs"]
pub(crate) mod peer;

/// A model that MiniStack has; its own newest one is years behind Claude Code's.
const MODEL: &str = "us.anthropic.claude-3-5-sonnet-20241022-v2:0";

/// The foundation model behind [`MODEL`].
const BASE: &str = "anthropic.claude-3-5-sonnet-20241022-v2:0";

/// A machine that reaches MiniStack over plain loopback HTTP, with one model for everything.
fn machine(server: &Ministack, keys: &Keys) -> Machine {
    let mut machine = Machine::offline();
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("ANTHROPIC_BEDROCK_BASE_URL", &server.url())
        .env("AWS_ENDPOINT_URL", &server.url())
        .env("ANTHROPIC_MODEL", MODEL)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", MODEL);
    for (name, value) in keys.env() {
        machine.env(name, &value);
    }
    machine
}

/// Accepts the agreement of the model: without it the program sends no invocation that could make one.
fn agree(server: &Ministack) {
    server.admin(&format!(
        "client('bedrock').create_foundation_model_agreement(modelId='{BASE}', offerToken='offer')"
    ));
}

/// Shows another time to a program that runs on the machine.
fn set_clock(machine: &mut Machine, offset: &str) -> Option<()> {
    for (name, value) in clock(offset)? {
        machine.env(name, value.to_str().unwrap());
    }
    Some(())
}

/// Asserts that the cause was taken from AWS's own words, with the code that AWS gave.
#[track_caller]
fn reported(root: &Value, code: &str) {
    let evidence = &root["evidence"];
    let detail = evidence["detail"].as_str().unwrap_or_default();
    let told = detail.starts_with(&format!("{code}: "));
    assert!(evidence["basis"] == "reported" && told, "{}", summary(root));
}

#[test]
fn an_allowed_user_is_healthy() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    agree(server);
    let keys = server.keys(Caller::Allowed);
    let checkup = checkup_with(&machine(server, &keys), &["--account", "000000000000"]);
    checkup.healthy();
    assert_eq!(checkup.open(), "");
    assert_eq!(
        checkup.report["facts"]["caller_identity"]["value"]["arn"],
        keys.arn.as_str()
    );
}

#[test]
fn a_real_request_works() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    agree(server);
    let keys = server.keys(Caller::Session);
    let checkup = checkup_with(&machine(server, &keys), &["--invoke"]);
    checkup.healthy();
}

/// A first invocation would accept the agreement: the program says that it is missing, and does not try.
#[test]
fn no_agreement() {
    let Some(server) = Ministack::start() else {
        return;
    };
    let checkup = checkup(&machine(&server, &server.keys(Caller::Allowed)));
    checkup.one_root(2, "model-access-granted", "model-access-not-granted");
    let invocations = &checkup.report["facts"]["invocations"]["value"];
    for invocation in invocations.as_array().unwrap() {
        assert_eq!(
            invocation["outcome"]["status"], "not-collected",
            "{invocation}"
        );
    }
}

#[test]
fn an_unknown_key() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    let checkup = checkup(&machine(server, &Keys::unknown()));
    let root = checkup.one_root(1, "credentials-accepted", "security-token-invalid");
    reported(root, "InvalidClientTokenId");
}

#[test]
fn a_wrong_secret() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    let keys = server.keys(Caller::Allowed).with_wrong_secret();
    let checkup = checkup(&machine(server, &keys));
    let root = checkup.one_root(1, "credentials-accepted", "wrong-secret-key");
    reported(root, "SignatureDoesNotMatch");
}

#[test]
fn an_expired_session() {
    let Some(server) = Ministack::start_with_clock() else {
        return;
    };
    let mut machine = machine(&server, &server.keys(Caller::Session));
    server.set_clock("+20m");
    if set_clock(&mut machine, "+20m").is_none() {
        return;
    }
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, "credentials-accepted", "session-token-expired");
    reported(root, "ExpiredToken");
}

#[test]
fn no_policy_allows() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    agree(server);
    let checkup = checkup(&machine(server, &server.keys(Caller::Denied)));
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    reported(root, "AccessDeniedException");
    assert_owner(root, "account-admin");
}

#[test]
fn a_policy_denies() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    agree(server);
    let checkup = checkup(&machine(server, &server.keys(Caller::Explicit)));
    let root = checkup.one_root(2, "invocation-allowed", "iam-explicit-deny");
    reported(root, "AccessDeniedException");
    assert_owner(root, "account-admin");
}

/// STS takes signatures up to 15 minutes old, Bedrock up to 5: Bedrock decides.
#[test]
fn five_minutes_are_the_limit_of_a_signature() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    let mut machine = machine(server, &server.keys(Caller::Allowed));
    for offset in ["-6m", "+6m"] {
        if set_clock(&mut machine, offset).is_none() {
            return;
        }
        let told = checkup(&machine);
        told.one_root(1, "clock-in-step", "clock-skew");
        assert_eq!(told.report["facts"]["caller_identity"]["status"], "known");
        assert_eq!(
            told.report["facts"]["inference_profiles"]["status"],
            "failed"
        );
    }
    for offset in ["-4m", "+4m"] {
        set_clock(&mut machine, offset).unwrap();
        let told = checkup(&machine);
        assert_eq!(told.finding("clock-in-step", "warn")["code"], "clock-skew");
        assert_eq!(
            told.report["facts"]["inference_profiles"]["status"],
            "known"
        );
    }
}

#[test]
fn a_clock_two_hours_behind() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    let mut machine = machine(server, &server.keys(Caller::Allowed));
    if set_clock(&mut machine, "-2h").is_none() {
        return;
    }
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, "clock-in-step", "clock-skew");
    reported(root, "SignatureDoesNotMatch");
}

/// The keys of a new user without a policy.
fn user(server: &Ministack, name: &str) -> Keys {
    let keys = server.admin(&format!(
        "iam = client('iam')\niam.create_user(UserName='{name}')\nprint(json.dumps(iam.create_access_key(UserName='{name}')['AccessKey'], default=str))"
    ));
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    Keys {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: None,
        arn: format!("arn:aws:iam::000000000000:user/{name}"),
    }
}

/// Makes this the one policy of a user.
fn attach(server: &Ministack, name: &str, document: &Value) {
    // A text of JSON is a text of Python, too.
    let document = Value::String(document.to_string());
    server.admin(&format!(
        "client('iam').put_user_policy(UserName='{name}', PolicyName='claude-code', PolicyDocument={document})"
    ));
}

/// A policy that the program prints for a user who may do nothing lets everything through; whatever action is taken
/// out of it, the checkup finds it and names it.
#[test]
fn the_policy_it_prints_lets_the_calls_through_and_no_action_can_be_missing() {
    let Some(server) = Ministack::shared() else {
        return;
    };
    agree(server);
    let name = "least-privilege";
    let mut machine = machine(server, &user(server, name));
    // Invoked directly, a foundation model is authorised as AWS does it; a profile is not (`ministack.md`).
    machine
        .env("ANTHROPIC_MODEL", BASE)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", BASE);
    let denied = checkup(&machine);
    denied.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    let run = machine.run(DOCTOR, &["policy", "--for-checkup"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document = run.json();

    attach(server, name, &document);
    checkup(&machine).healthy();
    checkup_with(&machine, &["--invoke"]).healthy();
    let again = machine.run(DOCTOR, &["policy", "--for-checkup"]);
    assert_eq!(
        again.json(),
        document,
        "now that AWS answers, it is the same"
    );

    let mut all = actions(&document);
    assert_eq!(all.len(), 9, "{all:?}");
    // MiniStack has no Service Quotas.
    all.retain(|action| !action.starts_with("servicequotas:"));
    for action in all {
        attach(server, name, &without(&document, &action));
        let checkup = checkup_with(&machine, &["--thorough"]);
        let findings = checkup.report["findings"].as_array().unwrap();
        let named: Vec<String> = findings
            .iter()
            .filter(|finding| finding["status"] != "pass")
            .filter(|finding| finding.to_string().contains(&format!("`{action}`")))
            .map(summary)
            .collect();
        assert!(!named.is_empty(), "{action}:\n{}", checkup.open());
    }
}

/// Whatever two of these statements say together, somebody else's evaluation of policies says the same.
#[test]
fn policies_are_evaluated_as_somebody_else_does() {
    const STATEMENTS: [&str; 14] = [
        r#"{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}"#,
        r#"{"Effect": "Allow", "Action": ["BEDROCK:invoke*", "s3:*"], "Resource": "arn:aws:bedrock:us-east-?::foundation-model/anthropic.*"}"#,
        r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:bedrock:*:*:inference-profile/us.*"}"#,
        r#"{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:bedrock:*::foundation-model/*"}"#,
        r#"{"Effect": "Allow", "Action": "bedrock:InvokeMode?", "Resource": ["arn:aws:bedrock:*", "arn:aws:s3:::b"]}"#,
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}}"#,
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringNotLike": {"aws:requestedregion": "us-*"}}}"#,
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}}}"#,
        r#"{"Effect": "Deny", "Action": "bedrock:*", "Resource": "arn:aws:bedrock:us-east-1::*"}"#,
        r#"{"Effect": "Deny", "NotAction": "bedrock:InvokeModel", "Resource": "*"}"#,
        r#"{"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:bedrock:*:inference-profile/*", "*::foundation-model/*"]}"#,
        r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}"#,
        r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEqualsIfExists": {"aws:CalledViaLast": "x"}, "Bool": {"aws:ViaAWSService": "true"}}}"#,
        r#"{"Effect": "Deny", "Action": "bedrock:List*", "Resource": "*", "Condition": {"Null": {"aws:CalledViaLast": "true"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}"#,
    ];
    const ASKED: [(&str, &str); 4] = [
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.x",
        ),
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.x",
        ),
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:::foundation-model/anthropic.x",
        ),
        ("bedrock:ListInferenceProfiles", "*"),
    ];
    let Some(server) = Ministack::shared() else {
        return;
    };
    let mut documents = Vec::new();
    for (at, one) in STATEMENTS.iter().enumerate() {
        for other in &STATEMENTS[at..] {
            documents.push(format!(
                "{{\"Version\": \"2012-10-17\", \"Statement\": [{one}, {other}]}}"
            ));
        }
    }
    let asked = json!({"documents": documents, "asked": ASKED});
    let told = server.admin(&format!(
        "given = json.loads({})\niam = client('iam')\nprint(json.dumps([[iam.simulate_custom_policy(PolicyInputList=[d], ActionNames=[a], ResourceArns=[r])['EvaluationResults'][0]['EvalDecision'] for a, r in given['asked']] for d in given['documents']]))",
        Value::String(asked.to_string())
    ));
    let told: Vec<Vec<String>> = serde_json::from_str(&told).unwrap();
    let context = Context::default()
        .with("aws:RequestedRegion", "us-east-1")
        .with("aws:PrincipalArn", "arn:aws:iam::000000000000:root")
        .without("aws:ViaAWSService")
        .without("aws:CalledViaLast");
    let mut seen = [0; 3];
    for (document, told) in documents.iter().zip(&told) {
        let policy = parse(document).unwrap();
        for ((action, resource), told) in ASKED.iter().zip(told) {
            let (at, ours) = match policy.verdict(action, resource, &context) {
                Verdict::Allowed { .. } => (0, "allowed"),
                Verdict::Denied { .. } => (1, "explicitDeny"),
                Verdict::NotAllowed => (2, "implicitDeny"),
                Verdict::CannotTell { because } => panic!("{because}\n{document}"),
            };
            assert_eq!(ours, told, "{action} {resource}\n{document}");
            seen[at] += 1;
        }
    }
    assert!(seen.iter().all(|times| *times > 20), "{seen:?}");
}
