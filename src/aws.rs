//! Clients of the AWS SDK, made of explicit parts: static credentials, Region, endpoint, our HTTP client.
//!
//! `aws_config::load_defaults` is never used: its chain is not Claude Code's, and it reads the environment.

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::token::SharedTokenProvider;
use aws_sdk_sts::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_sdk_sts::operation::RequestId as _;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use bedrock_doctor_checks::claude_code::network::{Plane, signing_region};
use bedrock_doctor_checks::facts::{Failure, FailureKind, NOT_SENT};

use crate::credentials::Signer;
use crate::http::{Http, TransportFailure};
use crate::secrets::Secrets;

/// The configuration of one client.
pub(crate) fn config(
    http: &Http,
    plane: Plane,
    region: &str,
    endpoint: &str,
    signer: &Signer,
) -> SdkConfig {
    let region = match plane {
        Plane::Control => signing_region(region),
        Plane::Runtime => region,
    };
    let builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(signable(region).to_owned()))
        .endpoint_url(endpoint)
        .http_client(http.for_aws(plane))
        .sleep_impl(TokioSleep::new())
        .retry_config(RetryConfig::disabled())
        .disable_clock_skew_correction(true)
        // It would end a silent request with an error of its own, before the deadline that names what was waited for.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .time_source(http.clone());
    match signer {
        // STS and Bedrock's control plane know no key of the Claude Platform.
        Signer::Nobody | Signer::PlatformKey(_) => builder.build(),
        Signer::Keys(keys) => builder
            .credentials_provider(SharedCredentialsProvider::new(keys.clone()))
            .build(),
        Signer::Bearer(token) => builder
            .token_provider(SharedTokenProvider::new(token.clone()))
            .build(),
    }
}

/// The part of a Region that can stand in a host name: with anything else in it the SDK does not ask at all.
///
/// Claude Code before 2.1.232 does ask, at the host that such a value leads to; the endpoint is a parameter of its own.
fn signable(region: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    region.split(|c| !is_part(c)).next().unwrap_or_default()
}

/// The message of a failure before anything left the machine: something in the request cannot be sent.
pub(crate) const NOT_ALLOWED: &str = "the request could not be made: a value in it is not allowed, such as the endpoint, the Region or the model id";

/// The longest id or ARN of a model that AWS takes. The SDK panics when an id makes its URL too long.
const LONGEST_MODEL_ID: usize = 2_048;

/// Why no request can be made for a model.
pub(crate) fn unusable_model(model: &str) -> Option<Failure> {
    (model.len() > LONGEST_MODEL_ID).then(|| {
        Failure::new(
            FailureKind::Configuration,
            format!(
                "the id of the model has {} characters; AWS takes at most {LONGEST_MODEL_ID}",
                model.len()
            ),
        )
    })
}

/// Turns an error of the SDK into a failure: AWS's code, message and request id, or the stage that broke.
///
/// Never prints the error itself: its `Debug` holds the whole response.
pub(crate) fn failure<E>(
    service: &str,
    host: &str,
    secrets: &Secrets,
    error: &SdkError<E, HttpResponse>,
) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let named = |failure: Failure| Failure {
        service: Some(service.to_owned()),
        host: Some(host.to_owned()),
        message: secrets.scrub(&failure.message),
        ..failure
    };
    match error {
        SdkError::DispatchFailure(dispatch) => {
            let mut source: Option<&(dyn std::error::Error + 'static)> =
                dispatch.as_connector_error().map(|error| error as _);
            while let Some(current) = source {
                if let Some(TransportFailure(failure)) = current.downcast_ref() {
                    return named(failure.clone());
                }
                source = current.source();
            }
            named(Failure::new(FailureKind::Http, NOT_SENT))
        }
        SdkError::TimeoutError(_) => {
            named(Failure::new(FailureKind::TimedOut, "no answer in time"))
        }
        SdkError::ConstructionFailure(_) => {
            named(Failure::new(FailureKind::Configuration, NOT_ALLOWED))
        }
        SdkError::ResponseError(response) => named(Failure {
            status: Some(response.raw().status().as_u16()),
            ..Failure::new(FailureKind::Http, not_from_aws(response.raw()))
        }),
        SdkError::ServiceError(refusal) => {
            let raw = refusal.raw();
            let code = refusal.err().code().map(str::to_owned);
            // Without a code the SDK keeps the message only in the source of its error.
            let unnamed: Option<&ErrorMetadata> = refusal
                .err()
                .source()
                .and_then(|source| source.downcast_ref());
            let message = refusal
                .err()
                .message()
                .or(unnamed.and_then(ErrorMetadata::message));
            let message = message.map(str::to_owned);
            let status = Some(raw.status().as_u16());
            if code.is_none() && !is_of_aws(raw) {
                return named(Failure {
                    status,
                    ..Failure::new(FailureKind::Http, not_from_aws(raw))
                });
            }
            let message = match (&code, message) {
                (None, None) => format!(
                    "HTTP {} without error code and message",
                    raw.status().as_u16()
                ),
                (_, message) => message.unwrap_or_default(),
            };
            named(Failure {
                status,
                code,
                request_id: error.request_id().map(str::to_owned),
                ..Failure::new(FailureKind::Service, message)
            })
        }
        _ => named(Failure::new(
            FailureKind::Http,
            "an error of a kind unknown to this version",
        )),
    }
}

/// Whether an answer without code and message is one of AWS's all the same: AWS sends no web pages.
fn is_of_aws(raw: &HttpResponse) -> bool {
    let has = |name| raw.headers().get(name).is_some();
    let page = raw
        .headers()
        .get("content-type")
        .is_some_and(crate::http::is_page);
    has("x-amzn-errortype") || (has("x-amzn-requestid") && !page)
}

/// Says what answered instead of AWS.
fn not_from_aws(raw: &HttpResponse) -> String {
    let status = raw.status().as_u16();
    let content_type = raw
        .headers()
        .get("content-type")
        .unwrap_or("no content type");
    format!("an answer that is not AWS's: HTTP {status} with {content_type}")
}

#[cfg(test)]
mod tests {
    use super::signable;

    #[test]
    fn a_malformed_region_is_cut_where_a_host_name_ends() {
        assert_eq!(signable("us-east-1"), "us-east-1");
        assert_eq!(signable("EU-WEST-1"), "EU-WEST-1");
        assert_eq!(signable("us-east-1/"), "us-east-1");
        assert_eq!(signable("/"), "");
    }
}
