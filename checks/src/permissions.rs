//! What policies deny.

mod invocation_allowed;
mod permissions_complete;
mod profile_listing_allowed;

pub(crate) use self::invocation_allowed::InvocationAllowed;
pub(crate) use self::permissions_complete::PermissionsComplete;
pub(crate) use self::profile_listing_allowed::ProfileListingAllowed;
