//! Networks where AWS is reached through VPC endpoints, and what one without all of them lacks.

use super::Broken;
use crate::facts::{AddressKind, Connection, Facts};
use crate::finding::{Finding, Owner};
use crate::network::is_of_aws;
use crate::text::list;

/// The hosts of AWS that answered at a private address.
fn answered_privately(facts: &Facts) -> Vec<&Connection> {
    let is_private = |connection: &&Connection| {
        connection.was_answered()
            && connection.proxy.is_none()
            && is_of_aws(&connection.host)
            && connection
                .address
                .is_some_and(|address| address.kind == AddressKind::Private)
    };
    let all = facts.connections.known().into_iter().flatten();
    all.filter(is_private).collect()
}

/// The hosts that are reached through VPC endpoints, in words.
pub(super) fn seen(facts: &Facts) -> Option<String> {
    let hosts: Vec<String> = answered_privately(facts)
        .into_iter()
        .filter_map(|connection| {
            let ip = connection.address?.ip;
            Some(format!("`{}` at {ip}", connection.host))
        })
        .collect();
    (!hosts.is_empty()).then(|| {
        format!(
            "through a VPC endpoint or other private DNS: {}",
            list(&hosts)
        )
    })
}

/// A host of AWS that is not reached where another one is, at a private address: its VPC endpoint is missing.
///
/// `what`: what became of it.
pub(super) fn lacks_endpoint(broken: &Broken<'_>, what: &str) -> Option<Finding> {
    let (host, facts) = (broken.host, broken.facts);
    if broken.proxy.as_ref().is_some() || !is_of_aws(host) {
        return None;
    }
    let here = facts
        .connections_to(host)
        .filter_map(|connection| connection.address)
        .any(|address| address.kind == AddressKind::Private);
    let other = answered_privately(facts).into_iter().next()?;
    let (other, ip) = (&other.host, other.address?.ip);
    let finding = |what: String| {
        Finding::fail("vpc-endpoint-wrong-service", what)
            .owner(Owner::NetworkTeam)
            .why("Claude Code needs a way to `bedrock-runtime` and to `bedrock`, and to `sts` or IAM Identity Center where the credentials come from there; each is a VPC endpoint of its own")
    };
    if here {
        let what = format!(
            "the VPC endpoint of `{host}` does not let this machine in ({what}), while that of `{other}` does"
        );
        return Some(finding(what).fix(format!(
            "let this machine through the security group of the VPC endpoint of `{host}`, port 443"
        )));
    }
    let what = format!(
        "`{host}` cannot be reached ({what}), while `{other}` is reached at {ip}: this network has a VPC endpoint for that service only"
    );
    let finding = finding(what);
    Some(match service(host) {
        Some(service) => finding.fix(format!(
            "create the interface VPC endpoint `{service}` with private DNS in this network, or let `{host}` out to the internet"
        )),
        None => finding.fix(format!(
            "create the interface VPC endpoint of `{host}` with private DNS in this network, or let it out to the internet"
        )),
    })
}

/// The name of the service behind a host, as VPC endpoints have it: `com.amazonaws.us-east-1.bedrock`.
fn service(host: &str) -> Option<String> {
    let name = host.strip_suffix(".amazonaws.com")?;
    let (service, region) = name.rsplit_once('.')?;
    region
        .contains('-')
        .then(|| format!("com.amazonaws.{region}.{service}"))
}
