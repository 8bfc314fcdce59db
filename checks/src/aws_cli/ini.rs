//! `~/.aws/config` and `~/.aws/credentials`, as Python's `configparser` reads them for the AWS CLI.
//!
//! It is strict where the AWS SDK for JavaScript is lenient (a line that is no `key = value`, a section or a key that
//! is there twice, a byte-order mark: the whole file is refused), and lenient where that is strict (names in quotes,
//! keys in upper case, `:` for `=`). What follows a value is part of it, comments included, and so are lines that are
//! indented deeper than its key.

use std::collections::{BTreeMap, BTreeSet};

/// The sections of one file in order. Holds secrets: no `Debug`.
#[derive(Default)]
pub(super) struct Ini {
    pub(super) sections: Vec<(String, Section)>,
}

/// The keys of a section, in lower case.
pub(super) type Section = BTreeMap<String, Entry>;

/// A value and where it stands. May hold a secret: no `Debug`.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) line: u32,
}

/// Why the whole file is refused. Names sections, never keys or values.
pub(super) struct Refused {
    pub(super) line: u32,
    pub(super) why: &'static str,
}

impl Ini {
    /// A section by the text between its brackets.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        let mut found = self.sections.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, section)| section)
    }

    /// The sections `[word name]`, by name; of the same name the last one.
    pub(super) fn named(&self, word: &str) -> BTreeMap<String, &Section> {
        let mut all = BTreeMap::new();
        for (header, section) in &self.sections {
            // Only the beginning is compared: `[profiles x]` is a profile too.
            if !header.starts_with(word) {
                continue;
            }
            if let Some([_, name]) = split(header).as_deref() {
                all.insert(name.clone(), section);
            }
        }
        all
    }

    /// The profiles of a config file, by name: `[profile x]` and `[default]`.
    pub(super) fn profiles(&self) -> BTreeMap<String, &Section> {
        let mut all = BTreeMap::new();
        for (header, section) in &self.sections {
            let name = match split(header).as_deref() {
                Some([_, name]) if header.starts_with("profile") => name.clone(),
                _ if header == "default" => header.clone(),
                _ => continue,
            };
            all.insert(name, section);
        }
        all
    }
}

/// A key of the indented lines below a key.
pub(super) fn nested<'a>(entry: &'a Entry, key: &str) -> Option<&'a str> {
    let lines = entry.value.strip_prefix('\n')?.lines();
    let pairs = lines.filter_map(|line| line.split_once('='));
    let mut values = pairs.filter(|(name, _)| name.trim() == key);
    values.next_back().map(|(_, value)| value.trim())
}

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Ini, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|&byte| byte == b'\n').count();
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        refused(line, "is not UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        return Err(refused(1, "begins with a byte-order mark"));
    }
    let mut reader = Reader::default();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (line, number) in text.split('\n').zip(1..) {
        reader.line(line, number)?;
    }
    reader.finish()
}

fn refused(line: u32, why: &'static str) -> Refused {
    Refused { line, why }
}

/// `configparser.RawConfigParser._read`, with the settings that botocore uses.
#[derive(Default)]
struct Reader {
    ini: Ini,
    /// `[DEFAULT]`: every section has its keys too.
    defaults: Section,
    place: Place,
    key: Option<String>,
    indentation: usize,
    seen: BTreeSet<(String, String)>,
}

/// Where the next key belongs.
#[derive(Default, Clone, Copy, PartialEq)]
enum Place {
    #[default]
    Nowhere,
    Defaults,
    Section,
}

impl Reader {
    fn line(&mut self, line: &str, number: u32) -> Result<(), Refused> {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return Ok(());
        }
        if value.is_empty() {
            self.continued("");
            return Ok(());
        }
        let indentation = line.chars().take_while(|c| c.is_whitespace()).count();
        if indentation > self.indentation && self.continued(value) {
            return Ok(());
        }
        self.indentation = indentation;
        if let Some(name) = header(value) {
            return self.section(name, number);
        }
        if self.place == Place::Nowhere {
            return Err(refused(number, "stands before the first section"));
        }
        match value.split_once(['=', ':']) {
            Some((key, value)) if !key.is_empty() => self.entry(key, value, number),
            _ => Err(refused(number, "is no `key = value`")),
        }
    }

    /// Adds a line to the value of the last key, if there is one.
    fn continued(&mut self, line: &str) -> bool {
        let Some(key) = self.key.clone() else {
            return false;
        };
        let entry = self.keys().and_then(|keys| keys.get_mut(&key));
        if let Some(entry) = entry {
            entry.value.push('\n');
            entry.value.push_str(line);
        }
        true
    }

    fn keys(&mut self) -> Option<&mut Section> {
        match self.place {
            Place::Nowhere => None,
            Place::Defaults => Some(&mut self.defaults),
            Place::Section => self.ini.sections.last_mut().map(|(_, keys)| keys),
        }
    }

    fn section(&mut self, name: &str, number: u32) -> Result<(), Refused> {
        self.key = None;
        if name == "DEFAULT" {
            self.place = Place::Defaults;
            return Ok(());
        }
        if self.ini.section(name).is_some() {
            return Err(refused(number, "begins a section that is there already"));
        }
        self.place = Place::Section;
        let section = (name.to_owned(), Section::new());
        self.ini.sections.push(section);
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &str, number: u32) -> Result<(), Refused> {
        let key = key.trim_end().to_lowercase();
        let section = match (self.place, self.ini.sections.last()) {
            (Place::Section, Some((name, _))) => name.clone(),
            _ => "DEFAULT".to_owned(),
        };
        if !self.seen.insert((section, key.clone())) {
            return Err(refused(number, "gives a key that its section has already"));
        }
        let entry = Entry {
            value: value.trim().to_owned(),
            line: number,
        };
        if let Some(keys) = self.keys() {
            keys.insert(key.clone(), entry);
        }
        self.key = Some(key);
        Ok(())
    }

    fn finish(mut self) -> Result<Ini, Refused> {
        for (_, section) in &mut self.ini.sections {
            for (key, entry) in &self.defaults {
                section.entry(key.clone()).or_insert_with(|| entry.clone());
            }
            for entry in section.values_mut() {
                entry.value.truncate(entry.value.trim_end().len());
                let Some(below) = entry.value.strip_prefix('\n') else {
                    continue;
                };
                let mut lines = below.lines().filter(|line| !line.is_empty());
                if lines.any(|line| !line.contains('=')) {
                    return Err(refused(entry.line, "is followed by lines without `=`"));
                }
            }
        }
        Ok(self.ini)
    }
}

/// The text between the first and the last bracket; what follows them is not looked at.
fn header(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    let (name, _) = inner.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

/// The words of a POSIX shell, as Python's `shlex.split` finds them; none when a quote is not closed.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', Some('"')) => {
                let next = chars.next()?;
                let word = word.get_or_insert_default();
                if !['"', '\\'].contains(&next) {
                    word.push(c);
                }
                word.push(next);
            }
            ('\\', None) => word.get_or_insert_default().push(chars.next()?),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if [' ', '\t', '\r', '\n'].contains(&c) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `section.key=value` of everything, or the line that spoils the file.
    fn all(text: &str) -> Result<Vec<String>, u32> {
        let ini = read(text.as_bytes()).map_err(|refused| refused.line)?;
        let sections = ini.sections.iter();
        Ok(sections
            .flat_map(|(name, keys)| {
                let keys = keys.iter();
                keys.map(move |(key, entry)| format!("{name}.{key}={}", entry.value))
            })
            .collect())
    }

    #[test]
    fn values_keep_what_follows_them() {
        for (text, want) in [
            ("[a]\nB = 1 # x\n", "a.b=1 # x"),
            ("[a]\nb: 1\n", "a.b=1"),
            ("[a]\r\n  b = 1\r\n", "a.b=1"),
            ("[a]\nb = 1\n c = 2\n", "a.b=1\nc = 2"),
            ("[a] # x\n; y\nb = \n\n", "a.b="),
            ("[DEFAULT]\nb = 1\n[a]\n", "a.b=1"),
            ("[x # ]\nb = 1\n", "x # .b=1"),
        ] {
            assert_eq!(all(text), Ok(vec![want.to_owned()]), "{text:?}");
        }
    }

    #[test]
    fn a_strange_line_spoils_the_file() {
        for (text, line) in [
            ("junk\n", 1),
            ("b = 1\n[a]\n", 1),
            ("\u{feff}[a]\n", 1),
            ("[a]\njunk\n", 2),
            ("[a]\n= 1\n", 2),
            ("[a]\nb = 1\nB = 2\n", 3),
            ("[a]\n[b]\n[a]\n", 3),
            ("[a]\nb =\n c\n", 2),
        ] {
            assert_eq!(all(text), Err(line), "{text:?}");
        }
        let refused = read(b"[a]\nb = \xff\n").map_err(|refused| refused.line);
        assert_eq!(refused.err(), Some(2));
    }

    #[test]
    fn names_are_words_of_a_shell() {
        let text = "[profile a]\n[profile \"b c\"]\n[profile d e]\n[profile 'f]\n[default]\n[g]\n[profile]\n[profile x\\ y]\n";
        let ini = read(text.as_bytes()).ok().unwrap();
        let names: Vec<String> = ini.profiles().into_keys().collect();
        assert_eq!(names, ["a", "b c", "default", "x y"]);
    }
}
