//! AWS's access-denied sentences: who was denied what on which resource, and by which kind of policy.
//!
//! AWS describes the format in the IAM user guide, "Troubleshoot access denied error messages".
//! Only what the sentence states is reported: a reason that is missing or unknown stays
//! [`Layer::Unstated`]. When several kinds of policy deny a request, AWS names one of them.

use serde::{Deserialize, Serialize};

/// An access-denied sentence, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denial {
    /// The caller, mostly an ARN.
    pub principal: Option<String>,
    /// The IAM action: `bedrock:InvokeModel`.
    pub action: Option<String>,
    /// The resource as AWS wrote it: mostly an ARN, sometimes `*` or `role name`.
    pub resource: Option<String>,
    /// The kind of policy that denied.
    pub layer: Layer,
    /// Whether a statement denies, or none allows.
    pub effect: Effect,
    /// The ARN of the denying policy, which AWS adds within one account or organization.
    pub policy_arn: Option<String>,
}

/// The kind of policy that AWS names as the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A policy attached to the user, group or role.
    Identity,
    /// The permissions boundary of the user or role.
    PermissionsBoundary,
    /// A service control policy of the organization.
    ServiceControlPolicy,
    /// A resource control policy of the organization.
    ResourceControlPolicy,
    /// The policy passed when the session was made.
    SessionPolicy,
    /// A policy attached to the resource; the trust policy of a role is one.
    ResourcePolicy,
    /// The policy of the VPC endpoint that the request went through.
    VpcEndpointPolicy,
    /// The sentence does not say, or says something unknown.
    Unstated,
}

/// How the policy denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A statement denies.
    Explicit,
    /// No statement allows.
    Implicit,
    /// The sentence does not say.
    Unstated,
}

/// Takes an access-denied sentence apart; `None` when the message has none.
///
/// The sentence may stand in JSON, after the prefix of a tool, or over several lines.
pub fn parse(message: &str) -> Option<Denial> {
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // ASCII only, so that both strings have the same offsets.
    let lower = text.to_ascii_lowercase();
    let (start, end) = anchor(&text, &lower)?;
    let action = action(&text[end..]);
    let (resource, reason_from) = resource(&text, &lower, end);
    let reason = Reason::of(&text[reason_from..], &lower[reason_from..]);
    Some(Denial {
        principal: principal(&text[..start], &lower[..start]),
        action,
        resource,
        layer: reason.layer,
        effect: reason.effect,
        policy_arn: reason.policy_arn,
    })
}

const ANCHOR: &str = "not authorized to perform";
/// The second is what AWS's documentation called it for service control policies, and some services still write.
const EXPLICIT: [&str; 2] = ["with an explicit deny", "due to an explicit deny"];
const IMPLICIT: &str = "because no ";

/// The span of "not authorized to perform" that is followed by an action, else of the first one.
///
/// EC2 puts "You are not authorized to perform this operation" in front of the sentence proper.
fn anchor(text: &str, lower: &str) -> Option<(usize, usize)> {
    let spans = || {
        lower
            .match_indices(ANCHOR)
            .map(|(start, found)| (start, start + found.len()))
    };
    spans()
        .find(|(_, end)| action(&text[*end..]).is_some())
        .or_else(|| spans().next())
}

/// The caller: what stands between the last `User:` and the sentence, or an ARN right before it.
fn principal(text: &str, lower: &str) -> Option<String> {
    let subject = lower.rfind("user:").map_or(text, |at| &text[at + 5..]);
    let mut words = subject
        .split(is_delimiter)
        .filter(|word| !word.is_empty() && !matches!(*word, "is" | "are" | "was"));
    let word = if subject.len() == text.len() {
        words.next_back().filter(|word| word.starts_with("arn:"))
    } else {
        words.next()
    };
    word.map(str::to_owned)
}

/// The action that the text begins with: `service:Action`.
fn action(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c| matches!(c, ' ' | ':' | '"' | '\\') || is_quote(c));
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '*')))
        .unwrap_or(text.len());
    let action = text[..end].trim_end_matches(':');
    let (service, name) = action.split_once(':')?;
    let wanted = !service.is_empty() && !name.is_empty() && !name.contains(':');
    wanted.then(|| action.to_owned())
}

/// The resource, and where to look for the reason.
///
/// A resource in quotes may hold any words, so the reason is looked for after it.
fn resource(text: &str, lower: &str, from: usize) -> (Option<String>, usize) {
    const MARKER: &str = "on resource:";
    let reason = EXPLICIT
        .into_iter()
        .chain([IMPLICIT])
        .filter_map(|phrase| lower[from..].find(phrase))
        .min()
        .map_or(text.len(), |at| from + at);
    let Some(marker) = lower[from..].find(MARKER).map(|at| from + at) else {
        return (None, from);
    };
    if marker > reason {
        return (None, from);
    }
    let start = marker + MARKER.len();
    let after = &text[start..];
    let bare = after.trim_start_matches([' ', '\\']);
    if let Some(quoted) = bare.strip_prefix('"')
        && let Some(length) = quoted.find(['"', '\\'])
    {
        let from = start + (after.len() - quoted.len()) + length;
        return (non_empty(&quoted[..length]), from);
    }
    let value = &text[start..reason];
    let value = cut(
        value,
        &[" because ", ". ", " (service:", "encoded authorization"],
    );
    let value = value
        .split(['"', '\\', '{', '}', '<'])
        .next()
        .unwrap_or_default();
    let value = value.trim_matches(|c: char| c == ' ' || is_quote(c));
    // An ARN in such a sentence has no blank; what follows one may be the place in a program.
    let value = match value.split_once(' ') {
        Some((arn, _)) if arn.starts_with("arn:") => arn,
        _ => value,
    };
    let is_end = |c: char| matches!(c, ' ' | '.' | ',' | ';') || is_quote(c);
    (non_empty(value.trim_end_matches(is_end)), start)
}

/// What the sentence gives as the reason.
struct Reason {
    layer: Layer,
    effect: Effect,
    policy_arn: Option<String>,
}

impl Reason {
    fn of(text: &str, lower: &str) -> Self {
        let explicit = EXPLICIT
            .iter()
            .filter_map(|phrase| Some(lower.find(phrase)? + phrase.len()))
            .min();
        let implicit = lower.find(IMPLICIT).map(|at| at + IMPLICIT.len());
        match (explicit, implicit) {
            (Some(at), other) if other.is_none_or(|other| at < other) => {
                Self::explicit(&text[at..], &lower[at..])
            }
            (_, Some(at)) => Self::implicit(&text[at..], &lower[at..]),
            _ => Self {
                layer: Layer::Unstated,
                effect: Effect::Unstated,
                policy_arn: None,
            },
        }
    }

    /// After "with an explicit deny": " in a service control policy: arn:…".
    fn explicit(text: &str, lower: &str) -> Self {
        let mut layer = Layer::Unstated;
        let mut rest = 0;
        if let Some((found, length)) = policy_after(lower, "in ") {
            (layer, rest) = (found, length);
            // The endpoint policy was only the messenger: AWS documents that the second one denies.
            let through = &lower[rest..];
            if let Some((found, length)) = policy_after(through, "transitively through ") {
                (layer, rest) = (found, rest + length);
            }
        }
        Self {
            layer,
            effect: Effect::Explicit,
            policy_arn: policy_arn(&text[rest..]),
        }
    }

    /// After "because no ": "identity-based policy allows the X action".
    fn implicit(text: &str, lower: &str) -> Self {
        let unknown = Self {
            layer: Layer::Unstated,
            effect: Effect::Unstated,
            policy_arn: None,
        };
        let Some(allows) = lower.find(" allows") else {
            return unknown;
        };
        let phrase = &lower[..allows];
        let layer = layer_of(phrase);
        if layer == Layer::Unstated && !phrase.ends_with("policy") {
            return unknown;
        }
        let rest = &text[allows..];
        let policy_arn = rest
            .find(" action")
            .and_then(|at| policy_arn(&rest[at + 7..]));
        Self {
            layer,
            effect: Effect::Implicit,
            policy_arn,
        }
    }
}

/// The layer named after `lead` and an article, and where the text goes on.
fn policy_after(lower: &str, lead: &str) -> Option<(Layer, usize)> {
    let rest = lower.trim_start().strip_prefix(lead)?;
    let rest = ["a ", "an ", "the "]
        .iter()
        .find_map(|article| rest.strip_prefix(article))
        .unwrap_or(rest);
    let (name, layer) = NAMES.iter().find(|(name, _)| rest.starts_with(name))?;
    Some((*layer, lower.len() - rest.len() + name.len()))
}

fn layer_of(phrase: &str) -> Layer {
    NAMES
        .iter()
        .find(|(name, _)| *name == phrase)
        .map_or(Layer::Unstated, |(_, layer)| *layer)
}

const NAMES: &[(&str, Layer)] = &[
    ("identity-based policy", Layer::Identity),
    ("permissions boundary", Layer::PermissionsBoundary),
    ("permission boundary", Layer::PermissionsBoundary),
    ("service control policy", Layer::ServiceControlPolicy),
    ("resource control policy", Layer::ResourceControlPolicy),
    ("session policy", Layer::SessionPolicy),
    ("resource-based policy", Layer::ResourcePolicy),
    ("role trust policy", Layer::ResourcePolicy),
    ("vpc endpoint policy", Layer::VpcEndpointPolicy),
];

/// The ARN that follows a colon at once.
fn policy_arn(text: &str) -> Option<String> {
    let arn = text.strip_prefix(':')?.trim_start();
    let arn = arn.split(is_delimiter).next().unwrap_or_default();
    let arn = arn.trim_end_matches(['.', ',', ';', ')']);
    arn.starts_with("arn:").then(|| arn.to_owned())
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\\' | '{' | '}' | '<' | '>') || is_quote(c)
}

/// The quotes that chats and ticket systems put in the place of the straight ones.
fn is_quote(c: char) -> bool {
    matches!(c, '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '`' | '\'')
}

/// The text before the first of the (lower-case) phrases.
fn cut<'a>(text: &'a str, phrases: &[&str]) -> &'a str {
    let lower = text.to_ascii_lowercase();
    let end = phrases.iter().filter_map(|phrase| lower.find(phrase)).min();
    &text[..end.unwrap_or(text.len())]
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
