//! An answer, before and while it goes out.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde_json::{Value, json};
use tokio::time::Sleep;

use crate::{answers::runtime, event_stream, record::Request};

/// Status, header fields and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self::new(status, "text/xml", body)
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body.to_owned())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An error in the form the asked service has.
    pub(crate) fn aws_error(asked: &Request, status: u16, code: &str, message: &str) -> Self {
        match asked.service.as_str() {
            "sts" | "iam" => {
                let fault = if status < 500 { "Sender" } else { "Receiver" };
                Self::xml(
                    status,
                    format!(
                        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
                         <Error>\n    <Type>{fault}</Type>\n    <Code>{}</Code>\n    \
                         <Message>{}</Message>\n  </Error>\n  \
                         <RequestId>{REQUEST_ID}</RequestId>\n</ErrorResponse>\n",
                        escape(code),
                        escape(message)
                    ),
                )
            }
            "oidc" => Self::json(
                status,
                &json!({"error": snake_case(code), "error_description": message}),
            )
            .header("x-amzn-errortype", code),
            "portal.sso" => {
                let kind = format!("com.amazonaws.switchboard.portal#{code}");
                Self::json(status, &json!({"message": message, "__type": kind}))
                    .header("x-amzn-errortype", code)
            }
            // The suffix is what Bedrock sends: a client has to cut it off.
            "bedrock" | "bedrock-runtime" => Self::json(status, &json!({"message": message}))
                .header(
                    "x-amzn-errortype",
                    &format!("{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
                ),
            _ => Self::json(status, &json!({"message": message})).header("x-amzn-errortype", code),
        }
    }

    /// A stream that starts well and then fails with `code`, as `throttlingException`.
    pub(crate) fn stream_error(code: &str, message: &str) -> Self {
        let start = event_stream::chunk(&json!({
            "type": "message_start",
            "message": {"id": "msg_bdrk_01", "type": "message", "role": "assistant", "model": "",
                "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 8, "output_tokens": 1}},
        }));
        let end = event_stream::exception(code, message);
        Self::new(200, event_stream::CONTENT_TYPE, [start, end].concat())
    }

    /// A whole stream in which a guardrail speaks in the place of the model.
    pub(crate) fn guardrail_intervened() -> Self {
        let mut events = runtime::events("claude");
        events[5]["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        let body: Vec<u8> = events.iter().flat_map(event_stream::chunk).collect();
        Self::new(200, event_stream::CONTENT_TYPE, body)
    }

    /// Writes `request_id` where the answer has a place for it; a web page is none of AWS's and has none.
    pub(crate) fn identified(mut self, request_id: &str) -> Self {
        if self.headers.iter().any(|(_, value)| value == "text/html") {
            return self;
        }
        if self.headers.iter().any(|(_, value)| value == "text/xml") {
            let body = String::from_utf8_lossy(&self.body).replace(REQUEST_ID, request_id);
            self.body = body.into();
        }
        self.header("x-amzn-requestid", request_id)
    }
}

/// Stands for the request id in XML bodies until [`Reply::identified`].
pub(crate) const REQUEST_ID: &str = "@REQUEST_ID@";

/// Escapes text for an XML element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Turns `InvalidGrantException` into `invalid_grant`, as OIDC errors are called.
fn snake_case(code: &str) -> String {
    let mut out = String::new();
    for letter in code.trim_end_matches("Exception").chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// How a body that does not arrive whole ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The connection closes after so many bytes.
    Close(usize),
    /// The connection is reset after so many bytes.
    Reset(usize),
    /// Nothing more arrives after so many bytes.
    Stall(usize),
    /// One byte arrives after each pause of this length.
    Drip(Duration),
}

/// A body that goes out whole, or as far as a [`Cut`] lets it.
pub(crate) struct Outgoing {
    whole: u64,
    data: Option<Bytes>,
    cut: Option<Cut>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub(crate) fn new(mut body: Bytes, cut: Option<Cut>) -> Self {
        let whole = body.len() as u64;
        if let Some(Cut::Close(length) | Cut::Reset(length) | Cut::Stall(length)) = cut {
            body.truncate(length);
        }
        Self {
            whole,
            data: Some(body).filter(|data| !data.is_empty()),
            cut,
            pause: None,
        }
    }
}

impl Outgoing {
    /// The pause that runs, or a new one.
    fn pause(&mut self, length: Duration) -> &mut Pin<Box<Sleep>> {
        self.pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(length)))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(Cut::Drip(length)) = self.cut
            && let Some(mut data) = self.data.take()
        {
            if self.pause(length).as_mut().poll(context).is_pending() {
                self.data = Some(data);
                return Poll::Pending;
            }
            self.pause = None;
            let drop = data.split_to(1);
            self.data = Some(data).filter(|rest| !rest.is_empty());
            return Poll::Ready(Some(Ok(Frame::data(drop))));
        }
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.cut {
            None | Some(Cut::Drip(_)) => Poll::Ready(None),
            Some(Cut::Stall(_)) => Poll::Pending,
            // An error at once would take the bytes with it that are not flushed yet.
            Some(Cut::Close(_) | Cut::Reset(_)) => {
                let pause = self.pause(Duration::from_millis(50));
                pause.as_mut().poll(context).map(|()| {
                    Some(Err(io::Error::new(
                        io::ErrorKind::ConnectionAborted,
                        "cut as asked",
                    )))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.whole)
    }
}

/// The future of an answer that never comes.
pub(crate) async fn never() -> Infallible {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_oidc_errors_as_oauth_does() {
        assert_eq!(snake_case("InvalidGrantException"), "invalid_grant");
        assert_eq!(snake_case("SlowDownException"), "slow_down");
    }
}
