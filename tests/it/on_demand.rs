//! What is asked only when it adds something: the policy simulator after a denial, the quotas after a throttled request.

use bedrock_doctor_world::{Machine, Rule, World};

use crate::harness::{assert_owner, bare, checkup, checkup_with, commands, machine};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const STREAM: &str = "bedrock:InvokeModelWithResponseStream";
const PER_MINUTE: &str =
    "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6";

/// A machine that uses one model for everything.
fn pinned(world: &World) -> Machine {
    let mut machine = machine(world);
    machine
        .env("ANTHROPIC_MODEL", MAIN)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", MAIN);
    machine
}

fn asked(world: &World, service: &str) -> Vec<String> {
    let mut operations = world.operations();
    operations.retain(|operation| operation.starts_with(service));
    operations
}

#[test]
fn a_healthy_checkup_asks_neither() {
    let world = World::healthy();
    let checkup = checkup(&pinned(&world));
    checkup.healthy();
    assert_eq!(asked(&world, "iam:"), Vec::<String>::new());
    assert_eq!(asked(&world, "servicequotas:"), Vec::<String>::new());
    for id in ["permissions-complete", "quotas-sufficient"] {
        let finding = checkup.finding(id, "not-applicable");
        let what = finding["what"].as_str().unwrap();
        assert!(what.contains("--thorough"), "{what}");
    }
}

#[test]
fn thorough_asks_both_and_passes() {
    let world = World::healthy();
    world.quota(PER_MINUTE, "L-46464646", 2_000_000.0, 2_000_000.0);
    let checkup = checkup_with(&pinned(&world), &["--thorough"]);
    checkup.healthy();
    let simulated = checkup.findings("permissions-complete");
    assert!(
        simulated
            .iter()
            .all(|finding| finding["status"] == "pass"
                && finding["evidence"]["basis"] == "simulated")
    );
    let stream = simulated.iter().find(|it| it["subject"] == STREAM).unwrap();
    // The profile, and the model in three Regions.
    assert!(
        stream["what"]
            .as_str()
            .unwrap()
            .ends_with("on all 4 resources"),
        "{stream}"
    );
    let role = "arn:aws:iam::123456789012:role/team/Dev";
    let detail = stream["evidence"]["detail"].as_str().unwrap();
    assert!(detail.contains(role), "the role with its path: {detail}");
    checkup.finding("quotas-sufficient", "pass");
}

#[test]
fn each_region_is_simulated_in_its_own_context() {
    let world = World::healthy();
    checkup_with(&pinned(&world), &["--thorough"]);
    let mut contexts: Vec<(String, String)> = world
        .requests()
        .iter()
        .filter(|request| request.operation == "iam:SimulatePrincipalPolicy")
        .filter(|request| request.form("ActionNames.member.1").as_deref() == Some(STREAM))
        .map(|request| {
            let resource = request.form("ResourceArns.member.1").unwrap();
            let region = request.form("ContextEntries.member.1.ContextKeyValues.member.1");
            (resource, region.unwrap())
        })
        .collect();
    contexts.sort();
    let model = |region: &str| {
        let arn = format!("arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-6");
        (arn, region.to_owned())
    };
    let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}");
    assert_eq!(
        contexts,
        [
            (profile, "us-east-1".to_owned()),
            model("us-east-1"),
            model("us-east-2"),
            model("us-west-2"),
        ]
    );
}

#[test]
fn a_destination_that_no_call_tried_is_found_by_the_simulator() {
    let world = World::healthy();
    world.simulated_denial(STREAM, ":us-west-2:", "implicitDeny");
    let checkup = checkup_with(&pinned(&world), &["--thorough"]);
    let root = checkup.one_root(2, "permissions-complete", "iam-destination-region-missing");
    assert_owner(root, "account-admin");
    assert_eq!(root["evidence"]["basis"], "simulated");
    let what = root["what"].as_str().unwrap();
    assert!(
        what.contains("`anthropic.claude-sonnet-4-6` in `us-west-2`"),
        "{what}"
    );
}

#[test]
fn a_list_that_came_may_be_asked_for_whatever_the_simulator_says() {
    let world = World::healthy();
    let listing = "bedrock:ListInferenceProfiles";
    world.simulated_denial(listing, "", "implicitDeny");
    let checkup = checkup_with(&pinned(&world), &["--thorough"]);
    let findings = checkup.findings("permissions-complete");
    let told = findings.iter().find(|it| it["subject"] == listing).unwrap();
    assert_eq!(told["status"], "pass", "{told}");
}

#[test]
fn after_a_denial_the_simulator_names_what_would_be_denied_next() {
    let world = World::healthy();
    let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}");
    let message = format!(
        "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: {STREAM} on resource: {profile} because no identity-based policy allows the {STREAM} action"
    );
    world.rule(
        Rule::new("bedrock-runtime", "/invoke-with-response-stream").aws_error(
            403,
            "AccessDeniedException",
            &message,
        ),
    );
    world.simulated_denial(STREAM, "", "implicitDeny");
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    let what = root["what"].as_str().unwrap();
    let next = "the policy simulator denies it in `us-east-1`, `us-east-2` and `us-west-2` too";
    assert!(what.contains(next), "{what}");
    let findings = checkup.findings("permissions-complete");
    let stream = findings.iter().find(|it| it["subject"] == STREAM).unwrap();
    assert_eq!(stream["status"], "not-applicable", "{stream}");
}

#[test]
fn a_denied_simulator_that_was_asked_for_by_flag_could_not_tell() {
    let world = World::healthy();
    world.rule(Rule::new("iam", "/").aws_error(403, "AccessDenied", "not authorized"));
    for arguments in [&["--thorough"][..], &["--only", "permissions-complete"]] {
        let checkup = checkup_with(&pinned(&world), arguments);
        assert_eq!(checkup.run.code, 3, "{}", checkup.open());
        let finding = checkup.finding("permissions-complete", "cannot-tell");
        assert!(finding["what"].as_str().unwrap().contains("AccessDenied"));
        assert_eq!(commands(finding), ["bedrock-doctor policy --for-checkup"]);
    }
}

#[test]
fn quotas_that_may_not_be_listed_could_not_be_told() {
    let world = World::healthy();
    world.rule(Rule::new("servicequotas", "").aws_error(
        400,
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: servicequotas:ListServiceQuotas",
    ));
    let checkup = checkup_with(&pinned(&world), &["--only", "quotas-sufficient"]);
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    let finding = checkup.finding("quotas-sufficient", "cannot-tell");
    assert_eq!(commands(finding), ["bedrock-doctor policy --for-checkup"]);
}

#[test]
fn a_simulator_that_is_asked_after_a_denial_and_refuses_is_left_out() {
    let world = World::healthy();
    world.rule(Rule::new("iam", "/").aws_error(403, "AccessDenied", "not authorized"));
    let message = format!(
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: {STREAM} on resource: * because no identity-based policy allows the {STREAM} action"
    );
    world.rule(
        Rule::new("bedrock-runtime", "/invoke-with-response-stream").aws_error(
            403,
            "AccessDeniedException",
            &message,
        ),
    );
    let checkup = checkup(&pinned(&world));
    checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    checkup.finding("permissions-complete", "not-applicable");
}

#[test]
fn a_simulator_that_never_answers_does_not_hold_the_run() {
    let world = World::healthy();
    world.rule(Rule::new("iam", "/").hang());
    let checkup = checkup_with(&pinned(&world), &["--thorough", "--timeout", "3"]);
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    let finding = checkup.finding("permissions-complete", "cannot-tell");
    assert!(
        finding["what"].as_str().unwrap().contains("timed out"),
        "{finding}"
    );
}

#[test]
fn a_throttled_request_leads_to_the_quota_of_zero() {
    let world = World::healthy();
    world
        .page_size(1)
        .quota(
            "Batch inference job size (in GB) for Claude 3.5",
            "L-0",
            5.0,
            5.0,
        )
        .quota(PER_MINUTE, "L-46464646", 0.0, 2_000_000.0);
    world.rule(Rule::new("bedrock-runtime", "").aws_error(
        429,
        "ThrottlingException",
        "Too many tokens, please wait before trying again.",
    ));
    let checkup = checkup(&pinned(&world));
    let root = checkup.one_root(2, "quotas-sufficient", "quota-zero");
    assert_owner(root, "account-admin");
    let command = &commands(root)[0];
    assert!(
        command.contains("--quota-code L-46464646 --desired-value 2000000"),
        "{command}"
    );
    // It is throttling and no denial: the two are told apart. Nothing advises to wait.
    let throttled = checkup.finding("requests-not-throttled", "not-applicable");
    assert!(throttled["what"].to_string().contains("quotas-sufficient"));
    let untold = checkup.finding("invocation-allowed", "blocked");
    assert_eq!(untold["blocked_by"], "quotas-sufficient");
    assert_eq!(asked(&world, "iam:"), Vec::<String>::new());
    assert_eq!(asked(&world, "servicequotas:List").len(), 3);
}

#[test]
fn a_quota_that_one_answer_exceeds_is_named_with_the_variable_that_lowers_it() {
    let world = World::healthy();
    world.quota(PER_MINUTE, "L-46464646", 20_000.0, 2_000_000.0);
    let mut machine = pinned(&world);
    let quotas = ["--only", "quotas-sufficient"];
    let root = checkup_with(&machine, &quotas);
    let root = root.one_root(2, "quotas-sufficient", "max-tokens-reserves-quota");
    let lower = "export CLAUDE_CODE_MAX_OUTPUT_TOKENS=10000";
    assert!(commands(root).contains(&lower), "{root}");
    machine.env("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "10000");
    let lowered = checkup_with(&machine, &quotas);
    let finding = lowered.finding("quotas-sufficient", "warn");
    assert_eq!(finding["code"], "quota-reduced");
}

#[test]
fn an_api_key_can_ask_neither() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-0001")
        .env("ANTHROPIC_MODEL", MAIN);
    let checkup = checkup_with(&machine, &["--thorough"]);
    for id in ["permissions-complete", "quotas-sufficient"] {
        let finding = checkup.finding(id, "cannot-tell");
        let what = finding["what"].as_str().unwrap();
        assert!(
            what.ends_with("cannot be asked with a Bedrock API key"),
            "{what}"
        );
    }
    assert_eq!(asked(&world, "iam:"), Vec::<String>::new());
    assert_eq!(asked(&world, "servicequotas:"), Vec::<String>::new());
}
