//! Credentials that are missing, hidden, refused or expired, and helpers that misbehave.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};
use serde_json::Value;

use crate::harness::{Checkup, assert_fix, assert_owner, bare, checkup, checkup_with, machine};

const KEYS: &str = r#""AccessKeyId": "ASIAHELPER0000000001", "SecretAccessKey": "helper-secret-0001", "SessionToken": "helper-token-0001""#;
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/Bedrock\n";

/// A machine with a profile `dev` in use, and this text in the config file.
fn with_config(world: &World, text: &str) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file("~/.aws/config", text);
    machine
}

/// A machine whose profile `dev` runs this script.
fn with_helper(world: &World, script: &str) -> Machine {
    let mut machine = with_config(
        world,
        "[profile dev]\ncredential_process = @HOME@/helper.sh\n",
    );
    machine.executable("~/helper.sh", &format!("#!/bin/sh\n{script}\n"));
    machine
}

/// Asserts that what needs credentials was not tested because of this check.
#[track_caller]
fn blocked_by(told: &Checkup, root: &str) {
    let ids = [
        "profile-listing-allowed",
        "invocation-allowed",
        "model-access-granted",
        "use-case-form-submitted",
    ];
    told.blocked_by(root, &ids);
}

fn what(finding: &Value) -> &str {
    finding["what"].as_str().unwrap()
}

#[track_caller]
fn signed_only_by(world: &World, key: &str) {
    let requests = world.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(
            request.access_key_id.as_deref(),
            Some(key),
            "{}",
            request.operation
        );
    }
}

/// Has STS, Bedrock and its runtime refuse whatever is signed or sent.
fn refuse_everywhere(world: &World, code: &str, message: &str) {
    world.rule(Rule::new("", "").aws_error(403, code, message));
}

#[test]
fn an_unknown_profile_hides_the_keys_in_the_environment() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("AWS_PROFILE", "production")
        .file("~/.aws/config", "[profile prod]\nregion = us-east-1\n");
    let told = checkup(&machine);
    let root = told.one_root(1, "profile-exists", "aws-profile-not-found");
    assert!(what(root).contains("`production`"), "{root:#}");
    assert!(
        root["why"]
            .as_str()
            .unwrap()
            .contains("keys in the environment are ignored"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "unset AWS_PROFILE");
    blocked_by(&told, "profile-exists");
    assert_eq!(
        told.finding("credential-source-found", "blocked")["blocked_by"],
        "profile-exists"
    );
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn an_unknown_profile_without_keys_names_the_one_that_was_meant() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "porduction").file(
        "~/.aws/credentials",
        "[production]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "profile-exists", "aws-profile-not-found");
    assert_owner(root, "you");
    assert_fix(root, "export AWS_PROFILE=production");
    assert_fix(root, "aws configure list-profiles");
    blocked_by(&told, "profile-exists");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_profile_beats_the_keys_in_the_environment_with_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("variables-consistent", "warn");
    assert_eq!(warning["code"], "static-env-keys-shadow-profile");
    assert_owner(warning, "you");
    assert_fix(
        warning,
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    );
    signed_only_by(&world, "AKIAPROFILE000000001");
}

#[test]
fn half_a_pair_of_keys_in_the_profile_is_named() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = AKIAPROFILE000000001\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(
        what(root).contains("profile `dev` has `aws_access_key_id` but no `aws_secret_access_key`"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws configure --profile dev");
    blocked_by(&told, "credential-source-found");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn half_a_pair_of_keys_in_the_environment_is_named() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001");
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(
        what(root).contains("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"),
        "{root:#}"
    );
    blocked_by(&told, "credential-source-found");
}

#[test]
fn nothing_that_delivers_credentials_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&bare(&world));
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(
        root["why"]
            .as_str()
            .unwrap()
            .contains("Could not load credentials from any providers"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws configure sso");
    blocked_by(&told, "credential-source-found");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_section_without_the_word_profile_is_skipped() {
    let world = World::healthy();
    let text = "# mine\n[dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n";
    let told = checkup(&with_config(&world, text));
    let root = told.one_root(1, "aws-files-readable", "profile-section-misnamed");
    assert!(what(root).contains("~/.aws/config:2"), "{root:#}");
    assert!(
        root["fix"].to_string().contains("write `[profile dev]`"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +2 ~/.aws/config"#);
    blocked_by(&told, "aws-files-readable");
    assert_eq!(
        told.finding("profile-exists", "blocked")["blocked_by"],
        "aws-files-readable"
    );
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_source_profile_that_does_not_exist_is_named() {
    let world = World::healthy();
    let told = checkup(&with_config(
        &world,
        &format!("[profile dev]\n{ROLE}source_profile = base\n"),
    ));
    let root = told.one_root(1, "role-assumable", "source-profile-not-found");
    assert!(what(root).contains("`source_profile = base`"), "{root:#}");
    assert_owner(root, "you");
    assert_fix(root, "aws configure list-profiles");
    blocked_by(&told, "role-assumable");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_circle_of_source_profiles_is_drawn() {
    let world = World::healthy();
    let text = format!(
        "[profile dev]\n{ROLE}source_profile = base\n[profile base]\n{ROLE}source_profile = dev\n"
    );
    let told = checkup(&with_config(&world, &text));
    let root = told.one_root(1, "role-assumable", "source-profile-loop");
    assert!(what(root).contains("base → dev"), "{root:#}");
    assert!(
        root["fix"]
            .to_string()
            .contains("last profile of the circle"),
        "{root:#}"
    );
    assert_owner(root, "you");
    blocked_by(&told, "role-assumable");
    assert_eq!(world.operations(), [""; 0]);
}

/// A machine whose profile `dev` assumes a role with keys of the profile `base`.
fn with_role(world: &World, more: &str) -> Machine {
    let mut machine = with_config(
        world,
        &format!("[profile dev]\n{ROLE}source_profile = base\n{more}"),
    );
    machine.file(
        "~/.aws/credentials",
        "[base]\naws_access_key_id = AKIABASE000000000001\naws_secret_access_key = base-secret-0001\n",
    );
    machine
}

#[test]
fn a_refused_role_is_a_matter_for_the_administrator() {
    let world = World::healthy();
    let words = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/Bedrock";
    world.rule(Rule::new("sts", "").body("Action=AssumeRole&").aws_error(
        403,
        "AccessDenied",
        words,
    ));
    let told = checkup(&with_role(&world, ""));
    let root = told.one_root(2, "role-assumable", "assume-role-refused");
    assert_owner(root, "account-admin");
    assert!(what(root).contains(words), "{root:#}");
    assert_eq!(root["evidence"]["basis"], "reported");
    assert_fix(
        root,
        "aws iam get-role --role-name Bedrock --query Role.AssumeRolePolicyDocument",
    );
    let id = root["request_id"].as_str().unwrap();
    let hand_off = root["hand_off"].as_str().unwrap();
    assert!(
        hand_off.contains(words) && hand_off.contains(id),
        "{hand_off}"
    );
    blocked_by(&told, "role-assumable");
    assert_eq!(world.operations(), ["sts:AssumeRole"]);
}

#[test]
fn a_role_that_demands_a_code_cannot_be_used() {
    let world = World::healthy();
    let told = checkup(&with_role(
        &world,
        "mfa_serial = arn:aws:iam::123456789012:mfa/alice\n",
    ));
    let root = told.one_root(1, "role-assumable", "mfa-profile-unsupported");
    assert!(
        what(root).contains("multi-factor authentication"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(
        root,
        r#"eval "$(aws configure export-credentials --profile dev --format env)" && unset AWS_PROFILE"#,
    );
    blocked_by(&told, "role-assumable");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn expired_session_keys_are_one_cause() {
    let world = World::healthy();
    refuse_everywhere(
        &world,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    );
    world.rule(Rule::new("sts", "").aws_error(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    ));
    let mut machine = bare(&world);
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIASESSION000000001")
        .env("AWS_SECRET_ACCESS_KEY", "session-secret-0001")
        .env("AWS_SESSION_TOKEN", "session-token-0001")
        .env("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z");
    let told = checkup(&machine);
    let root = told.one_root(1, "credentials-accepted", "session-token-expired");
    assert_owner(root, "you");
    assert!(root["request_id"].is_string(), "{root:#}");
    assert_fix(
        root,
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    );
    assert_eq!(
        told.finding("credentials-not-expired", "blocked")["blocked_by"],
        "credentials-accepted"
    );
    blocked_by(&told, "credentials-accepted");
}

#[test]
fn an_expiry_that_only_the_variable_knows_is_a_warning_when_aws_accepts_the_keys() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z");
    let told = checkup(&machine);
    told.healthy();
    told.finding("credentials-not-expired", "warn");
}

#[test]
fn temporary_keys_without_their_token_are_one_cause() {
    let world = World::healthy();
    refuse_everywhere(
        &world,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    world.rule(Rule::new("sts", "").aws_error(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    ));
    let mut machine = bare(&world);
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIASESSION000000001")
        .env("AWS_SECRET_ACCESS_KEY", "session-secret-0001");
    let told = checkup(&machine);
    let root = told.one_root(1, "credentials-accepted", "security-token-invalid");
    assert!(
        root["fix"]
            .to_string()
            .contains("came without its session token"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(
        root,
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    );
    assert_eq!(
        told.finding("session-token-present", "blocked")["blocked_by"],
        "credentials-accepted"
    );
    blocked_by(&told, "credentials-accepted");
}

/// Asserts that the helper of profile `dev` is the one cause. Returns it.
#[track_caller]
fn helper_failed<'a>(told: &'a Checkup, world: &World) -> &'a Value {
    let root = told.one_root(1, "credential-helper-works", "credential-process-fails");
    assert_owner(root, "you");
    assert_fix(root, "aws configure get credential_process --profile dev");
    assert_eq!(
        told.finding("credential-source-found", "blocked")["blocked_by"],
        "credential-helper-works"
    );
    blocked_by(told, "credential-helper-works");
    assert_eq!(world.operations(), [""; 0]);
    assert!(!told.run.stdout.contains("helper-secret-0001"));
    root
}

#[test]
fn a_helper_that_chats_before_its_json_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&with_helper(
        &world,
        &format!("echo 'signing in …'; echo '{{\"Version\": 1, {KEYS}}}'"),
    ));
    let root = helper_failed(&told, &world);
    assert!(
        what(root).contains("other text before its JSON"),
        "{root:#}"
    );
    assert!(
        root["fix"]
            .to_string()
            .contains("log lines to standard error"),
        "{root:#}"
    );
}

#[test]
fn a_helper_without_a_version_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&with_helper(&world, &format!("echo '{{{KEYS}}}'")));
    assert!(what(helper_failed(&told, &world)).contains("no `Version`"));
}

#[test]
fn a_helper_that_hangs_is_stopped_and_named() {
    let world = World::healthy();
    let mut machine = with_helper(&world, "sleep 30; touch @HOME@/went-on");
    machine.limit(Duration::from_secs(25));
    let told = checkup_with(&machine, &["--timeout", "3"]);
    assert!(told.run.seconds < 15.0, "{}", told.run.seconds);
    assert!(what(helper_failed(&told, &world)).contains("timed out"));
}

#[test]
fn a_helper_that_floods_is_stopped_and_named() {
    let world = World::healthy();
    let told = checkup(&with_helper(&world, "yes"));
    assert!(told.run.seconds < 15.0, "{}", told.run.seconds);
    assert!(what(helper_failed(&told, &world)).contains("printed more than 1 MiB"));
}

#[test]
fn the_last_words_of_a_failing_helper_are_shown_without_secrets() {
    let world = World::healthy();
    let script = "echo trying >&2; echo 'Vault is sealed (password=hunter2-secret), token eyJhbGciOiJIUzI1NiJ9.e30.abc' >&2; exit 3";
    let told = checkup(&with_helper(&world, script));
    let root = helper_failed(&told, &world);
    assert!(
        what(root).contains("exit code 3") && what(root).contains("Vault is sealed"),
        "{root:#}"
    );
    for secret in ["hunter2-secret", "eyJhbGciOiJIUzI1NiJ9"] {
        assert!(!told.run.stdout.contains(secret), "{secret}");
    }
}

#[test]
fn a_helper_that_is_not_there_is_named() {
    let world = World::healthy();
    let told = checkup(&with_config(
        &world,
        "[profile dev]\ncredential_process = corp-login --json\n",
    ));
    let root = helper_failed(&told, &world);
    assert!(
        what(root).contains("corp-login") && what(root).contains("was not found"),
        "{root:#}"
    );
    assert!(
        root["fix"].to_string().contains("absolute path"),
        "{root:#}"
    );
}

#[test]
fn a_bad_export_is_a_warning_when_other_keys_do() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .executable("~/helper.sh", "#!/bin/sh\necho '{\"AccessKeyId\": \"ASIAHELPER0000000001\", \"SecretAccessKey\": \"helper-secret-0001\"}'\n")
        .file("~/.claude/settings.json", "{\n  \"awsCredentialExport\": \"@HOME@/helper.sh\"\n}");
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("credential-helper-works", "warn");
    assert_eq!(warning["code"], "credential-export-bad-output");
    assert!(
        what(warning).contains("no `SessionToken`")
            && what(warning).contains("keys in the environment"),
        "{warning:#}"
    );
    assert!(
        warning["fix"]
            .to_string()
            .contains("~/.claude/settings.json:2"),
        "{warning:#}"
    );
    signed_only_by(&world, "AKIAENVIRONMENT00001");
}

#[test]
fn a_bad_export_without_other_keys_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .executable(
            "~/helper.sh",
            "#!/bin/sh\necho 'not signed in' >&2; exit 1\n",
        )
        .file(
            "~/.claude/settings.json",
            "{\"awsCredentialExport\": \"@HOME@/helper.sh\"}",
        );
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-helper-works", "credential-export-bad-output");
    assert!(what(root).contains("not signed in"), "{root:#}");
    assert_owner(root, "you");
    blocked_by(&told, "credential-helper-works");
    assert_eq!(world.operations(), [""; 0]);
}

/// A short-term API key for a Region, signed on a day, for twelve hours.
fn api_key(region: &str, signed_at: &str) -> String {
    let url = format!(
        "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAKEY%2F20260101%2F{region}%2Fbedrock%2Faws4_request&X-Amz-Date={signed_at}&X-Amz-Expires=43200&Version=1"
    );
    format!("bedrock-api-key-{}", STANDARD.encode(url))
}

fn with_api_key(world: &World, key: &str) -> Machine {
    let mut machine = bare(world);
    machine.env("AWS_BEARER_TOKEN_BEDROCK", key);
    machine
}

/// Asserts that the API key is the one cause, in words of AWS as well as without asking.
#[track_caller]
fn api_key_refused(world: &World, machine: &Machine, code: &str, message: &str) -> Checkup {
    let offline = checkup_with(machine, &["--offline"]);
    let root = offline.one_root(1, "api-key-usable", code);
    assert_owner(root, "you");
    assert_eq!(world.connects(), [""; 0]);
    refuse_everywhere(world, "AccessDeniedException", message);
    let told = checkup(machine);
    let root = told.one_root(1, "credentials-accepted", code);
    assert_owner(root, "you");
    assert!(
        root["evidence"]["detail"]
            .as_str()
            .unwrap()
            .contains(message),
        "{root:#}"
    );
    assert!(root["request_id"].is_string(), "{root:#}");
    assert_eq!(
        told.finding("api-key-usable", "blocked")["blocked_by"],
        "credentials-accepted"
    );
    blocked_by(&told, "credentials-accepted");
    for part in ["bedrock-api-key-Ym", "sk-ant-api03"] {
        assert!(
            !told.run.stdout.contains(part) && !offline.run.stdout.contains(part),
            "the key is shown"
        );
    }
    offline
}

#[test]
fn an_expired_api_key_is_told_from_the_key_itself() {
    let world = World::healthy();
    let machine = with_api_key(&world, &api_key("us-east-1", "20260101T000000Z"));
    let offline = api_key_refused(
        &world,
        &machine,
        "bearer-expired",
        "Bearer Token has expired",
    );
    assert!(what(&offline.roots()[0]).contains("(2026-01-01 12:00 UTC)"));
    assert_fix(&offline.roots()[0], "unset AWS_BEARER_TOKEN_BEDROCK");
}

#[test]
fn an_api_key_of_another_region_names_both() {
    let world = World::healthy();
    let machine = with_api_key(&world, &api_key("eu-west-1", "20990101T000000Z"));
    let message = "Authentication failed: Please make sure your API Key is valid.";
    let offline = api_key_refused(&world, &machine, "bearer-wrong-region-or-invalid", message);
    let told = checkup(&machine);
    for root in [&offline.roots()[0], &told.roots()[0]] {
        assert!(
            what(root).contains("`eu-west-1`") && what(root).contains("`us-east-1`"),
            "{root:#}"
        );
        assert_fix(root, "export AWS_REGION=eu-west-1");
    }
}

#[test]
fn a_key_of_another_service_is_no_bedrock_api_key() {
    let world = World::healthy();
    let machine = with_api_key(&world, "sk-ant-api03-0001-0001");
    let message = "Invalid API Key format: Must start with pre-defined prefix";
    let offline = api_key_refused(&world, &machine, "bearer-invalid-format", message);
    assert_fix(&offline.roots()[0], "unset AWS_BEARER_TOKEN_BEDROCK");
}

#[test]
fn an_api_key_that_bedrock_refuses_is_the_cause() {
    for (message, code) in [
        ("Bearer Token has expired", "bearer-expired"),
        (
            "Authentication failed: Please make sure your API Key is valid.",
            "bearer-wrong-region-or-invalid",
        ),
    ] {
        let world = World::healthy();
        refuse_everywhere(&world, "AccessDeniedException", message);
        let told = checkup(&with_api_key(&world, "ABSKQmVkcm9ja0FQSUtleS0wMDAx"));
        let root = told.one_root(1, "credentials-accepted", code);
        assert_owner(root, "you");
        assert!(
            root["fix"].to_string().contains("make a new API key"),
            "{root:#}"
        );
        told.finding("api-key-usable", "pass");
        blocked_by(&told, "credentials-accepted");
        assert!(
            !told.run.stdout.contains("ABSKQmVkcm9ja0"),
            "the key is shown"
        );
    }
}

#[test]
fn a_refusal_without_a_code_is_understood_by_its_words() {
    let world = World::healthy();
    world.rule(Rule::new("", "").respond(
        403,
        &[("content-type", "application/json")],
        r#"{"Message":"Bearer Token has expired"}"#,
    ));
    let told = checkup(&with_api_key(&world, "ABSKQmVkcm9ja0FQSUtleS0wMDAx"));
    told.one_root(1, "credentials-accepted", "bearer-expired");
    blocked_by(&told, "credentials-accepted");
}

#[test]
fn a_gateway_takes_keys_of_its_own() {
    let world = World::healthy();
    world.gateway("llm.example.com");
    let mut machine = with_api_key(&world, "sk-gateway-0001");
    machine.env("ANTHROPIC_BEDROCK_BASE_URL", "https://llm.example.com");
    let told = checkup(&machine);
    told.healthy();
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.bearer.as_deref() == Some("sk-gateway-0001"))
    );
}

/// The lines of a profile that uses IAM Identity Center.
const SSO: &str = "sso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n[sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1\n";

#[test]
fn a_role_on_top_of_an_expired_sign_in_is_one_cause() {
    let world = World::healthy();
    let text = format!("[profile dev]\n{ROLE}source_profile = sso\n[profile sso]\n{SSO}");
    let mut machine = with_config(&world, &text);
    let expired = TokenSpec {
        expires_in_seconds: -60,
        refreshable: false,
        ..TokenSpec::default()
    };
    machine.sso_token("acme", &expired);
    let told = checkup(&machine);
    let root = told.one_root(1, "sso-token-fresh", "sso-session-expired");
    assert_fix(root, "aws sso login --profile sso");
    assert_eq!(
        told.finding("role-assumable", "blocked")["blocked_by"],
        "sso-token-fresh"
    );
    blocked_by(&told, "sso-token-fresh");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_role_on_top_of_a_role_that_is_not_assigned_is_one_cause() {
    let world = World::healthy();
    world.rule(Rule::new("portal.sso", "").aws_error(403, "ForbiddenException", "No access"));
    let text = format!("[profile dev]\n{ROLE}source_profile = sso\n[profile sso]\n{SSO}");
    let mut machine = with_config(&world, &text);
    machine.sso_token("acme", &TokenSpec::default());
    let told = checkup(&machine);
    told.one_root(2, "sso-role-assigned", "sso-role-assignment-stale");
    assert_eq!(
        told.finding("role-assumable", "blocked")["blocked_by"],
        "sso-role-assigned"
    );
    blocked_by(&told, "sso-role-assigned");
    assert_eq!(world.operations(), ["sso:GetRoleCredentials"]);
}

#[test]
fn a_role_assumed_with_expired_keys_is_for_the_user_to_renew() {
    let world = World::healthy();
    let message = "The security token included in the request is expired";
    world.rule(Rule::new("sts", "").aws_error(403, "ExpiredToken", message));
    let told = checkup(&with_role(&world, ""));
    let root = told.one_root(1, "role-assumable", "session-token-expired");
    assert!(what(root).contains(message), "{root:#}");
    assert_owner(root, "you");
    blocked_by(&told, "role-assumable");
}

#[test]
fn a_portal_that_never_answers_is_a_matter_of_the_network() {
    let world = World::healthy();
    world.rule(Rule::new("portal.sso", "").hang());
    let mut machine = with_config(&world, &format!("[profile dev]\n{SSO}"));
    machine.sso_token("acme", &TokenSpec::default());
    let told = checkup_with(&machine, &["--timeout", "3"]);
    let root = told.one_root(2, "endpoints-reachable", "request-timeout-or-stall");
    assert!(
        what(root).contains("`portal.sso.us-east-1.amazonaws.com`")
            && what(root).contains("timed out"),
        "{root:#}"
    );
    assert_owner(root, "network-team");
    blocked_by(&told, "endpoints-reachable");
    assert!(told.run.seconds < 10.0, "{}", told.run.seconds);
}

#[test]
fn a_web_identity_token_that_is_not_there_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/no-token",
        )
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Pod");
    let told = checkup(&machine);
    let root = told.one_root(1, "role-assumable", "irsa-pod-identity-not-used");
    assert!(what(root).contains("/no-token` does not exist"), "{root:#}");
    assert_owner(root, "you");
    blocked_by(&told, "role-assumable");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn half_a_web_identity_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Pod");
    let told = checkup(&machine);
    let root = told.one_root(1, "role-assumable", "irsa-pod-identity-not-used");
    assert_owner(root, "you");
    blocked_by(&told, "role-assumable");
}

#[test]
fn a_web_identity_that_sts_refuses_names_the_role() {
    let world = World::healthy();
    world.rule(Rule::new("sts", "").aws_error(
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    ));
    let mut machine = bare(&world);
    machine
        .file("~/token", "oidc-token-0001")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/token")
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Pod");
    let told = checkup(&machine);
    let root = told.one_root(2, "role-assumable", "assume-role-refused");
    assert!(
        what(root).contains("role/Pod") && what(root).contains("Not authorized"),
        "{root:#}"
    );
    assert_owner(root, "account-admin");
    blocked_by(&told, "role-assumable");
    assert!(!told.run.stdout.contains("oidc-token-0001"));
}

#[test]
fn a_container_endpoint_that_refuses_is_no_matter_of_the_network() {
    let world = World::healthy();
    world.rule(Rule::new("container", "").respond(403, &[], "no"));
    let mut machine = bare(&world);
    machine.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &world.container_url());
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(what(root).contains("HTTP 403"), "{root:#}");
    assert!(root["fix"].to_string().contains("ECS task"), "{root:#}");
    blocked_by(&told, "credential-source-found");
}

#[test]
fn a_machine_outside_ec2_hears_nothing_of_instance_metadata() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env_remove("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9");
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(what(root).contains("nothing is configured"), "{root:#}");
    assert_fix(root, "aws configure sso");
    blocked_by(&told, "credential-source-found");
}

#[test]
fn a_helper_that_delivers_expired_credentials_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&with_helper(
        &world,
        &format!("echo '{{\"Version\": 1, {KEYS}, \"Expiration\": \"2026-01-01T00:00:00Z\"}}'"),
    ));
    assert!(what(helper_failed(&told, &world)).contains("expired"));
}

#[test]
fn what_a_stopped_helper_started_is_stopped_too() {
    let world = World::healthy();
    let machine = with_helper(&world, "sleep 60 & echo $! > @HOME@/pid; wait");
    let told = checkup_with(&machine, &["--timeout", "2"]);
    helper_failed(&told, &world);
    let pid = std::fs::read_to_string(machine.home().join("pid")).unwrap();
    let alive = || {
        machine
            .run("/bin/sh", &["-c", &format!("kill -0 {pid}")])
            .code
            == 0
    };
    // A zombie counts as alive until its new parent has looked.
    for _ in 0..50 {
        if !alive() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{pid} is still running");
}

#[test]
fn an_export_that_hangs_gives_way_to_other_keys() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .executable("~/helper.sh", "#!/bin/sh\nsleep 30\n")
        .file(
            "~/.claude/settings.json",
            "{\"awsCredentialExport\": \"@HOME@/helper.sh\"}",
        );
    let told = checkup_with(&machine, &["--timeout", "8"]);
    let warning = told.finding("credential-helper-works", "warn");
    assert!(what(warning).contains("timed out"), "{warning:#}");
    told.healthy();
}

#[test]
fn a_wrong_secret_key_is_one_cause() {
    let world = World::healthy();
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    world
        .rule(Rule::new("", "").aws_error(403, "InvalidSignatureException", message))
        .rule(Rule::new("sts", "").aws_error(403, "SignatureDoesNotMatch", message));
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "credentials-accepted", "wrong-secret-key");
    assert_owner(root, "you");
    assert_fix(root, "aws configure --profile dev");
    blocked_by(&told, "credentials-accepted");
}

#[test]
fn a_credentials_file_that_is_a_folder_is_the_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "dev")
        .file("~/.aws/credentials/oops", "");
    let told = checkup(&machine);
    let root = told.one_root(1, "aws-files-readable", "aws-file-unreadable");
    assert!(what(root).contains("it is a folder"), "{root:#}");
    assert_fix(root, "ls -ld ~/.aws/credentials");
    blocked_by(&told, "aws-files-readable");
}

#[test]
fn a_profile_in_the_settings_that_does_not_exist_is_named_with_its_line() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.file(
        "~/.claude/settings.json",
        "{\n  \"env\": {\n    \"AWS_PROFILE\": \"gone\"\n  }\n}\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "profile-exists", "aws-profile-not-found");
    assert!(what(root).contains("~/.claude/settings.json:3"), "{root:#}");
    assert_fix(root, r#""${EDITOR:-vi}" +3 ~/.claude/settings.json"#);
    blocked_by(&told, "profile-exists");
}

#[test]
fn an_api_key_beats_profile_and_keys_with_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("AWS_BEARER_TOKEN_BEDROCK", "ABSKQmVkcm9ja0FQSUtleS0wMDAx")
        .env("AWS_PROFILE", "gone");
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("variables-consistent", "warn");
    assert_eq!(warning["code"], "bearer-beats-credentials");
    assert_fix(warning, "unset AWS_BEARER_TOKEN_BEDROCK");
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.bearer.is_some())
    );
}

#[test]
fn unsigned_requests_to_aws_are_one_cause() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1");
    let told = checkup(&machine);
    let root = told.one_root(1, "variables-consistent", "skip-auth-without-gateway");
    assert_owner(root, "you");
    assert_fix(root, "unset CLAUDE_CODE_SKIP_BEDROCK_AUTH");
    blocked_by(&told, "variables-consistent");
}

#[test]
fn a_sign_in_with_the_console_that_is_missing_is_the_cause() {
    let world = World::healthy();
    let told = checkup(&with_config(
        &world,
        "[profile dev]\nlogin_session = arn:aws:iam::123456789012:user/alice\n",
    ));
    let root = told.one_root(1, "credential-source-found", "login-session-missing");
    assert_owner(root, "you");
    assert_fix(root, "aws login --profile dev");
    blocked_by(&told, "credential-source-found");
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn where_a_host_delivers_the_credentials_a_profile_is_not_used() {
    let world = World::healthy();
    let mut machine = with_config(
        &world,
        "[profile dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    machine.env("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", "1");
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    let why = root["why"].as_str().unwrap();
    assert!(
        why.contains("Bedrock credentials are managed by the desktop app, but none are available."),
        "{why}"
    );
    assert_eq!(world.operations(), [""; 0]);
    machine
        .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001");
    checkup(&machine).healthy();
    signed_only_by(&world, "AKIAENVIRONMENT00001");
}

#[test]
fn an_endpoint_that_the_sdk_refuses_ends_the_chain() {
    let world = World::healthy();
    let mut machine = with_config(
        &world,
        &format!(
            "[profile dev]\n{ROLE}source_profile = base\nuse_fips_endpoint = true\nendpoint_url = {}\n[profile base]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
            world.plain_url()
        ),
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert!(
        what(root).contains("FIPS and custom endpoint are not supported"),
        "{root}"
    );
    assert_eq!(world.operations(), [""; 0]);
    machine.env("AWS_USE_FIPS_ENDPOINT", "false");
    checkup(&machine).healthy();
}
