//! What a time-out means, by the stage that was waited for.

use super::{Broken, private_network};
use crate::facts::Stage;
use crate::finding::{Finding, Owner};
use crate::text::shell_word;

pub(super) fn timed_out(broken: &Broken<'_>) -> Finding {
    let (host, message) = (broken.host, &broken.failure.message);
    let words = if message.to_lowercase().contains("timed out") {
        message.replace(&format!("`{host}` was silent while "), "")
    } else {
        format!("timed out ({message})")
    };
    let stage = broken.failure.waited_for;
    if matches!(stage, Some(Stage::Dns | Stage::Tcp))
        && let Some(finding) = private_network::lacks_endpoint(broken, &words)
    {
        return finding;
    }
    let finding = Finding::fail(
        "request-timeout-or-stall",
        format!("no answer from `{host}`{}: {words}", broken.through()),
    )
    .owner(Owner::NetworkTeam);
    let why = |what: &str| {
        format!(
            "{what}; Claude Code waits and tries again without a word. Nothing is known of the credentials"
        )
    };
    match (stage, broken.proxy.as_ref()) {
        (Some(Stage::Dns), None) => finding
            .why(why("the DNS server of this machine does not answer"))
            .fix("look first whether this machine is online and, where the company needs it, in its VPN")
            .fix_command(
                "see that the DNS server of this machine answers",
                format!("nslookup {}", shell_word(host)),
            ),
        (Some(Stage::Dns | Stage::Tcp | Stage::Proxy), Some(proxy)) => finding
            .why(why("the proxy does not answer"))
            .fix(format!(
                "see that the proxy runs, that {} names it rightly, and that it can reach `{host}`",
                proxy.source.words()
            )),
        (Some(Stage::Tls), _) => finding
            .why(why("something takes the connection and then says nothing: a firewall that inspects TLS, or one that drops large packets"))
            .fix_command(
                format!("let TLS to `{host}` pass, port 443; this shows where it stops"),
                broken.curl(),
            ),
        (Some(Stage::Answer | Stage::Body), _) => finding
            .why(why("the connection stands, but the answer does not come: something in between holds requests or answers back"))
            .fix_command(
                format!("let requests to `{host}` and their answers pass unbuffered; this shows where it stops"),
                broken.curl(),
            ),
        _ => finding
            .why(why("packets that a firewall drops look like this"))
            .fix_command(
                format!("let this machine open connections to `{host}`, port 443; this shows where it stops"),
                broken.curl(),
            ),
    }
}
