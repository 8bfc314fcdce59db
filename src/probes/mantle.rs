//! Which models Mantle lists.
//!
//! Its API is not part of an SDK for Rust: the request is made here and signed as the SDK signs.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_async::time::TimeSource as _;
use aws_smithy_types::body::SdkBody;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{Failure, FailureKind, MantleModels, Observed};
use bedrock_doctor_checks::probe::ProbeId;
use http::Request;
use serde_json::Value;

use super::Online;
use crate::credentials::Signer;

const SERVICE: &str = "bedrock-mantle";

/// Free, read-only. IAM: `bedrock-mantle:ListModels`.
pub(super) async fn models(online: &Online<'_>, signer: &Signer) -> Observed<MantleModels> {
    let region = &online.resolved.configuration.region.value;
    let endpoint = online.resolved.runtime.mantle(region).value;
    let host = host_of(&endpoint);
    let failed = |failure: Failure| {
        Observed::Failed(Failure {
            service: Some(SERVICE.to_owned()),
            host: Some(host.clone()),
            message: online.secrets.scrub(&failure.message),
            ..failure
        })
    };
    let Some(request) = request(&endpoint, region, signer, online.http.now()) else {
        return failed(Failure::new(
            FailureKind::Configuration,
            "the request could not be made: a value in it is not allowed, such as the endpoint or the Region",
        ));
    };
    let question = async {
        match online.http.send(Plane::Runtime, request).await {
            Ok((status, body)) => match read(status, &body) {
                Ok(models) => Observed::Known(models),
                Err(failure) => failed(failure),
            },
            Err(failure) => failed(failure),
        }
    };
    online
        .within(ProbeId::MantleModels, SERVICE, &endpoint, question)
        .await
}

/// The request for the list, signed as the requests with prompts are.
fn request(
    endpoint: &str,
    region: &str,
    signer: &Signer,
    now: SystemTime,
) -> Option<Request<SdkBody>> {
    let base = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let mut request = Request::get(format!("{base}/v1/models?limit=1000"))
        .header("accept", "application/json")
        .header("anthropic-version", "2023-06-01");
    if let Signer::Bearer(token) = signer {
        request = request.header("authorization", format!("Bearer {}", token.token()));
    }
    let mut request = request.body(SdkBody::empty()).ok()?;
    request.uri().host()?;
    if let Signer::Keys(keys) = signer {
        add_signature(&mut request, keys, region, now)?;
    }
    Some(request)
}

fn add_signature(
    request: &mut Request<SdkBody>,
    keys: &Credentials,
    region: &str,
    now: SystemTime,
) -> Option<()> {
    let identity = keys.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .ok()?
        .into();
    let url = request.uri().to_string();
    let fields = request.headers().iter();
    let fields = fields.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new("GET", &url, fields, SignableBody::Bytes(&[])).ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    instructions.apply_to_request_http1x(request);
    Some(())
}

/// The list, or what came instead of it.
fn read(status: u16, body: &[u8]) -> Result<MantleModels, Failure> {
    let refusal = |kind, code: Option<&str>, message: String| Failure {
        status: Some(status),
        code: code.map(str::to_owned),
        ..Failure::new(kind, message)
    };
    let not_aws = || {
        let message = format!("an answer that is not AWS's: HTTP {status} without JSON");
        refusal(FailureKind::Http, None, message)
    };
    let answer: Value = serde_json::from_slice(body).map_err(|_| not_aws())?;
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    if !(200..300).contains(&status) {
        let code = ["/error/type", "/__type", "/code"]
            .into_iter()
            .find_map(text);
        let message = ["/error/message", "/message", "/Message"]
            .into_iter()
            .find_map(text);
        let message = message.map_or_else(
            || format!("HTTP {status} without error message"),
            str::to_owned,
        );
        return Err(refusal(FailureKind::Service, code, message));
    }
    let listed = answer["data"].as_array().ok_or_else(not_aws)?;
    let ids = listed.iter().filter_map(|model| model["id"].as_str());
    Ok(MantleModels {
        ids: ids.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_a_refusal_keeps_its_words() {
        let list = br#"{"data": [{"id": "anthropic.claude-sonnet-5"}, {}], "has_more": false}"#;
        assert_eq!(read(200, list).unwrap().ids, ["anthropic.claude-sonnet-5"]);
        let refused =
            br#"{"type": "error", "error": {"type": "permission_error", "message": "no"}}"#;
        let failure = read(403, refused).unwrap_err();
        assert_eq!(
            (
                failure.kind,
                failure.code.as_deref(),
                failure.message.as_str()
            ),
            (FailureKind::Service, Some("permission_error"), "no")
        );
        for body in [&b"<html>"[..], b"", b"{}"] {
            assert_eq!(read(200, body).unwrap_err().kind, FailureKind::Http);
        }
    }
}
