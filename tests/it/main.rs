//! The real binary against a pretend AWS, on made-up machines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests panic, and look at files"
)]

mod aws_cli;
mod bad_input;
mod calls;
mod canary;
mod configuration;
mod conformance;
mod credentials;
mod demo;
mod docs;
mod gateway;
mod harness;
mod healthy;
mod identity;
mod invoke;
mod live;
mod ministack;
mod models;
mod namespace;
mod namespaced;
mod network;
mod observed;
mod output;
mod permissions;
mod recording;
mod renewal;
mod resolve;
mod sdk_for_javascript;
mod sso;
