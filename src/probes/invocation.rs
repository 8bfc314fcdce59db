//! Whether the models in use may be invoked.
//!
//! For free: a request whose body must be refused. AWS looks at the body last, so a refusal of the body tells that
//! everything before it was accepted (`docs/invocation-probe.md` has the evidence and what is only inferred).
//! With `--invoke` one real request of one token, with everything of Claude Code's that can matter for its acceptance.
//!
//! Not made with the AWS SDK: path, header fields and body have to be those of Claude Code, on all three endpoints.

pub(super) mod answer;
pub(super) mod sent;

use bedrock_doctor_checks::claude_code::model_ids::behind_profile;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::claude_code::request::ModelRequest;
use bedrock_doctor_checks::claude_code::request::shape::Shape;
use bedrock_doctor_checks::claude_code::versions::Rules;
use bedrock_doctor_checks::facts::{
    Absence, Failure, FailureKind, Invocation, InvokeAnswer, ModelFacts, Observed,
};
use bedrock_doctor_checks::probe::ProbeId;
use bedrock_doctor_checks::text::list;
use futures_util::future::join_all;

use super::Online;
use crate::credentials::Signer;

/// One request that is about to be made.
struct Trial {
    model: String,
    part: &'static str,
    request: ModelRequest,
}

/// Free unless `--invoke` is given. IAM: `bedrock:InvokeModelWithResponseStream`, `bedrock:InvokeModel`;
/// `bedrock-mantle:CreateInference`; `aws-external-anthropic:CreateInference`.
pub(super) async fn invocations(online: &Online<'_>, signer: &Signer) -> Observed<Vec<Invocation>> {
    let Some(models) = online
        .facts
        .borrow()
        .configuration
        .known()
        .map(|configuration| configuration.models.in_use())
    else {
        return Observed::NotCollected(Absence::Needs {
            probe: ProbeId::Configuration,
        });
    };
    let real = online.options.invoke;
    let trials: Vec<Trial> = models
        .into_iter()
        .filter_map(|(model, part)| {
            let request = online
                .resolved
                .streaming_request(&model, part == "background model")?;
            Some(Trial {
                model,
                part,
                request,
            })
        })
        .collect();
    let check = trials.first().and_then(Trial::of_startup_check);
    if real {
        online.progress.say(&cost(&trials));
    }
    let asked = trials
        .iter()
        .chain(check.as_ref().filter(|_| !real))
        .map(|trial| tried(online, signer, trial, real));
    let mut seen = join_all(asked).await;
    // Claude Code asks once more without streaming then (seen, 2.1.330).
    if let Some(check) = check.filter(|_| real && seen.first().is_some_and(is_missing)) {
        seen.push(tried(online, signer, &check, false).await);
    }
    Observed::Known(seen)
}

impl Trial {
    /// The check that Claude Code makes at its start with the other operation.
    fn of_startup_check(&self) -> Option<Self> {
        Some(Self {
            model: self.model.clone(),
            part: self.part,
            request: self.request.of_startup_check(&self.model)?,
        })
    }
}

/// Whether there was nothing at the path, as far as something in between is concerned.
fn is_missing(invocation: &Invocation) -> bool {
    invocation
        .outcome
        .failure()
        .is_some_and(|failure| failure.kind == FailureKind::Http && failure.status == Some(404))
}

async fn tried(online: &Online<'_>, signer: &Signer, trial: &Trial, real: bool) -> Invocation {
    let shape = real.then(|| shape(online, trial));
    let outcome = match would_subscribe(online, &trial.model) {
        Some(agreement) if !real => Observed::NotCollected(Absence::DoesNotApply {
            because: format!(
                "not tried: AWS says that the agreement for `{}` is {agreement}, and a first invocation could start one",
                trial.model
            ),
        }),
        _ => invoke(online, signer, trial, shape.as_ref()).await,
    };
    let region = &trial.request.region;
    let elsewhere = *region != online.resolved.configuration.region.value;
    Invocation {
        model: trial.model.clone(),
        part: trial.part.to_owned(),
        operation: trial.request.operation,
        region: elsewhere.then(|| region.clone()),
        real,
        betas: shape.map(|shape| shape.all_betas()).unwrap_or_default(),
        outcome,
    }
}

/// What Claude Code's requests for the model carry.
fn shape(online: &Online<'_>, trial: &Trial) -> Shape {
    // Behind the ARN of an application inference profile Claude Code finds the model.
    let behind = {
        let facts = online.facts.borrow();
        let models = facts.model_availability.known();
        models.and_then(|models| known(models, &trial.model)?.foundation_model.clone())
    };
    let inputs = &online.resolved.inputs;
    Shape::of(
        &inputs.environment,
        Rules::of(inputs.version),
        trial.request.operation,
        behind.as_deref().unwrap_or(&trial.model),
    )
}

/// What is about to be billed.
fn cost(trials: &[Trial]) -> String {
    let models: Vec<String> = trials
        .iter()
        .map(|trial| format!("`{}`", trial.model))
        .collect();
    let (requests, each) = match trials.len() {
        1 => ("1 real request", ""),
        _ => ("a real request each", " each"),
    };
    format!(
        "--invoke: {requests} to {}, with about {} input tokens and 1 output token{each}: less than a cent in all",
        list(&models),
        sent::INPUT_TOKENS
    )
}

/// The state of the agreement, when AWS says that there is none yet: the first invocation would make it.
fn would_subscribe(online: &Online<'_>, model: &str) -> Option<String> {
    let facts = online.facts.borrow();
    let known = known(facts.model_availability.known()?, model)?;
    let availability = known.availability.known()?;
    (availability.agreement != "AVAILABLE").then(|| availability.agreement.clone())
}

/// What the control plane said of a model.
fn known<'a>(models: &'a [ModelFacts], model: &str) -> Option<&'a ModelFacts> {
    let base = behind_profile(model).unwrap_or(model);
    models
        .iter()
        .find(|known| known.model == model || known.foundation_model.as_deref() == Some(base))
}

async fn invoke(
    online: &Online<'_>,
    signer: &Signer,
    trial: &Trial,
    shape: Option<&Shape>,
) -> Observed<InvokeAnswer> {
    let operation = trial.request.operation;
    let request = match sent::request(online, signer, trial, shape) {
        Ok(request) => request,
        Err(failure) => return Observed::Failed(failure),
    };
    let host = host_of(&trial.request.endpoint);
    let about = answer::About {
        operation,
        host: &host,
        secrets: online.secrets,
        real: shape.is_some(),
    };
    let question = async {
        match online.http.exchange(Plane::Runtime, request).await {
            Ok(response) => answer::read(response, &about).await,
            Err(failure) => Observed::Failed(Failure {
                service: Some(operation.service().to_owned()),
                message: online.secrets.scrub(&failure.message),
                ..failure
            }),
        }
    };
    online
        .within(
            ProbeId::Invocations,
            operation.service(),
            &trial.request.endpoint,
            question,
        )
        .await
}
