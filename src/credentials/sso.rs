//! IAM Identity Center: role credentials for a cached token. The token is read, never renewed behind the user's back.

use bedrock_doctor_checks::claude_code::credential_plan::Sso;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::parse::sso_token;
use bedrock_doctor_checks::text::relative;
use jiff::Timestamp;

use super::{Chain, Delivered, Outcome, Refused, Signer, keys};
use crate::aws;
use crate::world::FileText;

/// The SDK for JavaScript renews, or gives up on, a token with less than this many seconds left.
const RENEWAL_WINDOW: i64 = 300;

/// The SDK's advice for a profile with an `sso_session`.
const SIGN_IN: &str =
    "To refresh this SSO session run 'aws sso login' with the corresponding profile.";

/// The SDK's advice for a profile of the old form.
const SIGN_IN_OLD_FORM: &str =
    "To refresh this SSO session run aws sso login with the corresponding profile.";

/// Credentials for a role of IAM Identity Center.
pub(super) async fn role_credentials(chain: &Chain<'_>, role: &Sso) -> Outcome {
    let token = usable_token(chain, role)?;
    let endpoint = chain
        .resolved
        .control
        .service("portal.sso", "SSO", &role.region)
        .value;
    let host = host_of(&endpoint);
    let config = aws::config(
        chain.http,
        Plane::Control,
        &role.region,
        &endpoint,
        &Signer::Nobody,
    );
    let answer = aws_sdk_sso::Client::new(&config)
        .get_role_credentials()
        .account_id(&role.account_id)
        .role_name(&role.role_name)
        .access_token(token)
        .send();
    let answer = super::within(chain, &host, "sso", answer)
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
        ..Delivered::new(
            keys(id, secret, found.session_token()),
            format!(
                "role `{}` in account {} through IAM Identity Center",
                role.role_name, role.account_id
            ),
        )
    })
}

/// The cached token, if it may be used as it is.
fn usable_token(chain: &Chain<'_>, role: &Sso) -> Result<String, Refused> {
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
            return Err(missing(format!(
                "no token is cached for profile `{}` (`{}`)",
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
    let token = sso_token::parse(&text).map_err(|_| {
        missing(format!(
            "`{}` holds no usable token",
            chain.world.shown(&path)
        ))
    })?;
    let access_token = token.access_token.expose();
    chain.secrets.remember(access_token);
    let expires_at = token.expires_at.moment();
    let left = expires_at.map_or(i64::MIN, |at| at.as_second() - chain.now().as_second());
    // The old form uses a token whose expiry is no date (seen, 2.1.330).
    if left > RENEWAL_WINDOW || (expires_at.is_none() && role.session.is_none()) {
        return Ok(access_token.to_owned());
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
    // With time left it is still good; renewing it would rewrite the user's cache file.
    if left > 30 {
        return Ok(access_token.to_owned());
    }
    let mut refused = Refused::new(
        "sso-not-renewed",
        format!(
            "the token for profile `{}` expired {when}; Claude Code would renew it, this checkup changes no file",
            role.profile
        ),
    );
    refused.not_tried = true;
    Err(refused)
}
