//! `aws login`: short-lived keys in `~/.aws/login/cache`, and their renewal.

use std::path::{Path, PathBuf};

use aws_sdk_signin::operation::create_o_auth2_token::CreateOAuth2TokenError;
use aws_sdk_signin::types::CreateOAuth2TokenRequestBody;
use bedrock_doctor_checks::claude_code::credential_plan::RENEWAL_WINDOW;
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use bedrock_doctor_checks::parse::JsonProblem;
use bedrock_doctor_checks::parse::login_token::{self, LoginTokenFile};
use bedrock_doctor_checks::parse::rewrite::Change;
use bedrock_doctor_checks::text::{list, relative};

use super::{Chain, Delivered, Outcome, Refused, Signer, dpop, keys, renewal};
use crate::aws;
use crate::world::FileText;

/// The keys of a sign-in.
pub(super) async fn session(chain: &Chain<'_>, profile: &str, session: &str) -> Outcome {
    // The SDK takes the folder of the variable as it stands: `~` is one like any other.
    let folder = chain
        .variable("AWS_LOGIN_CACHE_DIRECTORY")
        .map_or_else(|| chain.world.expand("~/.aws/login/cache"), PathBuf::from);
    let as_told = folder.join(login_token::cache_file_name(session));
    let path = chain.world.working_folder().join(&as_told);
    let shown = chain.world.shown(&path);
    let missing = |why: String, error: String| {
        let printed = format!("Failed to load token from {}: {error}", as_told.display());
        Refused::new("login-missing", why).printing(printed)
    };
    let lacks = |fields: &[&str]| {
        let error = "CredentialsProviderError: Token validation failed, missing fields";
        format!("{error}: {}", fields.join(", "))
    };
    let text = match chain.world.read(&path) {
        FileText::Text(text) => text,
        FileText::Absent => {
            return Err(missing(
                format!("profile `{profile}` is not signed in: there is no `{shown}`"),
                format!(
                    "Error: ENOENT: no such file or directory, open '{}'",
                    as_told.display()
                ),
            ));
        }
        FileText::Unreadable(why) => {
            return Err(missing(
                format!("`{shown}` cannot be read: {why}"),
                format!("Error: {why}"),
            ));
        }
    };
    let unusable = || format!("`{shown}` holds no usable sign-in");
    let token = login_token::parse(&text).map_err(|problem| {
        let words = match problem {
            JsonProblem::Empty => "SyntaxError: JSON Parse error: Unexpected EOF".to_owned(),
            // What the engine says next depends on what stands there.
            JsonProblem::Malformed { .. } => "SyntaxError: JSON Parse error".to_owned(),
            JsonProblem::NotAnObject => lacks(&login_token::REQUIRED),
        };
        missing(unusable(), words)
    })?;
    // The key has several lines; each of them tells.
    for line in token.secrets().flat_map(|secret| secret.expose().lines()) {
        chain.secrets.remember(line);
    }
    // The SDK refuses the whole file without the parts of a renewal, even while the keys are good.
    if !token.missing.is_empty() {
        let why = format!("`{shown}` lacks {}", list(&token.missing));
        return Err(missing(why, lacks(&token.missing)));
    }
    let (Some(id), Some(secret), Some(session_token)) = (
        &token.access_key_id,
        &token.secret_access_key,
        &token.session_token,
    ) else {
        return Err(Refused::new("login-missing", unusable()).stopping());
    };
    let expires_at = token.expires_at.moment();
    let cached = |note: &str| Delivered {
        expires_at,
        renewable: true,
        profile: Some(profile.to_owned()),
        ..Delivered::new(
            keys(id, secret.expose(), Some(session_token.expose())),
            format!("profile `{profile}` is signed in with aws login{note}"),
        )
    };
    // Keys whose expiry is no date are used as they are, and never renewed.
    let Some(at) = expires_at else {
        return Ok(cached(""));
    };
    let left = at.as_second() - chain.now().as_second();
    let expired = |what: &str| {
        let when = relative(at, chain.now());
        format!("the sign-in of profile `{profile}` expired {when}{what}")
    };
    if left > RENEWAL_WINDOW {
        return Ok(cached(""));
    }
    if let Some(put_off) = renewal::put_off(chain, &path) {
        return if left > 0 {
            Ok(cached(put_off.note()))
        } else {
            Err(put_off.refused("login-not-renewed", expired))
        };
    }
    match renew(chain, profile, &path, &text, &token).await {
        Ok(fresh) => Ok(fresh),
        Err(Refusal {
            ends: Some((cause, printed)),
            failure,
        }) => {
            let words = failure.words();
            let reason =
                format!("AWS refuses to renew the sign-in of profile `{profile}`: {words}");
            Err(Refused::new(cause, reason).printing(printed).with(failure))
        }
        Err(Refusal { failure, .. }) if left > 0 => Ok(cached(&format!(
            "; it could not be renewed: {}",
            failure.words()
        ))),
        // The chain goes on, as for every error of the SDK that does not say otherwise.
        Err(Refusal { failure, .. }) => {
            let what = format!(" and could not be renewed: {}", failure.words());
            Err(Refused::new("login-renewal-failed", expired(&what)).with(failure))
        }
    }
}

/// Why a sign-in was not renewed.
struct Refusal {
    /// The chain ends: the cause, and the SDK's words.
    ends: Option<(&'static str, String)>,
    failure: Failure,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            ends: None,
            failure,
        }
    }
}

async fn renew(
    chain: &Chain<'_>,
    profile: &str,
    path: &Path,
    before: &str,
    token: &LoginTokenFile,
) -> Result<Delivered, Refusal> {
    let [refresh_token, dpop_key] = [&token.refresh_token, &token.dpop_key]
        .map(|secret| secret.as_ref().map_or("", |secret| secret.expose()));
    let region = token
        .sign_in_region
        .as_deref()
        .or_else(|| chain.resolved.inputs.profiles.get(profile, "region"))
        .unwrap_or(&chain.resolved.configuration.region.value);
    let endpoint = chain.resolved.credentials.sign_in(region);
    let (config, host) = chain
        .client(endpoint, region, &Signer::Nobody)
        .map_err(Refused::into_failure)?;
    let address = config.endpoint_url().unwrap_or_default();
    let url = format!("{}/v1/token", address.trim_end_matches('/'));
    let proof = dpop::proof(dpop_key, &url, chain.world.clock()).ok_or_else(|| {
        let what = "its `dpopKey` is no P-256 key in PEM, so no proof can be made with it";
        Failure::new(FailureKind::File, what)
    })?;
    let body = CreateOAuth2TokenRequestBody::builder()
        .client_id(token.client_id.as_deref().unwrap_or_default())
        .grant_type("refresh_token")
        .refresh_token(refresh_token)
        .build()
        .ok();
    let answer = aws_sdk_signin::Client::new(&config)
        .create_o_auth2_token()
        .set_token_input(body)
        .customize()
        .mutate_request(move |request| {
            request.headers_mut().insert("DPoP", proof.clone());
        })
        .send();
    let answer = super::within(chain, renewal::patience(chain), &host, "signin", answer)
        .await
        .map_err(Refused::into_failure)?
        .map_err(|error| Refusal {
            ends: error.as_service_error().and_then(ends),
            failure: aws::failure("signin", &host, chain.secrets, &error),
        })?;
    let fresh = answer.token_output();
    let found = fresh.and_then(|fresh| Some((fresh, fresh.access_token()?)));
    let found = found.filter(|(fresh, key)| {
        let parts = [
            key.access_key_id(),
            key.secret_access_key(),
            key.session_token(),
        ];
        !parts.contains(&"") && !fresh.refresh_token().is_empty()
    });
    let Some((fresh, key)) = found else {
        let what = "the sign-in service returned incomplete credentials";
        return Err(Failure::new(FailureKind::Http, what).into());
    };
    for secret in [
        key.secret_access_key(),
        key.session_token(),
        fresh.refresh_token(),
    ] {
        chain.secrets.remember(secret);
    }
    let (expires_at, written) = renewal::expiry(
        chain.world,
        match fresh.expires_in() {
            0 => 900,
            seconds => seconds,
        },
    );
    let keys_now = [
        ("accessKeyId", Change::Text(key.access_key_id())),
        ("secretAccessKey", Change::Text(key.secret_access_key())),
        ("sessionToken", Change::Text(key.session_token())),
        ("expiresAt", Change::Text(&written)),
    ];
    let changes = [
        ("accessToken", Change::Within(&keys_now)),
        ("refreshToken", Change::Text(fresh.refresh_token())),
    ];
    // Unlike for Identity Center, the SDK does not use what it could not save.
    renewal::save(chain, path, before, &changes).map_err(|why| {
        let what = format!("the sign-in was renewed, and {why}");
        Failure::new(FailureKind::File, what)
    })?;
    Ok(Delivered {
        expires_at: Some(expires_at),
        renewable: true,
        profile: Some(profile.to_owned()),
        ..Delivered::new(
            keys(
                key.access_key_id(),
                key.secret_access_key(),
                Some(key.session_token()),
            ),
            format!("profile `{profile}` is signed in with aws login; the sign-in was renewed"),
        )
    })
}

/// What the SDK makes of a refusal that ends the chain, even while the keys are good.
fn ends(error: &CreateOAuth2TokenError) -> Option<(&'static str, String)> {
    let CreateOAuth2TokenError::AccessDeniedException(denied) = error else {
        return None;
    };
    let code = denied.error().as_str();
    let printed = match code {
        "TOKEN_EXPIRED" => "Your session has expired. Please reauthenticate.".to_owned(),
        "USER_CREDENTIALS_CHANGED" => "Unable to refresh credentials because of a change in your password. Please reauthenticate with your new password.".to_owned(),
        "INSUFFICIENT_PERMISSIONS" => "Unable to refresh credentials due to insufficient permissions. You may be missing permission for the 'CreateOAuth2Token' action.".to_owned(),
        _ => format!("Failed to refresh token: AccessDeniedException: {}. Please re-authenticate using `aws login`", denied.message()),
    };
    let cause = match code {
        "INSUFFICIENT_PERMISSIONS" => "login-renewal-denied",
        _ => "login-expired",
    };
    Some((cause, printed))
}
