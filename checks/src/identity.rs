//! Whom AWS sees: whether it accepts the credentials, and whose they are.

mod account_expected;
mod credentials_accepted;
mod partition_matches_region;

pub(crate) use self::account_expected::AccountExpected;
pub(crate) use self::credentials_accepted::CredentialsAccepted;
pub(crate) use self::partition_matches_region::PartitionMatchesRegion;
