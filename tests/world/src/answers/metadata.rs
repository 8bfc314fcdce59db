//! Credentials from the machine's surroundings: the EC2 metadata service, and a container's endpoint.

use serde_json::json;

use crate::{account::Account, record::Request, reply::Reply};

/// The token the metadata service hands out.
const TOKEN: &str = "pretend-metadata-token";

pub(super) fn answer(operation: &str, request: &Request, account: &Account) -> Reply {
    let token = request.headers.get("x-aws-ec2-metadata-token");
    let refused = match token {
        _ if request.service != "imds" || operation == "GetToken" => false,
        Some(token) => token != TOKEN,
        None => account.metadata_v2_only,
    };
    if refused {
        return Reply::text(401, "");
    }
    match operation {
        "GetToken" => {
            let header = "x-aws-ec2-metadata-token-ttl-seconds";
            match request.headers.get(header) {
                Some(seconds) => Reply::text(200, TOKEN).header(header, seconds),
                None => Reply::text(400, ""),
            }
        }
        "ListRoles" => Reply::text(200, "instance-role"),
        "GetRegion" => Reply::text(200, "us-east-1"),
        "GetRoleCredentials" if !request.path.ends_with("/instance-role") => Reply::text(404, ""),
        _ => {
            let key = if request.service == "imds" {
                "ASIAFROMIMDS"
            } else {
                "ASIAFROMCONTAINER"
            };
            Reply::json(
                200,
                &json!({
                    "Code": "Success",
                    "Type": "AWS-HMAC",
                    "LastUpdated": account.now().to_string(),
                    "AccessKeyId": key,
                    "SecretAccessKey": "secret-from-metadata",
                    "Token": "session-token-from-metadata",
                    "Expiration": account.after(6 * 3600).to_string(),
                }),
            )
        }
    }
}
