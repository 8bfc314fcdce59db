//! What a real request holds, where it goes, and what is said before it: `--invoke`.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bedrock_doctor_world::{Machine, Request, Rule, World};
use serde_json::{Value, json};

use crate::conformance::NEWEST;
use crate::harness::{DOCTOR, assert_owner, bare, checkup, checkup_with, commands, machine};
use crate::namespace::{self, is_inside, skip};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const CLAUDE: &str = "BEDROCK_DOCTOR_CLAUDE";

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

/// The requests for a model's answer that stream.
fn streaming(world: &World) -> Vec<Request> {
    let mut requests = world.requests();
    requests.retain(|request| {
        request.operation == "bedrock:InvokeModelWithResponseStream"
            || request.operation.ends_with(":CreateInference") && body(request)["stream"] == true
    });
    requests
}

/// A machine that uses another service of AWS than Bedrock.
fn elsewhere(world: &World, flag: &str) -> Machine {
    let mut machine = machine(world);
    machine
        .env_remove("CLAUDE_CODE_USE_BEDROCK")
        .env("ANTHROPIC_AWS_WORKSPACE_ID", "ws1")
        .env(flag, "1");
    machine
}

#[test]
fn the_cost_is_said_before_with_the_models() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("ANTHROPIC_MODEL", MAIN)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", HAIKU);
    let checkup = checkup_with(&machine, &["--invoke"]);
    checkup.healthy();
    let said: Vec<&str> = checkup.run.stderr.split_whitespace().collect();
    let said = said.join(" ");
    for words in [
        MAIN,
        HAIKU,
        "500 input tokens",
        "1 output token each",
        "less than a cent",
    ] {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    let told = checkup.finding("request-form-accepted", "pass");
    let detail = told["evidence"]["detail"].as_str().unwrap();
    assert!(detail.contains("8 input and 5 output tokens"), "{detail}");
    let quiet = machine.run(DOCTOR, &["-q", "check", "--invoke"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn nothing_is_said_and_nothing_sent_without_credentials() {
    let world = World::healthy();
    let checkup = checkup_with(&bare(&world), &["--invoke"]);
    assert!(
        !checkup.run.stderr.contains("--invoke"),
        "{}",
        checkup.run.stderr
    );
    assert_eq!(streaming(&world), []);
}

#[test]
fn a_version_that_nobody_recorded_is_asked_without_betas_and_not_vouched_for() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("ANTHROPIC_MODEL", MAIN);
    let checkup = checkup_with(&machine, &["--invoke", "--claude-version", "2.1.20"]);
    let told = checkup.finding("request-form-accepted", "not-applicable");
    assert!(
        told["what"].as_str().unwrap().contains("nobody recorded"),
        "{told}"
    );
    for request in streaming(&world) {
        assert_eq!(request.headers.get("anthropic-beta"), None);
        assert_eq!(body(&request)["anthropic_beta"], Value::Null);
    }
}

#[test]
fn temporary_keys_are_sent_with_their_session_token() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("AWS_SESSION_TOKEN", "session-token-0001")
        .env("ANTHROPIC_CUSTOM_HEADERS", "X-Team: a");
    checkup_with(&machine, &["--invoke"]).healthy();
    for request in streaming(&world) {
        assert_eq!(
            request.headers["x-amz-security-token"],
            "session-token-0001"
        );
        let signature = &request.headers["authorization"];
        for field in ["x-amz-security-token", "x-team", "anthropic-beta"] {
            assert!(
                signature.contains(field),
                "{field} is not signed: {signature}"
            );
        }
    }
}

#[test]
fn a_background_model_with_a_region_of_its_own_is_tried_there() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("ANTHROPIC_MODEL", MAIN)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", HAIKU)
        .env("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION", "us-west-2");
    for arguments in [&[][..], &["--invoke"]] {
        world.forget_requests();
        let checkup = checkup_with(&machine, arguments);
        checkup.healthy();
        let asked: BTreeMap<Option<String>, (String, Option<String>)> = streaming(&world)
            .into_iter()
            .map(|request| (request.model, (request.host, request.signing_region)))
            .collect();
        let of = |region: &str| {
            let host = format!("bedrock-runtime.{region}.amazonaws.com");
            (host, Some(region.to_owned()))
        };
        assert_eq!(asked[&Some(MAIN.to_owned())], of("us-east-1"));
        assert_eq!(asked[&Some(HAIKU.to_owned())], of("us-west-2"));
        let trials = &checkup.report["facts"]["invocations"]["value"];
        let elsewhere: Vec<&Value> = trials
            .as_array()
            .unwrap()
            .iter()
            .filter(|trial| trial["region"] == "us-west-2")
            .collect();
        assert_eq!(elsewhere.len(), 1, "{trials}");
        assert_eq!(elsewhere[0]["model"], HAIKU);
    }
}

#[test]
fn mantle_is_asked_for_free_and_for_real() {
    let world = World::healthy();
    let machine = elsewhere(&world, "CLAUDE_CODE_USE_MANTLE");
    let free = checkup(&machine);
    assert_eq!(free.run.code, 3, "{}", free.open());
    let told = free.finding("invocation-allowed", "cannot-tell");
    assert_eq!(commands(told), ["bedrock-doctor check --invoke"]);
    let screen = machine.run(DOCTOR, &["check"]).stdout;
    let words: Vec<&str> = screen.split_whitespace().collect();
    let screen = words.join(" ");
    // Once as the reason on top, with the next step, and once in its row.
    let (top, row) = screen.split_once("[invocation-allowed]").unwrap();
    for part in [top, row] {
        assert_eq!(
            part.matches("answers, and refuses an empty").count(),
            1,
            "{screen}"
        );
        assert!(part.contains("bedrock-doctor check --invoke"), "{screen}");
    }
    for request in streaming(&world) {
        assert_eq!(request.status, Some(400));
        assert_eq!(body(&request)["messages"], json!([]));
    }
    world.forget_requests();
    let real = checkup_with(&machine, &["--invoke"]);
    real.healthy();
    real.finding("invocation-allowed", "pass");
    let requests = streaming(&world);
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.host, "bedrock-mantle.us-east-1.api.aws");
        assert_eq!(request.signing_service.as_deref(), Some("bedrock-mantle"));
        assert_eq!(
            (request.path.as_str(), request.query.as_str()),
            ("/anthropic/v1/messages", "beta=true")
        );
        assert_eq!(body(&request)["max_tokens"], 1);
    }
}

#[test]
fn a_list_that_mantle_does_not_give_is_no_failure_where_its_models_answer() {
    let json: &[(&str, &str)] = &[("content-type", "application/json")];
    let refused = |kind: &str| {
        json!({"type": "error", "error": {"type": kind, "message": "not the list"}}).to_string()
    };
    let page: &[(&str, &str)] = &[("content-type", "text/html")];
    let onward: &[(&str, &str)] = &[("location", "https://login.example.com/")];
    for (status, fields, body, check) in [
        (404, page, "<html>".to_owned(), Some("endpoints-reachable")),
        (302, onward, String::new(), Some("endpoints-reachable")),
        (
            503,
            json,
            refused("overloaded_error"),
            Some("service-available"),
        ),
        (401, json, refused("authentication_error"), None),
        (403, json, refused("permission_error"), None),
        (200, json, json!({"data": []}).to_string(), None),
        (200, json, "[".to_owned(), Some("endpoints-reachable")),
    ] {
        let world = World::healthy();
        world.rule(
            Rule::new("bedrock-mantle", "/v1/models")
                .respond(status, fields, body)
                .not_from_aws(),
        );
        let told = checkup_with(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"), &["--invoke"]);
        assert_eq!(told.run.code, 0, "{status}: {}", told.open());
        told.finding("mantle-lists-models", "pass");
        told.finding("credentials-accepted", "pass");
        if let Some(check) = check {
            told.finding(check, "warn");
        }
    }
}

#[test]
fn what_mantle_answers_is_not_put_down_to_bedrock() {
    let world = World::healthy();
    let told = checkup_with(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"), &["--invoke"]);
    let reached = told.finding("endpoints-reachable", "pass");
    let what = reached["what"].as_str().unwrap();
    assert!(
        what.starts_with("answers came from STS and Mantle"),
        "{what}"
    );
    for finding in told.report["findings"].as_array().unwrap() {
        let what = finding["what"].as_str().unwrap();
        for wrong in ["is not switched on", "do not go to Amazon Bedrock"] {
            assert!(!what.contains(wrong), "{finding}");
        }
    }
}

#[test]
fn somebody_is_asked_for_the_clock_and_the_connections_everywhere() {
    for variable in ["CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_USE_ANTHROPIC_AWS"] {
        for only in ["connections-fast", "clock-in-step"] {
            let world = World::healthy();
            let told = checkup_with(&elsewhere(&world, variable), &["--only", only]);
            told.finding(only, "pass");
        }
    }
}

#[test]
fn with_mantle_a_ticket_names_its_endpoint_and_a_policy_misses_no_list() {
    let world = World::healthy();
    let machine = elsewhere(&world, "CLAUDE_CODE_USE_MANTLE");
    let ticket = machine
        .run(DOCTOR, &["check", "-v", "--format", "markdown"])
        .stdout;
    assert!(
        ticket.contains("* invocations: https://bedrock-mantle."),
        "{ticket}"
    );
    let policy = machine.run(DOCTOR, &["policy"]);
    assert_eq!(policy.code, 0, "{policy:#?}");
    assert!(
        !policy.stderr.contains("were not listed"),
        "{}",
        policy.stderr
    );
    let told = checkup(&crate::harness::machine(&world)).report;
    let why = told["facts"]["mantle_models"].to_string();
    assert!(why.contains("so Mantle was not asked"), "{why}");
}

#[test]
fn the_claude_platform_on_aws_is_asked_with_workspace_and_key() {
    let world = World::healthy();
    let mut machine = elsewhere(&world, "CLAUDE_CODE_USE_ANTHROPIC_AWS");
    let signed = checkup_with(&machine, &["--invoke"]);
    signed.healthy();
    let requests = streaming(&world);
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.host, "aws-external-anthropic.us-east-1.api.aws");
        let service = request.signing_service.as_deref();
        assert_eq!(service, Some("aws-external-anthropic"));
        assert_eq!(request.headers["anthropic-workspace-id"], "ws1");
    }
    world.forget_requests();
    machine.env("ANTHROPIC_AWS_API_KEY", "sk-ant-planted-0001");
    let by_key = checkup_with(&machine, &["--invoke"]);
    by_key.healthy();
    by_key.finding("invocation-allowed", "pass");
    assert!(!by_key.run.stdout.contains("sk-ant-planted"));
    for request in streaming(&world) {
        assert_eq!(request.headers["x-api-key"], "sk-ant-planted-0001");
        assert_eq!(request.access_key_id, None);
    }
}

#[test]
fn nothing_is_sent_to_the_claude_platform_without_a_workspace() {
    let world = World::healthy();
    let mut machine = elsewhere(&world, "CLAUDE_CODE_USE_ANTHROPIC_AWS");
    machine.env_remove("ANTHROPIC_AWS_WORKSPACE_ID");
    for arguments in [&[][..], &["--invoke"]] {
        let checkup = checkup_with(&machine, arguments);
        let root = checkup.one_root(1, "request-form-accepted", "workspace-id-missing");
        assert_owner(root, "you");
        assert_eq!(streaming(&world), []);
    }
}

#[test]
fn a_denial_on_mantle_is_told_with_the_statement_that_is_missing() {
    let world = World::healthy();
    let arn = "arn:aws:bedrock-mantle:us-east-1:123456789012:project/default";
    world.rule(Rule::new("bedrock-mantle", "").aws_error(
        403,
        "AccessDeniedException",
        &format!(
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: \
             bedrock-mantle:CreateInference on resource: {arn} because no identity-based policy allows the \
             bedrock-mantle:CreateInference action"
        ),
    ));
    for arguments in [&[][..], &["--invoke"]] {
        let checkup = checkup_with(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"), arguments);
        let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
        assert_owner(root, "account-admin");
        let fix = root["fix"].to_string();
        assert!(
            fix.contains("bedrock-mantle:CreateInference") && fix.contains(arn),
            "{fix}"
        );
    }
}

/// The answers of the Messages API to an error have a form of their own.
fn refused_by(service: &str, status: u16, kind: &str, message: &str) -> World {
    let world = World::healthy();
    let body = json!({"type": "error", "error": {"type": kind, "message": message}});
    world.rule(Rule::new(service, "").respond(
        status,
        &[("content-type", "application/json")],
        body.to_string(),
    ));
    world
}

#[test]
fn an_id_of_a_profile_that_mantle_does_not_know_is_told_with_the_form_of_its_ids() {
    let world = World::healthy();
    let error = json!({"type": "not_found_error", "message": format!("model: {MAIN}")});
    world.rule(Rule::new("bedrock-mantle", "").body(MAIN).respond(
        404,
        &[("content-type", "application/json")],
        json!({"type": "error", "error": error}).to_string(),
    ));
    let mut machine = elsewhere(&world, "CLAUDE_CODE_USE_MANTLE");
    machine.env("ANTHROPIC_MODEL", MAIN);
    for arguments in [&[][..], &["--invoke"]] {
        let checkup = checkup_with(&machine, arguments);
        let root = checkup.one_root(1, "model-id-well-formed", "mantle-model-id");
        assert_owner(root, "you");
        let told = checkup.finding("model-id-accepted", "blocked");
        assert_eq!(told["code"], "mantle-model-id");
        assert!(
            told["fix"].to_string().contains("anthropic.claude-"),
            "{told}"
        );
    }
}

#[test]
fn a_key_that_the_claude_platform_does_not_accept_is_told_with_its_variable() {
    let service = "aws-external-anthropic";
    let world = refused_by(service, 401, "authentication_error", "invalid x-api-key");
    let mut machine = elsewhere(&world, "CLAUDE_CODE_USE_ANTHROPIC_AWS");
    machine.env("ANTHROPIC_AWS_API_KEY", "sk-ant-planted-0001");
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, "credentials-accepted", "credentials-refused");
    assert_owner(root, "you");
    assert!(
        root["what"].to_string().contains("ANTHROPIC_AWS_API_KEY"),
        "{root}"
    );
}

#[test]
fn throttling_and_a_failing_service_are_told_on_mantle_too() {
    let service = "bedrock-mantle";
    let world = refused_by(service, 429, "rate_limit_error", "Too many tokens");
    let throttled = checkup(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"));
    throttled.finding("requests-not-throttled", "warn");
    let world = refused_by(service, 529, "overloaded_error", "Overloaded");
    let overloaded = checkup(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"));
    let root = overloaded.one_root(2, "service-available", "model-overloaded");
    assert_owner(root, "aws-support");
}

#[test]
fn a_beta_that_mantle_refuses_is_told_after_a_real_request_only() {
    let world = refused_by(
        "bedrock-mantle",
        400,
        "invalid_request_error",
        "invalid beta flag",
    );
    let machine = elsewhere(&world, "CLAUDE_CODE_USE_MANTLE");
    assert_eq!(checkup(&machine).roots().len(), 0);
    let real = checkup_with(&machine, &["--invoke"]);
    real.one_root(1, "request-form-accepted", "beta-flag-rejected");
}

#[test]
fn a_region_without_mantle_is_told_as_a_name_that_does_not_exist() {
    let world = World::healthy();
    world.dns_failure("bedrock-mantle.us-east-1.api.aws");
    let checkup = checkup(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"));
    let root = checkup.one_root(2, "endpoints-reachable", "dns-lookup-failed");
    assert_eq!(root["subject"], "bedrock-mantle.us-east-1.api.aws");
}

#[test]
fn a_message_in_one_piece_from_mantle_is_a_warning() {
    let world = World::healthy();
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "x",
        "content": [{"type": "text", "text": "p"}], "stop_reason": "max_tokens"});
    world.rule(Rule::new("bedrock-mantle", "").method("POST").respond(
        200,
        &[("content-type", "application/json")],
        message.to_string(),
    ));
    let checkup = checkup_with(&elsewhere(&world, "CLAUDE_CODE_USE_MANTLE"), &["--invoke"]);
    assert_eq!(checkup.run.code, 0, "{}", checkup.open());
    let told = checkup.finding("endpoints-reachable", "warn");
    assert_eq!(told["code"], "gateway-rewrites-event-stream");
}

#[test]
fn each_model_is_asked_at_the_service_where_it_lives() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("CLAUDE_CODE_USE_MANTLE", "1")
        .env("ANTHROPIC_MODEL", "anthropic.claude-opus-5-5")
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", HAIKU);
    let checkup = checkup_with(&machine, &["--invoke"]);
    assert_eq!(checkup.roots().len(), 0, "{}", checkup.open());
    let mut hosts: Vec<String> = streaming(&world).into_iter().map(|it| it.host).collect();
    hosts.sort_unstable();
    assert_eq!(
        hosts,
        [
            "bedrock-mantle.us-east-1.api.aws",
            "bedrock-runtime.us-east-1.amazonaws.com"
        ]
    );
}

/// A configuration for both programs.
const CASES: [(&str, &[(&str, &str)]); 11] = [
    (
        "tier, guardrail and custom header fields",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_BEDROCK_SERVICE_TIER", "flex"),
            (
                "ANTHROPIC_CUSTOM_HEADERS",
                "X-Amzn-Bedrock-GuardrailIdentifier: gr1\nX-Amzn-Bedrock-GuardrailVersion: 1\nX-Foo:  two words \nAuthorization: Bearer zzz\nX-Amzn-Bedrock-Service-Tier: priority",
            ),
        ],
    ),
    (
        "a model with effort",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_MODEL", MAIN),
            ("CLAUDE_CODE_EFFORT_LEVEL", "low"),
        ],
    ),
    (
        "a small model, without prompt caching",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_MODEL", HAIKU),
            ("DISABLE_PROMPT_CACHING", "1"),
        ],
    ),
    (
        "no experimental betas",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_MODEL", MAIN),
            ("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "1"),
            ("DISABLE_INTERLEAVED_THINKING", "1"),
        ],
    ),
    (
        "an application inference profile",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            (
                "ANTHROPIC_MODEL",
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456",
            ),
        ],
    ),
    (
        "a gateway that is given a header field",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1"),
            ("ANTHROPIC_MODEL", "us.anthropic.claude-opus-4-6-v1"),
            ("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer zzz"),
        ],
    ),
    (
        "an API key",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("AWS_BEARER_TOKEN_BEDROCK", "ABSKbbbbbbbbbbbbbbbb"),
            ("ANTHROPIC_MODEL", "us.anthropic.claude-opus-4-8"),
            ("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer zzz"),
        ],
    ),
    (
        "a model of today",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_MODEL", "us.anthropic.claude-opus-5"),
        ],
    ),
    (
        "an old model",
        &[
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            (
                "ANTHROPIC_MODEL",
                "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            ),
        ],
    ),
    ("Mantle", &[("CLAUDE_CODE_USE_MANTLE", "1")]),
    (
        "Claude Platform on AWS",
        &[
            ("CLAUDE_CODE_USE_ANTHROPIC_AWS", "1"),
            ("ANTHROPIC_AWS_WORKSPACE_ID", "ws1"),
        ],
    ),
];

/// Members that a request of one token cannot have.
const NOT_FOR_ONE_TOKEN: [&str; 3] = ["thinking", "context_management", "safeguards"];

#[test]
fn a_real_request_is_what_claude_code_sends() {
    let claude = std::env::var_os(CLAUDE);
    let Some(claude) = claude.or_else(|| is_inside().then(Default::default)) else {
        return skip(
            "a real request beside Claude Code's",
            &format!("{CLAUDE} is not set"),
        );
    };
    let test = "invoke::a_real_request_is_what_claude_code_sends";
    namespace::alone(test, &[], || {
        for (name, variables) in CASES {
            let world = World::healthy();
            let mut machine = Machine::new(&world);
            machine
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
                .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001")
                .limit(Duration::from_secs(30));
            for (name, value) in variables {
                machine.env(name, value);
            }
            machine.run_to_the_limit(&claude, &["-p", "ping"]);
            let theirs = streaming(&world).pop();
            let theirs = theirs.unwrap_or_else(|| panic!("{name}: Claude Code asked nothing"));
            world.forget_requests();
            machine.run(DOCTOR, &["check", "--invoke", "--claude-version", NEWEST]);
            let ours = streaming(&world).into_iter().find(|ours| {
                ours.path == theirs.path && body(ours)["model"] == body(&theirs)["model"]
            });
            let ours = ours.unwrap_or_else(|| panic!("{name}: no request to {}", theirs.path));
            assert_eq!(compared(&ours), compared(&theirs), "{name}");
        }
    });
}

/// What has to be the same.
fn compared(request: &Request) -> Value {
    // Names of the program and of the run, and what is computed from the rest.
    let own = |name: &str| {
        name.starts_with("x-stainless-")
            || [
                "accept-encoding",
                "connection",
                "content-length",
                "user-agent",
                "x-amz-content-sha256",
                "x-amz-date",
                "x-claude-code-session-id",
                "x-client-request-id",
            ]
            .contains(&name)
    };
    let mut fields = request.headers.clone();
    fields.retain(|name, _| !own(name));
    if request.access_key_id.is_some() {
        fields.remove("authorization");
    }
    let body = body(request);
    let keys = |value: &Value| -> BTreeSet<String> {
        let object = value.as_object().unwrap();
        object.keys().cloned().collect()
    };
    let mut members = keys(&body);
    members.retain(|member| !NOT_FOR_ONE_TOKEN.contains(&member.as_str()));
    let system = body["system"].as_array().unwrap();
    let roles: Vec<&Value> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["role"])
        .collect();
    json!({
        "host": request.host,
        "path": request.path,
        "query": request.query,
        "signed": [request.access_key_id, request.signing_region, request.signing_service],
        "fields": fields,
        "members": members,
        "anthropic_beta": body["anthropic_beta"],
        "anthropic_version": body["anthropic_version"],
        "output_config": body["output_config"],
        "roles": roles,
        "system": keys(system.last().unwrap()),
        "tool": keys(&body["tools"][0]),
    })
}
