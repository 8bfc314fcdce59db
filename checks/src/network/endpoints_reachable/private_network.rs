//! Networks where AWS is reached through VPC endpoints, and what one without all of them lacks.

use super::Broken;
use crate::claude_code::network::is_of_aws;
use crate::facts::{AddressKind, Connection, Facts};
use crate::finding::{Finding, Owner};
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

/// A host of AWS that is not reached in a network with VPC endpoints: its own lets nobody in, or is missing.
///
/// `what`: what became of it.
pub(super) fn lacks_endpoint(broken: &Broken<'_>, what: &str) -> Option<Finding> {
    let (host, facts) = (broken.host, broken.facts);
    if broken.proxy.as_ref().is_some() || !is_of_aws(host) {
        return None;
    }
    let addresses = facts
        .connections_to(host)
        .filter_map(|connection| connection.address);
    for address in addresses {
        if address.kind == AddressKind::Private {
            let what = format!(
                "`{host}` leads to a VPC endpoint, or to what other private DNS names, at {}, and no connection is made there: {what}",
                address.ip
            );
            return Some(closed(host, what));
        }
    }
    let other = answered_privately(facts).into_iter().next()?;
    let what = format!(
        "`{host}` cannot be reached ({what}), while `{}` is reached at {}: this network has a VPC endpoint for that service only",
        other.host, other.address?.ip
    );
    let missing = service(host).map_or_else(
        || format!("the interface VPC endpoint of `{host}`"),
        |service| format!("the interface VPC endpoint `{service}`"),
    );
    Some(
        Finding::fail("vpc-endpoint-wrong-service", what)
            .owner(Owner::NetworkTeam)
            .why("Claude Code needs a way to `bedrock-runtime` and to `bedrock`, and to `sts` or IAM Identity Center where the credentials come from there; each is a VPC endpoint of its own")
            .fix(format!(
                "create {missing} with private DNS in this network, or let `{host}` out to the internet"
            )),
    )
}

/// The VPC endpoint is there, and lets this machine not in.
fn closed(host: &str, what: String) -> Finding {
    Finding::fail("vpc-endpoint-closed", what)
        .owner(Owner::NetworkTeam)
        .why("the security group of a VPC endpoint decides who may connect to it")
        .fix(format!(
            "let this machine through the security group of the VPC endpoint of `{host}`, port 443, and see that its subnet has a route there"
        ))
}

/// The name of the service behind a host, as VPC endpoints have it: `com.amazonaws.us-east-1.bedrock`.
fn service(host: &str) -> Option<String> {
    let name = host.strip_suffix(".amazonaws.com")?;
    let (service, region) = name.rsplit_once('.')?;
    region
        .contains('-')
        .then(|| format!("com.amazonaws.{region}.{service}"))
}
