//! Security Token Service.

use crate::{
    account::Account,
    host::partition,
    record::Request,
    reply::{REQUEST_ID, Reply, escape},
};

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Option<Reply> {
    let Account { id, caller, .. } = account;
    let partition = partition(&request.region);
    let result = match operation {
        "GetCallerIdentity" => {
            // The account itself is an IAM identity, as users are.
            let service = if caller.starts_with("assumed-role/") || caller.starts_with("federated")
            {
                "sts"
            } else {
                "iam"
            };
            let arn = escape(&format!("arn:{partition}:{service}::{id}:{caller}"));
            format!("<Arn>{arn}</Arn><UserId>AROAEXAMPLEID:alice</UserId><Account>{id}</Account>")
        }
        "AssumeRole" => assumed(request, account, partition, "ASIAFROMSTSASSUMEROLE")?,
        "AssumeRoleWithWebIdentity" => {
            let assumed = assumed(request, account, partition, "ASIAFROMSTSWEBIDENTITY")?;
            format!(
                "{assumed}<SubjectFromWebIdentityToken>alice</SubjectFromWebIdentityToken>\
                 <Audience>sts.amazonaws.com</Audience><Provider>pretend</Provider>"
            )
        }
        _ => {
            let message = format!("Could not find operation {operation} for version 2011-06-15");
            return Some(Reply::aws_error(request, 400, "InvalidAction", &message));
        }
    };
    Some(Reply::xml(
        200,
        format!(
            "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <{operation}Result>{result}</{operation}Result>\n  \
             <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>\n\
             </{operation}Response>\n"
        ),
    ))
}

fn assumed(
    request: &Request,
    account: &Account,
    partition: &str,
    access_key_id: &str,
) -> Option<String> {
    let role = request.form("RoleArn")?;
    let name = role.rsplit('/').next().unwrap_or("Role");
    let session = request.form("RoleSessionName")?;
    let arn = format!(
        "arn:{partition}:sts::{}:assumed-role/{name}/{session}",
        account.id
    );
    Some(format!(
        "<AssumedRoleUser><AssumedRoleId>AROAEXAMPLEID:{session}</AssumedRoleId><Arn>{arn}</Arn>\
         </AssumedRoleUser><Credentials><AccessKeyId>{access_key_id}</AccessKeyId>\
         <SecretAccessKey>secret-from-sts</SecretAccessKey>\
         <SessionToken>session-token-from-sts</SessionToken>\
         <Expiration>{}</Expiration></Credentials>",
        account.after(3600)
    ))
}
