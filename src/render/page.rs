//! The lines of a terminal: wrapping, labels and colour.

use bedrock_doctor_checks::finding::Status;
use owo_colors::{OwoColorize as _, Style};

use super::summary::sign;

/// How the table is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: bool,
    pub(crate) verbose: bool,
    pub(crate) width: usize,
}

/// Where the text behind a label begins.
pub(super) const LABELLED: usize = 11;

/// The lines that are drawn.
pub(crate) struct Page {
    pub(crate) lines: Vec<String>,
    pub(crate) look: Look,
}

impl Page {
    pub(crate) fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// A line that must not be wrapped, such as a command to paste.
    pub(crate) fn whole(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// A paragraph, wrapped; the lines after the first are indented.
    pub(crate) fn text(&mut self, text: &str, indent: usize) {
        self.lines.extend(wrapped(text, indent, self.look.width));
    }

    /// What is assumed instead of what the machine says.
    pub(super) fn what_if(&mut self, told: &[String]) {
        if !told.is_empty() {
            let line = format!("what if: {}", told.join(" "));
            let line = self.look.paint(&line, Style::new().bold());
            self.text(&line, 9);
        }
    }

    pub(crate) fn labelled(&mut self, name: &str, text: &str) {
        let first = self.lines.len();
        self.text(&format!("{:LABELLED$}{text}", ""), LABELLED);
        if let Some(line) = self.lines.get_mut(first) {
            *line = format!("  {name:<8} {}", line.trim_start());
        }
    }
}

impl Look {
    pub(super) fn paint(self, text: &str, style: Style) -> String {
        if self.colour {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    pub(super) fn sign(self, status: Status) -> String {
        let style = Style::new();
        let style = match status {
            Status::Pass => style.green(),
            Status::Warn | Status::CannotTell => style.yellow(),
            Status::Fail => style.red().bold(),
            Status::Blocked | Status::NotApplicable => style.dimmed(),
        };
        self.paint(sign(status), style)
    }
}

/// Wraps at blanks; what has none and is too long stays whole, so that it can be pasted.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let lead = paragraph.len() - paragraph.trim_start().len();
        let mut line = " ".repeat(lead);
        let mut used = lead;
        let mut is_empty = true;
        for word in words(paragraph.trim_start()) {
            let length = visible(word);
            if !is_empty && length > 0 && used + 1 + length > width {
                lines.push(line.trim_end().to_owned());
                line = " ".repeat(indent);
                used = indent;
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
            is_empty = false;
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The words of a text; what stands between backticks is one, unless it is long.
fn words(text: &str) -> Vec<&str> {
    const LONGEST: usize = 48;
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = |from: usize| rest[from..].find(' ').map_or(rest.len(), |at| from + at);
        let mut at = end(0);
        while rest[..at].matches('`').count() % 2 == 1 && at < rest.len() {
            at = end(at + 1);
        }
        if visible(&rest[..at]) > LONGEST || rest[..at].matches('`').count() % 2 == 1 {
            at = end(0);
        }
        words.push(&rest[..at]);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    words
}

/// The width of a word without the sequences that colour it.
pub(super) fn visible(word: &str) -> usize {
    console::measure_text_width(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_blanks_and_long_words_stay_whole() {
        assert_eq!(
            wrapped("  fix  one two three", 4, 12),
            ["  fix  one", "    two", "    three"]
        );
        assert_eq!(wrapped("a 0123456789", 2, 8), ["a", "  0123456789"]);
        assert_eq!(wrapped("", 2, 8), [""]);
    }

    #[test]
    fn colour_takes_no_room() {
        let red = "word".style(Style::new().red()).to_string();
        assert_eq!(visible(&red), 4);
    }
}
