//! `explain`: what a check looks at, why it matters and how to fix it. Asks nobody.

use bedrock_doctor_checks::diagnosis::Exit;
use bedrock_doctor_checks::registry::{self, ALL};

use crate::output::Output;
use crate::render::page::wrapped;
use crate::world::World;

/// Prints the documentation of one check.
pub(crate) fn run(world: &World, id: &str, output: &Output) -> Exit {
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
    let page = reflowed(&registry::page(check), output.width(world));
    output.data(&page, Exit::Healthy)
}

/// The page with its paragraphs and list items wrapped to a width; code and tables stay as they are.
fn reflowed(page: &str, width: usize) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut in_code = false;
    let mut goes_on = false;
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        let whole = in_code || is_fence || line.is_empty() || line.starts_with(['#', '|']);
        let is_item = line.starts_with("* ") || line.starts_with("- ");
        match blocks.last_mut() {
            Some(block) if goes_on && !whole && !is_item => {
                block.push(' ');
                block.push_str(line.trim_start());
            }
            _ => blocks.push(line.to_owned()),
        }
        in_code ^= is_fence;
        // The lines about the check itself stand alone.
        goes_on = !whole && !line.starts_with("Family: ") && !line.starts_with("Reads: ");
    }
    let mut text = String::new();
    let mut in_code = false;
    for block in blocks {
        in_code ^= block.starts_with("```");
        if in_code || block.starts_with('|') {
            text.push_str(&block);
            text.push('\n');
            continue;
        }
        let is_item = block.starts_with("* ") || block.starts_with("- ");
        for line in wrapped(&block, if is_item { 2 } else { 0 }, width) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_code_is_not() {
        let page = "# title\n\none two three\nfour\n\n* item one\n  two\n\n```sh\naws sso login --profile dev\n```\n";
        assert_eq!(
            reflowed(page, 10),
            "# title\n\none two\nthree four\n\n* item one\n  two\n\n```sh\naws sso login --profile dev\n```\n"
        );
    }

    #[test]
    fn no_page_is_wider_than_a_terminal() {
        for check in ALL {
            let page = reflowed(&registry::page(check), 80);
            assert!(page.ends_with('\n'), "{page}");
            for line in page.lines().filter(|line| !line.starts_with('|')) {
                let is_one_word = !line.trim().contains(' ');
                assert!(is_one_word || line.chars().count() <= 80, "{line}");
            }
        }
    }
}
