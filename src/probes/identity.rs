//! `sts:GetCallerIdentity`: whom AWS takes the credentials for.

use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{Absence, CallerIdentity, Failure, FailureKind, Observed};
use bedrock_doctor_checks::probe::ProbeId;

use super::Online;
use crate::aws;
use crate::credentials::Signer;

/// Free, read-only, allowed to everybody. IAM: `sts:GetCallerIdentity`.
pub(super) async fn caller(online: &Online<'_>, signer: &Signer) -> Observed<CallerIdentity> {
    let because = match signer {
        Signer::Keys(_) => {
            let region = &online.resolved.configuration.region.value;
            let endpoint = online
                .resolved
                .credentials
                .service("sts", "STS", region)
                .value;
            let config = aws::config(&online.http, Plane::Credentials, region, &endpoint, signer);
            let client = aws_sdk_sts::Client::new(&config);
            let question = async {
                match client.get_caller_identity().send().await {
                    Ok(answer) => match (answer.account(), answer.arn()) {
                        (Some(account), Some(arn)) => Observed::Known(CallerIdentity {
                            account: account.to_owned(),
                            arn: arn.to_owned(),
                        }),
                        _ => Observed::Failed(Failure::new(
                            FailureKind::Http,
                            "the answer names no account and no ARN",
                        )),
                    },
                    Err(error) => Observed::Failed(aws::failure(
                        "sts",
                        &host_of(&endpoint),
                        online.secrets,
                        &error,
                    )),
                }
            };
            return online
                .within(ProbeId::CallerIdentity, "sts", &endpoint, question)
                .await;
        }
        Signer::Bearer(_) => "a Bedrock API key has no identity that STS could tell",
        Signer::PlatformKey(_) => {
            "an API key of Claude Platform on AWS has no identity that STS could tell"
        }
        Signer::Nobody => "requests go out unsigned; the gateway knows who asks",
    };
    Observed::NotCollected(Absence::DoesNotApply {
        because: because.to_owned(),
    })
}
