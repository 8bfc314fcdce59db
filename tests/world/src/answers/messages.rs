//! The Messages API as Mantle and Claude Platform on AWS have it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::runtime;
use crate::{record::Request, reply::Reply};

pub(super) fn answer(request: &Request) -> Option<Reply> {
    let body: Value = serde_json::from_str(&request.body).ok()?;
    let model = body["model"].as_str()?;
    if body["messages"].as_array().is_none_or(Vec::is_empty) {
        return Some(Reply::json(
            400,
            &json!({"type": "error", "error": {
                "type": "invalid_request_error",
                "message": "messages: at least one message is required",
            }}),
        ));
    }
    if body["stream"] != true {
        return Some(Reply::json(200, &runtime::message(model)));
    }
    let mut events = String::new();
    for event in runtime::events(model) {
        let kind = event["type"].as_str().unwrap_or_default();
        let _ = write!(events, "event: {kind}\ndata: {event}\n\n");
    }
    Some(Reply::new(200, "text/event-stream", events))
}
