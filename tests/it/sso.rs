//! IAM Identity Center: tokens that are there, missing, expired or refused.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::fs;

use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};
use serde_json::Value;

use crate::harness::{Checkup, assert_fix, assert_owner, bare, checkup, checkup_with, commands};

const URL: &str = "https://acme.awsapps.com/start";

/// A machine whose profile `dev` uses the session `acme`.
fn with_session(world: &World) -> Machine {
    let mut machine = bare(world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        &format!(
            "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session acme]\nsso_start_url = {URL}\nsso_region = us-east-1\n"
        ),
    );
    machine
}

/// A machine whose profile `dev` names the portal itself.
fn old_form(world: &World) -> Machine {
    let mut machine = bare(world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        &format!(
            "[profile dev]\nsso_start_url = {URL}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n"
        ),
    );
    machine
}

fn token(expires_in_seconds: i64, refreshable: bool) -> TokenSpec {
    TokenSpec {
        expires_in_seconds,
        refreshable,
        start_url: URL.to_owned(),
        ..TokenSpec::default()
    }
}

/// The one file in the token cache: its name and bytes.
fn cached(machine: &Machine) -> Vec<(String, Vec<u8>)> {
    let folder = machine.home().join(".aws/sso/cache");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

/// Asserts that the fix is to sign in; where no browser opens, as in a container, the command has more words.
#[track_caller]
fn assert_sign_in(root: &Value) {
    let commands = commands(root);
    assert!(
        commands
            .iter()
            .any(|command| command.starts_with("aws sso login --profile dev")),
        "{commands:?}"
    );
}

/// Asserts that what needs credentials was not tested because of this check.
#[track_caller]
fn blocked_by(told: &Checkup, root: &str) {
    let ids = [
        "credential-source-found",
        "credentials-accepted",
        "profile-listing-allowed",
        "invocation-allowed",
    ];
    told.blocked_by(root, &ids);
}

#[test]
fn the_token_is_found_among_hundreds_of_other_files() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(3_600, true));
    for number in 0..250 {
        machine.file(
            &format!("~/.aws/sso/cache/000{number}.json"),
            r#"{"clientId": "x", "clientSecret": "y"}"#,
        );
    }
    checkup(&machine).finding("sso-token-present", "pass");
}

#[test]
fn an_expired_token_that_can_be_renewed_is_a_warning_and_left_alone() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(-7_200, true));
    let before = cached(&machine);
    let told = checkup(&machine);
    assert_eq!(told.run.code, 3, "{}", told.open());
    assert!(told.roots().is_empty(), "{}", told.open());
    let warning = told.finding("sso-token-fresh", "warn");
    assert_eq!(warning["code"], "sso-session-expired");
    assert_owner(warning, "you");
    assert_fix(warning, "aws sso login --profile dev");
    for id in [
        "sso-role-assigned",
        "credential-source-found",
        "credentials-accepted",
        "invocation-allowed",
    ] {
        told.finding(id, "cannot-tell");
    }
    assert_eq!(cached(&machine), before);
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn an_expired_token_that_cannot_be_renewed_is_the_cause() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(-7_200, false));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert!(
        root["what"].as_str().unwrap().contains("expired 2 h ago"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws sso login --profile dev");
    blocked_by(&told, "sso-token-fresh");
    assert_eq!(
        told.finding("sso-role-assigned", "blocked")["blocked_by"],
        "sso-token-fresh"
    );
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn the_old_form_cannot_renew_even_with_a_refresh_token() {
    let world = World::healthy();
    let mut machine = old_form(&world);
    machine.sso_token(URL, &token(-7_200, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert_fix(root, "aws sso login --profile dev");
    blocked_by(&told, "sso-token-fresh");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn an_expired_registration_is_no_warning_but_a_failure() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    let spec = TokenSpec {
        registration_expires_in_seconds: -60,
        ..token(-7_200, true)
    };
    machine.sso_token("acme", &spec);
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert!(
        root["what"].as_str().unwrap().contains("registration"),
        "{root:#}"
    );
    assert_fix(root, "aws sso login --profile dev");
    blocked_by(&told, "sso-token-fresh");
}

#[test]
fn a_missing_token_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&with_session(&world));
    let root = told.one_root(1, "sso-token-present", "sso-token-missing");
    assert_owner(root, "you");
    assert_sign_in(root);
    blocked_by(&told, "sso-token-present");
    assert_eq!(
        told.finding("sso-token-fresh", "blocked")["blocked_by"],
        "sso-token-present"
    );
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_token_saved_for_the_other_form_of_profile_is_not_found() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token(URL, &token(28_800, false));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-present", "sso-token-under-other-name");
    let other = &cached(&machine)[0].0;
    assert!(root["what"].as_str().unwrap().contains(other), "{root:#}");
    assert_owner(root, "you");
    assert_sign_in(root);
    blocked_by(&told, "sso-token-present");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_missing_session_section_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        &format!(
            "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session acme-corp]\nsso_start_url = {URL}\nsso_region = us-east-1\n"
        ),
    );
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-profile-complete", "sso-session-section-missing");
    assert!(
        root["what"]
            .as_str()
            .unwrap()
            .contains("[sso-session acme]"),
        "{root:#}"
    );
    assert!(root["fix"].to_string().contains("`acme-corp`"), "{root:#}");
    assert_owner(root, "you");
    assert_fix(root, "aws configure sso-session");
    blocked_by(&told, "sso-profile-complete");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn an_incomplete_profile_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        &format!(
            "[profile dev]\nsso_session = acme\nsso_role_name = Dev\n\
             [sso-session acme]\nsso_start_url = {URL}\nsso_region = us-east-1\n"
        ),
    );
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-profile-complete", "sso-profile-incomplete");
    assert!(
        root["what"].as_str().unwrap().contains("sso_account_id"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws configure sso --profile dev");
    blocked_by(&told, "sso-profile-complete");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_token_that_the_portal_does_not_know_is_the_cause() {
    let world = World::healthy();
    world.rule(
        Rule::new("portal.sso", "/federation/credentials").aws_error(
            401,
            "UnauthorizedException",
            "Session token not found or invalid",
        ),
    );
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-role-assigned", "sso-token-unknown-to-portal");
    assert!(
        root["what"]
            .as_str()
            .unwrap()
            .contains("Session token not found or invalid"),
        "{root:#}"
    );
    assert!(root["fix"].to_string().contains("`us-east-1`"), "{root:#}");
    assert_owner(root, "you");
    assert_fix(root, "aws sso logout && aws sso login --profile dev");
    assert!(root["request_id"].is_string(), "{root:#}");
    blocked_by(&told, "sso-role-assigned");
    assert_eq!(world.operations(), ["sso:GetRoleCredentials"]);
}

#[test]
fn a_role_that_is_not_assigned_is_a_matter_for_the_administrator() {
    let world = World::healthy();
    world.rule(
        Rule::new("portal.sso", "/federation/credentials").aws_error(
            403,
            "ForbiddenException",
            "No access",
        ),
    );
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(2, "sso-role-assigned", "sso-role-assignment-stale");
    assert_owner(root, "account-admin");
    assert!(
        root["fix"]
            .to_string()
            .contains("assign the permission set `Dev` to the user in account 123456789012"),
        "{root:#}"
    );
    let id = root["request_id"].as_str().unwrap();
    let hand_off = root["hand_off"].as_str().unwrap();
    assert!(
        hand_off.contains("No access") && hand_off.contains(id),
        "{hand_off}"
    );
    blocked_by(&told, "sso-role-assigned");
}

#[test]
fn a_portal_that_throttles_says_nothing_about_the_role() {
    let world = World::healthy();
    world.rule(
        Rule::new("portal.sso", "/federation/credentials").aws_error(
            429,
            "TooManyRequestsException",
            "HTTP 429 Too Many Requests",
        ),
    );
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    assert_eq!(told.run.code, 3, "{}", told.open());
    assert!(told.roots().is_empty(), "{}", told.open());
    let finding = told.finding("sso-role-assigned", "cannot-tell");
    assert_eq!(finding["code"], "sso-portal-throttled");
    assert_owner(finding, "you");
    assert!(
        finding["fix"].to_string().contains("wait a minute"),
        "{finding:#}"
    );
    told.finding("credential-source-found", "cannot-tell");
    told.finding("invocation-allowed", "cannot-tell");
}

#[test]
fn less_than_five_minutes_are_too_few_without_the_parts_of_a_renewal() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(200, false));
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert!(
        root["what"]
            .as_str()
            .unwrap()
            .contains("too soon for Claude Code"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws sso login --profile dev");
    blocked_by(&told, "sso-token-fresh");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn less_than_five_minutes_are_enough_with_the_parts_of_a_renewal() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(200, true));
    let before = cached(&machine);
    let told = checkup(&machine);
    told.healthy();
    told.finding("sso-token-fresh", "warn");
    assert_eq!(cached(&machine), before);
    assert!(
        !world
            .operations()
            .contains(&"sso-oidc:CreateToken".to_owned())
    );
}

#[test]
fn junk_in_the_cache_file_is_the_cause() {
    for (junk, says) in [
        ("{\"accessToken\": \"sso-access", "not valid JSON"),
        ("{\"startUrl\": \"x\"}", "no access token"),
        ("", "not valid JSON"),
    ] {
        let world = World::healthy();
        let mut machine = with_session(&world);
        machine.sso_token("acme", &token(28_800, true));
        let name = cached(&machine)[0].0.clone();
        machine.file(&format!("~/.aws/sso/cache/{name}"), junk);
        let told = checkup(&machine);
        let root = told.one_root(1, "sso-token-present", "sso-token-unreadable");
        let what = root["what"].as_str().unwrap();
        assert!(what.contains(&name) && what.contains(says), "{what}");
        assert_owner(root, "you");
        assert_sign_in(root);
        blocked_by(&told, "sso-token-present");
        assert_eq!(world.operations(), [""; 0]);
    }
}

/// A token as an old AWS CLI wrote it, whose expiry no JavaScript date parser reads.
fn old_token(machine: &mut Machine, name: &str) {
    machine.sso_token(name, &token(28_800, false));
    let file = cached(machine)[0].0.clone();
    machine.file(
        &format!("~/.aws/sso/cache/{file}"),
        &format!(
            "{{\"startUrl\": \"{URL}\", \"region\": \"us-east-1\", \"accessToken\": \"sso-access-token\", \"expiresAt\": \"2099-01-01T00:00:00UTC\"}}"
        ),
    );
}

#[test]
fn an_expiry_that_ends_in_utc_counts_as_expired_with_a_session() {
    let world = World::healthy();
    let mut machine = with_session(&world);
    old_token(&mut machine, "acme");
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert!(
        root["what"].as_str().unwrap().contains("is no date"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws sso login --profile dev");
    blocked_by(&told, "sso-token-fresh");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn an_expiry_that_ends_in_utc_is_used_as_it_is_in_the_old_form() {
    let world = World::healthy();
    let mut machine = old_form(&world);
    old_token(&mut machine, URL);
    let told = checkup(&machine);
    told.healthy();
    let pass = told.finding("sso-token-fresh", "pass");
    assert_eq!(pass["evidence"]["basis"], "inferred");
    assert!(
        world
            .operations()
            .contains(&"sso:GetRoleCredentials".to_owned())
    );
}

#[test]
fn the_portal_is_asked_in_its_own_region() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        &format!(
            "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session acme]\nsso_start_url = {URL}\nsso_region = eu-central-1\n"
        ),
    );
    machine.sso_token("acme", &token(28_800, true));
    checkup(&machine).healthy();
    let portal = world
        .requests()
        .into_iter()
        .find(|request| request.operation == "sso:GetRoleCredentials");
    assert_eq!(
        portal.unwrap().host,
        "portal.sso.eu-central-1.amazonaws.com"
    );
}

#[test]
fn an_account_that_is_not_the_one_of_the_profile_is_the_cause() {
    let world = World::healthy();
    world.caller("210987654321", "assumed-role/Dev/alice");
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "account-expected", "wrong-account-default-profile");
    let what = root["what"].as_str().unwrap();
    assert!(
        what.contains("210987654321") && what.contains("123456789012"),
        "{what}"
    );
}

#[test]
fn role_credentials_that_bedrock_refuses_are_renewed_by_signing_in() {
    let world = World::healthy();
    let message = "The security token included in the request is expired";
    world
        .rule(Rule::new("bedrock", "").aws_error(403, "ExpiredTokenException", message))
        .rule(Rule::new("bedrock-runtime", "").aws_error(403, "ExpiredTokenException", message))
        .rule(Rule::new("sts", "").aws_error(403, "ExpiredToken", message));
    let mut machine = with_session(&world);
    machine.sso_token("acme", &token(28_800, true));
    let told = checkup(&machine);
    let root = told.one_root(1, "credentials-accepted", "session-token-expired");
    assert_fix(root, "aws sso login --profile dev");
    told.finding("sso-role-assigned", "pass");
}

#[test]
fn offline_a_fresh_sign_in_is_good_and_an_expired_one_is_not() {
    for (left, exit) in [(28_800, 0), (-60, 1)] {
        let world = World::healthy();
        let mut machine = with_session(&world);
        machine.sso_token("acme", &token(left, false));
        let told = checkup_with(&machine, &["--offline"]);
        assert_eq!(told.run.code, exit, "{}", told.open());
        if exit == 1 {
            told.one_root(1, "sso-token-fresh", "sso-session-expired");
        }
        assert_eq!(world.connects(), [""; 0]);
    }
}
