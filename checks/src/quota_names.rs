//! The names of Bedrock's quotas, which alone say what is counted for which model.
//!
//! The codes (`L-…`) differ for each model and are not documented. Names were spelled in several ways over the years:
//! `Cross-region model inference …` and `Cross-Region InvokeModel …`, `Claude 3.7 Sonnet` and `Claude Sonnet 3.7`.
//! Source: Amazon Bedrock user guide, "Quotas for the bedrock-runtime endpoint" and "… bedrock-mantle endpoint".

use crate::claude_code::model_ids::{behind_profile, prefix_of};

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tokens in a minute.
    TokensPerMinute,
    /// Requests in a minute.
    RequestsPerMinute,
    /// Tokens in a day.
    TokensPerDay,
}

impl Unit {
    /// The unit after a number.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TokensPerMinute => "tokens per minute",
            Self::RequestsPerMinute => "requests per minute",
            Self::TokensPerDay => "tokens per day",
        }
    }
}

/// Which requests a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those for the model in one Region.
    OnDemand,
    /// Those for inference profiles of a geography.
    CrossRegion,
    /// Those for `global.` inference profiles.
    Global,
    /// All of them.
    Any,
}

impl Scope {
    /// The scope of requests for an id: its prefix decides.
    pub(crate) fn of_id(id: &str) -> Self {
        match prefix_of(id) {
            Some("global") => Self::Global,
            Some(_) => Self::CrossRegion,
            None => Self::OnDemand,
        }
    }

    /// The scope of requests for an application inference profile, from the Regions of its models.
    pub(crate) fn of_model_arns(model_arns: &[String]) -> Self {
        let region = |arn: &String| arn.split(':').nth(3).is_some_and(str::is_empty);
        match model_arns {
            arns if arns.iter().any(region) => Self::Global,
            [] | [_] => Self::OnDemand,
            _ => Self::CrossRegion,
        }
    }
}

/// A quota's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaName {
    /// What is counted.
    pub(crate) unit: Unit,
    /// For which requests.
    pub(crate) scope: Scope,
    /// The words of the model's name, sorted: `claude`, `opus`, `4.6`.
    model: Vec<String>,
    /// Whether it is for requests with more than 200,000 tokens.
    long_context: bool,
}

/// Takes the name of a quota apart; `None` for those that do not limit Claude on `bedrock-runtime`.
pub(crate) fn parse(name: &str) -> Option<QuotaName> {
    let name = name.to_ascii_lowercase();
    let (counted, model) = name.split_once(" for anthropic ")?;
    let (scope, unit) = match counted.strip_prefix("model invocation max ") {
        Some(unit) => (Scope::Any, unit),
        None => [
            ("global cross-region ", Scope::Global),
            ("cross-region ", Scope::CrossRegion),
            ("on-demand ", Scope::OnDemand),
        ]
        .iter()
        .find_map(|(start, scope)| {
            let rest = counted.strip_prefix(start)?;
            let unit = rest
                .strip_prefix("model inference ")
                .or_else(|| rest.strip_prefix("invokemodel "))?;
            Some((*scope, unit))
        })?,
    };
    let unit = [
        Unit::TokensPerMinute,
        Unit::RequestsPerMinute,
        Unit::TokensPerDay,
    ]
    .into_iter()
    .find(|known| known.words() == unit)?;
    let model = model.split(" (").next().unwrap_or(model);
    let (model, long_context) = match model.strip_suffix(" 1m context length") {
        Some(model) => (model, true),
        None => (model, false),
    };
    Some(QuotaName {
        unit,
        scope,
        model: sorted(model.split_whitespace().map(str::to_owned).collect()),
        long_context,
    })
}

impl QuotaName {
    /// Whether it counts requests for a foundation model in this scope.
    pub(crate) fn counts(&self, foundation_model: &str, scope: Scope) -> bool {
        !self.long_context
            && (self.scope == scope || self.scope == Scope::Any)
            && self.model == sorted(words_of(foundation_model))
    }
}

/// The words of a foundation model's id: `anthropic.claude-opus-4-6-v1` is `claude opus 4.6`.
fn words_of(foundation_model: &str) -> Vec<String> {
    let id = behind_profile(foundation_model).unwrap_or(foundation_model);
    let id = id.strip_prefix("anthropic.").unwrap_or(id);
    let id = id.split([':', '[']).next().unwrap_or(id);
    let mut words: Vec<String> = Vec::new();
    for part in id.split('-') {
        let number = |word: &str| word.len() <= 2 && word.bytes().all(|c| c.is_ascii_digit());
        match words.last_mut() {
            _ if part.len() == 8 && part.bytes().all(|c| c.is_ascii_digit()) => {}
            Some(last) if number(part) && number(last) => {
                last.push('.');
                last.push_str(part);
            }
            _ => words.push(part.to_ascii_lowercase()),
        }
    }
    words
}

/// In one order, and without the first version, which is not always written.
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| word != "v1");
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_spellings_are_taken_apart() {
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        for (name, unit, scope, model) in [
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1",
                Unit::TokensPerMinute,
                Scope::CrossRegion,
                sonnet,
            ),
            (
                "Cross-Region InvokeModel tokens per minute for Anthropic Claude Sonnet 4.5",
                Unit::TokensPerMinute,
                Scope::CrossRegion,
                sonnet,
            ),
            (
                "Global cross-region model inference tokens per day for Anthropic Claude Sonnet 4.5 V1",
                Unit::TokensPerDay,
                Scope::Global,
                sonnet,
            ),
            (
                "On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet V2",
                Unit::RequestsPerMinute,
                Scope::OnDemand,
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
            ),
            (
                "Model invocation max tokens per day for Anthropic Claude Sonnet 3.7 V1 (doubled for cross-region calls)",
                Unit::TokensPerDay,
                Scope::Any,
                "anthropic.claude-3-7-sonnet-20250219-v1:0",
            ),
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Opus 4.6 V1",
                Unit::TokensPerMinute,
                Scope::CrossRegion,
                "anthropic.claude-opus-4-6-v1",
            ),
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Opus 5",
                Unit::TokensPerMinute,
                Scope::CrossRegion,
                "anthropic.claude-opus-5",
            ),
        ] {
            let parsed = parse(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((parsed.unit, parsed.scope), (unit, scope), "{name}");
            let asked = if scope == Scope::Any {
                Scope::CrossRegion
            } else {
                scope
            };
            assert!(parsed.counts(model, asked), "{name} for {model}");
        }
    }

    #[test]
    fn another_version_scope_or_context_is_another_quota() {
        let counts = |name: &str, model: &str, scope| {
            parse(name).is_some_and(|parsed| parsed.counts(model, scope))
        };
        let name =
            "Cross-region model inference tokens per minute for Anthropic Claude 3.5 Sonnet V2";
        let second = "anthropic.claude-3-5-sonnet-20241022-v2:0";
        assert!(counts(name, second, Scope::CrossRegion));
        assert!(!counts(name, second, Scope::Global));
        let first = "anthropic.claude-3-5-sonnet-20240620-v1:0";
        assert!(!counts(name, first, Scope::CrossRegion));
        let long = "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1 1M Context Length";
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        assert!(!counts(long, sonnet, Scope::CrossRegion));
    }

    #[test]
    fn other_quotas_are_none() {
        for name in [
            "",
            "Cross-region model inference tokens per minute for Amazon Nova Pro V1",
            "On-demand latency-optimized model inference tokens per minute for Anthropic Claude 3.5 Haiku V1",
            "Batch inference job size (in GB) for Anthropic Claude 3.5 Sonnet",
            "Minimum number of records per batch inference job for Anthropic Claude 3 Haiku",
            "Cross-Model Max Tokens Per Day",
            "Bedrock Mantle input tokens per minute for Anthropic Claude Opus 5",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_scope_follows_the_prefix_or_the_regions() {
        assert_eq!(
            Scope::of_id("global.anthropic.claude-opus-5"),
            Scope::Global
        );
        assert_eq!(
            Scope::of_id("us.anthropic.claude-opus-5"),
            Scope::CrossRegion
        );
        // A prefix that nobody here knows yet.
        assert_eq!(
            Scope::of_id("ca.anthropic.claude-opus-5"),
            Scope::CrossRegion
        );
        assert_eq!(Scope::of_id("anthropic.claude-opus-5"), Scope::OnDemand);
        let arn = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/x");
        assert_eq!(Scope::of_model_arns(&[arn("us-east-1")]), Scope::OnDemand);
        let two = [arn("us-east-1"), arn("us-east-2")];
        assert_eq!(Scope::of_model_arns(&two), Scope::CrossRegion);
        assert_eq!(
            Scope::of_model_arns(&[arn("us-east-1"), arn("")]),
            Scope::Global
        );
    }
}
