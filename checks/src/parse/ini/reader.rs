//! The SDK's reading of a file, line by line, with notes on what it passes over.

use std::collections::BTreeMap;

use super::super::js;
use super::header::{PREFIXES, before_comment, section_key, shown_name, split_prefix, unquoted};
use super::{Entry, FileKind, IgnoredLine, IgnoredWhy, IniFile, Section};

/// Reads a file.
pub(super) fn read(text: &str, kind: FileKind) -> IniFile {
    let mut reader = Reader::new(kind);
    for (index, line) in text.split('\n').enumerate() {
        reader.line = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let trimmed = js::trim(before_comment(line));
        let header = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match header {
            Some("__proto__" | "profile __proto__") => return reader.refuse(),
            Some(header) => reader.read_header(header),
            None => reader.read_key(trimmed, line.starts_with(js::is_space)),
        }
    }
    reader.finish()
}

/// The keys whose misspelling is worth a word.
const KNOWN_KEYS: [&str; 25] = [
    "aws_access_key_id",
    "aws_account_id",
    "aws_secret_access_key",
    "aws_session_token",
    "ca_bundle",
    "credential_process",
    "credential_source",
    "duration_seconds",
    "endpoint_url",
    "external_id",
    "login_session",
    "mfa_serial",
    "output",
    "region",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "web_identity_token_file",
];

/// A section header that was met, under its key in the SDK's map.
struct Header {
    line: u32,
    name: String,
}

/// The state between two lines.
struct Reader {
    kind: FileKind,
    line: u32,
    /// The SDK's map: `profile.x`, `sso-session.x`, or the text between the brackets.
    sections: BTreeMap<String, Section>,
    headers: BTreeMap<String, Header>,
    any_header: bool,
    current: Option<String>,
    sub_section: Option<String>,
    ignored: Vec<IgnoredLine>,
}

impl Reader {
    fn new(kind: FileKind) -> Self {
        Self {
            kind,
            line: 0,
            sections: BTreeMap::new(),
            headers: BTreeMap::new(),
            any_header: false,
            current: None,
            sub_section: None,
            ignored: Vec::new(),
        }
    }

    fn note(&mut self, why: IgnoredWhy) {
        let line = self.line;
        self.ignored.push(IgnoredLine { line, why });
    }

    fn read_header(&mut self, header: &str) {
        self.any_header = true;
        self.sub_section = None;
        self.current = section_key(header);
        self.judge_header(header);
        let Some(key) = self.current.clone() else {
            return;
        };
        let (line, name) = (self.line, shown_name(&key).to_owned());
        match self.headers.get(&key) {
            Some(&Header { line, ref name }) => {
                let (name, first_line) = (name.clone(), line);
                self.note(IgnoredWhy::DuplicateSection { name, first_line });
            }
            None => {
                self.headers.insert(key, Header { line, name });
            }
        }
    }

    /// Notes a header under which a profile is not found by the name it seems to have.
    fn judge_header(&mut self, header: &str) {
        let bare = js::trim(header);
        let (prefix, name) = bare
            .split_once(js::is_space)
            .map_or((None, bare), |(prefix, name)| (Some(prefix), name));
        let known_prefix = prefix.filter(|prefix| PREFIXES.contains(prefix));
        let name = unquoted(if known_prefix.is_some() { name } else { bare }).to_owned();
        let in_config = self.kind == FileKind::Config;
        let known = self.current.as_deref().and_then(split_prefix).is_some();
        let why = match (known_prefix, in_config) {
            (None, true) if bare == header && (known || header == "default") => return,
            (Some(_), true) if known => return,
            (Some(_), true) => IgnoredWhy::QuotedOrSpacedName { name },
            (Some("profile"), false) => IgnoredWhy::ProfilePrefixInCredentials { name },
            (Some(_), false) => IgnoredWhy::ConfigSectionInCredentials { name },
            (None, false) if self.current.is_none() || name != header => {
                IgnoredWhy::QuotedOrSpacedName { name }
            }
            (None, false) => return,
            (None, true) if name == "default" => IgnoredWhy::QuotedOrSpacedName { name },
            (None, true)
                if prefix.is_some()
                    || PREFIXES.contains(&bare)
                    || matches!(bare, "" | "plugins" | "preview") =>
            {
                IgnoredWhy::UnknownSection { name }
            }
            (None, true) => IgnoredWhy::SectionWithoutProfilePrefix { name },
        };
        self.note(why);
    }

    fn read_key(&mut self, trimmed: &str, indented: bool) {
        if trimmed.is_empty() {
            return;
        }
        if !self.any_header {
            return self.note(IgnoredWhy::KeyOutsideSection);
        }
        // The header of a section that is skipped has been noted; its keys need no more words.
        let Some(current) = self.current.clone() else {
            return;
        };
        let Some((name, value)) = trimmed.split_once('=') else {
            return self.note(IgnoredWhy::NoEqualsSign);
        };
        if name.is_empty() {
            return self.note(IgnoredWhy::NoKey);
        }
        let (name, value) = (js::trim(name), js::trim(value));
        let lower = name.to_ascii_lowercase();
        let known = KNOWN_KEYS.contains(&lower.as_str());
        if known && lower != name {
            let key = name.to_owned();
            self.note(IgnoredWhy::UpperCaseKey { key });
        }
        if value.is_empty() {
            if known {
                let key = name.to_owned();
                self.note(IgnoredWhy::EmptyValue { key });
            }
            self.sub_section = Some(name.to_owned());
            return;
        }

        if !indented {
            self.sub_section = None;
        }
        let key = match &self.sub_section {
            Some(parent) => format!("{parent}.{name}"),
            None => name.to_owned(),
        };
        let line = self.line;
        let section = self.sections.entry(current.clone()).or_insert_with(|| {
            let line = self
                .headers
                .get(&current)
                .map_or(line, |header| header.line);
            let keys = BTreeMap::new();
            Section { line, keys }
        });
        // An assignment to an object's `__proto__` is no property.
        if key == "__proto__" {
            return;
        }
        let value = value.to_owned();
        let before = section.keys.insert(key, Entry { value, line });
        if let Some(before) = before.filter(|_| known) {
            let (key, first_line) = (name.to_owned(), before.line);
            self.note(IgnoredWhy::DuplicateKey { key, first_line });
        }
    }

    /// The SDK throws, catches, and goes on as if the file were empty.
    fn refuse(self) -> IniFile {
        let (line, why) = (self.line, IgnoredWhy::WholeFileRefused);
        IniFile {
            ignored: vec![IgnoredLine { line, why }],
            ..IniFile::default()
        }
    }

    fn finish(mut self) -> IniFile {
        for (key, header) in std::mem::take(&mut self.headers) {
            let matters = self.kind == FileKind::Credentials
                || key == "default"
                || split_prefix(&key).is_some();
            if matters && !self.sections.contains_key(&key) {
                let Header { line, name } = header;
                let why = IgnoredWhy::EmptySection { name };
                self.ignored.push(IgnoredLine { line, why });
            }
        }
        let mut file = IniFile::default();
        for (key, section) in std::mem::take(&mut self.sections) {
            match (self.kind, split_prefix(&key)) {
                (FileKind::Credentials, _) => file.profiles.insert(key, section),
                (FileKind::Config, Some(("sso-session", name))) => {
                    file.sso_sessions.insert(name.to_owned(), section)
                }
                (FileKind::Config, Some(("services", name))) => {
                    file.services.insert(name.to_owned(), section)
                }
                // The SDK loses a profile of this name: it becomes a prototype.
                (FileKind::Config, Some((_, "__proto__"))) => None,
                (FileKind::Config, Some((_, name))) => {
                    let by_line = section.line;
                    // `default` sorts before `profile.default`, so it is there already.
                    let replaced = file.profiles.insert(name.to_owned(), section);
                    if let Some(Section { line, .. }) = &replaced {
                        let (line, why) = (*line, IgnoredWhy::DefaultReplaced { by_line });
                        self.ignored.push(IgnoredLine { line, why });
                    }
                    replaced
                }
                (FileKind::Config, None) if key == "default" => file.profiles.insert(key, section),
                (FileKind::Config, None) => None,
            };
        }
        self.ignored.sort_by_key(|ignored| ignored.line);
        file.ignored = self.ignored;
        file
    }
}
