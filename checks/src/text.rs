//! Numbers, times and words in sentences.

use jiff::Timestamp;

/// `3 h 20 min`, `45 s`, `2 d 4 h`: the two largest units.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        "0 s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// `2026-11-22 17:42 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `in 3 h (2026-11-22 17:42 UTC)` or `3 h ago (…)`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    if seconds >= 0 {
        format!("in {} ({})", duration(seconds), utc(at))
    } else {
        format!("{} ago ({})", duration(seconds), utc(at))
    }
}

/// `1 check`, `2 checks`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// A word for a POSIX shell, quoted only when it must be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A path for a POSIX shell, with a leading `~/` that the shell still expands.
pub fn shell_path(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("~/{}", shell_word(rest)),
        None => shell_word(path),
    }
}

/// The number of letters to insert, remove, replace, or swap with their neighbour.
pub fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// `a, b and c`.
pub fn list<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (3_605, "1 h"),
            (-7_260, "2 h 1 min"),
            (180_000, "2 d 2 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn shell_words_are_quoted_only_when_they_must_be() {
        assert_eq!(shell_word("dev-1"), "dev-1");
        assert_eq!(shell_word("my prof"), "'my prof'");
        assert_eq!(shell_word("o'neil"), r"'o'\''neil'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn the_shell_still_expands_the_home_folder() {
        assert_eq!(shell_path("~/.aws/config"), "~/.aws/config");
        assert_eq!(shell_path("/a b/config"), "'/a b/config'");
        assert_eq!(shell_path("~/a b"), "~/'a b'");
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        for (a, b, distance) in [
            ("", "abc", 3),
            ("dev", "dev", 0),
            ("dve", "dev", 1),
            ("prod", "production", 6),
        ] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }
}
