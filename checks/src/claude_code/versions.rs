//! What changed between versions of Claude Code, as data.

use std::sync::LazyLock;

use serde::Deserialize;

/// A version of Claude Code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// A version from its three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Reads `2.1.330`, also with a suffix such as `2.1.330-beta.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.trim().split(['-', '+', ' ']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let version = Self::new(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The newest version whose behaviour was seen.
pub const NEWEST_KNOWN: Version = Version::new(2, 1, 330);

/// The oldest version whose behaviour was seen.
pub const OLDEST_KNOWN: Version = Version::new(2, 0, 30);

/// The foundation models a version uses when nothing is pinned, without prefix.
#[derive(Debug, Deserialize)]
pub struct Defaults {
    /// The first version it holds for.
    pub since: String,
    /// The main model.
    pub main: String,
    /// What `opus` stands for.
    pub opus: String,
    /// What `sonnet` stands for.
    pub sonnet: String,
    /// What `haiku` stands for.
    pub haiku: String,
    /// What `fable` stands for, once that is an alias.
    pub fable: Option<String>,
}

#[derive(Default, Deserialize)]
struct DefaultModels {
    bedrock: Vec<Defaults>,
    mantle: Vec<Defaults>,
    anthropic_aws: Vec<Defaults>,
}

static MODELS: LazyLock<DefaultModels> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/default-models.toml")).unwrap_or_default()
});

/// What Claude Code does since some version. What each means stands in `checks/data/claude-code-versions.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the data file says what each means")]
pub enum Rule {
    FlagsAreRead,
    AwsLogin,
    BaseUrlForListing,
    PrefixFollowsListing,
    ModelOverrides,
    Mantle,
    SystemCertificates,
    PrefixFollowsRegion,
    RegionFromAwsFiles,
    GovcloudPrefix,
    FlatCredentialExport,
    AnthropicIdsMapped,
    OpusIsMain,
    BackgroundIsSonnet,
    RegionPrefixVariable,
    MalformedRegionIsUnset,
    DefaultModelVariable,
    ExactProfileNames,
}

/// A change of the rules.
#[derive(Debug, Deserialize)]
pub struct Change {
    /// The rule.
    pub rule: Rule,
    /// The first version that has it.
    pub since: String,
    /// What Claude Code does since then.
    pub what: String,
    /// Where that is known from.
    pub source: String,
}

#[derive(Deserialize)]
struct Changes {
    rule: Vec<Change>,
}

/// Every change of the rules, the oldest first.
pub static CHANGES: LazyLock<Vec<Change>> = LazyLock::new(|| {
    toml::from_str::<Changes>(include_str!("../../data/claude-code-versions.toml"))
        .map(|file| file.rule)
        .unwrap_or_default()
});

/// The rules of one version.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The version they are those of.
    pub version: Version,
}

impl Rules {
    /// The rules for a version: the newest known ones when it is newer, or not known.
    pub fn of(version: Option<Version>) -> Self {
        Self {
            version: version.map_or(NEWEST_KNOWN, |version| version.min(NEWEST_KNOWN)),
        }
    }

    /// Whether the version has a rule.
    pub fn has(self, rule: Rule) -> bool {
        CHANGES.iter().any(|change| {
            change.rule == rule
                && Version::parse(&change.since).is_some_and(|since| since <= self.version)
        })
    }

    /// The models used when nothing is pinned; none only if the data file is broken, which a test rules out.
    pub fn defaults(self) -> Option<&'static Defaults> {
        self.defaults_of(&MODELS.bedrock)
    }

    /// The same on Mantle.
    pub fn mantle_defaults(self) -> Option<&'static Defaults> {
        self.defaults_of(&MODELS.mantle)
    }

    /// The same on Claude Platform on AWS.
    pub fn anthropic_aws_defaults(self) -> Option<&'static Defaults> {
        self.defaults_of(&MODELS.anthropic_aws)
    }

    fn defaults_of(self, all: &'static [Defaults]) -> Option<&'static Defaults> {
        let known = |entry: &&Defaults| {
            Version::parse(&entry.since).is_some_and(|since| since <= self.version)
        };
        all.iter().rev().find(known).or(all.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_suffix() {
        assert_eq!(Version::parse("2.1.330"), Some(Version::new(2, 1, 330)));
        assert_eq!(Version::parse(" 2.1.3-beta.1"), Some(Version::new(2, 1, 3)));
        assert_eq!(
            Version::parse("2.1.330 (Claude Code)"),
            Some(Version::new(2, 1, 330))
        );
        for bad in ["", "2.1", "2.1.x", "2.1.3.4", "v2.1.3", "99999999999.0.0"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn default_models_follow_the_version() {
        let main = |text: &str| {
            Rules::of(Version::parse(text))
                .defaults()
                .map(|defaults| defaults.main.as_str())
        };
        assert_eq!(
            main("2.0.1"),
            Some("anthropic.claude-sonnet-4-5-20250929-v1:0")
        );
        assert_eq!(main("2.1.207"), Some("anthropic.claude-opus-4-8"));
        assert_eq!(main("2.1.218"), Some("anthropic.claude-opus-4-8"));
        assert_eq!(main("2.1.219"), Some("anthropic.claude-opus-5"));
        assert_eq!(main("2.1.330"), Some("anthropic.claude-opus-5-5"));
        assert_eq!(main("9.0.0"), Some("anthropic.claude-opus-5-5"));
        assert_eq!(main("unknown"), Some("anthropic.claude-opus-5-5"));
    }

    #[test]
    fn every_rule_has_its_version_and_they_stand_in_order() {
        let last = Rule::ExactProfileNames;
        assert_eq!(CHANGES.len(), last as usize + 1, "a rule has no entry");
        let since = |change: &Change| Version::parse(&change.since).unwrap();
        for (change, next) in CHANGES.iter().zip(CHANGES.iter().skip(1)) {
            assert!(
                change.rule < next.rule && since(change) <= since(next),
                "{change:?}"
            );
        }
        for change in CHANGES.iter() {
            assert!(
                !change.what.is_empty() && !change.source.is_empty(),
                "{change:?}"
            );
        }
    }

    #[test]
    fn a_rule_holds_from_its_version_on() {
        let has = |version| Rules::of(Version::parse(version)).has(Rule::RegionFromAwsFiles);
        assert!(!has("2.1.171"));
        assert!(has("2.1.172"));
        assert!(has("9.0.0"));
    }

    #[test]
    fn a_newer_version_gets_the_newest_known_rules() {
        assert_eq!(Rules::of(Version::parse("9.0.0")).version, NEWEST_KNOWN);
        assert_eq!(Rules::of(None).version, NEWEST_KNOWN);
    }
}
