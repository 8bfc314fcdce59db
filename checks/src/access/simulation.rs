//! What the policy simulator is asked: the permissions in groups that share one request context.

use super::{Access, Known, Needed};
use crate::facts::InvokeOperation;

/// Actions on resources in one request context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// IAM actions; each is asked for every resource.
    pub actions: Vec<&'static str>,
    /// ARNs, or `*`.
    pub resources: Vec<String>,
    /// The value of `aws:RequestedRegion`: the Region of the resource, `unspecified` for a model without one.
    pub requested_region: String,
    /// The value of `bedrock:InferenceProfileArn`, for the models behind an inference profile.
    pub inference_profile: Option<String>,
}

impl Known<'_> {
    /// What to ask the simulator: what Claude Code needs on Bedrock, but for what only another service asks in its name.
    pub fn questions(&self) -> Vec<Question> {
        let region = &self.configuration.region.value;
        let access = self.access();
        let mut questions: Vec<Question> = Vec::new();
        for (_, of_model) in self.models_in_bedrock() {
            let profile = of_model.profile.as_ref();
            for resource in of_model.all() {
                let requested_region = requested_region(&resource, region);
                let behind = profile.filter(|profile| **profile != resource);
                let same = questions.iter_mut().find(|asked| {
                    asked.requested_region == requested_region
                        && asked.inference_profile.as_ref() == behind
                });
                match same {
                    Some(asked) if asked.resources.contains(&resource) => {}
                    Some(asked) => asked.resources.push(resource),
                    None => questions.push(Question {
                        actions: vec![
                            InvokeOperation::InvokeModelWithResponseStream.action(),
                            InvokeOperation::InvokeModel.action(),
                        ],
                        resources: vec![resource],
                        requested_region,
                        inference_profile: behind.cloned(),
                    }),
                }
            }
        }
        questions.extend(general(&access).map(|(action, resources)| Question {
            actions: vec![action],
            resources,
            requested_region: region.clone(),
            inference_profile: None,
        }));
        questions
    }
}

/// What Claude Code asks of the control plane.
fn general(access: &Access) -> impl Iterator<Item = (&'static str, Vec<String>)> {
    let invocations = [
        InvokeOperation::InvokeModelWithResponseStream.action(),
        InvokeOperation::InvokeModel.action(),
    ];
    access
        .permissions
        .iter()
        .filter(move |it| it.needed == Needed::Start && !invocations.contains(&it.action))
        .map(|it| (it.action, it.resources.clone()))
}

/// The Region that AWS checks a request against: that of the resource (Bedrock user guide, "Global cross-Region inference").
fn requested_region(arn: &str, source: &str) -> String {
    match arn.split(':').nth(3) {
        Some("") => "unspecified".to_owned(),
        Some("*") | None => source.to_owned(),
        Some(region) => region.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, Observed, Provider};
    use crate::sample::{MAIN, healthy};

    fn questions(facts: &Facts) -> Vec<Question> {
        let configuration = facts.configuration.known().expect("a configuration");
        Known::of(configuration, facts).questions()
    }

    #[test]
    fn every_region_of_a_profile_is_asked_in_its_own_context() {
        let mut facts = healthy();
        let model = |region: &str| {
            format!("arn:aws:bedrock:{region}::foundation-model/anthropic.claude-opus-5-5")
        };
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.models.background = configuration.models.main.clone();
        }
        if let Observed::Known(listed) = &mut facts.inference_profiles {
            for profile in &mut listed.profiles {
                profile.model_arns = vec![model("us-east-1"), model("us-west-2")];
            }
        }
        let asked = questions(&facts);
        let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MAIN}");
        let contexts: Vec<(&str, Option<&str>, &[String])> = asked
            .iter()
            .map(|it| {
                let behind = it.inference_profile.as_deref();
                (it.requested_region.as_str(), behind, &it.resources[..])
            })
            .collect();
        assert_eq!(
            contexts,
            [
                ("us-east-1", None, &[profile.clone()][..]),
                ("us-east-1", Some(&*profile), &[model("us-east-1")][..]),
                ("us-west-2", Some(&*profile), &[model("us-west-2")][..]),
                ("us-east-1", None, &["*".to_owned()][..]),
            ]
        );
        assert_eq!(asked[3].actions, ["bedrock:ListInferenceProfiles"]);
    }

    #[test]
    fn models_on_mantle_are_none_of_bedrock_s() {
        let mut facts = healthy();
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.provider.value = Provider::BedrockAndMantle;
            configuration.models.background.value = "anthropic.claude-sonnet-5".to_owned();
        }
        let questions = questions(&facts);
        let mut resources = questions.iter().flat_map(|it| &it.resources);
        assert!(
            !resources.any(|arn| arn.contains("claude-sonnet-5")),
            "{questions:#?}"
        );
    }

    #[test]
    fn a_model_without_a_region_is_asked_as_unspecified() {
        let arn = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5";
        assert_eq!(requested_region(arn, "us-east-1"), "unspecified");
        assert_eq!(requested_region("*", "us-east-1"), "us-east-1");
    }
}
