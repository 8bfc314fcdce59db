//! Patterns with `*` and `?`.

/// Whether a pattern with `*` and `?` matches a whole text. A `*` in the text is a character that only `*` matches.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken.
    let mut last: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(from) {
            Some('*') => {
                last = Some((from, at));
                from += 1;
            }
            Some('?') if text[at] != '*' => {
                from += 1;
                at += 1;
            }
            Some(c) if *c == text[at] => {
                from += 1;
                at += 1;
            }
            _ => match &mut last {
                Some((star, taken)) => {
                    *taken += 1;
                    (from, at) = (*star + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[from..].iter().all(|c| *c == '*')
}

/// Whether a pattern matches anything that a resource may turn out to be, whose `*` stand for a field or a part of one.
pub(super) fn overlap(pattern: &str, resource: &str) -> bool {
    let one: Vec<char> = pattern.chars().collect();
    let other: Vec<char> = resource.chars().collect();
    // Row by row: whether what is left of both can match the same text.
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            row[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some('*'), b) => below[j] || (b.is_some() && row[j + 1]),
                (a, Some('*')) => row[j + 1] || (a.is_some_and(|c| *c != ':') && below[j]),
                (Some(a), Some(b)) => (*a == '?' || *b == '?' || a == b) && below[j + 1],
                _ => false,
            };
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: a pattern matches when its wildcards can be filled in so that the text comes out.
    fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                (0..=text.len()).any(|taken| matches_by_definition(rest, &text[taken..]))
            }
            Some((c, rest)) => text.split_first().is_some_and(|(first, left)| {
                (*c == '?' || c == first) && matches_by_definition(rest, left)
            }),
        }
    }

    proptest! {
        #[test]
        fn globs_match_as_defined(pattern in "[ab:?*]{0,8}", text in "[ab:]{0,8}") {
            let (chars, letters): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(glob(&pattern, &text), matches_by_definition(&chars, &letters));
            // A text without wildcards overlaps with what matches it, and with nothing else.
            prop_assert_eq!(overlap(&pattern, &text), glob(&pattern, &text));
        }

        #[test]
        fn overlapping_is_mutual_and_seen_by_example(one in "[ab?*]{0,6}", other in "[ab?*]{0,6}", text in "[ab]{0,6}") {
            prop_assert_eq!(overlap(&one, &other), overlap(&other, &one));
            if glob(&one, &text) && glob(&other, &text) {
                prop_assert!(overlap(&one, &other), "{text}");
            }
            // What covers a pattern covers every text of it.
            if glob(&one, &other) && glob(&other, &text) {
                prop_assert!(glob(&one, &text), "{one} {other} {text}");
            }
        }
    }
}
