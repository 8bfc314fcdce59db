//! Parsers for the files the diagnosis reads: text in, values out.
//!
//! Each reads its file the way Claude Code 2.1.330 and the AWS SDK for JavaScript inside it do,
//! oddities included, because the question is what *they* see in the file and not what its author
//! meant. Nothing here touches the disk, the clock or the environment, and no text makes it panic.
//!
//! Any of these files may hold secrets. Values are kept out of every `Debug` and of every message;
//! what is said about a line that was not understood is its number and, at most, a name.

mod date;
pub mod ini;
pub(crate) mod js;
mod json;
pub mod login_token;
pub mod rewrite;
mod secret;
pub mod settings;
pub mod sso_token;

pub use date::Expiry;
pub use json::JsonProblem;
pub use secret::Secret;

/// The name of a cache file: the hash in lower-case hexadecimal digits.
fn cache_file_name(hash: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut name = String::with_capacity(2 * hash.len() + ".json".len());
    for byte in hash {
        // Writing to a `String` cannot fail.
        let _infallible = write!(name, "{byte:02x}");
    }
    name.push_str(".json");
    name
}
