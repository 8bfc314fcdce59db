//! Cases that need a DNS or an `/etc` of their own: each runs in a network and mount namespace where nothing but
//! loopback exists and `/etc` is a made-up folder. Nothing is written to the real one.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Output};

use bedrock_doctor_world::{Machine, World};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Checkup, assert_fix, assert_owner, checkup, checkup_with, machine};

/// Set for the test that runs inside.
const INSIDE: &str = "BEDROCK_DOCTOR_IN_NAMESPACE";
/// Set where a skipped test is a failed one.
const REQUIRED: &str = "BEDROCK_DOCTOR_REQUIRE_PEERS";

const ID: &str = "endpoints-reachable";
const STS: &str = "sts.us-east-1.amazonaws.com";
const RUNTIME: &str = "bedrock-runtime.us-east-1.amazonaws.com";

/// Brings loopback up with what the system has, puts the folder `$1` in the place of `/etc`, and runs the rest.
const ENTER: &str = r#"
up='import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 0x49))'
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || python3 -c "$up" || exit 90
mount --bind "$1" /etc || exit 91
shift
exec "$@"
"#;

/// The ways into a namespace: as root, and as anybody.
const WAYS: [&[&str]; 2] = [
    &["--net", "--mount", "--fork", "--kill-child"],
    &[
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--fork",
        "--kill-child",
    ],
];

/// Runs the case of the test called `name` in a namespace with these files in `/etc`.
fn alone(name: &str, files: &[(&str, &str)], case: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return case();
    }
    let etc = etc(files);
    let Some(way) = WAYS
        .into_iter()
        .find(|way| run(way, &etc, &["true"]).is_ok_and(|it| it.status.success()))
    else {
        return skip(name);
    };
    let program = std::env::current_exe().unwrap();
    let test = format!("namespaced::{name}");
    let arguments = [program.to_str().unwrap(), "--exact", &test, "--nocapture"];
    let output = run(way, &etc, &arguments).unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{} in the namespace\n{stdout}\n{stderr}",
        output.status
    );
}

fn run(way: &[&str], etc: &TempDir, arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("unshare")
        .args(way)
        .args(["sh", "-c", ENTER, "sh"])
        .arg(etc.path())
        .args(arguments)
        .env(INSIDE, "1")
        .output()
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skip(name: &str) {
    let why = "skipped: this machine permits no namespace (unshare), or cannot bring up loopback in it (ip, ifconfig, python3)";
    assert!(
        std::env::var_os(REQUIRED).is_none_or(|it| it != "1"),
        "{name} is required, but {why}"
    );
    println!("{why}: {name}");
}

/// A folder in the place of `/etc`, with a resolver that asks loopback.
fn etc(files: &[(&str, &str)]) -> TempDir {
    let etc = TempDir::with_prefix("etc-").unwrap();
    let always = [
        ("passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("group", "root:x:0:\n"),
        ("hosts", "127.0.0.1 localhost\n"),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
        ("resolv.conf", "nameserver 127.0.0.1\n"),
    ];
    for (name, text) in always.iter().chain(files) {
        let path = etc.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    etc
}

/// What the DNS server on loopback does with a question.
#[derive(Clone, Copy)]
enum Dns {
    /// There is no such name.
    NoSuchName,
    /// Every name has this address.
    Address([u8; 4]),
    /// Nothing.
    Silence,
}

/// Starts a DNS server that lives as long as the process.
fn serve(dns: Dns) {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length], dns) {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
}

/// Answers a question with one name.
fn answer(query: &[u8], dns: Dns) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let end = HEADER + query[HEADER..].iter().position(|byte| *byte == 0)? + 5;
    let question = &query[HEADER..end];
    let asks_for_v4 = question.ends_with(&[0, 1, 0, 1]);
    let (status, address) = match dns {
        Dns::Silence => return None,
        Dns::NoSuchName => (3, None),
        Dns::Address(address) => (0, asks_for_v4.then_some(address)),
    };
    let mut out = query[..2].to_vec();
    out.extend([
        0x81,
        0x80 | status,
        0,
        1,
        0,
        u8::from(address.is_some()),
        0,
        0,
        0,
        0,
    ]);
    out.extend(question);
    if let Some(address) = address {
        // The name of the question, type A, class IN, one minute, four bytes.
        out.extend([0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend(address);
    }
    Some(out)
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
fn assert_says(root: &Value, words: &[&str]) {
    let what = root["what"].as_str().unwrap();
    for word in words {
        assert!(what.contains(word), "`{word}` is missing: {what}");
    }
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
            let root = checkup.one_root(2, ID, "proxy-refused-tunnel");
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
