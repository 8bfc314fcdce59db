//! `demo`: built-in sample machines, through the same checks and renderers. Their facts were observed in the tests'
//! pretend AWS.

use bedrock_doctor_checks::diagnosis::{Diagnosis, Exit};
use bedrock_doctor_checks::facts::Facts;
use bedrock_doctor_checks::registry::ALL;
use clap::ValueEnum as _;

use super::check::write;
use crate::cli::{Global, OutputArgs, Sample};
use crate::output::Output;
use crate::report::Report;
use crate::world::World;

impl Sample {
    fn facts(self) -> &'static str {
        match self {
            Self::ExpiredSso => include_str!("../../demo/expired-sso.json"),
            Self::DeniedRegion => include_str!("../../demo/denied-region.json"),
            Self::IgnoredKeys => include_str!("../../demo/ignored-keys.json"),
            Self::Healthy => include_str!("../../demo/healthy.json"),
        }
    }

    /// The name on the command line, and what it shows: the words of the help.
    fn words(self) -> (String, String) {
        let told = self.to_possible_value().unwrap_or_default();
        let shows = told.get_help().map(ToString::to_string);
        (told.get_name().to_owned(), shows.unwrap_or_default())
    }
}

/// Shows the report of a sample machine, with the exit code that it would have had.
pub(crate) fn run(
    world: &World,
    wanted: Option<Sample>,
    form: &OutputArgs,
    global: &Global,
    output: &Output,
) -> Exit {
    let sample = wanted.unwrap_or(Sample::ExpiredSso);
    let (name, shows) = sample.words();
    let facts: Facts = match serde_json::from_str(sample.facts()) {
        Ok(facts) => facts,
        Err(error) => {
            output.message(&format!(
                "error: the sample `{name}` cannot be read: {error}"
            ));
            return Exit::Internal;
        }
    };
    if !global.quiet {
        output.message(&format!("sample machine `{name}`: {shows}"));
        if wanted.is_none() {
            let others = Sample::value_variants().iter().filter(|it| **it != sample);
            let others: Vec<String> = others.map(|it| it.words().0).collect();
            output.message(&format!(
                "others: bedrock-doctor demo {}",
                others.join(" | ")
            ));
        }
        output.message("");
    }
    let checks: Vec<_> = ALL.iter().collect();
    let diagnosis = Diagnosis::of(&facts, &checks);
    let exit = diagnosis.exit(form.strict);
    let report = Report::new(facts, diagnosis, &[], exit);
    let again = format!("bedrock-doctor demo {name}");
    write(world, &report, Some(&again), form, global, output, exit)
}
