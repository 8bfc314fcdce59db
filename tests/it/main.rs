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
mod coverage;
mod credentials;
mod dead_network;
mod demo;
mod docs;
mod gateway;
mod harness;
mod healthy;
mod identity;
mod invoke;
mod live;
mod ministack;
mod model_ids;
mod models;
mod namespace;
mod namespaced;
mod network;
mod observed;
mod on_demand;
mod output;
mod permissions;
mod policy;
mod recording;
mod renewal;
mod resolve;
mod sdk_for_javascript;
mod sso;
