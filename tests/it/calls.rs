//! Every call to AWS is documented: runs on many machines make no other one.
//!
//! `UPDATE=1 cargo test --test it calls` writes `docs/aws-calls.md`.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};
use serde_json::Value;

use crate::harness::{DOCTOR, bare, machine};

/// When each operation is called, and whether the request is signed.
const CALLS: [Call; 23] = [
    unsigned(
        "container:GetCredentials",
        "the chain reaches `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`",
    ),
    unsigned(
        "imds:GetToken",
        "the chain reaches instance metadata, unless `AWS_EC2_METADATA_DISABLED` is `true`",
    ),
    unsigned(
        "imds:ListRoles",
        "instance metadata answered `imds:GetToken`",
    ),
    unsigned("imds:GetRoleCredentials", "instance metadata named a role"),
    unsigned(
        "sso-oidc:CreateToken",
        "with `--refresh`, when the token of an `sso_session` has at most 5 minutes left",
    ),
    unsigned(
        "signin:CreateOAuth2Token",
        "with `--refresh`, when the keys of `aws login` have at most 5 minutes left; a DPoP proof goes with it",
    ),
    unsigned(
        "sso:GetRoleCredentials",
        "the profile uses IAM Identity Center and a token that has not expired is cached",
    ),
    signed(
        "sts:AssumeRole",
        "the profile has a `role_arn` and a source",
    ),
    unsigned(
        "sts:AssumeRoleWithWebIdentity",
        "`AWS_WEB_IDENTITY_TOKEN_FILE` is set, or the profile has a `web_identity_token_file`",
    ),
    signed(
        "sts:GetCallerIdentity",
        "there are keys; not with a Bedrock API key, which STS does not know; \
         once more before everything else with `--refresh` and `awsAuthRefresh`",
    ),
    signed("bedrock:ListInferenceProfiles", "always; one call per page"),
    signed(
        "bedrock:GetInferenceProfile",
        "a model that is in use or pinned is the ARN of an application inference profile",
    ),
    signed(
        "bedrock:GetFoundationModelAvailability",
        "once per model that is in use or pinned",
    ),
    signed(
        "bedrock:GetFoundationModel",
        "once per model that is in use or pinned",
    ),
    signed("bedrock:GetUseCaseForModelAccess", "always"),
    signed(
        "bedrock-mantle:ListModels",
        "requests go to Mantle (`CLAUDE_CODE_USE_MANTLE`)",
    ),
    signed(
        "bedrock:InvokeModelWithResponseStream",
        "once per model in use, with a body that must be refused; \
         not when AWS says that the model's agreement is missing; with `--invoke` a real request instead",
    ),
    signed(
        "iam:GetRole",
        "before `iam:SimulatePrincipalPolicy`, when the caller is the session of a role",
    ),
    signed(
        "iam:SimulatePrincipalPolicy",
        "a policy denied an invocation, or with `--thorough` or `--only`; once per Region of the models in use",
    ),
    signed(
        "servicequotas:ListServiceQuotas",
        "an invocation was throttled, or with `--invoke`, `--thorough` or `--only`; one call per page",
    ),
    signed(
        "servicequotas:GetAWSDefaultServiceQuota",
        "once per quota of the models in use",
    ),
    signed(
        "bedrock-mantle:CreateInference",
        "with `CLAUDE_CODE_USE_MANTLE`, instead, for the models that live there",
    ),
    signed(
        "aws-external-anthropic:CreateInference",
        "with `CLAUDE_CODE_USE_ANTHROPIC_AWS`, instead; with an API key it is not signed",
    ),
];

/// The operation of Claude Code's own check at its start.
const STARTUP: Call = signed(
    "bedrock:InvokeModel",
    "for the main model, with a body that must be refused; \
     not when AWS says that the model's agreement is missing, and not with `--invoke`",
);

struct Call {
    operation: &'static str,
    signed: bool,
    when: &'static str,
}

const fn signed(operation: &'static str, when: &'static str) -> Call {
    Call {
        operation,
        signed: true,
        when,
    }
}

const fn unsigned(operation: &'static str, when: &'static str) -> Call {
    Call {
        operation,
        signed: false,
        when,
    }
}

fn calls() -> impl Iterator<Item = &'static Call> {
    CALLS.iter().chain([&STARTUP])
}

/// The probe and the cost of every operation that the program names as an IAM action.
fn actions() -> BTreeMap<String, (String, String)> {
    let run = Machine::offline().run(DOCTOR, &["list", "probes", "--format", "json"]);
    let mut actions = BTreeMap::new();
    for probe in run.json()["probes"].as_array().unwrap() {
        let text = |key: &str| probe[key].as_str().unwrap().to_owned();
        for action in probe["actions"].as_array().unwrap() {
            let place = (text("id"), text("cost"));
            actions.insert(action.as_str().unwrap().to_owned(), place);
        }
    }
    actions
}

fn page() -> String {
    let actions = actions();
    let mut page = String::from(
        "# Calls to AWS\n\n\
         Generated from the source by `UPDATE=1 cargo test --test it calls`.\n\n\
         `bedrock-doctor check` calls nothing but these operations, and a test fails when it does.\n\
         Every one of them reads, but for the two that renew a token on request; none changes the account.\n\
         With `--offline` it calls none. \
         `--only` and `--skip` leave out the calls that no remaining check needs.\n\
         The operations of `imds` and `container` belong to the machine and not to AWS's API: no policy governs them.\n\n\
         | operation | probe | cost | signed | when |\n|---|---|---|---|---|\n",
    );
    for call in calls() {
        let (probe, cost) = match actions.get(call.operation) {
            Some((probe, cost)) => (probe.as_str(), cost.as_str()),
            None => ("credentials", "free"),
        };
        let signed = if call.signed { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| `{}` | {probe} | {cost} | {signed} | {} |",
            call.operation, call.when
        );
    }
    page
}

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws-calls.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, page,
        "aws-calls.md is stale: UPDATE=1 cargo test --test it calls"
    );
}

/// What the probes say they need, and what the page says, is the same.
#[test]
fn every_iam_action_has_a_row() {
    let documented: BTreeSet<&str> = calls().map(|call| call.operation).collect();
    let actions = actions();
    for action in actions.keys() {
        assert!(documented.contains(action.as_str()), "{action} has no row");
    }
    for operation in documented {
        let of_machine = operation.starts_with("imds:") || operation.starts_with("container:");
        let known = actions.contains_key(operation);
        assert_eq!(known, !of_machine, "{operation}: IAM action or not?");
    }
}

/// Runs the machine and asserts that it made these calls, at least one, and no call without a row.
#[track_caller]
fn check(world: &World, machine: &Machine, arguments: &[&str], wanted: &[&str]) {
    world.forget_requests();
    let mut all = vec!["check", "--format", "json"];
    all.extend(arguments);
    let run = machine.run(DOCTOR, &all);
    let report: Value = run.json();
    let made: BTreeSet<String> = world.operations().into_iter().collect();
    for operation in &made {
        let row = calls().find(|call| call.operation == operation);
        assert!(row.is_some(), "not documented: {operation}");
    }
    for operation in wanted {
        assert!(
            made.contains(*operation),
            "{operation} was not called, only {made:?}; exit {}: {:#}",
            run.code,
            report["root_causes"]
        );
    }
    for request in world.requests() {
        let row = calls()
            .find(|call| call.operation == request.operation)
            .unwrap();
        let signed = request.access_key_id.is_some() || request.bearer.is_some();
        assert_eq!(signed, row.signed, "{}", request.operation);
    }
}

/// What every healthy machine with keys is asked.
const USUAL: [&str; 7] = [
    "sts:GetCallerIdentity",
    "bedrock:ListInferenceProfiles",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetFoundationModel",
    "bedrock:GetUseCaseForModelAccess",
    "bedrock:InvokeModelWithResponseStream",
    "bedrock:InvokeModel",
];

fn usual_and(more: &[&'static str]) -> Vec<&'static str> {
    USUAL.iter().chain(more).copied().collect()
}

#[test]
fn keys_in_the_environment() {
    let world = World::healthy();
    check(&world, &machine(&world), &[], &USUAL);
}

#[test]
fn everything_that_can_be_asked() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("ANTHROPIC_MODEL", "us.anthropic.claude-opus-5-5");
    let wanted = usual_and(&[
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "servicequotas:ListServiceQuotas",
        "servicequotas:GetAWSDefaultServiceQuota",
    ]);
    check(&world, &machine, &["--thorough"], &wanted);
}

#[test]
fn pages_of_profiles() {
    let world = World::healthy();
    world.page_size(4);
    check(&world, &machine(&world), &[], &USUAL);
    let pages = world.operations();
    let pages = pages
        .iter()
        .filter(|it| *it == "bedrock:ListInferenceProfiles");
    assert_eq!(pages.count(), 3);
}

#[test]
fn a_static_profile_and_an_assumed_role() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\n",
        )
        .file(
            "~/.aws/credentials",
            "[base]\naws_access_key_id = AKIABASE000000000001\naws_secret_access_key = base-secret-0001\n",
        );
    check(&world, &machine, &[], &usual_and(&["sts:AssumeRole"]));
    machine.env("AWS_PROFILE", "base");
    check(&world, &machine, &[], &USUAL);
}

#[test]
fn identity_center() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n",
        )
        .sso_token("corp", &TokenSpec::default());
    check(
        &world,
        &machine,
        &[],
        &usual_and(&["sso:GetRoleCredentials"]),
    );
    // A token that Claude Code would renew is not renewed unasked: renewing writes its cache file.
    let expired = TokenSpec {
        expires_in_seconds: -60,
        ..TokenSpec::default()
    };
    machine.sso_token("corp", &expired);
    check(&world, &machine, &[], &[]);
    assert_eq!(world.operations(), Vec::<String>::new());
    let renewed = usual_and(&["sso-oidc:CreateToken", "sso:GetRoleCredentials"]);
    check(&world, &machine, &["--refresh"], &renewed);
}

#[test]
fn aws_login() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nlogin_session = arn:aws:iam::123456789012:user/me\n",
        )
        .file(
            "~/.aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json",
            include_str!("../data/renewal/login-before.json"),
        );
    check(&world, &machine, &[], &[]);
    assert_eq!(world.operations(), Vec::<String>::new());
    let renewed = usual_and(&["signin:CreateOAuth2Token"]);
    check(&world, &machine, &["--refresh"], &renewed);
}

#[test]
fn web_identity() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Dev")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/token")
        .file("~/token", "header.payload.signature");
    let wanted = usual_and(&["sts:AssumeRoleWithWebIdentity"]);
    check(&world, &machine, &[], &wanted);
}

#[test]
fn a_credential_process() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\ncredential_process = @HOME@/helper.sh\n",
        )
        .executable(
            "~/helper.sh",
            "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS000000001\", \"SecretAccessKey\": \"process-secret-01\"}'\n",
        );
    check(&world, &machine, &[], &USUAL);
}

#[test]
fn a_container() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &world.container_url());
    let wanted = usual_and(&["container:GetCredentials"]);
    check(&world, &machine, &[], &wanted);
}

#[test]
fn instance_metadata() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env_remove("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &world.metadata_url());
    let wanted = usual_and(&["imds:GetToken", "imds:ListRoles", "imds:GetRoleCredentials"]);
    check(&world, &machine, &[], &wanted);
}

#[test]
fn an_api_key() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_BEARER_TOKEN_BEDROCK", "ABSKQmVkcm9ja0FQSUtleS1hYmNk");
    check(&world, &machine, &[], &USUAL[1..]);
    let made = world.operations();
    assert!(
        !made.contains(&"sts:GetCallerIdentity".to_owned()),
        "{made:?}"
    );
}

#[test]
fn an_application_profile() {
    let world = World::healthy();
    world.application_profile("abc123", "anthropic.claude-sonnet-4-5-20250929-v1:0");
    let mut machine = machine(&world);
    machine.env(
        "ANTHROPIC_MODEL",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
    );
    let wanted = usual_and(&["bedrock:GetInferenceProfile"]);
    check(&world, &machine, &[], &wanted);
}

/// Only `--invoke` makes a request that a model answers, one per model.
#[test]
fn real_requests() {
    let world = World::healthy();
    let machine = machine(&world);
    let real = |world: &World| {
        let requests = world.requests().into_iter();
        requests
            .filter(|request| request.operation.starts_with("bedrock:Invoke"))
            .map(|request| (request.status, request.operation))
            .filter(|(status, _)| *status == Some(200))
            .count()
    };
    check(&world, &machine, &[], &USUAL);
    assert_eq!(real(&world), 0);
    check(&world, &machine, &["--invoke"], &USUAL[..6]);
    let models: BTreeSet<Option<String>> = world
        .requests()
        .into_iter()
        .filter(|request| request.operation.starts_with("bedrock:Invoke"))
        .map(|request| request.model)
        .collect();
    assert_eq!(real(&world), models.len());
}

/// The other services of AWS that Claude Code can use: nothing is asked of Bedrock then.
#[test]
fn mantle_and_the_claude_platform() {
    for (flag, operation) in [
        ("CLAUDE_CODE_USE_MANTLE", "bedrock-mantle:CreateInference"),
        (
            "CLAUDE_CODE_USE_ANTHROPIC_AWS",
            "aws-external-anthropic:CreateInference",
        ),
    ] {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine
            .env_remove("CLAUDE_CODE_USE_BEDROCK")
            .env("ANTHROPIC_AWS_WORKSPACE_ID", "ws1")
            .env(flag, "1");
        for arguments in [&[][..], &["--invoke"]] {
            check(
                &world,
                &machine,
                arguments,
                &["sts:GetCallerIdentity", operation],
            );
            let of_bedrock = |it: &String| it.starts_with("bedrock:");
            assert!(!world.operations().iter().any(of_bedrock));
        }
    }
}

#[test]
fn failures() {
    let world = World::healthy();
    let machine = machine(&world);
    world.rule(Rule::new("", "").aws_error(403, "ExpiredTokenException", "expired"));
    check(&world, &machine, &[], &["sts:GetCallerIdentity"]);
    world.rule(Rule::new("", "").aws_error(429, "ThrottlingException", "slow down"));
    check(&world, &machine, &[], &["sts:GetCallerIdentity"]);
    world.rule(Rule::new("", "").respond(502, &[("content-type", "text/html")], "<html>"));
    check(&world, &machine, &[], &["sts:GetCallerIdentity"]);
}

#[test]
fn offline_calls_nobody() {
    let world = World::healthy();
    check(&world, &machine(&world), &["--offline"], &[]);
    assert_eq!(world.operations(), Vec::<String>::new());
    assert_eq!(world.connects(), Vec::<String>::new());
}

#[test]
fn one_check_asks_what_it_needs() {
    let world = World::healthy();
    let machine = machine(&world);
    let listing = ["bedrock:ListInferenceProfiles"];
    for only in ["profile-listing-allowed", "clock-in-step"] {
        check(&world, &machine, &["--only", only], &listing);
        assert_eq!(world.operations(), listing, "{only}");
    }
    check(&world, &machine, &["--only", "configuration"], &[]);
    assert_eq!(world.operations(), Vec::<String>::new());
}

/// A first invocation may accept the model's agreement: none is sent where AWS says that it is missing.
#[test]
fn no_invocation_without_agreement() {
    let world = World::healthy();
    let machine = machine(&world);
    let missing = r#"{"modelId": "m", "agreementAvailability": {"status": "NOT_AVAILABLE"}, "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE", "regionAvailability": "AVAILABLE"}"#;
    let json = [("content-type", "application/json")];
    world
        .rule(Rule::new("bedrock", "/foundation-model-availability/").respond(200, &json, missing));
    for arguments in [
        &[][..],
        &["--only", "invocation-allowed"],
        &["--only", "use-case-form-submitted"],
    ] {
        let wanted = ["bedrock:GetFoundationModelAvailability"];
        check(&world, &machine, arguments, &wanted);
        let made = world.operations();
        let invoked = made.iter().any(|it| it.starts_with("bedrock:Invoke"));
        assert!(!invoked, "{arguments:?}: {made:?}");
    }
}
