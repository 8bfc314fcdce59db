//! A request as the two sides are compared by it.

use serde_json::Value;

use crate::recording::Asked;

/// Where a request went and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wire {
    pub(super) host: String,
    /// Decoded, without query.
    pub(super) path: String,
    /// The access key id, `Bearer …`, or nobody.
    pub(super) signer: String,
    pub(super) region: Option<String>,
    /// Where the path does not say it.
    pub(super) model: Option<String>,
}

impl From<&Asked> for Wire {
    fn from(asked: &Asked) -> Self {
        let field = |name: &str| asked.fields.get(name).and_then(Value::as_str);
        let signer = match (&asked.signed_by, &asked.authorization) {
            // The recording names keys from STS in another way.
            (Some(key), _) if key.starts_with("ASIAFROMSTS") => "ASIAFROMSTS".to_owned(),
            (Some(key), _) => key.clone(),
            // The SDK keeps a blank before the token.
            (None, Some(bearer)) => bearer.split_whitespace().collect::<Vec<_>>().join(" "),
            (None, None) => field("x-api-key")
                .map_or_else(|| NOBODY.to_owned(), |key| format!("{ANY_TOKEN} {key}")),
        };
        Self {
            // DNS knows no capitals.
            host: asked.host.to_ascii_lowercase(),
            path: decoded(asked.path.split('?').next().unwrap_or_default()),
            signer,
            region: asked.signing_region.clone(),
            model: field("model").map(str::to_owned),
        }
    }
}

pub(super) const NOBODY: &str = "nobody";
/// A token that was not seen.
pub(super) const ANY_TOKEN: &str = "Bearer";

impl Wire {
    pub(super) fn is_main(&self) -> bool {
        self.path.ends_with("/invoke-with-response-stream") || self.path.ends_with("/v1/messages")
    }

    pub(super) fn is_listing(&self) -> bool {
        self.path.ends_with("/inference-profiles")
    }

    /// The providers that make such a main request.
    pub(super) fn providers(&self) -> &'static [&'static str] {
        match self.host.split('.').next() {
            _ if !self.path.ends_with("/v1/messages") => &["bedrock", "bedrock+mantle"],
            Some("bedrock-mantle") => &["mantle", "bedrock+mantle"],
            Some("aws-external-anthropic") => &["anthropic-aws"],
            Some("api") => &["anthropic"],
            _ => &["mantle", "bedrock+mantle", "anthropic-aws"],
        }
    }
}

/// The request that an endpoint, a path and a signer make.
pub(super) fn derived(endpoint: &str, path: &str, signer: String, region: &str) -> Wire {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let prefix = prefix.trim_end_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let is_signed = signer != NOBODY && !signer.starts_with(ANY_TOKEN);
    Wire {
        host: host.to_ascii_lowercase(),
        path: decoded(&format!("{slash}{prefix}{path}")),
        region: is_signed.then(|| region.to_owned()),
        signer,
        model: None,
    }
}

/// Decodes `%3A`; what is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(*first));
        rest = &tail[if escape.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn a_request_is_derived_from_endpoint_and_path() {
    let wire = derived(
        "https://GW.example.com:8443/bedrock/",
        "/model/m/invoke",
        "AKIA".to_owned(),
        "eu-west-1",
    );
    assert_eq!(
        serde_json::json!([wire.host, wire.path, wire.signer, wire.region]),
        serde_json::json!([
            "gw.example.com",
            "/bedrock/model/m/invoke",
            "AKIA",
            "eu-west-1"
        ])
    );
}
