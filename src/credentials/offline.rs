//! What the chain tells without asking anybody.

use bedrock_doctor_checks::claude_code::credential_plan::{ProfileProvider, Provider};

use super::{Chain, Refused, assume_role, sso};

/// Whether a provider only reads what this machine has.
pub(super) fn is_local(provider: &Provider) -> bool {
    matches!(
        provider,
        Provider::ApiKey
            | Provider::Unsigned
            | Provider::Environment
            | Provider::Profile(ProfileProvider::Static { .. } | ProfileProvider::Login { .. })
    )
}

/// What a provider would deliver, as the configuration names it, for the front of a sentence.
pub(super) fn described(provider: &Provider) -> String {
    match provider {
        Provider::Profile(ProfileProvider::Sso(role)) => {
            let session = role.session.as_ref().map_or_else(
                || format!("start URL {}", role.start_url),
                |session| format!("session `{session}`"),
            );
            format!(
                "role `{}` in account {}, {session}; ",
                role.role_name, role.account_id
            )
        }
        Provider::Profile(ProfileProvider::AssumeRole(role)) => format!("{}; ", role.role_arn),
        Provider::Profile(ProfileProvider::WebIdentity { identity, .. })
        | Provider::WebIdentity(identity) => format!("{}; ", identity.role_arn),
        _ => String::new(),
    }
}

/// Why a provider will not deliver, as far as its files tell without asking anybody.
pub(super) async fn failure(chain: &Chain<'_>, provider: &Provider) -> Option<Refused> {
    match provider {
        Provider::Profile(ProfileProvider::Sso(role)) => sso::usable_token(chain, role).await.err(),
        Provider::WebIdentity(identity)
        | Provider::Profile(ProfileProvider::WebIdentity { identity, .. }) => {
            assume_role::token(chain, identity).err()
        }
        _ => None,
    }
}
