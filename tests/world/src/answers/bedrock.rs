//! The Bedrock control plane.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    account::{Account, SONNET},
    host::partition,
    record::Request,
    reply::Reply,
};

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Option<Reply> {
    let wanted = request.model.as_deref();
    let region = &request.region;
    let body = match operation {
        "ListInferenceProfiles" => return Some(list_profiles(request, account)),
        "GetInferenceProfile" => {
            let Some(profile) = profile(wanted?, region, account) else {
                let message = format!("Could not find inference profile {}.", wanted?);
                let code = "ResourceNotFoundException";
                return Some(Reply::aws_error(request, 404, code, &message));
            };
            profile
        }
        "ListFoundationModels" => {
            let provider = request.parameter("byProvider").unwrap_or_default();
            let models: Vec<Value> = model_ids(account)
                .iter()
                .map(|id| model(id, region))
                .filter(|model| {
                    let name = model["providerName"].as_str().unwrap_or_default();
                    provider.is_empty() || provider.eq_ignore_ascii_case(name)
                })
                .collect();
            json!({"modelSummaries": models})
        }
        "GetFoundationModel" => {
            let Some(id) = known(wanted?, account) else {
                return Some(unknown_model(request));
            };
            json!({"modelDetails": model(id, region)})
        }
        "GetFoundationModelAvailability" => {
            let Some(id) = known(wanted?, account) else {
                return Some(unknown_model(request));
            };
            json!({
                "modelId": id,
                "agreementAvailability": {"status": "AVAILABLE"},
                "authorizationStatus": "AUTHORIZED",
                "entitlementAvailability": "AVAILABLE",
                "regionAvailability": "AVAILABLE",
            })
        }
        "GetUseCaseForModelAccess" => {
            let form = json!({"companyName": "Example", "useCases": "tests"}).to_string();
            json!({"formData": STANDARD.encode(form)})
        }
        _ => return None,
    };
    Some(Reply::json(200, &body))
}

fn unknown_model(request: &Request) -> Reply {
    let message = "The provided model identifier is invalid.";
    Reply::aws_error(request, 400, "ValidationException", message)
}

fn list_profiles(request: &Request, account: &Account) -> Reply {
    let kind = request
        .parameter("type")
        .unwrap_or_else(|| "SYSTEM_DEFINED".to_owned());
    let application = account.application_profiles.iter().map(|(id, _)| id);
    let ids: Vec<&String> = match kind.as_str() {
        "SYSTEM_DEFINED" => account.profiles.iter().collect(),
        _ => application.collect(),
    };
    let asked = request
        .parameter("maxResults")
        .and_then(|text| text.parse().ok());
    let size = account.page_size.min(asked.unwrap_or(usize::MAX)).max(1);
    let from = match request
        .parameter("nextToken")
        .map(|token| token.parse::<usize>())
    {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => {
            let message = "The provided next token is invalid.";
            return Reply::aws_error(request, 400, "ValidationException", message);
        }
    };
    let page: Vec<Value> = ids
        .iter()
        .skip(from)
        .take(size)
        .filter_map(|id| profile(id, &request.region, account))
        .collect();
    let mut body = json!({"inferenceProfileSummaries": page});
    if from + size < ids.len() {
        body["nextToken"] = json!((from + size).to_string());
    }
    Reply::json(200, &body)
}

/// Describes a listed profile, by id or ARN, or any application profile of the account.
fn profile(wanted: &str, region: &str, account: &Account) -> Option<Value> {
    let id = wanted.rsplit('/').next().unwrap_or(wanted);
    let declared = account
        .application_profiles
        .iter()
        .find(|(known, _)| known == id);
    let application = wanted.contains(":application-inference-profile/") || declared.is_some();
    if !application && !account.profiles.iter().any(|known| known == id) {
        return None;
    }
    let resource = if application {
        "application-inference-profile"
    } else {
        "inference-profile"
    };
    let (base, regions) = if application {
        (declared.map_or(SONNET, |(_, model)| model), vec![region])
    } else {
        destinations(id, region)
    };
    let partition = partition(region);
    let models: Vec<Value> = regions
        .iter()
        .map(|region| json!({"modelArn": model_arn(partition, region, base)}))
        .collect();
    Some(json!({
        "inferenceProfileName": format!("Profile {id}"),
        "description": format!("Routes requests to {base}"),
        "createdAt": "2025-01-01T00:00:00Z",
        "updatedAt": "2025-01-01T00:00:00Z",
        "inferenceProfileArn": format!("arn:{partition}:bedrock:{region}:{}:{resource}/{id}", account.id),
        "models": models,
        "inferenceProfileId": id,
        "status": "ACTIVE",
        "type": if application { "APPLICATION" } else { "SYSTEM_DEFINED" },
    }))
}

/// Returns the base model of a profile AWS defines, and where it sends requests; the empty region is "anywhere".
fn destinations<'a>(id: &'a str, region: &'a str) -> (&'a str, Vec<&'a str>) {
    let (prefix, base) = id.split_once('.').unwrap_or(("", id));
    let regions = match prefix {
        "us" => vec!["us-east-1", "us-east-2", "us-west-2"],
        "eu" => vec!["eu-central-1", "eu-west-1", "eu-west-3"],
        "apac" => vec!["ap-northeast-1", "ap-southeast-1", "ap-southeast-2"],
        "jp" => vec!["ap-northeast-1", "ap-northeast-3"],
        "au" => vec!["ap-southeast-2", "ap-southeast-4"],
        "ca" => vec!["ca-central-1", "ca-west-1"],
        "us-gov" => vec!["us-gov-east-1", "us-gov-west-1"],
        "global" => vec![region, ""],
        "anthropic" | "amazon" => return (id, vec![region]),
        _ => vec![region],
    };
    (base, regions)
}

fn model_arn(partition: &str, region: &str, id: &str) -> String {
    format!("arn:{partition}:bedrock:{region}::foundation-model/{id}")
}

/// Returns the ids of the models behind all profiles, and one by another maker.
fn model_ids(account: &Account) -> Vec<&str> {
    let application = account
        .application_profiles
        .iter()
        .map(|(_, model)| model.as_str());
    let mut ids: Vec<&str> = account
        .profiles
        .iter()
        .map(|id| destinations(id, "").0)
        .chain(application)
        .chain(["amazon.nova-lite-v1:0"])
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Returns the id in an id or ARN, where the pretend AWS has such a model.
fn known<'a>(wanted: &'a str, account: &Account) -> Option<&'a str> {
    let id = wanted.rsplit('/').next().unwrap_or(wanted);
    // Profiles are no models: AWS refuses their ids here.
    (id.starts_with("anthropic.") || model_ids(account).contains(&id)).then_some(id)
}

fn model(id: &str, region: &str) -> Value {
    let amazon = id.starts_with("amazon.");
    json!({
        "modelArn": model_arn(partition(region), region, id),
        "modelId": id,
        "modelName": id.split_once('.').map_or(id, |(_, name)| name),
        "providerName": if amazon { "Amazon" } else { "Anthropic" },
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": true,
        "customizationsSupported": [],
        "inferenceTypesSupported": [if amazon { "ON_DEMAND" } else { "INFERENCE_PROFILE" }],
        "modelLifecycle": {"status": "ACTIVE"},
    })
}
