//! Keys in the environment and in profiles.

use bedrock_doctor_checks::claude_code::credential_plan::ProfileProvider;

use super::{Chain, Delivered, Outcome, Refused, assume_role, helper, keys, login, sso};

/// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
pub(super) fn environment(chain: &Chain<'_>) -> Outcome {
    let (Some(id), Some(secret)) = (
        chain.variable("AWS_ACCESS_KEY_ID"),
        chain.variable("AWS_SECRET_ACCESS_KEY"),
    ) else {
        return Err(Refused::new(
            "half-environment-keys",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set",
        ));
    };
    let token = chain.variable("AWS_SESSION_TOKEN");
    let expires_at = chain
        .variable("AWS_CREDENTIAL_EXPIRATION")
        .and_then(|text| text.parse().ok());
    Ok(Delivered {
        expires_at,
        ..Delivered::new(
            keys(id, secret, token),
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set".to_owned(),
        )
    })
}

/// Whatever a profile delivers.
pub(super) async fn provide(chain: &Chain<'_>, provider: &ProfileProvider) -> Outcome {
    match provider {
        ProfileProvider::Static { profile } => from_profile(chain, profile),
        ProfileProvider::AssumeRole(role) => Box::pin(assume_role::assume(chain, role)).await,
        ProfileProvider::WebIdentity { profile, identity } => {
            assume_role::web_identity(chain, identity, Some(profile)).await
        }
        ProfileProvider::Process { profile } => helper::process(chain, profile).await,
        ProfileProvider::Sso(role) => sso::role_credentials(chain, role).await,
        ProfileProvider::Login { profile, session } => {
            login::session(chain, profile, session).await
        }
    }
}

fn from_profile(chain: &Chain<'_>, profile: &str) -> Outcome {
    let get = |key: &str| chain.resolved.inputs.profiles.get(profile, key);
    let (Some(id), Some(secret)) = (get("aws_access_key_id"), get("aws_secret_access_key")) else {
        return Err(Refused::new(
            "half-profile",
            format!("profile `{profile}` has no complete pair of keys"),
        ));
    };
    Ok(Delivered {
        profile: Some(profile.to_owned()),
        ..Delivered::new(
            keys(id, secret, get("aws_session_token")),
            format!("profile `{profile}` holds keys"),
        )
    })
}
