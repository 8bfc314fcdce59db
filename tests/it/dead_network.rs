//! Dead networks of every kind: each run names the stage that broke and who must act, and ends inside its deadline.
//!
//! Longer than 400 lines: it is one table, from which the one in `docs/network.md` is written by
//! `UPDATE=1 cargo test --test it dead_network`.

use std::any::Any;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bedrock_doctor_world::{Machine, ProxyBehaviour, Rule, Tls, TokenSpec, World};
use serde_json::Value;

use crate::harness::{Checkup, checkup_with, machine};
use crate::namespace::{self, Dns, PRIVATE, PUBLIC, Way, serve};

/// One kind of dead network, and what the checkup must say of it.
struct Kind {
    /// What is wrong.
    fault: &'static str,
    /// The machine, and whatever has to live as long as its run.
    machine: fn() -> Scene,
    /// Arguments of the run.
    arguments: &'static [&'static str],
    /// The check that tells it.
    check: &'static str,
    /// The cause.
    code: &'static str,
    /// What to do, in the words of the fix or its command.
    fix: &'static str,
    /// Who must act. A warning has nobody: Claude Code goes on.
    owner: &'static str,
    /// The stage, or what broke in it, in the words of the finding.
    says: &'static [&'static str],
    /// Checks that pass all the same: what was learnt before and beside.
    learnt: &'static [&'static str],
}

type Scene = (Machine, Box<dyn Any>);

const REACHABLE: &str = "endpoints-reachable";
const SILENT: &str = "request-timeout-or-stall";
const YOU: &str = "you";
const NETWORK: &str = "network-team";
const NOBODY: &str = "-";

/// Where nothing is ever answered the run ends by this.
const BRIEF: &[&str] = &["--timeout", "4"];
/// How long starting and ending may take, in seconds; the machine of the test may be busy.
const SLACK: f64 = 8.0;

const RUNTIME: &str = "bedrock-runtime";

const SSO_PROFILE: &str = "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n[sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n";

const KINDS: &[Kind] = &[
    Kind {
        fault: "the proxy does not run",
        machine: || {
            let (mut machine, world) = healthy(|_| {});
            machine.env("HTTPS_PROXY", &format!("http://{}", closed_port()));
            (machine, world)
        },
        code: "connection-refused",
        fix: "start the proxy at",
        owner: YOU,
        says: &["through the proxy", "connection refused"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy's URL begins with `socks5://`",
        machine: || {
            let (mut machine, world) = healthy(|_| {});
            machine.env("HTTPS_PROXY", "socks5://proxy.example.com:1080");
            (machine, world)
        },
        code: "proxy-url-unusable",
        fix: "as `http://HOST:PORT`",
        owner: YOU,
        says: &["the proxy", "socks5://"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy speaks TLS (`https://`), with a certificate that nobody here knows",
        machine: || {
            let world = World::healthy();
            world.tls_for("127.0.0.1", Tls::OtherAuthority("Acme Proxy CA".to_owned()));
            let mut machine = machine(&world);
            machine.env("HTTPS_PROXY", &world.tls_proxy_url());
            (machine, Box::new(world))
        },
        code: "tls-inspection-untrusted-ca",
        fix: "NODE_EXTRA_CA_CERTS",
        owner: YOU,
        says: &[
            "certificate shown by the proxy",
            "Acme Proxy CA",
            "does not trust",
        ],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy wants a password (407)",
        machine: || behind(ProxyBehaviour::Login("me:password".to_owned())),
        code: "proxy-wants-credentials",
        fix: "http://USER:PASSWORD@",
        owner: YOU,
        says: &["the proxy", "407"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy wants a Windows sign-in (407, Negotiate)",
        machine: || {
            behind(ProxyBehaviour::Challenge(vec![
                "Negotiate".to_owned(),
                "NTLM".to_owned(),
            ]))
        },
        code: "proxy-wants-credentials",
        fix: "without a sign-in",
        says: &["the proxy", "Negotiate, NTLM", "407"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy forbids the host (403)",
        machine: || behind(ProxyBehaviour::Status(403)),
        code: "proxy-refused-tunnel",
        fix: "allow `CONNECT",
        says: &["refused the tunnel", "403"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy forbids the portal of IAM Identity Center only",
        machine: || {
            let (mut machine, world) = healthy(|world| {
                world.proxy_for("portal.sso", ProxyBehaviour::Status(403));
            });
            machine
                .env_remove("AWS_ACCESS_KEY_ID")
                .env_remove("AWS_SECRET_ACCESS_KEY")
                .env("AWS_PROFILE", "dev")
                .file("~/.aws/config", SSO_PROFILE)
                .sso_token("acme", &TokenSpec::default());
            (machine, world)
        },
        code: "proxy-refused-tunnel",
        fix: "allow `CONNECT",
        says: &["refused the tunnel", "portal.sso.us-east-1", "403"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy reaches nothing (502)",
        machine: || behind(ProxyBehaviour::Status(502)),
        code: "proxy-cannot-reach-host",
        fix: "let the proxy resolve",
        says: &["the proxy", "itself gets no connection", "502"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy's DNS does not know the host",
        machine: || behind(ProxyBehaviour::DnsFailure),
        code: "dns-lookup-failed",
        fix: "resolvable for the proxy",
        says: &["the proxy", "could not resolve"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy takes CONNECT and is silent",
        machine: || behind(ProxyBehaviour::HangOnConnect),
        arguments: BRIEF,
        code: SILENT,
        fix: "see that the proxy runs",
        says: &["timed out", "the proxy's answer to CONNECT"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy hangs up on CONNECT",
        machine: || behind(ProxyBehaviour::CloseAtOnce),
        code: "proxy-gives-no-answer",
        fix: "see that the proxy runs",
        says: &["no tunnel", "closed the connection"],
        ..Kind::FAILS
    },
    Kind {
        fault: "what listens at the proxy's address is no proxy",
        machine: || behind(ProxyBehaviour::Gibberish),
        code: "proxy-gives-no-answer",
        fix: "see that the proxy runs",
        says: &["no tunnel", "did not answer with HTTP"],
        ..Kind::FAILS
    },
    Kind {
        fault: "TLS is inspected by an authority nobody here knows",
        machine: || {
            shown(Tls::OtherAuthority(
                "Zscaler Intermediate Root CA".to_owned(),
            ))
        },
        code: "tls-inspection-untrusted-ca",
        fix: "NODE_EXTRA_CA_CERTS",
        owner: YOU,
        says: &["certificate", "Zscaler inspects TLS here", "does not trust"],
        ..Kind::FAILS
    },
    Kind {
        fault: "TLS is inspected by an authority that only the AWS CLI is told of",
        machine: || {
            let (mut machine, world) = shown(Tls::OtherAuthority("Acme Root CA".to_owned()));
            let bundle = world.downcast_ref::<World>().unwrap();
            let bundle = bundle.other_ca_path("Acme Root CA").display().to_string();
            machine.file(
                "~/.aws/config",
                &format!("[default]\nca_bundle = {bundle}\n"),
            );
            (machine, world)
        },
        code: "aws-ca-bundle-not-honoured",
        fix: "export NODE_EXTRA_CA_CERTS=",
        owner: YOU,
        says: &["certificate", "Acme Root CA", "does not trust", "has it"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the certificate has expired",
        machine: || shown(Tls::Expired),
        code: "tls-certificate-invalid",
        fix: "renew the certificate",
        says: &["certificate", "expired", "2020-01-01"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the certificate is for another name",
        machine: || shown(Tls::WrongName),
        code: "tls-certificate-invalid",
        fix: "see what answers for",
        says: &["certificate", "another name", "`wrong.example.com`"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the server wants a certificate of this machine (mTLS), and none is named",
        machine: || shown(Tls::WantsCertificate),
        code: "client-certificate-required",
        fix: "export CLAUDE_CODE_CLIENT_CERT=",
        owner: YOU,
        says: &["wants a certificate of this machine"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the TLS handshake is never answered",
        machine: || shown(Tls::Hang),
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "the TLS handshake"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the connection is closed during the TLS handshake",
        machine: || shown(Tls::Close),
        code: "connection-reset",
        fix: "without interruption",
        says: &["during the TLS handshake"],
        ..Kind::FAILS
    },
    Kind {
        fault: "plain HTTP answers in the place of TLS",
        machine: || shown(Tls::Plain),
        code: "tls-handshake-failed",
        fix: "see what answers for",
        says: &["no TLS connection"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the request is never answered",
        machine: || answering(|| Rule::new("", "").hang()),
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "waiting for the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "only the runtime never answers",
        machine: || answering(|| Rule::new(RUNTIME, "").hang()),
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "waiting for the answer", RUNTIME],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the connection is reset before the answer",
        machine: || answering(|| Rule::new("", "").reset()),
        code: "connection-reset",
        fix: "without interruption",
        says: &["reset before the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the answer comes byte by byte",
        machine: || answering(|| Rule::new("", "").drip(Duration::from_millis(300))),
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "the rest of the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the answer stops in the middle",
        machine: || answering(|| Rule::new("", "").stall_after(10)),
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "the rest of the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the connection is reset in the middle of the answer",
        machine: || answering(|| Rule::new("", "").reset_after(10)),
        code: "connection-reset",
        fix: "without interruption",
        says: &["in the middle of the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the connection is closed in the middle of the answer",
        machine: || answering(|| Rule::new("", "").truncate_after(10)),
        code: "connection-reset",
        fix: "without interruption",
        says: &["before the end of the answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a sign-in page answers (captive portal, 200)",
        machine: || answering(|| page(200, "Welcome to the guest network")),
        code: "captive-portal",
        fix: "in a browser",
        owner: YOU,
        says: &[
            "no answer of AWS",
            "HTTP 200",
            "Welcome to the guest network",
        ],
        ..Kind::FAILS
    },
    Kind {
        fault: "every request is sent on to a sign-in page (302)",
        machine: || {
            answering(|| {
                let place = [("location", "https://login.wifi.example.com/?from=aws")];
                Rule::new("", "").respond(302, &place, "")
            })
        },
        code: "captive-portal",
        fix: "in a browser",
        owner: YOU,
        says: &["no answer of AWS", "HTTP 302", "`login.wifi.example.com`"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the network wants a sign-in (511)",
        machine: || answering(|| page(511, "Network Authentication Required")),
        code: "captive-portal",
        fix: "in a browser",
        owner: YOU,
        says: &["no answer of AWS", "HTTP 511"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a web filter blocks (a page, 403)",
        machine: || answering(|| page(403, "Blocked by the web filter")),
        code: "answer-not-from-aws",
        fix: "pass unchanged",
        says: &["no answer of AWS", "HTTP 403", "Blocked by the web filter"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a gateway's own error page (503)",
        machine: || answering(|| page(503, "Service Unavailable")),
        code: "answer-not-from-aws",
        fix: "pass unchanged",
        says: &["no answer of AWS", "HTTP 503"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the event stream is cut off (`--invoke`)",
        machine: || answering(|| stream().truncate_after(80)),
        arguments: &["--invoke"],
        code: "gateway-connection-dropped",
        fix: "unbuffered",
        says: &["the answer", "was cut off"],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the content type of the event stream is rewritten (`--invoke`)",
        machine: || {
            answering(|| {
                let kind = [("content-type", "text/event-stream")];
                stream().respond(200, &kind, "event: message_start\ndata: {}\n\n")
            })
        },
        arguments: &["--invoke"],
        code: "gateway-rewrites-event-stream",
        fix: "unbuffered",
        says: &["text/event-stream"],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the content type of the event stream is taken away (`--invoke`)",
        machine: || answering(|| stream().respond(200, &[], "…")),
        arguments: &["--invoke"],
        code: "gateway-strips-content-type",
        fix: "unbuffered",
        says: &["the answer", "content type"],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "Claude Code is so old that it ignores the proxy",
        machine: || healthy(|_| {}),
        arguments: &["--claude-version", "1.0.35"],
        check: "claude-code-version-known-good",
        code: "proxy-ignored-in-bedrock-mode",
        fix: "update",
        says: &["the proxy is ignored"],
        learnt: &[REACHABLE],
        ..Kind::WARNS
    },
    Kind {
        fault: "Claude Code checks credentials at start around the proxy (`awsAuthRefresh`)",
        machine: || {
            let (mut machine, world) = healthy(|_| {});
            let settings = r#"{"awsAuthRefresh": "aws sso login"}"#;
            machine.file("~/.claude/settings.json", settings);
            (machine, world)
        },
        arguments: &["--claude-version", "2.1.200"],
        check: "claude-code-version-known-good",
        code: "credential-precheck-bypasses-proxy",
        fix: "update",
        says: &["goes around the proxy"],
        learnt: &[REACHABLE],
        ..Kind::WARNS
    },
    Kind {
        fault: "`ANTHROPIC_BEDROCK_BASE_URL` names another service of AWS",
        machine: || moved("https://bedrock.us-east-1.amazonaws.com"),
        check: "endpoint-serves-bedrock",
        code: "bedrock-base-url-404",
        fix: "remove `ANTHROPIC_BEDROCK_BASE_URL`",
        owner: YOU,
        says: &["ANTHROPIC_BEDROCK_BASE_URL", "does not know the operations"],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "`ANTHROPIC_BEDROCK_BASE_URL` names a Region that requests are not signed for",
        machine: || moved("https://bedrock-runtime.us-west-2.amazonaws.com"),
        check: "endpoint-serves-bedrock",
        code: "endpoint-region-vs-signing-region",
        fix: "AWS_REGION",
        owner: YOU,
        says: &["is in `us-west-2`", "signed for `us-east-1`"],
        ..Kind::FAILS
    },
    Kind {
        fault: "`ANTHROPIC_BEDROCK_BASE_URL` names the runtime, which has no list of inference profiles",
        machine: || moved("https://bedrock-runtime.us-east-1.amazonaws.com"),
        check: "profile-listing-allowed",
        code: "profile-discovery-blocked",
        fix: "pin full model ids",
        says: &["list of inference profiles", "HTTP 404"],
        learnt: &[REACHABLE, "invocation-allowed"],
        ..Kind::WARNS
    },
    Kind {
        fault: "this machine's clock is an hour behind",
        machine: || {
            healthy(|world| {
                world.clock_offset(3_600);
            })
        },
        check: "clock-in-step",
        code: "clock-skew",
        fix: "set-ntp",
        owner: YOU,
        says: &["clock is", "1 h", "behind"],
        ..Kind::FAILS
    },
    Kind {
        fault: "this machine's clock is an hour ahead",
        machine: || {
            healthy(|world| {
                world.clock_offset(-3_600);
            })
        },
        check: "clock-in-step",
        code: "clock-skew",
        fix: "set-ntp",
        owner: YOU,
        says: &["clock is", "1 h", "ahead"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the proxy takes 1.2 s to open a tunnel",
        machine: || behind(ProxyBehaviour::Slow(Duration::from_millis(1_200))),
        check: "connections-fast",
        code: "slow-network",
        fix: "see why",
        says: &["s for the proxy's answer to CONNECT"],
        learnt: &[REACHABLE, "credentials-accepted"],
        ..Kind::WARNS
    },
    Kind {
        fault: "TLS handshakes take 1.2 s",
        machine: || shown(Tls::Slow(Duration::from_millis(1_200))),
        check: "connections-fast",
        code: "slow-network",
        fix: "look for lost packets",
        says: &["s for the TLS handshake"],
        learnt: &[REACHABLE, "credentials-accepted"],
        ..Kind::WARNS
    },
];

/// The kinds that need a DNS, addresses or an `/etc` of their own: they run in a namespace.
const ALONE: &[Kind] = &[
    Kind {
        fault: "no DNS server runs",
        machine: || (direct(), Box::new(())),
        code: "dns-lookup-failed",
        fix: "nslookup",
        says: &[
            "could not be resolved",
            "the DNS server of this machine cannot be reached",
        ],
        ..Kind::FAILS
    },
    Kind {
        fault: "DNS does not know the name (NXDOMAIN)",
        machine: || named(Dns::NoSuchName),
        code: "dns-lookup-failed",
        fix: "nslookup",
        says: &["could not be resolved", "not known"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the DNS server is silent",
        machine: || named(Dns::Silence),
        arguments: BRIEF,
        code: SILENT,
        fix: "see that the DNS server",
        says: &["timed out", "the DNS answer"],
        ..Kind::FAILS
    },
    Kind {
        fault: "the name has an IPv6 address only, and there is no IPv6",
        machine: || {
            let address = [0x26, 0, 0x1F, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            named(Dns::V6Address(address))
        },
        code: "connection-refused",
        fix: "let this machine open connections",
        says: &["no connection", "IPv6 addresses only"],
        ..Kind::FAILS
    },
    Kind {
        fault: "nobody listens at the address",
        machine: || named(Dns::Address(PUBLIC)),
        code: "connection-refused",
        fix: "let this machine open connections",
        says: &["no connection", "203.0.113.7:443", "connection refused"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a DNS filter answers with an address of nobody (0.0.0.0)",
        machine: || named(Dns::Address([0, 0, 0, 0])),
        code: "name-leads-to-this-machine",
        fix: "/etc/hosts",
        says: &["leads to this machine itself", "0.0.0.0"],
        ..Kind::FAILS
    },
    Kind {
        fault: "there is no way to the address",
        machine: || named(Dns::Address([198, 51, 100, 1])),
        code: "connection-refused",
        fix: "let this machine open connections",
        says: &["no connection", "network unreachable"],
        ..Kind::FAILS
    },
    Kind {
        fault: "packets to the address vanish",
        machine: || {
            serve(Dns::Address(PUBLIC));
            (direct(), black_hole(PUBLIC, 443))
        },
        arguments: BRIEF,
        code: SILENT,
        fix: "this shows where it stops",
        says: &["timed out", "the TCP connection"],
        ..Kind::FAILS
    },
    Kind {
        fault: "DNS does not know the proxy",
        machine: || through_proxy(Dns::NoSuchName),
        code: "proxy-gives-no-answer",
        fix: "correct `HTTPS_PROXY`",
        owner: YOU,
        says: &["`proxy.corp.example` could not be resolved"],
        ..Kind::FAILS
    },
    Kind {
        fault: "packets to the proxy vanish",
        machine: || {
            let (machine, _) = through_proxy(Dns::Address(PUBLIC));
            (machine, black_hole(PUBLIC, 3128))
        },
        arguments: BRIEF,
        code: SILENT,
        fix: "see that the proxy runs",
        says: &["through the proxy", "timed out", "the TCP connection"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a VPC endpoint that does not let this machine in",
        machine: || {
            serve(Dns::Address(PRIVATE));
            (direct(), black_hole(PRIVATE, 443))
        },
        arguments: BRIEF,
        code: "vpc-endpoint-closed",
        fix: "security group",
        says: &[
            "VPC endpoint",
            "10.20.30.40",
            "timed out",
            "the TCP connection",
        ],
        ..Kind::FAILS
    },
    Kind {
        fault: "a VPC endpoint for the control plane only",
        machine: || vpc(&["sts", "bedrock"]),
        arguments: BRIEF,
        code: "vpc-endpoint-wrong-service",
        fix: "create the interface VPC endpoint",
        says: &[
            "timed out",
            "the TCP connection",
            "is reached at 10.20.30.40",
        ],
        learnt: &["credentials-accepted", "profile-listing-allowed"],
        ..Kind::FAILS
    },
    Kind {
        fault: "a VPC endpoint for the runtime only",
        machine: || vpc(&["sts", RUNTIME]),
        arguments: BRIEF,
        code: "vpc-endpoint-wrong-service",
        fix: "create the interface VPC endpoint",
        says: &[
            "timed out",
            "the TCP connection",
            "is reached at 10.20.30.40",
        ],
        learnt: &["credentials-accepted"],
        ..Kind::WARNS
    },
    Kind {
        fault: "the system trusts the company's authority, and Claude Code is told not to ask the system",
        machine: || {
            let (mut machine, world) = trusted_by_the_system();
            machine.env("CLAUDE_CODE_CERT_STORE", "bundled");
            (machine, world)
        },
        code: "system-ca-not-loaded",
        fix: "unset CLAUDE_CODE_CERT_STORE",
        owner: YOU,
        says: &[
            "certificate",
            "does not trust",
            "store of this system has it",
        ],
        ..Kind::FAILS
    },
    Kind {
        fault: "the system trusts the company's authority, and Claude Code is older than 2.1.101",
        machine: trusted_by_the_system,
        arguments: &["--claude-version", "2.1.100"],
        code: "system-ca-not-loaded",
        fix: "claude update",
        owner: YOU,
        says: &[
            "certificate",
            "does not trust",
            "store of this system has it",
        ],
        ..Kind::FAILS
    },
];

impl Kind {
    /// The network team must make requests arrive.
    const FAILS: Self = Self {
        fault: "",
        machine: || healthy(|_| {}),
        arguments: &[],
        check: REACHABLE,
        code: "",
        fix: "",
        owner: NETWORK,
        says: &[],
        learnt: &[],
    };
    /// Claude Code goes on.
    const WARNS: Self = Self {
        owner: NOBODY,
        ..Self::FAILS
    };

    /// Runs the checkup. What is wrong with it, in one text.
    fn tried(&self) -> Result<(), String> {
        let (machine, _world) = (self.machine)();
        let checkup = checkup_with(&machine, self.arguments);
        let mut wrong = self.wrong(&checkup);
        if checkup.run.seconds > self.deadline() + SLACK {
            wrong.push(format!("it took {} s", checkup.run.seconds));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!(
            "\n## {}\n{}\nexit {}\n{}",
            self.fault,
            wrong.join("\n"),
            checkup.run.code,
            checkup.open()
        ))
    }

    /// The deadline of its run, in seconds.
    fn deadline(&self) -> f64 {
        if self.arguments == BRIEF { 4.0 } else { 20.0 }
    }

    fn wrong(&self, checkup: &Checkup) -> Vec<String> {
        let mut wrong = Vec::new();
        let exit = match self.owner {
            NOBODY => 0,
            YOU => 1,
            _ => 2,
        };
        if checkup.run.code != exit {
            wrong.push(format!("exit code {exit} is expected"));
        }
        let told = match (self.owner, checkup.roots().as_slice()) {
            (NOBODY, []) => checkup
                .findings(self.check)
                .into_iter()
                .find(|finding| finding["status"] == "warn" && finding["code"] == self.code)
                .unwrap_or(&Value::Null),
            (NOBODY, _) => &Value::Null,
            (_, [root]) => root,
            _ => &Value::Null,
        };
        for (key, want) in [("id", self.check), ("code", self.code)] {
            if told[key] != want {
                wrong.push(format!("{key} `{want}` is expected, not {}", told[key]));
            }
        }
        if self.owner != NOBODY && told["owner"] != self.owner {
            wrong.push(format!("`{}` must act, not {}", self.owner, told["owner"]));
        }
        let fix: Vec<&str> = told["fix"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|step| [step["text"].as_str(), step["command"].as_str()])
            .flatten()
            .collect();
        if !fix.iter().any(|step| step.contains(self.fix)) {
            wrong.push(format!("the fix `{}` is missing: {fix:#?}", self.fix));
        }
        let what = told["what"].as_str().unwrap_or_default();
        let missing = self.says.iter().filter(|words| !what.contains(*words));
        wrong.extend(missing.map(|words| format!("`{words}` is missing: {what}")));
        // Nothing is said about credentials, permissions or models when nothing arrived.
        if self.check == REACHABLE && self.learnt.is_empty() && self.owner != NOBODY {
            for id in [
                "credentials-accepted",
                "invocation-allowed",
                "model-access-granted",
            ] {
                for finding in checkup.findings(id) {
                    if finding["blocked_by"] != REACHABLE {
                        wrong.push(format!("`{id}` is not blocked: {finding}"));
                    }
                }
            }
        }
        let passes = |id: &str| {
            let found = checkup.findings(id);
            !found.is_empty() && found.iter().all(|finding| finding["status"] == "pass")
        };
        let lost = self.learnt.iter().filter(|id| !passes(id));
        wrong.extend(lost.map(|id| format!("`{id}` does not pass")));
        wrong
    }

    /// Its row in the document.
    fn row(&self) -> String {
        let words: Vec<String> = self
            .says
            .iter()
            .map(|words| words.replace('`', ""))
            .collect();
        let owner = match self.owner {
            NOBODY => "nobody: a warning",
            YOU => "you",
            _ => "the network team",
        };
        format!(
            "| {} | [`{}`](checks/{}.md) | `{}` | {} | {} | {owner} |\n",
            self.fault,
            self.check,
            self.check,
            self.code,
            words.join(" … "),
            self.fix.replace('`', "")
        )
    }
}

/// A machine on which everything works but for what is done to its world.
fn healthy(change: impl FnOnce(&World)) -> Scene {
    let world = World::healthy();
    change(&world);
    (machine(&world), Box::new(world))
}

fn behind(behaviour: ProxyBehaviour) -> Scene {
    healthy(|world| {
        world.proxy(behaviour);
    })
}

fn shown(tls: Tls) -> Scene {
    healthy(|world| {
        world.tls(tls);
    })
}

fn answering(rule: impl FnOnce() -> Rule) -> Scene {
    healthy(|world| {
        world.rule(rule());
    })
}

fn moved(base_url: &str) -> Scene {
    let (mut machine, world) = healthy(|_| {});
    machine.env("ANTHROPIC_BEDROCK_BASE_URL", base_url);
    (machine, world)
}

fn page(status: u16, title: &str) -> Rule {
    let page = format!("<html><head><title>{title}</title></head><body>…</body></html>");
    Rule::new("", "").respond(status, &[("content-type", "text/html")], page)
}

fn stream() -> Rule {
    Rule::new(RUNTIME, "/invoke-with-response-stream")
}

/// A machine with keys that goes straight to AWS.
fn direct() -> Machine {
    with_keys(Machine::offline())
}

fn with_keys(mut machine: Machine) -> Machine {
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001");
    machine
}

fn named(dns: Dns) -> Scene {
    serve(dns);
    (direct(), Box::new(()))
}

fn through_proxy(dns: Dns) -> Scene {
    let (mut machine, nothing) = named(dns);
    machine.env("HTTPS_PROXY", "http://proxy.corp.example:3128");
    (machine, nothing)
}

/// A network where these services have a VPC endpoint, and packets to the internet vanish.
fn vpc(services: &[&'static str]) -> Scene {
    let world = World::healthy();
    world.direct_at((PRIVATE, 443).into());
    let address = |service: &'static str| {
        let place = if services.contains(&service) {
            PRIVATE
        } else {
            PUBLIC
        };
        (service, place)
    };
    serve(Dns::Names(["sts", "bedrock", RUNTIME].map(address).into()));
    let machine = with_keys(Machine::direct(&world));
    (machine, Box::new((world, black_hole(PUBLIC, 443))))
}

/// A machine whose system trusts the authority of the world; no variable names it.
fn trusted_by_the_system() -> Scene {
    let (mut machine, world) = healthy(|world| {
        let store = Path::new("/etc/ssl/certs");
        std::fs::create_dir_all(store).unwrap();
        std::fs::copy(world.ca_path(), store.join("ca-certificates.crt")).unwrap();
    });
    machine.env_remove("NODE_EXTRA_CA_CERTS");
    (machine, world)
}

/// An address that takes no further connection and says nothing: its queue is full.
fn black_hole(ip: [u8; 4], port: u16) -> Box<dyn Any> {
    let address = SocketAddr::from((ip, port));
    let listener = TcpListener::bind(address).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(stream);
    }
    Box::new((listener, queue))
}

fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Tries all, a few at a time: most of them wait.
fn try_all(kinds: &[Kind], tried: impl Fn(usize) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= kinds.len() {
                return wrong;
            }
            wrong.extend(tried(number).err());
        }
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        let all = workers.into_iter().flat_map(|it| it.join().unwrap());
        all.collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_kind_names_its_stage_and_ends_in_time() {
    try_all(KINDS, |number| KINDS[number].tried());
}

#[test]
fn each_kind_in_a_network_of_its_own_names_its_stage_and_ends_in_time() {
    const NAME: &str =
        "dead_network::each_kind_in_a_network_of_its_own_names_its_stage_and_ends_in_time";
    const NUMBER: &str = "BEDROCK_DOCTOR_KIND";
    if namespace::is_inside() {
        let number: usize = std::env::var(NUMBER).unwrap().parse().unwrap();
        ALONE[number]
            .tried()
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        return;
    }
    let Some(way) = Way::find(NAME) else { return };
    try_all(ALONE, |number| {
        let etc = namespace::etc(&[]);
        let output = way.run_test(NAME, etc.path(), &[(NUMBER, &number.to_string())]);
        let told = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && told.contains("1 passed") {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}\n{told}\n{stderr}", ALONE[number].fault))
    });
}

/// The table in `docs/network.md` is this one.
#[test]
fn the_documented_table_is_fresh() {
    const BEGIN: &str = "<!-- the table of tests/it/dead_network.rs -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/network.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once("\n<!-- end -->").unwrap();
    let mut table = String::from(
        "| what is wrong | told by | cause | in the words of the finding | in the words of the fix | who must act |\n|---|---|---|---|---|---|\n",
    );
    table.extend(KINDS.iter().chain(ALONE).map(Kind::row));
    if std::env::var_os("UPDATE").is_some() {
        let text = format!("{before}{BEGIN}{table}\n<!-- end -->{after}");
        std::fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(
        format!("{written}\n").trim_end(),
        table.trim_end(),
        "stale: UPDATE=1 cargo test --test it dead_network"
    );
}
