//! Pseudonyms for identifiers: stable inside a report, so that "the account in the error is not the account of the
//! profile" stays visible.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

use std::collections::BTreeSet;

use bedrock_doctor_checks::claude_code::network::{host_of, is_of_aws};
use bedrock_doctor_checks::facts::{Facts, Shown, Variable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::report::{Redaction, Report};

/// The report with pseudonyms.
pub(crate) fn pseudonymised(report: &Report) -> Report {
    // Only if a field refuses its own serialisation, which a test rules out: then better nothing than a leak.
    let nothing = || Report {
        findings: Vec::new(),
        root_causes: Vec::new(),
        facts: Facts::at(report.facts.now),
        ..report.clone()
    };
    let Ok(document) = serde_json::to_value(report) else {
        return nothing();
    };
    let mut redactor = Redactor::new(&report.facts);
    redactor.keep_words_of_the_form(&document);
    redactor
        .applied_to(document)
        .map_or_else(nothing, |replaced| Report {
            redaction: Some(redactor.summary()),
            ..replaced
        })
}

/// The report with access key ids shortened and nothing else changed: for the terminal.
pub(crate) fn keys_shortened<T: Clone + Serialize + DeserializeOwned>(report: &T) -> T {
    let Ok(mut document) = serde_json::to_value(report) else {
        return report.clone();
    };
    walk(&mut document, &mut |text| shorten_keys(text));
    serde_json::from_value(document).unwrap_or_else(|_| report.clone())
}

/// The report without characters that steer a terminal or turn text around: they are shown as `\u{1b}`.
pub(crate) fn printable<T: Clone + Serialize + DeserializeOwned>(report: &T) -> T {
    let Ok(mut document) = serde_json::to_value(report) else {
        return report.clone();
    };
    let steers = |c: char| {
        c != '\n'
            && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    walk(&mut document, &mut |text| {
        if !text.contains(steers) {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if steers(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        out
    });
    serde_json::from_value(document).unwrap_or_else(|_| report.clone())
}

/// Replaces identifiers by pseudonyms.
struct Redactor {
    home: Option<String>,
    accounts: Vec<String>,
    /// Names and what stands for them, the longest first.
    names: Vec<(String, String)>,
    replaced: BTreeSet<&'static str>,
}

impl Redactor {
    fn new(facts: &Facts) -> Self {
        let mut users: Vec<String> = Vec::new();
        let mut hosts: Vec<String> = Vec::new();
        let machine = facts.machine.known();
        let home = machine
            .and_then(|machine| machine.home.clone())
            .filter(|home| home.len() > 1);
        if let Some(user) = home
            .as_deref()
            .and_then(|home| home.rsplit(['/', '\\']).next())
        {
            users.push(user.to_owned());
        }
        if let Some(identity) = facts.caller_identity.known() {
            let mut parts = identity.arn.rsplit('/');
            users.extend(parts.next().map(str::to_owned));
        }
        if let Some(configuration) = facts.configuration.known() {
            for route in configuration.routes() {
                hosts.push(host_of(&route.endpoint.value));
                hosts.extend(
                    route
                        .endpoint
                        .overridden
                        .iter()
                        .map(|lost| host_of(&lost.value)),
                );
            }
            hosts.extend(configuration.variables.iter().flat_map(hosts_in));
        }
        // Whoever chose these names is not asked: one without a dot may be any word.
        let is_domain = |name: &String| name.contains('.');
        for (_, failure) in facts.network_failures() {
            let stranger = failure.stranger.as_ref();
            let onward = stranger.and_then(|stranger| stranger.redirects_to.clone());
            hosts.extend(onward.filter(is_domain));
            hosts.extend(failure.host.clone());
        }
        for connection in facts.connections.known().into_iter().flatten() {
            hosts.push(connection.host.clone());
            let names = connection.certificate.iter().flat_map(|it| &it.names);
            let names = names.map(|name| name.trim_start_matches("*.").to_owned());
            hosts.extend(names.filter(is_domain));
        }
        let of_aws = facts.aws_cli.known().and_then(|aws| aws.endpoint.as_ref());
        hosts.extend(of_aws.map(|endpoint| host_of(&endpoint.value)));
        if let Some(cache) = facts.sso_cache.known() {
            hosts.extend(
                cache
                    .active
                    .iter()
                    .map(|session| host_of(&session.start_url)),
            );
            hosts.extend(
                cache
                    .tokens
                    .iter()
                    .filter_map(|token| token.start_url.as_deref())
                    .map(host_of),
            );
        }
        let own = |host: &String| {
            !host.is_empty()
                && host != "localhost"
                && !host.contains(':')
                && !host.chars().all(|c| c.is_ascii_digit() || c == '.')
                && !is_of_aws(host)
        };
        let mut names = Vec::new();
        number(&mut names, hosts.into_iter().filter(own), "host");
        // Words as common as these would blot out half of every sentence.
        let common = ["root", "user", "home", "admin", "ubuntu", "ec2-user"];
        let telling = |user: &String| user.len() >= 3 && !common.contains(&user.as_str());
        number(&mut names, users.into_iter().filter(telling), "user");
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self {
            home,
            accounts: Vec::new(),
            names,
            replaced: BTreeSet::new(),
        }
    }

    fn applied_to(&mut self, mut document: Value) -> Option<Report> {
        walk(&mut document, &mut |text| self.text(text));
        serde_json::from_value(document).ok()
    }

    /// Leaves out names that are words of the report's own form, such as a proxy called `proxy` or a user called
    /// `bedrock`: replaced, they would make the report unreadable, and they identify nobody.
    fn keep_words_of_the_form(&mut self, document: &Value) {
        self.names.retain(|(name, pseudonym)| {
            let mut document = document.clone();
            walk(&mut document, &mut |text| {
                replace_word(text, name, pseudonym).0
            });
            serde_json::from_value::<Report>(document).is_ok()
        });
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = shorten_keys(text);
        if let Some(home) = &self.home
            && text.contains(home.as_str())
        {
            text = text.replace(home.as_str(), "~");
            self.replaced.insert("home folder");
        }
        text = self.accounts_in(&text);
        text = self.addresses_in(&text);
        for (name, pseudonym) in &self.names {
            let (changed, any) = replace_word(&text, name, pseudonym);
            if any {
                text = changed;
                self.replaced.insert(if pseudonym.starts_with("host") {
                    "host names"
                } else {
                    "user names"
                });
            }
        }
        text
    }

    /// Every run of exactly twelve digits becomes `account-N`; the last group of a request id does not.
    fn accounts_in(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        while let Some(start) = text[done..]
            .find(|c: char| c.is_ascii_digit())
            .map(|at| at + done)
        {
            let end = text[start..]
                .find(|c: char| !c.is_ascii_digit())
                .map_or(text.len(), |length| start + length);
            let run = &text[start..end];
            let inside_word = (!ends_in_escape(&text[..start])
                && text[..start]
                    .chars()
                    .next_back()
                    .is_some_and(|c| c.is_ascii_alphanumeric()))
                || text[end..]
                    .chars()
                    .next()
                    .is_some_and(|c| c.is_ascii_alphanumeric());
            out.push_str(&text[done..start]);
            if run.len() == 12 && !inside_word && !ends_like_uuid(&text[..start]) {
                let known = self.accounts.iter().position(|account| account == run);
                let index = known.unwrap_or_else(|| {
                    self.accounts.push(run.to_owned());
                    self.accounts.len() - 1
                });
                out.push_str("account-");
                out.push_str(&(index + 1).to_string());
                self.replaced.insert("account ids");
            } else {
                out.push_str(run);
            }
            done = end;
        }
        out.push_str(&text[done..]);
        out
    }

    /// Mail addresses, which role session names often are.
    fn addresses_in(&mut self, text: &str) -> String {
        if !text.contains('@') {
            return text.to_owned();
        }
        let is_part = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
        let mut out = text.to_owned();
        let mut from = 0;
        while let Some(at) = out[from..].find('@').map(|at| at + from) {
            let start = out[..at]
                .char_indices()
                .rev()
                .take_while(|(_, c)| is_part(*c))
                .last()
                .map_or(at, |(index, _)| index);
            let end = out[at + 1..]
                .find(|c: char| !is_part(c))
                .map_or(out.len(), |length| at + 1 + length);
            let domain = &out[at + 1..end];
            if start < at && domain.contains('.') {
                out.replace_range(start..end, "user@host");
                self.replaced.insert("mail addresses");
                from = start + "user@host".len();
            } else {
                from = at + 1;
            }
        }
        out
    }

    fn summary(&self) -> Redaction {
        let mut replaced: Vec<String> = self
            .replaced
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect();
        replaced.push("access key ids (all but the last four characters)".to_owned());
        Redaction { replaced }
    }
}

/// The hosts that a variable names, in the values that it beat too.
fn hosts_in(variable: &Variable) -> Vec<String> {
    let name = variable.name.to_ascii_lowercase();
    let beaten = variable.value.overridden.iter().map(|beaten| &beaten.value);
    let mut hosts = Vec::new();
    for value in std::iter::once(&variable.value.value).chain(beaten) {
        match value {
            Shown::Plain(list) if name == "no_proxy" => {
                let entries = list.split([',', ' ', '\t']);
                let named = entries.map(|entry| host_of(entry.trim_start_matches(['*', '.'])));
                // A word alone would blot out half of every sentence.
                hosts.extend(named.filter(|host| host.contains('.')));
            }
            Shown::Plain(url) if name.ends_with("_proxy") || url.contains("://") => {
                hosts.push(host_of(url));
            }
            _ => {}
        }
    }
    hosts
}

/// Whether a text ends with a character that is escaped as in a URL, such as `%3A`.
fn ends_in_escape(text: &str) -> bool {
    let mut last = text.bytes().rev();
    let (two, one, sign) = (last.next(), last.next(), last.next());
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    is_hex(two) && is_hex(one) && sign == Some(b'%')
}

/// Whether a text ends with the first four groups of a UUID.
fn ends_like_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.rsplit('-').take(5).collect();
    matches!(groups.as_slice(), ["", d, c, b, a]
        if [b, c, d].iter().all(|group| group.len() == 4)
            && a.chars().rev().take_while(char::is_ascii_hexdigit).count() >= 8)
}

fn number(names: &mut Vec<(String, String)>, found: impl Iterator<Item = String>, kind: &str) {
    let mut count = 0;
    for name in found {
        if !names.iter().any(|(known, _)| *known == name) {
            count += 1;
            names.push((name, format!("{kind}-{count}")));
        }
    }
}

/// Applies a change to every text of a document, keys excepted.
fn walk(document: &mut Value, change: &mut impl FnMut(&str) -> String) {
    match document {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Access key ids become `…` and their last four characters.
fn shorten_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let length = rest[start..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len() - start);
        let (head, tail) = rest.split_at(start);
        let (word, after) = tail.split_at(length);
        out.push_str(head);
        let is_key = word.len() >= 16
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if is_key {
            out.push('…');
            out.push_str(&word[word.len() - 4..]);
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Replaces a name where it stands as a word of its own.
fn replace_word(text: &str, name: &str, pseudonym: &str) -> (String, bool) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(text.len());
    let mut any = false;
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(at) = rest.find(name) {
        let (head, tail) = rest.split_at(at);
        let after = &tail[name.len()..];
        let left = head.chars().next_back().or(before);
        let whole = !left.is_some_and(is_word) && !after.chars().next().is_some_and(is_word);
        out.push_str(head);
        out.push_str(if whole { pseudonym } else { name });
        any |= whole;
        before = name.chars().next_back();
        rest = after;
    }
    out.push_str(rest);
    (out, any)
}

#[cfg(test)]
mod tests {
    use bedrock_doctor_checks::facts::Observed;

    use super::*;

    fn redactor() -> Redactor {
        Redactor {
            home: Some("/home/alice".into()),
            accounts: vec![],
            names: vec![
                ("gw.example.com".into(), "host-1".into()),
                ("alice".into(), "user-1".into()),
            ],
            replaced: BTreeSet::new(),
        }
    }

    #[test]
    fn the_same_identifier_has_the_same_pseudonym() {
        let mut redactor = redactor();
        for (text, want) in [
            (
                "arn:aws:iam::123456789012:user/alice",
                "arn:aws:iam::account-1:user/user-1",
            ),
            (
                "210987654321 is not 123456789012",
                "account-2 is not account-1",
            ),
            ("/home/alice/.aws/config", "~/.aws/config"),
            ("https://gw.example.com/x", "https://host-1/x"),
            ("malice stays, alice goes", "malice stays, user-1 goes"),
            ("session alice@example.org", "session user@host"),
            (
                "model 20250929 and id 1234567890123",
                "model 20250929 and id 1234567890123",
            ),
            ("key AKIAIOSFODNN7EXAMPLE", "key …MPLE"),
            (
                "arn%3Aiam%3A%3A123456789012%3Aroot",
                "arn%3Aiam%3A%3Aaccount-1%3Aroot",
            ),
            ("me@x", "me@x"),
        ] {
            assert_eq!(redactor.text(text), want);
        }
    }

    #[test]
    fn names_that_are_words_of_the_form_do_not_empty_the_report() {
        use bedrock_doctor_checks::diagnosis::{Diagnosis, Exit};
        use bedrock_doctor_checks::registry::ALL;

        let mut facts: Facts = serde_json::from_str(include_str!("../demo/healthy.json")).unwrap();
        if let Observed::Known(machine) = &mut facts.machine {
            machine.home = Some("/home/known".to_owned());
        }
        let checks: Vec<_> = ALL.iter().collect();
        let diagnosis = Diagnosis::of(&facts, &checks);
        let report = Report::new(facts, diagnosis, &[], Exit::Healthy);
        let shown = pseudonymised(&report);
        assert_eq!(shown.findings.len(), report.findings.len());
        assert!(shown.redaction.is_some());
    }

    #[test]
    fn request_ids_stay() {
        let id = "7a62c49f-347e-4fc4-9331-6e8e9c1d2f3b";
        assert_eq!(redactor().text(id), id);
        let digits = "a1b2c3d4-1234-5678-9012-123456789012";
        // The last group of a request id can look like an account; support needs it whole.
        assert_eq!(redactor().text(digits), digits);
    }
}
