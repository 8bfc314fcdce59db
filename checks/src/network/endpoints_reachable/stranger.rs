//! What it means when something else than AWS answers: a sign-in page, a filter, a gateway.

use super::gateway::mixed_up;
use super::{Broken, reason};
use crate::claude_code::network::host_of;
use crate::facts::{NOT_SENT, SourceKind, Value};
use crate::finding::{Finding, Owner};

pub(super) fn answered(broken: &Broken<'_>) -> Finding {
    let (host, failure) = (broken.host, broken.failure);
    let gateway = gateway(broken);
    if failure.message == NOT_SENT {
        return unusable(host, gateway);
    }
    if let Some(finding) = mixed_up(host, failure, broken.configuration) {
        return finding;
    }
    let said = reason(&failure.message, &["an answer that is not AWS's: "]);
    let what = format!("what came back from `{host}` is no answer of AWS: {said}");
    let content_type = failure
        .stranger
        .as_ref()
        .and_then(|stranger| stranger.content_type.as_deref());
    let is_page = content_type.is_some_and(|kind| kind.to_lowercase().contains("text/html"));
    if let Some(endpoint) = gateway
        && is_page
        // Any other status is an error of the gateway itself.
        && matches!(failure.status, Some(200..=403))
    {
        let title = failure
            .stranger
            .as_ref()
            .and_then(|stranger| stranger.page_title.as_ref());
        let titled = title.map_or_else(String::new, |title| format!(" (\"{title}\")"));
        return Finding::fail(
            "answer-not-from-aws",
            format!("`{host}` answered with a web page{titled}"),
        )
        .why("Claude Code needs answers in the form of AWS's; nothing is known of credentials or permissions")
        .fix(format!(
            "sign in to the gateway, or correct {} (`{}`)",
            endpoint.source.words(),
            endpoint.value
        ));
    }
    if let Some(endpoint) = gateway {
        return Finding::fail("answer-not-from-aws", what)
            .why("it says nothing about credentials or permissions")
            .fix(format!(
                "correct {} (`{}`): what answers there does not speak the API that Claude Code asks",
                endpoint.source.words(),
                endpoint.value
            ));
    }
    match failure.status {
        // 511: Network Authentication Required.
        Some(511 | 300..=399) => sign_in(host, what),
        Some(200..=299) if is_page => sign_in(host, what),
        _ => Finding::fail("answer-not-from-aws", what)
            .owner(Owner::NetworkTeam)
            .why("a proxy or web filter in between answered. It says nothing about credentials or permissions")
            .fix(format!("let requests to `{host}` pass unchanged")),
    }
}

/// A page for people, where a program asked.
fn sign_in(host: &str, what: String) -> Finding {
    Finding::fail("captive-portal", what)
        .why("the network wants somebody to sign in before it lets requests pass. It says nothing about credentials or permissions")
        .fix(format!(
            "open `https://{host}/` in a browser and sign in to the network on the page that appears"
        ))
        .fix(format!(
            "if that page blocks rather than asks, the network team must let requests to `{host}` pass unchanged"
        ))
}

/// An address that no request can go to.
fn unusable(host: &str, gateway: Option<&Value<String>>) -> Finding {
    match gateway {
        Some(endpoint) => Finding::fail(
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
        None => Finding::fail(
            "endpoint-url-unusable",
            format!("`{host}` is no address that requests can go to"),
        )
        .fix("correct the variable or the setting that names it, as `https://HOST`"),
    }
}

/// The endpoint that was configured in the place of AWS's own.
fn gateway<'a>(broken: &Broken<'a>) -> Option<&'a Value<String>> {
    broken
        .configuration?
        .routes()
        .map(|route| &route.endpoint)
        .find(|endpoint| {
            endpoint.source.kind != SourceKind::Default && host_of(&endpoint.value) == broken.host
        })
}
