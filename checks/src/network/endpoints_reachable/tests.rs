//! Longer than 400 lines: each way in which a connection fails, and what it is told as, stands here once.

use std::net::IpAddr;

use super::*;
use crate::check::Entry;
use crate::facts::{
    Absence, CaFile, CaSource, CertificateProblem, CredentialKind, Observed, Stage, StageTime,
    Step, StepOutcome, Stranger,
};
use crate::finding::{Explanation, Status};
use crate::sample::{
    configured, from_settings, from_shell, healthy, in_seconds, invoked, now, only, refusal,
    variable, with_credentials,
};

const CHECK: Entry = Entry::of::<EndpointsReachable>();
const RUNTIME: &str = "bedrock-runtime.us-east-1.amazonaws.com";

fn broken(kind: FailureKind, message: &str) -> Failure {
    Failure {
        host: Some(RUNTIME.into()),
        ..Failure::new(kind, message)
    }
}

fn failing(mut facts: Facts, failure: Failure) -> Facts {
    facts.invocations = Observed::Failed(failure);
    facts
}

fn with_proxy(has_credentials: bool) -> Facts {
    let mut facts = configured(|configuration| {
        let proxy = Proxy {
            url: "http://proxy.example.com:3128".into(),
            has_credentials,
        };
        configuration.runtime.proxy = from_shell("HTTPS_PROXY", Some(proxy));
    });
    facts.connections = Observed::default();
    facts
}

#[track_caller]
fn check(facts: Facts, kind: FailureKind, message: &str, code: &str, owner: Owner) -> Finding {
    let finding = only(
        &CHECK,
        &failing(facts, broken(kind, message)),
        Status::Fail,
        Some(code),
    );
    assert_eq!(finding.owner, owner, "{finding:#?}");
    assert_eq!(finding.evidence.detail, message);
    finding
}

#[test]
fn the_end_of_the_whole_run_says_nothing_about_the_network() {
    let ended = Failure::new(FailureKind::TimedOut, "the whole run ends after 3 s");
    let mut facts = failing(healthy(), ended.clone());
    facts.caller_identity = Observed::Failed(ended.clone());
    facts.inference_profiles = Observed::Failed(ended.clone());
    facts.model_availability = Observed::Failed(ended.clone());
    facts.use_case_form = Observed::Failed(ended);
    only(&CHECK, &facts, Status::CannotTell, None);
}

#[test]
fn a_region_that_does_not_exist_explains_what_its_hosts_do() {
    for kind in [FailureKind::Dns, FailureKind::Proxy, FailureKind::Tcp] {
        let facts = failing(healthy(), broken(kind, "502 Bad Gateway"));
        let [finding] = CHECK.run(&facts).0.try_into().unwrap();
        assert!(
            finding
                .explained_by
                .contains(&Explanation::Check("region-exists"))
        );
        let mut elsewhere = broken(kind, "502 Bad Gateway");
        elsewhere.host = Some("llm.example.com".into());
        let [finding] = CHECK
            .run(&failing(healthy(), elsewhere))
            .0
            .try_into()
            .unwrap();
        assert_eq!(finding.explained_by, []);
    }
}

#[test]
fn passes_when_aws_answers() {
    let finding = only(&CHECK, &healthy(), Status::Pass, None);
    assert_eq!(
        finding.what,
        "answers came from STS, Bedrock and the Bedrock runtime"
    );
}

#[test]
fn a_refusal_by_aws_is_an_answer() {
    let mut facts = Facts::at(now());
    facts.caller_identity = Observed::Failed(refusal("sts", 403, "ExpiredToken", "expired"));
    only(&CHECK, &facts, Status::Pass, None);
}

#[test]
fn names_the_stage_that_broke() {
    let network = Owner::NetworkTeam;
    check(
        healthy(),
        FailureKind::Dns,
        "no such host",
        "dns-lookup-failed",
        network,
    );
    check(
        healthy(),
        FailureKind::Tcp,
        "connection refused",
        "connection-refused",
        network,
    );
    check(
        healthy(),
        FailureKind::Http,
        "an HTML page",
        "answer-not-from-aws",
        network,
    );
}

#[test]
fn a_dropped_connection_is_neither_an_answer_nor_a_certificate() {
    for (kind, message) in [
        (
            FailureKind::Http,
            "the connection was reset before the answer",
        ),
        (
            FailureKind::Http,
            "no usable HTTP answer: connection closed before message completed",
        ),
        (
            FailureKind::Tls,
            "the connection was closed during the TLS handshake",
        ),
    ] {
        check(
            healthy(),
            kind,
            message,
            "connection-reset",
            Owner::NetworkTeam,
        );
    }
}

#[test]
fn a_proxy_without_a_word_refused_nothing() {
    let message = "the proxy `http://proxy.example.com:40712` cannot be reached: no such host";
    let finding = check(
        with_proxy(false),
        FailureKind::Proxy,
        message,
        "proxy-gives-no-answer",
        Owner::NetworkTeam,
    );
    assert!(finding.what.starts_with("no tunnel to"), "{finding:#?}");
}

/// A proxy that answers CONNECT like this.
#[track_caller]
fn refused(facts: Facts, status: u16, words: &str, code: &str, owner: Owner) -> Finding {
    let refused = Failure {
        status: Some(status),
        ..broken(
            FailureKind::Proxy,
            &format!(
                "the proxy `http://proxy.example.com:3128` refused the tunnel to `{RUNTIME}`: {words}"
            ),
        )
    };
    let finding = only(&CHECK, &failing(facts, refused), Status::Fail, Some(code));
    assert_eq!(finding.owner, owner, "{finding:#?}");
    finding
}

#[test]
fn a_proxy_that_forbids_and_one_that_cannot_go_on_are_told_apart() {
    let network = Owner::NetworkTeam;
    let finding = refused(
        with_proxy(false),
        403,
        "403 Forbidden",
        "proxy-refused-tunnel",
        network,
    );
    assert!(finding.what.ends_with("403 Forbidden"), "{finding:#?}");
    assert!(
        finding.fix[0].text.contains("allow `CONNECT"),
        "{finding:#?}"
    );
    for (status, words) in [(502, "502 Bad Gateway"), (504, "504 Gateway Timeout")] {
        let code = "proxy-cannot-reach-host";
        let finding = refused(with_proxy(false), status, words, code, network);
        assert!(
            finding.what.contains("itself gets no connection"),
            "{finding:#?}"
        );
        assert!(
            finding.fix[0].text.contains("let the proxy resolve"),
            "{finding:#?}"
        );
    }
}

#[test]
fn sts_is_not_on_the_way_to_bedrock() {
    let mut facts = healthy();
    facts.caller_identity = Observed::Failed(broken(FailureKind::TimedOut, "timed out"));
    let code = Some("request-timeout-or-stall");
    only(&CHECK, &facts, Status::Warn, code);
    facts.invocations = Observed::Failed(broken(FailureKind::TimedOut, "timed out"));
    only(&CHECK, &facts, Status::Fail, code);
}

#[test]
fn a_time_out_is_called_a_time_out() {
    for (message, words) in [
        ("timed out after 5 s", "timed out after 5 s"),
        ("deadline of 5 s", "timed out (deadline of 5 s)"),
    ] {
        let code = "request-timeout-or-stall";
        let finding = check(
            healthy(),
            FailureKind::TimedOut,
            message,
            code,
            Owner::NetworkTeam,
        );
        assert_eq!(finding.what, format!("no answer from `{RUNTIME}`: {words}"));
    }
}

#[test]
fn a_proxy_that_wants_credentials_is_for_the_user() {
    for words in [
        "407 Proxy Authentication Required",
        "407 Proxy Authentication Required (it accepts Negotiate, Basic)",
    ] {
        for (has_credentials, state) in [(false, "wants credentials"), (true, "does not accept")] {
            let facts = with_proxy(has_credentials);
            let finding = refused(facts, 407, words, "proxy-wants-credentials", Owner::You);
            assert!(finding.what.contains(state), "{finding:#?}");
            assert!(
                finding.what.contains("`HTTPS_PROXY` in the environment"),
                "{finding:#?}"
            );
        }
    }
}

#[test]
fn a_proxy_that_wants_a_windows_sign_in_is_for_the_network_team() {
    let finding = refused(
        with_proxy(true),
        407,
        "407 Proxy Authentication Required (it accepts Negotiate, NTLM)",
        "proxy-wants-credentials",
        Owner::NetworkTeam,
    );
    assert!(finding.what.contains("(Negotiate, NTLM)"), "{finding:#?}");
}

/// A machine that is shown this certificate by the runtime.
#[track_caller]
fn shown(facts: Facts, certificate: Certificate, code: &str, owner: Owner) -> Finding {
    let mut facts = facts;
    facts.connections = Observed::Known(vec![Connection {
        certificate: Some(certificate),
        ..connection(RUNTIME, "52.94.133.131", Stage::Tls, false)
    }]);
    check(facts, FailureKind::Tls, "the handshake failed", code, owner)
}

/// A connection that ended, well or not, in this stage.
fn connection(host: &str, ip: &str, stage: Stage, complete: bool) -> Connection {
    let ip: IpAddr = ip.parse().unwrap();
    Connection {
        host: host.into(),
        proxy: None,
        address: Some(ip.into()),
        stages: vec![StageTime {
            stage,
            milliseconds: 12,
            complete,
        }],
        certificate: None,
    }
}

fn certificate(issuer: &str, problem: CertificateProblem) -> Certificate {
    Certificate {
        subject: format!("CN={RUNTIME}"),
        issuers: vec![format!("CN={issuer}"), "CN=Acme Root".into()],
        names: vec!["wrong.example.com".into()],
        valid_from: Some(in_seconds(3_600)),
        valid_until: Some(in_seconds(-7_200)),
        vouched_by: None,
        problem: Some(problem),
    }
}

fn file(variable: &str, honoured: bool, problem: Option<&str>) -> CaFile {
    CaFile {
        variable: variable.into(),
        path: from_shell(variable, "/etc/company.pem".into()),
        honoured,
        problem: problem.map(str::to_owned),
    }
}

#[test]
fn a_refused_certificate_is_told_with_what_stands_in_it() {
    let network = Owner::NetworkTeam;
    for (problem, words) in [
        (
            CertificateProblem::Expired,
            "expired 2 h ago (2026-11-22 16:00 UTC)",
        ),
        (
            CertificateProblem::NotYetValid,
            "is not valid yet: it begins in 1 h (2026-11-22 19:00 UTC)",
        ),
        (
            CertificateProblem::OtherName,
            "is for another name: `wrong.example.com`",
        ),
        (
            CertificateProblem::Other("BadEncoding".into()),
            "is not accepted: BadEncoding",
        ),
    ] {
        let shown = shown(
            healthy(),
            certificate("Acme Gateway", problem),
            "tls-certificate-invalid",
            network,
        );
        let what =
            format!("the certificate shown by `{RUNTIME}` (issued by `CN=Acme Gateway`) {words}");
        assert_eq!(shown.what, what);
    }
}

#[test]
fn a_handshake_that_failed_without_a_certificate_is_no_certificate() {
    let finding = check(
        healthy(),
        FailureKind::Tls,
        "TLS failed: received fatal alert: HandshakeFailure",
        "tls-handshake-failed",
        Owner::NetworkTeam,
    );
    assert!(
        finding
            .what
            .ends_with("received fatal alert: HandshakeFailure")
    );
}

#[test]
fn a_product_that_inspects_tls_is_named() {
    let unknown = |issuer: &str| {
        shown(
            healthy(),
            certificate(issuer, CertificateProblem::UnknownIssuer),
            "tls-inspection-untrusted-ca",
            Owner::You,
        )
    };
    let finding = unknown("Zscaler Intermediate Root CA");
    assert!(
        finding.what.contains("Zscaler inspects TLS here"),
        "{finding:#?}"
    );
    assert!(
        finding.fix[0].text.contains("`CN=Acme Root`"),
        "{finding:#?}"
    );
    assert_eq!(
        finding.fix[0].command.as_deref(),
        Some("export NODE_EXTRA_CA_CERTS=/path/to/company-ca.pem")
    );
    let finding = unknown("mitmproxy");
    assert!(
        finding.fix[0].text.contains("end mitmproxy"),
        "{finding:#?}"
    );
    assert!(
        unknown("ESET SSL Filter CA").fix[0]
            .text
            .contains("security software")
    );
    assert!(!unknown("Acme Root").what.contains("inspects"));
}

#[test]
fn says_who_vouches_for_a_certificate_that_claude_code_does_not_trust() {
    let vouched = |facts: Facts, source: CaSource, code: &str| {
        let certificate = Certificate {
            vouched_by: Some(source),
            ..certificate("Acme Root", CertificateProblem::UnknownIssuer)
        };
        shown(facts, certificate, code, Owner::You)
    };
    let bundle = CaSource::File(file("AWS_CA_BUNDLE", false, None));
    let finding = vouched(healthy(), bundle, "aws-ca-bundle-not-honoured");
    assert_eq!(
        finding.fix[0].command.as_deref(),
        Some("export NODE_EXTRA_CA_CERTS=\"$AWS_CA_BUNDLE\"")
    );
    let mut profile = file("ca_bundle", false, None);
    profile.path = from_settings("ca_bundle", 3, "/etc/my ca.pem".into());
    let finding = vouched(
        healthy(),
        CaSource::File(profile),
        "aws-ca-bundle-not-honoured",
    );
    assert_eq!(
        finding.fix[0].command.as_deref(),
        Some("export NODE_EXTRA_CA_CERTS='/etc/my ca.pem'")
    );
    let finding = vouched(healthy(), CaSource::System, "system-ca-not-loaded");
    assert_eq!(finding.fix[0].command.as_deref(), Some("claude update"));
    let only_bundled = configured(|configuration| {
        let variable = variable("CLAUDE_CODE_CERT_STORE", "bundled");
        configuration.variables.push(variable);
    });
    let finding = vouched(only_bundled, CaSource::System, "system-ca-not-loaded");
    assert!(finding.why.unwrap().contains("is `bundled`"));
    vouched(healthy(), CaSource::Bundled, "bundled-ca-not-loaded");
}

#[test]
fn who_switched_verification_off_is_not_stopped_by_a_certificate() {
    let mut facts = configured(|configuration| {
        let off = variable("NODE_TLS_REJECT_UNAUTHORIZED", "0");
        configuration.variables.push(off);
    });
    facts.connections = Observed::Known(vec![Connection {
        certificate: Some(certificate("Acme", CertificateProblem::UnknownIssuer)),
        ..connection(RUNTIME, "52.94.133.131", Stage::Tls, false)
    }]);
    let facts = failing(facts, broken(FailureKind::Tls, "the handshake failed"));
    let code = Some("tls-inspection-untrusted-ca");
    let finding = only(&CHECK, &facts, Status::Warn, code);
    assert!(finding.why.unwrap().contains("goes on all the same"));
}

#[test]
fn a_file_that_is_named_but_does_not_help_is_the_place_for_the_fix() {
    for (problem, words) in [
        (Some("no such file"), "is ignored (no such file)"),
        (None, "in PEM form to `/etc/company.pem`"),
    ] {
        let facts = configured(|configuration| {
            let honoured = file("NODE_EXTRA_CA_CERTS", true, problem);
            configuration.ca_files = vec![honoured, file("AWS_CA_BUNDLE", false, None)];
        });
        let finding = shown(
            facts,
            certificate("Acme Root", CertificateProblem::UnknownIssuer),
            "tls-inspection-untrusted-ca",
            Owner::You,
        );
        assert!(finding.fix[0].text.contains(words), "{finding:#?}");
    }
}

#[test]
fn a_network_with_one_vpc_endpoint_lacks_the_other() {
    const BEDROCK: &str = "bedrock.us-east-1.amazonaws.com";
    let reached = connection(BEDROCK, "10.0.1.5", Stage::Answer, true);
    let with = |ip: &str| {
        let mut facts = healthy();
        let broken = connection(RUNTIME, ip, Stage::Tcp, false);
        facts.connections = Observed::Known(vec![reached.clone(), broken]);
        facts
    };
    let (message, code) = (
        "no connection to 52.1.2.3:443: x",
        "vpc-endpoint-wrong-service",
    );
    let finding = check(
        with("52.1.2.3"),
        FailureKind::Tcp,
        message,
        code,
        Owner::NetworkTeam,
    );
    assert!(
        finding.what.contains("is reached at 10.0.1.5") && finding.what.contains("52.1.2.3:443"),
        "{finding:#?}"
    );
    assert!(
        finding.fix[0]
            .text
            .contains("`com.amazonaws.us-east-1.bedrock-runtime`"),
        "{finding:#?}"
    );
    let finding = check(
        with("10.0.1.6"),
        FailureKind::Tcp,
        message,
        "vpc-endpoint-closed",
        Owner::NetworkTeam,
    );
    assert!(
        finding.fix[0].text.contains("security group"),
        "{finding:#?}"
    );
    let mut facts = failing(
        with("52.1.2.3"),
        Failure {
            waited_for: Some(Stage::Tcp),
            ..broken(FailureKind::TimedOut, "timed out after 5 s")
        },
    );
    only(&CHECK, &facts, Status::Fail, Some(code));
    facts.connections = Observed::Known(vec![]);
    only(
        &CHECK,
        &facts,
        Status::Fail,
        Some("request-timeout-or-stall"),
    );
}

#[test]
fn without_the_list_of_profiles_claude_code_goes_on() {
    let mut facts = healthy();
    let mut silent = broken(FailureKind::TimedOut, "timed out after 5 s");
    silent.host = Some("bedrock.us-east-1.amazonaws.com".into());
    facts.inference_profiles = Observed::Failed(silent);
    let finding = only(
        &CHECK,
        &facts,
        Status::Warn,
        Some("request-timeout-or-stall"),
    );
    assert!(finding.why.unwrap().contains("unchecked"));
    facts.invocations = Observed::Failed(broken(FailureKind::TimedOut, "timed out after 5 s"));
    let all_fail = CHECK.run(&facts).0;
    assert!(all_fail.iter().all(|it| it.status == Status::Fail));
}

#[test]
fn a_pass_says_which_way_the_answers_came() {
    let mut facts = healthy();
    let mut reached = connection(RUNTIME, "10.0.1.5", Stage::Answer, true);
    reached.certificate = Some(Certificate {
        vouched_by: Some(CaSource::File(file("NODE_EXTRA_CA_CERTS", true, None))),
        problem: None,
        ..certificate("Netskope CA", CertificateProblem::UnknownIssuer)
    });
    facts.connections = Observed::Known(vec![reached]);
    let what = only(&CHECK, &facts, Status::Pass, None).what;
    let signed = "TLS is signed by Netskope (`CN=Acme Root`), known from `/etc/company.pem` (`NODE_EXTRA_CA_CERTS` in the environment)";
    assert!(what.contains(signed), "{what}");
    let private = format!("`{RUNTIME}` at 10.0.1.5");
    assert!(what.contains(&private), "{what}");
}

#[test]
fn a_time_out_is_explained_by_what_was_waited_for() {
    for (stage, words) in [
        (Stage::Dns, "DNS server"),
        (Stage::Tcp, "drops"),
        (Stage::Tls, "inspects TLS"),
        (Stage::Answer, "holds requests or answers back"),
        (Stage::Body, "holds requests or answers back"),
    ] {
        let silent = Failure {
            waited_for: Some(stage),
            ..broken(FailureKind::TimedOut, "timed out after 5 s")
        };
        let facts = failing(healthy(), silent.clone());
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("request-timeout-or-stall"),
        );
        assert!(finding.why.unwrap().contains(words), "{stage:?}");
        let facts = failing(with_proxy(false), silent);
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("request-timeout-or-stall"),
        );
        let by_proxy = finding.fix[0].text.contains("see that the proxy runs");
        assert_eq!(by_proxy, stage < Stage::Tls, "{stage:?}");
    }
}

#[test]
fn what_answered_instead_of_aws_decides_who_must_act() {
    for (status, content_type, code, owner) in [
        (200, Some("text/html"), "captive-portal", Owner::You),
        (302, None, "captive-portal", Owner::You),
        (511, Some("text/html"), "captive-portal", Owner::You),
        (
            403,
            Some("text/html"),
            "answer-not-from-aws",
            Owner::NetworkTeam,
        ),
        (
            503,
            Some("text/html; charset=utf-8"),
            "answer-not-from-aws",
            Owner::NetworkTeam,
        ),
        (
            200,
            Some("text/plain"),
            "answer-not-from-aws",
            Owner::NetworkTeam,
        ),
    ] {
        let stranger = Failure {
            status: Some(status),
            stranger: Some(Box::new(Stranger {
                content_type: content_type.map(str::to_owned),
                ..Stranger::default()
            })),
            ..broken(FailureKind::Http, "an answer that is not AWS's: a page")
        };
        let finding = only(
            &CHECK,
            &failing(healthy(), stranger),
            Status::Fail,
            Some(code),
        );
        assert_eq!(finding.owner, owner, "{status} {content_type:?}");
        assert!(
            finding.what.ends_with("is no answer of AWS: a page"),
            "{finding:#?}"
        );
    }
}

#[test]
fn speaks_once_about_each_host_and_stage() {
    let mut facts = invoked(&Observed::Failed(broken(FailureKind::Dns, "no such host")));
    only(&CHECK, &facts, Status::Fail, Some("dns-lookup-failed"));
    facts.caller_identity = Observed::Failed(Failure {
        host: Some("sts.us-east-1.amazonaws.com".into()),
        ..broken(FailureKind::Dns, "no such host")
    });
    let subjects: Vec<_> = CHECK
        .run(&facts)
        .0
        .into_iter()
        .filter_map(|it| it.subject)
        .collect();
    assert_eq!(subjects, ["sts.us-east-1.amazonaws.com", RUNTIME]);
}

#[test]
fn instance_metadata_is_not_judged_here() {
    let facts = with_credentials(|credentials| {
        credentials.steps.push(Step {
            provider: CredentialKind::InstanceMetadata,
            outcome: StepOutcome::Failed,
            reason: "no answer".into(),
            failure: Some(Failure {
                host: Some("169.254.169.254".into()),
                ..broken(FailureKind::TimedOut, "timed out after 1 s")
            }),
            cause: None,
        });
    });
    only(&CHECK, &facts, Status::Pass, None);
}

#[test]
fn an_answer_of_a_gateway_names_its_variable() {
    let mut facts = configured(|configuration| {
        configuration.runtime.endpoint = from_shell(
            "ANTHROPIC_BEDROCK_BASE_URL",
            "https://gw.example.com/bedrock".into(),
        );
    });
    facts.invocations = Observed::Failed(Failure {
        host: Some("gw.example.com".into()),
        ..broken(FailureKind::Http, "404 with an HTML page")
    });
    let finding = only(&CHECK, &facts, Status::Fail, Some("answer-not-from-aws"));
    assert_eq!(finding.owner, Owner::You);
    assert!(finding.fix[0].text.contains("ANTHROPIC_BEDROCK_BASE_URL"));
}

#[test]
fn is_left_out_offline() {
    let mut facts = Facts::at(now());
    facts.caller_identity = Observed::NotCollected(Absence::Offline);
    let finding = only(&CHECK, &facts, Status::NotApplicable, None);
    assert!(finding.left_out);
}

#[test]
fn cannot_tell_when_nobody_looked() {
    only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
}
