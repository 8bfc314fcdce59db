//! The sample machines of `demo` are fresh: `UPDATE=1 cargo test --test it demo` observes them anew in the pretend AWS.

use std::path::Path;

use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};

use crate::harness::{DOCTOR, bare, checkup, machine};

const SSO_CONFIG: &str = "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Developer\n[sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n";

fn sso(world: &World, token: &TokenSpec) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file("~/.aws/config", SSO_CONFIG)
        .sso_token("acme", token);
    machine
}

fn observe(name: &str) -> (Machine, World) {
    let world = World::healthy();
    let mut machine = broken_in_its_way(name, &world);
    let program = "~/.local/share/claude/versions/2.1.330";
    machine
        .file(program, "")
        .link("~/.local/bin/claude", program);
    (machine, world)
}

fn broken_in_its_way(name: &str, world: &World) -> Machine {
    match name {
        "healthy" => sso(world, &TokenSpec::default()),
        "expired-sso" => sso(
            world,
            &TokenSpec {
                expires_in_seconds: -11_040,
                refreshable: false,
                ..TokenSpec::default()
            },
        ),
        "ignored-keys" => {
            let mut machine = machine(world);
            machine.env("AWS_PROFILE", "production").file(
                "~/.aws/credentials",
                "[prod]\naws_access_key_id = AKIAPROD000000000001\naws_secret_access_key = sample-secret\n",
            );
            machine
        }
        _ => {
            world.rule(Rule::new("bedrock-runtime", "/model/").aws_error(
                403,
                "AccessDeniedException",
                "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a service control policy: arn:aws:organizations::210987654321:policy/o-abcdef1234/service_control_policy/p-guardrail1",
            ));
            machine(world)
        }
    }
}

fn demo(arguments: &[&str]) -> bedrock_doctor_world::Run {
    let mut all = vec!["demo"];
    all.extend(arguments);
    Machine::offline().run(DOCTOR, &all)
}

#[test]
fn every_sample_machine_has_its_report() {
    for (name, exit, says) in [
        ("healthy", 0, "all good: Claude Code will use"),
        ("expired-sso", 1, "aws sso login --profile dev"),
        ("denied-region", 2, "us-east-2"),
        ("ignored-keys", 1, "unset AWS_PROFILE"),
    ] {
        if std::env::var_os("UPDATE").is_some() {
            let (machine, world) = observe(name);
            let facts = &checkup(&machine).report["facts"];
            let home = machine.home().display().to_string();
            let text = serde_json::to_string_pretty(facts)
                .unwrap()
                .replace(&home, "/home/alice");
            let text = text
                .replace(&world.proxy_url(), "http://proxy.example.com:3128")
                .replace(
                    &world.ca_path().display().to_string(),
                    "/etc/ssl/company-ca.pem",
                );
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("demo/{name}.json"));
            std::fs::write(path, text + "\n").unwrap();
            continue;
        }
        let run = demo(&[name]);
        assert_eq!(run.code, exit, "{name}\n{}", run.stdout);
        assert!(run.stdout.contains(says), "{name}\n{}", run.stdout);
    }
}

#[test]
fn an_unknown_sample_lists_the_known_ones() {
    let run = demo(&["nosuch"]);
    assert_eq!(run.code, 64);
    assert!(
        run.stdout.is_empty() && run.stderr.contains("expired-sso"),
        "{}",
        run.stderr
    );
    let run = demo(&["denied-region"]);
    assert!(
        run.stderr.lines().all(|line| line.chars().count() <= 80),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .starts_with("sample machine `denied-region`: An organization policy")
    );
}
