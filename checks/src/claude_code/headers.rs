//! Header fields that Claude Code adds to invocations: guardrail, service tier, workspace, custom ones.

use super::environment::Environment;
use crate::facts::{Header, InvokeOperation, Provider, Source, SourceKind};

/// A header field of an invocation, with its value. Holds secrets: no `Debug`, never serialised.
struct Field {
    name: String,
    value: String,
    /// Whether the value is known to be no secret.
    shown: bool,
    source: Source,
}

/// The header fields, in the order in which they are set.
pub fn resolve(environment: &Environment, provider: Provider, skips_auth: bool) -> Vec<Header> {
    let mut headers = Vec::new();
    if skips_auth {
        let token = "ANTHROPIC_AUTH_TOKEN";
        headers.extend(environment.set_value(token).map(|value| Header {
            name: "Authorization".to_owned(),
            value: None,
            source: named(value.source, token),
        }));
    }
    let fields = [
        service_tier(environment).filter(|_| provider.uses_bedrock()),
        workspace(environment).filter(|_| provider == Provider::AnthropicAws),
    ];
    let fields = fields.into_iter().flatten().chain(custom(environment));
    headers.extend(fields.map(|field| Header {
        // What is no name may be a secret.
        name: if is_name(&field.name) {
            field.name
        } else {
            NO_NAME.to_owned()
        },
        value: field.shown.then_some(field.value),
        source: field.source,
    }));
    headers
}

/// The fields that go with a request, as name and value. They may hold secrets.
///
/// A variable of its own beats the same field in `ANTHROPIC_CUSTOM_HEADERS` (seen, 2.1.330). A field without a usable
/// name is left out: with one Claude Code sends nothing at all.
pub fn sent(environment: &Environment, operation: InvokeOperation) -> Vec<(String, String)> {
    let own = match operation {
        InvokeOperation::InvokeModelWithResponseStream => service_tier(environment),
        InvokeOperation::AnthropicAwsCreateInference => workspace(environment),
        // Neither the check at the start nor Mantle has the tier (seen, 2.1.330).
        InvokeOperation::InvokeModel | InvokeOperation::MantleCreateInference => None,
    };
    custom(environment)
        .into_iter()
        .chain(own)
        .filter(|field| is_name(&field.name))
        .map(|field| (field.name, field.value))
        .collect()
}

/// What stands for a header field whose name is none.
pub const NO_NAME: &str = "(no name)";

fn service_tier(environment: &Environment) -> Option<Field> {
    let name = "X-Amzn-Bedrock-Service-Tier";
    of_variable(environment, name, "ANTHROPIC_BEDROCK_SERVICE_TIER")
}

fn workspace(environment: &Environment) -> Option<Field> {
    of_variable(
        environment,
        "anthropic-workspace-id",
        "ANTHROPIC_AWS_WORKSPACE_ID",
    )
}

fn of_variable(environment: &Environment, name: &str, variable: &str) -> Option<Field> {
    let value = environment.set_value(variable)?;
    Some(Field {
        name: name.to_owned(),
        value: value.value,
        shown: true,
        source: named(value.source, variable),
    })
}

/// The lines of `ANTHROPIC_CUSTOM_HEADERS` that have a colon.
fn custom(environment: &Environment) -> Vec<Field> {
    let variable = "ANTHROPIC_CUSTOM_HEADERS";
    let Some(custom) = environment.set_value(variable) else {
        return Vec::new();
    };
    let fields = custom.value.lines().filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| Field {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            // Any other may carry a secret.
            shown: OF_BEDROCK.contains(&&*name.trim().to_ascii_lowercase()),
            source: named(custom.source.clone(), variable),
        })
        .collect()
}

/// Whether HTTP allows a header field of that name.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}

/// Header fields of Bedrock that hold no secret.
const OF_BEDROCK: [&str; 5] = [
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-guardrailversion",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-service-tier",
    "x-amzn-bedrock-trace",
];

fn named(source: Source, variable: &str) -> Source {
    match source.kind {
        SourceKind::Environment => Source::environment(variable),
        _ => source,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_are_shown_of_the_fields_of_aws_only() {
        let shell = [
            ("ANTHROPIC_BEDROCK_SERVICE_TIER", "flex"),
            (
                "ANTHROPIC_CUSTOM_HEADERS",
                "X-Amzn-Bedrock-GuardrailIdentifier: g1\nX-Key : secret\nno field",
            ),
        ];
        let shell: BTreeMap<String, String> = shell
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let environment = Environment::merge(&shell, &[]);
        let shown: Vec<(String, Option<String>)> = resolve(&environment, Provider::Bedrock, false)
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect();
        let want = [
            ("X-Amzn-Bedrock-Service-Tier", Some("flex")),
            ("X-Amzn-Bedrock-GuardrailIdentifier", Some("g1")),
            ("X-Key", None),
        ];
        let want: Vec<(String, Option<String>)> = want
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
            .into();
        assert_eq!(shown, want);
        let sent = |operation| {
            sent(&environment, operation)
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        let custom = ["X-Amzn-Bedrock-GuardrailIdentifier: g1", "X-Key: secret"];
        assert_eq!(sent(InvokeOperation::MantleCreateInference), custom);
        assert_eq!(
            sent(InvokeOperation::InvokeModelWithResponseStream)[2..],
            ["X-Amzn-Bedrock-Service-Tier: flex"]
        );
    }

    #[test]
    fn what_is_no_name_is_neither_shown_nor_sent() {
        let variable = "ANTHROPIC_CUSTOM_HEADERS".to_owned();
        let shell = BTreeMap::from([(variable, "Bearer abc: x\n: y\nX_Z: 1".to_owned())]);
        let environment = Environment::merge(&shell, &[]);
        let shown: Vec<String> = resolve(&environment, Provider::Bedrock, false)
            .into_iter()
            .map(|header| header.name)
            .collect();
        assert_eq!(shown, [NO_NAME, NO_NAME, "X_Z"]);
        let sent = sent(&environment, InvokeOperation::InvokeModel);
        assert_eq!(sent, [("X_Z".to_owned(), "1".to_owned())]);
    }
}
