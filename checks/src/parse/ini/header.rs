//! Section headers and comments: what the SDK's regular expressions make of a line.

use super::super::js;

/// The sections of the config file that have a kind before their name.
pub(super) const PREFIXES: [&str; 3] = ["profile", "sso-session", "services"];

/// Cuts off a comment: `#` or `;` at the start of the line or after a blank.
pub(super) fn before_comment(line: &str) -> &str {
    let mut start = 0;
    let mut after_blank = true;
    for (at, c) in line.char_indices() {
        if after_blank && matches!(c, '#' | ';') {
            return line.get(..start).unwrap_or_default();
        }
        after_blank = js::is_space(c);
        start = at;
    }
    line
}

/// The SDK's name for a section: `profile x` → `profile.x`, or the text as it is.
///
/// Nothing when the header has the form `word name` with an unknown word. Mirrors
/// `/^([\w-]+)\s(["'])?([\w-@+.%:/]+)\2$/`.
pub(super) fn section_key(header: &str) -> Option<String> {
    let as_it_is = || Some(header.to_owned()).filter(|key| !key.is_empty());
    let Some((prefix, name)) = header.split_once(js::is_space) else {
        return as_it_is();
    };
    let name = match name.chars().next() {
        Some(quote @ ('"' | '\'')) => name
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .unwrap_or_default(),
        _ => name,
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name_fits = !name.is_empty() && name.chars().all(|c| word(c) || "@+.%:/".contains(c));
    if prefix.is_empty() || !prefix.chars().all(word) || !name_fits {
        return as_it_is();
    }
    PREFIXES
        .contains(&prefix)
        .then(|| format!("{prefix}.{name}"))
}

/// Splits the key of a section at the first dot, if a known kind stands before it.
pub(super) fn split_prefix(key: &str) -> Option<(&str, &str)> {
    key.split_once('.')
        .filter(|(prefix, _)| PREFIXES.contains(prefix))
}

/// The name in the key of a section.
pub(super) fn shown_name(key: &str) -> &str {
    split_prefix(key).map_or(key, |(_, name)| name)
}

/// Takes the blanks and a pair of quotes off a name.
pub(super) fn unquoted(name: &str) -> &str {
    let name = js::trim(name);
    ['"', '\'']
        .into_iter()
        .find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(name)
}
