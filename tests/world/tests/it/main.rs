//! The pretend AWS, seen by a client that knows nothing of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests of a test kit"
)]

mod client;
mod direct;
mod faults;
mod healthy;
mod listeners;
