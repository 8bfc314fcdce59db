//! The ids of models: those of Anthropic, of foundation models, of inference profiles, of Mantle.

use super::versions::{Rules, Version};
use crate::facts::Provider;

/// The prefixes of system-defined inference profiles that Claude Code knows.
pub(super) const PREFIXES: [&str; 7] = ["us-gov", "us", "eu", "apac", "jp", "au", "global"];

/// An id of Anthropic that Claude Code knows.
struct Known {
    anthropic: &'static str,
    bedrock: &'static str,
    /// Not every model is served there.
    mantle: Option<&'static str>,
    /// The first version of Claude Code that knows it, where older ones map ids as well.
    since: Version,
}

impl Known {
    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }
}

const fn known(
    anthropic: &'static str,
    bedrock: &'static str,
    mantle: Option<&'static str>,
) -> Known {
    Known {
        anthropic,
        bedrock,
        mantle,
        since: Version::new(0, 0, 0),
    }
}

/// Seen with 2.1.206 and all later recorded versions. A short form such as `claude-sonnet-4-5` is none of them and goes out as it is.
#[rustfmt::skip]
const KNOWN: [Known; 20] = [
    known("claude-3-5-haiku-20241022", "anthropic.claude-3-5-haiku-20241022-v1:0", None),
    known("claude-3-5-sonnet-20241022", "anthropic.claude-3-5-sonnet-20241022-v2:0", None),
    known("claude-3-7-sonnet-20250219", "anthropic.claude-3-7-sonnet-20250219-v1:0", None),
    known("claude-sonnet-4-20250514", "anthropic.claude-sonnet-4-20250514-v1:0", None),
    known("claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0", None),
    known("claude-sonnet-4-6", "anthropic.claude-sonnet-4-6", None),
    known("claude-sonnet-5", "anthropic.claude-sonnet-5", Some("anthropic.claude-sonnet-5")),
    known("claude-sonnet-5-5", "anthropic.claude-sonnet-5-5", Some("anthropic.claude-sonnet-5-5")).since(Version::new(2, 1, 300)),
    known("claude-haiku-4-5-20251001", "anthropic.claude-haiku-4-5-20251001-v1:0", Some("anthropic.claude-haiku-4-5")),
    known("claude-opus-4-20250514", "anthropic.claude-opus-4-20250514-v1:0", None),
    known("claude-opus-4-1-20250805", "anthropic.claude-opus-4-1-20250805-v1:0", None),
    known("claude-opus-4-5-20251101", "anthropic.claude-opus-4-5-20251101-v1:0", None),
    known("claude-opus-4-6", "anthropic.claude-opus-4-6-v1", None),
    known("claude-opus-4-7", "anthropic.claude-opus-4-7", Some("anthropic.claude-opus-4-7")),
    known("claude-opus-4-8", "anthropic.claude-opus-4-8", Some("anthropic.claude-opus-4-8")),
    known("claude-opus-5", "anthropic.claude-opus-5", Some("anthropic.claude-opus-5")).since(Version::new(2, 1, 219)),
    known("claude-opus-5-5", "anthropic.claude-opus-5-5", Some("anthropic.claude-opus-5-5")).since(Version::new(2, 1, 280)),
    known("claude-fable-5", "anthropic.claude-fable-5", Some("anthropic.claude-fable-5")),
    known("claude-fable-5-1", "anthropic.claude-fable-5-1", Some("anthropic.claude-fable-5-1")).since(Version::new(2, 1, 260)),
    known("claude-fable-5-2", "anthropic.claude-fable-5-2", Some("anthropic.claude-fable-5-2")).since(Version::new(2, 1, 330)),
];

/// What a service calls the model of an Anthropic id, such as `claude-sonnet-4-6`; without prefix.
pub fn id_at(provider: Provider, anthropic: &str, rules: Rules) -> Option<&'static str> {
    let known = KNOWN
        .iter()
        .find(|known| known.anthropic == anthropic && known.since <= rules.version)?;
    match provider {
        Provider::Mantle => known.mantle,
        Provider::AnthropicAws => Some(known.anthropic),
        _ => Some(known.bedrock),
    }
}

/// The foundation model that a name means to people, who leave the date out: `claude-sonnet-4-5`.
pub fn meant_model(name: &str) -> Option<&'static str> {
    let dated = |id: &str| {
        id.rsplit_once('-')
            .is_some_and(|(undated, date)| undated == name && date.len() == 8)
    };
    let known = KNOWN
        .iter()
        .find(|known| known.anthropic == name || dated(known.anthropic));
    known.map(|known| known.bedrock)
}

/// What Mantle calls the model that a name means, where it serves it.
pub fn meant_on_mantle(name: &str) -> Option<&'static str> {
    let bedrock = meant_model(name)?;
    KNOWN.iter().find(|known| known.bedrock == bedrock)?.mantle
}

/// Whether an id belongs to Mantle where both endpoints are in use: `anthropic.…` without a version suffix (seen, 2.1.330).
pub fn is_mantle_id(id: &str) -> bool {
    id.starts_with("anthropic.")
        && !id.rsplit_once("-v").is_some_and(|(_, version)| {
            version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_digit() || c == ':')
        })
}

/// An id without a prefix that Claude Code knows.
pub(super) fn without_prefix(id: &str) -> &str {
    match id.split_once('.') {
        Some((prefix, rest)) if PREFIXES.contains(&prefix) => rest,
        _ => id,
    }
}

/// The foundation model behind the id of a system-defined inference profile, whose prefix may be a new one.
pub fn behind_profile(id: &str) -> Option<&str> {
    if id.starts_with("arn:") {
        return None;
    }
    match id.find(".anthropic.") {
        Some(at) => Some(&id[at + 1..]),
        None => Some(without_prefix(id)).filter(|base| *base != id),
    }
}

/// The prefix of a system-defined inference profile's id, which may be a new one.
pub fn prefix_of(id: &str) -> Option<&str> {
    id.strip_suffix(behind_profile(id)?)?.strip_suffix('.')
}

/// Cuts off the tag that only Claude Code knows: `[1m]`, or another size of the context window.
pub(super) fn without_window(id: &str) -> &str {
    let cut = || {
        let (plain, size) = id.strip_suffix(']')?.rsplit_once('[')?;
        let digits = size.strip_suffix(['m', 'M'])?;
        (!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())).then_some(plain)
    };
    cut().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_nobody_knows_yet_is_one_of_a_profile() {
        for (id, prefix, base) in [
            (
                "us.anthropic.claude-x",
                Some("us"),
                Some("anthropic.claude-x"),
            ),
            (
                "ca.anthropic.claude-x",
                Some("ca"),
                Some("anthropic.claude-x"),
            ),
            ("eu.amazon.nova", Some("eu"), Some("amazon.nova")),
            ("anthropic.claude-x", None, None),
            ("amazon.nova", None, None),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.x",
                None,
                None,
            ),
            ("", None, None),
        ] {
            assert_eq!((prefix_of(id), behind_profile(id)), (prefix, base), "{id}");
        }
    }
}
