//! Who re-signs TLS between this machine and AWS, as far as the names of issuers tell.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::claude_code::network::is_of_aws;
use crate::facts::{CaSource, Certificate, Facts};

/// A product that re-signs TLS.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) name: String,
    issuer: Vec<String>,
    pub(super) kind: Kind,
}

/// Who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A proxy or firewall of the company.
    Network,
    /// Security software on this machine.
    Machine,
    /// A proxy that somebody started to look at requests.
    Debugging,
}

#[derive(Deserialize)]
struct Products {
    product: Vec<Product>,
}

static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| {
    toml::from_str::<Products>(include_str!("../../../data/tls-inspection.toml"))
        .map(|file| file.product)
        .unwrap_or_default()
});

/// The product behind a certificate, when the names of its issuers tell.
pub(super) fn product(certificate: &Certificate) -> Option<&'static Product> {
    if certificate.vouched_by == Some(CaSource::Bundled) {
        return None;
    }
    let issuers = certificate.issuers.join("\n").to_lowercase();
    PRODUCTS
        .iter()
        .find(|product| product.issuer.iter().any(|part| issuers.contains(part)))
}

/// That TLS to AWS is re-signed by somebody whom Claude Code trusts, and who that is.
pub(super) fn seen(facts: &Facts) -> Option<String> {
    let connections = facts.connections.known()?.iter();
    let mut certificates = connections
        .filter(|connection| is_of_aws(&connection.host))
        .filter_map(|connection| connection.certificate.as_ref());
    let (certificate, source) = certificates.find_map(|certificate| {
        let source = certificate.vouched_by.as_ref()?;
        // The store of the system holds the public authorities, too.
        let own = matches!(source, CaSource::File(_))
            || (*source == CaSource::System && product(certificate).is_some());
        own.then_some((certificate, source))
    })?;
    let issuer = certificate.issuers.last()?;
    let by = match product(certificate) {
        Some(product) => format!("{} (`{issuer}`)", product.name),
        None => format!("`{issuer}`"),
    };
    Some(format!(
        "TLS is signed by {by}, known from {}",
        source.words()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(issuers: &[&str], vouched_by: Option<CaSource>, name: Option<&str>) {
        let certificate = Certificate {
            issuers: issuers.iter().map(|&issuer| issuer.to_owned()).collect(),
            vouched_by,
            ..Certificate::default()
        };
        let found = product(&certificate).map(|product| product.name.as_str());
        assert_eq!(found, name, "{issuers:?}");
    }

    #[test]
    fn products_are_known_by_the_names_of_their_authorities() {
        for (issuer, name) in [
            (
                "CN=Zscaler Intermediate Root CA (zscalerthree.net) (t),OU=Zscaler Inc.",
                "Zscaler",
            ),
            ("CN=ca.acme.goskope.com,O=Acme", "Netskope"),
            (
                "emailAddress=certadmin@netskope.com,CN=caadmin.netskope.com",
                "Netskope",
            ),
            (
                "CN=FG100FTK19000001,O=Fortinet,OU=Certificate Authority",
                "Fortinet FortiGate",
            ),
            (
                "CN=Cisco Umbrella Secondary SubCA dfw-SG,O=Cisco",
                "Cisco Umbrella",
            ),
            (
                "CN=Gateway CA - Cloudflare Managed G1,O=Cloudflare\\, Inc.",
                "Cloudflare Gateway",
            ),
            ("CN=mitmproxy,O=mitmproxy", "mitmproxy"),
            ("CN=DO_NOT_TRUST_FiddlerRoot,O=DO_NOT_TRUST", "Fiddler"),
            ("CN=PortSwigger CA,O=PortSwigger", "Burp Suite"),
            ("CN=Charles Proxy CA (1 Jan 2026\\, laptop)", "Charles"),
        ] {
            check(&[issuer], None, Some(name));
        }
        check(
            &["CN=Acme Issuing CA 1", "CN=Zscaler Root CA"],
            None,
            Some("Zscaler"),
        );
        check(&["CN=Acme Issuing CA 1", "CN=Acme Root CA"], None, None);
        check(&[], None, None);
    }

    #[test]
    fn what_a_public_authority_vouches_for_is_not_inspected() {
        let cloudflare = "CN=Cloudflare Inc ECC CA-3,O=Cloudflare\\, Inc.";
        check(&[cloudflare], Some(CaSource::Bundled), None);
        check(
            &[cloudflare],
            Some(CaSource::System),
            Some("Cloudflare Gateway"),
        );
    }

    #[test]
    fn every_product_has_names_in_lower_case() {
        assert!(PRODUCTS.len() >= 30, "{}", PRODUCTS.len());
        for product in PRODUCTS.iter() {
            assert!(!product.issuer.is_empty(), "{product:?}");
            for part in &product.issuer {
                assert!(
                    part.len() >= 5 && *part == part.to_lowercase(),
                    "{product:?}"
                );
            }
        }
    }
}
