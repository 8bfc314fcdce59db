//! `~/.aws/sso/cache/<sha1>.json`: the token of IAM Identity Center.
//!
//! The folder also holds the client registrations of the AWS CLI and of older tools; they are told
//! apart, because a cache folder with files in it is not yet a login.

use sha1::{Digest, Sha1};

use super::json::{self, Kind};
use super::{Expiry, JsonProblem, Secret};

/// A cached token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoTokenFile {
    /// The token that the portal takes for role credentials.
    pub access_token: Secret,
    /// When it expires.
    ///
    /// For a profile with an `sso_session` the SDK refuses the token when this is missing, and takes it for expired when
    /// it is no date. In the old form without one it uses the token all the same (seen with 2.1.330).
    pub expires_at: Expiry,
    /// What the token can be renewed with.
    pub refresh_token: Option<Secret>,
    /// The registered client; renewal needs it.
    pub client_id: Option<Secret>,
    /// The registered client's secret; renewal needs it.
    pub client_secret: Option<Secret>,
    /// When the registration expires, if the file says. The SDK does not look at it.
    pub registration_expires_at: Option<Expiry>,
    /// The Region of the portal that issued the token. The SDK does not look at it.
    pub region: Option<String>,
    /// The start URL of the portal that issued the token. The SDK does not look at it.
    pub start_url: Option<String>,
}

impl SsoTokenFile {
    /// Returns everything in the file that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [&self.client_secret, &self.refresh_token]
            .into_iter()
            .flatten()
            .chain([&self.access_token])
    }

    /// Returns whether the SDK has what it needs to try a renewal; a token without `expiresAt` it does not even look at.
    pub fn can_try_renewal(&self) -> bool {
        self.expires_at != Expiry::Missing && self.missing_for_renewal().is_none()
    }

    /// Returns the first member that the SDK misses for a renewal.
    pub fn missing_for_renewal(&self) -> Option<&'static str> {
        [
            ("clientId", &self.client_id),
            ("clientSecret", &self.client_secret),
            ("refreshToken", &self.refresh_token),
        ]
        .into_iter()
        .find_map(|(name, value)| value.is_none().then_some(name))
    }
}

/// Why a file in the cache is not a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenProblem {
    /// It is not a JSON object.
    Json(JsonProblem),
    /// It is the registration of a client: it has an id and a secret and no token.
    ClientRegistration,
    /// It is the cache of `aws login`, which belongs to another folder.
    LoginToken,
    /// It is an object without a token.
    NoAccessToken,
}

/// Reads a file of the cache.
pub fn parse(text: &str) -> Result<SsoTokenFile, TokenProblem> {
    let members = json::object(text).map_err(TokenProblem::Json)?;
    let text_of = |key| json::get(&members, key).and_then(json::string);
    let access_token = match json::get(&members, "accessToken") {
        Some(value) if json::kind(value) == Kind::Text => json::text(value),
        Some(value) if json::kind(value) == Kind::Object => return Err(TokenProblem::LoginToken),
        _ if text_of("clientId").is_some() && text_of("clientSecret").is_some() => {
            return Err(TokenProblem::ClientRegistration);
        }
        _ => return Err(TokenProblem::NoAccessToken),
    };
    let secret_of = |key| text_of(key).map(Secret::new);
    Ok(SsoTokenFile {
        access_token: Secret::new(access_token),
        expires_at: Expiry::of_json(json::get(&members, "expiresAt")),
        refresh_token: secret_of("refreshToken"),
        client_id: secret_of("clientId"),
        client_secret: secret_of("clientSecret"),
        registration_expires_at: json::get(&members, "registrationExpiresAt")
            .map(|value| Expiry::of_json(Some(value))),
        region: text_of("region"),
        start_url: text_of("startUrl"),
    })
}

/// Returns the name of the file that holds the token.
///
/// It is made from the name of the `sso_session`, or from the start URL when the profile has none.
pub fn cache_file_name(session_name_or_start_url: &str) -> String {
    let hash = Sha1::digest(session_name_or_start_url.as_bytes());
    super::cache_file_name(&hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{JsonProblem, TokenProblem, cache_file_name, parse};

    const TOKEN: &str = r#"{
        "startUrl": "https://acme.awsapps.com/start", "region": "eu-west-1",
        "accessToken": "acc-secret", "expiresAt": "2099-01-01T00:00:00Z",
        "clientId": "id-secret", "clientSecret": "cs-secret", "refreshToken": "rt-secret",
        "registrationExpiresAt": "2099-02-01T00:00:00Z", "somethingNew": [1]
    }"#;

    #[test]
    fn a_token_is_read() {
        let file = parse(TOKEN).unwrap();
        assert_eq!(file.access_token.expose(), "acc-secret");
        assert_eq!(file.expires_at.moment().unwrap().as_second(), 4_070_908_800);
        assert_eq!(file.region.as_deref(), Some("eu-west-1"));
        assert_eq!(
            file.start_url.as_deref(),
            Some("https://acme.awsapps.com/start")
        );
        assert!(file.registration_expires_at.as_ref().unwrap().moment() > file.expires_at.moment());
        assert!(file.can_try_renewal());
        assert!(!format!("{file:?}").contains("-secret"));
    }

    #[test]
    fn a_token_without_the_registration_cannot_be_renewed() {
        let file = parse(r#"{"accessToken":"a","expiresAt":"x","refreshToken":"r"}"#).unwrap();
        assert!(!file.can_try_renewal());
        assert_eq!(file.missing_for_renewal(), Some("clientId"));
        assert_eq!(file.expires_at.moment(), None);
    }

    #[test]
    fn other_files_of_the_folder_are_told_apart() {
        for (text, want) in [
            (
                r#"{"clientId":"c","clientSecret":"s","expiresAt":"2099-01-01T00:00:00Z"}"#,
                TokenProblem::ClientRegistration,
            ),
            (
                r#"{"accessToken":{"accessKeyId":"A"},"tokenType":"aws_sigv4"}"#,
                TokenProblem::LoginToken,
            ),
            (
                r#"{"expiresAt":"2099-01-01T00:00:00Z"}"#,
                TokenProblem::NoAccessToken,
            ),
            (r#"{"accessToken":null}"#, TokenProblem::NoAccessToken),
            ("[]", TokenProblem::Json(JsonProblem::NotAnObject)),
            ("", TokenProblem::Json(JsonProblem::Empty)),
            (
                "{\n  \"accessToken\": \"a",
                TokenProblem::Json(JsonProblem::Malformed { line: 2 }),
            ),
        ] {
            assert_eq!(parse(text), Err(want), "{text}");
        }
    }

    #[test]
    fn the_file_is_named_after_the_session() {
        assert_eq!(
            cache_file_name("acme"),
            "293abb6b76d7791c0732cc517d38c4b5c734b87f.json"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _any = parse(&text);
        }

        #[test]
        fn a_written_token_is_read_back(token in any::<String>(), region in any::<String>()) {
            let file = serde_json::json!({ "accessToken": token, "region": region });
            let read = parse(&file.to_string()).unwrap();
            prop_assert_eq!(read.access_token.expose(), token);
            prop_assert_eq!(read.region, Some(region));
        }
    }
}
