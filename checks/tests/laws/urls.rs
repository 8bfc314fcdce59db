//! URLs of endpoints and proxies, and `NO_PROXY`.

use bedrock_doctor_checks::claude_code::network::{bypasses, host_of, shown_url, userinfo};

const MARK: &str = "MARKED-SECRET";

/// The text is a URL, a password, and a list of hosts.
pub(crate) fn hold(text: &str) {
    let shown = shown_url(text);
    assert!(!shown.contains(['?', '#']), "{text:?}: {shown:?}");
    let once = shown_url(&format!("http://{text}"));
    assert_eq!(shown_url(&once), once.trim(), "{text:?}");
    assert!(userinfo(text).is_none_or(|userinfo| text.contains(userinfo)));
    let host = host_of(text);
    assert!(!host.contains(['/', '?', '#', '@']), "{text:?}: {host:?}");

    if !text.contains("MARKED") {
        as_password(text);
    }

    let name = "bedrock.us-east-1.amazonaws.com";
    assert!(bypasses(&format!("{text},*"), name) && bypasses(&format!("{name},{text}"), name));
    assert!(!bypasses(text, name) || bypasses(&format!("x.org,{text}"), name));
    let _any = bypasses(text, text);
}

fn as_password(text: &str) {
    // What belongs into the user part as it is: no delimiter that ends it.
    let encoded: String = text.chars().filter(|c| !"/?#".contains(*c)).collect();
    // What people paste without encoding it. With `@` or a dot before the delimiter it may as well be the host.
    let pasted: String = text.chars().filter(|c| !"@.[".contains(*c)).collect();
    for password in [encoded, pasted.replace("localhost", "")] {
        for (url, host) in [
            (
                format!("http://me:{MARK}{password}{MARK}@proxy.example.com:8080/x"),
                "proxy.example.com",
            ),
            (format!("https://{MARK}:{password}{MARK}@[::1]:8080"), "::1"),
            (
                format!("me:{MARK}{password}{MARK}@proxy.example.com:8080"),
                "proxy.example.com",
            ),
        ] {
            let shown = shown_url(&url);
            assert!(!shown.contains("MARKED"), "{url:?}: {shown:?}");
            assert_eq!(host_of(&url), host, "{url:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_what_looks_like_a_url(
            text in " ?(https?:)?/{0,3}([a-z]{0,3}[:@/?#]?[a-z%.]{0,3}@)?(\\[::1\\]|localhost|a\\.b|x)?(:[0-9]{0,5})?(/[a-z@]{0,4})?([?#][a-z@:/]{0,4})?",
        ) {
            hold(&text);
        }
    }
}
