//! Which service Claude Code talks to.

use super::environment::Environment;
use super::versions::{Rule, Rules};
use crate::facts::{Overridden, Provider, Source, Value};
use crate::parse::js::trim;

/// Whether a flag's text switches it on: `1`, `true`, `yes`, `on` in any case, blanks around it or not (seen, 2.1.330).
pub fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"]
        .iter()
        .any(|on| trim(value).eq_ignore_ascii_case(on))
}

/// Which service Claude Code talks to, because of which variable, and which others are switched on in vain.
pub fn resolve(environment: &Environment, rules: Rules) -> Value<Provider> {
    let mut switched_on = Vec::new();
    let mut flags = FLAGS.to_vec();
    if !rules.has(Rule::Mantle) {
        flags.retain(|(provider, _)| *provider != Provider::Mantle);
    }
    for (provider, flag) in flags {
        let Some(value) = environment.value(flag) else {
            continue;
        };
        let is_on =
            |text: &str| is_on(text) || (!rules.has(Rule::FlagsAreRead) && !text.is_empty());
        if is_on(&value.value) {
            switched_on.push((provider, value.source, true));
        }
        let losers = value.overridden.into_iter();
        let losers = losers.filter(|lost| is_on(&lost.value));
        switched_on.extend(losers.map(|lost| (provider, lost.source, false)));
    }
    let is_on = |wanted: Provider| {
        let mut all = switched_on.iter();
        all.any(|(provider, _, counts)| *provider == wanted && *counts)
    };
    let both = is_on(Provider::Bedrock) && is_on(Provider::Mantle);
    let winner = switched_on.iter().position(|(_, _, counts)| *counts);
    let (value, source) = match winner {
        Some(winner) => {
            let (provider, source, _) = switched_on.remove(winner);
            let provider = if both {
                Provider::BedrockAndMantle
            } else {
                provider
            };
            (provider, source)
        }
        None => (
            Provider::Anthropic,
            Source::default_of("no provider is switched on"),
        ),
    };
    Value {
        value,
        source,
        overridden: switched_on
            .into_iter()
            .filter(|(provider, ..)| !(both && *provider == Provider::Mantle))
            .map(|(provider, source, _)| Overridden {
                value: provider,
                source,
            })
            .collect(),
    }
}

/// The strongest first; the order of those that exclude each other was seen with 2.1.330.
const FLAGS: [(Provider, &str); 5] = [
    (Provider::Bedrock, "CLAUDE_CODE_USE_BEDROCK"),
    (Provider::Foundry, "CLAUDE_CODE_USE_FOUNDRY"),
    (Provider::AnthropicAws, "CLAUDE_CODE_USE_ANTHROPIC_AWS"),
    (Provider::Mantle, "CLAUDE_CODE_USE_MANTLE"),
    (Provider::Vertex, "CLAUDE_CODE_USE_VERTEX"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_strongest_flag_decides_and_the_others_are_told() {
        let shell = [
            ("CLAUDE_CODE_USE_VERTEX", "1"),
            ("CLAUDE_CODE_USE_FOUNDRY", " TRUE "),
            ("CLAUDE_CODE_USE_ANTHROPIC_AWS", "2"),
        ];
        let shell: BTreeMap<String, String> = shell
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let environment = Environment::merge(&shell, &[]);
        let provider = resolve(&environment, Rules::of(None));
        assert_eq!(provider.value, Provider::Foundry);
        let lost: Vec<Provider> = provider.overridden.iter().map(|lost| lost.value).collect();
        assert_eq!(lost, [Provider::Vertex]);
    }
}
