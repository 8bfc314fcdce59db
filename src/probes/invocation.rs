//! Whether the models in use may be invoked.
//!
//! For free: a request whose body must be refused. AWS looks at the body last, so a refusal of the body tells that
//! everything before it was accepted (`docs/invocation-probe.md` has the evidence and what is only inferred).

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{
    Absence, Configuration, Failure, FailureKind, Invocation, InvokeAnswer, InvokeOperation,
    Observed,
};
use bedrock_doctor_checks::probe::ProbeId;
use futures_util::future::join_all;

use super::Online;
use crate::aws;
use crate::credentials::Signer;
use crate::http::{ContentType, is_page};

/// Refused for three reasons of its own: no message, no token to write, a key that does not exist.
const REFUSED_BODY: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":0,"messages":[],"bedrock_doctor_probe":true}"#;

/// One real request of one token.
const REAL_BODY: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":"ping"}]}"#;

/// Free unless `--invoke` is given. IAM: `bedrock:InvokeModelWithResponseStream`, `bedrock:InvokeModel`.
pub(super) async fn invocations(online: &Online<'_>, signer: &Signer) -> Observed<Vec<Invocation>> {
    let Some(models) = online
        .facts
        .borrow()
        .configuration
        .known()
        .map(Configuration::models_on_bedrock)
    else {
        return Observed::NotCollected(Absence::Needs {
            probe: ProbeId::Configuration,
        });
    };
    if models.is_empty() {
        return Observed::NotCollected(Absence::DoesNotApply {
            because: "the models in use are on Mantle, where none is tried".to_owned(),
        });
    }
    let real = online.options.invoke;
    let trials: Vec<(String, &str, InvokeOperation)> = models
        .into_iter()
        .flat_map(|(model, part)| {
            // Claude Code makes its start-up check with the other operation.
            let check = (part == "main model" && !real)
                .then(|| (model.clone(), part, InvokeOperation::InvokeModel));
            [(model, part, InvokeOperation::InvokeModelWithResponseStream)]
                .into_iter()
                .chain(check)
        })
        .collect();
    let asked = trials.into_iter().map(|(model, part, operation)| async move {
        let outcome = match would_subscribe(online, &model) {
            Some(agreement) if !real => Observed::NotCollected(Absence::DoesNotApply {
                because: format!(
                    "not tried: AWS says that the agreement for `{model}` is {agreement}, and a first invocation could start one"
                ),
            }),
            _ => invoke(online, signer, &model, operation, real).await,
        };
        Invocation {
            model,
            part: part.to_owned(),
            operation,
            real,
            outcome,
        }
    });
    Observed::Known(join_all(asked).await)
}

/// The state of the agreement, when AWS says that there is none yet: the first invocation would make it.
fn would_subscribe(online: &Online<'_>, model: &str) -> Option<String> {
    let facts = online.facts.borrow();
    let base = bedrock_doctor_checks::claude_code::model_ids::without_prefix(model);
    let availability = facts
        .model_availability
        .known()?
        .iter()
        .find(|known| known.model == model || known.foundation_model.as_deref() == Some(base))?
        .availability
        .known()?;
    (availability.agreement != "AVAILABLE").then(|| availability.agreement.clone())
}

async fn invoke(
    online: &Online<'_>,
    signer: &Signer,
    model: &str,
    operation: InvokeOperation,
    real: bool,
) -> Observed<InvokeAnswer> {
    if let Some(failure) = aws::unusable_model(model) {
        return Observed::Failed(failure);
    }
    let region = &online.resolved.configuration.region.value;
    let endpoint = online.resolved.runtime.bedrock(region).value;
    let host = host_of(&endpoint);
    let shared = aws::config(&online.http, Plane::Runtime, region, &endpoint, signer);
    let mut config = aws_sdk_bedrockruntime::config::Builder::from(&shared);
    if matches!(signer, Signer::Nobody) {
        config = config.allow_no_auth();
    }
    let content_type: ContentType = Arc::new(Mutex::new(None));
    let config = config.http_client(
        online
            .http
            .for_aws(Plane::Runtime)
            .noting_content_type(&content_type),
    );
    let client = Client::from_conf(config.build());
    let body = Blob::new(if real { REAL_BODY } else { REFUSED_BODY });
    let failed = |failure| Observed::Failed(failure);
    let question = async {
        match operation {
            InvokeOperation::InvokeModel => {
                let answer = client
                    .invoke_model()
                    .model_id(model)
                    .content_type("application/json")
                    .body(body)
                    .send()
                    .await;
                match answer {
                    // Whatever came with status 200 is a body to the SDK: a sign-in page too.
                    Ok(_) => match taken(&content_type) {
                        Some(shown) if is_page(&shown) => failed(no_answer(&host, Some(&shown))),
                        content_type => Observed::Known(InvokeAnswer {
                            content_type,
                            complete: true,
                        }),
                    },
                    Err(error) => failed(aws::failure(
                        "bedrock-runtime",
                        &host,
                        online.secrets,
                        &error,
                    )),
                }
            }
            InvokeOperation::InvokeModelWithResponseStream => {
                let answer = client
                    .invoke_model_with_response_stream()
                    .model_id(model)
                    .content_type("application/json")
                    .body(body)
                    .send()
                    .await;
                match answer {
                    Ok(mut answer) => {
                        let content_type = taken(&content_type);
                        loop {
                            match answer.body.recv().await {
                                Ok(Some(_)) => {}
                                Ok(None) => {
                                    return Observed::Known(InvokeAnswer {
                                        content_type,
                                        complete: true,
                                    });
                                }
                                Err(error) => {
                                    return broken_stream(
                                        online,
                                        &host,
                                        content_type,
                                        real,
                                        &error,
                                    );
                                }
                            }
                        }
                    }
                    Err(error) => failed(aws::failure(
                        "bedrock-runtime",
                        &host,
                        online.secrets,
                        &error,
                    )),
                }
            }
        }
    };
    online
        .within(ProbeId::Invocations, "bedrock-runtime", &endpoint, question)
        .await
}

fn taken(content_type: &ContentType) -> Option<String> {
    content_type
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// The failure of an answer that is none of AWS's.
fn no_answer(host: &str, content_type: Option<&str>) -> Failure {
    Failure {
        service: Some("bedrock-runtime".to_owned()),
        host: Some(host.to_owned()),
        ..aws::stranger(200, content_type, None, &[])
    }
}

/// An event stream that ended in an error: AWS's own, one that something in between broke, or no event stream.
fn broken_stream<R>(
    online: &Online<'_>,
    host: &str,
    content_type: Option<String>,
    real: bool,
    error: &aws_sdk_bedrockruntime::error::SdkError<
        aws_sdk_bedrockruntime::types::error::ResponseStreamError,
        R,
    >,
) -> Observed<InvokeAnswer> {
    use aws_sdk_bedrockruntime::error::ProvideErrorMetadata as _;
    match error.as_service_error() {
        Some(refusal) if refusal.code().is_some() || refusal.message().is_some() => {
            let message = refusal.message().unwrap_or_default();
            Observed::Failed(Failure {
                service: Some("bedrock-runtime".to_owned()),
                host: Some(host.to_owned()),
                status: Some(200),
                code: refusal.code().map(str::to_owned),
                ..Failure::new(FailureKind::Service, online.secrets.scrub(message))
            })
        }
        // Only a real request is meant to be answered: then the stream itself is what went wrong.
        _ if real && !content_type.as_deref().is_some_and(is_page) => {
            Observed::Known(InvokeAnswer {
                content_type,
                complete: false,
            })
        }
        _ => Observed::Failed(no_answer(host, content_type.as_deref())),
    }
}
