//! IAM Identity Center (portal and OIDC), and the sign-in service behind `aws login`.

use serde_json::{Value, json};

use crate::{account::Account, dpop, record::Request, reply::Reply};

pub(super) fn answer(
    operation: &str,
    request: &Request,
    account: &Account,
    serial: u64,
) -> Option<Reply> {
    match operation {
        "CreateToken" => return Some(oidc_token(request, serial)),
        "RegisterClient" => {
            return Some(Reply::json(
                200,
                &json!({
                    "clientId": "client-id",
                    "clientSecret": "client-secret",
                    "clientIdIssuedAt": account.now().as_second(),
                    "clientSecretExpiresAt": account.after(90 * 86_400).as_second(),
                }),
            ));
        }
        "CreateOAuth2Token" => return Some(login_token(request, account, serial)),
        _ => {}
    }
    if !request.headers.contains_key("x-amz-sso_bearer_token") {
        let message = "Session token not found or invalid";
        return Some(Reply::aws_error(
            request,
            401,
            "UnauthorizedException",
            message,
        ));
    }
    let body = match operation {
        "GetRoleCredentials" => {
            request.parameter("account_id")?;
            request.parameter("role_name")?;
            json!({"roleCredentials": {
                "accessKeyId": "ASIAFROMSSOPORTAL",
                "secretAccessKey": "secret-from-sso",
                "sessionToken": "session-token-from-sso",
                "expiration": account.after(3600).as_millisecond(),
            }})
        }
        "ListAccounts" => json!({"accountList": [
            {"accountId": account.id, "accountName": "dev", "emailAddress": "dev@example.com"},
        ]}),
        "ListAccountRoles" => json!({"roleList": [
            {"roleName": "Dev", "accountId": request.parameter("account_id")?},
        ]}),
        _ => return None,
    };
    Some(Reply::json(200, &body))
}

fn oidc_token(request: &Request, serial: u64) -> Reply {
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let has = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    if !(has("clientId") && has("clientSecret") && has("grantType")) {
        let message = "Invalid request";
        return Reply::aws_error(request, 400, "InvalidRequestException", message);
    }
    if body["grantType"] == "refresh_token" && !has("refreshToken") {
        return Reply::aws_error(
            request,
            400,
            "InvalidGrantException",
            "Invalid refresh token",
        );
    }
    Reply::json(
        200,
        &json!({
            "accessToken": format!("sso-access-token-{serial}"),
            "tokenType": "Bearer",
            "expiresIn": 28_800,
            "refreshToken": format!("sso-refresh-token-{serial}"),
        }),
    )
}

/// Refuses a renewal as the sign-in service does: `error` says why.
pub(super) fn login_refused(error: &str, message: &str) -> Reply {
    Reply::json(403, &json!({"error": error, "message": message}))
        .header("x-amzn-errortype", "AccessDeniedException")
}

fn login_token(request: &Request, account: &Account, serial: u64) -> Reply {
    if let Some(fault) = dpop::fault(request, account) {
        return Reply::aws_error(request, 400, "ValidationException", fault);
    }
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let has = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    if body["grantType"] != "refresh_token" || !has("clientId") || !has("refreshToken") {
        return Reply::aws_error(request, 400, "ValidationException", "Invalid request");
    }
    Reply::json(
        200,
        &json!({
            "accessToken": {
                "accessKeyId": "ASIAFROMLOGIN",
                "secretAccessKey": "secret-from-login",
                "sessionToken": "session-token-from-login",
            },
            "tokenType": "aws_sigv4",
            "expiresIn": 900,
            "refreshToken": format!("login-refresh-token-{serial}"),
        }),
    )
}
