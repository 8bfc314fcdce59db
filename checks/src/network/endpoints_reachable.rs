//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

mod gateway;
mod tls;

use self::gateway::{garbled, mixed_up, only_unstreamed, works_unstreamed};
use self::tls::tls;
use super::{answered, asked_only_here, aws_failures, no_answer, only_a_warning};
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen};
use crate::claude_code::network::host_of;
use crate::facts::{
    AllFacts, CallerIdentity, Configuration, Failure, FailureKind, InferenceProfiles, Invocation,
    NOT_SENT, Proxy, SourceKind, Value,
};
use crate::finding::{Basis, Finding, Owner};
use crate::text::{list, shell_word};

/// See [`Meta::docs`].
pub(crate) struct EndpointsReachable;

impl Check for EndpointsReachable {
    const META: &'static Meta = &Meta {
        id: "endpoints-reachable",
        family: Family::Network,
        title: "the AWS endpoints can be reached",
        file: file!(),
        docs: "
## What it looks at

Every call of this checkup: whether the name was resolved, the connection made, the tunnel through the
proxy granted, the certificate trusted, and whether what came back was an answer of AWS.

## Why it matters

Claude Code repeats a request that does not arrive for about three minutes without a word.
Its last message names a code such as `ENOTFOUND` or `ECONNREFUSED`, but not the host.

## How to fix it

The stage that broke decides: DNS, TCP, proxy, TLS or HTTP.
For a certificate of a company's own, set `NODE_EXTRA_CA_CERTS` to the file with its root certificate;
Claude Code does not read `AWS_CA_BUNDLE`.
",
    };

    type Needs<'a> = (
        AllFacts<'a>,
        Seen<'a, Configuration>,
        Seen<'a, CallerIdentity>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Vec<Invocation>>,
    );

    fn run((AllFacts(facts), Seen(configuration), ..): Self::Needs<'_>) -> Vec<Finding> {
        let mut judged: Vec<(&str, FailureKind)> = Vec::new();
        let mut findings = Vec::new();
        for (probe, failure) in aws_failures(facts) {
            // The end of the whole run: nobody knows what was waited for.
            if failure.kind == FailureKind::TimedOut && failure.host.is_none() {
                continue;
            }
            let host = failure.host.as_deref().unwrap_or("the AWS endpoint");
            let unreached = matches!(answer(failure), Answer::Unreached);
            if unreached && !judged.contains(&(host, failure.kind)) {
                judged.push((host, failure.kind));
                let finding = judge(host, failure, configuration.known()).subject(host);
                findings.push(if asked_only_here(facts, probe) {
                    only_a_warning(finding)
                } else if works_unstreamed(facts, failure) {
                    only_unstreamed(finding)
                } else {
                    finding
                });
            }
        }
        findings.extend(garbled(facts));
        if !findings.is_empty() {
            return findings;
        }
        let services = answered(facts);
        vec![if services.is_empty() {
            no_answer(facts)
        } else {
            Finding::pass(format!("answers came from {}", list(&services)))
        }]
    }
}

fn judge(host: &str, failure: &Failure, configuration: Option<&Configuration>) -> Finding {
    let proxy = configuration.and_then(|configuration| proxy_for(configuration, host));
    let message = &failure.message;
    let finding = match failure.kind {
        FailureKind::Dns => dns(host, message),
        FailureKind::Tcp => tcp(host, message, proxy),
        FailureKind::Proxy => refused_tunnel(host, failure, proxy),
        FailureKind::Tls if !says_dropped(message) => tls(host, message, configuration),
        FailureKind::TimedOut => timed_out(host, message, proxy),
        _ if says_dropped(message) => dropped(host, message, proxy),
        _ => not_from_aws(host, failure, configuration),
    };
    let detail = if message.is_empty() {
        format!("`{host}` was called")
    } else {
        message.clone()
    };
    let finding = finding
        .evidence(Basis::Observed, detail)
        .request_id(failure.request_id.clone())
        .shared();
    let of_region = configuration
        .is_some_and(|configuration| host.contains(configuration.region.value.as_str()));
    if of_region {
        // A Region that does not exist has no names, and China has no name for invocations.
        finding
            .explained_by("region-exists")
            .explained_by("partition-matches-region")
    } else {
        finding
    }
}

/// What went wrong, without what the sentence before it has said already.
fn reason<'a>(message: &'a str, said: &[&str]) -> &'a str {
    said.iter().fold(message, |rest, known| {
        rest.strip_prefix(known).unwrap_or(rest)
    })
}

fn dns(host: &str, message: &str) -> Finding {
    let message = reason(
        message,
        &[
            &format!("`{host}` could not be resolved: "),
            "failed to lookup address information: ",
        ],
    );
    Finding::fail(
        "dns-lookup-failed",
        format!("the name `{host}` could not be resolved: {message}"),
    )
    .owner(Owner::NetworkTeam)
    .why("Claude Code tries for about 3 minutes, then prints `Can't reach the API server — check your internet or DNS (ENOTFOUND)`")
    .fix("look first whether this machine is online and, where the company needs it, in its VPN")
    .fix_command(
        format!("make `{host}` resolvable on this machine: by public DNS, through a proxy, or as a VPC endpoint with private DNS"),
        format!("nslookup {}", shell_word(host)),
    )
}

fn tcp(host: &str, message: &str, proxy: Option<&Value<Proxy>>) -> Finding {
    let message = reason(message, &[&unreachable(proxy), "no connection to "]);
    let finding = Finding::fail(
        "connection-refused",
        format!("no connection to `{host}`{}: {message}", through(proxy)),
    )
    .owner(Owner::NetworkTeam)
    .why("Claude Code tries for about 3 minutes, then prints `Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)`");
    match proxy {
        Some(proxy) => finding.fix(format!(
            "see that the proxy `{}` runs and that {} names it rightly",
            proxy.value.url,
            proxy.source.words()
        )),
        None => finding.fix(format!(
            "let this machine open connections to `{host}`, port 443, or set `HTTPS_PROXY` to the proxy that may"
        )),
    }
}

/// What a failure says of a proxy that is named already.
fn unreachable(proxy: Option<&Value<Proxy>>) -> String {
    proxy.map_or_else(String::new, |proxy| {
        format!("the proxy `{}` cannot be reached: ", proxy.value.url)
    })
}

/// Whether a connection that stood was closed from the other side.
fn says_dropped(message: &str) -> bool {
    ["was reset", "was closed during", "connection closed before"]
        .iter()
        .any(|words| message.contains(words))
}

fn dropped(host: &str, message: &str, proxy: Option<&Value<Proxy>>) -> Finding {
    Finding::fail(
        "connection-reset",
        format!("the connection to `{host}`{} was dropped: {message}", through(proxy)),
    )
    .owner(Owner::NetworkTeam)
    .why("a firewall or proxy that does not allow the host often ends connections like this; Claude Code tries for about 3 minutes without a word. Nothing is known of the credentials")
    .fix_command(
        format!("let this machine talk to `{host}`, port 443, without interruption; this shows where it stops"),
        format!("curl -sv -o /dev/null -m 10 https://{host}/"),
    )
}

fn refused_tunnel(host: &str, failure: &Failure, proxy: Option<&Value<Proxy>>) -> Finding {
    let message = &failure.message;
    // A word of its own: the port of the proxy may begin with it.
    let says_407 = || message.split_whitespace().any(|word| word == "407");
    let wants_credentials = failure.status.map_or_else(says_407, |status| status == 407);
    let by = proxy.map_or_else(|| "the proxy".to_owned(), named);
    let why = "Claude Code tries for about 3 minutes, then prints `Couldn't connect through your proxy (ERR_PROXY_TUNNEL)`";
    if let Some((_, problem)) = message.split_once("cannot be used: ") {
        return Finding::fail(
            "proxy-url-unusable",
            format!("{by} cannot be used: {problem}"),
        )
        .why("every request goes to this proxy first")
        .fix(match proxy {
            Some(proxy) => format!(
                "write {} as `http://HOST:PORT`, or remove it",
                proxy.source.words()
            ),
            None => "write the proxy as `http://HOST:PORT`, or remove it".to_owned(),
        });
    }
    // The proxy said nothing at all: its name is unknown, it hung up, or its URL cannot be used.
    if failure.status.is_none() && !wants_credentials {
        let fix = proxy.map_or_else(
            || "see that the proxy runs".to_owned(),
            |proxy| {
                format!(
                    "see that the proxy runs and that {} names it rightly",
                    proxy.source.words()
                )
            },
        );
        let message = reason(message, &[&unreachable(proxy)]);
        let message = message.replace("failed to lookup address information: ", "");
        return Finding::fail(
            "proxy-refused-tunnel",
            format!("no tunnel to `{host}`{}: {message}", through(proxy)),
        )
        .owner(Owner::NetworkTeam)
        .why(why)
        .fix(fix);
    }
    if !wants_credentials {
        let said = message.split_once(&format!("refused the tunnel to `{host}`: "));
        let reason = said.map_or(message.as_str(), |(_, reason)| reason);
        return Finding::fail(
            "proxy-refused-tunnel",
            format!("{by} refused the tunnel to `{host}`: {reason}"),
        )
        .owner(Owner::NetworkTeam)
        .why(why)
        .fix(format!("allow `CONNECT {host}:443` on the proxy"))
        .fix(format!(
            "or, if this machine reaches AWS without the proxy, add `{host}` to `NO_PROXY`"
        ));
    }
    let (state, fix) = match proxy {
        Some(proxy) if proxy.value.has_credentials => (
            "does not accept the credentials in its URL",
            format!(
                "correct user name and password in {} (special characters percent-encoded)",
                proxy.source.words()
            ),
        ),
        Some(proxy) => (
            "wants credentials",
            format!(
                "add them to {}: `http://USER:PASSWORD@{}`",
                proxy.source.words(),
                proxy.value.url.trim_start_matches("http://")
            ),
        ),
        None => (
            "wants credentials",
            "add them to the proxy's URL: `http://USER:PASSWORD@HOST:PORT`".to_owned(),
        ),
    };
    Finding::fail(
        "proxy-refused-tunnel",
        format!("{by} {state} before it opens a tunnel to `{host}` (407)"),
    )
    .why(why)
    .fix(fix)
}

fn timed_out(host: &str, message: &str, proxy: Option<&Value<Proxy>>) -> Finding {
    let words = if message.to_lowercase().contains("timed out") {
        message.replace(&format!("`{host}` was silent while "), "")
    } else {
        format!("timed out ({message})")
    };
    Finding::fail(
        "request-timeout-or-stall",
        format!("no answer from `{host}`{}: {words}", through(proxy)),
    )
    .owner(Owner::NetworkTeam)
    .why("packets that a firewall drops look like this; Claude Code waits and tries again without a word. Nothing is known of the credentials")
    .fix_command(
        format!("let this machine open connections to `{host}`, port 443; this shows where it stops"),
        format!("curl -sv -o /dev/null -m 10 https://{host}/"),
    )
}

fn not_from_aws(host: &str, failure: &Failure, configuration: Option<&Configuration>) -> Finding {
    if let Some(finding) = mixed_up(host, failure, configuration) {
        return finding;
    }
    let unusable = failure.message == NOT_SENT;
    let finding = Finding::fail(
        "answer-not-from-aws",
        format!("what came back from `{host}` is no answer of AWS: {}", reason(&failure.message, &["an answer that is not AWS's: "])),
    )
    .why("something in between answered: a sign-in page, a proxy, a gateway. It says nothing about credentials or permissions");
    let gateway = configuration.into_iter().find_map(|configuration| {
        [&configuration.runtime, &configuration.bedrock]
            .into_iter()
            .map(|route| &route.endpoint)
            .find(|endpoint| {
                endpoint.source.kind != SourceKind::Default && host_of(&endpoint.value) == host
            })
    });
    match gateway {
        Some(endpoint) if unusable => Finding::fail(
            "endpoint-url-unusable",
            format!(
                "`{}`, from {}, is no URL that requests can go to",
                endpoint.value,
                endpoint.source.words()
            ),
        )
        .fix(format!(
            "write {} as `https://HOST`, or remove it",
            endpoint.source.words()
        )),
        None if unusable => Finding::fail(
            "endpoint-url-unusable",
            format!("`{host}` is no address that requests can go to"),
        )
        .fix("correct the variable or the setting that names it, as `https://HOST`"),
        Some(endpoint) => finding.fix(format!(
            "correct {} (`{}`): what answers there does not speak Bedrock's API",
            endpoint.source.words(),
            endpoint.value
        )),
        None => finding
            .owner(Owner::NetworkTeam)
            .fix(format!("let requests to `{host}` pass unchanged; if the network has a sign-in page, sign in first")),
    }
}

/// The proxy that requests to a host go through.
fn proxy_for<'a>(configuration: &'a Configuration, host: &str) -> Option<&'a Value<Proxy>> {
    let runtime = &configuration.runtime;
    let route = if host_of(&runtime.endpoint.value) == host {
        runtime
    } else {
        &configuration.bedrock
    };
    route.proxy.as_ref()
}

fn named(proxy: &Value<Proxy>) -> String {
    format!("the proxy `{}` ({})", proxy.value.url, proxy.source.words())
}

fn through(proxy: Option<&Value<Proxy>>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through {}", named(proxy)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, CaFile, CredentialKind, Facts, Observed, Step, StepOutcome};
    use crate::finding::{Explanation, Status};
    use crate::sample::{
        configured, from_shell, healthy, invoked, now, only, refusal, with_credentials,
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
        configured(|configuration| {
            let proxy = Proxy {
                url: "http://proxy.example.com:3128".into(),
                has_credentials,
            };
            configuration.runtime.proxy = Some(from_shell("HTTPS_PROXY", proxy));
        })
    }

    fn with_ca(files: &[(&str, bool, Option<&str>)]) -> Facts {
        configured(|configuration| {
            configuration.ca_files = files
                .iter()
                .map(|(variable, honoured, problem)| CaFile {
                    variable: (*variable).into(),
                    path: from_shell(variable, "/etc/company.pem".into()),
                    honoured: *honoured,
                    problem: problem.map(str::to_owned),
                })
                .collect();
        })
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
            FailureKind::Proxy,
            "403 Forbidden",
            "proxy-refused-tunnel",
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
            "proxy-refused-tunnel",
            Owner::NetworkTeam,
        );
        assert!(finding.what.starts_with("no tunnel to"), "{finding:#?}");
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
        let message = "407 Proxy Authentication Required";
        for (has_credentials, words) in [(false, "wants credentials"), (true, "does not accept")] {
            let facts = with_proxy(has_credentials);
            let finding = check(
                facts,
                FailureKind::Proxy,
                message,
                "proxy-refused-tunnel",
                Owner::You,
            );
            assert!(finding.what.contains(words), "{finding:#?}");
            assert!(
                finding.what.contains("`HTTPS_PROXY` in the environment"),
                "{finding:#?}"
            );
        }
    }

    #[test]
    fn tells_the_three_ways_a_certificate_is_refused_apart() {
        let (tls, network) = (FailureKind::Tls, Owner::NetworkTeam);
        let finding = check(
            healthy(),
            tls,
            "invalid peer certificate: UnknownIssuer, issued by `CN=Acme Root`",
            "tls-inspection-untrusted-ca",
            Owner::You,
        );
        assert!(
            finding.what.contains("issued by `CN=Acme Root`"),
            "{finding:#?}"
        );
        let invalid = "tls-certificate-invalid";
        let expired = check(
            healthy(),
            tls,
            "invalid peer certificate: Expired",
            invalid,
            network,
        );
        assert!(expired.what.contains("time"));
        let name = "certificate not valid for name \"bedrock\"; certificate is only valid for x";
        check(healthy(), tls, name, invalid, network);
        check(
            healthy(),
            tls,
            "received fatal alert: HandshakeFailure",
            invalid,
            network,
        );
    }

    #[test]
    fn says_when_the_bundle_is_for_the_aws_cli_only() {
        let (tls, message) = (FailureKind::Tls, "invalid peer certificate: UnknownIssuer");
        let only_bundle = with_ca(&[("AWS_CA_BUNDLE", false, None)]);
        let finding = check(
            only_bundle,
            tls,
            message,
            "aws-ca-bundle-not-honoured",
            Owner::You,
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export NODE_EXTRA_CA_CERTS=\"$AWS_CA_BUNDLE\"")
        );
        let missing = with_ca(&[
            ("NODE_EXTRA_CA_CERTS", true, Some("no such file")),
            ("AWS_CA_BUNDLE", false, None),
        ]);
        let finding = check(
            missing,
            tls,
            message,
            "tls-inspection-untrusted-ca",
            Owner::You,
        );
        assert!(finding.fix[0].text.contains("no such file"));
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
}
