//! Who signed a request, and what AWS says to a signature it cannot accept.
//!
//! The signature itself is never computed: any key is as good as another here.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::{account::Account, record::Request, reply::Reply};

/// The parts of a `SigV4` authorization.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key_id: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) service: Option<String>,
}

/// Takes `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …` apart.
pub(crate) fn parse(authorization: &str) -> Scope {
    let Some((_, rest)) = authorization.split_once("Credential=") else {
        return Scope::default();
    };
    let credential = rest.split([',', ' ']).next().unwrap_or_default();
    let mut parts = credential.split('/').map(str::to_owned);
    let access_key_id = parts.next();
    let _date = parts.next();
    Scope {
        access_key_id,
        region: parts.next(),
        service: parts.next(),
    }
}

/// Returns AWS's refusal of the request's signature, if it would refuse it.
pub(crate) fn refusal(request: &Request, account: &Account) -> Option<Reply> {
    // Both speak the query protocol, and no API key is for them.
    let query = matches!(request.service.as_str(), "sts" | "iam");
    let wanted = match request.service.as_str() {
        "bedrock" | "bedrock-runtime" => "bedrock",
        service @ ("sts"
        | "iam"
        | "servicequotas"
        | "bedrock-mantle"
        | "aws-external-anthropic") => service,
        _ => return None,
    };
    let by_key = request.bearer.is_some()
        || (wanted == "aws-external-anthropic" && request.headers.contains_key("x-api-key"));
    if request.operation == "sts:AssumeRoleWithWebIdentity" || (by_key && !query) {
        return None;
    }
    let (missing, invalid) = if query {
        ("MissingAuthenticationToken", "SignatureDoesNotMatch")
    } else {
        (
            "MissingAuthenticationTokenException",
            "InvalidSignatureException",
        )
    };
    let refuse = |code: &str, message: &str| Some(Reply::aws_error(request, 403, code, message));
    if request.access_key_id.is_none() {
        return refuse(missing, "Missing Authentication Token");
    }
    if request.signing_region.as_deref() != Some(&*request.region) {
        return refuse(invalid, "Credential should be scoped to a valid region.");
    }
    if request.signing_service.as_deref() != Some(wanted) {
        return refuse(
            invalid,
            &format!("Credential should be scoped to correct service: '{wanted}'."),
        );
    }
    skew(request, account.now()).and_then(|message| refuse(invalid, &message))
}

/// Says what is wrong with the time of a signature that is more than five minutes off.
fn skew(request: &Request, now: Timestamp) -> Option<String> {
    let stamp = request.headers.get("x-amz-date")?;
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    let signed = signed.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let text = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let allowed = SignedDuration::from_mins(5);
    let (oldest, newest) = (
        now.checked_sub(allowed).ok()?,
        now.checked_add(allowed).ok()?,
    );
    if signed < oldest {
        Some(format!(
            "Signature expired: {stamp} is now earlier than {} ({} - 5 min.)",
            text(oldest),
            text(now)
        ))
    } else if signed > newest {
        Some(format!(
            "Signature not yet current: {stamp} is still later than {} ({} + 5 min.)",
            text(newest),
            text(now)
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_scope_apart() {
        let scope = parse(
            "AWS4-HMAC-SHA256 Credential=AKIAENV/20261122/eu-west-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
        );
        assert_eq!(
            scope,
            Scope {
                access_key_id: Some("AKIAENV".to_owned()),
                region: Some("eu-west-1".to_owned()),
                service: Some("bedrock".to_owned()),
            }
        );
    }

    #[test]
    fn a_bearer_token_has_no_scope() {
        assert_eq!(parse("Bearer abc"), Scope::default());
    }
}
