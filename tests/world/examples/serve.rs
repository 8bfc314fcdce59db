//! Serves a healthy pretend AWS, for programs that are started by hand or by `scripts/measure`.
//!
//! `cargo run -p bedrock-doctor-world --example serve -- --latency 100` prints the variables that lead a program to it,
//! one NAME=VALUE a line; each answer takes the latency in milliseconds.
//! It ends with its standard input, so that nothing stays behind: Ctrl-D, or the end of the program that started it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a program for people: it prints, and ends when it cannot"
)]

use std::{io::Write, process::ExitCode, time::Duration};

use bedrock_doctor_world::World;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let latency = match words.as_slice() {
        [] => Some(Duration::ZERO),
        ["--latency", milliseconds] => milliseconds.parse().map(Duration::from_millis).ok(),
        _ => None,
    };
    let Some(latency) = latency else {
        eprintln!("usage: serve [--latency MILLISECONDS]");
        return ExitCode::from(64);
    };
    let world = World::healthy();
    world.latency(latency);
    println!("NODE_EXTRA_CA_CERTS={}", world.ca_path().display());
    println!("HTTPS_PROXY={}", world.proxy_url());
    // Whoever waits for these lines waits for them now.
    std::io::stdout().flush().expect("somebody reads the lines");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    ExitCode::SUCCESS
}
