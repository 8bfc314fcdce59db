//! Service Quotas: how much of the models in use the account may ask for.

use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::types::ServiceQuota;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{Absence, Observed, Quota};
use bedrock_doctor_checks::probe::ProbeId;
use bedrock_doctor_checks::quotas::concerns;
use futures_util::future::join_all;

use super::Online;
use crate::aws;
use crate::credentials::Signer;

/// Amazon Bedrock in Service Quotas.
const BEDROCK: &str = "bedrock";

/// Free, read-only. IAM: `servicequotas:ListServiceQuotas`, `servicequotas:GetAWSDefaultServiceQuota`.
///
/// A dozen calls one after the other: the codes of the quotas differ for each model and are not documented, so that they
/// have to be found by name in a list of more than a thousand.
pub(super) async fn quotas(online: &Online<'_>, signer: &Signer) -> Observed<Vec<Quota>> {
    if !matches!(signer, Signer::Keys(_)) {
        return Observed::NotCollected(Absence::DoesNotApply {
            because: "Service Quotas takes AWS keys only".to_owned(),
        });
    }
    let models = online.facts.borrow().model_availability.known().cloned();
    let Some(models) = models else {
        return Observed::NotCollected(Absence::Needs {
            probe: ProbeId::ModelAvailability,
        });
    };
    let configuration = &online.resolved.configuration;
    let region = &configuration.region.value;
    let endpoint = online
        .resolved
        .credentials
        .service("servicequotas", "SERVICE_QUOTAS", region)
        .value;
    let config = aws::config(&online.http, Plane::Credentials, region, &endpoint, signer);
    let client = Client::new(&config);
    let scrubbed = |text: &str| online.secrets.scrub(text);
    let question = async {
        let mut found: Vec<ServiceQuota> = Vec::new();
        let mut next = None;
        loop {
            let page = client
                .list_service_quotas()
                .service_code(BEDROCK)
                .max_results(100)
                .set_next_token(next)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    return Observed::Failed(aws::failure(
                        "servicequotas",
                        &host_of(&endpoint),
                        online.secrets,
                        &error,
                    ));
                }
            };
            let concerned = |quota: &&ServiceQuota| {
                quota
                    .quota_name()
                    .is_some_and(|name| concerns(name, &models, configuration))
            };
            found.extend(page.quotas().iter().filter(concerned).cloned());
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        let known = found
            .iter()
            .map(|quota| with_default(&client, quota, &scrubbed));
        Observed::Known(join_all(known).await.into_iter().flatten().collect())
    };
    online
        .within(ProbeId::Quotas, "servicequotas", &endpoint, question)
        .await
}

/// A quota with AWS's default, which is a question of its own and may be denied alone.
async fn with_default(
    client: &Client,
    quota: &ServiceQuota,
    scrubbed: &impl Fn(&str) -> String,
) -> Option<Quota> {
    let code = quota.quota_code()?;
    let answer = client
        .get_aws_default_service_quota()
        .service_code(BEDROCK)
        .quota_code(code)
        .send()
        .await;
    let default = answer.ok().and_then(|answer| answer.quota()?.value());
    Some(Quota {
        name: scrubbed(quota.quota_name()?),
        code: scrubbed(code),
        value: quota.value()?,
        default,
        adjustable: quota.adjustable(),
    })
}
