//! `resolve`: reads well in 80 columns, has its fields in JSON, takes assumptions, leaks nothing.
//!
//! Whether its answers are right is for `observed` and `live`.

use bedrock_doctor_world::{Machine, Run, TokenSpec, World};
use serde_json::{Value, json};

use crate::harness::{DOCTOR, checkup_with, machine};

/// A machine with Claude Code 2.1.330 on which Bedrock is on; it stays offline.
fn bare() -> Machine {
    let mut machine = Machine::offline();
    let program = "~/.local/share/claude/versions/2.1.330";
    machine
        .executable(program, "#!/bin/sh\nexit 70\n")
        .link("~/.local/bin/claude", program)
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    machine
}

fn with_keys() -> Machine {
    let mut machine = bare();
    machine
        .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001");
    machine
}

fn offline(machine: &Machine, arguments: &[&str]) -> Run {
    let mut all = vec!["resolve", "--offline"];
    all.extend(arguments);
    let run = machine.run(DOCTOR, &all);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    run
}

#[track_caller]
fn answer(machine: &Machine, arguments: &[&str]) -> Value {
    let mut all = vec!["--format", "json"];
    all.extend(arguments);
    offline(machine, &all).json()
}

/// The table of a case: no line is longer than 80 columns but what must stay whole, and nothing is cut.
#[track_caller]
fn reads_well(name: &str, machine: &Machine, arguments: &[&str]) {
    let run = offline(machine, arguments);
    for line in run.stdout.lines() {
        let words = line.split_whitespace().count();
        assert!(line.chars().count() <= 80 || words == 1, "{line}");
    }
    insta::assert_snapshot!(name, run.stdout);
}

#[test]
fn keys_beside_an_unknown_profile() {
    let mut machine = with_keys();
    machine
        .env("AWS_REGION", "us-east-1")
        .env("AWS_PROFILE", "production");
    reads_well("keys-with-unknown-profile", &machine, &[]);
}

#[test]
fn settings_over_the_shell() {
    let mut machine = with_keys();
    machine.env("AWS_REGION", "us-east-1").file(
        "~/.claude/settings.json",
        "{\n  \"env\": {\n    \"AWS_REGION\": \"eu-west-1\"\n  }\n}\n",
    );
    reads_well("settings-over-shell", &machine, &[]);
}

#[test]
fn two_sessions_of_identity_center() {
    let mut machine = bare();
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/config",
        "[profile dev]\nsso_session = acme\nsso_account_id = 111122223333\nsso_role_name = Dev\n\
         region = eu-central-1\n[profile admin]\nsso_session = beta\nsso_account_id = 444455556666\n\
         sso_role_name = Admin\n[sso-session acme]\nsso_region = eu-west-1\n\
         sso_start_url = https://acme.awsapps.com/start\n[sso-session beta]\nsso_region = us-east-1\n\
         sso_start_url = https://beta.awsapps.com/start\n",
    );
    // The token of the other session does not help.
    machine.sso_token("beta", &TokenSpec::default());
    reads_well("two-sso-sessions", &machine, &[]);
}

#[test]
fn a_project_that_redirects_the_endpoint() {
    let mut machine = with_keys();
    machine.env("AWS_REGION", "us-east-1").file(
        ".claude/settings.json",
        "{\n  \"env\": {\n    \"ANTHROPIC_BEDROCK_BASE_URL\": \"https://gw.example.com/bedrock\"\n  }\n}\n",
    );
    reads_well("project-redirects-endpoint", &machine, &[]);
}

#[test]
fn a_dropped_settings_file() {
    let mut machine = with_keys();
    machine.file(
        "~/.claude/settings.json",
        "{\n  \"env\": {\"AWS_REGION\": \"eu-west-1\"},\n  \"permissions\": \"all\"\n}\n",
    );
    reads_well("dropped-settings-file", &machine, &[]);
}

#[test]
fn an_arn_of_another_region() {
    let mut machine = with_keys();
    machine.env("AWS_REGION", "us-west-2").env(
        "ANTHROPIC_MODEL",
        "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/abc123",
    );
    reads_well("arn-of-another-region", &machine, &[]);
}

#[test]
fn a_prefix_of_another_geography() {
    let mut machine = with_keys();
    machine
        .env("AWS_REGION", "eu-west-1")
        .env("ANTHROPIC_MODEL", "us.anthropic.claude-sonnet-4-6");
    reads_well("us-prefix-in-eu-west-1", &machine, &[]);
}

#[test]
fn assumptions_are_named_and_win() {
    let arguments = [
        "--profile",
        "other",
        "--region",
        "ap-southeast-2",
        "--model",
        "sonnet",
        "--settings",
        r#"{"env":{"ANTHROPIC_DEFAULT_SONNET_MODEL":"au.anthropic.claude-sonnet-4-6"}}"#,
        "--claude-version",
        "2.1.240",
        "--env",
        "AWS_SECRET_ACCESS_KEY=planted-secret-value",
    ];
    let mut machine = with_keys();
    machine
        .env("AWS_REGION", "us-east-1")
        .env("AWS_PROFILE", "work");
    reads_well("assumptions", &machine, &arguments);
    let told = answer(&machine, &arguments);
    assert_eq!(told["claude_code"]["version"], "2.1.240");
    assert_eq!(told["region"]["value"], "ap-southeast-2");
    assert_eq!(told["region"]["source"]["kind"], "flag");
    assert_eq!(told["region"]["overridden"][0]["value"], "us-east-1");
    assert_eq!(told["profile"]["value"], "other");
    assert_eq!(
        told["models"]["main"]["value"],
        "au.anthropic.claude-sonnet-4-6"
    );
    assert!(!told.to_string().contains("planted-secret-value"));
}

#[test]
fn models_that_somebody_chose_beside_those_in_use_are_told() {
    let mut machine = with_keys();
    machine.env("AWS_REGION", "us-east-1");
    let told = answer(&machine, &[]);
    assert!(told["models"].get("fable").is_none() && told["models"].get("subagent").is_none());
    machine
        .env(
            "ANTHROPIC_DEFAULT_FABLE_MODEL",
            "us.anthropic.claude-fable-5",
        )
        .env(
            "CLAUDE_CODE_SUBAGENT_MODEL",
            "us.anthropic.claude-sonnet-4-6",
        );
    let told = answer(&machine, &[]);
    for (part, model, variable) in [
        (
            "fable",
            "us.anthropic.claude-fable-5",
            "ANTHROPIC_DEFAULT_FABLE_MODEL",
        ),
        (
            "subagent",
            "us.anthropic.claude-sonnet-4-6",
            "CLAUDE_CODE_SUBAGENT_MODEL",
        ),
    ] {
        assert_eq!(told["models"][part]["value"], model);
        assert_eq!(told["models"][part]["source"]["name"], variable);
    }
    let table = offline(&machine, &[]).stdout;
    let row = "              subagent   us.anthropic.claude-sonnet-4-6\n                from `CLAUDE_CODE_SUBAGENT_MODEL` in the environment\n";
    assert!(table.contains(row), "{table}");
}

#[test]
fn the_checkup_takes_the_same_assumptions() {
    let world = World::healthy();
    let checkup = checkup_with(
        &machine(&world),
        &["--region", "eu-west-1", "--model", "haiku"],
    );
    let facts = &checkup.report["facts"];
    assert_eq!(
        facts["configuration"]["value"]["region"]["value"],
        "eu-west-1"
    );
    assert_eq!(
        facts["request"]["what_if"],
        json!(["--region eu-west-1", "--model haiku"])
    );
    let asked = world.requests();
    assert!(asked.iter().all(|request| request.region == "eu-west-1"));
    assert!(asked.iter().any(|request| {
        request.operation == "bedrock:InvokeModelWithResponseStream"
            && request
                .model
                .as_deref()
                .is_some_and(|id| id.contains("haiku"))
    }));
    let table = machine(&world).run(DOCTOR, &["check", "--region", "eu-west-1"]);
    assert!(table.stdout.contains("what if: --region eu-west-1"));
}

#[test]
fn settings_that_end_claude_code_end_this() {
    let machine = with_keys();
    for (settings, says) in [
        ("nofile.json", "Settings file not found"),
        ("{bad}", "Invalid JSON provided to --settings"),
        (
            "{\"env\":{\"AWS_BEARER_TOKEN_BEDROCK\":\"planted-secret\"",
            "Settings file not found",
        ),
        ("", "neither the name of a file nor JSON"),
    ] {
        let run = machine.run(DOCTOR, &["resolve", "--offline", "--settings", settings]);
        assert_eq!(run.code, 64, "{}", run.stdout);
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(!run.stderr.contains("planted-secret"), "{}", run.stderr);
    }
}

#[test]
fn the_document_has_its_fields() {
    let mut machine = with_keys();
    machine
        .env("AWS_REGION", "us-east-1")
        .env("HTTPS_PROXY", "http://me:hidden-password@proxy.corp:3128");
    let told = answer(&machine, &[]);
    for pointer in [
        "/claude_code/version",
        "/claude_code/rules",
        "/provider/value",
        "/region/value",
        "/endpoint/bedrock/value",
        "/endpoint/runtime/value",
        "/endpoint/mantle/value",
        "/endpoint/anthropic_aws/value",
        "/credentials/kind",
        "/credentials/steps/0/provider",
        "/credentials/steps/0/outcome",
        "/credentials/steps/0/reason",
        "/models/main/value",
        "/models/background/value",
        "/models/opus/value",
        "/models/sonnet/value",
        "/models/haiku/value",
        "/proxy/value",
        "/tls/verify/value",
        "/settings_files/0/level",
        "/aws_cli/profile/value",
    ] {
        let value = told.pointer(pointer);
        assert!(value.is_some_and(|value| !value.is_null()), "{pointer}");
    }
    for value in ["provider", "region", "proxy"] {
        assert!(told[value]["source"]["kind"].is_string(), "{value}");
        assert!(told[value]["overridden"].is_array(), "{value}");
    }
    assert_eq!(told["proxy"]["value"], "http://proxy.corp:3128");
    assert_eq!(told["credentials"]["access_key_id"], "…0001");
    let shown = answer(&machine, &["--show-identifiers"]);
    assert_eq!(
        shown["credentials"]["access_key_id"],
        "AKIAENVIRONMENT00001"
    );
    for secret in ["hidden-password", "environment-secret-0001"] {
        assert!(!told.to_string().contains(secret) && !shown.to_string().contains(secret));
    }
}

#[test]
fn keys_that_end_alike_are_told_apart() {
    let mut machine = with_keys();
    machine.file(
        "~/.claude/settings.json",
        r#"{"env": {"AWS_ACCESS_KEY_ID": "AKIASETTINGS00000001", "AWS_REGION": "us-east-1"}}"#,
    );
    let told = answer(&machine, &[]);
    assert_eq!(told["credentials"]["access_key_id"], "…0001");
    let aws = &told["aws_cli"];
    assert_eq!(aws["credentials"]["value"]["access_key_id"], "…0001");
    assert_eq!(aws["differs"], json!(["region", "credentials"]));
    for arguments in [&[][..], &["--format", "json"]] {
        let run = offline(&machine, arguments);
        let whole = ["AKIASETTINGS", "AKIAENVIRONMENT"];
        assert!(
            !whole.iter().any(|id| run.stdout.contains(id)),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn a_newer_version_gets_the_newest_known_rules_and_it_says_so() {
    let told = answer(&with_keys(), &["--claude-version", "9.9.9"]);
    assert_eq!(told["claude_code"]["version"], "9.9.9");
    assert_eq!(told["claude_code"]["rules"], "2.1.330");
    assert!(
        told["open"].to_string().contains("9.9.9 is newer"),
        "{told}"
    );
}

#[test]
fn offline_opens_no_socket_and_says_what_stays_open() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("AWS_PROFILE", "helper").file(
        "~/.aws/config",
        "[profile helper]\ncredential_process = touch @HOME@/started\n",
    );
    let told = answer(&machine, &[]);
    assert_eq!(told["credentials"]["kind"], "credential-process");
    assert!(told["open"].to_string().contains("--offline"), "{told}");
    assert!(world.connects().is_empty() && world.requests().is_empty());
    assert!(!machine.home().join("started").exists());
}

#[test]
fn it_asks_what_claude_code_asks_and_invokes_nothing() {
    let world = World::healthy();
    world.inference_profiles(&["global.anthropic.claude-opus-5-5"]);
    let run = machine(&world).run(DOCTOR, &["resolve", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.json()["models"]["main"]["value"],
        "global.anthropic.claude-opus-5-5"
    );
    let asked: Vec<String> = world
        .requests()
        .into_iter()
        .map(|request| request.operation)
        .collect();
    assert_eq!(asked, ["bedrock:ListInferenceProfiles"]);
}

#[test]
fn the_other_services_have_their_own_endpoints_keys_and_models() {
    let mut machine = with_keys();
    machine
        .env_remove("CLAUDE_CODE_USE_BEDROCK")
        .env("AWS_REGION", "us-east-1")
        .env("CLAUDE_CODE_USE_MANTLE", "1");
    let told = answer(&machine, &[]);
    assert_eq!(told["provider"]["value"], "mantle");
    assert_eq!(
        told["request"]["url"],
        "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages"
    );
    assert_eq!(told["models"]["main"]["value"], "anthropic.claude-opus-5-5");
    machine
        .env("CLAUDE_CODE_USE_ANTHROPIC_AWS", "1")
        .env("ANTHROPIC_AWS_API_KEY", "sk-ant-planted-0001");
    let told = answer(&machine, &[]);
    assert_eq!(told["provider"]["value"], "anthropic-aws");
    assert_eq!(told["credentials"]["kind"], "api-key");
    assert_eq!(told["models"]["main"]["value"], "claude-opus-5-5");
    assert!(!told.to_string().contains("planted"));
    machine.env("CLAUDE_CODE_USE_FOUNDRY", "1");
    let told = answer(&machine, &[]);
    assert_eq!(told["provider"]["value"], "foundry");
    assert!(
        told["open"].to_string().contains("Microsoft Foundry"),
        "{told}"
    );
}

#[test]
fn a_broken_home_is_survived() {
    let mut machine = with_keys();
    machine
        .file("~/.claude.json", "{")
        .file("~/.aws/config", "\u{0}\u{1}[[[")
        .env("HOME", "/nonexistent/home");
    let told = offline(&machine, &[]);
    assert!(told.stdout.contains("us-east-1"), "{}", told.stdout);
}
