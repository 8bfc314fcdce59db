//! A pretend AWS, and made-up computers that talk to it.
//!
//! A [`World`] is a CONNECT proxy on loopback that ends TLS itself, with a certificate for the asked host made by its own CA, and then answers as that host would.
//! A program under test therefore sees the real host names: it is given the proxy and the CA, as a user behind a company proxy is.
//! Where a test owns the network, [`World::direct`] is the same without a proxy.
//! [`World::healthy`] is an AWS where everything works; a test declares only what is different, with a [`Rule`] or a fault.
//! A [`Machine`] is a home folder, a working folder and an environment to run a program in.
//!
//! Nothing here checks a signature cryptographically: what is looked at is who signed, for which region and service, and when.

#![warn(missing_docs)]
#![allow(
    clippy::disallowed_methods,
    reason = "a test kit is the outside world: it reads files and starts programs"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test kit panics when the test cannot go on"
)]

mod account;
mod answers;
mod direct;
mod dpop;
mod event_stream;
mod host;
mod machine;
mod proxy;
mod record;
mod reply;
mod rules;
mod run;
mod server;
mod signature;
mod tls;
mod world;

pub use machine::{Machine, TokenSpec};
pub use proxy::ProxyBehaviour;
pub use record::Request;
pub use rules::Rule;
pub use run::Run;
pub use tls::Tls;
pub use world::World;
