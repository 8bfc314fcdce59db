//! Every way to have credentials, with everything well.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};

use crate::harness::{DOCTOR, bare, checkup, machine};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/Dev/alice";
const MODEL: &str = "us.anthropic.claude-opus-5-5";
const KEYS: &str = r#""AccessKeyId": "ASIAHELPER0000000001", "SecretAccessKey": "helper-secret-0001", "SessionToken": "helper-token-0001", "Expiration": "2099-01-01T00:00:00Z""#;

/// Asserts that both forms of the report call the machine healthy, and that the table says this much about it.
#[track_caller]
fn all_good(machine: &Machine, said: &[&str]) {
    let told = checkup(machine);
    told.healthy();
    assert_eq!(told.report["status"], "pass", "{}", told.open());
    let run = machine.run(DOCTOR, &["check"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    // Long lines are wrapped.
    let table = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "all good",
        "us-east-1, from `AWS_REGION` in the environment",
        MODEL,
    ]
    .iter()
    .chain(said)
    {
        assert!(table.contains(part), "no `{part}`:\n{}", run.stdout);
    }
}

/// Asserts that every signed request was signed with this key.
#[track_caller]
fn signed_by(world: &World, key: &str) {
    let keys: Vec<String> = world
        .requests()
        .into_iter()
        .filter_map(|request| request.access_key_id)
        .collect();
    assert!(keys.iter().any(|signer| signer == key), "{keys:?}");
    assert!(
        world
            .operations()
            .contains(&"bedrock:InvokeModelWithResponseStream".to_owned())
            || world
                .operations()
                .contains(&"bedrock:InvokeModel".to_owned()),
        "{:?}",
        world.operations()
    );
}

/// A machine whose profile `dev` has these lines.
fn with_profile(world: &World, lines: &str) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file("~/.aws/config", &format!("[profile dev]\n{lines}\n"));
    machine
}

/// A token that lasts for eight hours, however long the test takes.
fn token() -> TokenSpec {
    TokenSpec {
        expires_in_seconds: 8 * 3_600 + 50,
        ..TokenSpec::default()
    }
}

#[test]
fn a_folder_on_the_search_path_is_not_claude_code() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .file("~/claude/notes.txt", "")
        .executable("~/.local/bin/claude", "#!/bin/sh\n");
    let path = format!("{}:/usr/bin:/bin", machine.home().display());
    machine.env("PATH", &path);
    let told = checkup(&machine);
    let found = &told.report["facts"]["claude_code"]["value"]["path"];
    assert_eq!(
        found, "~/.local/bin/claude",
        "{}",
        told.report["facts"]["claude_code"]
    );
}

#[test]
fn keys_in_the_environment_work() {
    let world = World::healthy();
    all_good(
        &machine(&world),
        &[
            ARN,
            "keys in the environment",
            "do not expire by themselves",
        ],
    );
    signed_by(&world, "AKIAENVIRONMENT00001");
}

#[test]
fn keys_in_a_profile_work() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    all_good(
        &machine,
        &[
            ARN,
            "keys in the profile, profile dev",
            "do not expire by themselves",
        ],
    );
    signed_by(&world, "AKIAPROFILE000000001");
}

#[test]
fn identity_center_with_a_session_works() {
    let world = World::healthy();
    let mut machine = with_profile(
        &world,
        "sso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
         [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1",
    );
    machine.sso_token("acme", &token());
    all_good(
        &machine,
        &[
            ARN,
            "IAM Identity Center, profile dev",
            "the sign-in expires in 8 h",
            "Claude Code renews it by itself",
        ],
    );
    signed_by(&world, "ASIAFROMSSOPORTAL");
}

#[test]
fn identity_center_in_the_old_form_works() {
    let world = World::healthy();
    let url = "https://acme.awsapps.com/start";
    let mut machine = with_profile(
        &world,
        &format!(
            "sso_start_url = {url}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Dev"
        ),
    );
    let token = TokenSpec {
        refreshable: false,
        ..token()
    };
    machine.sso_token(url, &token);
    all_good(
        &machine,
        &[
            ARN,
            "IAM Identity Center, profile dev",
            "the sign-in expires in 8 h",
            "it cannot be renewed",
        ],
    );
    signed_by(&world, "ASIAFROMSSOPORTAL");
}

#[test]
fn a_role_assumed_with_keys_of_another_profile_works() {
    let world = World::healthy();
    let mut machine = with_profile(
        &world,
        "role_arn = arn:aws:iam::123456789012:role/Bedrock\nsource_profile = base",
    );
    machine.file(
        "~/.aws/credentials",
        "[base]\naws_access_key_id = AKIABASE000000000001\naws_secret_access_key = base-secret-0001\n",
    );
    all_good(
        &machine,
        &[
            ARN,
            "assumed role, profile dev",
            "keys expire in",
            "Claude Code gets new ones by itself",
        ],
    );
    signed_by(&world, "ASIAFROMSTSASSUMEROLE");
}

#[test]
fn a_role_on_top_of_identity_center_works() {
    let world = World::healthy();
    let mut machine = with_profile(
        &world,
        "role_arn = arn:aws:iam::123456789012:role/Bedrock\nsource_profile = sso\n\
         [profile sso]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
         [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1",
    );
    machine.sso_token("acme", &token());
    all_good(
        &machine,
        &[
            ARN,
            "assumed role, profile dev",
            "the sign-in expires in 8 h",
        ],
    );
    signed_by(&world, "ASIAFROMSTSASSUMEROLE");
    let assumed = world
        .requests()
        .into_iter()
        .find(|request| request.operation == "sts:AssumeRole");
    assert_eq!(
        assumed.and_then(|request| request.access_key_id).as_deref(),
        Some("ASIAFROMSSOPORTAL")
    );
}

#[test]
fn a_web_identity_works() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .file("~/token", "oidc-token-0001")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/token")
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Pod");
    all_good(&machine, &[ARN, "web identity", "keys expire in"]);
    signed_by(&world, "ASIAFROMSTSWEBIDENTITY");
}

#[test]
fn a_credential_process_works() {
    let world = World::healthy();
    let mut machine = with_profile(
        &world,
        "credential_process = @HOME@/helper.sh --account dev",
    );
    machine.executable(
        "~/helper.sh",
        &format!("#!/bin/sh\necho '{{\"Version\": 1, {KEYS}}}'\n"),
    );
    all_good(
        &machine,
        &[
            ARN,
            "credential_process, profile dev",
            "(2099-01-01 00:00 UTC)",
            "Claude Code gets new ones by itself",
        ],
    );
    signed_by(&world, "ASIAHELPER0000000001");
}

#[test]
fn an_exported_credential_works_in_both_forms() {
    for printed in [
        format!("{{\"Credentials\": {{{KEYS}}}}}"),
        format!("{{{KEYS}}}"),
    ] {
        let world = World::healthy();
        let mut machine = bare(&world);
        machine
            .executable("~/helper.sh", &format!("#!/bin/sh\necho '{printed}'\n"))
            .file(
                "~/.claude/settings.json",
                r#"{"awsCredentialExport": "@HOME@/helper.sh"}"#,
            );
        all_good(
            &machine,
            &[ARN, "awsCredentialExport", "(2099-01-01 00:00 UTC)"],
        );
        signed_by(&world, "ASIAHELPER0000000001");
    }
}

#[test]
fn the_credentials_of_a_container_work() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &world.container_url());
    all_good(&machine, &[ARN, "container credentials", "keys expire in"]);
    signed_by(&world, "ASIAFROMCONTAINER");
}

#[test]
fn instance_metadata_works() {
    let world = World::healthy();
    world.metadata_v2_only();
    let mut machine = bare(&world);
    machine
        .env_remove("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &world.metadata_url());
    all_good(&machine, &[ARN, "EC2 instance metadata", "keys expire in"]);
    signed_by(&world, "ASIAFROMIMDS");
}

#[test]
fn a_long_term_api_key_works() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_BEARER_TOKEN_BEDROCK", "ABSKQmVkcm9ja0FQSUtleS0wMDAx");
    all_good(
        &machine,
        &[
            "whoever the Bedrock API key belongs to",
            "Bedrock API key",
            "the expiry of the key is not known here",
        ],
    );
    let requests = world.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.bearer.as_deref() == Some("ABSKQmVkcm9ja0FQSUtleS0wMDAx"))
    );
    assert!(requests.iter().all(|request| request.service != "sts"));
}

#[test]
fn a_short_term_api_key_tells_how_long_it_lasts() {
    let world = World::healthy();
    let signed_at = jiff::Timestamp::now() - Duration::from_secs(3_550);
    let url = format!(
        "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAKEY%2F20261122%2Fus-east-1%2Fbedrock%2Faws4_request&X-Amz-Date={}&X-Amz-Expires=43200&Version=1",
        signed_at.strftime("%Y%m%dT%H%M%SZ")
    );
    let mut machine = bare(&world);
    machine.env(
        "AWS_BEARER_TOKEN_BEDROCK",
        &format!("bedrock-api-key-{}", STANDARD.encode(url)),
    );
    all_good(
        &machine,
        &[
            "whoever the Bedrock API key belongs to",
            "the key expires in 11 h",
        ],
    );
}

#[test]
fn a_gateway_that_signs_works() {
    let world = World::healthy();
    world.gateway("llm.example.com");
    let mut machine = bare(&world);
    machine
        .env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")
        .env("ANTHROPIC_AUTH_TOKEN", "gateway-token-0001")
        .env("ANTHROPIC_BEDROCK_BASE_URL", "https://llm.example.com");
    all_good(
        &machine,
        &["nobody: requests go out unsigned", "the gateway decides"],
    );
    let requests = world.requests();
    assert!(!requests.is_empty());
    assert!(
        requests
            .iter()
            .all(|request| request.host == "llm.example.com" && request.access_key_id.is_none())
    );
    // As Claude Code does: the list is asked for unsigned, everything else carries the token (seen, 2.1.330).
    for request in requests {
        let token =
            (!request.path.starts_with("/inference-profiles")).then_some("gateway-token-0001");
        assert_eq!(request.bearer.as_deref(), token, "{}", request.path);
    }
}

/// The policy in Claude Code's documentation allows none of the questions that only this checkup asks.
#[test]
fn the_documented_policy_is_enough() {
    let world = World::healthy();
    for path in [
        "/foundation-model-availability/",
        "/foundation-models/",
        "/use-case-for-model-access",
    ] {
        world.rule(Rule::new("bedrock", path).aws_error(
            403,
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: bedrock:Question because no identity-based policy allows the bedrock:Question action",
        ));
    }
    checkup(&machine(&world)).healthy();
}
