//! What a principal must be allowed to do, so that Claude Code works with this configuration: IAM actions on resources.
//!
//! From the service authorization reference of AWS (which action takes which resource), "Prerequisites for inference
//! profiles" and "Global cross-Region inference" of the Bedrock user guide (profile and models are both needed), and
//! Claude Code's documentation on Bedrock and on Claude Platform on AWS.

mod resources;
mod simulation;

use serde::Serialize;

pub(crate) use self::resources::shortened;
use self::resources::{Resources, arn, foundation_model, is_plain, principals};
pub use self::simulation::Question;
use crate::facts::{
    CallerIdentity, Configuration, Facts, InferenceProfiles, InvokeOperation, ModelFacts, Provider,
    Shown,
};
use crate::models::is_in_use;

/// When an action is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needed {
    /// For every answer of Claude Code.
    EveryAnswer,
    /// For the first invocation of a model in the account, which subscribes to it.
    FirstUse,
    /// At the start of Claude Code, which does without when it is denied, and may then choose other models.
    Start,
    /// For the checkup only: Claude Code never asks.
    Checkup,
}

impl Needed {
    /// The words in a sentence: `needed for every answer`.
    pub fn words(self) -> &'static str {
        match self {
            Self::EveryAnswer => "for every answer",
            Self::FirstUse => "for the first use of a model in the account",
            Self::Start => "at the start of Claude Code",
            Self::Checkup => "for the checkup only",
        }
    }
}

/// What an action of the checkup is needed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// It takes no resource.
    Everything,
    /// The foundation models behind the models in use, in the Region.
    FoundationModels,
    /// It takes no resource, and only Mantle has it.
    Mantle,
    /// The caller itself.
    Caller,
    /// The role behind the caller's session, whose path only IAM tells.
    RoleOfCaller,
}

/// What only the probes ask. A test of theirs tells when an action is missing here.
pub const OF_THE_CHECKUP: [(&str, On); 8] = [
    ("bedrock:GetFoundationModelAvailability", On::Everything),
    ("bedrock:GetFoundationModel", On::FoundationModels),
    ("bedrock:GetUseCaseForModelAccess", On::Everything),
    ("bedrock-mantle:ListModels", On::Mantle),
    ("servicequotas:ListServiceQuotas", On::Everything),
    ("servicequotas:GetAWSDefaultServiceQuota", On::Everything),
    ("iam:GetRole", On::RoleOfCaller),
    ("iam:SimulatePrincipalPolicy", On::Caller),
];

/// An action and everything that it is needed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The IAM action: `bedrock:InvokeModel`.
    pub action: &'static str,
    /// ARNs, in the order in which AWS looks at them; `*` where the action takes no resource. A wildcard inside an ARN
    /// stands for what is not known, and [`Access::open`] names it.
    pub resources: Vec<String>,
    /// When it is needed.
    pub needed: Needed,
    /// The service that makes the call in the principal's name: the value of `aws:CalledViaLast`.
    pub via: Option<&'static str>,
}

/// All permissions, and what keeps them from being exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// One for each action.
    pub permissions: Vec<Permission>,
    /// What is not known, a sentence each without the full stop, with what stands in for it.
    pub open: Vec<String>,
}

impl Access {
    fn add(&mut self, needed: Needed, action: &'static str, resources: &[String]) {
        if resources.is_empty() {
            return;
        }
        let at = self.permissions.iter().position(|it| it.action == action);
        let at = at.unwrap_or_else(|| {
            self.permissions.push(Permission {
                action,
                resources: Vec::new(),
                needed,
                via: None,
            });
            self.permissions.len() - 1
        });
        let known = &mut self.permissions[at].resources;
        for resource in resources {
            if !known.contains(resource) {
                known.push(resource.clone());
            }
        }
    }

    /// An action that takes no resource.
    fn add_general(&mut self, needed: Needed, action: &'static str) {
        self.add(needed, action, &["*".to_owned()]);
    }

    fn open(&mut self, what: String) {
        if !self.open.contains(&what) {
            self.open.push(what);
        }
    }
}

/// What is known of the world that the permissions are for.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The configuration Claude Code will use.
    pub configuration: &'a Configuration,
    /// The inference profiles that the account lists in the Region, with their destinations.
    pub listed: Option<&'a InferenceProfiles>,
    /// What the control plane says of the models that are in use or pinned.
    pub models: &'a [ModelFacts],
    /// The principal.
    pub identity: Option<&'a CallerIdentity>,
}

impl<'a> Known<'a> {
    /// What the facts know beside the configuration.
    pub fn of(configuration: &'a Configuration, facts: &'a Facts) -> Self {
        Self {
            configuration,
            listed: facts.inference_profiles.known(),
            models: facts
                .model_availability
                .known()
                .map(Vec::as_slice)
                .unwrap_or_default(),
            identity: facts.caller_identity.known(),
        }
    }

    /// Everything that the configuration needs; empty for services that do not belong to AWS.
    pub fn access(&self) -> Access {
        let mut access = Access::default();
        let provider = self.configuration.provider.value;
        let region = &self.configuration.region.value;
        if provider.uses_aws_credentials() && !is_plain(region) {
            access.open(format!("`{region}` is no Region, so nothing is allowed"));
            return access;
        }
        if provider.uses_bedrock() {
            self.bedrock(&mut access);
        }
        if provider.uses_mantle() {
            self.mantle(&mut access);
        }
        if provider == Provider::AnthropicAws {
            self.claude_platform(&mut access);
        }
        self.checkup(&mut access);
        let mut resources = access.permissions.iter().flat_map(|it| &it.resources);
        if resources.any(|arn| arn.split(':').nth(4) == Some("*")) {
            access.open("the account is not known, so `*` stands for it".to_owned());
        }
        access
    }

    /// The ARNs that invocations of a model need, in the order in which AWS looks at them.
    pub fn resources_of(&self, model: &str) -> Vec<String> {
        self.resources(model, self.region_of(model)).all()
    }

    /// The Region in which a model in use is invoked.
    pub fn region_of(&self, model: &str) -> &'a str {
        let models = &self.configuration.models;
        let in_background = models.background.value == model && models.main.value != model;
        self.source(if in_background {
            "background model"
        } else {
            "main model"
        })
    }

    /// The inference profiles through which the models in use reach a foundation model; `None` for one that is invoked
    /// directly.
    pub fn ways_to(&self, foundation_model: &str) -> Vec<Option<String>> {
        let models = self.models_in_bedrock().into_iter();
        let leads_there = |(_, resources): &(String, Resources)| {
            resources.models.iter().any(|arn| arn == foundation_model)
        };
        models
            .filter(leads_there)
            .map(|(_, resources)| resources.profile)
            .collect()
    }

    /// The models in use that are invoked at Bedrock's own API, with their resources.
    fn models_in_bedrock(&self) -> Vec<(String, Resources)> {
        let models = self.configuration.models_on_bedrock().into_iter();
        models
            .map(|(model, part)| {
                let resources = if is_plain(&model) {
                    self.resources(&model, self.source(part))
                } else {
                    Resources {
                        profile: None,
                        models: Vec::new(),
                        open: vec![format!(
                            "the {part} `{model}` is no model id or ARN, so nothing is allowed for it"
                        )],
                    }
                };
                (model, resources)
            })
            .collect()
    }

    fn bedrock(&self, access: &mut Access) {
        let models = self.models_in_bedrock();
        for (model, resources) in &models {
            let all = resources.all();
            for (needed, operation) in [
                (
                    Needed::EveryAnswer,
                    InvokeOperation::InvokeModelWithResponseStream,
                ),
                (Needed::Start, InvokeOperation::InvokeModel),
            ] {
                access.add(needed, operation.action(), &all);
            }
            for what in &resources.open {
                access.open(what.clone());
            }
            // Claude Code asks for the foundation model behind it; denied, it tries the other form of request.
            if model.contains(":application-inference-profile/") {
                access.add(
                    Needed::Start,
                    "bedrock:GetInferenceProfile",
                    std::slice::from_ref(model),
                );
            }
        }
        access.add_general(Needed::Start, "bedrock:ListInferenceProfiles");
        if self.configuration.is_set("AWS_BEARER_TOKEN_BEDROCK") {
            access.add_general(Needed::EveryAnswer, "bedrock:CallWithBearerToken");
        }
        if self.lacks_agreement() {
            for action in [
                "aws-marketplace:Subscribe",
                "aws-marketplace:ViewSubscriptions",
            ] {
                access.add_general(Needed::FirstUse, action);
                if let Some(added) = access.permissions.last_mut() {
                    added.via = Some("bedrock.amazonaws.com");
                }
            }
        }
    }

    fn checkup(&self, access: &mut Access) {
        let models = self.models_in_bedrock();
        let region = &self.configuration.region.value;
        let foundation_models: Vec<String> = models
            .iter()
            .flat_map(|(_, resources)| &resources.models)
            .filter_map(|arn| arn.split_once(":foundation-model/"))
            .map(|(_, base)| foundation_model(region, base))
            .collect();
        let provider = self.configuration.provider.value;
        let caller = self
            .identity
            .map(|it| it.arn.as_str())
            .filter(|arn| is_plain(arn));
        for (action, on) in OF_THE_CHECKUP {
            match on {
                On::Mantle if provider.uses_mantle() => {
                    access.add_general(Needed::Checkup, action);
                }
                _ if !provider.uses_bedrock() => {}
                On::Mantle => {}
                On::Everything => access.add_general(Needed::Checkup, action),
                On::FoundationModels => access.add(Needed::Checkup, action, &foundation_models),
                On::Caller | On::RoleOfCaller => {
                    let is_meant = |arn: &&str| on == On::Caller || arn.contains(":assumed-role/");
                    let itself = caller.filter(is_meant).map_or_else(Vec::new, principals);
                    access.add(Needed::Checkup, action, &itself);
                }
            }
        }
    }

    fn mantle(&self, access: &mut Access) {
        let models = self.configuration.models.in_use().into_iter();
        let projects: Vec<String> = models
            .filter(|(model, _)| self.configuration.goes_to_mantle(model))
            // Claude Code names no project; AWS's refusals then speak of this one.
            .map(|(_, part)| {
                let region = self.source(part);
                arn("bedrock-mantle", region, self.account(), "project/default")
            })
            .collect();
        access.add(
            Needed::EveryAnswer,
            "bedrock-mantle:CreateInference",
            &projects,
        );
        if !projects.is_empty() && self.configuration.is_set("AWS_BEARER_TOKEN_BEDROCK") {
            access.add_general(Needed::EveryAnswer, "bedrock-mantle:CallWithBearerToken");
        }
    }

    fn claude_platform(&self, access: &mut Access) {
        let workspace = match self
            .configuration
            .variable("ANTHROPIC_AWS_WORKSPACE_ID")
            .map(|variable| &variable.value.value)
        {
            Some(Shown::Plain(id)) if is_plain(id) => id.as_str(),
            _ => "*",
        };
        if workspace == "*" {
            access.open("the workspace is not known, so `*` stands for it".to_owned());
        }
        let workspace = arn(
            "aws-external-anthropic",
            &self.configuration.region.value,
            self.account(),
            &format!("workspace/{workspace}"),
        );
        access.add(
            Needed::EveryAnswer,
            "aws-external-anthropic:CreateInference",
            &[workspace],
        );
        if self.configuration.is_set("ANTHROPIC_AWS_API_KEY") {
            access.add_general(
                Needed::EveryAnswer,
                "aws-external-anthropic:CallWithBearerToken",
            );
        }
    }

    /// Whether AWS says of any model in use that the account has no agreement for it yet.
    fn lacks_agreement(&self) -> bool {
        let mut used = self.models.iter().filter(|model| is_in_use(&model.part));
        used.any(|model| {
            model
                .availability
                .known()
                .is_some_and(|availability| availability.agreement != "AVAILABLE")
        })
    }

    /// The Region to which requests of a part go.
    fn source(&self, part: &str) -> &'a str {
        match &self.configuration.background_region {
            Some(region) if part == "background model" => &region.value,
            _ => &self.configuration.region.value,
        }
    }

    fn account(&self) -> &'a str {
        self.identity
            .map(|identity| identity.account.as_str())
            .filter(|account| is_plain(account))
            .unwrap_or("*")
    }
}

#[cfg(test)]
mod tests;
