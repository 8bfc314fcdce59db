//! `~/.aws/login/cache/<sha256>.json`: what `aws login` leaves behind.

use sha2::{Digest, Sha256};

use super::{Expiry, JsonProblem, Secret, json};

/// A cached login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTokenFile {
    /// The id of the access key.
    pub access_key_id: Option<String>,
    /// The key itself.
    pub secret_access_key: Option<Secret>,
    /// The session token that belongs to the key.
    pub session_token: Option<Secret>,
    /// The AWS account.
    pub account_id: Option<String>,
    /// When the key expires.
    pub expires_at: Expiry,
    /// What the login is renewed with.
    pub refresh_token: Option<Secret>,
    /// Who signed in, as a signed statement. Nothing here uses it.
    pub id_token: Option<Secret>,
    /// The client that the login was made for.
    pub client_id: Option<String>,
    /// The private key that proves a renewal comes from where the login was made, as PEM.
    pub dpop_key: Option<Secret>,
    /// Where the login is renewed; only newer logins say.
    pub sign_in_region: Option<String>,
    /// The fields without which the SDK refuses the file, even when the key is still good.
    ///
    /// They are those a renewal needs, and the account.
    pub missing: Vec<&'static str>,
}

impl LoginTokenFile {
    /// Returns everything in the file that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let own = [
            &self.secret_access_key,
            &self.session_token,
            &self.refresh_token,
            &self.id_token,
            &self.dpop_key,
        ];
        own.into_iter().flatten()
    }
}

/// Everything without which the SDK refuses a file, in its order; the last one stands within the first.
pub const REQUIRED: [&str; 5] = [
    "accessToken",
    "clientId",
    "refreshToken",
    "dpopKey",
    "accountId",
];

/// Reads a file of the cache.
pub fn parse(text: &str) -> Result<LoginTokenFile, JsonProblem> {
    let members = json::object(text)?;
    let key = json::get(&members, "accessToken")
        .and_then(json::members)
        .unwrap_or_default();
    let text_of = |field| json::get(&key, field).and_then(json::string);
    let top = |field| json::get(&members, field).and_then(json::string);

    let lacks = |members, field| !json::get(members, field).is_some_and(json::truthy);
    let missing = REQUIRED
        .into_iter()
        .filter(|&field| match field {
            "accountId" => lacks(&key, field),
            _ => lacks(&members, field),
        })
        .collect();

    Ok(LoginTokenFile {
        access_key_id: text_of("accessKeyId"),
        secret_access_key: text_of("secretAccessKey").map(Secret::new),
        session_token: text_of("sessionToken").map(Secret::new),
        account_id: text_of("accountId"),
        refresh_token: top("refreshToken").map(Secret::new),
        id_token: top("idToken").map(Secret::new),
        client_id: top("clientId"),
        dpop_key: top("dpopKey").map(Secret::new),
        expires_at: Expiry::of_json(json::get(&key, "expiresAt")),
        sign_in_region: top("signInRegion").filter(|region| !region.is_empty()),
        missing,
    })
}

/// Returns the name of the file that holds the login, made from the value of `login_session`.
pub fn cache_file_name(login_session: &str) -> String {
    super::cache_file_name(&Sha256::digest(login_session.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{JsonProblem, cache_file_name, parse};

    const LOGIN: &str = r#"{
        "accessToken": {
            "accessKeyId": "ASIALOGIN", "secretAccessKey": "sk-secret", "sessionToken": "st-secret",
            "accountId": "123456789012", "expiresAt": "2099-01-01T00:00:00Z"
        },
        "tokenType": "aws_sigv4", "refreshToken": "rt-secret", "idToken": "it-secret",
        "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": "dk-secret",
        "signInRegion": "eu-west-1"
    }"#;

    #[test]
    fn a_login_is_read() {
        let file = parse(LOGIN).unwrap();
        assert_eq!(file.access_key_id.as_deref(), Some("ASIALOGIN"));
        assert_eq!(file.account_id.as_deref(), Some("123456789012"));
        assert_eq!(
            file.secret_access_key.as_ref().unwrap().expose(),
            "sk-secret"
        );
        assert_eq!(file.session_token.as_ref().unwrap().expose(), "st-secret");
        assert_eq!(file.refresh_token.as_ref().unwrap().expose(), "rt-secret");
        assert_eq!(file.dpop_key.as_ref().unwrap().expose(), "dk-secret");
        let client = "arn:aws:signin:::devtools/same-device";
        assert_eq!(file.client_id.as_deref(), Some(client));
        assert_eq!(file.sign_in_region.as_deref(), Some("eu-west-1"));
        assert_eq!(file.expires_at.moment().unwrap().as_second(), 4_070_908_800);
        assert!(file.missing.is_empty());
        assert!(!format!("{file:?}").contains("-secret"));
    }

    #[test]
    fn missing_fields_are_named_in_the_order_of_the_sdk() {
        let file = parse(r#"{"accessToken":{},"clientId":"","refreshToken":null}"#).unwrap();
        assert_eq!(
            file.missing,
            ["clientId", "refreshToken", "dpopKey", "accountId"]
        );
        let file = parse("{}").unwrap();
        assert_eq!(file.missing.len(), 5);
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        assert_eq!(parse(""), Err(JsonProblem::Empty));
        assert_eq!(parse("[]"), Err(JsonProblem::NotAnObject));
        assert_eq!(parse("{,}"), Err(JsonProblem::Malformed { line: 1 }));
    }

    #[test]
    fn the_file_is_named_after_the_session() {
        assert_eq!(
            cache_file_name("arn:aws:iam::123456789012:user/me"),
            "286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _any = parse(&text);
        }
    }
}
