//! Which service Claude Code talks to.

use super::environment::Environment;
use super::versions::{Rule, Rules};
use crate::facts::{Provider, Source, Value};
use crate::parse::js::trim;

/// Whether a flag's text switches it on: `1`, `true`, `yes`, `on` in any case, blanks around it or not (seen, 2.1.330).
pub fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"]
        .iter()
        .any(|on| trim(value).eq_ignore_ascii_case(on))
}

/// Which service Claude Code talks to, and because of which variable.
pub fn resolve(environment: &Environment, rules: Rules) -> Value<Provider> {
    let flag = |name: &str| {
        environment
            .value(name)
            .filter(|value| {
                is_on(&value.value) || (!rules.has(Rule::FlagsAreRead) && !value.value.is_empty())
            })
            .map(|value| value.source)
    };
    let bedrock = flag("CLAUDE_CODE_USE_BEDROCK");
    let mantle = flag("CLAUDE_CODE_USE_MANTLE").filter(|_| rules.has(Rule::Mantle));
    if let Some(source) = bedrock {
        let both = mantle.is_some();
        return Value::new(
            if both {
                Provider::BedrockAndMantle
            } else {
                Provider::Bedrock
            },
            source,
        );
    }
    // The order of those that exclude each other was seen with 2.1.330.
    let others = [
        (Provider::Foundry, flag("CLAUDE_CODE_USE_FOUNDRY")),
        (
            Provider::AnthropicAws,
            flag("CLAUDE_CODE_USE_ANTHROPIC_AWS"),
        ),
        (Provider::Mantle, mantle),
        (Provider::Vertex, flag("CLAUDE_CODE_USE_VERTEX")),
    ];
    for (provider, source) in others {
        if let Some(source) = source {
            return Value::new(provider, source);
        }
    }
    Value::new(
        Provider::Anthropic,
        Source::default_of("no provider is switched on"),
    )
}
