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
}

#[derive(Deserialize)]
struct DefaultModels {
    defaults: Vec<Defaults>,
}

static DEFAULTS: LazyLock<Vec<Defaults>> = LazyLock::new(|| {
    toml::from_str::<DefaultModels>(include_str!("../../data/default-models.toml"))
        .map(|file| file.defaults)
        .unwrap_or_default()
});

/// The rules of one version.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The version they are those of.
    pub version: Version,
}

impl Rules {
    /// The rules for a version; the newest known ones when it is not known.
    pub fn of(version: Option<Version>) -> Self {
        Self {
            version: version.unwrap_or(NEWEST_KNOWN),
        }
    }

    /// The models used when nothing is pinned; none only if the data file is broken, which a test rules out.
    pub fn defaults(self) -> Option<&'static Defaults> {
        let known = |entry: &&Defaults| {
            Version::parse(&entry.since).is_some_and(|since| since <= self.version)
        };
        DEFAULTS.iter().rev().find(known).or(DEFAULTS.first())
    }

    /// Any text switches a provider on, `0` and `false` too (before 1.0.124).
    pub fn any_text_is_on(self) -> bool {
        self.version < Version::new(1, 0, 124)
    }

    /// The Region is also read from the AWS files (2.1.172; seen: not with 2.1.170).
    pub fn region_from_aws_files(self) -> bool {
        self.version >= Version::new(2, 1, 172)
    }

    /// A Region value with a slash, dot or blank counts as unset (2.1.232).
    pub fn drops_malformed_region(self) -> bool {
        self.version >= Version::new(2, 1, 232)
    }

    /// Default models take the Region's prefix; before 2.1.128 always `us.` (seen).
    pub fn prefix_follows_region(self) -> bool {
        self.version >= Version::new(2, 1, 128)
    }

    /// GovCloud Regions have their own prefix (2.1.174).
    pub fn knows_govcloud_prefix(self) -> bool {
        self.version >= Version::new(2, 1, 174)
    }

    /// What the account lists decides about the prefix (2.1.45; seen: not with 2.1.20).
    pub fn prefix_follows_listing(self) -> bool {
        self.version >= Version::new(2, 1, 45)
    }

    /// A listed profile fits when the model's id only begins alike: Opus 5.5 is taken for Opus 5 (seen up to 2.1.240, no longer with 2.1.260).
    pub fn takes_longer_names(self) -> bool {
        self.version < Version::new(2, 1, 260)
    }

    /// `ANTHROPIC_BEDROCK_REGION_PREFIX` is read (2.1.224).
    pub fn reads_region_prefix(self) -> bool {
        self.version >= Version::new(2, 1, 224)
    }

    /// Without a pin, small jobs go to the default Sonnet (2.1.207); before, to the main model.
    pub fn background_is_sonnet(self) -> bool {
        self.version >= Version::new(2, 1, 207)
    }

    /// `awsCredentialExport` may print the form of `credential_process`, without `Credentials` around it (2.1.181).
    pub fn accepts_flat_export(self) -> bool {
        self.version >= Version::new(2, 1, 181)
    }

    /// Anthropic ids given to `--model` or `ANTHROPIC_MODEL` are mapped (2.1.200).
    pub fn maps_anthropic_ids(self) -> bool {
        self.version >= Version::new(2, 1, 200)
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
}
