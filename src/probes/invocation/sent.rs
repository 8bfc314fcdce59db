//! The request, as Claude Code sends it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_async::time::TimeSource as _;
use aws_smithy_types::body::SdkBody;
use bedrock_doctor_checks::claude_code::headers;
use bedrock_doctor_checks::claude_code::request::ModelRequest;
use bedrock_doctor_checks::claude_code::request::shape::{Shape, refused_body};
use bedrock_doctor_checks::facts::{Failure, FailureKind, InvokeOperation, NOT_SENT};
use http::request::Builder;
use http::{HeaderName, HeaderValue, Request};

use super::{Online, Trial};
use crate::aws;
use crate::credentials::Signer;

/// What a real request is billed for, roughly: most of it is what Anthropic adds for a tool.
pub(super) const INPUT_TOKENS: u32 = 500;

/// The message of a failure before anything left the machine.
const NO_FIELD: &str = "the request could not be made: a header field has a value that cannot be sent, such as one of `ANTHROPIC_CUSTOM_HEADERS` or the API key";

/// The message of a failure before anything left the machine: Claude Code sends nothing then either.
const NO_WORKSPACE: &str = "the request was not made: `ANTHROPIC_AWS_WORKSPACE_ID` is not set";

/// The request of a trial, signed: a real one of this shape, or one whose body must be refused.
pub(super) fn request(
    online: &Online<'_>,
    signer: &Signer,
    trial: &Trial,
    shape: Option<&Shape>,
) -> Result<Request<SdkBody>, Failure> {
    if let Some(failure) = aws::unusable_model(&trial.model) {
        return Err(failure);
    }
    let environment = &online.resolved.inputs.environment;
    let operation = trial.request.operation;
    let body = match shape {
        Some(shape) => shape.real_body(environment, operation, &trial.model),
        None => refused_body(operation, &trial.model),
    };
    let body = body.to_string();
    let url = if operation.is_messages_api() {
        format!("{}?beta=true", trial.request.url)
    } else {
        trial.request.url.clone()
    };
    let betas = shape.and_then(Shape::betas);
    equipped(
        online,
        signer,
        &trial.request,
        Request::post(url),
        &body,
        betas.map(|betas| ("anthropic-beta", betas)),
    )
}

/// A request to the service of an invocation with the header fields of one, signed.
///
/// `more`: a field of this request alone.
pub(in crate::probes) fn equipped(
    online: &Online<'_>,
    signer: &Signer,
    target: &ModelRequest,
    request: Builder,
    body: &str,
    more: Option<(&str, String)>,
) -> Result<Request<SdkBody>, Failure> {
    let environment = &online.resolved.inputs.environment;
    let operation = target.operation;
    let unsent = |kind, message: &str| Failure {
        service: Some(operation.service().to_owned()),
        host: Some(super::host_of(&target.endpoint)),
        ..Failure::new(kind, message)
    };
    let mut request = request
        .body(SdkBody::from(body))
        .map_err(|_| unsent(FailureKind::Http, NOT_SENT))?;
    let uri = request.uri();
    if uri.host().is_none_or(str::is_empty) || uri.scheme().is_none() {
        return Err(unsent(FailureKind::Http, NOT_SENT));
    }
    let fields = request.headers_mut();
    // What the user adds, then what Claude Code sets itself; but the user may give the program another name.
    let mut own = vec![
        ("accept", "application/json".to_owned()),
        ("anthropic-version", "2023-06-01".to_owned()),
        (
            "anthropic-dangerous-direct-browser-access",
            "true".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
        ("x-app", "cli".to_owned()),
    ];
    own.extend(more);
    match signer {
        Signer::Bearer(token) => own.push(("authorization", format!("Bearer {}", token.token()))),
        Signer::PlatformKey(key) => own.push(("x-api-key", key.token().to_owned())),
        Signer::Nobody | Signer::Keys(_) => {}
    }
    let user_agent = concat!("bedrock-doctor/", env!("CARGO_PKG_VERSION"));
    let agent = ("user-agent".to_owned(), user_agent.to_owned());
    let custom = headers::sent(environment, operation);
    let is_platform = operation == InvokeOperation::AnthropicAwsCreateInference;
    if is_platform && environment.get("ANTHROPIC_AWS_WORKSPACE_ID").is_none() {
        return Err(unsent(FailureKind::Configuration, NO_WORKSPACE));
    }
    let own = own
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    for (name, value) in std::iter::once(agent).chain(custom).chain(own) {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value))
        else {
            return Err(unsent(FailureKind::Configuration, NO_FIELD));
        };
        value.set_sensitive(true);
        // The connection's own fields are not the user's to set.
        if !["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            fields.insert(name, value);
        }
    }
    if let Signer::Keys(keys) = signer {
        request = signed(request, body.as_bytes(), target, keys, online.http.now())
            .ok_or_else(|| unsent(FailureKind::Configuration, aws::NOT_ALLOWED))?;
    }
    Ok(request)
}

/// The request with its signature; none when something in it cannot be signed.
fn signed(
    mut request: Request<SdkBody>,
    body: &[u8],
    target: &ModelRequest,
    keys: &Credentials,
    now: SystemTime,
) -> Option<Request<SdkBody>> {
    // The signature stands in the place of any other.
    request.headers_mut().remove(http::header::AUTHORIZATION);
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = keys.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&target.region)
        .name(target.operation.signing_service())
        .time(now)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let uri = request.uri().to_string();
    let fields: Option<Vec<(&str, &str)>> = request
        .headers()
        .iter()
        .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        fields?.into_iter(),
        SignableBody::Bytes(body),
    )
    .ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    let (fields, _) = instructions.into_parts();
    for field in fields {
        let mut value = HeaderValue::try_from(field.value()).ok()?;
        value.set_sensitive(field.sensitive());
        request.headers_mut().insert(field.name(), value);
    }
    Some(request)
}
