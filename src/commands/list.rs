//! `list`: the checks and the probes.

use bedrock_doctor_checks::diagnosis::Exit;
use bedrock_doctor_checks::probe::ProbeId;
use bedrock_doctor_checks::registry::ALL;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use crate::cli::{ListFormat, Listing};
use crate::output::Output;
use crate::probes::PROBES;
use crate::render::page::{Look, Page};
use crate::world::World;

/// Prints a list.
pub(crate) fn run(world: &World, what: Listing, format: ListFormat, output: &Output) -> Exit {
    let width = output.width(world);
    let text = match (what, format) {
        (Listing::Checks, ListFormat::Json) => checks_json(),
        (Listing::Probes, ListFormat::Json) => probes_json(),
        (Listing::Checks, ListFormat::Table) => table(
            width,
            &["id", "family", "holds when"],
            ALL.iter().map(|check| {
                vec![
                    check.meta.id.to_owned(),
                    check.meta.family.name().to_owned(),
                    check.meta.title.to_owned(),
                ]
            }),
        ),
        (Listing::Probes, ListFormat::Table) => probes(width),
    };
    output.data(&text, Exit::Healthy)
}

/// A block for each probe: in columns the names of actions would have to be broken.
fn probes(width: usize) -> String {
    let look = Look {
        colour: false,
        verbose: false,
        width,
    };
    let mut page = Page {
        lines: Vec::new(),
        look,
    };
    for probe in &PROBES {
        page.whole(probe.id.name());
        page.labelled("asks", probe.asks);
        if !probe.actions.is_empty() {
            page.labelled("IAM", &probe.actions.join(", "));
        }
        page.labelled("cost", probe.cost);
        page.labelled("effect", probe.effect);
        page.blank();
    }
    page.lines.join("\n")
}

fn table(width: usize, heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(80))
        .set_header(heading);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

fn checks_json() -> String {
    let checks: Vec<_> = ALL
        .iter()
        .map(|check| {
            json!({
                "id": check.meta.id,
                "family": check.meta.family.name(),
                "title": check.meta.title,
                "probes": check.needed_probes().map(ProbeId::name).collect::<Vec<_>>(),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "checks": checks }))
}

fn probes_json() -> String {
    let probes: Vec<_> = PROBES
        .iter()
        .map(|probe| {
            json!({
                "id": probe.id.name(),
                "asks": probe.asks,
                "actions": probe.actions,
                "cost": probe.cost,
                "effect": probe.effect,
                "seconds": probe.seconds,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "probes": probes }))
}
