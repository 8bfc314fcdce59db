//! See [`Meta::docs`]. What each stage tells stands in a file of its own.

mod gateway;
mod inspection;
mod private_network;
mod proxy;
mod silence;
mod stranger;
mod tls;

use self::gateway::{garbled, only_unstreamed, works_unstreamed};
use super::{
    answered, asked_only_here, by_weight, invocations_answered, is_local_host, no_answer,
    only_a_warning,
};
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::facts::{
    AddressKind, AllFacts, CallerIdentity, Certificate, Configuration, Connection, Facts, Failure,
    FailureKind, InferenceProfiles, Invocation, Proxy, Value,
};
use crate::finding::{Basis, Finding, Owner};
use crate::probe::ProbeId;
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
Of a certificate that is not trusted: who issued it, which product for TLS inspection that is, for which names and
until when, and which file or store on this machine vouches for it.

## Why it matters

Claude Code repeats a request that does not arrive for about three minutes without a word.
Its last message names a code such as `ENOTFOUND` or `ECONNREFUSED`, but not the host.

## How to fix it

The stage that broke decides: DNS, TCP, proxy, TLS or HTTP.
For a certificate of a company's own, set `NODE_EXTRA_CA_CERTS` to the file with its root certificate;
Claude Code does not read `AWS_CA_BUNDLE`.
In a network without internet, Claude Code needs VPC endpoints for `bedrock-runtime` and `bedrock`, and for `sts`
or IAM Identity Center where the credentials come from there.
",
    };

    type Needs<'a> = (
        AllFacts<'a>,
        Seen<'a, Configuration>,
        Seen<'a, CallerIdentity>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Vec<Invocation>>,
        Seen<'a, Vec<Connection>>,
    );

    fn run((AllFacts(facts), ..): Self::Needs<'_>) -> Vec<Finding> {
        let mut judged: Vec<(&str, FailureKind)> = Vec::new();
        let mut findings = Vec::new();
        for (probe, failure) in by_weight(facts) {
            // The end of the whole run: nobody knows what was waited for.
            if failure.kind == FailureKind::TimedOut && failure.host.is_none() {
                continue;
            }
            let host = failure.host.as_deref().unwrap_or("the AWS endpoint");
            let unreached = matches!(answer(failure), Answer::Unreached);
            if unreached && !judged.contains(&(host, failure.kind)) {
                judged.push((host, failure.kind));
                let finding = Broken::new(facts, host, failure).judged();
                findings.push(if asked_only_here(facts, probe) {
                    only_a_warning(finding)
                } else if probe == ProbeId::InferenceProfiles && invocations_answered(facts) {
                    without_listing(finding)
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
        if services.is_empty() {
            return vec![no_answer(facts)];
        }
        let mut what = format!("answers came from {}", list(&services));
        for more in [inspection::seen(facts), private_network::seen(facts)] {
            what.extend(more.map(|more| format!("; {more}")));
        }
        vec![Finding::pass(what)]
    }
}

/// A question that did not arrive, and what is known of the way it took.
struct Broken<'a> {
    facts: &'a Facts,
    host: &'a str,
    failure: &'a Failure,
    configuration: Option<&'a Configuration>,
    proxy: Option<Value<Proxy>>,
    /// The certificate that was refused.
    certificate: Option<&'a Certificate>,
}

impl<'a> Broken<'a> {
    fn new(facts: &'a Facts, host: &'a str, failure: &'a Failure) -> Self {
        let configuration = facts.configuration.known();
        let certificates = facts
            .connections_to(host)
            .filter_map(|connection| connection.certificate.as_ref());
        Self {
            facts,
            host,
            failure,
            configuration,
            proxy: configuration.and_then(|configuration| proxy_for(configuration, facts, host)),
            certificate: certificates
                .filter(|certificate| certificate.problem.is_some())
                .last(),
        }
    }

    fn judged(&self) -> Finding {
        let message = &self.failure.message;
        let finding = match self.failure.kind {
            FailureKind::Dns => self.dns(),
            FailureKind::Tcp => self.tcp(),
            FailureKind::Proxy => proxy::refused(self),
            FailureKind::Tls if !says_dropped(message) => tls::refused(self),
            FailureKind::TimedOut => silence::timed_out(self),
            _ if says_dropped(message) => self.dropped(),
            _ => stranger::answered(self),
        };
        let detail = if message.is_empty() {
            format!("`{}` was called", self.host)
        } else {
            message.clone()
        };
        let finding = finding
            .subject(self.host)
            .evidence(Basis::Observed, detail)
            .request_id(self.failure.request_id.clone())
            .shared();
        let of_region = self
            .configuration
            .is_some_and(|configuration| self.host.contains(configuration.region.value.as_str()));
        if of_region {
            // A Region that does not exist has no names, and China has no name for invocations.
            finding
                .explained_by("region-exists")
                .explained_by("partition-matches-region")
        } else {
            finding
        }
    }

    fn dns(&self) -> Finding {
        let host = self.host;
        let message = reason(
            &self.failure.message,
            &[
                &format!("`{host}` could not be resolved: "),
                "failed to lookup address information: ",
            ],
        );
        if let Some(finding) = private_network::lacks_endpoint(self, message) {
            return finding;
        }
        let why_not = if says_no_server(message) {
            "; the DNS server of this machine cannot be reached, or failed itself"
        } else {
            ""
        };
        let finding = Finding::fail(
            "dns-lookup-failed",
            format!("the name `{host}` could not be resolved: {message}{why_not}"),
        )
        .owner(Owner::NetworkTeam)
        .why("Claude Code tries for about 3 minutes, then prints `Can't reach the API server — check your internet or DNS (ENOTFOUND)`");
        if let Some(proxy) = &self.proxy {
            // Through a proxy only the proxy asks for the name.
            return finding.fix(format!(
                "make `{host}` resolvable for {}: this machine's own DNS is not asked",
                named(proxy)
            ));
        }
        finding
        .fix("look first whether this machine is online and, where the company needs it, in its VPN")
        .fix_command(
            format!("make `{host}` resolvable on this machine: by public DNS, through a proxy, or as a VPC endpoint with private DNS"),
            format!("nslookup {}", shell_word(host)),
        )
    }

    fn tcp(&self) -> Finding {
        let host = self.host;
        let message = reason(
            &self.failure.message,
            &[&self.proxy_unreachable(), "no connection to "],
        );
        if let Some(finding) = private_network::lacks_endpoint(self, message) {
            return finding;
        }
        if let Some(finding) = self.led_astray() {
            return finding;
        }
        let finding = Finding::fail(
            "connection-refused",
            format!("no connection to `{host}`{}: {message}", self.through()),
        )
        .owner(Owner::NetworkTeam)
        .why("Claude Code tries for about 3 minutes, then prints `Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)`");
        match self.proxy.as_ref() {
            Some(proxy) if proxy::is_ones_own(proxy) && is_local_host(&host_of(&proxy.value.url)) => {
                let (_, address) = proxy
                    .value
                    .url
                    .split_once("://")
                    .unwrap_or(("", &proxy.value.url));
                finding.owner(Owner::You).fix(format!(
                    "correct {}, or start the proxy at {address}",
                    proxy.source.words()
                ))
            }
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

    /// A name of AWS that leads to this machine: so do entries in `/etc/hosts`, and DNS filters.
    fn led_astray(&self) -> Option<Finding> {
        let host = self.host;
        let address = self
            .facts
            .connections_to(host)
            .find_map(|connection| connection.address)?;
        let astray = address.kind == AddressKind::Loopback && self.proxy.is_none();
        (astray && is_of_aws(host)).then(|| {
            Finding::fail(
                "name-leads-to-this-machine",
                format!(
                    "the name `{host}` leads to this machine itself ({}), and no connection is made there",
                    address.ip
                ),
            )
            .owner(Owner::NetworkTeam)
            .why("a DNS filter answers like this for names that it blocks, and so does an entry in `/etc/hosts`")
            .fix_command(
                "look first whether an entry of this machine says so, and remove it",
                format!("grep -n {} /etc/hosts", shell_word(host)),
            )
            .fix(format!("else let the DNS filter answer for `{host}` as AWS does"))
        })
    }

    fn dropped(&self) -> Finding {
        let (host, message) = (self.host, &self.failure.message);
        Finding::fail(
            "connection-reset",
            format!("the connection to `{host}`{} was dropped: {message}", self.through()),
        )
        .owner(Owner::NetworkTeam)
        .why("a firewall or proxy that does not allow the host often ends connections like this; Claude Code tries for about 3 minutes without a word. Nothing is known of the credentials")
        .fix_command(
            format!("let this machine talk to `{host}`, port 443, without interruption; this shows where it stops"),
            self.curl(),
        )
    }

    /// What a failure says of a proxy that is named already.
    fn proxy_unreachable(&self) -> String {
        self.proxy.as_ref().map_or_else(String::new, |proxy| {
            format!("the proxy `{}` cannot be reached: ", proxy.value.url)
        })
    }

    fn through(&self) -> String {
        self.proxy
            .as_ref()
            .as_ref()
            .map_or_else(String::new, |proxy| format!(" through {}", named(proxy)))
    }

    /// The command that shows where a connection stops.
    fn curl(&self) -> String {
        format!("curl -sv -o /dev/null -m 10 https://{}/", self.host)
    }
}

/// What went wrong, without what the sentence before it has said already.
fn reason<'a>(message: &'a str, said: &[&str]) -> &'a str {
    said.iter().fold(message, |rest, known| {
        rest.strip_prefix(known).unwrap_or(rest)
    })
}

/// Whether no DNS server answered: `EAI_AGAIN`, in the words of the C libraries and of Windows.
fn says_no_server(message: &str) -> bool {
    let lower = message.to_lowercase();
    ["temporary failure", "try again", "temporary error"]
        .iter()
        .any(|words| lower.contains(words))
}

/// Whether a connection that stood was closed from the other side.
fn says_dropped(message: &str) -> bool {
    [
        "was reset",
        "was closed during",
        "was closed before",
        "connection closed before",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Claude Code goes on without the list of inference profiles.
fn without_listing(mut finding: Finding) -> Finding {
    finding = only_a_warning(finding);
    finding.why(
        // Seen with 2.1.330, when the host was silent.
        "Bedrock itself answers. Claude Code waits for the list of inference profiles at every start, about 8 s where nothing comes, and goes on without it: it then puts the Region's prefix before model ids unchecked",
    )
}

/// The proxy that requests to a host go through.
fn proxy_for(configuration: &Configuration, facts: &Facts, host: &str) -> Option<Value<Proxy>> {
    let direct = |connection: &Connection| connection.proxy.is_none();
    if facts.connections_to(host).any(direct) {
        return None;
    }
    let mut routes = configuration.routes();
    let route = routes.find(|route| host_of(&route.endpoint.value) == host);
    let proxy = route.map_or(&configuration.credentials_proxy, |route| &route.proxy);
    let Value { value, source, .. } = proxy.clone();
    Some(Value::new(value?, source))
}

fn named(proxy: &Value<Proxy>) -> String {
    format!("the proxy `{}` ({})", proxy.value.url, proxy.source.words())
}

#[cfg(test)]
mod tests;
