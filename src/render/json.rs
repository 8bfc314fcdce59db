//! For programs.

use serde::Serialize;

/// One JSON document with a line end.
pub(crate) fn render(document: &impl Serialize) -> String {
    match serde_json::to_string_pretty(document) {
        Ok(text) => text + "\n",
        // Only a map with other keys than text could fail, and a report has none.
        Err(error) => format!("{{\"error\": \"the report could not be written: {error}\"}}\n"),
    }
}
