//! What came back, from AWS or from something in between.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use base64::Engine as _;
use bedrock_doctor_checks::facts::{
    Failure, FailureKind, InvokeAnswer, InvokeOperation, Observed, Usage,
};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use serde_json::Value;

use crate::aws;
use crate::http::is_page;
use crate::secrets::Secrets;

/// The most that is read of an answer: one of one token has a few hundred bytes.
const LONGEST: usize = 1024 * 1024;

/// What was asked.
pub(in crate::probes) struct About<'a> {
    pub(in crate::probes) operation: InvokeOperation,
    pub(in crate::probes) host: &'a str,
    pub(in crate::probes) secrets: &'a Secrets,
    pub(in crate::probes) real: bool,
}

/// An answer as it arrived.
struct Arrived {
    status: u16,
    fields: HeaderMap,
    bytes: Vec<u8>,
    /// Whether the body ended in good order.
    whole: bool,
}

/// Reads an answer to its end.
pub(super) async fn read<B>(response: Response<B>, about: &About<'_>) -> Observed<InvokeAnswer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    match arrived(response, about).await {
        Ok(arrived) if arrived.is_success() => accepted(&arrived, about),
        Ok(arrived) => Observed::Failed(refusal(&arrived, about)),
        Err(failure) => Observed::Failed(failure),
    }
}

/// Reads a list of the Messages API: the ids of what is in it.
pub(in crate::probes) async fn listed<B>(
    response: Response<B>,
    about: &About<'_>,
) -> Result<Vec<String>, Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let arrived = arrived(response, about).await?;
    if !arrived.is_success() {
        return Err(refusal(&arrived, about));
    }
    let json: Option<Value> = serde_json::from_slice(&arrived.bytes).ok();
    let list = json.as_ref().and_then(|json| json["data"].as_array());
    let list = list.ok_or_else(|| foreign(&arrived, about))?;
    let ids = list.iter().filter_map(|model| model["id"].as_str());
    Ok(ids.map(|id| about.secrets.scrub(id)).collect())
}

async fn arrived<B>(response: Response<B>, about: &About<'_>) -> Result<Arrived, Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let status = head.status;
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            // Of a real request the stream itself is what went wrong.
            Err(_) if about.real && status.is_success() => {
                whole = false;
                break;
            }
            Err(error) => {
                let broken = aws::broken(&error);
                let cut = || Failure::new(FailureKind::Http, "the answer was cut off");
                return Err(about.named(broken.unwrap_or_else(cut)));
            }
        };
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() > LONGEST {
            break;
        }
    }
    Ok(Arrived {
        status: status.as_u16(),
        fields: head.headers,
        bytes,
        whole,
    })
}

fn accepted(arrived: &Arrived, about: &About<'_>) -> Observed<InvokeAnswer> {
    let content_type = arrived.field("content-type");
    if content_type.is_some_and(is_page) {
        return Observed::Failed(foreign(arrived, about));
    }
    let json: Option<Value> = serde_json::from_slice(&arrived.bytes).ok();
    // Some gateways send an error with the status of an answer.
    if let Some(json) = &json
        && json["type"] != "message"
        && error_text(json).is_some()
    {
        return Observed::Failed(foreign(arrived, about));
    }
    let in_one_piece = json.as_ref().filter(|json| json["type"] == "message");
    let read = match (about.operation, in_one_piece) {
        (InvokeOperation::InvokeModel, json) => Ok(Events::of_message(json)),
        (InvokeOperation::InvokeModelWithResponseStream, _) => frames(&arrived.bytes),
        // In one piece it is the same message.
        (_, Some(message)) => Ok(Events::of_message(Some(message))),
        (_, None) => server_sent(&arrived.bytes),
    };
    let events = match read {
        Ok(events) => events,
        Err(Refused { code, message }) => {
            return Observed::Failed(about.refusal(arrived, code, &message));
        }
    };
    let complete = events.ended && arrived.whole;
    // Only a real request is meant to be answered: then the stream itself is what went wrong.
    if !complete && !about.real {
        return Observed::Failed(foreign(arrived, about));
    }
    Observed::Known(InvokeAnswer {
        content_type: content_type.map(|text| about.secrets.scrub(text)),
        complete,
        guardrail_intervened: events.intervened,
        usage: events.usage,
    })
}

/// What the events of an answer told.
#[derive(Default)]
struct Events {
    /// Whether the last one arrived.
    ended: bool,
    intervened: bool,
    usage: Option<Usage>,
}

/// An error in the place of the next event.
struct Refused {
    code: Option<String>,
    message: String,
}

impl Events {
    /// An answer in one piece.
    fn of_message(message: Option<&Value>) -> Self {
        let mut events = Self::default();
        if let Some(message) = message {
            events.note(message);
        }
        events.ended = true;
        events
    }

    /// Notes an event of the Messages API, or a whole message.
    fn note(&mut self, event: &Value) {
        self.ended |= event["type"] == "message_stop";
        self.intervened |= event["amazon-bedrock-guardrailAction"] == "INTERVENED";
        // The first event has it inside of the message, the last but one has the final count of what was written.
        for usage in [&event["message"]["usage"], &event["usage"]] {
            let count = |name: &str| usage[name].as_u64();
            if let Some(input_tokens) = count("input_tokens") {
                let usage = self.usage.get_or_insert_default();
                usage.input_tokens = input_tokens;
            }
            if let (Some(output_tokens), Some(usage)) = (count("output_tokens"), &mut self.usage) {
                usage.output_tokens = output_tokens;
            }
        }
    }
}

/// Bedrock's own stream: frames, each with an event of the Messages API in base64.
fn frames(bytes: &[u8]) -> Result<Events, Refused> {
    let mut decoder = MessageFrameDecoder::new();
    let mut rest = bytes;
    let mut events = Events::default();
    loop {
        match decoder.decode_frame(&mut rest) {
            Ok(DecodedFrame::Complete(frame)) => {
                if let Some(refused) = exception(&frame) {
                    return Err(refused);
                }
                if let Some(event) = event(&frame) {
                    events.note(&event);
                }
            }
            Ok(DecodedFrame::Incomplete) => {
                events.ended &= rest.is_empty();
                return Ok(events);
            }
            Err(_) => {
                events.ended = false;
                return Ok(events);
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

fn exception(frame: &Message) -> Option<Refused> {
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
    Some(Refused {
        code: Some(code),
        message: message.unwrap_or_default(),
    })
}

/// The stream of the Messages API: server-sent events.
fn server_sent(bytes: &[u8]) -> Result<Events, Refused> {
    let text = String::from_utf8_lossy(bytes);
    let mut events = Events::default();
    for data in text.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        if event["type"] == "error" {
            return Err(Refused {
                code: event["error"]["type"].as_str().map(str::to_owned),
                message: error_text(&event).unwrap_or_default().to_owned(),
            });
        }
        events.note(&event);
    }
    Ok(events)
}

/// A refusal: AWS's, or of something in between.
fn refusal(arrived: &Arrived, about: &About<'_>) -> Failure {
    let json: Option<Value> = serde_json::from_slice(&arrived.bytes).ok();
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
    let sent_on = (300..400).contains(&arrived.status);
    let is_of_aws = !sent_on && (has("x-amzn-errortype") || (has("x-amzn-requestid") && !page));
    if code.is_none() && !is_of_aws {
        return foreign(arrived, about);
    }
    let said = json.as_ref().and_then(error_text);
    let message = match (said, code) {
        (Some(said), _) => said.to_owned(),
        (None, Some(_)) => String::new(),
        (None, None) => format!("HTTP {} without error code and message", arrived.status),
    };
    about.refusal(arrived, code.map(str::to_owned), &message)
}

/// An answer that is none of AWS's, with what it says.
fn foreign(arrived: &Arrived, about: &About<'_>) -> Failure {
    let mut failure = aws::stranger(
        arrived.status,
        arrived.field("content-type"),
        arrived.field("location"),
        &arrived.bytes,
    );
    let message = &mut failure.message;
    let json: Option<Value> = serde_json::from_slice(&arrived.bytes).ok();
    if let Some(json) = &json {
        if json["type"] == "error" && json["error"]["type"].is_string() {
            message.push_str(", in the form of Anthropic's API");
        }
        if let Some(said) = error_text(json) {
            message.push_str(": ");
            message.push_str(said);
        }
    }
    about.named(failure)
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

impl Arrived {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    fn request_id(&self) -> Option<String> {
        let id = self.field("x-amzn-requestid");
        id.or_else(|| self.field("request-id")).map(str::to_owned)
    }
}

impl About<'_> {
    /// A refusal of the service itself, without secrets.
    fn refusal(&self, arrived: &Arrived, code: Option<String>, message: &str) -> Failure {
        self.named(Failure {
            status: Some(arrived.status),
            code,
            request_id: arrived.request_id(),
            ..Failure::new(FailureKind::Service, message)
        })
    }

    fn named(&self, failure: Failure) -> Failure {
        aws::named(self.operation.service(), self.host, self.secrets, failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of an answer with these header fields and this body.
    fn told(
        status: u16,
        fields: &[(&'static str, &'static str)],
        body: &str,
        operation: InvokeOperation,
    ) -> Observed<InvokeAnswer> {
        let secrets = Secrets::default();
        let about = About {
            operation,
            host: "llm.example.com",
            secrets: &secrets,
            real: true,
        };
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.insert(*name, value.parse().unwrap());
        }
        let arrived = Arrived {
            status,
            fields: map,
            bytes: body.as_bytes().to_vec(),
            whole: true,
        };
        match status {
            200 => accepted(&arrived, &about),
            _ => Observed::Failed(refusal(&arrived, &about)),
        }
    }

    const BEDROCK: InvokeOperation = InvokeOperation::InvokeModelWithResponseStream;
    const MANTLE: InvokeOperation = InvokeOperation::MantleCreateInference;
    const OF_AWS: (&str, &str) = ("x-amzn-requestid", "7a62c49f-347e-4fc4-9331-6e8e9c1d2f3b");

    #[track_caller]
    fn failure(
        status: u16,
        fields: &[(&'static str, &'static str)],
        body: &str,
        operation: InvokeOperation,
        want: (FailureKind, Option<&str>, &str),
    ) {
        let told = told(status, fields, body, operation);
        let failure = told.failure().unwrap();
        let found = (failure.kind, failure.code.as_deref(), &*failure.message);
        assert_eq!(found, want);
    }

    #[test]
    fn a_refusal_of_aws_is_told_from_one_of_a_gateway() {
        let code = "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/";
        let beta = r#"{"message":"invalid beta flag"}"#;
        failure(
            400,
            &[("x-amzn-errortype", code)],
            beta,
            BEDROCK,
            (
                FailureKind::Service,
                Some("ValidationException"),
                "invalid beta flag",
            ),
        );
        // Bedrock may answer in Anthropic's form; that it is AWS shows in its own field.
        let envelope = r#"{"type":"error","error":{"type":"invalid_request_error","message":"invalid beta flag"}}"#;
        failure(
            400,
            &[OF_AWS],
            envelope,
            BEDROCK,
            (FailureKind::Service, None, "invalid beta flag"),
        );
        failure(
            400,
            &[("content-type", "application/json")],
            envelope,
            BEDROCK,
            (
                FailureKind::Http,
                None,
                "an answer that is not AWS's: HTTP 400 with application/json, in the form of Anthropic's API: invalid beta flag",
            ),
        );
        failure(
            400,
            &[],
            envelope,
            MANTLE,
            (
                FailureKind::Service,
                Some("invalid_request_error"),
                "invalid beta flag",
            ),
        );
        failure(
            403,
            &[("content-type", "text/html"), OF_AWS],
            "<html>",
            BEDROCK,
            (
                FailureKind::Http,
                None,
                "an answer that is not AWS's: HTTP 403 with text/html",
            ),
        );
        failure(
            500,
            &[OF_AWS],
            "",
            BEDROCK,
            (
                FailureKind::Service,
                None,
                "HTTP 500 without error code and message",
            ),
        );
    }

    #[test]
    fn junk_is_read_as_an_incomplete_answer() {
        for body in [
            "",
            "junk",
            "data: {",
            "\0\0\0\u{10}\0\0\0\0",
            "data: []\n\n",
        ] {
            for operation in [BEDROCK, MANTLE] {
                let Observed::Known(answer) = told(200, &[], body, operation) else {
                    panic!("{body:?}");
                };
                assert!(!answer.complete, "{body:?}");
            }
        }
    }

    #[test]
    fn events_are_read_to_the_last_one() {
        let events = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":1}}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        let Observed::Known(answer) = told(200, &[], events, MANTLE) else {
            panic!("an answer");
        };
        assert!(answer.complete);
        let usage = Usage {
            input_tokens: 8,
            output_tokens: 1,
        };
        assert_eq!(answer.usage, Some(usage));
        let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        failure(
            200,
            &[],
            error,
            MANTLE,
            (FailureKind::Service, Some("overloaded_error"), "Overloaded"),
        );
    }
}
