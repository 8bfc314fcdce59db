//! The request that carries the user's prompt.

use crate::facts::{Configuration, Provider, Route};

/// A request, as far as the configuration decides about it.
pub struct MainRequest<'a> {
    /// The route it takes.
    pub route: &'a Route,
    /// The whole URL.
    pub url: String,
    /// The service that it is signed for.
    pub service: &'static str,
}

impl Configuration {
    /// The request with the user's prompt; none for services that do not belong to AWS.
    pub fn main_request(&self) -> Option<MainRequest<'_>> {
        let model = &self.models.main.value;
        let provider = self.provider.value;
        let (route, path, service) = match provider {
            Provider::AnthropicAws => {
                let route = self.anthropic_aws.as_ref()?;
                (route, "/v1/messages".to_owned(), "aws-external-anthropic")
            }
            _ if self.goes_to_mantle(model) => {
                let route = self.mantle.as_ref()?;
                (route, "/v1/messages".to_owned(), "bedrock-mantle")
            }
            _ if provider.uses_bedrock() => {
                // The slash of an ARN is escaped, and so is what was escaped before (seen, 2.1.330).
                let id = model.replace('%', "%25").replace('/', "%2F");
                let path = format!("/model/{id}/invoke-with-response-stream");
                (&self.runtime, path, "bedrock")
            }
            _ => return None,
        };
        let endpoint = &route.endpoint.value;
        let base = endpoint.strip_suffix('/').unwrap_or(endpoint);
        Some(MainRequest {
            url: format!("{base}{path}"),
            route,
            service,
        })
    }
}
