//! What is different from a healthy AWS in one test.

use std::time::Duration;

use crate::{
    host,
    record::{Request, percent_decode},
    reply::{Cut, Reply},
};

/// A change to the answer of the requests it matches.
///
/// Without an effect a matching request is answered as a healthy AWS does.
#[derive(Debug, Clone)]
#[must_use]
pub struct Rule {
    host: String,
    path: String,
    method: Option<String>,
    body: Option<String>,
    model: Option<String>,
    signer: Option<String>,
    remaining: Option<u32>,
    pub(crate) delay: Duration,
    pub(crate) effect: Effect,
    pub(crate) cut: Option<Cut>,
    /// Whether a gateway answers: without the header fields that only AWS sends.
    pub(crate) foreign: bool,
    pub(crate) without: Option<String>,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Normal,
    AwsError {
        status: u16,
        code: String,
        message: String,
    },
    Reply(Reply),
    Hang,
    Reset,
}

impl Rule {
    /// A rule for hosts that begin with the labels `host`, or for the service of that name, and for paths (with query) that contain `path`.
    ///
    /// `bedrock` does not match `bedrock-runtime`; an empty text matches all.
    /// The path is compared as sent and decoded.
    pub fn new(host: &str, path: &str) -> Self {
        Self {
            host: host.to_owned(),
            path: path.to_owned(),
            method: None,
            body: None,
            model: None,
            signer: None,
            remaining: None,
            delay: Duration::ZERO,
            effect: Effect::Normal,
            cut: None,
            foreign: false,
            without: None,
        }
    }

    /// Narrows the rule to one method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Narrows the rule to bodies that contain `text`, such as `Action=AssumeRole&`.
    pub fn body(mut self, text: &str) -> Self {
        self.body = Some(text.to_owned());
        self
    }

    /// Narrows the rule to one model or inference profile: its id or ARN, decoded.
    pub fn model(mut self, id: &str) -> Self {
        self.model = Some(id.to_owned());
        self
    }

    /// Narrows the rule to requests signed with one access key id.
    pub fn signed_by(mut self, access_key_id: &str) -> Self {
        self.signer = Some(access_key_id.to_owned());
        self
    }

    /// Answers with an AWS error, in the form the asked service has.
    pub fn aws_error(self, status: u16, code: &str, message: &str) -> Self {
        self.effect(Effect::AwsError {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    /// Answers 200 with a stream that begins and then ends in an error, such as `throttlingException`.
    pub fn stream_error(self, code: &str, message: &str) -> Self {
        self.effect(Effect::Reply(Reply::stream_error(code, message)))
    }

    /// Answers 200 with a whole stream in which a guardrail speaks in the place of the model.
    pub fn guardrail_intervenes(self) -> Self {
        self.effect(Effect::Reply(Reply::guardrail_intervened()))
    }

    /// Answers with exactly this.
    pub fn respond(self, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let body = body.into().into();
        self.effect(Effect::Reply(Reply {
            status,
            headers,
            body,
        }))
    }

    /// Takes the request and never answers.
    pub fn hang(self) -> Self {
        self.effect(Effect::Hang)
    }

    /// Takes the request and resets the connection.
    pub fn reset(self) -> Self {
        self.effect(Effect::Reset)
    }

    /// Waits before the answer.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Leaves out what only AWS's answers carry, as a gateway that answers for itself does.
    pub fn not_from_aws(mut self) -> Self {
        self.foreign = true;
        self
    }

    /// Takes one header field out of the answer, as something in between does.
    pub fn without_header(mut self, name: &str) -> Self {
        self.without = Some(name.to_owned());
        self
    }

    /// Closes the connection after so many bytes of the body.
    pub fn truncate_after(mut self, bytes: usize) -> Self {
        self.cut = Some(Cut::Close(bytes));
        self
    }

    /// Resets the connection after so many bytes of the body.
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.cut = Some(Cut::Reset(bytes));
        self
    }

    /// Sends one byte of the body after each pause of this length.
    pub fn drip(mut self, pause: Duration) -> Self {
        self.cut = Some(Cut::Drip(pause));
        self
    }

    /// Sends so many bytes of the body and then nothing more, with the connection left open.
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.cut = Some(Cut::Stall(bytes));
        self
    }

    /// Ends the rule after it has matched `count` requests.
    pub fn times(mut self, count: u32) -> Self {
        self.remaining = Some(count);
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    fn matches(&self, request: &Request) -> bool {
        let fits = |wanted: &Option<String>, got: Option<&String>| {
            wanted.is_none() || wanted.as_ref() == got
        };
        let target = format!("{}?{}", request.path, request.query);
        self.remaining != Some(0)
            && (host::begins_with(&request.host, &self.host) || request.service == self.host)
            && (target.contains(&self.path) || percent_decode(&target).contains(&self.path))
            && fits(&self.method, Some(&request.method))
            && fits(&self.model, request.model.as_ref())
            && fits(&self.signer, request.access_key_id.as_ref())
            && self
                .body
                .as_ref()
                .is_none_or(|text| request.body.contains(text))
    }
}

/// Takes the newest rule that matches, and counts it.
pub(crate) fn first_match(rules: &mut [Rule], request: &Request) -> Option<Rule> {
    let rule = rules.iter_mut().rev().find(|rule| rule.matches(request))?;
    if let Some(remaining) = &mut rule.remaining {
        *remaining -= 1;
    }
    Some(rule.clone())
}
