//! Which model ids go into requests.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::Environment;
use super::versions::Rules;
use crate::facts::{InferenceProfiles, Models, Overridden, Source, Value};

/// The prefixes of system-defined inference profiles.
pub const PREFIXES: [&str; 7] = ["us-gov", "us", "eu", "apac", "jp", "au", "global"];

/// What the settings files say about models, each with the winner first.
#[derive(Clone, Default)]
pub struct ModelSettings {
    /// `model`.
    pub model: Option<Value<String>>,
    /// `modelOverrides`.
    pub overrides: BTreeMap<String, Value<String>>,
}

/// The models of every part, and whether the profile listing decides about any of them.
pub struct Resolution {
    /// The models.
    pub models: Models,
    /// A model id was made from a prefix that the listing would have confirmed or changed.
    pub needs_listing: bool,
}

/// Resolves the models. `listed`: what the account lists in the Region, when that is known.
pub fn resolve(
    environment: &Environment,
    settings: &ModelSettings,
    region: &str,
    rules: Rules,
    listed: Option<&InferenceProfiles>,
) -> Resolution {
    let mut resolver = Resolver {
        environment,
        settings,
        prefix: prefix(environment, region, rules),
        rules,
        listed,
        prefixed: BTreeSet::new(),
    };
    let opus = resolver.role("ANTHROPIC_DEFAULT_OPUS_MODEL", Role::Opus);
    let sonnet = resolver.role("ANTHROPIC_DEFAULT_SONNET_MODEL", Role::Sonnet);
    let haiku = resolver.role("ANTHROPIC_DEFAULT_HAIKU_MODEL", Role::Haiku);
    let families = Families {
        opus,
        sonnet,
        haiku,
    };
    let (main, selected) = resolver.main(&families);
    let background = resolver.background(&families, &main, selected);
    Resolution {
        needs_listing: [&main, &background]
            .iter()
            .any(|model| resolver.prefixed.contains(&model.value)),
        models: Models {
            main,
            background,
            opus: families.opus,
            sonnet: families.sonnet,
            haiku: families.haiku,
        },
    }
}

#[derive(Clone, Copy)]
enum Role {
    Main,
    Opus,
    Sonnet,
    Haiku,
}

struct Families {
    opus: Value<String>,
    sonnet: Value<String>,
    haiku: Value<String>,
}

struct Resolver<'a> {
    environment: &'a Environment,
    settings: &'a ModelSettings,
    prefix: String,
    rules: Rules,
    listed: Option<&'a InferenceProfiles>,
    /// Ids made from a prefix that the listing confirms or changes.
    prefixed: BTreeSet<String>,
}

impl Resolver<'_> {
    /// The main model, and whether somebody selected it.
    fn main(&mut self, families: &Families) -> (Value<String>, bool) {
        let mut candidates: Vec<Value<String>> = Vec::new();
        candidates.extend(self.environment.set_value("ANTHROPIC_MODEL"));
        candidates.extend(self.settings.model.clone());
        candidates.extend(self.environment.set_value("ANTHROPIC_DEFAULT_MODEL"));
        if !candidates.is_empty() {
            let mut winner = candidates.remove(0);
            let losers = candidates.into_iter().map(|lost| Overridden {
                value: lost.value,
                source: lost.source,
            });
            winner.overridden.extend(losers);
            winner.value = self.model_id(&winner.value, families);
            return (winner, true);
        }
        // Opus is the default main model of newer versions, Sonnet of older ones.
        let opus_pin = self
            .environment
            .get("ANTHROPIC_DEFAULT_OPUS_MODEL")
            .is_some();
        let sonnet_pin = self
            .environment
            .get("ANTHROPIC_DEFAULT_SONNET_MODEL")
            .is_some();
        if opus_pin && !sonnet_pin {
            return (families.opus.clone(), true);
        }
        if sonnet_pin && !opus_pin {
            return (families.sonnet.clone(), false);
        }
        if opus_pin && self.rules.background_is_sonnet() {
            return (families.opus.clone(), false);
        }
        if sonnet_pin {
            return (families.sonnet.clone(), false);
        }
        (self.default_model(Role::Main), false)
    }

    fn background(
        &mut self,
        families: &Families,
        main: &Value<String>,
        selected: bool,
    ) -> Value<String> {
        if self
            .environment
            .get("ANTHROPIC_DEFAULT_HAIKU_MODEL")
            .is_some()
        {
            return families.haiku.clone();
        }
        if let Some(mut pinned) = self.environment.set_value("ANTHROPIC_SMALL_FAST_MODEL") {
            pinned.value = self.model_id(&pinned.value, families);
            return pinned;
        }
        if selected || !self.rules.background_is_sonnet() {
            return main.clone();
        }
        if self
            .environment
            .get("ANTHROPIC_DEFAULT_SONNET_MODEL")
            .is_some()
        {
            return families.sonnet.clone();
        }
        self.default_model(Role::Sonnet)
    }

    fn role(&mut self, variable: &str, role: Role) -> Value<String> {
        match self.environment.set_value(variable) {
            Some(mut pinned) => {
                pinned.value = self.mapped(&pinned.value);
                pinned
            }
            None => self.default_model(role),
        }
    }

    fn default_model(&mut self, role: Role) -> Value<String> {
        let base = self.rules.defaults().map_or("", |defaults| match role {
            Role::Main => &defaults.main,
            Role::Opus => &defaults.opus,
            Role::Sonnet => &defaults.sonnet,
            Role::Haiku => &defaults.haiku,
        });
        let source = Source::default_of(&format!("of Claude Code {}", self.rules.version));
        if let Some(replaced) = self.overridden(base) {
            return replaced;
        }
        Value::new(self.with_prefix(base), source)
    }

    /// The id with the preferred prefix, or the first one the account lists.
    fn with_prefix(&mut self, base: &str) -> String {
        let preferred = format!("{}.{base}", self.prefix);
        if !self.rules.prefix_follows_listing() {
            return preferred;
        }
        let fits = |id: &str| {
            let model = without_prefix(id);
            model == base || (self.rules.takes_longer_names() && model.starts_with(base))
        };
        let id = match self.listed {
            Some(listed) if !listed.lists(&preferred) => listed
                .profiles
                .iter()
                .find(|profile| fits(&profile.id))
                .map_or(preferred, |profile| profile.id.clone()),
            _ => preferred,
        };
        self.prefixed.insert(id.clone());
        id
    }

    fn overridden(&self, base: &str) -> Option<Value<String>> {
        self.settings
            .overrides
            .iter()
            .find(|(id, _)| bedrock_id(id).as_deref() == Some(base) || id.as_str() == base)
            .map(|(_, value)| value.clone())
    }

    /// What a model setting turns into: aliases, Anthropic ids and overrides are resolved, all else goes out as it is.
    fn model_id(&mut self, text: &str, families: &Families) -> String {
        let plain = without_1m(text);
        match plain {
            "opus" | "best" => families.opus.value.clone(),
            "sonnet" | "opusplan" => families.sonnet.value.clone(),
            "haiku" => families.haiku.value.clone(),
            "fable" => self.with_prefix("anthropic.claude-fable-5-2"),
            _ => self.mapped(plain),
        }
    }

    fn mapped(&mut self, text: &str) -> String {
        let plain = without_1m(text);
        if let Some(replaced) = self.settings.overrides.get(plain) {
            return replaced.value.clone();
        }
        match bedrock_id(plain) {
            Some(base) if self.rules.maps_anthropic_ids() => match self.overridden(&base) {
                Some(replaced) => replaced.value,
                None => self.with_prefix(&base),
            },
            _ => plain.to_owned(),
        }
    }
}

/// The prefix Claude Code puts before the models it picks itself.
pub fn prefix(environment: &Environment, region: &str, rules: Rules) -> String {
    let of_region = if !rules.prefix_follows_region() {
        "us"
    } else if region.starts_with("us-gov-") {
        if rules.knows_govcloud_prefix() {
            "us-gov"
        } else {
            "global"
        }
    } else if region.starts_with("us-") {
        "us"
    } else if region.starts_with("eu-") {
        "eu"
    } else if region.starts_with("ap-") {
        "apac"
    } else {
        "global"
    };
    let wanted = environment
        .get("ANTHROPIC_BEDROCK_REGION_PREFIX")
        .filter(|_| rules.reads_region_prefix() && of_region != "us-gov")
        .filter(|wanted| PREFIXES.contains(wanted) && *wanted != "us-gov");
    wanted.unwrap_or(of_region).to_owned()
}

/// An id without the prefix of an inference profile.
pub fn without_prefix(id: &str) -> &str {
    match id.split_once('.') {
        Some((prefix, rest)) if PREFIXES.contains(&prefix) => rest,
        _ => id,
    }
}

/// The prefix of an inference profile's id.
pub fn prefix_of(id: &str) -> Option<&str> {
    let (prefix, _) = id.split_once('.')?;
    PREFIXES.contains(&prefix).then_some(prefix)
}

/// Cuts off the tag that only Claude Code knows.
fn without_1m(id: &str) -> &str {
    let tag = id.len().checked_sub(4).and_then(|at| id.get(at..));
    match tag {
        Some(tag) if tag.eq_ignore_ascii_case("[1m]") => &id[..id.len() - 4],
        _ => id,
    }
}

/// The foundation model behind an Anthropic id, such as `claude-sonnet-4-6`.
pub fn bedrock_id(anthropic: &str) -> Option<String> {
    let dated = [
        (
            "claude-sonnet-4-5",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        (
            "claude-haiku-4-5",
            "anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        ("claude-opus-4-5", "anthropic.claude-opus-4-5-20251101-v1:0"),
        ("claude-opus-4-1", "anthropic.claude-opus-4-1-20250805-v1:0"),
        ("claude-sonnet-4", "anthropic.claude-sonnet-4-20250514-v1:0"),
        ("claude-opus-4", "anthropic.claude-opus-4-20250514-v1:0"),
        ("claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
    ];
    for (short, base) in dated {
        let date = base
            .strip_prefix("anthropic.")
            .and_then(|id| id.strip_suffix("-v1:0"));
        if anthropic == short || Some(anthropic) == date {
            return Some(base.to_owned());
        }
    }
    let undated = [
        "claude-sonnet-4-6",
        "claude-sonnet-5",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-fable-5-2",
    ];
    undated
        .contains(&anthropic)
        .then(|| format!("anthropic.{anthropic}"))
}

#[cfg(test)]
mod tests {
    use super::super::versions::Version;
    use super::*;
    use crate::facts::InferenceProfile;

    #[track_caller]
    fn main_model(version: &str, listed: &[&str], want: &str) {
        let listed = InferenceProfiles {
            profiles: listed
                .iter()
                .map(|id| InferenceProfile {
                    id: (*id).to_owned(),
                    model_arns: Vec::new(),
                })
                .collect(),
        };
        let resolution = resolve(
            &Environment::default(),
            &ModelSettings::default(),
            "us-east-1",
            Rules::of(Version::parse(version)),
            Some(&listed),
        );
        assert_eq!(resolution.models.main.value, want, "{version}");
    }

    #[test]
    fn the_listing_decides_about_the_prefix_since_2_1_45() {
        let sonnet = ["global.anthropic.claude-sonnet-4-5-20250929-v1:0"];
        main_model(
            "2.1.20",
            &sonnet,
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        );
        main_model("2.1.45", &sonnet, sonnet[0]);
    }

    #[test]
    fn up_to_2_1_240_a_longer_name_is_taken_for_the_model() {
        let listed = [
            "global.anthropic.claude-opus-5-5",
            "global.anthropic.claude-opus-5",
        ];
        main_model("2.1.240", &listed, listed[0]);
        main_model("2.1.260", &listed, listed[1]);
        main_model("2.1.260", &listed[..1], "us.anthropic.claude-opus-5");
    }
}
