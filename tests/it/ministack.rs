//! The binary against an AWS that nobody here wrote: real signatures, real expiry, real policies.
//!
//! Where MiniStack is not installed these tests say so and pass; `BEDROCK_DOCTOR_REQUIRE_PEERS=1` makes them fail.

use bedrock_doctor_world::Machine;
use serde_json::Value;

use self::peer::{Caller, Keys, Ministack, clock};
use crate::harness::{assert_owner, checkup, checkup_with, summary};

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
