//! Why a text is not JSON, in the words of somebody who has to repair it.
//!
//! The parser's own message may quote the file, whose values may be secrets; these never do.

/// Where the text stops being JSON, and why.
pub(super) struct Fault {
    /// The offset in the text.
    pub(super) offset: usize,
    /// What is the matter.
    pub(super) what: &'static str,
}

/// Finds the first thing in a text that JSON does not have.
///
/// Looks for the usual mistakes only: it finds nothing in JSON, and may find nothing in a text
/// that is not JSON.
pub(super) fn find(text: &str) -> Option<Fault> {
    let mut scan = Scan {
        text,
        at: 0,
        open: Vec::new(),
        before: None,
    };
    loop {
        match scan.step() {
            Step::Taken => {}
            Step::Fault(offset, what) => return Some(Fault { offset, what }),
            Step::End if scan.open.is_empty() => return None,
            Step::End => {
                let (offset, what) = (
                    text.len(),
                    "the file ends before its last bracket is closed",
                );
                return Some(Fault { offset, what });
            }
        }
    }
}

enum Step {
    Taken,
    Fault(usize, &'static str),
    End,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The brackets that are open.
    open: Vec<char>,
    /// The last character that was not blank, and where; `"` for a text, `0` for another value.
    before: Option<(char, usize)>,
}

impl Scan<'_> {
    fn step(&mut self) -> Step {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else {
            return Step::End;
        };
        let at = self.at;
        let after_value = matches!(self.before, Some(('"' | '0' | '}' | ']', _)));
        let starts_value = matches!(c, '"' | '{' | '[' | '-') || c.is_ascii_alphanumeric();
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                self.at += 1;
                return Step::Taken;
            }
            '/' | '#' => return Step::Fault(at, "a comment; JSON has none"),
            '\'' => return Step::Fault(at, "single quotes; JSON has only double ones"),
            '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
                return Step::Fault(at, "curly quotes; JSON has only straight double ones");
            }
            _ if c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}') => {
                return Step::Fault(at, "a blank that JSON does not know");
            }
            _ if after_value && self.open.is_empty() => {
                return Step::Fault(at, "something after the end of the JSON");
            }
            _ if after_value && starts_value => {
                return Step::Fault(at, "a comma or a colon is missing before this");
            }
            '"' => return self.string(rest),
            '{' | '[' => self.open.push(c),
            '}' | ']' => {
                if let Some((',', comma)) = self.before {
                    let what = "a comma before a closing bracket; JSON allows none there";
                    return Step::Fault(comma, what);
                }
                let opening = if c == '}' { '{' } else { '[' };
                if self.open.pop() != Some(opening) {
                    return Step::Fault(at, "a closing bracket that does not match");
                }
            }
            ',' if !after_value => return Step::Fault(at, "a comma with nothing before it"),
            ',' | ':' => {}
            '0'..='9' | '-' => return self.run(rest, |c| matches!(c, '+' | '-' | '.')),
            'a'..='z' | 'A'..='Z' | '_' | '$' => {
                let word = rest.split(|c: char| !c.is_ascii_alphanumeric() && !"_$".contains(c));
                return match word.into_iter().next() {
                    Some("true" | "false" | "null") => self.run(rest, |_| false),
                    Some(word)
                        if rest
                            .get(word.len()..)
                            .is_some_and(|after| after.trim_start().starts_with(':')) =>
                    {
                        Step::Fault(at, "a name without double quotes")
                    }
                    _ => Step::Fault(at, "a word that is neither quoted nor JSON"),
                };
            }
            _ => return Step::Fault(at, "a character that does not belong here"),
        }
        self.before = Some((c, at));
        self.at += c.len_utf8();
        Step::Taken
    }

    /// Takes a run of letters, digits and whatever else belongs to it.
    fn run(&mut self, rest: &str, also: fn(char) -> bool) -> Step {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !also(c));
        self.before = Some(('0', self.at));
        self.at += end.unwrap_or(rest.len());
        Step::Taken
    }

    /// Takes a text in double quotes.
    fn string(&mut self, rest: &str) -> Step {
        let start = self.at;
        let mut chars = rest.char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.before = Some(('"', start));
                    self.at = start + offset + 1;
                    return Step::Taken;
                }
                '\\' => {
                    let good = match chars.next() {
                        Some((_, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => true,
                        Some((_, 'u')) => {
                            (0..4).all(|_| chars.next().is_some_and(|(_, c)| c.is_ascii_hexdigit()))
                        }
                        _ => false,
                    };
                    if !good {
                        let what = "a single backslash; in JSON it is written twice";
                        return Step::Fault(start + offset, what);
                    }
                }
                '\r' | '\n' => {
                    return Step::Fault(start, "a text that is not closed on its line");
                }
                _ if c < ' ' => {
                    let what = "a control character within a text, such as a tab";
                    return Step::Fault(start + offset, what);
                }
                _ => {}
            }
        }
        Step::Fault(start, "a text that is never closed")
    }
}
