//! What holds for every text that a parser may meet, and for every machine that may be decided about.
//!
//! One file, one law: `hold` panics when a text breaks it.
//! The tests try some hundred texts that look like the real thing; the fuzz targets in `fuzz/` use the same files and
//! try millions.

mod aws_cli;
mod aws_files;
mod dates;
mod decision;
mod error_texts;
mod rewrite;
mod settings;
mod token_caches;
mod urls;
mod versions;
