//! A text that must not be shown.

use std::fmt;

/// A secret: it can be compared and handed on, not printed or saved.
///
/// There is no `Display`, no `Serialize`, and `Debug` hides the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the content, for the one place that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether the content is the empty text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_hides_the_content() {
        let secret = Secret::new("ABSKexample");
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(…) Secret(…)");
        assert_eq!(secret.expose(), "ABSKexample");
        assert!(Secret::new("").is_empty());
    }
}
