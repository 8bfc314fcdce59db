//! The variables that bear on Bedrock: which may be shown, and which names nobody reads.

use super::environment::Environment;
use crate::facts::{Overridden, SecretShape, Shown, UnknownVariable, Value, Variable};
use crate::text::edits;

/// How a variable's value may be shown.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    Url,
    AccessKeyId,
    Secret,
    Headers,
}

const KNOWN: &[(&str, Class)] = &[
    ("CLAUDE_CODE_USE_BEDROCK", Class::Plain),
    ("CLAUDE_CODE_USE_MANTLE", Class::Plain),
    ("CLAUDE_CODE_USE_VERTEX", Class::Plain),
    ("CLAUDE_CODE_USE_FOUNDRY", Class::Plain),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", Class::Plain),
    ("CLAUDE_CODE_SKIP_BEDROCK_AUTH", Class::Plain),
    ("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", Class::Plain),
    ("CLAUDE_CONFIG_DIR", Class::Plain),
    ("AWS_REGION", Class::Plain),
    ("AWS_DEFAULT_REGION", Class::Plain),
    ("AWS_PROFILE", Class::Plain),
    ("AWS_DEFAULT_PROFILE", Class::Plain),
    ("AWS_CONFIG_FILE", Class::Plain),
    ("AWS_SHARED_CREDENTIALS_FILE", Class::Plain),
    ("AWS_ACCESS_KEY_ID", Class::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", Class::Secret),
    ("AWS_SESSION_TOKEN", Class::Secret),
    ("AWS_SECURITY_TOKEN", Class::Secret),
    ("AWS_CREDENTIAL_EXPIRATION", Class::Plain),
    ("AWS_BEARER_TOKEN_BEDROCK", Class::Secret),
    ("AWS_ROLE_ARN", Class::Plain),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Class::Plain),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Class::Plain),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Class::Url),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", Class::Secret),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Class::Plain),
    ("AWS_EC2_METADATA_DISABLED", Class::Plain),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", Class::Url),
    ("AWS_ENDPOINT_URL", Class::Url),
    ("AWS_ENDPOINT_URL_BEDROCK", Class::Url),
    ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", Class::Url),
    ("AWS_ENDPOINT_URL_STS", Class::Url),
    ("AWS_USE_FIPS_ENDPOINT", Class::Plain),
    ("AWS_USE_DUALSTACK_ENDPOINT", Class::Plain),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Class::Plain),
    ("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", Class::Plain),
    ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", Class::Plain),
    ("AWS_CA_BUNDLE", Class::Plain),
    ("NODE_EXTRA_CA_CERTS", Class::Plain),
    ("SSL_CERT_FILE", Class::Plain),
    ("CLAUDE_CODE_CERT_STORE", Class::Plain),
    ("CLAUDE_CODE_CLIENT_CERT", Class::Plain),
    ("CLAUDE_CODE_CLIENT_KEY", Class::Plain),
    ("CLAUDE_CODE_CLIENT_KEY_PASSPHRASE", Class::Secret),
    ("NODE_TLS_REJECT_UNAUTHORIZED", Class::Plain),
    ("HTTPS_PROXY", Class::Url),
    ("https_proxy", Class::Url),
    ("HTTP_PROXY", Class::Url),
    ("http_proxy", Class::Url),
    ("ALL_PROXY", Class::Url),
    ("all_proxy", Class::Url),
    ("NO_PROXY", Class::Plain),
    ("no_proxy", Class::Plain),
    ("ANTHROPIC_MODEL", Class::Plain),
    ("ANTHROPIC_DEFAULT_MODEL", Class::Plain),
    ("ANTHROPIC_DEFAULT_OPUS_MODEL", Class::Plain),
    ("ANTHROPIC_DEFAULT_SONNET_MODEL", Class::Plain),
    ("ANTHROPIC_DEFAULT_HAIKU_MODEL", Class::Plain),
    ("ANTHROPIC_SMALL_FAST_MODEL", Class::Plain),
    ("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION", Class::Plain),
    ("ANTHROPIC_DEFAULT_FABLE_MODEL", Class::Plain),
    ("CLAUDE_CODE_SUBAGENT_MODEL", Class::Plain),
    ("ANTHROPIC_BEDROCK_BASE_URL", Class::Url),
    ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", Class::Url),
    ("ANTHROPIC_AWS_BASE_URL", Class::Url),
    ("ANTHROPIC_AWS_WORKSPACE_ID", Class::Plain),
    ("ANTHROPIC_AWS_API_KEY", Class::Secret),
    ("CLAUDE_CODE_SKIP_MANTLE_AUTH", Class::Plain),
    ("CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH", Class::Plain),
    ("ANTHROPIC_BEDROCK_REGION_PREFIX", Class::Plain),
    ("ANTHROPIC_BEDROCK_SERVICE_TIER", Class::Plain),
    ("ANTHROPIC_BASE_URL", Class::Url),
    ("ANTHROPIC_API_KEY", Class::Secret),
    ("ANTHROPIC_AUTH_TOKEN", Class::Secret),
    ("ANTHROPIC_CUSTOM_HEADERS", Class::Headers),
];

/// The variables whose values are secrets, for whoever must keep them out of messages.
pub fn secret_names() -> impl Iterator<Item = &'static str> {
    KNOWN
        .iter()
        .filter(|(_, class)| matches!(class, Class::Secret | Class::Headers))
        .map(|(name, _)| *name)
}

/// The variables that are set, as they may be shown.
pub fn shown(environment: &Environment) -> Vec<Variable> {
    KNOWN
        .iter()
        .filter_map(|&(name, class)| {
            let value = environment.value(name)?;
            Some(Variable {
                name: name.to_owned(),
                value: Value {
                    value: show(class, &value.value),
                    source: value.source,
                    overridden: value
                        .overridden
                        .into_iter()
                        .map(|lost| Overridden {
                            value: show(class, &lost.value),
                            source: lost.source,
                        })
                        .collect(),
                },
            })
        })
        .collect()
}

fn show(class: Class, value: &str) -> Shown {
    // A secret of blanks counts as unset.
    if value.is_empty() || (matches!(class, Class::Secret) && value.trim().is_empty()) {
        return Shown::Empty;
    }
    match class {
        Class::Plain => Shown::Plain(value.to_owned()),
        Class::Url => Shown::Plain(super::network::shown_url(value)),
        Class::AccessKeyId if looks_like_access_key_id(value.trim()) => {
            Shown::AccessKeyId(value.trim().to_owned())
        }
        // A secret pasted into the wrong variable must not be shown.
        Class::AccessKeyId => Shown::Secret(SecretShape::StrangeCharacters),
        Class::Secret => Shown::Secret(shape(value)),
        Class::Headers => {
            let names: Vec<&str> = value
                .lines()
                .filter_map(|line| Some(line.split_once(':')?.0.trim()))
                .collect();
            Shown::Plain(names.join(", "))
        }
    }
}

/// Whether a text has the form of an access key id: upper-case letters and digits, `AKIA…` or `ASIA…`.
pub fn looks_like_access_key_id(text: &str) -> bool {
    (4..=128).contains(&text.len())
        && text.starts_with('A')
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// The shape of a secret: enough to see that it was cut or pasted wrongly.
pub fn shape(value: &str) -> SecretShape {
    let trimmed = value.trim();
    if trimmed.len() != value.len() {
        SecretShape::SurroundedByBlanks
    } else if trimmed.starts_with(['"', '\'']) || trimmed.ends_with(['"', '\'']) {
        SecretShape::Quoted
    } else if trimmed
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
    {
        SecretShape::StrangeCharacters
    } else {
        SecretShape::Plausible
    }
}

/// Names of other tools, or invented ones, and the name that is read.
const FOREIGN: &[(&str, &str)] = &[
    ("AWS_REGION_NAME", "AWS_REGION"),
    ("AWS_BEDROCK_REGION", "AWS_REGION"),
    (
        "ANTHROPIC_BEDROCK_ENDPOINT_URL",
        "ANTHROPIC_BEDROCK_BASE_URL",
    ),
    ("BEDROCK_BASE_URL", "ANTHROPIC_BEDROCK_BASE_URL"),
    ("AWS_BEARER_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
    ("AWS_BEDROCK_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"),
    ("BEDROCK_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"),
    ("AWS_PROFILE_NAME", "AWS_PROFILE"),
    ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("CLAUDE_USE_BEDROCK", "CLAUDE_CODE_USE_BEDROCK"),
    ("USE_BEDROCK", "CLAUDE_CODE_USE_BEDROCK"),
    ("CLAUDE_CODE_BEDROCK", "CLAUDE_CODE_USE_BEDROCK"),
    ("ANTHROPIC_BEDROCK_MODEL", "ANTHROPIC_MODEL"),
    ("CLAUDE_MODEL", "ANTHROPIC_MODEL"),
];

const OFTEN_MISSPELT: &[&str] = &[
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
];

/// Names that look like one of the variables Claude Code reads, but are none.
pub fn unknown(environment: &Environment) -> Vec<UnknownVariable> {
    environment
        .names()
        .filter(|name| !KNOWN.iter().any(|(known, _)| known == name))
        .filter_map(|name| {
            let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == name);
            let meant = match foreign {
                Some((_, meant)) => *meant,
                None => OFTEN_MISSPELT
                    .iter()
                    .find(|known| is_misspelling(name, known))?,
            };
            Some(UnknownVariable {
                name: name.to_owned(),
                meant: meant.to_owned(),
                source: environment.value(name)?.source,
            })
        })
        .collect()
}

/// Two names that differ in letter case only, or by at most two edits in a name long enough for that to be a slip.
fn is_misspelling(name: &str, known: &str) -> bool {
    if name.eq_ignore_ascii_case(known) {
        return name != known;
    }
    let allowed = if known.len() >= 15 { 2 } else { 1 };
    name.len().abs_diff(known.len()) <= allowed && edits(name, known) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_names_are_not() {
        assert!(is_misspelling(
            "CLAUDE_CODE_USE_BEDROK",
            "CLAUDE_CODE_USE_BEDROCK"
        ));
        assert!(is_misspelling(
            "CLAUDE_CODE_USE_BEDORCK",
            "CLAUDE_CODE_USE_BEDROCK"
        ));
        assert!(is_misspelling("aws_region", "AWS_REGION"));
        assert!(is_misspelling("AWS_REGIONS", "AWS_REGION"));
        assert!(!is_misspelling("AWS_PAGER", "AWS_PROFILE"));
        assert!(!is_misspelling("AWS_REGION", "AWS_REGION"));
        assert!(!is_misspelling(
            "CLAUDE_CODE_USE_MANTLE",
            "CLAUDE_CODE_USE_BEDROCK"
        ));
    }

    #[test]
    fn a_secret_in_the_key_id_is_not_shown() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(
            show(Class::AccessKeyId, secret),
            Shown::Secret(SecretShape::StrangeCharacters)
        );
        assert_eq!(
            show(Class::Headers, "Authorization: Bearer x\nX-Y: z"),
            Shown::Plain("Authorization, X-Y".into())
        );
    }
}
