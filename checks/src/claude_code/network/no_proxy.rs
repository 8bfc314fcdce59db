//! What `NO_PROXY` excepts: Claude Code reads it in two ways.

use super::{host_of, without_credentials};

/// Whether a `NO_PROXY` list names the endpoint of a client of the AWS SDK: `*` alone, `.amazonaws.com`, or the whole host,
/// with or without its port. A domain without a dot before it is a host like any other (seen, 2.1.330).
pub(super) fn names(list: &str, endpoint: &str) -> bool {
    let host = host_of(endpoint).to_ascii_lowercase();
    let (_, rest) = without_credentials(endpoint);
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rsplit_once(':').map_or("443", |(_, port)| port);
    let with_port = format!("{host}:{port}");
    list == "*"
        || list.split([',', ' ', '\t']).any(|entry| {
            let entry = entry.to_ascii_lowercase();
            match entry.strip_prefix('.') {
                Some(domain) => host == domain || host.ends_with(&entry),
                None => entry == host || entry == with_port,
            }
        })
}

/// Whether a `NO_PROXY` list covers the host of an invocation: `*`, `amazonaws.com`, `.amazonaws.com`, with or without a
/// port.
pub fn bypasses(list: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' ', '\t'])
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let entry = entry.to_ascii_lowercase();
            let entry = entry.split(':').next().unwrap_or_default();
            let suffix = entry.trim_start_matches("*.").trim_start_matches('.');
            entry == "*"
                || (!suffix.is_empty() && (host == suffix || host.ends_with(&format!(".{suffix}"))))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_covers_domains_with_and_without_a_dot() {
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        for list in [
            "amazonaws.com",
            ".amazonaws.com",
            "*",
            "x.org, .amazonaws.com",
            "*.amazonaws.com",
            "AMAZONAWS.COM:443",
        ] {
            assert!(bypasses(list, host), "{list}");
        }
        for list in ["", ",", "naws.com", "example.org", "s-east-1.amazonaws.com"] {
            assert!(!bypasses(list, host), "{list}");
        }
    }

    #[test]
    fn the_sdk_s_clients_read_no_proxy_by_the_letter() {
        let endpoint = "https://bedrock.us-east-1.amazonaws.com";
        for list in [
            "*",
            ".amazonaws.com",
            "x.org, .amazonaws.com",
            "x.org .amazonaws.com",
            "x.org\tbedrock.us-east-1.amazonaws.com",
            "BEDROCK.us-east-1.amazonaws.com",
            "bedrock.us-east-1.amazonaws.com:443",
            ".bedrock.us-east-1.amazonaws.com",
        ] {
            assert!(names(list, endpoint), "{list}");
        }
        for list in [
            "",
            "x.org,*",
            " * ",
            "amazonaws.com",
            "*.amazonaws.com",
            "us-east-1.amazonaws.com",
            ".amazonaws.com:443",
            "bedrock.us-east-1.amazonaws.com:8443",
        ] {
            assert!(!names(list, endpoint), "{list}");
        }
        assert!(names(
            "gw.example.com:8443",
            "https://gw.example.com:8443/x"
        ));
        assert!(!names(
            "gw.example.com:443",
            "https://gw.example.com:8443/x"
        ));
    }
}
