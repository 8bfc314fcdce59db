//! Ids, versions and endpoints that lead past the models: told from what is configured, and from what AWS answers.

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::Value;

use crate::harness::{Checkup, assert_fix, assert_owner, checkup, checkup_with, commands, machine};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const UNKNOWN_ID: &str = "The provided model identifier is invalid.";

/// A machine that uses one model for everything.
fn pinned(world: &World, model: &str) -> Machine {
    let mut machine = machine(world);
    machine.env("ANTHROPIC_MODEL", model);
    machine
}

/// A world that refuses every invocation because of the model's id.
fn knows_no_model() -> World {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").aws_error(400, "ValidationException", UNKNOWN_ID));
    world
}

/// The finding of the check of versions, with the version that is assumed.
fn of_version<'a>(told: &'a Checkup, code: &str) -> &'a Value {
    let found = told.findings("claude-code-version-known-good");
    found
        .iter()
        .find(|finding| finding["code"] == code)
        .unwrap_or_else(|| panic!("no {code}: {found:#?}"))
}

#[track_caller]
fn assert_update(finding: &Value) {
    assert_owner(finding, "you");
    assert!(
        finding["fix"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("update Claude Code"),
        "{finding}"
    );
}

#[test]
fn a_broken_prefix_is_told_with_the_id_that_was_meant() {
    let world = knows_no_model();
    let told = checkup(&pinned(&world, ".anthropic.claude-sonnet-4-6"));
    let root = told.one_root(1, "model-id-well-formed", "alias-resolves-to-malformed-id");
    assert_owner(root, "you");
    assert_fix(root, &format!("export ANTHROPIC_MODEL={MAIN}"));
}

#[test]
fn a_tag_of_claude_code_that_would_reach_bedrock_is_told_as_such() {
    let world = knows_no_model();
    let told = checkup(&pinned(&world, &format!("{MAIN}[1m]x")));
    let root = told.one_root(1, "model-id-well-formed", "one-m-suffix-leaks");
    assert_owner(root, "you");
    assert!(root["what"].as_str().unwrap().contains("[1m]"), "{root}");
    assert!(!commands(root).is_empty(), "{root}");
}

#[test]
fn an_id_with_the_ending_of_another_model_is_told_with_the_right_one() {
    let world = knows_no_model();
    world.inference_profiles(&["us.anthropic.claude-opus-4-6-v1"]);
    let told = checkup(&pinned(&world, "us.anthropic.claude-opus-4-6-v1:0"));
    let root = told.one_root(1, "model-id-accepted", "model-id-version-suffix-wrong");
    assert_owner(root, "you");
    assert_fix(
        root,
        "export ANTHROPIC_MODEL=us.anthropic.claude-opus-4-6-v1",
    );
}

#[test]
fn a_model_that_the_region_does_not_list_is_told_with_the_list() {
    let world = knows_no_model();
    let told = checkup(&pinned(&world, "us.anthropic.claude-unlisted-9"));
    let root = told.one_root(1, "model-id-accepted", "model-not-in-region");
    assert_owner(root, "you");
    assert!(
        commands(root)
            .iter()
            .any(|command| command.starts_with("aws bedrock list-inference-profiles")),
        "{root}"
    );
}

#[test]
fn a_commercial_id_in_govcloud_is_told_with_the_id_of_govcloud() {
    let world = knows_no_model();
    world.inference_profiles(&["us-gov.anthropic.claude-sonnet-4-6"]);
    let mut machine = pinned(&world, MAIN);
    machine.env("AWS_REGION", "us-gov-west-1");
    let told = checkup(&machine);
    let root = told.one_root(1, "model-prefix-matches-region", "govcloud-prefix");
    assert_owner(root, "you");
    assert_fix(
        root,
        "export ANTHROPIC_MODEL=us-gov.anthropic.claude-sonnet-4-6",
    );
}

#[test]
fn a_model_of_another_vendor_is_a_warning_where_bedrock_takes_it() {
    let world = World::healthy();
    let told = checkup(&pinned(&world, "amazon.nova-lite-v1:0"));
    let warning = told.finding("model-id-well-formed", "warn");
    assert_eq!(warning["code"], "non-anthropic-model-via-claude-code");
    assert_owner(warning, "you");
    assert!(
        warning["fix"].to_string().contains("choose a Claude model"),
        "{warning}"
    );
}

#[test]
fn versions_with_known_defects_are_told_by_what_meets_them() {
    let world = World::healthy();
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456";
    world.application_profile("abcdef123456", "anthropic.claude-sonnet-4-6");
    for (version, code) in [
        ("2.1.69", "beta-flag-rejected"),
        ("2.1.121", "app-profile-request-shape"),
        ("2.1.40", "billing-header-reserved-keyword"),
        ("2.0.31", "context-command-fails"),
        ("1.0.35", "proxy-ignored-in-bedrock-mode"),
        ("2.1.162", "first-run-forces-anthropic-login"),
    ] {
        let mut machine = pinned(&world, arn);
        machine.env("CI", "true");
        let told = checkup_with(&machine, &["--claude-version", version]);
        assert_update(of_version(&told, code));
    }
}

#[test]
fn a_refresh_command_behind_a_proxy_is_told_with_the_version_that_goes_around_it() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.file("~/.claude/settings.json", "{\"awsAuthRefresh\": \"true\"}");
    let told = checkup_with(&machine, &["--claude-version", "2.1.200"]);
    assert_update(of_version(&told, "credential-precheck-bypasses-proxy"));
}

#[test]
fn an_endpoint_of_another_region_is_told_with_both() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env(
        "ANTHROPIC_BEDROCK_BASE_URL",
        "https://bedrock-runtime.us-west-2.amazonaws.com",
    );
    let told = checkup(&machine);
    let code = "endpoint-region-vs-signing-region";
    let root = told.one_root(1, "endpoint-serves-bedrock", code);
    assert_owner(root, "you");
    assert_fix(root, "export AWS_REGION=us-west-2");
    assert_fix(root, "unset ANTHROPIC_BEDROCK_BASE_URL");
    let refused = told.finding("credentials-accepted", "blocked");
    assert_eq!(refused["code"], code);
}

#[test]
fn an_endpoint_of_another_service_is_told_by_its_name() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "/model/").aws_error(404, "UnknownOperationException", ""));
    let mut machine = machine(&world);
    machine.env(
        "ANTHROPIC_BEDROCK_BASE_URL",
        "https://bedrock.us-east-1.amazonaws.com",
    );
    for arguments in [&[][..], &["--offline"]] {
        let told = checkup_with(&machine, arguments);
        let root = told.one_root(1, "endpoint-serves-bedrock", "bedrock-base-url-404");
        assert_owner(root, "you");
        assert_fix(root, "unset ANTHROPIC_BEDROCK_BASE_URL");
    }
}

#[test]
fn an_answer_that_knows_no_such_operation_blames_the_address() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").aws_error(404, "UnknownOperationException", ""));
    let told = checkup(&machine(&world));
    let root = told.one_root(1, "endpoint-serves-bedrock", "bedrock-base-url-404");
    assert_owner(root, "you");
    assert_eq!(root["evidence"]["basis"], "reported");
    for id in [
        "invocation-allowed",
        "model-access-granted",
        "model-id-accepted",
    ] {
        let blocked = told.finding(id, "blocked");
        assert_eq!(blocked["blocked_by"], "endpoint-serves-bedrock");
    }
}

#[test]
fn unsigned_requests_through_a_gateway_are_told_with_the_version_that_cannot_make_them() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")
        .env("ANTHROPIC_BEDROCK_BASE_URL", "https://gateway.example.com");
    let told = checkup_with(&machine, &["--offline", "--claude-version", "1.0.98"]);
    assert_update(of_version(&told, "skip-auth-gateway-login-required"));
}

#[test]
fn an_address_of_the_anthropic_api_is_told_as_unused() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("ANTHROPIC_BASE_URL", "https://gateway.example.com");
    let told = checkup(&machine);
    let warning = told.finding("variables-consistent", "warn");
    assert_eq!(warning["code"], "anthropic-vs-bedrock-base-url");
    assert_owner(warning, "you");
    assert_fix(warning, "unset ANTHROPIC_BASE_URL");
}

#[test]
fn a_part_that_does_without_the_application_profile_is_told_with_the_variable() {
    let world = World::healthy();
    world.application_profile("abcdef123456", "anthropic.claude-sonnet-4-6");
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456";
    let haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    world.rule(Rule::new("bedrock-runtime", "").model(haiku).aws_error(
        403,
        "AccessDeniedException",
        &format!(
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: \
             bedrock:InvokeModelWithResponseStream on resource: \
             arn:aws:bedrock:us-east-1:123456789012:inference-profile/{haiku} because no identity-based policy allows \
             the bedrock:InvokeModelWithResponseStream action"
        ),
    ));
    let mut machine = pinned(&world, arn);
    machine.env("ANTHROPIC_DEFAULT_HAIKU_MODEL", haiku);
    let told = checkup(&machine);
    let code = "app-profile-not-used-everywhere";
    let root = told.one_root(1, "invocation-allowed", code);
    assert_owner(root, "you");
    assert_fix(root, &format!("export ANTHROPIC_DEFAULT_HAIKU_MODEL={arn}"));
}

/// A machine that uses Mantle alone, and one model for everything.
fn on_mantle(world: &World, model: &str) -> Machine {
    let mut machine = pinned(world, model);
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "")
        .env("CLAUDE_CODE_USE_MANTLE", "1")
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", model);
    machine
}

#[test]
fn mantle_is_asked_for_its_list_with_a_signature_of_its_own() {
    let world = World::healthy();
    let told = checkup(&on_mantle(&world, "anthropic.claude-opus-5-5"));
    assert_eq!(told.run.code, 3, "{}", told.open());
    let listed = told.finding("mantle-lists-models", "pass");
    assert_eq!(listed["evidence"]["basis"], "reported");
    let detail = listed["evidence"]["detail"].as_str().unwrap();
    assert!(detail.contains("no proof of access"), "{detail}");
    let mut asked = world.requests();
    asked.retain(|request| request.operation == "bedrock-mantle:ListModels");
    let [asked] = asked.as_slice() else {
        panic!("{:?}", world.operations());
    };
    assert_eq!(asked.signing_service.as_deref(), Some("bedrock-mantle"));
    assert_eq!(asked.signing_region.as_deref(), Some("us-east-1"));
    assert_eq!(asked.access_key_id.as_deref(), Some("AKIAENVIRONMENT00001"));
    // Whether requests with prompts are answered stays open.
    told.finding("model-access-granted", "cannot-tell");
}

#[test]
fn a_model_that_mantle_does_not_list_is_told_with_the_list() {
    let world = World::healthy();
    world.inference_profiles(&["us.anthropic.claude-sonnet-5"]);
    let told = checkup(&on_mantle(&world, "anthropic.claude-opus-5-5"));
    let root = told.one_root(1, "mantle-lists-models", "mantle-model-id");
    assert_owner(root, "you");
    assert!(
        root["fix"]
            .to_string()
            .contains("`anthropic.claude-sonnet-5`"),
        "{root}"
    );
}

#[test]
fn a_bedrock_key_asks_mantle_too() {
    let world = World::healthy();
    let mut machine = on_mantle(&world, "anthropic.claude-opus-5-5");
    machine
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_BEARER_TOKEN_BEDROCK", "ABSKbedrock-key-0000000001");
    let told = checkup(&machine);
    told.finding("mantle-lists-models", "pass");
    let asked = world.requests();
    let list = asked
        .iter()
        .find(|it| it.operation == "bedrock-mantle:ListModels");
    assert_eq!(
        list.and_then(|it| it.bearer.as_deref()),
        Some("ABSKbedrock-key-0000000001")
    );
}

#[test]
fn a_list_that_mantle_refuses_is_no_pass() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-mantle", "").respond(
        403,
        &[("content-type", "application/json")],
        "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"not for you\"}}",
    ));
    let told = checkup(&on_mantle(&world, "anthropic.claude-opus-5-5"));
    assert_eq!(told.run.code, 3, "{}", told.open());
    let untold = told.finding("mantle-lists-models", "cannot-tell");
    assert!(
        untold["what"].as_str().unwrap().contains("not for you"),
        "{untold}"
    );
}

#[test]
fn a_network_without_a_way_to_mantle_is_told_with_its_host() {
    let world = World::healthy();
    world.dns_failure("bedrock-mantle");
    let told = checkup(&on_mantle(&world, "anthropic.claude-opus-5-5"));
    let root = told.one_root(2, "endpoints-reachable", "dns-lookup-failed");
    assert_eq!(root["subject"], "bedrock-mantle.us-east-1.api.aws");
}

#[test]
fn mantle_is_asked_for_ids_of_its_own() {
    let world = World::healthy();
    let mut machine = pinned(&world, "us.anthropic.claude-opus-5-5");
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "")
        .env("CLAUDE_CODE_USE_MANTLE", "1");
    let told = checkup(&machine);
    let root = told.one_root(1, "model-id-well-formed", "mantle-model-id");
    assert_owner(root, "you");
    assert_fix(root, "export ANTHROPIC_MODEL=anthropic.claude-opus-5-5");
}

#[test]
fn with_both_services_and_every_model_on_mantle_bedrock_is_asked_for_none() {
    let world = World::healthy();
    let mut machine = on_mantle(&world, "anthropic.claude-opus-5-5");
    machine.env("CLAUDE_CODE_USE_BEDROCK", "1");
    let told = checkup(&machine);
    assert_eq!(told.run.code, 3, "{}", told.open());
    told.finding("mantle-lists-models", "pass");
    for id in [
        "model-access-granted",
        "invocation-allowed",
        "model-id-accepted",
    ] {
        told.finding(id, "cannot-tell");
    }
    assert!(!world.operations().iter().any(|it| it.contains("Invoke")));
}

#[test]
fn a_model_on_mantle_is_neither_asked_of_bedrock_nor_called_good() {
    let world = World::healthy();
    let mut machine = pinned(&world, "anthropic.claude-opus-5-5");
    machine
        .env("CLAUDE_CODE_USE_MANTLE", "1")
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", MAIN);
    let told = checkup(&machine);
    assert_eq!(told.run.code, 3, "{}", told.open());
    let untold = told.finding("model-access-granted", "cannot-tell");
    assert_eq!(untold["subject"], "anthropic.claude-opus-5-5");
    for request in world.requests() {
        assert_ne!(request.model.as_deref(), Some("anthropic.claude-opus-5-5"));
    }
    let tried = told.finding("model-access-granted", "pass");
    assert_eq!(tried["subject"], MAIN);
}
