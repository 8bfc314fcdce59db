//! What was asked of the pretend AWS.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::signature;

/// One request, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// The host name the client asked for, without port.
    pub host: String,
    /// What answers: `sts`, `bedrock`, `bedrock-runtime`, `portal.sso`, `oidc`, `signin`, `imds`, `container`.
    pub service: String,
    /// The region of the host name, or of the signature where the host has none.
    pub region: String,
    /// The path as sent, percent-encoding included.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Header fields by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body; what is not UTF-8 is replaced.
    pub body: String,
    /// Who signed, from the `SigV4` authorization.
    pub access_key_id: Option<String>,
    /// The region in the `SigV4` scope.
    pub signing_region: Option<String>,
    /// The service in the `SigV4` scope.
    pub signing_service: Option<String>,
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// The operation: `sts:GetCallerIdentity`, `bedrock:InvokeModel`, `imds:GetToken`, or `unknown:<METHOD host path>`.
    pub operation: String,
    /// The decoded id or ARN of the model or inference profile in the path.
    pub model: Option<String>,
    /// The status of the answer; `None` while there is none.
    pub status: Option<u16>,
}

impl Request {
    /// Returns the decoded value of the first query parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<String> {
        pair(&self.query, name)
    }

    /// Returns the decoded value of the first form field called `name` in the body.
    pub fn form(&self, name: &str) -> Option<String> {
        pair(&self.body, name)
    }
}

/// What the transport learned before the rest of the [`Request`] is worked out.
pub(crate) struct Arrival {
    pub(crate) method: String,
    pub(crate) host: String,
    /// Service and region, where the host name or the listener says it.
    pub(crate) endpoint: Option<(String, String)>,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl From<Arrival> for Request {
    fn from(arrival: Arrival) -> Self {
        let authorization = arrival.headers.get("authorization");
        let scope = authorization
            .map(|it| signature::parse(it))
            .unwrap_or_default();
        let bearer = authorization.and_then(|it| it.strip_prefix("Bearer ").map(str::to_owned));
        let (service, region) = arrival.endpoint.clone().unwrap_or_else(|| {
            let service = service_by_path(&arrival.method, &arrival.path).to_owned();
            let region = scope.region.clone();
            (service, region.unwrap_or_else(|| "us-east-1".to_owned()))
        });
        let target = arrival.headers.get("x-amz-target");
        let quotas = target.and_then(|it| it.strip_prefix("ServiceQuotasV20190624."));
        let (operation, model) = quotas
            .map(|operation| (format!("servicequotas:{operation}"), None))
            .or_else(|| operation(&service, &arrival.method, &arrival.path, &arrival.body))
            .unwrap_or_else(|| {
                let Arrival {
                    method, host, path, ..
                } = &arrival;
                (format!("unknown:{method} {host} {path}"), None)
            });
        Self {
            method: arrival.method,
            host: arrival.host,
            service,
            region,
            path: arrival.path,
            query: arrival.query,
            headers: arrival.headers,
            body: arrival.body,
            access_key_id: scope.access_key_id,
            signing_region: scope.region,
            signing_service: scope.service,
            bearer,
            operation,
            model,
            status: None,
        }
    }
}

/// Guesses the service where the host is no AWS host: a gateway, or the plain-HTTP listener.
fn service_by_path(method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("POST", "/") => "sts",
        ("POST", "/token" | "/client/register") => "oidc",
        ("POST", "/v1/token") => "signin",
        _ if path.starts_with("/model/") => "bedrock-runtime",
        _ if path.starts_with("/federation/") || path.starts_with("/assignment/") => "portal.sso",
        _ => "bedrock",
    }
}

/// Names the operation; for Bedrock also the model or profile in the path.
fn operation(
    service: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Option<(String, Option<String>)> {
    let named = |name: &str| Some((name.to_owned(), None));
    let about = |name: &str, model: &str| Some((name.to_owned(), Some(percent_decode(model))));
    match (service, method, path) {
        ("sts" | "iam", "POST", "/") => {
            Some((format!("{service}:{}", pair(body, "Action")?), None))
        }
        ("portal.sso", "GET", "/federation/credentials") => named("sso:GetRoleCredentials"),
        ("portal.sso", "GET", "/assignment/accounts") => named("sso:ListAccounts"),
        ("portal.sso", "GET", "/assignment/roles") => named("sso:ListAccountRoles"),
        ("oidc", "POST", "/token") => named("sso-oidc:CreateToken"),
        ("oidc", "POST", "/client/register") => named("sso-oidc:RegisterClient"),
        ("signin", "POST", "/v1/token") => named("signin:CreateOAuth2Token"),
        ("imds", "PUT", "/latest/api/token") => named("imds:GetToken"),
        ("imds", "GET", _) => match path.strip_prefix("/latest/meta-data/iam/security-credentials")
        {
            Some("" | "/") => named("imds:ListRoles"),
            Some(role) if role.starts_with('/') => named("imds:GetRoleCredentials"),
            _ if path == "/latest/meta-data/placement/region" => named("imds:GetRegion"),
            _ => None,
        },
        ("container", "GET", _) => named("container:GetCredentials"),
        ("bedrock", "GET", "/inference-profiles") => named("bedrock:ListInferenceProfiles"),
        ("bedrock", "GET", "/foundation-models") => named("bedrock:ListFoundationModels"),
        ("bedrock", "GET", "/use-case-for-model-access") => {
            named("bedrock:GetUseCaseForModelAccess")
        }
        ("bedrock", "GET", _) => {
            if let Some(id) = path.strip_prefix("/inference-profiles/") {
                about("bedrock:GetInferenceProfile", id)
            } else if let Some(id) = path.strip_prefix("/foundation-models/") {
                about("bedrock:GetFoundationModel", id)
            } else {
                let id = path.strip_prefix("/foundation-model-availability/")?;
                about("bedrock:GetFoundationModelAvailability", id)
            }
        }
        ("bedrock-mantle", "GET", "/anthropic/v1/models") => named("bedrock-mantle:ListModels"),
        ("bedrock-mantle", "POST", "/anthropic/v1/messages")
        | ("aws-external-anthropic", "POST", "/v1/messages") => {
            Some((format!("{service}:CreateInference"), None))
        }
        ("bedrock-runtime", "POST", _) => {
            let (model, verb) = path.strip_prefix("/model/")?.rsplit_once('/')?;
            let name = match verb {
                "invoke" => "bedrock:InvokeModel",
                "invoke-with-response-stream" => "bedrock:InvokeModelWithResponseStream",
                "count-tokens" => "bedrock:CountTokens",
                _ => return None,
            };
            about(name, model)
        }
        _ => None,
    }
}

/// Returns the decoded value of `name` in `a=1&b=2`.
fn pair(text: &str, name: &str) -> Option<String> {
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| percent_decode(key) == name)
        .map(|(_, value)| percent_decode(&value.replace('+', " ")))
}

/// Decodes `%3A`; what is no valid escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Everything that happened, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Record {
    requests: Mutex<Vec<Request>>,
    connects: Mutex<Vec<String>>,
    handshakes: Mutex<Vec<String>>,
    defects: Mutex<Vec<String>>,
}

impl Record {
    /// Adds a request and returns its place, for [`Record::answered`].
    pub(crate) fn request(&self, request: Request) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(request);
        requests.len() - 1
    }

    pub(crate) fn answered(&self, place: usize, status: u16) {
        if let Some(request) = lock(&self.requests).get_mut(place) {
            request.status = Some(status);
        }
    }

    pub(crate) fn connect(&self, target: String) {
        lock(&self.connects).push(target);
    }

    pub(crate) fn failed_handshake(&self, what: String) {
        lock(&self.handshakes).push(what);
    }

    pub(crate) fn defect(&self, what: String) {
        lock(&self.defects).push(what);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    pub(crate) fn connects(&self) -> Vec<String> {
        lock(&self.connects).clone()
    }

    pub(crate) fn failed_handshakes(&self) -> Vec<String> {
        lock(&self.handshakes).clone()
    }

    pub(crate) fn defects(&self) -> Vec<String> {
        lock(&self.defects).clone()
    }

    /// Forgets requests, CONNECT targets and handshakes, but no defect.
    pub(crate) fn clear(&self) {
        lock(&self.requests).clear();
        lock(&self.connects).clear();
        lock(&self.handshakes).clear();
    }
}

/// Locks `mutex`; a panic elsewhere while it was held is reported there, not here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_model_ids_and_leaves_broken_escapes() {
        assert_eq!(percent_decode("us.anthropic%3A0%2fx"), "us.anthropic:0/x");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz"), "%zz");
    }

    #[track_caller]
    fn check(service: &str, method: &str, path: &str, body: &str, want: &str) {
        let got = operation(service, method, path, body).map(|(name, _)| name);
        assert_eq!(got.as_deref().unwrap_or("unknown"), want);
    }

    #[test]
    fn names_operations() {
        let form = "Version=2011-06-15&Action=AssumeRole";
        check("sts", "POST", "/", form, "sts:AssumeRole");
        check("sts", "POST", "/", "", "unknown");
        check(
            "bedrock",
            "GET",
            "/inference-profiles/x",
            "",
            "bedrock:GetInferenceProfile",
        );
        check(
            "bedrock-runtime",
            "POST",
            "/model/a%2Fb/invoke",
            "",
            "bedrock:InvokeModel",
        );
        check("bedrock-runtime", "POST", "/model/a/sing", "", "unknown");
        let roles = "/latest/meta-data/iam/security-credentials/";
        check("imds", "GET", roles, "", "imds:ListRoles");
        check(
            "imds",
            "GET",
            &format!("{roles}dev"),
            "",
            "imds:GetRoleCredentials",
        );
    }
}
