//! `iam:SimulatePrincipalPolicy`: what the caller's policies allow of all that Claude Code needs, also what no call tried.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult};
use bedrock_doctor_checks::access::{Known, Question};
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::facts::{Absence, Decision, Failure, Observed, Simulated, Simulation};
use bedrock_doctor_checks::probe::ProbeId;
use futures_util::future::try_join_all;

use super::Online;
use crate::aws;
use crate::credentials::Signer;

/// Free, read-only. IAM: `iam:SimulatePrincipalPolicy`, and for a role `iam:GetRole`.
pub(super) async fn simulation(online: &Online<'_>, signer: &Signer) -> Observed<Simulation> {
    let does_not_apply = |because: &str| {
        Observed::NotCollected(Absence::DoesNotApply {
            because: because.to_owned(),
        })
    };
    if !matches!(signer, Signer::Keys(_)) {
        return does_not_apply("only a principal that signs with AWS keys can be simulated");
    }
    let (caller, questions) = {
        let facts = online.facts.borrow();
        let (Some(identity), Some(configuration)) =
            (facts.caller_identity.known(), facts.configuration.known())
        else {
            return Observed::NotCollected(Absence::Needs {
                probe: ProbeId::CallerIdentity,
            });
        };
        let questions = Known::of(configuration, &facts).questions();
        (identity.arn.clone(), questions)
    };
    let Some(caller) = Caller::of(&caller) else {
        return does_not_apply("the root user and federated users have no policies to simulate");
    };
    let region = &online.resolved.configuration.region.value;
    let (endpoint, signed_for) = online.resolved.credentials.iam(region);
    let endpoint = endpoint.value;
    let config = aws::config(
        &online.http,
        Plane::Credentials,
        signed_for,
        &endpoint,
        signer,
    );
    let iam = Iam {
        online,
        client: Client::new(&config),
        host: host_of(&endpoint),
    };
    let question = async {
        match iam.ask(caller, &questions).await {
            Ok(simulation) => Observed::Known(simulation),
            Err(failure) => Observed::Failed(failure),
        }
    };
    online
        .within(ProbeId::PolicySimulation, "iam", &endpoint, question)
        .await
}

/// Whose policies are simulated.
enum Caller<'a> {
    /// A user or role, by its ARN.
    Itself(&'a str),
    /// The role behind a session, by name: the session's ARN does not have the role's path.
    Role(&'a str),
}

impl<'a> Caller<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        let (_, resource) = arn.rsplit_once(':')?;
        match resource.split_once('/')? {
            ("assumed-role", session) => Some(Self::Role(session.split('/').next()?)),
            ("user" | "role", _) => Some(Self::Itself(arn)),
            _ => None,
        }
    }
}

struct Iam<'a> {
    online: &'a Online<'a>,
    client: Client,
    host: String,
}

impl Iam<'_> {
    async fn ask(&self, caller: Caller<'_>, questions: &[Question]) -> Result<Simulation, Failure> {
        let principal = match caller {
            Caller::Itself(arn) => arn.to_owned(),
            Caller::Role(name) => self.role_arn(name).await?,
        };
        let asked = questions
            .iter()
            .map(|question| self.simulate(&principal, question));
        let results = try_join_all(asked).await?.into_iter().flatten().collect();
        Ok(Simulation {
            principal: self.online.secrets.scrub(&principal),
            results,
        })
    }

    async fn role_arn(&self, name: &str) -> Result<String, Failure> {
        let answer = self.client.get_role().role_name(name).send().await;
        let answer = answer.map_err(|error| self.failure(&error))?;
        let role = answer.role().map(|role| role.arn().to_owned());
        Ok(role.unwrap_or_default())
    }

    async fn simulate(
        &self,
        principal: &str,
        question: &Question,
    ) -> Result<Vec<Simulated>, Failure> {
        let Question {
            actions,
            resources,
            requested_region,
            inference_profile,
        } = question;
        let context = [("aws:RequestedRegion", Some(requested_region))]
            .into_iter()
            .chain([("bedrock:InferenceProfileArn", inference_profile.as_ref())])
            .filter_map(|(key, value)| {
                Some(
                    ContextEntry::builder()
                        .context_key_name(key)
                        .context_key_type(ContextKeyTypeEnum::String)
                        .context_key_values(value?)
                        .build(),
                )
            });
        let mut simulated = Vec::new();
        let mut marker = None;
        loop {
            let page = self
                .client
                .simulate_principal_policy()
                .policy_source_arn(principal)
                .set_action_names(Some(actions.iter().map(|&it| it.to_owned()).collect()))
                .set_resource_arns(Some(resources.clone()))
                .set_context_entries(Some(context.clone().collect()))
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| self.failure(&error))?;
            let results = page.evaluation_results().iter().flat_map(results);
            simulated.extend(results.map(|result| self.scrubbed(&result)));
            marker = page
                .marker()
                .filter(|_| page.is_truncated())
                .map(str::to_owned);
            if marker.is_none() {
                return Ok(simulated);
            }
        }
    }

    fn scrubbed(&self, result: &Simulated) -> Simulated {
        let scrub = |text: &String| self.online.secrets.scrub(text);
        Simulated {
            action: scrub(&result.action),
            resource: scrub(&result.resource),
            policies: result.policies.iter().map(scrub).collect(),
            missing_context: result.missing_context.iter().map(scrub).collect(),
            ..result.clone()
        }
    }

    fn failure<E>(
        &self,
        error: &aws_smithy_runtime_api::client::result::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
    ) -> Failure
    where
        E: aws_sdk_sts::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        aws::failure("iam", &self.host, self.online.secrets, error)
    }
}

/// What an evaluation says of each resource: AWS gives one for all, or one for each with the details inside.
fn results(evaluation: &EvaluationResult) -> Vec<Simulated> {
    let policies = |statements: &[aws_sdk_iam::types::Statement]| -> Vec<String> {
        let mut names: Vec<String> = statements
            .iter()
            .filter_map(|statement| statement.source_policy_id().map(str::to_owned))
            .collect();
        names.sort();
        names.dedup();
        names
    };
    let boundary = |detail: Option<&aws_sdk_iam::types::PermissionsBoundaryDecisionDetail>| {
        detail.map(
            aws_sdk_iam::types::PermissionsBoundaryDecisionDetail::allowed_by_permissions_boundary,
        )
    };
    let organization_allows = evaluation
        .organizations_decision_detail()
        .map(aws_sdk_iam::types::OrganizationsDecisionDetail::allowed_by_organizations);
    let whole = Simulated {
        action: evaluation.eval_action_name().to_owned(),
        resource: evaluation.eval_resource_name().unwrap_or("*").to_owned(),
        decision: decision(evaluation.eval_decision().as_str()),
        policies: policies(evaluation.matched_statements()),
        boundary_allows: boundary(evaluation.permissions_boundary_decision_detail()),
        organization_allows,
        missing_context: evaluation.missing_context_values().to_vec(),
    };
    let each = evaluation.resource_specific_results();
    if each.is_empty() {
        return vec![whole];
    }
    each.iter()
        .map(|result| Simulated {
            resource: result.eval_resource_name().to_owned(),
            decision: decision(result.eval_resource_decision().as_str()),
            policies: policies(result.matched_statements()),
            boundary_allows: boundary(result.permissions_boundary_decision_detail())
                .or(whole.boundary_allows),
            missing_context: result.missing_context_values().to_vec(),
            ..whole.clone()
        })
        .collect()
}

/// A decision that is not known counts as "no statement allows it": nothing passes on a word that nobody knows.
fn decision(word: &str) -> Decision {
    match word {
        "allowed" => Decision::Allowed,
        "explicitDeny" => Decision::ExplicitDeny,
        _ => Decision::ImplicitDeny,
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;

    #[test]
    fn the_role_behind_a_session_is_looked_up_by_name() {
        let name = |arn| match Caller::of(arn) {
            Some(Caller::Role(name)) => Some(name),
            _ => None,
        };
        assert_eq!(name("arn:aws:sts::1:assumed-role/Dev/alice"), Some("Dev"));
        let user = "arn:aws:iam::1:user/team/bob";
        assert!(matches!(Caller::of(user), Some(Caller::Itself(arn)) if arn == user));
        for other in ["arn:aws:iam::1:root", "arn:aws:sts::1:federated-user/x", ""] {
            assert!(Caller::of(other).is_none(), "{other}");
        }
    }
}
