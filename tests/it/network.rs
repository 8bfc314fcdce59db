//! Requests that do not arrive, and answers that are not AWS's.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::net::TcpListener;

use bedrock_doctor_world::{Machine, ProxyBehaviour, Rule, Tls, World};
use serde_json::Value;

use crate::harness::{Checkup, assert_fix, assert_owner, checkup, checkup_with, commands, machine};

const ID: &str = "endpoints-reachable";
const STS: &str = "sts.us-east-1.amazonaws.com";
const BEDROCK: &str = "bedrock.us-east-1.amazonaws.com";
const RUNTIME: &str = "bedrock-runtime.us-east-1.amazonaws.com";

#[track_caller]
fn assert_says(root: &Value, words: &[&str]) {
    let what = root["what"].as_str().unwrap();
    for word in words {
        assert!(what.contains(word), "`{word}` is missing: {what}");
    }
}

#[track_caller]
fn assert_fix_says(root: &Value, words: &str) {
    let fix = root["fix"].to_string();
    assert!(fix.contains(words), "{fix}");
}

/// Nothing is said about credentials, permissions or models when nothing arrived.
#[track_caller]
fn assert_nothing_else_told(checkup: &Checkup) {
    for id in [
        "credentials-accepted",
        "invocation-allowed",
        "model-access-granted",
        "model-id-accepted",
    ] {
        for finding in checkup.findings(id) {
            assert_eq!(finding["status"], "blocked", "{finding}");
            assert_eq!(finding["blocked_by"], ID, "{finding}");
        }
    }
}

/// The text to forward names host and time, so that the network team can look it up.
#[track_caller]
fn assert_hand_off(root: &Value, words: &[&str]) {
    let text = root["hand_off"].as_str().unwrap_or_default();
    for word in words.iter().chain(&["Region: us-east-1", "Time: ", "UTC"]) {
        assert!(
            text.contains(word),
            "`{word}` is missing in the text to forward:\n{text}"
        );
    }
}

/// The checkup of a machine behind a proxy that does this.
fn behind(behaviour: ProxyBehaviour) -> (World, Checkup) {
    let world = World::healthy();
    world.proxy(behaviour);
    let checkup = checkup(&machine(&world));
    (world, checkup)
}

/// The checkup of a machine that is shown these certificates.
fn shown(tls: Tls) -> Checkup {
    let world = World::healthy();
    world.tls(tls);
    checkup(&machine(&world))
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_told_once_with_every_host() {
    let (world, checkup) = behind(ProxyBehaviour::Status(403));
    let root = checkup.one_root(2, ID, "proxy-refused-tunnel");
    assert_owner(root, "network-team");
    assert_says(
        root,
        &[
            &world.proxy_url(),
            "HTTPS_PROXY",
            "403",
            STS,
            BEDROCK,
            RUNTIME,
        ],
    );
    assert_fix_says(root, "allow `CONNECT");
    assert_hand_off(root, &[STS, RUNTIME, "403"]);
    assert_nothing_else_told(&checkup);
}

#[test]
fn a_proxy_that_wants_credentials_is_told_with_the_place_for_them() {
    let (_world, checkup) = behind(ProxyBehaviour::Login("me:secret-of-the-proxy".to_owned()));
    let root = checkup.one_root(1, ID, "proxy-wants-credentials");
    assert_owner(root, "you");
    assert_says(root, &["407", "wants credentials"]);
    assert_fix_says(root, "http://USER:PASSWORD@");
    assert_nothing_else_told(&checkup);
}

#[test]
fn a_proxy_that_refuses_the_credentials_is_told_without_showing_them() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::Login("me:secret-of-the-proxy".to_owned()));
    let mut machine = machine(&world);
    let url = world
        .proxy_url()
        .replace("http://", "http://me:wrong-password@");
    machine.env("HTTPS_PROXY", &url);
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, ID, "proxy-wants-credentials");
    assert_owner(root, "you");
    assert_says(root, &["407", "does not accept the credentials"]);
    assert_fix_says(root, "percent-encoded");
    assert!(
        !checkup.run.stdout.contains("wrong-password"),
        "{}",
        checkup.run.stdout
    );
}

#[test]
fn a_proxy_that_takes_the_credentials_is_fine() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::Login("me:p@ss".to_owned()));
    let mut machine = machine(&world);
    let url = world.proxy_url().replace("http://", "http://me:p%40ss@");
    machine.env("HTTPS_PROXY", &url);
    let checkup = checkup(&machine);
    checkup.healthy();
    assert!(
        !checkup.run.stdout.contains("p%40ss"),
        "{}",
        checkup.run.stdout
    );
}

#[test]
fn a_proxy_that_speaks_tls_is_fine() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("HTTPS_PROXY", &world.tls_proxy_url());
    checkup(&machine).healthy();
    assert!(world.connects().contains(&format!("{RUNTIME}:443")));
}

#[test]
fn a_proxy_that_does_not_run_is_told_with_its_address() {
    let world = World::healthy();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut machine = machine(&world);
    machine.env("HTTPS_PROXY", &format!("http://{closed}"));
    let checkup = checkup(&machine);
    let roots = checkup.roots();
    assert_eq!(roots.len(), 1, "{}", checkup.open());
    let root = checkup.one_root(1, ID, "connection-refused");
    assert_owner(root, "you");
    assert_says(
        root,
        &[&closed.to_string(), "connection refused", "HTTPS_PROXY"],
    );
    assert_fix_says(root, &format!("or start the proxy at {closed}"));
    assert_nothing_else_told(&checkup);
}

/// The SDK's own protection against stalled streams would end requests with a body a little earlier, by other words.
#[test]
fn a_proxy_that_never_answers_is_one_cause_with_the_usual_deadline_too() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::HangOnConnect);
    let checkup = checkup(&machine(&world));
    let root = checkup.one_root(2, ID, "request-timeout-or-stall");
    assert_says(
        root,
        &["timed out", "the proxy's answer to CONNECT", STS, RUNTIME],
    );
}

#[test]
fn a_name_that_cannot_be_resolved_is_told_as_dns() {
    let world = World::healthy();
    world.dns_failure("");
    let checkup = checkup(&machine(&world));
    let root = checkup.one_root(2, ID, "dns-lookup-failed");
    assert_owner(root, "network-team");
    assert_says(root, &["could not be resolved", STS, RUNTIME]);
    assert_fix_says(root, "this machine's own DNS is not asked");
    assert_hand_off(root, &[RUNTIME]);
    assert_nothing_else_told(&checkup);
}

#[test]
fn one_name_that_cannot_be_resolved_leaves_the_rest_told() {
    let world = World::healthy();
    world.dns_failure("bedrock-runtime");
    let checkup = checkup(&machine(&world));
    let root = checkup.one_root(2, ID, "dns-lookup-failed");
    assert_eq!(root["subject"], RUNTIME);
    assert!(!root["what"].as_str().unwrap().contains(STS), "{root}");
    checkup.finding("credentials-accepted", "pass");
    checkup.finding("profile-listing-allowed", "pass");
}

#[test]
fn a_network_without_a_way_to_sts_is_a_warning_while_bedrock_answers() {
    let world = World::healthy();
    world.proxy_for("sts", ProxyBehaviour::Status(403));
    let checkup = checkup(&machine(&world));
    checkup.healthy();
    let warning = checkup.finding(ID, "warn");
    assert_eq!(warning["code"], "proxy-refused-tunnel");
    assert_eq!(warning["subject"], STS);
    checkup.finding("credentials-accepted", "pass");
    checkup.finding("partition-matches-region", "pass");
}

#[test]
fn a_network_without_a_way_to_sts_matters_to_a_refresh_command() {
    let world = World::healthy();
    world.proxy_for("sts", ProxyBehaviour::Status(403));
    let mut machine = machine(&world);
    machine.file(
        "~/.claude/settings.json",
        r#"{"awsAuthRefresh": "aws sso login"}"#,
    );
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, ID, "proxy-refused-tunnel");
    assert_eq!(root["subject"], STS);
}

#[test]
fn a_failing_sts_is_a_warning_while_bedrock_answers() {
    let world = World::healthy();
    world.rule(Rule::new("sts", "").aws_error(500, "InternalFailure", "boom"));
    let checkup = checkup(&machine(&world));
    checkup.healthy();
    let warning = checkup.finding("service-available", "warn");
    assert!(warning["request_id"].is_string(), "{warning}");
}

#[test]
fn a_certificate_of_a_company_is_told_with_the_variable_that_trusts_it() {
    let world = World::healthy();
    world.untrusted_tls();
    let mut machine = machine(&world);
    machine.env_remove("NODE_EXTRA_CA_CERTS");
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, ID, "tls-inspection-untrusted-ca");
    assert_owner(root, "you");
    assert_says(root, &["does not trust", STS, BEDROCK, RUNTIME]);
    assert_eq!(
        commands(root),
        ["export NODE_EXTRA_CA_CERTS=/path/to/company-ca.pem"]
    );
    assert_nothing_else_told(&checkup);
}

#[test]
fn where_verification_is_off_a_certificate_stops_the_checkup_only() {
    let world = World::healthy();
    world.untrusted_tls();
    let mut machine = machine(&world);
    machine.env("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    let checkup = checkup(&machine);
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    let warning = checkup.finding(ID, "warn");
    assert_eq!(warning["code"], "tls-inspection-untrusted-ca");
    assert!(world.requests().is_empty());
}

#[test]
fn this_machine_s_certificate_is_shown_to_whoever_asks_for_it() {
    let world = World::healthy();
    world.tls(Tls::WantsCertificate);
    let [certificate, key] = world.client_certificate_paths();
    let mut machine = machine(&world);
    machine
        .env(
            "CLAUDE_CODE_CLIENT_CERT",
            &certificate.display().to_string(),
        )
        .env("CLAUDE_CODE_CLIENT_KEY", &key.display().to_string());
    checkup(&machine).healthy();
    machine.env("CLAUDE_CODE_CLIENT_KEY", "/no/such/file");
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, ID, "client-certificate-required");
    assert_says(
        root,
        &["does not take the one of `CLAUDE_CODE_CLIENT_CERT`"],
    );
}

#[test]
fn connections_are_kept_with_their_stages() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::Login("me:p@ss".to_owned()));
    let mut machine = machine(&world);
    let url = world.proxy_url().replace("http://", "http://me:p%40ss@");
    machine.env("HTTPS_PROXY", &url);
    let checkup = checkup(&machine);
    checkup.healthy();
    let connections = checkup.report["facts"]["connections"]["value"]
        .as_array()
        .unwrap();
    let mut hosts: Vec<&str> = connections
        .iter()
        .map(|connection| connection["host"].as_str().unwrap())
        .collect();
    hosts.sort_unstable();
    assert_eq!(hosts, [RUNTIME, BEDROCK, STS]);
    for connection in connections {
        assert_eq!(connection["proxy"], world.proxy_url());
        assert_eq!(connection["address"]["kind"], "loopback");
        let stages: Vec<&Value> = connection["stages"]
            .as_array()
            .unwrap()
            .iter()
            .inspect(|time| assert_eq!(time["complete"], true, "{connection}"))
            .map(|time| &time["stage"])
            .collect();
        assert_eq!(stages, ["dns", "tcp", "proxy", "tls", "answer", "body"]);
        assert!(connection["certificate"]["problem"].is_null());
        let vouched_by = &connection["certificate"]["vouched_by"]["file"];
        assert_eq!(vouched_by["variable"], "NODE_EXTRA_CA_CERTS");
    }
}

#[test]
fn a_refused_certificate_is_kept_with_who_vouches_for_it() {
    let expired = shown(Tls::Expired);
    let unknown = shown(Tls::OtherAuthority("Acme Root CA".to_owned()));
    let certificate = |checkup: &Checkup| {
        let connection = &checkup.report["facts"]["connections"]["value"][0];
        let stages = connection["stages"].as_array().unwrap();
        let last = stages.last().unwrap();
        assert_eq!(
            (&last["stage"], &last["complete"]),
            (&"tls".into(), &false.into())
        );
        connection["certificate"].clone()
    };
    let expired = certificate(&expired);
    assert_eq!(expired["problem"], "expired");
    assert_eq!(expired["valid_until"], "2020-01-01T00:00:00Z");
    assert_eq!(
        expired["vouched_by"]["file"]["variable"],
        "NODE_EXTRA_CA_CERTS"
    );
    let unknown = certificate(&unknown);
    assert_eq!(unknown["problem"], "unknown-issuer");
    assert!(unknown["vouched_by"].is_null());
    assert!(
        unknown["issuers"][0]
            .as_str()
            .unwrap()
            .contains("CN=Acme Root CA")
    );
    assert_eq!(unknown["names"][0], STS);
}

#[test]
fn a_certificate_that_the_named_file_does_not_cover_is_told_with_the_file() {
    let checkup = shown(Tls::OtherAuthority(
        "Acme Corp TLS Inspection CA".to_owned(),
    ));
    let root = checkup.one_root(1, ID, "tls-inspection-untrusted-ca");
    assert_owner(root, "you");
    assert_fix_says(root, "ca.pem");
    assert_fix_says(root, "NODE_EXTRA_CA_CERTS");
}

#[test]
fn a_certificate_that_only_the_aws_cli_trusts_is_told_with_the_right_variable() {
    let world = World::healthy();
    world.untrusted_tls();
    let bundle = world.other_ca_path("Acme Corp TLS Inspection CA");
    let mut machine = machine(&world);
    machine
        .env_remove("NODE_EXTRA_CA_CERTS")
        .env("AWS_CA_BUNDLE", &bundle.display().to_string());
    let first = checkup(&machine);
    let root = first.one_root(1, ID, "aws-ca-bundle-not-honoured");
    assert_owner(root, "you");
    assert_fix(root, "export NODE_EXTRA_CA_CERTS=\"$AWS_CA_BUNDLE\"");
    assert_nothing_else_told(&first);

    machine.env("NODE_EXTRA_CA_CERTS", &bundle.display().to_string());
    checkup(&machine).healthy();
}

#[test]
fn a_certificate_for_another_name_is_told_as_such() {
    let checkup = shown(Tls::WrongName);
    let root = checkup.one_root(2, ID, "tls-certificate-invalid");
    assert_owner(root, "network-team");
    assert_says(
        root,
        &["is for another name", "`wrong.example.com`", RUNTIME],
    );
    assert_fix_says(root, "see what answers for");
}

#[test]
fn a_dead_network_ends_in_time_and_names_the_stage() {
    let world = World::healthy();
    world.rule(Rule::new("", "").hang());
    let checkup = checkup_with(&machine(&world), &["--timeout", "3"]);
    let root = checkup.one_root(2, ID, "request-timeout-or-stall");
    assert_owner(root, "network-team");
    assert_says(
        root,
        &["timed out", "waiting for the answer", STS, BEDROCK, RUNTIME],
    );
    assert!(commands(root)[0].starts_with("curl "), "{root}");
    assert!(checkup.run.seconds < 15.0, "{}", checkup.run.seconds);
    assert_nothing_else_told(&checkup);
}

#[test]
fn a_sign_in_page_is_no_answer_of_aws() {
    let world = World::healthy();
    let page = "<html><body>Welcome to the Acme guest network. Please sign in.</body></html>";
    world.rule(Rule::new("", "").respond(200, &[("content-type", "text/html")], page));
    let checkup = checkup(&machine(&world));
    let root = checkup.one_root(1, ID, "captive-portal");
    assert_owner(root, "you");
    assert_says(
        root,
        &["no answer of AWS", "text/html", STS, BEDROCK, RUNTIME],
    );
    assert_fix_says(root, "sign in to the network");
    assert_nothing_else_told(&checkup);
}

#[test]
fn a_sign_in_page_instead_of_a_stream_is_no_answer_of_aws() {
    let world = World::healthy();
    let page = "<html><body>Please sign in.</body></html>";
    world.rule(Rule::new("bedrock-runtime", "").respond(
        200,
        &[("content-type", "text/html")],
        page,
    ));
    let checkup = checkup_with(&machine(&world), &["--invoke"]);
    let root = checkup.one_root(1, ID, "captive-portal");
    assert_eq!(root["subject"], RUNTIME);
    assert_owner(root, "you");
}

#[test]
fn no_proxy_is_honoured() {
    let world = World::healthy();
    let mut machine = machine(&world);
    // The base URL is on loopback: through the proxy it would be refused.
    machine
        .env("ANTHROPIC_BEDROCK_BASE_URL", &world.plain_url())
        .env("NO_PROXY", "127.0.0.1,localhost");
    checkup(&machine).healthy();
    let mut through: Vec<String> = world.connects();
    through.sort_unstable();
    through.dedup();
    assert_eq!(through, [format!("{STS}:443")]);
}

#[test]
fn a_host_in_no_proxy_is_not_asked_through_the_proxy() {
    let world = World::healthy();
    let mut machine = machine(&world);
    // Nobody listens where the requests go then.
    machine.env("NO_PROXY", "127.0.0.1").env(
        "ANTHROPIC_BEDROCK_BASE_URL",
        &format!("https://{}", closed_port()),
    );
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, ID, "connection-refused");
    assert_owner(root, "network-team");
    assert_says(root, &["127.0.0.1", "connection refused"]);
}

fn closed_port() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_proxy_in_the_user_s_settings_file_is_used() {
    let world = World::healthy();
    let mut machine = machine(&world);
    through_settings(&mut machine, "~/.claude/settings.json", &world.proxy_url());
    checkup(&machine).healthy();
    assert!(world.connects().contains(&format!("{RUNTIME}:443")));
    assert!(world.connects().contains(&format!("{BEDROCK}:443")));
}

#[test]
fn a_proxy_in_the_user_s_settings_file_is_named_when_it_refuses() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::Status(403));
    let mut machine = machine(&world);
    through_settings(&mut machine, "~/.claude/settings.json", &world.proxy_url());
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, ID, "proxy-refused-tunnel");
    assert_says(root, &["~/.claude/settings.json"]);
}

/// Moves the proxy from the environment into a settings file.
fn through_settings(machine: &mut Machine, file: &str, proxy: &str) {
    machine.env_remove("HTTPS_PROXY").file(
        file,
        &format!("{{\"env\": {{\"HTTPS_PROXY\": \"{proxy}\"}}}}"),
    );
}

#[test]
fn a_project_that_redirects_requests_is_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env("NO_PROXY", "127.0.0.1").file(
        ".claude/settings.json",
        &format!(
            "{{\"env\": {{\"ANTHROPIC_BEDROCK_BASE_URL\": \"{}\"}}}}",
            world.plain_url()
        ),
    );
    let checkup = checkup(&machine);
    checkup.healthy();
    let warning = checkup.finding("project-settings-harmless", "warn");
    assert_eq!(warning["code"], "project-redirects-requests");
    assert_owner(warning, "you");
    assert_says(warning, &[".claude/settings.json"]);
    // The list of profiles still comes from AWS itself.
    assert!(world.connects().contains(&format!("{BEDROCK}:443")));
    assert!(!world.connects().contains(&format!("{RUNTIME}:443")));
}

#[test]
fn a_connection_that_serves_one_request_alone_was_answered() {
    let world = World::healthy();
    world.rule(Rule::new("", "").aws_error(403, "ExpiredTokenException", "expired"));
    let kept = checkup(&machine(&world));
    kept.finding("connections-fast", "pass");
    let fields: &[(&str, &str)] = &[
        ("connection", "close"),
        ("x-amzn-errortype", "ExpiredTokenException"),
    ];
    world.rule(Rule::new("", "").respond(403, fields, "{\"message\":\"expired\"}"));
    let closed = checkup(&machine(&world));
    let told = closed.finding("connections-fast", "pass");
    assert_says(told, &[BEDROCK, RUNTIME]);
}

#[test]
fn the_policy_simulator_out_of_reach_is_no_failure() {
    let world = World::healthy();
    world.dns_failure("iam.amazonaws.com");
    let told = checkup_with(&machine(&world), &["--thorough"]);
    // It was asked for by flag, so that what is missing is said.
    assert_eq!(told.run.code, 3, "{}", told.open());
    assert!(told.roots().is_empty(), "{}", told.open());
    let warned = told.finding(ID, "warn");
    assert_says(warned, &["iam.amazonaws.com"]);
    let untold = told.finding("permissions-complete", "cannot-tell");
    assert_says(untold, &["no answer of AWS came", "could not resolve"]);
}

#[test]
fn what_the_policy_simulator_refuses_says_nothing_about_bedrock() {
    let world = World::healthy();
    for (status, code) in [
        (400, "Throttling"),
        (500, "ServiceFailure"),
        (403, "InvalidClientTokenId"),
    ] {
        world.rule(Rule::new("iam", "").aws_error(status, code, "Rate exceeded"));
        let told = checkup_with(&machine(&world), &["--thorough"]);
        assert_eq!(told.run.code, 3, "{code}: {}", told.open());
        assert!(told.roots().is_empty(), "{code}: {}", told.open());
        told.finding("permissions-complete", "cannot-tell");
        told.finding("invocation-allowed", "pass");
    }
}
