//! The Messages API as Mantle and Claude Platform on AWS have it.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value, json};

use super::runtime;
use crate::{account::Account, record::Request, reply::Reply};

/// The models of Mantle: those behind the profiles of the account, by its own ids.
pub(super) fn list(account: &Account) -> Reply {
    let bases = account.profiles.iter();
    let bases = bases.filter_map(|id| Some(id.split_once('.')?.1));
    let ids: BTreeSet<&str> = bases.map(mantle_id).collect();
    let models: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({"type": "model", "id": id}))
        .collect();
    Reply::json(200, &json!({"data": models, "has_more": false}))
}

/// An id without date and version.
fn mantle_id(id: &str) -> &str {
    let id = id.split("-v1").next().unwrap_or(id);
    match id.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 => name,
        _ => id,
    }
}

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
