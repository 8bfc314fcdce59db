//! What a proxy's answer to CONNECT means: 407, a refusal, a proxy that cannot go on, and silence.

use super::{Broken, named, reason, says_no_server};
use crate::facts::{Proxy, SourceKind, Value};
use crate::finding::{Finding, Owner};

const WHY: &str = "Claude Code tries for about 3 minutes, then prints `Couldn't connect through your proxy (ERR_PROXY_TUNNEL)`";

pub(super) fn refused(broken: &Broken<'_>) -> Finding {
    let message = &broken.failure.message;
    if let Some((_, problem)) = message.split_once("cannot be used: ") {
        return unusable(broken, problem);
    }
    match broken.failure.status {
        None => silent(broken),
        Some(407) => wants_credentials(broken),
        Some(502..=504) => cannot_go_on(broken),
        Some(_) => forbidden(broken),
    }
}

/// Whether it stands where the person at this machine may change it.
pub(super) fn is_ones_own(proxy: &Value<Proxy>) -> bool {
    proxy.source.kind != SourceKind::ManagedSettings
}

/// The proxy as the subject of a sentence.
fn the_proxy(broken: &Broken<'_>) -> String {
    broken
        .proxy
        .as_ref()
        .map_or_else(|| "the proxy".to_owned(), named)
}

/// What the proxy said: `403 Forbidden`.
fn said<'a>(broken: &Broken<'a>) -> &'a str {
    let refused = format!("refused the tunnel to `{}`: ", broken.host);
    let message = &broken.failure.message;
    message
        .split_once(&refused)
        .map_or(message.as_str(), |(_, said)| said)
}

fn unusable(broken: &Broken<'_>, problem: &str) -> Finding {
    let write = "as `http://HOST:PORT`, or remove it";
    Finding::fail(
        "proxy-url-unusable",
        format!("{} cannot be used: {problem}", the_proxy(broken)),
    )
    .why("every request goes to this proxy first")
    .fix(match broken.proxy.as_ref() {
        Some(proxy) => format!("write {} {write}", proxy.source.words()),
        None => format!("write the proxy {write}"),
    })
}

/// The proxy said nothing at all: its name is unknown, or it hung up.
fn silent(broken: &Broken<'_>) -> Finding {
    let message = reason(&broken.failure.message, &[&broken.proxy_unreachable()]);
    let message = message.replace("failed to lookup address information: ", "");
    let own = broken.proxy.as_ref().filter(|proxy| is_ones_own(proxy));
    let unknown_name =
        own.is_some() && message.contains("could not be resolved") && !says_no_server(&message);
    Finding::fail(
        "proxy-gives-no-answer",
        format!(
            "no tunnel to `{}`{}: {message}",
            broken.host,
            broken.through()
        ),
    )
    .owner(if unknown_name {
        Owner::You
    } else {
        Owner::NetworkTeam
    })
    .why(WHY)
    .fix(broken.proxy.as_ref().map_or_else(
        || "see that the proxy runs".to_owned(),
        |proxy| {
            if unknown_name {
                return format!(
                    "correct {}, or join the network (VPN) in which that name is known",
                    proxy.source.words()
                );
            }
            format!(
                "see that the proxy runs and that {} names it rightly",
                proxy.source.words()
            )
        },
    ))
}

/// A 502, 503 or 504: the proxy would, but gets no connection itself.
fn cannot_go_on(broken: &Broken<'_>) -> Finding {
    let host = broken.host;
    Finding::fail(
        "proxy-cannot-reach-host",
        format!(
            "{} itself gets no connection to `{host}`: {}",
            the_proxy(broken),
            said(broken)
        ),
    )
    .owner(Owner::NetworkTeam)
    .why(WHY)
    .fix(format!(
        "let the proxy resolve `{host}` and open connections to it, port 443"
    ))
}

fn forbidden(broken: &Broken<'_>) -> Finding {
    let host = broken.host;
    // Another host may decide for this one, as that of STS does for every call that gets credentials.
    let excepted = if host.ends_with(".amazonaws.com") {
        ".amazonaws.com"
    } else {
        host
    };
    Finding::fail(
        "proxy-refused-tunnel",
        format!(
            "{} refused the tunnel to `{host}`: {}",
            the_proxy(broken),
            said(broken)
        ),
    )
    .owner(Owner::NetworkTeam)
    .why(WHY)
    .fix(format!("allow `CONNECT {host}:443` on the proxy"))
    .fix(format!(
        "or, if this machine reaches AWS without the proxy, add `{excepted}` to `NO_PROXY`"
    ))
}

fn wants_credentials(broken: &Broken<'_>) -> Finding {
    let host = broken.host;
    let finding = |state: &str| {
        Finding::fail(
            "proxy-wants-credentials",
            format!(
                "{} {state} before it opens a tunnel to `{host}` (407)",
                the_proxy(broken)
            ),
        )
        .why(WHY)
    };
    if let Some(schemes) = schemes(said(broken)).filter(|schemes| !schemes.contains("Basic")) {
        return finding(&format!("wants a sign-in that Claude Code cannot make ({schemes})"))
            .owner(Owner::NetworkTeam)
            .fix(format!(
                "let the proxy open tunnels to `{host}` without a sign-in, or with user name and password (Basic)"
            ))
            .fix("or run a small proxy on this machine that signs in for you, such as `px` or `cntlm`, and name it in `HTTPS_PROXY`");
    }
    match broken.proxy.as_ref() {
        Some(proxy) if proxy.value.has_credentials => {
            finding("does not accept the credentials in its URL").fix(format!(
                "correct user name and password in {} (special characters percent-encoded)",
                proxy.source.words()
            ))
        }
        Some(proxy) => {
            let url = &proxy.value.url;
            let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
            finding("wants credentials").fix(format!(
                "add them to {}: `{scheme}://USER:PASSWORD@{address}`",
                proxy.source.words()
            ))
        }
        None => finding("wants credentials")
            .fix("add them to the proxy's URL: `http://USER:PASSWORD@HOST:PORT`"),
    }
}

/// The ways to sign in that a proxy offers.
fn schemes(said: &str) -> Option<&str> {
    let (_, schemes) = said.split_once("(it accepts ")?;
    schemes.strip_suffix(')')
}
