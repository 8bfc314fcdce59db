//! Header fields that Claude Code adds to invocations: guardrail, service tier, workspace, custom ones.

use super::environment::Environment;
use crate::facts::{Header, Provider, Source, SourceKind};

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
    let mut add = |name: &str, variable: &str| {
        headers.extend(environment.set_value(variable).map(|value| Header {
            name: name.to_owned(),
            value: Some(value.value),
            source: named(value.source, variable),
        }));
    };
    if provider.uses_bedrock() {
        add(
            "X-Amzn-Bedrock-Service-Tier",
            "ANTHROPIC_BEDROCK_SERVICE_TIER",
        );
    }
    if provider == Provider::AnthropicAws {
        add("anthropic-workspace-id", "ANTHROPIC_AWS_WORKSPACE_ID");
    }
    let variable = "ANTHROPIC_CUSTOM_HEADERS";
    if let Some(custom) = environment.set_value(variable) {
        let fields = custom.value.lines().filter_map(|line| line.split_once(':'));
        headers.extend(fields.map(|(name, value)| {
            let name = name.trim();
            // Any other may carry a secret, and what is no name may be one.
            let is_known = OF_BEDROCK.contains(&&*name.to_ascii_lowercase());
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            Header {
                name: if is_name { name } else { "(no name)" }.to_owned(),
                value: is_known.then(|| value.trim().to_owned()),
                source: named(custom.source.clone(), variable),
            }
        }));
    }
    headers
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
    }
}
