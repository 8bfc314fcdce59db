//! What policies deny, and what quotas refuse.

mod invocation_allowed;
mod profile_listing_allowed;
mod requests_not_throttled;

pub(crate) use self::invocation_allowed::InvocationAllowed;
pub(crate) use self::profile_listing_allowed::ProfileListingAllowed;
pub(crate) use self::requests_not_throttled::RequestsNotThrottled;
