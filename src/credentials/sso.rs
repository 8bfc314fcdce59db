//! IAM Identity Center: role credentials for a cached token, and the renewal of that token.

use std::path::Path;

use bedrock_doctor_checks::claude_code::credential_plan::{RENEWAL_WINDOW, Sso};
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use bedrock_doctor_checks::parse::rewrite::Change;
use bedrock_doctor_checks::parse::sso_token::{self, SsoTokenFile, TokenProblem};
use bedrock_doctor_checks::parse::{Expiry, JsonProblem};
use bedrock_doctor_checks::text::relative;
use jiff::Timestamp;
use serde_json::Value;

use super::{Chain, Delivered, Outcome, Refused, Signer, keys, renewal};
use crate::aws;
use crate::world::FileText;

/// The SDK's advice for a profile with an `sso_session`.
const SIGN_IN: &str =
    "To refresh this SSO session run 'aws sso login' with the corresponding profile.";

/// The SDK's advice for a profile of the old form.
const SIGN_IN_OLD_FORM: &str =
    "To refresh this SSO session run aws sso login with the corresponding profile.";

/// Credentials for a role of IAM Identity Center.
pub(super) async fn role_credentials(chain: &Chain<'_>, role: &Sso) -> Outcome {
    let token = usable_token(chain, role).await?;
    let routing = &chain.resolved.credentials;
    let endpoint = routing.service("portal.sso", "SSO", &role.region);
    let client = chain.client(endpoint, &role.region, &Signer::Nobody);
    let (config, host) = client.map_err(|refused| {
        // The SDK puts the name of the error before its words here.
        let words = refused.reason.clone();
        refused.printing(words)
    })?;
    let answer = aws_sdk_sso::Client::new(&config)
        .get_role_credentials()
        .account_id(&role.account_id)
        .role_name(&role.role_name)
        .access_token(token.access_token)
        .send();
    let answer = super::within(chain, chain.for_answer(), &host, "sso", answer)
        .await?
        .map_err(|error| {
            let failure = aws::failure("sso", &host, chain.secrets, &error);
            Refused::new("sso-portal-refused", failure.words())
                .stopping()
                .with(failure)
        })?;
    let Some(found) = answer.role_credentials() else {
        return Err(
            Refused::new("sso-portal-refused", "the portal returned no credentials").stopping(),
        );
    };
    let (Some(id), Some(secret)) = (found.access_key_id(), found.secret_access_key()) else {
        return Err(Refused::new(
            "sso-portal-refused",
            "the portal returned incomplete credentials",
        )
        .stopping());
    };
    Ok(Delivered {
        expires_at: Timestamp::from_millisecond(found.expiration()).ok(),
        renewable: true,
        profile: Some(role.profile.clone()),
        configured_account: Some(role.account_id.clone()),
        not_saved: token.not_saved,
        ..Delivered::new(
            keys(id, secret, found.session_token()),
            format!(
                "role `{}` in account {} through IAM Identity Center{}",
                role.role_name, role.account_id, token.note
            ),
        )
    })
}

/// A token to ask the portal with.
pub(super) struct Usable {
    access_token: String,
    /// What there is to say about its renewal.
    note: String,
    not_saved: Option<String>,
}

impl Usable {
    fn as_it_is(access_token: &str) -> Self {
        Self {
            access_token: access_token.to_owned(),
            note: String::new(),
            not_saved: None,
        }
    }
}

/// The cached token, or the one that takes its place.
pub(super) async fn usable_token(chain: &Chain<'_>, role: &Sso) -> Result<Usable, Refused> {
    let file = role.cache_file();
    let path = chain.world.expand("~/.aws/sso/cache").join(&file);
    let missing = |why: String| {
        let printed = match role.session {
            Some(_) => format!(
                "The SSO session token associated with profile={} was not found or is invalid. {SIGN_IN}",
                role.profile
            ),
            None => format!(
                "The SSO session associated with this profile is invalid. {SIGN_IN_OLD_FORM}"
            ),
        };
        Refused::new("sso-token-missing", why).printing(printed)
    };
    let text = match chain.world.read(&path) {
        FileText::Text(text) => text,
        FileText::Absent => {
            let session = role.session.as_ref();
            let session = session.map_or_else(String::new, |name| format!(", session `{name}`"));
            return Err(missing(format!(
                "no token is cached for profile `{}`{session} (`{}`)",
                role.profile,
                chain.world.shown(&path)
            )));
        }
        FileText::Unreadable(why) => {
            return Err(missing(format!(
                "`{}` cannot be read: {why}",
                chain.world.shown(&path)
            )));
        }
    };
    // The SDK looks at what the file holds for sessions only.
    let not_in_file =
        |name: &str| format!("Value not present for '{name}' in SSO Token. {SIGN_IN}");
    let token = sso_token::parse(&text).map_err(|problem| {
        let refused = missing(format!(
            "`{}` holds no usable token",
            chain.world.shown(&path)
        ));
        match (problem, &role.session) {
            (TokenProblem::Json(JsonProblem::Empty | JsonProblem::Malformed { .. }), _)
            | (_, None) => refused,
            (_, Some(_)) => refused.printing(not_in_file("accessToken")),
        }
    })?;
    for secret in token.secrets() {
        chain.secrets.remember(secret.expose());
    }
    let access_token = token.access_token.expose();
    if token.expires_at == Expiry::Missing && role.session.is_some() {
        let reason = format!(
            "the token for profile `{}` does not say when it expires",
            role.profile
        );
        return Err(Refused::new("sso-session-expired", reason).printing(not_in_file("expiresAt")));
    }
    let expires_at = token.expires_at.moment();
    let left = expires_at.map_or(i64::MIN, |at| at.as_second() - chain.now().as_second());
    // The old form, which renews nothing, uses a token to its end, and one whose end is no date (seen, 2.1.330).
    let window = role.session.as_ref().map_or(0, |_| RENEWAL_WINDOW);
    if left > window || (expires_at.is_none() && role.session.is_none()) {
        return Ok(Usable::as_it_is(access_token));
    }
    let when = expires_at.map_or_else(
        || "at no readable date".to_owned(),
        |at| relative(at, chain.now()),
    );
    let renewable = token.can_try_renewal() && role.session.is_some();
    if !renewable {
        let printed = match role.session {
            Some(_) => format!(
                "Value not present for '{}' in SSO Token. Cannot refresh. {SIGN_IN}",
                token.missing_for_renewal().unwrap_or_default()
            ),
            None => format!(
                "The SSO session associated with this profile has expired. {SIGN_IN_OLD_FORM}"
            ),
        };
        return Err(Refused::new(
            "sso-session-expired",
            format!(
                "the token for profile `{}` {} {when} and cannot be renewed",
                role.profile,
                if left > 0 { "expires" } else { "expired" }
            ),
        )
        .printing(printed));
    }
    let expired = |what: &str| {
        format!(
            "the token for profile `{}` expired {when}{what}",
            role.profile
        )
    };
    if let Some(put_off) = renewal::put_off(chain, &path) {
        // With time left it is still good.
        return if left > 30 {
            Ok(Usable {
                note: put_off.note().to_owned(),
                ..Usable::as_it_is(access_token)
            })
        } else {
            Err(put_off.refused("sso-not-renewed", expired))
        };
    }
    match renew(chain, role, &path, &text, &token).await {
        Ok(fresh) => Ok(fresh),
        Err(failure) if left >= 0 => Ok(Usable {
            note: format!("; its token could not be renewed: {}", failure.words()),
            ..Usable::as_it_is(access_token)
        }),
        Err(failure) => {
            let printed = match expires_at {
                Some(_) => format!("Token is expired. {SIGN_IN}"),
                None => "Invalid time value".to_owned(),
            };
            let what = format!(" and could not be renewed: {}", failure.words());
            let cause = if is_refusal(&failure) {
                "sso-refresh-rejected"
            } else {
                "sso-renewal-failed"
            };
            Err(Refused::new(cause, expired(&what))
                .printing(printed)
                .with(failure))
        }
    }
}

/// Whether the refresh token itself was refused, and not only this request.
fn is_refusal(failure: &Failure) -> bool {
    failure.kind == FailureKind::Service
        && failure
            .status
            .is_some_and(|status| (400..500).contains(&status) && status != 429)
}

/// Renews a token and writes its cache file. A file that cannot be written is no obstacle: the SDK goes on, too.
async fn renew(
    chain: &Chain<'_>,
    role: &Sso,
    path: &Path,
    before: &str,
    token: &SsoTokenFile,
) -> Result<Usable, Failure> {
    let [id, secret, refresh_token] =
        [&token.client_id, &token.client_secret, &token.refresh_token]
            .map(|secret| secret.as_ref().map_or("", |secret| secret.expose()));
    let routing = &chain.resolved.credentials;
    let endpoint = routing.service("oidc", "SSO_OIDC", &role.region);
    let (config, host) = chain
        .client(endpoint, &role.region, &Signer::Nobody)
        .map_err(Refused::into_failure)?;
    let answer = aws_sdk_ssooidc::Client::new(&config)
        .create_token()
        .client_id(id)
        .client_secret(secret)
        .refresh_token(refresh_token)
        .grant_type("refresh_token")
        .send();
    let answer = super::within(chain, renewal::patience(chain), &host, "sso-oidc", answer)
        .await
        .map_err(Refused::into_failure)?
        .map_err(|error| {
            let raw = error.raw_response().and_then(|raw| raw.body().bytes());
            let failure = aws::failure("sso-oidc", &host, chain.secrets, &error);
            in_words_of_oauth(failure, raw.unwrap_or_default(), chain)
        })?;
    let Some(fresh) = answer.access_token() else {
        let what = "IAM Identity Center returned no token";
        return Err(Failure::new(FailureKind::Http, what));
    };
    chain.secrets.remember(fresh);
    let next = answer.refresh_token();
    if let Some(next) = next {
        chain.secrets.remember(next);
    }
    let (_, expires_at) = renewal::expiry(chain.world, answer.expires_in());
    let changes = [
        ("accessToken", Change::Text(fresh)),
        ("expiresAt", Change::Text(&expires_at)),
        ("refreshToken", next.map_or(Change::Gone, Change::Text)),
    ];
    let not_saved = renewal::save(chain, path, before, &changes).err();
    Ok(Usable {
        access_token: fresh.to_owned(),
        note: match &not_saved {
            None => "; its token was renewed".to_owned(),
            Some(why) => format!("; its token was renewed, and {why}"),
        },
        not_saved,
    })
}

/// A refusal as OAuth states it, `error` and `error_description`: the SDK reads neither.
fn in_words_of_oauth(failure: Failure, body: &[u8], chain: &Chain<'_>) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(|text| chain.secrets.scrub(text));
    let Some(error) = text("error") else {
        return failure;
    };
    Failure {
        kind: FailureKind::Service,
        message: text("error_description").unwrap_or_else(|| error.clone()),
        code: failure.code.or(Some(error)),
        ..failure
    }
}
