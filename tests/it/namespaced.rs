//! Cases that need a DNS or an `/etc` of their own: each runs in a network and mount namespace where nothing but
//! loopback exists and `/etc` is a made-up folder.

use std::net::TcpListener;

use bedrock_doctor_world::{Machine, World};

use crate::harness::{
    Checkup, assert_fix, assert_owner, assert_says, checkup, checkup_with, machine,
};
use crate::namespace::{self, Dns, serve};

const ID: &str = "endpoints-reachable";
const STS: &str = "sts.us-east-1.amazonaws.com";
const RUNTIME: &str = "bedrock-runtime.us-east-1.amazonaws.com";

/// Runs the case of the test called `name` in a namespace with these files in `/etc`.
fn alone(name: &str, files: &[(&str, &str)], case: impl FnOnce()) {
    namespace::alone(&format!("namespaced::{name}"), files, case);
}

/// A machine with keys that goes straight to AWS.
fn direct() -> Machine {
    let mut machine = Machine::offline();
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001");
    machine
}

#[track_caller]
fn assert_nothing_else_told(checkup: &Checkup) {
    for id in [
        "credentials-accepted",
        "invocation-allowed",
        "model-access-granted",
    ] {
        for finding in checkup.findings(id) {
            assert_eq!(finding["blocked_by"], ID, "{finding}");
        }
    }
}

#[test]
fn a_dns_server_that_does_not_run_is_told_as_dns() {
    alone("a_dns_server_that_does_not_run_is_told_as_dns", &[], || {
        let checkup = checkup(&direct());
        let root = checkup.one_root(2, ID, "dns-lookup-failed");
        assert_owner(root, "network-team");
        assert_says(root, &[STS, RUNTIME]);
        assert_fix(root, &format!("nslookup {STS}"));
        assert!(
            root["hand_off"].as_str().unwrap().contains(RUNTIME),
            "{root}"
        );
        assert_nothing_else_told(&checkup);
    });
}

#[test]
fn a_name_that_dns_does_not_know_is_told_as_dns() {
    alone("a_name_that_dns_does_not_know_is_told_as_dns", &[], || {
        serve(Dns::NoSuchName);
        let checkup = checkup(&direct());
        let root = checkup.one_root(2, ID, "dns-lookup-failed");
        assert_owner(root, "network-team");
        assert_says(root, &[STS, RUNTIME]);
        assert_nothing_else_told(&checkup);
    });
}

#[test]
fn a_host_where_nobody_listens_is_told_as_refused() {
    alone(
        "a_host_where_nobody_listens_is_told_as_refused",
        &[],
        || {
            serve(Dns::Address([127, 0, 0, 1]));
            let checkup = checkup(&direct());
            let root = checkup.one_root(2, ID, "connection-refused");
            assert_owner(root, "network-team");
            assert_says(root, &["127.0.0.1:443", "connection refused", STS, RUNTIME]);
            assert!(root["fix"].to_string().contains("HTTPS_PROXY"), "{root}");
            assert_nothing_else_told(&checkup);
        },
    );
}

#[test]
fn a_host_that_hangs_up_during_tls_is_told_as_dropped() {
    alone(
        "a_host_that_hangs_up_during_tls_is_told_as_dropped",
        &[],
        || {
            serve(Dns::Address([127, 0, 0, 1]));
            let listener = TcpListener::bind("127.0.0.1:443").unwrap();
            std::thread::spawn(move || listener.incoming().for_each(drop));
            let checkup = checkup(&direct());
            let root = checkup.one_root(2, ID, "connection-reset");
            assert_owner(root, "network-team");
            assert_says(root, &["during the TLS handshake", STS, RUNTIME]);
            assert_nothing_else_told(&checkup);
        },
    );
}

#[test]
fn a_host_without_a_way_to_it_is_told_as_unreachable() {
    alone(
        "a_host_without_a_way_to_it_is_told_as_unreachable",
        &[],
        || {
            serve(Dns::Address([203, 0, 113, 1]));
            let checkup = checkup(&direct());
            let root = checkup.one_root(2, ID, "connection-refused");
            assert_says(root, &["203.0.113.1:443", "network unreachable"]);
        },
    );
}

#[test]
fn a_dns_server_that_never_answers_ends_in_time_and_names_the_stage() {
    alone(
        "a_dns_server_that_never_answers_ends_in_time_and_names_the_stage",
        &[],
        || {
            serve(Dns::Silence);
            let checkup = checkup_with(&direct(), &["--timeout", "4"]);
            let root = checkup.one_root(2, ID, "request-timeout-or-stall");
            assert_owner(root, "network-team");
            assert_says(root, &["timed out", "the DNS answer"]);
            assert!(checkup.run.seconds < 15.0, "{}", checkup.run.seconds);
            assert_nothing_else_told(&checkup);
        },
    );
}

#[test]
fn a_proxy_whose_name_is_unknown_is_told_with_the_proxy() {
    alone(
        "a_proxy_whose_name_is_unknown_is_told_with_the_proxy",
        &[],
        || {
            serve(Dns::NoSuchName);
            let mut machine = direct();
            machine.env("HTTPS_PROXY", "http://proxy.corp.example:3128");
            let checkup = checkup(&machine);
            let root = checkup.one_root(2, ID, "proxy-gives-no-answer");
            assert_owner(root, "network-team");
            assert_says(
                root,
                &["`proxy.corp.example` could not be resolved", "HTTPS_PROXY"],
            );
            assert!(
                root["fix"].to_string().contains("see that the proxy runs"),
                "{root}"
            );
            assert_nothing_else_told(&checkup);
        },
    );
}

#[test]
fn managed_settings_win_over_the_user_s() {
    let managed = r#"{"env": {"AWS_REGION": "us-west-2"}}"#;
    let files = [("claude-code/managed-settings.json", managed)];
    alone("managed_settings_win_over_the_user_s", &files, || {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine.file(
            "~/.claude/settings.json",
            r#"{"env": {"AWS_REGION": "eu-west-1"}}"#,
        );
        let checkup = checkup(&machine);
        checkup.healthy();
        let region = &checkup.report["facts"]["configuration"]["value"]["region"];
        assert_eq!(region["value"], "us-west-2");
        assert_eq!(
            region["source"]["path"],
            "/etc/claude-code/managed-settings.json"
        );
        let lost = region["overridden"].to_string();
        assert!(
            lost.contains("eu-west-1") && lost.contains("us-east-1"),
            "{lost}"
        );
        assert!(
            world
                .requests()
                .iter()
                .all(|request| request.region == "us-west-2")
        );
    });
}

#[test]
fn a_later_managed_file_wins_over_the_main_one() {
    let files = [
        (
            "claude-code/managed-settings.json",
            r#"{"env": {"AWS_REGION": "us-west-2"}}"#,
        ),
        (
            "claude-code/managed-settings.d/10-region.json",
            r#"{"env": {"AWS_REGION": "us-east-2"}}"#,
        ),
    ];
    alone(
        "a_later_managed_file_wins_over_the_main_one",
        &files,
        || {
            let world = World::healthy();
            let checkup = checkup(&machine(&world));
            checkup.healthy();
            let region = &checkup.report["facts"]["configuration"]["value"]["region"];
            assert_eq!(region["value"], "us-east-2");
        },
    );
}

#[test]
fn broken_managed_settings_are_for_the_administrator() {
    let files = [(
        "claude-code/managed-settings.json",
        "{\n  \"env\": {\"AWS_REGION\": \"us-west-2\"},\n}\n",
    )];
    alone(
        "broken_managed_settings_are_for_the_administrator",
        &files,
        || {
            let world = World::healthy();
            let checkup = checkup(&machine(&world));
            let root = checkup.one_root(2, "settings-files-usable", "managed-settings-invalid");
            assert_owner(root, "account-admin");
            assert_says(root, &["/etc/claude-code/managed-settings.json", "line 2"]);
            assert!(root["hand_off"].is_string(), "{root}");
        },
    );
}
