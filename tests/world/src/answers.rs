//! What a healthy AWS answers, one file per service.

mod bedrock;
mod iam;
mod messages;
mod metadata;
mod quotas;
pub(crate) mod runtime;
mod sso;
mod sts;

use serde_json::{Value, json};

use crate::{account::Account, record::Request, reply::Reply};

/// Returns the refresh token that `request` wants to renew something with.
pub(crate) fn refresh_token(request: &Request) -> Option<String> {
    let renews = ["sso-oidc:CreateToken", "signin:CreateOAuth2Token"];
    if !renews.contains(&request.operation.as_str()) {
        return None;
    }
    let body: Value = serde_json::from_str(&request.body).ok()?;
    body["refreshToken"].as_str().map(str::to_owned)
}

/// Refuses a refresh token that was used before.
pub(crate) fn spent(request: &Request) -> Reply {
    if request.service == "signin" {
        return sso::login_refused("TOKEN_EXPIRED", "The refresh token has expired");
    }
    let message = "Invalid refresh token provided";
    Reply::aws_error(request, 400, "InvalidGrantException", message)
}

/// Answers `request`; `serial` makes tokens that are handed out differ.
pub(crate) fn answer(request: &Request, account: &Account, serial: u64) -> Reply {
    let (service, operation) = request.operation.split_once(':').unwrap_or_default();
    let reply = match service {
        "sts" => sts::answer(operation, request, account),
        "iam" => iam::answer(operation, request, account),
        "servicequotas" => quotas::answer(operation, request, account),
        "sso" | "sso-oidc" | "signin" => sso::answer(operation, request, account, serial),
        "bedrock" if request.service == "bedrock-runtime" => {
            runtime::answer(operation, request, account)
        }
        "bedrock" => bedrock::answer(operation, request, account),
        "bedrock-mantle" if operation == "ListModels" => Some(messages::list(account)),
        "bedrock-mantle" | "aws-external-anthropic" => messages::answer(request),
        "imds" | "container" => Some(metadata::answer(operation, request, account)),
        _ => None,
    };
    reply.unwrap_or_else(|| {
        let Request {
            method, host, path, ..
        } = request;
        // So AWS answers what it has no operation for. The reason is for whoever looks at the exchange.
        let body = json!({
            "Output": {"__type": "com.amazon.coral.service#UnknownOperationException"},
            "Version": "1.0",
        });
        let why = format!("the pretend AWS has no answer for {method} {host} {path}");
        Reply::json(404, &body).header("x-pretend-aws", &why)
    })
}
