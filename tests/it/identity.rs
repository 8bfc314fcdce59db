//! Credentials that AWS does not accept, and clocks that make it refuse good ones.

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::Value;

use crate::harness::{
    Checkup, assert_fix, assert_owner, assert_says, bare, checkup, checkup_with, machine,
};

const UNSET: &str = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN";

/// Has STS and Bedrock refuse every signature, each with its own code.
fn refuse(world: &World, sts: &str, bedrock: &str, message: &str) {
    world
        .rule(Rule::new("bedrock", "").aws_error(403, bedrock, message))
        .rule(Rule::new("bedrock-runtime", "").aws_error(403, bedrock, message))
        .rule(Rule::new("sts", "").aws_error(403, sts, message));
}

/// A checkup that must tell what Claude Code needs minutes for: at its deadline it could only tell a time-out.
fn quick_checkup(machine: &Machine) -> Checkup {
    checkup_with(machine, &["--timeout", "10"])
}

#[track_caller]
fn assert_reported(root: &Value, words: &str) {
    assert_eq!(root["evidence"]["basis"], "reported");
    let detail = root["evidence"]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
    let id = root["request_id"].as_str().unwrap_or_default();
    assert!(id.starts_with("00000000-0000-4000-8000-"), "{id}");
}

/// Everything that was not tested names the one check that keeps it from being told.
#[track_caller]
fn assert_blocked_by(checkup: &Checkup, id: &str) {
    let findings = checkup.report["findings"].as_array().unwrap();
    let open: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["status"] == "blocked" || finding["status"] == "cannot-tell")
        .collect();
    assert!(!open.is_empty());
    for finding in open {
        assert_eq!(finding["blocked_by"], id, "{}", checkup.open());
    }
}

#[test]
fn an_unknown_key_is_told_once_and_quickly() {
    let world = World::healthy();
    refuse(
        &world,
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    let checkup = quick_checkup(&machine(&world));
    let root = checkup.one_root(1, "credentials-accepted", "security-token-invalid");
    assert_owner(root, "you");
    assert_says(root, &["`…0001`"]);
    assert_fix(root, UNSET);
    assert_reported(root, "InvalidClientTokenId");
    assert_blocked_by(&checkup, "credentials-accepted");
}

#[test]
fn a_temporary_key_without_its_session_token_is_told_with_the_missing_variable() {
    let world = World::healthy();
    refuse(
        &world,
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    let mut machine = machine(&world);
    machine.env("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT00001");
    let checkup = quick_checkup(&machine);
    assert_eq!(checkup.run.code, 1, "{}", checkup.open());
    assert_eq!(checkup.roots().len(), 1, "{}", checkup.open());
    let root = &checkup.roots()[0];
    assert_owner(root, "you");
    assert!(
        root["fix"].to_string().contains("AWS_SESSION_TOKEN"),
        "{root}"
    );
}

#[test]
fn a_wrong_secret_is_told_once() {
    let world = World::healthy();
    refuse(
        &world,
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
    let checkup = quick_checkup(&machine(&world));
    let root = checkup.one_root(1, "credentials-accepted", "wrong-secret-key");
    assert_owner(root, "you");
    assert_says(root, &["secret key"]);
    assert_fix(root, UNSET);
    assert_reported(root, "SignatureDoesNotMatch");
    assert_blocked_by(&checkup, "credentials-accepted");
}

#[test]
fn an_expired_token_is_told_once_and_quickly() {
    let world = World::healthy();
    refuse(
        &world,
        "ExpiredToken",
        "ExpiredTokenException",
        "The security token included in the request is expired",
    );
    let mut machine = machine(&world);
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT00001")
        .env("AWS_SESSION_TOKEN", "session-token-0001");
    let checkup = quick_checkup(&machine);
    let root = checkup.one_root(1, "credentials-accepted", "session-token-expired");
    assert_owner(root, "you");
    assert_says(root, &["expired"]);
    assert_fix(root, UNSET);
    assert_reported(root, "ExpiredToken");
    assert_blocked_by(&checkup, "credentials-accepted");
}

#[test]
fn an_expired_session_in_a_profile_is_told_with_the_profile() {
    let world = World::healthy();
    refuse(
        &world,
        "ExpiredToken",
        "ExpiredTokenException",
        "The security token included in the request is expired",
    );
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = ASIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n\
         aws_session_token = profile-session-0001\n",
    );
    let checkup = quick_checkup(&machine);
    let root = checkup.one_root(1, "credentials-accepted", "session-token-expired");
    assert_owner(root, "you");
    assert_says(root, &["profile `dev`"]);
    assert_fix(root, "aws configure --profile dev");
}

#[test]
fn a_bedrock_key_that_has_expired_is_told_once() {
    let world = World::healthy();
    let message = "Bearer Token has expired";
    world
        .rule(Rule::new("bedrock", "").aws_error(403, "AccessDeniedException", message))
        .rule(Rule::new("bedrock-runtime", "").aws_error(403, "AccessDeniedException", message));
    let mut machine = bare(&world);
    machine.env(
        "AWS_BEARER_TOKEN_BEDROCK",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2Fs",
    );
    let checkup = quick_checkup(&machine);
    let root = checkup.one_root(1, "credentials-accepted", "bearer-expired");
    assert_owner(root, "you");
    assert_says(root, &["AWS_BEARER_TOKEN_BEDROCK"]);
    assert_reported(root, "expired");
    assert!(
        root["fix"].to_string().contains("make a new API key"),
        "{root}"
    );
    assert_blocked_by(&checkup, "credentials-accepted");
}

#[test]
fn a_clock_an_hour_behind_is_the_one_cause() {
    let world = World::healthy();
    world.clock_offset(3600);
    let checkup = quick_checkup(&machine(&world));
    let root = checkup.one_root(1, "clock-in-step", "clock-skew");
    assert_owner(root, "you");
    assert_says(root, &["behind"]);
    assert_fix(root, "sudo timedatectl set-ntp true");
    assert_reported(root, "Signature expired");
    assert_blocked_by(&checkup, "clock-in-step");
}

#[test]
fn a_clock_an_hour_ahead_is_the_one_cause() {
    let world = World::healthy();
    world.clock_offset(-3600);
    let checkup = quick_checkup(&machine(&world));
    let root = checkup.one_root(1, "clock-in-step", "clock-skew");
    assert_owner(root, "you");
    assert_says(root, &["ahead"]);
    assert_fix(root, "sudo timedatectl set-ntp true");
    assert_reported(root, "Signature not yet current");
    assert_blocked_by(&checkup, "clock-in-step");
}

#[test]
fn a_clock_three_minutes_off_is_a_warning() {
    let world = World::healthy();
    world.clock_offset(180);
    let checkup = checkup(&machine(&world));
    checkup.healthy();
    let warning = checkup.finding("clock-in-step", "warn");
    assert_eq!(warning["code"], "clock-skew");
    assert_fix(warning, "sudo timedatectl set-ntp true");
}

#[test]
fn a_skewed_clock_does_not_matter_to_a_bedrock_key() {
    let world = World::healthy();
    world.clock_offset(3600);
    let mut machine = bare(&world);
    machine.env(
        "AWS_BEARER_TOKEN_BEDROCK",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2Fs",
    );
    checkup(&machine).healthy();
}

#[test]
fn one_refused_request_id_is_kept_in_the_table_too() {
    let world = World::healthy();
    refuse(
        &world,
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    let run = machine(&world).run(crate::harness::DOCTOR, &["check", "--color", "never"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("request id 00000000-0000-4000-8000-"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(UNSET), "{}", run.stdout);
}
