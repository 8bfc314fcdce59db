//! Bedrock API keys, and what they tell about themselves.

use aws_credential_types::Token;
use base64::Engine as _;
use bedrock_doctor_checks::claude_code::credential_plan::api_key_variable;
use bedrock_doctor_checks::facts::{
    ApiKey, ApiKeyForm, CredentialKind, Credentials, Provider, Step,
};
use jiff::Timestamp;

use super::{Chain, Signer, used};

/// The API key of the service: `AWS_BEARER_TOKEN_BEDROCK`, or `ANTHROPIC_AWS_API_KEY` of Claude Platform on AWS.
pub(super) fn api_key(chain: &Chain<'_>, mut steps: Vec<Step>) -> (Credentials, Option<Signer>) {
    let service = chain.resolved.configuration.provider.value;
    let variable = api_key_variable(service);
    let text = chain.variable(variable).unwrap_or_default().trim();
    steps.push(used(
        CredentialKind::ApiKey,
        format!("{variable} is set and beats all other credentials"),
    ));
    // A character that no header can carry would make every request fail to build: say it as AWS would.
    let usable = text.chars().all(|c| c.is_ascii_graphic());
    if service == Provider::AnthropicAws {
        let credentials = Credentials {
            kind: CredentialKind::ApiKey,
            ..Credentials::none(steps, None)
        };
        let signer = usable.then(|| Signer::PlatformKey(Token::new(text, None)));
        return (credentials, signer);
    }
    let described = describe(text);
    let credentials = Credentials {
        kind: CredentialKind::ApiKey,
        expires_at: described.expires_at,
        api_key: Some(described),
        ..Credentials::none(steps, None)
    };
    let signer = usable.then(|| Signer::Bearer(Token::new(text, None)));
    (credentials, signer)
}

/// What a key tells about itself: a short-term key is a presigned URL in base64.
fn describe(text: &str) -> ApiKey {
    let unknown = |form| ApiKey {
        form,
        region: None,
        expires_at: None,
    };
    if text.starts_with("ABSK") {
        return unknown(ApiKeyForm::LongTerm);
    }
    let Some(encoded) = text.strip_prefix("bedrock-api-key-") else {
        return unknown(ApiKeyForm::Unknown);
    };
    let encoded = encoded.split('&').next().unwrap_or(encoded);
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok();
    let url = decoded
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default();
    let parameter = |name: &str| {
        url.split(['?', '&'])
            .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.replace("%2F", "/").replace("%2f", "/"))
    };
    let signed_at = parameter("X-Amz-Date").and_then(|text| date(&text));
    let seconds = parameter("X-Amz-Expires").and_then(|text| text.parse::<i64>().ok());
    ApiKey {
        form: ApiKeyForm::ShortTerm,
        region: parameter("X-Amz-Credential")
            .and_then(|scope| scope.split('/').nth(2).map(str::to_owned)),
        expires_at: signed_at.zip(seconds).and_then(|(at, seconds)| {
            Timestamp::from_second(at.as_second().checked_add(seconds)?).ok()
        }),
    }
}

/// `20261122T174200Z`.
fn date(text: &str) -> Option<Timestamp> {
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_term_keys_tell_region_and_expiry() {
        let url = "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIA%2F20261122%2Feu-west-1%2Fbedrock%2Faws4_request&X-Amz-Date=20261122T060000Z&X-Amz-Expires=43200&Version=1";
        let encoded = base64::engine::general_purpose::STANDARD.encode(url);
        let key = describe(&format!("bedrock-api-key-{encoded}&Version=1"));
        assert_eq!(key.form, ApiKeyForm::ShortTerm);
        assert_eq!(key.region.as_deref(), Some("eu-west-1"));
        assert_eq!(key.expires_at, "2026-11-22T18:00:00Z".parse().ok());
    }

    #[test]
    fn other_forms_tell_nothing() {
        assert_eq!(describe("ABSKabc").form, ApiKeyForm::LongTerm);
        assert_eq!(describe("sk-ant-abc").form, ApiKeyForm::Unknown);
        assert_eq!(describe("bedrock-api-key-%%%").region, None);
        assert_eq!(describe("").form, ApiKeyForm::Unknown);
    }
}
