//! What AWS answers to questions that are asked only when they add something: quotas, and the policy simulator.

use serde::{Deserialize, Serialize};

/// A quota of Amazon Bedrock for a model in use, as Service Quotas lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Its name, which says what is counted for which model: `Cross-region model inference tokens per minute for …`.
    pub name: String,
    /// Its code: `L-…`.
    pub code: String,
    /// The value that applies to the account, in the unit of the name.
    pub value: f64,
    /// AWS's default, when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// Whether an increase can be asked for through Service Quotas; else AWS Support is asked.
    pub adjustable: bool,
}

/// What the IAM policy simulator says of the permissions that Claude Code needs.
///
/// It evaluates the policies of the user or role and its permissions boundary, and says what service control policies
/// without conditions allow. It sees neither session policies nor those of resources and VPC endpoints.
/// Source: IAM API reference, `SimulatePrincipalPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The user or role that was simulated, path included.
    pub principal: String,
    /// One for each action and resource.
    pub results: Vec<Simulated>,
}

/// The simulator's answer for one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// The IAM action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// What would happen.
    pub decision: Decision,
    /// The policies whose statements decide, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// What the permissions boundary allows, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary_allows: Option<bool>,
    /// What the service control policies without conditions allow, when the account is in an organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_allows: Option<bool>,
    /// Condition keys for which the simulator had no value: with one, the decision may be another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_context: Vec<String>,
}

/// The simulator's three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// A statement allows it and none denies.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement allows it.
    ImplicitDeny,
}
