//! The configuration Claude Code will use: every value with where it comes from and what it beat.

use serde::{Deserialize, Serialize};

use super::{SettingsFile, SettingsState, Source, SourceKind, Value};
use crate::claude_code::model_ids::is_mantle_id;

/// Which service Claude Code talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provider {
    /// Amazon Bedrock.
    #[serde(rename = "bedrock")]
    Bedrock,
    /// Amazon Bedrock through Mantle.
    #[serde(rename = "mantle")]
    Mantle,
    /// Each model where its id belongs.
    #[serde(rename = "bedrock+mantle")]
    BedrockAndMantle,
    /// Claude Platform on AWS.
    #[serde(rename = "anthropic-aws")]
    AnthropicAws,
    /// Google Vertex AI.
    #[serde(rename = "vertex")]
    Vertex,
    /// Microsoft Foundry.
    #[serde(rename = "foundry")]
    Foundry,
    /// The Anthropic API.
    #[serde(rename = "anthropic")]
    Anthropic,
}

impl Provider {
    /// Whether requests go to Amazon Bedrock's own API.
    pub fn uses_bedrock(self) -> bool {
        matches!(self, Self::Bedrock | Self::BedrockAndMantle)
    }

    /// Whether requests go to Amazon Bedrock's Mantle endpoint.
    pub fn uses_mantle(self) -> bool {
        matches!(self, Self::Mantle | Self::BedrockAndMantle)
    }

    /// Whether requests are signed with AWS credentials.
    pub fn uses_aws_credentials(self) -> bool {
        self.uses_bedrock() || self.uses_mantle() || self == Self::AnthropicAws
    }

    /// The words in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bedrock => "Amazon Bedrock",
            Self::Mantle => "Amazon Bedrock (Mantle)",
            Self::BedrockAndMantle => "Amazon Bedrock, with Mantle for models that live there",
            Self::AnthropicAws => "Claude Platform on AWS",
            Self::Vertex => "Google Vertex AI",
            Self::Foundry => "Microsoft Foundry",
            Self::Anthropic => "the Anthropic API",
        }
    }
}

/// A variable that bears on Bedrock, as Claude Code will see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or what may be told of it, and what it beat.
    pub value: Value<Shown>,
}

/// What may be told of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shown", content = "as", rename_all = "kebab-case")]
pub enum Shown {
    /// Not secret.
    Plain(String),
    /// Set to the empty text.
    Empty,
    /// An access key id; outputs shorten it.
    AccessKeyId(String),
    /// A secret: only that it is set, and its shape.
    Secret(SecretShape),
}

impl Shown {
    /// The value in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Plain(text) => format!("`{text}`"),
            Self::Empty => "empty".to_owned(),
            Self::AccessKeyId(id) => format!("`{id}`"),
            Self::Secret(_) => "set (not shown)".to_owned(),
        }
    }
}

/// The shape of a secret: enough to see that it was cut or pasted wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretShape {
    /// Looks as a value of its kind does.
    Plausible,
    /// Has blanks or line ends around it.
    SurroundedByBlanks,
    /// Has quotes around it.
    Quoted,
    /// Has characters its kind cannot have.
    StrangeCharacters,
    /// Shorter or longer than its kind ever is.
    StrangeLength,
}

/// A model and the part it plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// Answers the user.
    pub main: Value<String>,
    /// Titles, summaries, small jobs.
    pub background: Value<String>,
    /// What `opus` stands for.
    pub opus: Value<String>,
    /// What `sonnet` stands for.
    pub sonnet: Value<String>,
    /// What `haiku` stands for.
    pub haiku: Value<String>,
    /// What `fable` stands for, when somebody pinned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fable: Option<Value<String>>,
    /// What subagents use, when somebody chose a model for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<Value<String>>,
}

impl Models {
    /// The distinct models beside those in use that somebody chose, with their parts: what subagents use, and what a
    /// switch to another family would use. A default that nobody chose is not among them.
    pub fn pinned(&self) -> Vec<(&Value<String>, &'static str)> {
        let mut seen = vec![&self.main.value, &self.background.value];
        let families = [
            (&self.opus, "opus model"),
            (&self.sonnet, "sonnet model"),
            (&self.haiku, "haiku model"),
        ];
        let subagent = self.subagent.iter().map(|model| (model, "subagent model"));
        let fable = self.fable.iter().map(|model| (model, "fable model"));
        let mut pinned: Vec<_> = subagent.chain(families).chain(fable).collect();
        pinned.retain(|(model, _)| {
            let chosen = model.source.kind != SourceKind::Default && !seen.contains(&&model.value);
            seen.push(&model.value);
            chosen
        });
        pinned
    }

    /// The distinct models that requests will be made for, with their parts.
    pub fn in_use(&self) -> Vec<(String, &'static str)> {
        let mut used = vec![(self.main.value.clone(), "main model")];
        if self.background.value != self.main.value {
            used.push((self.background.value.clone(), "background model"));
        }
        used
    }
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// Scheme, host and port: credentials are left out.
    pub url: String,
    /// Whether the URL carries credentials.
    pub has_credentials: bool,
}

/// Where requests go and through what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Full URL of the endpoint, without credentials and query.
    pub endpoint: Value<String>,
    /// The proxy; where there is none, what says so, and the proxy that it beats.
    #[serde(default = "no_proxy")]
    pub proxy: Value<Option<Proxy>>,
}

/// No proxy, because nothing names one.
pub(crate) fn no_proxy<T>() -> Value<Option<T>> {
    Value::new(None, Source::default_of("no proxy is set"))
}

/// A file of certificates to trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaFile {
    /// The variable that names it.
    pub variable: String,
    /// The path.
    pub path: Value<String>,
    /// Whether Claude Code reads it.
    pub honoured: bool,
    /// What is wrong with it, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A helper command of the settings, without its arguments: these may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperCommand {
    /// The program, or the whole command when it is known to hold no secret.
    pub shown: String,
}

/// The configuration Claude Code will use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The version whose rules were applied.
    pub rules: String,
    /// Which service requests go to.
    pub provider: Value<Provider>,
    /// The Region.
    pub region: Value<String>,
    /// The AWS profile.
    pub profile: Value<String>,
    /// The profile listing.
    pub bedrock: Route,
    /// Invocations.
    pub runtime: Route,
    /// Mantle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mantle: Option<Route>,
    /// Claude Platform on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anthropic_aws: Option<Route>,
    /// The proxy of every call that gets credentials: STS, IAM Identity Center, sign-in.
    #[serde(default = "no_proxy")]
    pub credentials_proxy: Value<Option<Proxy>>,
    /// Where the background model is invoked, when that is another Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_region: Option<Value<String>>,
    /// Header fields that are added to invocations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// What is set and has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
    /// Files of certificates named by variables.
    pub ca_files: Vec<CaFile>,
    /// The models, as far as they are known without asking AWS.
    pub models: Models,
    /// Whether any model id depends on the inference profiles that the account lists.
    pub models_need_listing: bool,
    /// Requests go out unsigned.
    pub skip_auth: bool,
    /// `awsAuthRefresh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_auth_refresh: Option<Value<HelperCommand>>,
    /// `awsCredentialExport`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_credential_export: Option<Value<HelperCommand>>,
    /// The settings files, strongest first.
    pub settings_files: Vec<SettingsFile>,
    /// The variables that bear on Bedrock.
    pub variables: Vec<Variable>,
    /// Names that look like a variable Claude Code reads, but are none.
    pub unknown_variables: Vec<UnknownVariable>,
}

impl Configuration {
    /// Whether requests for a model go to Mantle: with both services in use its id decides.
    pub fn goes_to_mantle(&self, model: &str) -> bool {
        let provider = self.provider.value;
        provider.uses_mantle() && (!provider.uses_bedrock() || is_mantle_id(model))
    }

    /// The route to each service that is configured; the one of invocations first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        let always = [&self.runtime, &self.bedrock].into_iter();
        always.chain(&self.mantle).chain(&self.anthropic_aws)
    }

    /// The distinct models that are invoked through Bedrock's own API, with their parts.
    pub fn models_on_bedrock(&self) -> Vec<(String, &'static str)> {
        let mut used = self.models.in_use();
        used.retain(|(model, _)| !self.goes_to_mantle(model));
        used
    }

    /// The distinct models beside them that somebody chose, with their parts.
    pub fn pinned_on_bedrock(&self) -> Vec<(String, &'static str)> {
        let pinned = self.models.pinned().into_iter();
        pinned
            .map(|(model, part)| (model.value.clone(), part))
            .filter(|(model, _)| !self.goes_to_mantle(model))
            .collect()
    }

    /// Returns the variable of that name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// Whether a variable is set to something.
    pub fn is_set(&self, name: &str) -> bool {
        self.variable(name)
            .is_some_and(|variable| variable.value.value != Shown::Empty)
    }

    /// The ignored settings file in which a setting of that name stands.
    pub fn lost_in(&self, name: &str) -> Option<&SettingsFile> {
        self.settings_files.iter().find(|file| {
            matches!(&file.state, SettingsState::Ignored { lost, .. } if lost.iter().any(|key| key == name))
        })
    }
}

/// A header field that is added to invocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value; only those of AWS are known to be no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The variable that sets it.
    pub source: Source,
}

/// Something that is set and that Claude Code ignores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// The variable, key or file.
    pub name: String,
    /// Where it stands.
    pub source: Source,
    /// Why, in a phrase.
    pub why: String,
}

/// A name nobody reads, and the one that was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownVariable {
    /// The name as it stands.
    pub name: String,
    /// The name that is read.
    pub meant: String,
    /// Where it stands.
    pub source: Source,
}
