//! Which models Mantle lists.
//!
//! Its API is not part of an SDK for Rust: the request is made and its answer read as those of an invocation are.

use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::claude_code::request::ModelRequest;
use bedrock_doctor_checks::facts::{InvokeOperation, MantleModels, Observed};
use bedrock_doctor_checks::probe::ProbeId;
use http::Request;

use super::Online;
use super::invocation::answer::{About, listed};
use super::invocation::sent::equipped;
use crate::aws;
use crate::credentials::Signer;

/// Free, read-only. IAM: `bedrock-mantle:ListModels`.
pub(super) async fn models(online: &Online<'_>, signer: &Signer) -> Observed<MantleModels> {
    let region = &online.resolved.configuration.region.value;
    let endpoint = online.resolved.runtime.mantle(region).value;
    let host = host_of(&endpoint);
    let about = About {
        operation: InvokeOperation::MantleCreateInference,
        host: &host,
        secrets: online.secrets,
        real: false,
    };
    let service = about.operation.service();
    let base = endpoint.strip_suffix('/').unwrap_or(&endpoint);
    let target = ModelRequest {
        operation: about.operation,
        url: format!("{base}/v1/models?limit=1000"),
        region: region.clone(),
        endpoint: endpoint.clone(),
    };
    let request = Request::get(&target.url);
    let request = match equipped(online, signer, &target, request, "", None) {
        Ok(request) => request,
        Err(failure) => return Observed::Failed(failure),
    };
    let question = async {
        let answer = match online.http.exchange(Plane::Runtime, request).await {
            Ok(response) => listed(response, &about).await,
            Err(failure) => Err(aws::named(service, &host, online.secrets, failure)),
        };
        match answer {
            Ok(ids) => Observed::Known(MantleModels { ids }),
            Err(failure) => Observed::Failed(failure),
        }
    };
    online
        .within(ProbeId::MantleModels, service, &endpoint, question)
        .await
}
