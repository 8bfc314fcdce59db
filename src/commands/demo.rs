//! `demo`: built-in sample machines, through the same checks and renderers. Their facts were observed in the tests'
//! pretend AWS.

use bedrock_doctor_checks::diagnosis::{Diagnosis, Exit};
use bedrock_doctor_checks::facts::Facts;
use bedrock_doctor_checks::registry::ALL;

use super::check::write;
use crate::cli::{Global, OutputArgs};
use crate::output::Output;
use crate::report::Report;
use crate::world::World;

/// A sample machine: its name, what it shows, its facts.
struct Sample {
    name: &'static str,
    shows: &'static str,
    facts: &'static str,
}

const SAMPLES: [Sample; 4] = [
    Sample {
        name: "expired-sso",
        shows: "the sign-in has expired: one command fixes it",
        facts: include_str!("../../demo/expired-sso.json"),
    },
    Sample {
        name: "denied-region",
        shows: "an organization policy blocks a destination Region: somebody else must act",
        facts: include_str!("../../demo/denied-region.json"),
    },
    Sample {
        name: "ignored-keys",
        shows: "AWS_PROFILE names no profile, and the keys beside it are ignored",
        facts: include_str!("../../demo/ignored-keys.json"),
    },
    Sample {
        name: "healthy",
        shows: "everything works",
        facts: include_str!("../../demo/healthy.json"),
    },
];

/// Shows the report of a sample machine, with the exit code that it would have had.
pub(crate) fn run(
    world: &World,
    name: Option<&str>,
    form: &OutputArgs,
    global: &Global,
    output: &Output,
) -> Exit {
    let wanted = name.unwrap_or(SAMPLES[0].name);
    let Some(sample) = SAMPLES.iter().find(|sample| sample.name == wanted) else {
        output.message(&format!(
            "error: no sample machine is called `{wanted}`; there are:"
        ));
        for sample in &SAMPLES {
            output.message(&format!("  {:<14} {}", sample.name, sample.shows));
        }
        return Exit::Usage;
    };
    let facts: Facts = match serde_json::from_str(sample.facts) {
        Ok(facts) => facts,
        Err(error) => {
            output.message(&format!(
                "error: the sample `{wanted}` cannot be read: {error}"
            ));
            return Exit::Internal;
        }
    };
    if !global.quiet {
        output.message(&format!(
            "sample machine `{}`: {}",
            sample.name, sample.shows
        ));
        if name.is_none() {
            let others: Vec<&str> = SAMPLES.iter().skip(1).map(|sample| sample.name).collect();
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
    let again = format!("bedrock-doctor demo {}", sample.name);
    write(world, &report, Some(&again), form, global, output, exit)
}
