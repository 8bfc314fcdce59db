//! The ARNs of what is invoked, and of who invokes.

use super::Known;
use crate::claude_code::model_ids::{behind_profile, prefix_of};
use crate::claude_code::region::partition;

/// The resources of one model.
pub(super) struct Resources {
    /// The inference profile; none when a foundation model is invoked directly.
    pub(super) profile: Option<String>,
    /// The foundation models, one for each Region; or the ARN of something else that can be invoked.
    pub(super) models: Vec<String>,
    /// What is not known.
    pub(super) open: Vec<String>,
}

impl Known<'_> {
    /// The resources of a model, invoked from a Region.
    pub(super) fn resources(&self, model: &str, source: &str) -> Resources {
        if model.contains(":application-inference-profile/") {
            return self.application_profile(model, source);
        }
        if let Some((_, id)) = model.rsplit_once(":inference-profile/") {
            return self.system_profile(model.to_owned(), id, source);
        }
        if behind_profile(model).is_some() {
            let profile = format!("inference-profile/{model}");
            let profile = arn("bedrock", source, self.account(), &profile);
            return self.system_profile(profile, model, source);
        }
        let itself = if model.starts_with("arn:") {
            model.to_owned()
        } else {
            foundation_model(source, model)
        };
        Resources {
            profile: None,
            models: vec![itself],
            open: Vec::new(),
        }
    }

    fn system_profile(&self, profile: String, id: &str, source: &str) -> Resources {
        let base = behind_profile(id).unwrap_or(id);
        // The destinations depend on the Region from which a profile is invoked.
        let listed = self
            .listed
            .filter(|_| source == self.configuration.region.value)
            .and_then(|listed| listed.profiles.iter().find(|profile| profile.id == id))
            .map(|profile| plain(&profile.model_arns))
            .filter(|arns| !arns.is_empty());
        let is_global = prefix_of(id) == Some("global");
        let mut open = Vec::new();
        let mut models = listed.unwrap_or_else(|| {
            if is_global {
                return Vec::new();
            }
            open.push(format!(
                "the Regions to which `{id}` sends requests are not known, so `*` stands for them"
            ));
            vec![foundation_model_anywhere(source, base)]
        });
        if is_global {
            // Documented: the Region itself, and the model without a Region.
            for needed in [
                foundation_model(source, base),
                foundation_model_without_region(source, base),
            ] {
                if !models.contains(&needed) {
                    models.push(needed);
                }
            }
        }
        Resources {
            profile: Some(profile),
            models,
            open,
        }
    }

    fn application_profile(&self, model: &str, source: &str) -> Resources {
        let told = self.models.iter().find(|known| known.model == model);
        let arns = told.map_or_else(Vec::new, |known| plain(&known.model_arns));
        if !arns.is_empty() {
            return Resources {
                profile: Some(model.to_owned()),
                models: arns,
                open: Vec::new(),
            };
        }
        Resources {
            profile: Some(model.to_owned()),
            models: vec![foundation_model_anywhere(source, "anthropic.*")],
            open: vec![format!(
                "the foundation models behind `{model}` are not known, so those of Anthropic in every Region stand for them"
            )],
        }
    }
}

impl Resources {
    /// The profile first: AWS looks at it before the models.
    pub(super) fn all(&self) -> Vec<String> {
        self.profile.iter().chain(&self.models).cloned().collect()
    }
}

/// The same ARNs in fewer words: foundation models in several Regions become one with a wildcard.
pub(crate) fn shortened(resources: &[String]) -> Vec<String> {
    let mut short: Vec<String> = Vec::new();
    for arn in resources {
        let fields: Vec<&str> = arn.splitn(5, ':').collect();
        let anywhere = match fields[..] {
            [arn, partition, service, _, rest] if rest.starts_with(":foundation-model/") => {
                format!("{arn}:{partition}:{service}:*:{rest}")
            }
            _ => arn.clone(),
        };
        if !short.contains(&anywhere) {
            short.push(anywhere);
        }
    }
    short
}

/// Letters, digits and what ids and ARNs have between them: no wildcard, no policy variable, nothing to quote.
pub(super) fn is_plain(id: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=,@".contains(c);
    !id.is_empty() && id.chars().all(known)
}

/// The ARNs among them: what a gateway answers in AWS's place must not widen a policy.
fn plain(arns: &[String]) -> Vec<String> {
    let usable = arns
        .iter()
        .filter(|arn| arn.starts_with("arn:") && is_plain(arn));
    usable.cloned().collect()
}

pub(super) fn arn(service: &str, region: &str, account: &str, resource: &str) -> String {
    format!(
        "arn:{}:{service}:{region}:{account}:{resource}",
        partition(region)
    )
}

pub(super) fn foundation_model(region: &str, base: &str) -> String {
    arn("bedrock", region, "", &format!("foundation-model/{base}"))
}

fn foundation_model_anywhere(source: &str, base: &str) -> String {
    format!(
        "arn:{}:bedrock:*::foundation-model/{base}",
        partition(source)
    )
}

/// As `global.` profiles use it.
fn foundation_model_without_region(source: &str, base: &str) -> String {
    format!(
        "arn:{}:bedrock:::foundation-model/{base}",
        partition(source)
    )
}

/// The ARNs under which IAM knows a caller. A role's path is not in the ARN of its session, so both forms are given.
pub(super) fn principals(caller: &str) -> Vec<String> {
    let fields: Vec<&str> = caller.splitn(6, ':').collect();
    let [_, partition, service, _, account, name] = fields[..] else {
        return Vec::new();
    };
    match (service, name.split_once('/')) {
        ("sts", Some(("assumed-role", session))) => {
            let role = session.split('/').next().unwrap_or(session);
            ["", "*/"]
                .map(|path| format!("arn:{partition}:iam::{account}:role/{path}{role}"))
                .to_vec()
        }
        ("iam", Some(("user" | "role", _))) => vec![caller.to_owned()],
        // The root user and federated users have no policies that could be simulated.
        _ => Vec::new(),
    }
}
