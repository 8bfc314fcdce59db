//! Service Quotas: those of Amazon Bedrock.

use serde_json::{Value, json};

use crate::{
    account::{Account, Quota},
    record::Request,
    reply::Reply,
};

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Option<Reply> {
    let asked: Value = serde_json::from_str(&request.body).ok()?;
    let body = match operation {
        "ListServiceQuotas" => {
            let from: usize = asked["NextToken"]
                .as_str()
                .map_or(Some(0), |token| token.parse().ok())?;
            let page: Vec<Value> = account
                .quotas
                .iter()
                .skip(from)
                .take(account.page_size)
                .map(|quota| described(quota, quota.value))
                .collect();
            let mut body = json!({"Quotas": page});
            if from + account.page_size < account.quotas.len() {
                body["NextToken"] = json!((from + account.page_size).to_string());
            }
            body
        }
        "GetAWSDefaultServiceQuota" => {
            let code = asked["QuotaCode"].as_str()?;
            let quota = account.quotas.iter().find(|quota| quota.code == code)?;
            json!({"Quota": described(quota, quota.default)})
        }
        _ => return None,
    };
    Some(Reply::json(200, &body))
}

fn described(quota: &Quota, value: f64) -> Value {
    json!({
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": false,
    })
}
