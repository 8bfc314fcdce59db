//! `explain`: what a check looks at, why it matters and how to fix it. Asks nobody.

use bedrock_doctor_checks::diagnosis::Exit;
use bedrock_doctor_checks::registry::{self, ALL};

use crate::output::Output;

/// Prints the documentation of one check.
pub(crate) fn run(id: &str, output: &Output) -> Exit {
    let Some(check) = ALL.iter().find(|check| check.meta.id == id) else {
        let near = registry::nearest(id);
        let hint = near
            .map(|near| format!("; the nearest is `{near}`"))
            .unwrap_or_default();
        output.message(&format!(
            "error: no check is called `{id}`{hint}\n`bedrock-doctor list checks` shows them all"
        ));
        return Exit::Usage;
    };
    output.data(&registry::page(check));
    Exit::Healthy
}
