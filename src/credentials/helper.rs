//! `credential_process` and `awsCredentialExport`: helper programs that print credentials.

use std::time::Duration;

use aws_credential_types::Credentials as Keys;
use bedrock_doctor_checks::claude_code::shown_command;
use bedrock_doctor_checks::claude_code::versions::{Rule, Rules};
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use bedrock_doctor_checks::text::duration;
use jiff::Timestamp;
use serde_json::Value;

use super::{Chain, Delivered, Outcome, Refused, keys};
use crate::world::HelperEnd;

/// `credential_process` of a profile.
pub(super) async fn process(chain: &Chain<'_>, profile: &str) -> Outcome {
    let command = chain
        .resolved
        .inputs
        .profiles
        .get(profile, "credential_process")
        .unwrap_or_default();
    let name = format!(
        "credential_process of profile `{profile}` (`{}`)",
        shown_command(command)
    );
    let output = run(chain, command, &name, chain.patience(), |_| {}).await?;
    let document = json(&output, &name)?;
    match document.get("Version") {
        Some(version) if version.as_f64() == Some(1.0) => {}
        Some(_) => return Err(bad(&name, "its `Version` is not 1")),
        None => return Err(bad(&name, "it has no `Version`; 1 is required")),
    }
    let (keys, expires_at) = credentials(&document, &name)?;
    if expires_at.is_some_and(|at| at <= chain.now()) {
        return Err(Refused::new(
            "helper-expired",
            format!("{name} delivered expired credentials"),
        ));
    }
    Ok(Delivered {
        expires_at,
        renewable: true,
        profile: Some(profile.to_owned()),
        ..Delivered::new(keys, name)
    })
}

/// `awsCredentialExport` of the settings. Claude Code requires a session token and ignores the expiration.
pub(super) async fn export(chain: &Chain<'_>) -> Outcome {
    let command = chain.resolved.export_command().unwrap_or_default();
    let name = format!("awsCredentialExport (`{}`)", shown_command(command));
    let output = run(chain, command, &name, chain.patience(), |_| {}).await?;
    let document = json(&output, &name)?;
    let rules = Rules::of(chain.resolved.inputs.version);
    let nested = match document.get("Credentials") {
        Some(nested) => nested,
        None if rules.has(Rule::FlatCredentialExport) => &document,
        None => {
            let version = rules.version;
            let what = format!(
                "it has no `Credentials`, and Claude Code {version} reads no other form (2.1.181 does)"
            );
            return Err(bad(&name, &what));
        }
    };
    let (keys, expires_at) = credentials(nested, &name)?;
    if keys.session_token().is_none() {
        return Err(bad(
            &name,
            "it has no `SessionToken`, which Claude Code requires",
        ));
    }
    Ok(Delivered {
        expires_at,
        renewable: true,
        ..Delivered::new(keys, name)
    })
}

/// Runs a command for at most so long, and returns what it printed. Each line is heard as it comes.
pub(super) async fn run(
    chain: &Chain<'_>,
    command: &str,
    name: &str,
    patience: Duration,
    heard: impl Fn(&str),
) -> Result<String, Refused> {
    let environment = chain.resolved.inputs.environment.for_child();
    let world = chain.world;
    let output = world
        .run_helper(command, environment, patience, heard)
        .await;
    let complaint = output
        .stderr
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .map(|line| format!("; its last words: {}", chain.secrets.scrub(line)))
        .unwrap_or_default();
    let refused = |cause, reason: String| {
        Err(Refused::new(cause, reason.clone()).with(Failure::new(FailureKind::Helper, reason)))
    };
    match output.end {
        HelperEnd::Exited(Some(0)) => Ok(output.stdout),
        HelperEnd::Exited(Some(127)) => refused(
            "helper-not-found",
            format!("{name} was not found: exit code 127{complaint}"),
        ),
        HelperEnd::Exited(Some(code)) => refused(
            "helper-exit",
            format!("{name} ended with exit code {code}{complaint}"),
        ),
        HelperEnd::Exited(None) => refused(
            "helper-exit",
            format!("{name} was ended by a signal{complaint}"),
        ),
        HelperEnd::NotStarted => {
            refused("helper-not-found", format!("{name} could not be started"))
        }
        HelperEnd::Flooded => refused("helper-flood", format!("{name} printed more than 1 MiB")),
        HelperEnd::TimedOut => refused(
            "helper-timed-out",
            format!(
                "{name} timed out: no end within {}",
                duration(i64::try_from(patience.as_secs()).unwrap_or(i64::MAX))
            ),
        ),
    }
}

fn bad(name: &str, what: &str) -> Refused {
    let reason = format!("the output of {name} is not usable: {what}");
    Refused::new("helper-bad-output", reason.clone())
        .with(Failure::new(FailureKind::Helper, reason))
}

/// The document a helper printed. Its text is never shown: it holds credentials.
fn json(output: &str, name: &str) -> Result<Value, Refused> {
    let text = output.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(bad(name, "it printed nothing"));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(document @ Value::Object(_)) => Ok(document),
        Ok(_) => Err(bad(name, "it is no JSON object")),
        Err(_) => {
            let from_brace = text.find('{').filter(|at| *at > 0).map(|at| &text[at..]);
            let mut rest = serde_json::Deserializer::from_str(from_brace.unwrap_or_default())
                .into_iter::<Value>();
            if matches!(rest.next(), Some(Ok(Value::Object(_)))) {
                let reason = format!("{name} printed other text before its JSON");
                return Err(Refused::new("helper-noise", reason.clone())
                    .with(Failure::new(FailureKind::Helper, reason)));
            }
            Err(bad(name, "it is no JSON"))
        }
    }
}

fn credentials(document: &Value, name: &str) -> Result<(Keys, Option<Timestamp>), Refused> {
    let text = |key: &str| {
        document
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
        return Err(bad(name, "it lacks `AccessKeyId` or `SecretAccessKey`"));
    };
    let expires_at = text("Expiration").and_then(|text| text.parse().ok());
    Ok((keys(id, secret, text("SessionToken")), expires_at))
}
