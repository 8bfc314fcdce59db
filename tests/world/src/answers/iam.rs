//! IAM: roles by name, and the policy simulator.

use std::fmt::Write as _;

use crate::{
    account::{Account, Denied},
    host::partition,
    record::Request,
    reply::{REQUEST_ID, Reply, escape},
};

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Option<Reply> {
    let result = match operation {
        "GetRole" => role(request, account)?,
        "SimulatePrincipalPolicy" => simulation(request, account),
        _ => return None,
    };
    Some(Reply::xml(
        200,
        format!(
            "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  \
             <{operation}Result>{result}</{operation}Result>\n  \
             <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>\n\
             </{operation}Response>\n"
        ),
    ))
}

fn role(request: &Request, account: &Account) -> Option<String> {
    let name = escape(&request.form("RoleName")?);
    let arn = format!(
        "arn:{}:iam::{}:role/team/{name}",
        partition(&request.region),
        account.id
    );
    Some(format!(
        "<Role><Path>/team/</Path><RoleName>{name}</RoleName><RoleId>AROAEXAMPLEID</RoleId>\
         <Arn>{arn}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
    ))
}

/// One result for each action and resource, as IAM gives them.
fn simulation(request: &Request, account: &Account) -> String {
    let mut results = String::new();
    for action in members(request, "ActionNames") {
        for resource in members(request, "ResourceArns") {
            let denied = account.denied.iter().find(|denied| {
                action == denied.action && resource.contains(denied.resource.as_str())
            });
            let _ = write!(
                results,
                "<member>{}</member>",
                result(&action, &resource, denied)
            );
        }
    }
    format!("<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>")
}

fn result(action: &str, resource: &str, denied: Option<&Denied>) -> String {
    let decision = denied.map_or("allowed", |denied| denied.decision.as_str());
    let matched = match decision {
        "implicitDeny" => "",
        _ => "<member><SourcePolicyId>role_Dev_bedrock</SourcePolicyId></member>",
    };
    format!(
        "<EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
         <EvalDecision>{decision}</EvalDecision><MatchedStatements>{matched}</MatchedStatements>\
         <MissingContextValues/>",
        escape(action),
        escape(resource)
    )
}

/// The list `name.member.1`, `name.member.2`, …
fn members(request: &Request, name: &str) -> Vec<String> {
    (1..)
        .map_while(|at| request.form(&format!("{name}.member.{at}")))
        .collect()
}
