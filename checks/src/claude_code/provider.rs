//! Which service Claude Code talks to.

use super::environment::Environment;
use super::versions::Rules;
use crate::facts::{Provider, Source, Value};

/// Whether a flag's text switches it on: `1`, `true`, `yes`, `on` in any case (seen, 2.1.330).
pub fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"]
        .iter()
        .any(|on| value.eq_ignore_ascii_case(on))
}

/// Which service Claude Code talks to, and because of which variable.
pub fn resolve(environment: &Environment, rules: Rules) -> Value<Provider> {
    let flag = |name: &str| {
        environment
            .value(name)
            .filter(|value| {
                is_on(&value.value) || (rules.any_text_is_on() && !value.value.is_empty())
            })
            .map(|value| value.source)
    };
    let bedrock = flag("CLAUDE_CODE_USE_BEDROCK");
    let mantle = flag("CLAUDE_CODE_USE_MANTLE");
    match (bedrock, mantle) {
        (Some(source), Some(_)) => return Value::new(Provider::BedrockAndMantle, source),
        (Some(source), None) => return Value::new(Provider::Bedrock, source),
        (None, Some(source)) => return Value::new(Provider::Mantle, source),
        (None, None) => {}
    }
    for (name, provider) in [
        ("CLAUDE_CODE_USE_ANTHROPIC_AWS", Provider::AnthropicAws),
        ("CLAUDE_CODE_USE_FOUNDRY", Provider::Foundry),
        ("CLAUDE_CODE_USE_VERTEX", Provider::Vertex),
    ] {
        if let Some(source) = flag(name) {
            return Value::new(provider, source);
        }
    }
    Value::new(
        Provider::Anthropic,
        Source::default_of("no provider is switched on"),
    )
}
