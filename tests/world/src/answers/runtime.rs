//! The Bedrock runtime: any model id works, as long as the body is one a Claude model takes.

use serde_json::{Value, json};

use crate::{
    account::{Account, SONNET},
    event_stream,
    record::Request,
    reply::Reply,
};

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Option<Reply> {
    if operation == "CountTokens" {
        return Some(Reply::json(200, &json!({"inputTokens": 8})));
    }
    if let Err(message) = validate(&request.body) {
        return Some(Reply::aws_error(
            request,
            400,
            "ValidationException",
            &message,
        ));
    }
    let model = name(request.model.as_deref()?, account);
    match operation {
        "InvokeModel" => Some(
            Reply::json(200, &message(model))
                .header("x-amzn-bedrock-input-token-count", "8")
                .header("x-amzn-bedrock-output-token-count", "5"),
        ),
        "InvokeModelWithResponseStream" => {
            let body: Vec<u8> = events(model).iter().flat_map(event_stream::chunk).collect();
            Some(
                Reply::new(200, event_stream::CONTENT_TYPE, body)
                    .header("x-amzn-bedrock-content-type", "application/json"),
            )
        }
        _ => None,
    }
}

/// Returns the name the model itself gives in an answer: that of the model behind a profile.
fn name<'a>(id: &'a str, account: &'a Account) -> &'a str {
    let profile = id.rsplit('/').next().unwrap_or(id);
    let declared = account
        .application_profiles
        .iter()
        .find(|(known, _)| known == profile);
    let base = match declared {
        Some((_, model)) => model,
        None if id.contains(":application-inference-profile/") => SONNET,
        None => id,
    };
    base.rsplit_once("anthropic.")
        .map_or(base, |(_, name)| name)
}

/// Says, in AWS's words, what is wrong with a body.
fn validate(body: &str) -> Result<(), String> {
    let Ok(Value::Object(body)) = serde_json::from_str(body) else {
        return Err(
            "Malformed input request, please reformat your input and try again.".to_owned(),
        );
    };
    let required = ["anthropic_version", "max_tokens", "messages"];
    let missing: Vec<&str> = required
        .into_iter()
        .filter(|key| !body.contains_key(*key))
        .collect();
    let malformed = |what: &str| {
        format!("Malformed input request: {what}, please reformat your input and try again.")
    };
    match missing.as_slice() {
        [] => {}
        [key] => return Err(malformed(&format!("#: required key [{key}] not found"))),
        keys => {
            return Err(malformed(&format!(
                "{} schema violations found",
                keys.len()
            )));
        }
    }
    if body["messages"].as_array().is_none_or(Vec::is_empty) {
        return Err("messages: at least one message is required".to_owned());
    }
    if body["max_tokens"].as_i64().is_none_or(|tokens| tokens < 1) {
        return Err("max_tokens: must be greater than or equal to 1".to_owned());
    }
    Ok(())
}

pub(super) fn message(model: &str) -> Value {
    json!({
        "id": "msg_bdrk_01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "pong"}],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "usage": {"input_tokens": 8, "output_tokens": 5},
    })
}

pub(crate) fn events(model: &str) -> [Value; 6] {
    let mut start = message(model);
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = json!(1);
    [
        json!({"type": "message_start", "message": start}),
        json!({"type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": "pong"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "usage": {"output_tokens": 5},
            "delta": {"stop_reason": "end_turn", "stop_sequence": null}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": 8, "outputTokenCount": 5,
            "invocationLatency": 40, "firstByteLatency": 20}}),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &Value, want: &str) {
        assert_eq!(validate(&body.to_string()), Err(want.to_owned()));
    }

    #[test]
    fn refuses_what_a_claude_model_refuses() {
        check(
            &json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1}),
            "Malformed input request: #: required key [messages] not found, \
             please reformat your input and try again.",
        );
        check(
            &json!({"anthropic_version": "v", "max_tokens": 1, "messages": []}),
            "messages: at least one message is required",
        );
        check(
            &json!({"anthropic_version": "v", "max_tokens": 0, "messages": [{}]}),
            "max_tokens: must be greater than or equal to 1",
        );
        check(
            &json!({}),
            "Malformed input request: 3 schema violations found, \
             please reformat your input and try again.",
        );
    }
}
