//! The Messages API as Mantle and Claude Platform on AWS have it.

use std::fmt::Write as _;

use serde_json::Value;

use super::runtime;
use crate::{record::Request, reply::Reply};

pub(super) fn answer(request: &Request) -> Option<Reply> {
    let body: Value = serde_json::from_str(&request.body).ok()?;
    let model = body["model"].as_str()?;
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
