//! What something between Claude Code and AWS does to requests and answers, and what a real request (`--invoke`) shows
//! of it: one scenario for each way in which people have seen gateways fail.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::{Value, json};

use crate::harness::{Checkup, assert_fix, assert_owner, bare, checkup, checkup_with, machine};

const HOST: &str = "llm.example.com";
const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const REACHABLE: &str = "endpoints-reachable";
const FORM: &str = "request-form-accepted";
const STREAM: &str = "/invoke-with-response-stream";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// A machine that goes to AWS through a gateway of its own, which signs.
fn behind_a_gateway(world: &World) -> Machine {
    world.gateway(HOST);
    let mut machine = bare(world);
    machine
        .env("ANTHROPIC_BEDROCK_BASE_URL", &format!("https://{HOST}"))
        .env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")
        .env("ANTHROPIC_AUTH_TOKEN", "gateway-token-0001")
        .env("ANTHROPIC_MODEL", MAIN);
    machine
}

/// A machine that uses one model for everything.
fn pinned(world: &World) -> Machine {
    let mut machine = machine(world);
    machine.env("ANTHROPIC_MODEL", MAIN);
    machine
}

/// The checkup of a gateway that answers every invocation for itself.
fn answered_by_the_gateway(
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
    arguments: &[&str],
) -> Checkup {
    let world = World::healthy();
    world.rule(
        Rule::new(HOST, "/model/")
            .respond(status, headers, body)
            .not_from_aws(),
    );
    checkup_with(&behind_a_gateway(&world), arguments)
}

/// The checkup with a real request that Bedrock refuses.
fn refused(status: u16, message: &str, variables: &[(&str, &str)]) -> Checkup {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", STREAM).aws_error(
        status,
        "ValidationException",
        message,
    ));
    let mut machine = pinned(&world);
    for (name, value) in variables {
        machine.env(name, value);
    }
    checkup_with(&machine, &["--invoke"])
}

#[track_caller]
fn assert_says(root: &Value, words: &str) {
    let text = root.to_string();
    assert!(text.contains(words), "`{words}` is missing: {text}");
}

#[test]
fn a_gateway_that_passes_everything_through_is_healthy() {
    let world = World::healthy();
    let checkup = checkup_with(&behind_a_gateway(&world), &["--invoke"]);
    checkup.healthy();
    checkup.finding(FORM, "pass");
    let of_gateway = |request: &bedrock_doctor_world::Request| request.host == HOST;
    for request in world.requests().into_iter().filter(of_gateway) {
        if request.path.starts_with("/model/") {
            assert_eq!(request.bearer.as_deref(), Some("gateway-token-0001"));
        }
    }
}

#[test]
fn a_pass_through_that_takes_the_path_for_a_model_is_told_as_the_other_kind_of_gateway() {
    let body = json!({"error": {
        "message": "allm_passthrough_route: Invalid model name passed in model=messages. Call `/v1/models` to view available models for your key.",
        "type": "invalid_request_error", "param": null, "code": "400",
    }});
    for arguments in [&[][..], &["--invoke"]] {
        let checkup = answered_by_the_gateway(400, JSON, &body.to_string(), arguments);
        let root = checkup.one_root(1, REACHABLE, "anthropic-vs-bedrock-base-url");
        assert_owner(root, "you");
        assert_says(root, "allm_passthrough_route");
        assert_says(root, "ANTHROPIC_BEDROCK_BASE_URL");
        assert_says(root, "export ANTHROPIC_BASE_URL=");
    }
}

#[test]
fn a_gateway_that_speaks_anthropic_s_api_is_told_as_the_other_kind_of_gateway() {
    for (status, kind, message) in [
        (404, "not_found_error", "Not found"),
        (401, "authentication_error", "x-api-key header is required"),
        (
            500,
            "api_error",
            "Anthropic messages provider config not found for model: x",
        ),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": message}});
        let checkup = answered_by_the_gateway(status, JSON, &body.to_string(), &["--invoke"]);
        let root = checkup.one_root(1, REACHABLE, "anthropic-vs-bedrock-base-url");
        assert_owner(root, "you");
        assert_says(root, message);
    }
}

#[test]
fn an_error_with_the_status_of_an_answer_is_no_answer() {
    let body =
        json!({"type": "error", "error": {"type": "not_found_error", "message": "no such route"}});
    let checkup = answered_by_the_gateway(200, JSON, &body.to_string(), &["--invoke"]);
    let root = checkup.one_root(1, REACHABLE, "anthropic-vs-bedrock-base-url");
    assert_says(root, "HTTP 200");
    assert_says(root, "no such route");
}

#[test]
fn a_gateway_without_the_path_is_told_with_the_variable_that_names_it() {
    let page = "<html><body>404 page not found</body></html>";
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    for (headers, body) in [(html, page), (JSON, r#"{"detail":"Not Found"}"#)] {
        for arguments in [&[][..], &["--invoke"]] {
            let checkup = answered_by_the_gateway(404, headers, body, arguments);
            let root = checkup.one_root(1, REACHABLE, "bedrock-base-url-404");
            assert_owner(root, "you");
            assert_says(root, "ANTHROPIC_BEDROCK_BASE_URL");
        }
    }
}

#[test]
fn a_page_of_one_s_own_gateway_is_told_with_its_title() {
    let page = "<html><title>Sign in</title></html>";
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    for arguments in [&[][..], &["--invoke"]] {
        let told = answered_by_the_gateway(200, html, page, arguments);
        let root = told.one_root(1, REACHABLE, "answer-not-from-aws");
        assert_owner(root, "you");
        let what = root["what"].as_str().unwrap();
        assert!(
            what.starts_with("`llm.example.com` answered with a web page (\"Sign in\")"),
            "{what}"
        );
        assert_says(
            root,
            "sign in to the gateway, or correct `ANTHROPIC_BEDROCK_BASE_URL`",
        );
    }
}

#[test]
fn a_wrong_address_of_mantle_is_told_with_its_variable() {
    let world = World::healthy();
    world.gateway(HOST);
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    world.rule(
        Rule::new(HOST, "")
            .respond(503, html, "<html>")
            .not_from_aws(),
    );
    let mut machine = pinned(&world);
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "")
        .env("CLAUDE_CODE_USE_MANTLE", "1")
        .env("ANTHROPIC_MODEL", "anthropic.claude-sonnet-4-6")
        .env(
            "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
            &format!("https://{HOST}"),
        );
    let told = checkup(&machine);
    let root = told.one_root(1, REACHABLE, "answer-not-from-aws");
    assert_owner(root, "you");
    assert_says(root, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL");
}

#[test]
fn a_gateway_without_the_path_for_streams_alone_is_a_warning() {
    let world = World::healthy();
    let page = "<html><body>404 page not found</body></html>";
    world.rule(
        Rule::new(HOST, STREAM)
            .respond(404, &[("content-type", "text/html")], page)
            .not_from_aws(),
    );
    for arguments in [&[][..], &["--invoke"]] {
        let checkup = checkup_with(&behind_a_gateway(&world), arguments);
        // Whether answers may stream is not known.
        assert_eq!(checkup.run.code, 3, "{}", checkup.open());
        let told = checkup.finding(REACHABLE, "warn");
        assert_eq!(told["code"], "bedrock-base-url-404");
        assert_says(told, "without streaming");
        checkup.finding("invocation-allowed", "cannot-tell");
    }
}

#[test]
fn an_event_stream_that_became_server_sent_events_is_told_as_the_gateway_s_doing() {
    let world = World::healthy();
    world.rule(Rule::new(HOST, STREAM).respond(
        200,
        &[("content-type", "text/event-stream")],
        "event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
    ));
    let checkup = checkup_with(&behind_a_gateway(&world), &["--invoke"]);
    let root = checkup.one_root(2, REACHABLE, "gateway-rewrites-event-stream");
    assert_owner(root, "network-team");
    assert_says(root, "text/event-stream");
}

#[test]
fn an_event_stream_that_became_one_message_is_told_as_the_gateway_s_doing() {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "x",
        "content": [{"type": "text", "text": "p"}], "stop_reason": "max_tokens"});
    let checkup = answered_by_the_gateway(200, JSON, &message.to_string(), &["--invoke"]);
    let root = checkup.one_root(2, REACHABLE, "gateway-rewrites-event-stream");
    assert_owner(root, "network-team");
    assert_says(root, "application/json");
}

#[test]
fn a_stream_that_breaks_off_is_told_as_a_dropped_connection() {
    let world = World::healthy();
    world.rule(Rule::new(HOST, STREAM).truncate_after(300));
    let checkup = checkup_with(&behind_a_gateway(&world), &["--invoke"]);
    let root = checkup.one_root(2, REACHABLE, "gateway-connection-dropped");
    assert_owner(root, "network-team");
}

#[test]
fn a_missing_content_type_is_a_warning_that_names_the_versions_that_ask_twice() {
    let world = World::healthy();
    world.rule(Rule::new(HOST, STREAM).without_header("content-type"));
    let machine = behind_a_gateway(&world);
    for (version, words) in [("2.1.330", "before 2.1.239"), ("2.1.238", "billed twice")] {
        let arguments = ["--invoke", "--claude-version", version];
        let checkup = checkup_with(&machine, &arguments);
        assert_eq!(checkup.run.code, 0, "{}", checkup.open());
        let told = checkup.finding(REACHABLE, "warn");
        assert_eq!(told["code"], "gateway-strips-content-type");
        assert_owner(told, "network-team");
        assert_says(told, words);
        checkup.finding("invocation-allowed", "pass");
    }
}

#[test]
fn a_version_that_asks_for_a_login_behind_a_gateway_is_told() {
    let world = World::healthy();
    let machine = behind_a_gateway(&world);
    let old = checkup_with(&machine, &["--claude-version", "1.0.98"]);
    let told = old.report["findings"].to_string();
    assert!(told.contains("skip-auth-gateway-login-required"), "{told}");
    let checkup = checkup_with(&machine, &["--claude-version", "2.1.94"]);
    let root = checkup.one_root(
        1,
        "claude-code-version-known-good",
        "bearer-header-missing-2.1.94",
    );
    assert_owner(root, "you");
}

#[test]
fn a_gateway_that_hands_on_a_refused_beta_is_told_by_what_was_refused() {
    let body =
        json!({"error": {"message": "BedrockException: {\"message\":\"invalid beta flag\"}"}});
    let checkup = answered_by_the_gateway(400, JSON, &body.to_string(), &["--invoke"]);
    let root = checkup.one_root(1, FORM, "beta-flag-rejected");
    assert_owner(root, "you");
    assert_fix(root, "export CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1");
    assert_says(root, "let the gateway pass such requests on");
}

#[test]
fn what_bedrock_refuses_of_a_request_s_form_is_told_with_its_cause() {
    for (message, code, command) in [
        (
            "invalid beta flag",
            "beta-flag-rejected",
            "export CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1",
        ),
        (
            "tools.0.custom.eager_input_streaming: Extra inputs are not permitted",
            "extra-inputs-not-permitted",
            "export CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1",
        ),
        (
            "You invoked an unsupported model or your request did not allow prompt caching.",
            "prompt-caching-unsupported",
            "export DISABLE_PROMPT_CACHING=1",
        ),
        (
            "This model does not support the effort parameter.",
            "app-profile-request-shape",
            "claude update",
        ),
    ] {
        let checkup = refused(400, message, &[]);
        let root = checkup.one_root(1, FORM, code);
        assert_owner(root, "you");
        assert_fix(root, command);
        assert!(root["request_id"].is_string(), "{root}");
        for id in [
            "invocation-allowed",
            "model-access-granted",
            "model-id-accepted",
        ] {
            let told = checkup.finding(id, "blocked");
            assert_eq!(told["blocked_by"], FORM);
        }
    }
}

#[test]
fn a_refusal_in_the_stream_is_told_like_one_before_it() {
    let world = World::healthy();
    world.rule(
        Rule::new("bedrock-runtime", STREAM)
            .stream_error("validationException", "invalid beta flag"),
    );
    let checkup = checkup_with(&pinned(&world), &["--invoke"]);
    checkup.one_root(1, FORM, "beta-flag-rejected");
}

#[test]
fn a_guardrail_that_does_not_exist_is_told_without_a_real_request() {
    let guardrail = "X-Amzn-Bedrock-GuardrailIdentifier: gr-1\nX-Amzn-Bedrock-GuardrailVersion: 7";
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").aws_error(
        400,
        "ValidationException",
        "The guardrail identifier or version provided in the request does not exist.",
    ));
    let mut machine = pinned(&world);
    machine.env("ANTHROPIC_CUSTOM_HEADERS", guardrail);
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, FORM, "guardrail-refused");
    assert_owner(root, "you");
    assert_says(root, "ANTHROPIC_CUSTOM_HEADERS");
    assert_fix(root, "aws bedrock list-guardrails --region us-east-1");
    for request in world.requests() {
        let sent = request.headers.get("x-amzn-bedrock-guardrailidentifier");
        let is_invocation = request.service == "bedrock-runtime";
        assert_eq!(sent.is_some(), is_invocation, "{}", request.operation);
    }
}

#[test]
fn a_guardrail_that_blocks_a_harmless_word_is_for_the_administrator() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", STREAM).guardrail_intervenes());
    let mut machine = pinned(&world);
    machine.env(
        "ANTHROPIC_CUSTOM_HEADERS",
        "X-Amzn-Bedrock-GuardrailIdentifier: gr-1",
    );
    let checkup = checkup_with(&machine, &["--invoke"]);
    let root = checkup.one_root(2, FORM, "guardrail-intervened");
    assert_owner(root, "account-admin");
    assert_says(root, "gr-1");
}

#[test]
fn a_guardrail_that_may_not_be_applied_is_told_with_the_statement_that_is_missing() {
    let world = World::healthy();
    let arn = "arn:aws:bedrock:us-east-1:123456789012:guardrail/gr-1";
    world.rule(Rule::new("bedrock-runtime", "").aws_error(
        403,
        "AccessDeniedException",
        &format!(
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: bedrock:ApplyGuardrail \
             on resource: {arn} because no identity-based policy allows the bedrock:ApplyGuardrail action"
        ),
    ));
    let checkup = checkup_with(&pinned(&world), &["--invoke"]);
    let root = checkup.one_root(2, "invocation-allowed", "iam-no-allow-invoke");
    assert_owner(root, "account-admin");
    let fix = root["fix"].to_string();
    assert!(
        fix.contains("bedrock:ApplyGuardrail") && fix.contains(arn),
        "{fix}"
    );
    assert!(!fix.contains("bedrock:InvokeModel"), "{fix}");
}

#[test]
fn a_service_tier_that_is_refused_is_told_with_its_variable() {
    let checkup = refused(
        400,
        "The requested service tier is not supported for this model.",
        &[("ANTHROPIC_BEDROCK_SERVICE_TIER", "flex")],
    );
    let root = checkup.one_root(1, FORM, "service-tier-refused");
    assert_owner(root, "you");
    assert_fix(root, "unset ANTHROPIC_BEDROCK_SERVICE_TIER");
    assert_says(root, "flex");
}

#[test]
fn a_line_that_is_no_header_field_is_told() {
    let world = World::healthy();
    let mut machine = pinned(&world);
    machine.env("ANTHROPIC_CUSTOM_HEADERS", "X Key: vogel-kanarien-singt");
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, FORM, "custom-header-invalid");
    assert_owner(root, "you");
    assert!(
        !checkup.run.stdout.contains("vogel"),
        "{}",
        checkup.run.stdout
    );
}

/// A gateway may quote what it was sent.
#[test]
fn a_header_that_a_gateway_quotes_stays_secret() {
    let world = World::healthy();
    let secret = "vogel-kanarien-singt";
    let text = format!("no such team: {secret}");
    let in_its_own_form = json!({"error": {"message": text, "echo": secret}});
    let in_the_form_of_aws = json!({"message": text, "__type": secret, "code": secret});
    let mut machine = behind_a_gateway(&world);
    machine.env("ANTHROPIC_CUSTOM_HEADERS", &format!("X-Team: {secret}"));
    for (body, arguments) in [
        (&in_its_own_form, &["-v"][..]),
        (&in_its_own_form, &["-v", "--invoke"]),
        (&in_the_form_of_aws, &["-v", "--invoke"]),
    ] {
        let fields = [
            ("content-type", &*format!("application/json; team={secret}")),
            ("request-id", secret),
        ];
        world.rule(
            Rule::new(HOST, "/model/")
                .respond(403, &fields, body.to_string())
                .not_from_aws(),
        );
        let run = checkup_with(&machine, arguments).run;
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
        assert!(run.stdout.contains("no such team"), "{}", run.stdout);
    }
    let sent = |request: &bedrock_doctor_world::Request| {
        request.headers.get("x-team").map(String::as_str) == Some(secret)
    };
    let requests = world.requests();
    let mut invocations = requests.iter().filter(|it| it.path.starts_with("/model/"));
    assert!(invocations.all(sent));
}
