//! Policies that deny, and who has to change them.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::Value;

use crate::harness::{Checkup, assert_fix, assert_owner, bare, checkup, commands, machine};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/Dev/alice";

/// A machine that uses one model for everything.
fn pinned(world: &World) -> Machine {
    let mut machine = machine(world);
    machine.env("ANTHROPIC_MODEL", MAIN);
    machine
}

/// AWS's sentence for a denied action on a resource; `reason` ends it.
fn sentence(action: &str, resource: &str, reason: &str) -> String {
    format!(
        "User: {CALLER} is not authorized to perform: {action} on resource: {resource} {reason}"
    )
}

fn profile() -> String {
    format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}")
}

fn foundation(region: &str) -> String {
    format!("arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-6")
}

/// Denies both operations that invoke a model.
fn deny(world: &World, resource: &str, reason: impl Fn(&str) -> String) {
    for (path, action) in [
        ("/invoke", "bedrock:InvokeModel"),
        (
            "/invoke-with-response-stream",
            "bedrock:InvokeModelWithResponseStream",
        ),
    ] {
        let message = sentence(action, resource, &reason(action));
        world.rule(Rule::new("bedrock-runtime", path).aws_error(
            403,
            "AccessDeniedException",
            &message,
        ));
    }
}

#[track_caller]
fn assert_hand_off(root: &Value, words: &[&str]) {
    let text = root["hand_off"].as_str().unwrap_or_default();
    let id = root["request_id"].as_str().unwrap_or("no request id");
    for word in words.iter().chain(&[CALLER, id]) {
        assert!(
            text.contains(word),
            "`{word}` is missing in the text to forward:\n{text}"
        );
    }
}

#[track_caller]
fn assert_fix_says(root: &Value, words: &str) {
    let fix = root["fix"].to_string();
    assert!(fix.contains(words), "{fix}");
}

#[track_caller]
fn assert_reported(root: &Value) {
    assert_eq!(root["evidence"]["basis"], "reported");
    let id = root["request_id"].as_str().unwrap_or_default();
    assert!(id.starts_with("00000000-0000-4000-8000-"), "{root}");
}

#[test]
fn a_missing_permission_to_invoke_is_told_with_the_statement_that_grants_it() {
    let world = World::healthy();
    deny(&world, &profile(), |action| {
        format!("because no identity-based policy allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    assert_owner(root, "account-admin");
    assert_reported(root);
    assert_fix_says(root, &profile());
    assert_fix_says(root, "foundation-model/anthropic.claude-sonnet-4-6");
    assert_fix_says(root, "bedrock:InvokeModelWithResponseStream");
    assert_fix(root, "bedrock-doctor policy");
    let resource = format!("Resource: {}", profile());
    assert_hand_off(
        root,
        &[
            "Caller: ",
            "Action: bedrock:InvokeModelWithResponseStream",
            &resource,
            "AWS request id: ",
            "Time: ",
            "What is needed: add to",
            "Attached: the output of `bedrock-doctor policy` from this machine",
        ],
    );
}

#[test]
fn two_models_denied_for_the_same_reason_are_one_cause() {
    let world = World::healthy();
    deny(&world, &profile(), |action| {
        format!("because no identity-based policy allows the {action} action")
    });
    let mut machine = pinned(&world);
    machine.env(
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    );
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    let text = root.to_string();
    assert!(
        text.contains("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        "{text}"
    );
    assert_hand_off(root, &["us.anthropic.claude-haiku-4-5-20251001-v1:0"]);
}

#[test]
fn a_missing_permission_for_the_model_behind_a_profile_is_told_as_such() {
    let world = World::healthy();
    deny(&world, &foundation("us-east-1"), |action| {
        format!("because no identity-based policy allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-profile-and-model-both-needed");
    assert_owner(root, "account-admin");
    assert_fix_says(root, "foundation-model/anthropic.claude-sonnet-4-6");
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream"]);
}

#[test]
fn a_missing_permission_in_a_destination_region_names_the_region() {
    let world = World::healthy();
    deny(&world, &foundation("us-west-2"), |action| {
        format!("because no identity-based policy allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-destination-region-missing");
    assert_owner(root, "account-admin");
    assert!(
        root["what"].as_str().unwrap().contains("us-west-2"),
        "{root}"
    );
}

#[test]
fn an_explicit_deny_in_an_iam_policy_names_the_policy() {
    let world = World::healthy();
    let policy = "arn:aws:iam::123456789012:policy/DenyBedrock";
    deny(&world, &profile(), |_| {
        format!("with an explicit deny in an identity-based policy: {policy}")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-explicit-deny");
    assert_owner(root, "account-admin");
    assert_reported(root);
    assert_fix_says(root, policy);
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream", policy]);
}

#[test]
fn an_organization_that_denies_a_destination_region_is_told_with_the_region() {
    let world = World::healthy();
    deny(&world, &foundation("us-east-2"), |_| {
        "with an explicit deny in a service control policy".to_owned()
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "scp-deny-destination-region");
    assert_owner(root, "org-admin");
    assert_reported(root);
    assert!(
        root["what"].as_str().unwrap().contains("us-east-2"),
        "{root}"
    );
    assert!(
        root["why"]
            .as_str()
            .unwrap()
            .contains("credentials are good"),
        "{root}"
    );
    assert_fix_says(root, "bedrock:InferenceProfileArn");
    assert_hand_off(
        root,
        &["bedrock:InvokeModelWithResponseStream", "us-east-2"],
    );
}

#[test]
fn an_organization_that_denies_global_profiles_is_told_with_the_way_around() {
    let world = World::healthy();
    let policy =
        "arn:aws:organizations::210987654321:policy/o-example/service_control_policy/p-example";
    deny(
        &world,
        "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5",
        |_| format!("with an explicit deny in a service control policy: {policy}"),
    );
    let mut machine = machine(&world);
    machine.env("ANTHROPIC_MODEL", "global.anthropic.claude-opus-5-5");
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, "invocation-allowed", "scp-deny-global-profile");
    assert_owner(root, "org-admin");
    assert_reported(root);
    assert_fix(root, "export ANTHROPIC_MODEL=us.anthropic.claude-opus-5-5");
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream", policy]);
}

#[test]
fn a_permissions_boundary_is_told_as_such() {
    let world = World::healthy();
    deny(&world, &profile(), |action| {
        format!("because no permissions boundary allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-session-policy-or-boundary");
    assert_owner(root, "account-admin");
    assert_reported(root);
    assert!(
        root["what"]
            .as_str()
            .unwrap()
            .contains("permissions boundary"),
        "{root}"
    );
    assert_fix_says(root, "permissions boundary");
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream"]);
}

#[test]
fn a_session_policy_is_told_as_such() {
    let world = World::healthy();
    deny(&world, &profile(), |action| {
        format!("because no session policy allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-session-policy-or-boundary");
    assert_owner(root, "account-admin");
    assert_reported(root);
    assert!(
        root["what"].as_str().unwrap().contains("session policy"),
        "{root}"
    );
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream"]);
}

#[test]
fn the_policy_of_a_vpc_endpoint_belongs_to_the_network_team() {
    let world = World::healthy();
    deny(&world, &profile(), |action| {
        format!("because no VPC endpoint policy allows the {action} action")
    });
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "vpc-endpoint-policy-deny");
    assert_owner(root, "network-team");
    assert_reported(root);
    assert_fix_says(root, "VPC endpoint");
    assert_hand_off(root, &["bedrock:InvokeModelWithResponseStream"]);
}

#[test]
fn a_denied_start_up_check_is_a_warning_when_answers_stream() {
    let world = World::healthy();
    let message = sentence(
        "bedrock:InvokeModel",
        &profile(),
        "because no identity-based policy allows the bedrock:InvokeModel action",
    );
    let denied =
        Rule::new("bedrock-runtime", "/invoke?").aws_error(403, "AccessDeniedException", &message);
    world.rule(denied);
    let checkup = checkup(&pinned(&world));
    checkup.healthy();
    let warning = checkup.finding("invocation-allowed", "warn");
    assert_eq!(warning["code"], "iam-no-allow-invoke");
    assert_owner(warning, "account-admin");
    assert!(
        warning["why"].as_str().unwrap().contains("stream"),
        "{warning}"
    );
}

#[test]
fn a_denied_list_of_profiles_is_a_warning_and_models_go_by_prefix() {
    let world = World::healthy();
    let message = format!(
        "User: {CALLER} is not authorized to perform: bedrock:ListInferenceProfiles because no \
         identity-based policy allows the bedrock:ListInferenceProfiles action"
    );
    world.rule(Rule::new("bedrock", "/inference-profiles").aws_error(
        403,
        "AccessDeniedException",
        &message,
    ));
    let mut machine = machine(&world);
    machine.env("AWS_REGION", "eu-west-1");
    let checkup = checkup(&machine);
    checkup.healthy();
    let warning = checkup.finding("profile-listing-allowed", "warn");
    assert_eq!(warning["code"], "profile-discovery-blocked");
    assert_owner(warning, "account-admin");
    assert_reported(warning);
    assert_fix_says(warning, "bedrock:ListInferenceProfiles");
    let asked: Vec<String> = world
        .requests()
        .into_iter()
        .filter(|request| request.service == "bedrock-runtime")
        .filter_map(|request| request.model)
        .collect();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|model| model.starts_with("eu.")),
        "{asked:?}"
    );
}

/// Asserts that the list was not asked for, and that it is a warning only: models go by prefix.
#[track_caller]
fn assert_not_listed(world: &World, checkup: &Checkup, words: &str) {
    checkup.healthy();
    let warning = checkup.finding("profile-listing-allowed", "warn");
    assert_eq!(warning["code"], "profile-discovery-blocked");
    assert_owner(warning, "you");
    assert!(
        warning["what"].as_str().unwrap().contains(words),
        "{warning}"
    );
    let operations = world.operations();
    assert!(
        !operations.contains(&"bedrock:ListInferenceProfiles".to_owned()),
        "{operations:?}"
    );
    assert!(
        operations.contains(&"bedrock:InvokeModel".to_owned()),
        "{operations:?}"
    );
}

#[test]
fn an_endpoint_that_the_sdk_refuses_is_a_warning_and_models_go_by_prefix() {
    for (switch, words) in [
        ("AWS_USE_FIPS_ENDPOINT", "FIPS and custom endpoint"),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "Dualstack and custom endpoint",
        ),
    ] {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine
            .env("AWS_ENDPOINT_URL_BEDROCK", &world.plain_url())
            .env(switch, "true");
        assert_not_listed(&world, &checkup(&machine), words);
    }
}

#[test]
fn a_bedrock_key_with_a_line_end_works_for_invocations_only() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env(
        "AWS_BEARER_TOKEN_BEDROCK",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2Fs\n",
    );
    let checkup = checkup(&machine);
    assert_not_listed(&world, &checkup, "AWS_BEARER_TOKEN_BEDROCK as it stands");
}

#[test]
fn the_old_name_of_a_fips_endpoint_is_no_region_to_sign_for() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("AWS_REGION", "fips-us-east-1");
    checkup(&machine);
    let requests = world.requests();
    for service in ["bedrock", "sts"] {
        let asked = requests.iter().find(|request| request.service == service);
        let asked = asked.unwrap_or_else(|| panic!("{service} was not asked"));
        assert_eq!(
            asked.signing_region.as_deref(),
            Some("us-east-1"),
            "{service}"
        );
    }
}

#[test]
fn a_bedrock_key_whose_principal_may_not_use_keys_is_told_once() {
    let world = World::healthy();
    let principal = "arn:aws:iam::123456789012:user/BedrockAPIKey-abcd";
    let message = format!(
        "User: {principal} is not authorized to perform: bedrock:CallWithBearerToken on resource: * because no \
         identity-based policy allows the bedrock:CallWithBearerToken action"
    );
    world
        .rule(Rule::new("bedrock", "").aws_error(403, "AccessDeniedException", &message))
        .rule(Rule::new("bedrock-runtime", "").aws_error(403, "AccessDeniedException", &message));
    let mut machine = bare(&world);
    machine
        .env(
            "AWS_BEARER_TOKEN_BEDROCK",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2Fs",
        )
        .env("ANTHROPIC_MODEL", MAIN);
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, "invocation-allowed", "bearer-missing-call-permission");
    assert_owner(root, "account-admin");
    assert_reported(root);
    assert_fix_says(root, "bedrock:CallWithBearerToken");
    assert_eq!(commands(root), ["unset AWS_BEARER_TOKEN_BEDROCK"]);
    let text = root["hand_off"].as_str().unwrap();
    assert!(text.contains(principal), "{text}");
    assert!(text.contains("bedrock:CallWithBearerToken"), "{text}");
}

#[test]
fn a_caller_that_sts_does_not_name_is_no_cause_while_bedrock_answers() {
    let world = World::healthy();
    let message = format!(
        "User: {CALLER} is not authorized to perform: sts:GetCallerIdentity with an explicit deny in a service \
         control policy"
    );
    world.rule(Rule::new("sts", "").aws_error(403, "AccessDenied", &message));
    let checkup = checkup(&pinned(&world));
    checkup.healthy();
    let accepted = checkup.finding("credentials-accepted", "pass");
    assert!(
        accepted["what"]
            .as_str()
            .unwrap()
            .contains("Bedrock accepts"),
        "{accepted}"
    );
}

#[test]
fn a_permission_set_of_identity_center_is_named_as_the_place_to_change() {
    let world = World::healthy();
    let caller =
        "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_ClaudeUsers_0123456789abcdef/alice";
    world.caller(
        "123456789012",
        "assumed-role/AWSReservedSSO_ClaudeUsers_0123456789abcdef/alice",
    );
    let message = format!(
        "User: {caller} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: {} because \
         no identity-based policy allows the bedrock:InvokeModelWithResponseStream action",
        profile()
    );
    world.rule(Rule::new("bedrock-runtime", "").aws_error(403, "AccessDeniedException", &message));
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    assert_fix_says(root, "permission set `ClaudeUsers`");
    assert!(
        root["hand_off"].as_str().unwrap().contains(caller),
        "{root}"
    );
}

#[test]
fn the_text_to_forward_is_in_the_table() {
    let world = World::healthy();
    deny(&world, &foundation("us-east-2"), |_| {
        "with an explicit deny in a service control policy".to_owned()
    });
    let run = pinned(&world).run(
        crate::harness::DOCTOR,
        &["check", "--show-identifiers", "--color", "never"],
    );
    assert_eq!(run.code, 2, "{}", run.stdout);
    let (_, text) = run
        .stdout
        .split_once("text to forward:")
        .expect("the table has the text to forward");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in [
        CALLER,
        "bedrock:InvokeModelWithResponseStream",
        "us-east-2",
        "00000000-0000-4000-8000-",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// An API key beside `CLAUDE_CODE_SKIP_BEDROCK_AUTH` works; only the list is refused, and that is no verdict on the key.
#[test]
fn a_refused_list_without_a_token_is_a_warning() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "/inference-profiles").aws_error(
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    ));
    let mut machine = bare(&world);
    machine
        .env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")
        .env("AWS_BEARER_TOKEN_BEDROCK", "ABSKQmVkcm9ja0FQSUtleS0wMDAx");
    let checkup = checkup(&machine);
    let refused = checkup.finding("profile-listing-allowed", "warn");
    assert_eq!(refused["code"], "profile-discovery-blocked");
    checkup.finding("credentials-accepted", "pass");
    assert_eq!(checkup.run.code, 0);
}
