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
use bedrock_doctor_checks::claude_code::network::{Plane, host_of, signing_region};
use bedrock_doctor_checks::facts::{Failure, FailureKind, NOT_SENT, Stranger};

use crate::credentials::Signer;
use crate::http::{Http, TransportFailure, is_page};
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
        Plane::Listing | Plane::Credentials => signing_region(region),
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
    let named = |failure: Failure| named(service, host, secrets, failure);
    match error {
        SdkError::DispatchFailure(_) => {
            named(broken(error).unwrap_or_else(|| Failure::new(FailureKind::Http, NOT_SENT)))
        }
        SdkError::TimeoutError(_) => {
            named(Failure::new(FailureKind::TimedOut, "no answer in time"))
        }
        SdkError::ConstructionFailure(_) => {
            named(Failure::new(FailureKind::Configuration, NOT_ALLOWED))
        }
        SdkError::ResponseError(response) => {
            named(broken(error).unwrap_or_else(|| not_from_aws(response.raw())))
        }
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
            if code.is_none() && !is_of_aws(raw) {
                return named(not_from_aws(raw));
            }
            let message = match (&code, message) {
                (None, None) => format!(
                    "HTTP {} without error code and message",
                    raw.status().as_u16()
                ),
                (_, message) => message.unwrap_or_default(),
            };
            named(Failure {
                status: Some(raw.status().as_u16()),
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

/// A failure with whom was asked, and without secrets.
pub(crate) fn named(service: &str, host: &str, secrets: &Secrets, failure: Failure) -> Failure {
    let clean = |text: Option<String>| text.map(|text| secrets.scrub(&text));
    Failure {
        service: Some(service.to_owned()),
        host: Some(host.to_owned()),
        message: secrets.scrub(&failure.message),
        code: clean(failure.code),
        request_id: clean(failure.request_id),
        stranger: failure.stranger.map(|stranger| {
            Box::new(Stranger {
                content_type: clean(stranger.content_type),
                redirects_to: clean(stranger.redirects_to),
                page_title: clean(stranger.page_title),
            })
        }),
        ..failure
    }
}

/// Whether an answer without code and message is one of AWS's all the same: these services send no web pages, and
/// nobody elsewhere.
fn is_of_aws(raw: &HttpResponse) -> bool {
    if (300..400).contains(&raw.status().as_u16()) {
        return false;
    }
    let has = |name| raw.headers().get(name).is_some();
    let page = raw.headers().get("content-type").is_some_and(is_page);
    has("x-amzn-errortype") || (has("x-amzn-requestid") && !page)
}

/// The failure of our own client inside an error of the SDK: the connection broke before or in the answer.
pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let mut source = Some(error);
    while let Some(current) = source {
        if let Some(TransportFailure(failure)) = current.downcast_ref() {
            return Some(failure.clone());
        }
        source = current.source();
    }
    None
}

/// Says what answered instead of AWS.
fn not_from_aws(raw: &HttpResponse) -> Failure {
    let header = |name| raw.headers().get(name);
    let body = raw.body().bytes().unwrap_or_default();
    stranger(
        raw.status().as_u16(),
        header("content-type"),
        header("location"),
        body,
    )
}

/// The longest title of a web page that is shown.
const LONGEST_TITLE: usize = 100;

/// An answer that is none of AWS's. What it says is without secrets only after [`Secrets::scrub`].
pub(crate) fn stranger(
    status: u16,
    content_type: Option<&str>,
    location: Option<&str>,
    body: &[u8],
) -> Failure {
    let shown = content_type.unwrap_or("no content type");
    let redirects_to = location
        .filter(|_| (300..400).contains(&status))
        .map(host_of)
        .filter(|host| !host.is_empty());
    let page_title = content_type
        .is_some_and(is_page)
        .then(|| title(body))
        .flatten();
    let onward = redirects_to
        .as_ref()
        .map_or_else(String::new, |host| format!(", which leads on to `{host}`"));
    let titled = page_title
        .as_ref()
        .map_or_else(String::new, |title| format!(", titled \"{title}\""));
    let message =
        format!("an answer that is not AWS's: HTTP {status} with {shown}{onward}{titled}");
    Failure {
        status: Some(status),
        stranger: Some(Box::new(Stranger {
            content_type: content_type.map(str::to_owned),
            redirects_to,
            page_title,
        })),
        ..Failure::new(FailureKind::Http, message)
    }
}

/// The title of a web page: it mostly names the product that answered.
fn title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(page);
    let lower = page.to_ascii_lowercase();
    let begin = lower.find("<title")?;
    let begin = begin + lower[begin..].find('>')? + 1;
    let end = begin + lower[begin..].find("</title")?;
    let words: Vec<&str> = page[begin..end].split_whitespace().collect();
    let title: String = words.join(" ").chars().take(LONGEST_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::{signable, stranger};

    #[test]
    fn a_web_page_is_told_with_its_title_and_a_redirect_with_its_host() {
        let page = b"<HTML><head><Title lang=en>\n Web filter:  blocked </TITLE></head></HTML>";
        let blocked = stranger(
            403,
            Some("text/html"),
            Some("https://elsewhere.example"),
            page,
        );
        assert_eq!(
            blocked.message,
            "an answer that is not AWS's: HTTP 403 with text/html, titled \"Web filter: blocked\""
        );
        let portal = stranger(302, None, Some("https://login.example.com/?u=me"), b"");
        assert_eq!(
            portal.message,
            "an answer that is not AWS's: HTTP 302 with no content type, which leads on to `login.example.com`"
        );
        for page in [
            "<title",
            "<title>",
            "</title><title>x",
            "<title> </title>",
            "\u{130}<title>",
        ] {
            let nameless = stranger(200, Some("text/html"), None, page.as_bytes());
            assert_eq!(nameless.stranger.unwrap().page_title, None, "{page}");
        }
    }

    #[test]
    fn a_malformed_region_is_cut_where_a_host_name_ends() {
        assert_eq!(signable("us-east-1"), "us-east-1");
        assert_eq!(signable("EU-WEST-1"), "EU-WEST-1");
        assert_eq!(signable("us-east-1/"), "us-east-1");
        assert_eq!(signable("/"), "");
    }
}
