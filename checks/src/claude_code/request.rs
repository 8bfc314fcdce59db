//! The requests that carry the user's prompt: where they go, and what is in them.

pub mod shape;

use std::fmt::Write as _;

use super::Resolved;
use crate::facts::{Configuration, InvokeOperation, Provider, Route};

/// A request, as far as the configuration decides about it.
pub struct MainRequest<'a> {
    /// The route it takes.
    pub route: &'a Route,
    /// The whole URL.
    pub url: String,
    /// The service that it is signed for.
    pub service: &'static str,
}

/// A request for a model in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// The operation.
    pub operation: InvokeOperation,
    /// The endpoint it goes to.
    pub endpoint: String,
    /// The whole URL, without the query.
    pub url: String,
    /// The Region it is signed for.
    pub region: String,
}

impl Configuration {
    /// The request with the user's prompt; none for services that do not belong to AWS.
    pub fn main_request(&self) -> Option<MainRequest<'_>> {
        let model = &self.models.main.value;
        let operation = self.operation(model)?;
        let route = match operation {
            InvokeOperation::AnthropicAwsCreateInference => self.anthropic_aws.as_ref()?,
            InvokeOperation::MantleCreateInference => self.mantle.as_ref()?,
            _ => &self.runtime,
        };
        Some(MainRequest {
            url: url(&route.endpoint.value, operation, model),
            route,
            service: operation.signing_service(),
        })
    }

    /// How a model is asked for an answer.
    fn operation(&self, model: &str) -> Option<InvokeOperation> {
        match self.provider.value {
            Provider::AnthropicAws => Some(InvokeOperation::AnthropicAwsCreateInference),
            _ if self.goes_to_mantle(model) => Some(InvokeOperation::MantleCreateInference),
            provider if provider.uses_bedrock() => {
                Some(InvokeOperation::InvokeModelWithResponseStream)
            }
            _ => None,
        }
    }
}

impl Resolved {
    /// The streaming request for a model; none for services that do not belong to AWS.
    ///
    /// `in_background`: for small jobs, which may have a Region of their own.
    pub fn streaming_request(&self, model: &str, in_background: bool) -> Option<ModelRequest> {
        let configuration = &self.configuration;
        let operation = configuration.operation(model)?;
        let elsewhere = configuration.background_region.as_ref();
        let region = elsewhere
            .filter(|_| in_background)
            .unwrap_or(&configuration.region);
        let region = region.value.as_str();
        let endpoint = match operation {
            InvokeOperation::AnthropicAwsCreateInference => self.runtime.anthropic_aws(region),
            InvokeOperation::MantleCreateInference => self.runtime.mantle(region),
            _ => self.runtime.bedrock(region),
        };
        Some(ModelRequest {
            url: url(&endpoint.value, operation, model),
            operation,
            endpoint: endpoint.value,
            region: region.to_owned(),
        })
    }
}

impl ModelRequest {
    /// The request of Claude Code's own check at its start; only Bedrock's own API has an operation of its own for it.
    #[must_use]
    pub fn of_startup_check(&self, model: &str) -> Option<Self> {
        let operation = InvokeOperation::InvokeModel;
        (self.operation == InvokeOperation::InvokeModelWithResponseStream).then(|| Self {
            url: url(&self.endpoint, operation, model),
            operation,
            ..self.clone()
        })
    }
}

fn url(endpoint: &str, operation: InvokeOperation, model: &str) -> String {
    let base = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let verb = match operation {
        InvokeOperation::InvokeModel => "invoke",
        InvokeOperation::InvokeModelWithResponseStream => "invoke-with-response-stream",
        InvokeOperation::MantleCreateInference | InvokeOperation::AnthropicAwsCreateInference => {
            return format!("{base}/v1/messages");
        }
    };
    format!("{base}/model/{}/{verb}", escaped(model))
}

/// A model id in a path: the slash of an ARN is escaped and its colons are not; what was escaped before is escaped once
/// more (seen, 2.1.330).
fn escaped(model: &str) -> String {
    let mut out = String::with_capacity(model.len());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_ids_are_escaped_as_claude_code_does() {
        for (model, path) in [
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            ),
            (
                "arn:aws:bedrock:us-east-1:1:application-inference-profile/a",
                "arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fa",
            ),
            ("a%2Fb", "a%252Fb"),
            ("a b\"c?d#e:f/é", "a%20b%22c%3Fd%23e:f%2F%C3%A9"),
        ] {
            assert_eq!(escaped(model), path);
        }
    }
}
