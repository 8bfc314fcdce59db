//! IAM Identity Center: the session, its token, the role.

mod sso_profile_complete;
mod sso_role_assigned;
mod sso_token_fresh;
mod sso_token_present;

pub(crate) use self::sso_profile_complete::SsoProfileComplete;
pub(crate) use self::sso_role_assigned::SsoRoleAssigned;
pub(crate) use self::sso_token_fresh::SsoTokenFresh;
pub(crate) use self::sso_token_present::SsoTokenPresent;
