//! The URL of a proxy, read as Claude Code would.

use http::Uri;

/// Host, port and credentials of a proxy URL.
pub(super) struct ProxyAddress {
    /// Whether the proxy itself is spoken to over TLS (seen, 2.1.330).
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) credentials: Option<String>,
}

impl ProxyAddress {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(format!(
                "Claude Code sends no requests through a {scheme}:// proxy"
            ));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(percent_decoded(credentials)), address),
            None => (None, authority),
        };
        let uri: Uri = format!("http://{address}")
            .parse()
            .map_err(|_| "it is no URL".to_owned())?;
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or("it names no host")?;
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            credentials,
        })
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(code) = code {
            out.push(code);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls_are_read_with_and_without_scheme_and_credentials() {
        let parse = |url: &str| {
            ProxyAddress::parse(url)
                .map(|address| (address.host, address.port, address.credentials))
        };
        assert_eq!(parse("http://proxy:3128"), Ok(("proxy".into(), 3128, None)));
        assert_eq!(parse("proxy:3128/"), Ok(("proxy".into(), 3128, None)));
        assert_eq!(parse("http://proxy"), Ok(("proxy".into(), 80, None)));
        assert_eq!(
            parse("http://me:p%40ss@proxy:1"),
            Ok(("proxy".into(), 1, Some("me:p@ss".into())))
        );
        assert_eq!(parse("https://proxy"), Ok(("proxy".into(), 443, None)));
        assert_eq!(parse("HTTPS://proxy:1"), Ok(("proxy".into(), 1, None)));
        assert!(parse("http://").is_err());
        assert!(parse("socks5://proxy:1").is_err());
    }
}
