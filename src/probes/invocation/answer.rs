//! What came back, from AWS or from something in between.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use base64::Engine as _;
use bedrock_doctor_checks::facts::{Failure, FailureKind, InvokeAnswer, InvokeOperation, Observed};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use serde_json::Value;

use crate::http::is_page;
use crate::secrets::Secrets;

/// The most that is read of an answer: one of one token has a few hundred bytes.
const LONGEST: usize = 1024 * 1024;

/// What was asked.
pub(super) struct About<'a> {
    pub(super) operation: InvokeOperation,
    pub(super) host: &'a str,
    pub(super) secrets: &'a Secrets,
    pub(super) real: bool,
}

/// An answer as it arrived.
struct Arrived<'a> {
    status: u16,
    fields: &'a HeaderMap,
    bytes: &'a [u8],
    /// Whether the body ended in good order.
    whole: bool,
}

/// Reads an answer to its end.
pub(super) async fn read<B>(response: Response<B>, about: &About<'_>) -> Observed<InvokeAnswer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            whole = false;
            break;
        };
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() > LONGEST {
            break;
        }
    }
    let arrived = Arrived {
        status: head.status.as_u16(),
        fields: &head.headers,
        bytes: &bytes,
        whole,
    };
    match arrived.status {
        200..=299 => accepted(&arrived, about),
        _ => Observed::Failed(refusal(&arrived, about)),
    }
}

fn accepted(arrived: &Arrived<'_>, about: &About<'_>) -> Observed<InvokeAnswer> {
    let content_type = arrived.field("content-type");
    if content_type.is_some_and(is_page) {
        return Observed::Failed(foreign(arrived, about));
    }
    let json: Option<Value> = serde_json::from_slice(arrived.bytes).ok();
    // Some gateways send an error with the status of an answer.
    if let Some(json) = &json
        && json["type"] != "message"
        && error_text(json).is_some()
    {
        return Observed::Failed(foreign(arrived, about));
    }
    let streamed = match about.operation {
        InvokeOperation::InvokeModel => Streamed::Events {
            ended: true,
            intervened: json.as_ref().is_some_and(intervenes),
        },
        InvokeOperation::InvokeModelWithResponseStream => frames(arrived.bytes),
        // In one piece it is the same message.
        _ if json.as_ref().is_some_and(|json| json["type"] == "message") => Streamed::Events {
            ended: true,
            intervened: false,
        },
        _ => server_sent(arrived.bytes),
    };
    match streamed {
        Streamed::Refused { code, message } => Observed::Failed(Failure {
            code: code.map(|code| about.secrets.scrub(&code)),
            request_id: about.request_id(arrived),
            ..about.failure(FailureKind::Service, arrived.status, &message)
        }),
        Streamed::Events { ended, intervened } => {
            let complete = ended && arrived.whole;
            // Only a real request is meant to be answered: then the stream itself is what went wrong.
            if complete || about.real {
                Observed::Known(InvokeAnswer {
                    content_type: content_type.map(|text| about.secrets.scrub(text)),
                    complete,
                    guardrail_intervened: intervened,
                })
            } else {
                Observed::Failed(foreign(arrived, about))
            }
        }
    }
}

/// What a stream held.
enum Streamed {
    /// Events of the Messages API, to the last one or not.
    Events { ended: bool, intervened: bool },
    /// An error in the place of the next event.
    Refused {
        code: Option<String>,
        message: String,
    },
}

/// Bedrock's own stream: frames, each with an event of the Messages API in base64.
fn frames(bytes: &[u8]) -> Streamed {
    let mut decoder = MessageFrameDecoder::new();
    let mut rest = bytes;
    let (mut ended, mut intervened) = (false, false);
    loop {
        match decoder.decode_frame(&mut rest) {
            Ok(DecodedFrame::Complete(frame)) => {
                if let Some(refused) = exception(&frame) {
                    return refused;
                }
                let Some(event) = event(&frame) else { continue };
                ended |= event["type"] == "message_stop";
                intervened |= intervenes(&event);
            }
            Ok(DecodedFrame::Incomplete) => {
                let ended = ended && rest.is_empty();
                return Streamed::Events { ended, intervened };
            }
            Err(_) => {
                return Streamed::Events {
                    ended: false,
                    intervened,
                };
            }
        }
    }
}

fn event(frame: &Message) -> Option<Value> {
    let payload: Value = serde_json::from_slice(frame.payload()).ok()?;
    let encoded = payload["bytes"].as_str()?;
    let event = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    serde_json::from_slice(&event).ok()
}

fn exception(frame: &Message) -> Option<Streamed> {
    let text = |name: &str| {
        let mut fields = frame.headers().iter();
        let field = fields.find(|field| field.name().as_str() == name)?;
        Some(field.value().as_string().ok()?.as_str().to_owned())
    };
    let code = text(":exception-type").or_else(|| text(":error-code"))?;
    let payload: Option<Value> = serde_json::from_slice(frame.payload()).ok();
    let message = payload
        .as_ref()
        .and_then(error_text)
        .map(str::to_owned)
        .or_else(|| text(":error-message"));
    Some(Streamed::Refused {
        code: Some(code),
        message: message.unwrap_or_default(),
    })
}

/// The stream of the Messages API: server-sent events.
fn server_sent(bytes: &[u8]) -> Streamed {
    let text = String::from_utf8_lossy(bytes);
    let (mut ended, intervened) = (false, false);
    for data in text.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        if event["type"] == "error" {
            return Streamed::Refused {
                code: event["error"]["type"].as_str().map(str::to_owned),
                message: error_text(&event).unwrap_or_default().to_owned(),
            };
        }
        ended |= event["type"] == "message_stop";
    }
    Streamed::Events { ended, intervened }
}

fn intervenes(message: &Value) -> bool {
    message["amazon-bedrock-guardrailAction"] == "INTERVENED"
}

/// A refusal: AWS's, or of something in between.
fn refusal(arrived: &Arrived<'_>, about: &About<'_>) -> Failure {
    let json: Option<Value> = serde_json::from_slice(arrived.bytes).ok();
    let named = json.as_ref().and_then(|json| {
        let code = json["__type"].as_str().or_else(|| json["code"].as_str());
        // On Bedrock's own endpoint AWS has another form; who has this one there is no AWS.
        let code = code.or_else(|| {
            let is_own = about.operation.is_messages_api() && json["type"] == "error";
            is_own.then(|| json["error"]["type"].as_str()).flatten()
        });
        code.map(bare_code)
    });
    let code = arrived
        .field("x-amzn-errortype")
        .map(bare_code)
        .or(named)
        .filter(|code| !code.is_empty());
    let page = arrived.field("content-type").is_some_and(is_page);
    let has = |name| arrived.field(name).is_some();
    let is_of_aws = has("x-amzn-errortype") || (has("x-amzn-requestid") && !page);
    if code.is_none() && !is_of_aws {
        return foreign(arrived, about);
    }
    let said = json.as_ref().and_then(error_text);
    let message = match (said, code) {
        (Some(said), _) => said.to_owned(),
        (None, Some(_)) => String::new(),
        (None, None) => format!("HTTP {} without error code and message", arrived.status),
    };
    Failure {
        code: code.map(|code| about.secrets.scrub(code)),
        request_id: about.request_id(arrived),
        ..about.failure(FailureKind::Service, arrived.status, &message)
    }
}

/// An answer that is none of AWS's, with what it says.
fn foreign(arrived: &Arrived<'_>, about: &About<'_>) -> Failure {
    let content_type = arrived.field("content-type").unwrap_or("no content type");
    let mut message = format!(
        "an answer that is not AWS's: HTTP {} with {content_type}",
        arrived.status
    );
    let json: Option<Value> = serde_json::from_slice(arrived.bytes).ok();
    if let Some(json) = &json {
        if json["type"] == "error" && json["error"]["type"].is_string() {
            message.push_str(", in the form of Anthropic's API");
        }
        if let Some(said) = error_text(json) {
            message.push_str(": ");
            message.push_str(said);
        }
    }
    about.failure(FailureKind::Http, arrived.status, &message)
}

/// The text of an error, in the forms that AWS, Anthropic and gateways use.
fn error_text(json: &Value) -> Option<&str> {
    let places = [
        &json["message"],
        &json["Message"],
        &json["error"]["message"],
        &json["error"],
        &json["errorMessage"],
        &json["detail"],
    ];
    places.into_iter().find_map(Value::as_str)
}

/// The code without the namespace in front and the address behind.
fn bare_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

impl Arrived<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }
}

impl About<'_> {
    fn request_id(&self, arrived: &Arrived<'_>) -> Option<String> {
        let id = arrived.field("x-amzn-requestid");
        let id = id.or_else(|| arrived.field("request-id"))?;
        Some(self.secrets.scrub(id))
    }

    fn failure(&self, kind: FailureKind, status: u16, message: &str) -> Failure {
        Failure {
            service: Some(self.operation.service().to_owned()),
            host: Some(self.host.to_owned()),
            status: Some(status),
            ..Failure::new(kind, self.secrets.scrub(message))
        }
    }
}
