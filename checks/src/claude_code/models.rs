//! Which model ids go into requests.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::Environment;
use super::model_ids::{PREFIXES, id_at, without_prefix, without_window};
use super::versions::{Defaults, Rule, Rules};
use crate::facts::{InferenceProfiles, Models, Overridden, Provider, Source, Value};
use crate::parse::js::trim;

/// What the settings files and the command line say about models, each with the winner first.
#[derive(Clone, Default)]
pub struct ModelSettings {
    /// `claude --model`.
    pub flag: Option<Value<String>>,
    /// `model`.
    pub model: Option<Value<String>>,
    /// `modelOverrides`.
    pub overrides: BTreeMap<String, Value<String>>,
    /// `availableModels`: what may be selected.
    pub available: Option<Value<Vec<String>>>,
}

/// The models of every part, and whether the profile listing decides about any of them.
pub struct Resolution {
    /// The models.
    pub models: Models,
    /// A model id was made from a prefix that the listing would have confirmed or changed.
    pub needs_listing: bool,
}

/// What the models are resolved for.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The service.
    pub provider: Provider,
    /// The Region.
    pub region: &'a str,
    /// The version's rules.
    pub rules: Rules,
    /// What the account lists in the Region, when that is known.
    pub listed: Option<&'a InferenceProfiles>,
}

/// Resolves the models.
pub fn resolve(
    environment: &Environment,
    settings: &ModelSettings,
    target: Target<'_>,
) -> Resolution {
    let mut resolver = Resolver {
        environment,
        settings,
        prefix: prefix(environment, target.region, target.rules),
        target,
        prefixed: BTreeSet::new(),
    };
    let families = Families {
        opus: resolver.family(Role::Opus),
        sonnet: resolver.family(Role::Sonnet),
        haiku: resolver.family(Role::Haiku),
    };
    let (main, selected) = resolver.main(&families);
    let background = resolver.background(&families, &main, selected);
    let subagent = resolver.subagent(&families);
    let knows_fable = resolver.named("fable").is_some() && resolver.pin(Role::Fable).is_some();
    let fable = knows_fable.then(|| resolver.family(Role::Fable));
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
            fable,
            subagent,
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Opus,
    Sonnet,
    Haiku,
    Fable,
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
    target: Target<'a>,
    /// Ids made from a prefix that the listing confirms or changes.
    prefixed: BTreeSet<String>,
}

impl Resolver<'_> {
    /// The main model, and whether somebody selected it.
    fn main(&mut self, families: &Families) -> (Value<String>, bool) {
        let mut candidates: Vec<Value<String>> = Vec::new();
        // `claude --model default` takes back what is selected elsewhere; the same word from there is sent as it is.
        let takes_back = |flag: &Value<String>| flag.value == "default";
        if !self.settings.flag.as_ref().is_some_and(takes_back) {
            candidates.extend(self.settings.flag.clone());
            candidates.extend(self.environment.set_value("ANTHROPIC_MODEL"));
            let setting = self.settings.model.clone();
            candidates.extend(setting.filter(|model| !model.value.is_empty()));
        }
        candidates.extend(
            self.environment
                .set_value("ANTHROPIC_DEFAULT_MODEL")
                .filter(|model| {
                    may_start_sessions(&model.value)
                        && self.target.rules.has(Rule::DefaultModelVariable)
                }),
        );
        if candidates.is_empty() {
            return self.unselected(families);
        }
        let mut winner = candidates.remove(0);
        if !self.is_available(&winner.value) {
            let (mut main, _) = self.unselected(families);
            main.overridden.push(Overridden {
                value: winner.value,
                source: winner.source,
            });
            return (main, false);
        }
        let losers = candidates.into_iter().map(|lost| Overridden {
            value: lost.value,
            source: lost.source,
        });
        winner.overridden.extend(losers);
        winner.value = self.model_id(&winner.value, families);
        (winner, true)
    }

    /// The main model when nobody selected one: Opus in newer versions, Sonnet in older ones.
    fn unselected(&mut self, families: &Families) -> (Value<String>, bool) {
        let opus = self.pin(Role::Opus).is_some();
        let sonnet = self.pin(Role::Sonnet).is_some();
        if !self.target.provider.uses_bedrock() {
            let main = if opus {
                self.through_alias(Role::Opus, families)
            } else {
                self.default_model(Role::Main)
            };
            return (main, opus);
        }
        match (opus, sonnet) {
            (true, _) if self.target.rules.has(Rule::OpusIsMain) => {
                (self.through_alias(Role::Opus, families), !sonnet)
            }
            (_, true) => (self.through_alias(Role::Sonnet, families), false),
            (_, false) => (self.default_model(Role::Main), false),
        }
    }

    /// A pin that is the main model may itself be an alias (seen, 2.1.330); what that stands for is taken as it is.
    fn through_alias(&mut self, role: Role, families: &Families) -> Value<String> {
        let Some(mut pinned) = self.pin(role) else {
            return self.family(role);
        };
        pinned.value = self.model_id(&pinned.value, families);
        pinned
    }

    /// Whether `availableModels` allows a selection: by its very words, or by its family.
    fn is_available(&self, selected: &str) -> bool {
        let Some(available) = &self.settings.available else {
            return true;
        };
        let wanted = alias(selected);
        available
            .value
            .iter()
            .map(|entry| alias(entry))
            .any(|entry| {
                entry == wanted
                    || (["opus", "sonnet", "haiku", "fable"].contains(&&*entry)
                        && wanted.contains(&format!("claude-{entry}")))
            })
    }

    fn background(
        &mut self,
        families: &Families,
        main: &Value<String>,
        selected: bool,
    ) -> Value<String> {
        if self.pin(Role::Haiku).is_some() {
            return families.haiku.clone();
        }
        if let Some(mut pinned) = self.environment.set_value("ANTHROPIC_SMALL_FAST_MODEL") {
            pinned.value = self.model_id(&pinned.value, families);
            return pinned;
        }
        if !self.target.provider.uses_bedrock() {
            return families.haiku.clone();
        }
        if selected || !self.target.rules.has(Rule::BackgroundIsSonnet) {
            return main.clone();
        }
        if self.pin(Role::Sonnet).is_some() {
            return families.sonnet.clone();
        }
        self.default_model(Role::Sonnet)
    }

    /// What subagents use instead of the main model: an alias or an id; `inherit` stands for the main model
    /// (documentation).
    fn subagent(&mut self, families: &Families) -> Option<Value<String>> {
        let mut chosen = self
            .environment
            .set_value("CLAUDE_CODE_SUBAGENT_MODEL")
            .filter(|model| alias(&model.value) != "inherit")?;
        chosen.value = self.model_id(&chosen.value, families);
        Some(chosen)
    }

    /// The pin of a family; one of blanks counts as unset.
    fn pin(&self, role: Role) -> Option<Value<String>> {
        let family = match role {
            Role::Opus => "OPUS",
            Role::Sonnet => "SONNET",
            Role::Haiku => "HAIKU",
            Role::Fable => "FABLE",
            Role::Main => return None,
        };
        self.environment
            .set_value(&format!("ANTHROPIC_DEFAULT_{family}_MODEL"))
            .filter(|pin| !trim(&pin.value).is_empty())
    }

    /// What a family's alias stands for: its pin, as it is written, or its default.
    fn family(&mut self, role: Role) -> Value<String> {
        match self.pin(role) {
            Some(mut pinned) => {
                pinned.value = self.mapped(&pinned.value);
                pinned
            }
            None => self.default_model(role),
        }
    }

    fn defaults(&self) -> Option<&'static Defaults> {
        let rules = self.target.rules;
        match self.target.provider {
            Provider::Mantle => rules.mantle_defaults(),
            Provider::AnthropicAws => rules.anthropic_aws_defaults(),
            _ => rules.defaults(),
        }
    }

    /// The family that an alias stands for in this version.
    fn named(&self, alias: &str) -> Option<Role> {
        let knows_fable = || {
            self.defaults()
                .is_some_and(|defaults| defaults.fable.is_some())
        };
        family(alias).filter(|role| *role != Role::Fable || knows_fable())
    }

    fn default_model(&mut self, role: Role) -> Value<String> {
        let base = self.defaults().map_or("", |defaults| match role {
            Role::Main => &defaults.main,
            Role::Opus => &defaults.opus,
            Role::Sonnet => &defaults.sonnet,
            Role::Haiku => &defaults.haiku,
            Role::Fable => defaults.fable.as_deref().unwrap_or("fable"),
        });
        let version = self.target.rules.version;
        let source = Source::default_of(&format!("of Claude Code {version}"));
        if let Some(replaced) = self.overridden(base) {
            return replaced;
        }
        let id = if self.target.provider.uses_bedrock() {
            self.with_prefix(base)
        } else {
            base.to_owned()
        };
        Value::new(id, source)
    }

    /// The id with the preferred prefix, or the first one the account lists.
    fn with_prefix(&mut self, base: &str) -> String {
        let preferred = format!("{}.{base}", self.prefix);
        let rules = self.target.rules;
        if !rules.has(Rule::PrefixFollowsListing) {
            return preferred;
        }
        let fits = |id: &str| {
            let model = without_prefix(id);
            model == base || (!rules.has(Rule::ExactProfileNames) && model.starts_with(base))
        };
        let id = match self.target.listed {
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

    /// What `modelOverrides` puts in the place of a foundation model. Its keys are ids of Anthropic, no others count.
    fn overridden(&self, base: &str) -> Option<Value<String>> {
        self.settings
            .overrides
            .iter()
            .find(|(id, _)| id_at(self.target.provider, id, self.target.rules) == Some(base))
            .map(|(_, value)| value.clone())
    }

    /// What a model setting turns into: aliases, Anthropic ids and overrides are resolved, all else goes out as it is.
    fn model_id(&mut self, text: &str, families: &Families) -> String {
        match self.named(&alias(text)) {
            Some(Role::Opus) => families.opus.value.clone(),
            Some(Role::Sonnet) => families.sonnet.value.clone(),
            Some(Role::Haiku) => families.haiku.value.clone(),
            Some(role) => self.family(role).value,
            None => self.mapped(text),
        }
    }

    fn mapped(&mut self, text: &str) -> String {
        let plain = without_window(trim(text));
        let provider = self.target.provider;
        match id_at(provider, &plain.to_ascii_lowercase(), self.target.rules) {
            Some(base) if self.target.rules.has(Rule::AnthropicIdsMapped) => {
                match self.overridden(base) {
                    Some(replaced) => replaced.value,
                    None if provider.uses_bedrock() => self.with_prefix(base),
                    None => base.to_owned(),
                }
            }
            _ => plain.to_owned(),
        }
    }
}

/// A model setting as aliases are compared: without blanks, letter case and the tag `[1m]` (seen, 2.1.330).
fn alias(text: &str) -> String {
    let text = trim(text).to_ascii_lowercase();
    text.strip_suffix("[1m]").unwrap_or(&text).to_owned()
}

/// The family that an alias stands for.
fn family(alias: &str) -> Option<Role> {
    match alias {
        "opus" | "best" => Some(Role::Opus),
        "sonnet" | "opusplan" => Some(Role::Sonnet),
        "haiku" => Some(Role::Haiku),
        "fable" => Some(Role::Fable),
        _ => None,
    }
}

/// Whether `ANTHROPIC_DEFAULT_MODEL` counts: not with these words (documentation: Model configuration; seen, 2.1.330).
pub fn may_start_sessions(model: &str) -> bool {
    !["default", "inherit", "opusplan", "haiku"].contains(&&*alias(model))
}

/// The prefix Claude Code puts before the models it picks itself.
pub fn prefix(environment: &Environment, region: &str, rules: Rules) -> String {
    let of_region = if !rules.has(Rule::PrefixFollowsRegion) {
        "us"
    } else if region.starts_with("us-gov-") {
        if rules.has(Rule::GovcloudPrefix) {
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
        .map(trim)
        .filter(|_| rules.has(Rule::RegionPrefixVariable) && of_region != "us-gov")
        .filter(|wanted| PREFIXES.contains(wanted) && *wanted != "us-gov");
    wanted.unwrap_or(of_region).to_owned()
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
            Target {
                provider: Provider::Bedrock,
                region: "us-east-1",
                rules: Rules::of(Version::parse(version)),
                listed: Some(&listed),
            },
        );
        assert_eq!(resolution.models.main.value, want, "{version}");
    }

    #[test]
    fn only_what_somebody_chose_is_pinned_and_each_model_once() {
        let pinned = |variables: &[(&str, &str)]| -> Vec<(String, &'static str)> {
            let pairs = variables.iter();
            let shell: BTreeMap<String, String> = pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let target = Target {
                provider: Provider::Bedrock,
                region: "us-east-1",
                rules: Rules::of(Version::parse("2.1.330")),
                listed: None,
            };
            let settings = ModelSettings::default();
            let resolution = resolve(&Environment::merge(&shell, &[]), &settings, target);
            let pinned = resolution.models.pinned().into_iter();
            pinned
                .map(|(model, part)| (model.value.clone(), part))
                .collect()
        };
        assert_eq!(pinned(&[]), []);
        let (main, opus) = (
            ("ANTHROPIC_MODEL", "us.m"),
            ("ANTHROPIC_DEFAULT_OPUS_MODEL", "us.o"),
        );
        let haiku = ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "us.h");
        assert_eq!(
            pinned(&[main, opus, haiku]),
            [("us.o".to_owned(), "opus model")]
        );
        assert_eq!(pinned(&[opus]), []);
        let fable = ("ANTHROPIC_DEFAULT_FABLE_MODEL", "us.f");
        assert_eq!(pinned(&[main, fable]), [("us.f".to_owned(), "fable model")]);
        let subagent = |model| ("CLAUDE_CODE_SUBAGENT_MODEL", model);
        for (model, told) in [
            ("inherit", None),
            ("opus", Some("us.o")),
            ("us.s", Some("us.s")),
        ] {
            let told: Vec<_> = told
                .map(|id: &str| (id.to_owned(), "subagent model"))
                .into_iter()
                .collect();
            let mut all = pinned(&[main, opus, subagent(model)]);
            all.retain(|(_, part)| *part == "subagent model");
            assert_eq!(all, told, "{model}");
        }
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
