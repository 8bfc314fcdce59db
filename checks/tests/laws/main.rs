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
mod policies;
mod rewrite;
mod settings;
mod token_caches;
mod urls;
mod versions;

/// The law of each file tried with any text at all; beside each law it is tried with what looks like the real thing.
mod for_any_text {
    use proptest::prelude::*;

    macro_rules! laws {
        ($($law:ident),+ $(,)?) => {
            proptest! {
                $(
                    #[test]
                    fn $law(text in any::<String>()) {
                        crate::$law::hold(&text);
                    }
                )+
            }
        };
    }

    laws!(
        aws_cli,
        aws_files,
        dates,
        decision,
        error_texts,
        policies,
        rewrite,
        settings,
        token_caches,
        urls,
        versions,
    );
}
