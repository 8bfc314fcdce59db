//! Keeps secrets out of everything that is written: the known ones by value, others by their form.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use bedrock_doctor_checks::claude_code::network::userinfo;
use bedrock_doctor_checks::claude_code::{Resolved, variables};

/// The shortest value that is looked for: anything shorter would blot out ordinary words.
const SHORTEST: usize = 6;

/// What stands in the place of a secret.
const REMOVED: &str = "[removed]";

/// All secrets seen in this run.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Known>>);

/// The longest first: one secret may begin with another.
type Known = BTreeSet<(Reverse<usize>, String)>;

/// Keys of a profile whose values are secrets.
const SECRET_KEYS: [&str; 4] = [
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "external_id",
];

/// Endings of the names of variables that hold secrets, of other programs too.
const TELLING_NAMES: [&str; 5] = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "_KEY"];

impl Secrets {
    /// The secrets that the configuration holds, in values that lost as well.
    pub(crate) fn of(resolved: &Resolved) -> Self {
        let secrets = Self::default();
        let known: BTreeSet<&str> = variables::secret_names().collect();
        for (name, value) in resolved.inputs.environment.all_values() {
            let upper = name.to_ascii_uppercase();
            let telling = upper.contains("SECRET")
                || TELLING_NAMES.iter().any(|ending| upper.ends_with(ending));
            if telling || known.contains(name) {
                secrets.remember(value);
                // Headers: each value for itself, and without the scheme in front.
                for (_, value) in value.lines().filter_map(|line| line.split_once(':')) {
                    secrets.remember(value);
                    secrets.remember(value.split_whitespace().last().unwrap_or_default());
                }
            }
            if let Some(userinfo) = value.contains("://").then(|| userinfo(value)).flatten() {
                let password = userinfo.split_once(':').map(|(_, password)| password);
                secrets.remember(password.unwrap_or(userinfo));
            }
        }
        let profiles = &resolved.inputs.profiles;
        for file in [&profiles.config.1, &profiles.credentials.1] {
            let sections = file.profiles.values();
            for (key, entry) in sections.flat_map(|section| &section.keys) {
                if SECRET_KEYS.contains(&key.as_str()) {
                    secrets.remember(&entry.value);
                }
            }
        }
        secrets
    }

    /// Remembers a value that must never be written, and how it looks in a URL, in JSON, in XML and in base64.
    pub(crate) fn remember(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(forms(secret).map(|form| (Reverse(form.len()), form)));
    }

    /// A text without the secrets that are known. It is kept otherwise: for the person at the terminal, who may need what
    /// only looks like one, such as the address of a sign-in.
    pub(crate) fn without_known(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for (_, secret) in known.iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REMOVED);
            }
        }
        text
    }

    /// A text of AWS, of a helper or of the system, without secrets and of bounded length.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut text = self.without_known(text);
        // A signature mismatch quotes the whole request with its session token.
        for tail in [
            "The Canonical String for this request",
            "The String-to-Sign should have been",
        ] {
            if let Some(at) = text.find(tail) {
                text.truncate(at);
            }
        }
        let clean: Vec<String> = remove_assigned(&text)
            .split_whitespace()
            .map(|word| {
                if looks_secret(word) {
                    REMOVED.to_owned()
                } else {
                    word.to_owned()
                }
            })
            .collect();
        let mut text = clean.join(" ");
        if let Some((at, _)) = text.char_indices().nth(1_000) {
            text.truncate(at);
            text.push_str(" […]");
        }
        text
    }
}

/// A secret as it is, and in other writing.
fn forms(secret: &str) -> [String; 6] {
    let percent = |upper: bool| -> String {
        secret
            .bytes()
            .map(|byte| {
                match (
                    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte),
                    upper,
                ) {
                    (true, _) => char::from(byte).to_string(),
                    (false, true) => format!("%{byte:02X}"),
                    (false, false) => format!("%{byte:02x}"),
                }
            })
            .collect()
    };
    [
        secret.to_owned(),
        percent(true),
        percent(false),
        secret.replace('\\', "\\\\").replace('"', "\\\""),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret),
    ]
}

/// Removes what is assigned to a telling name: `password=…`, `"token": "…"`, `Authorization: Bearer …`.
fn remove_assigned(text: &str) -> String {
    /// What stands behind these is a secret, whatever it looks like.
    const ASKS_FOR_ONE: [&str; 7] = [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "pw",
        "pin",
        "sid",
    ];
    const TELLING: [&str; 9] = [
        "secret",
        "token",
        "authorization",
        "signature",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "bearer",
    ];
    let text = separated(text);
    let words: Vec<&str> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut hide_next = false;
    let mut hide_opaque = false;
    for word in words {
        // `token: abc123` names one, `invalid token: try again` does not.
        if std::mem::take(&mut hide_opaque)
            && word.len() >= 8
            && word.contains(|c: char| c.is_ascii_digit())
        {
            out.push(REMOVED.to_owned());
            continue;
        }
        if hide_next && !word.is_empty() {
            hide_next = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
            out.push(if hide_next {
                word.to_owned()
            } else {
                REMOVED.to_owned()
            });
            continue;
        }
        let lower = word.to_ascii_lowercase().replace(['_', '-'], "");
        let asks = |name: &str| {
            let is_word =
                |word: &&&str| name == **word || (word.len() > 4 && name.ends_with(**word));
            ASKS_FOR_ONE.iter().any(|word| is_word(&word))
        };
        let telling =
            |name: &str| asks(name) || TELLING.iter().any(|telling| name.ends_with(telling));
        // `--password …`
        if word.starts_with("--") && telling(&lower) {
            hide_next = true;
            out.push(word.to_owned());
            continue;
        }
        match lower.find(['=', ':']) {
            Some(at) if telling(lower[..at].trim_matches(['"', '\'', '{', '?', '&', '('])) => {
                let cut = word.find(['=', ':']).unwrap_or(word.len() - 1);
                let value = word[cut + 1..].trim_matches(['"', '\'']);
                // `is not authorized: User …` and prose with a colon at the end keep their next word only when it is no assignment.
                hide_next = value.is_empty()
                    && (word[cut..].starts_with('=')
                        || asks(&lower[..at])
                        || word.starts_with(['"', '{'])
                        || lower.starts_with("authorization"));
                hide_opaque = value.is_empty() && !hide_next;
                out.push(if value.is_empty() {
                    word.to_owned()
                } else {
                    format!("{}{REMOVED}", &word[..=cut])
                });
            }
            _ => out.push(word.to_owned()),
        }
    }
    out.join(" ")
}

/// The text with a blank between the parts of a query and between the members of a JSON object.
fn separated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        if matches!(c, '?' | '&') && next.is_ascii_alphanumeric() {
            out.push(' ');
        }
        out.push(c);
        if c == ',' && next == '"' {
            out.push(' ');
        }
    }
    out
}

/// Whether a word has the form of a key or token: a long mix that no name, ARN or id has.
fn looks_secret(word: &str) -> bool {
    let word = word.trim_matches([
        '"', '\'', ',', '.', ';', '(', ')', '{', '}', '[', ']', '<', '>',
    ]);
    if word.starts_with("ABSK") || word.starts_with("bedrock-api-key-") || word.starts_with("eyJ") {
        return word.len() > 12;
    }
    word.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)))
        .any(|run| {
            run.len() >= 32
                && run.chars().any(|c| c.is_ascii_uppercase())
                && run.chars().any(|c| c.is_ascii_lowercase())
                && run.chars().any(|c| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_removed_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.remember("hunter2-hunter2");
        secrets.remember("hunter2");
        assert_eq!(secrets.scrub("a hunter2-hunter2b"), "a [removed]b");
        assert_eq!(secrets.scrub("hunter2!"), "[removed]!");
        secrets.remember("a/b+c=\"d");
        assert_eq!(secrets.scrub("x a%2fb%2bc%3d%22d y"), "x [removed] y");
        assert_eq!(secrets.scrub("{a/b+c=\\\"d}"), "{[removed]}");
    }

    #[test]
    fn forms_of_secrets_are_removed() {
        let secrets = Secrets::default();
        for (text, clean) in [
            (
                "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY used",
                "key [removed] used",
            ),
            ("password=abc123 rejected", "password=[removed] rejected"),
            (
                "Authorization: Bearer abc def",
                "Authorization: Bearer [removed] def",
            ),
            (r#"{"token": "abc"} x"#, r#"{"token": [removed] x"#),
            ("got eyJhbGciOiJIUzI1NiJ9.e30.abc", "got [removed]"),
            ("ABSKQmVkcm9ja0FQSUtleS1abcd", "[removed]"),
            (
                "login failed, token: abc-123-def",
                "login failed, token: [removed]",
            ),
            (
                r#"{"Version":1,"SecretAccessKey":"abc","SessionToken":"def"}"#,
                r#"{"Version":1, "SecretAccessKey":[removed] "SessionToken":[removed]"#,
            ),
            (
                "GET /x?a=1&X-Amz-Signature=abc",
                "GET /x ?a=1 &X-Amz-Signature=[removed]",
            ),
            (
                "password: correcthorse refused",
                "password: [removed] refused",
            ),
            (
                "pw=abc client_secret=def",
                "pw=[removed] client_secret=[removed]",
            ),
            ("Enter PIN: 123456", "Enter PIN: [removed]"),
            (
                "usage: helper --password abc now",
                "usage: helper --password [removed] now",
            ),
        ] {
            assert_eq!(secrets.scrub(text), clean);
        }
    }

    #[test]
    fn what_support_needs_stays() {
        let secrets = Secrets::default();
        for text in [
            "User: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_PowerUserAccess_0123456789abcdef/alice is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "The security token included in the request is expired",
            "UnauthorizedException: Session token not found or invalid",
            "request id 7a62c49f-347e-4fc4-9331-6e8e9c1d2f3b",
        ] {
            assert_eq!(secrets.scrub(text), text);
        }
    }

    #[test]
    fn the_canonical_string_is_cut_off() {
        let text = "The request signature we calculated does not match. The Canonical String for this request should have been 'GET x-amz-security-token:abc'";
        assert_eq!(
            Secrets::default().scrub(text),
            "The request signature we calculated does not match."
        );
    }
}
