//! The control plane of Bedrock: inference profiles, model availability, use-case form.

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::types::InferenceProfileType;
use bedrock_doctor_checks::claude_code::model_ids::behind_profile;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{
    Absence, Availability, InferenceProfile, InferenceProfiles, Lifecycle, ModelFacts, Observed,
    UseCaseForm,
};
use bedrock_doctor_checks::probe::ProbeId;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::Online;
use crate::aws;
use crate::credentials::Signer;

/// Where the control plane is, and a client for it.
fn client(online: &Online<'_>, signer: &Signer) -> (Client, String) {
    let region = &online.resolved.configuration.region.value;
    let mut endpoint = online.resolved.listing.bedrock(region).value;
    // The SDK for JavaScript keeps a slash that ends the path of an endpoint (seen, 2.1.330); the one for Rust drops it.
    let path = endpoint.splitn(4, '/').nth(3);
    if path.is_some_and(|path| path.ends_with('/')) {
        endpoint.push('/');
    }
    let shared = aws::config(&online.http, Plane::Listing, region, &endpoint, signer);
    let mut config = aws_sdk_bedrock::config::Builder::from(&shared);
    if matches!(signer, Signer::Nobody) {
        config = config.allow_no_auth();
    }
    (Client::from_conf(config.build()), endpoint)
}

/// Free, read-only. IAM: `bedrock:ListInferenceProfiles`. Claude Code asks the same at every start.
pub(super) async fn inference_profiles(
    online: &Online<'_>,
    signer: &Signer,
) -> Observed<InferenceProfiles> {
    let region = &online.resolved.configuration.region.value;
    if let Some(refusal) = online.resolved.listing.listing_refusal(region) {
        return Observed::Failed(refusal);
    }
    let (client, endpoint) = client(online, signer);
    let question = async {
        let mut profiles = Vec::new();
        let mut next = None;
        // A list that never ends is cut off by the deadline.
        loop {
            let page = client
                .list_inference_profiles()
                .type_equals(InferenceProfileType::SystemDefined)
                .max_results(1_000)
                .set_next_token(next)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    return Observed::Failed(aws::failure(
                        "bedrock",
                        &host_of(&endpoint),
                        online.secrets,
                        &error,
                    ));
                }
            };
            profiles.extend(page.inference_profile_summaries().iter().map(|profile| {
                InferenceProfile {
                    id: online.secrets.scrub(profile.inference_profile_id()),
                    model_arns: model_arns(online, profile.models()),
                }
            }));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Observed::Known(InferenceProfiles { profiles });
            }
        }
    };
    online
        .within(ProbeId::InferenceProfiles, "bedrock", &endpoint, question)
        .await
}

/// Free, read-only. IAM: `bedrock:GetUseCaseForModelAccess`.
pub(super) async fn use_case_form(online: &Online<'_>, signer: &Signer) -> Observed<UseCaseForm> {
    let (client, endpoint) = client(online, signer);
    let question = async {
        match client.get_use_case_for_model_access().send().await {
            Ok(_) => Observed::Known(UseCaseForm::Submitted),
            Err(error) => {
                let failure = aws::failure("bedrock", &host_of(&endpoint), online.secrets, &error);
                if failure.code.as_deref() == Some("ResourceNotFoundException") {
                    Observed::Known(UseCaseForm::Missing)
                } else {
                    Observed::Failed(failure)
                }
            }
        }
    };
    online
        .within(ProbeId::UseCaseForm, "bedrock", &endpoint, question)
        .await
}

/// Free, read-only. IAM: `bedrock:GetFoundationModelAvailability`, `bedrock:GetFoundationModel`, and for an
/// application profile `bedrock:GetInferenceProfile`.
pub(super) async fn model_availability(
    online: &Online<'_>,
    signer: &Signer,
) -> Observed<Vec<ModelFacts>> {
    let (client, endpoint) = client(online, signer);
    let configuration = &online.resolved.configuration;
    let mut models = configuration.models_on_bedrock();
    models.extend(configuration.pinned_on_bedrock());
    let asked = models
        .iter()
        .map(|(model, part)| one_model(online, &client, &endpoint, model, part));
    Observed::Known(join_all(asked).await)
}

async fn one_model(
    online: &Online<'_>,
    client: &Client,
    endpoint: &str,
    model: &str,
    part: &str,
) -> ModelFacts {
    let model_arns = application_profile(online, client, endpoint, model).await;
    let foundation_model = match model_arns.first() {
        Some(arn) => arn.rsplit_once('/').map(|(_, base)| base.to_owned()),
        None => foundation_model(model),
    };
    let (availability, lifecycle) = match &foundation_model {
        Some(base) => tokio::join!(
            online.within(
                ProbeId::ModelAvailability,
                "bedrock",
                endpoint,
                availability(online, client, endpoint, base)
            ),
            online.within(
                ProbeId::ModelAvailability,
                "bedrock",
                endpoint,
                lifecycle(online, client, endpoint, base)
            ),
        ),
        None => (unknown(), unknown()),
    };
    ModelFacts {
        model: model.to_owned(),
        part: part.to_owned(),
        foundation_model,
        model_arns,
        availability,
        lifecycle,
    }
}

fn unknown<T>() -> Observed<T> {
    Observed::NotCollected(Absence::DoesNotApply {
        because: "the foundation model behind the id is not known".to_owned(),
    })
}

/// The foundation models behind an application profile, which tells only when asked.
async fn application_profile(
    online: &Online<'_>,
    client: &Client,
    endpoint: &str,
    model: &str,
) -> Vec<String> {
    if !model.contains(":application-inference-profile/") || aws::unusable_model(model).is_some() {
        return Vec::new();
    }
    let question = async {
        match client
            .get_inference_profile()
            .inference_profile_identifier(model)
            .send()
            .await
        {
            Ok(profile) => Observed::Known(model_arns(online, profile.models())),
            Err(error) => Observed::Failed(aws::failure(
                "bedrock",
                &host_of(endpoint),
                online.secrets,
                &error,
            )),
        }
    };
    let seen = online
        .within(ProbeId::ModelAvailability, "bedrock", endpoint, question)
        .await;
    seen.known().cloned().unwrap_or_default()
}

fn model_arns(
    online: &Online<'_>,
    models: &[aws_sdk_bedrock::types::InferenceProfileModel],
) -> Vec<String> {
    models
        .iter()
        .filter_map(|model| Some(online.secrets.scrub(model.model_arn()?)))
        .collect()
}

/// The foundation model that an id or ARN names itself.
fn foundation_model(model: &str) -> Option<String> {
    if aws::unusable_model(model).is_some() {
        return None;
    }
    if !model.starts_with("arn:") {
        let base = behind_profile(model).unwrap_or(model);
        return base.starts_with("anthropic.").then(|| base.to_owned());
    }
    let (_, resource) = model.rsplit_once(':')?;
    let (kind, name) = resource.split_once('/')?;
    match kind {
        "foundation-model" => Some(name.to_owned()),
        "inference-profile" => Some(behind_profile(name).unwrap_or(name).to_owned()),
        _ => None,
    }
}

async fn availability(
    online: &Online<'_>,
    client: &Client,
    endpoint: &str,
    base: &str,
) -> Observed<Availability> {
    let scrub = |text: &str| online.secrets.scrub(text);
    match client
        .get_foundation_model_availability()
        .model_id(base)
        .send()
        .await
    {
        Ok(answer) => Observed::Known(Availability {
            agreement: answer
                .agreement_availability()
                .map(|agreement| scrub(agreement.status().as_str()))
                .unwrap_or_default(),
            agreement_error: answer
                .agreement_availability()
                .and_then(|agreement| agreement.error_message())
                .map(scrub),
            authorization: scrub(answer.authorization_status().as_str()),
            entitlement: scrub(answer.entitlement_availability().as_str()),
            region: scrub(answer.region_availability().as_str()),
        }),
        Err(error) => Observed::Failed(aws::failure(
            "bedrock",
            &host_of(endpoint),
            online.secrets,
            &error,
        )),
    }
}

async fn lifecycle(
    online: &Online<'_>,
    client: &Client,
    endpoint: &str,
    base: &str,
) -> Observed<Lifecycle> {
    let date = |at: Option<&aws_sdk_bedrock::primitives::DateTime>| {
        at.and_then(|at| Timestamp::from_second(at.secs()).ok())
    };
    match client
        .get_foundation_model()
        .model_identifier(base)
        .send()
        .await
    {
        Ok(answer) => match answer
            .model_details()
            .and_then(|model| model.model_lifecycle())
        {
            Some(lifecycle) => Observed::Known(Lifecycle {
                status: online.secrets.scrub(lifecycle.status().as_str()),
                legacy_at: date(lifecycle.legacy_time()),
                extended_access_at: date(lifecycle.public_extended_access_time()),
                end_of_life_at: date(lifecycle.end_of_life_time()),
            }),
            None => unknown(),
        },
        Err(error) => Observed::Failed(aws::failure(
            "bedrock",
            &host_of(endpoint),
            online.secrets,
            &error,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::foundation_model;

    #[test]
    fn the_model_behind_a_profile_is_known_whatever_its_prefix_is() {
        for model in [
            "anthropic.claude-x",
            "us.anthropic.claude-x",
            "ca.anthropic.claude-x",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/ca.anthropic.claude-x",
        ] {
            let found = foundation_model(model);
            assert_eq!(found.as_deref(), Some("anthropic.claude-x"), "{model}");
        }
        assert_eq!(foundation_model("claude-x"), None);
    }
}
