//! What a checkup says of each known class of failure: the list is sound, and its page is fresh.
//!
//! `UPDATE=1 cargo test --test it coverage` writes `docs/coverage.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bedrock_doctor_checks::finding::Owner;
use bedrock_doctor_checks::registry::ALL;
use serde::Deserialize;

/// The families in which the facts alone may decide; in the others the program is run against a pretend AWS.
const DECIDED_BY_FACTS: [&str; 5] = [
    "Configuration and environment",
    "Credentials",
    "IAM Identity Center",
    "API keys",
    "Claude Code version",
];

/// `tests/data/failure-classes.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    family: Vec<Family>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    name: String,
    class: Vec<Class>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    slug: String,
    cause: String,
    #[serde(default)]
    checks: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
    owner: Option<Owner>,
    #[serde(default)]
    scenario: Vec<String>,
    limit: Option<String>,
    not_seen: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn known() -> Known {
    toml::from_str(include_str!("../data/failure-classes.toml")).unwrap()
}

fn classes() -> Vec<Class> {
    let families = known().family;
    families
        .into_iter()
        .flat_map(|family| family.class)
        .collect()
}

/// Every file below a folder with this ending, as text.
fn texts(folder: &Path, ending: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(self::texts(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// The file of a test and its name: `models::a_name` is in `tests/it`, `checks::models::a_check::a_name` beside a check.
fn place(test: &str) -> (PathBuf, &str) {
    let (module, name) = test.rsplit_once("::").unwrap();
    let path = match module.strip_prefix("checks::") {
        Some(module) => format!("checks/src/{}.rs", module.replace("::", "/")),
        None => format!("tests/it/{}.rs", module.replace("::", "/")),
    };
    (root().join(path), name)
}

fn decided_by_facts(test: &str) -> bool {
    test.starts_with("checks::")
}

/// The text of a function, from its name to the brace that closes it.
fn body<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let mut starts = ["(", "<"].iter().map(|next| format!("fn {name}{next}"));
    let at = starts.find_map(|start| source.find(&start))?;
    let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
    let rest = &source[line..];
    let indent = &rest[..rest.len() - rest.trim_start().len()];
    let end = rest.find(&format!("\n{indent}}}\n"))?;
    Some(&rest[..end])
}

/// What a row of the matrix of dead networks says: `dead_network: ` and its fault.
fn row(fault: &str) -> String {
    let path = root().join("tests/it/dead_network.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let start = format!("fault: \"{fault}\"");
    let at = source.find(&start);
    let at = at.unwrap_or_else(|| panic!("`{fault}`: no such row in the matrix"));
    let row = source[at..].split("\n    },\n").next().unwrap_or_default();
    let silent = if row.contains("SILENT") {
        "\"request-timeout-or-stall\""
    } else {
        ""
    };
    // Who must act where the row does not say.
    let owner = if row.contains("owner: YOU") {
        "you"
    } else {
        "network-team"
    };
    format!("{row} {silent} \"{owner}\"")
}

/// What a test says, with what the functions of its file say that it calls, and the constants that these name.
fn scenario(test: &str) -> String {
    if let Some(fault) = test.strip_prefix("dead_network: ") {
        return row(fault);
    }
    let (path, name) = place(test);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{test}: no such file"));
    let before = source.find(&format!("fn {name}()")).map(|at| &source[..at]);
    let marked = before.is_some_and(|before| before.trim_end().ends_with(']'));
    assert!(marked, "{test}: no such test");
    let functions: BTreeSet<&str> = source
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    let mut said = String::new();
    let (mut open, mut seen) = (vec![name], BTreeSet::from([name]));
    while let Some(function) = open.pop() {
        let body = body(&source, function).unwrap_or_default();
        said.push_str(body);
        let called = |other: &&&str| body.contains(&format!("{other}("));
        open.extend(
            functions
                .iter()
                .filter(called)
                .filter(|other| seen.insert(**other)),
        );
    }
    for line in source.lines().map(str::trim_start) {
        let constant = line
            .strip_prefix("const ")
            .and_then(|rest| rest.split(':').next());
        if constant.is_some_and(|name| said.contains(name)) {
            said.push_str(line);
        }
    }
    said
}

/// The part of a source file that is not its tests.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or_default()
}

#[test]
fn every_class_is_told_by_a_scenario_or_says_why_it_cannot_be_seen() {
    let classes = classes();
    assert_eq!(classes.len(), 129);
    let mut slugs = BTreeSet::new();
    for class in &classes {
        let slug = &class.slug;
        assert!(slugs.insert(slug), "{slug} twice");
        assert!(!class.cause.is_empty(), "{slug}");
        let seen = [&class.checks, &class.codes, &class.scenario];
        if let Some(why) = &class.not_seen {
            let nothing = seen.iter().all(|list| list.is_empty()) && class.owner.is_none();
            assert!(nothing && !why.is_empty(), "{slug} is seen and not seen");
        } else {
            let complete = seen.iter().all(|list| !list.is_empty()) && class.owner.is_some();
            assert!(complete, "{slug} lacks checks, codes, owner or scenario");
        }
    }
}

#[test]
fn checks_and_codes_of_the_classes_exist() {
    let data = texts(&root().join("checks/data"), "toml");
    let sources = texts(&root().join("checks/src"), "rs");
    let is_made = |code: &str| {
        let stated = [format!("cause = \"{code}\""), format!("code = \"{code}\"")];
        let literal = format!("\"{code}\"");
        stated
            .iter()
            .any(|line| data.iter().any(|text| text.contains(line)))
            || sources
                .iter()
                .any(|text| without_tests(text).contains(&literal))
    };
    for class in classes() {
        for id in &class.checks {
            let known = ALL.iter().any(|check| check.meta.id == id);
            assert!(known, "{}: no check `{id}`", class.slug);
        }
        for code in &class.codes {
            assert!(is_made(code), "{}: nothing says `{code}`", class.slug);
        }
    }
}

/// Whether a scenario of a class names the owner, or ends with the exit code that stands for it.
fn asks_for(class: &Class, owner: Owner) -> bool {
    let exit = if owner == Owner::You { 1 } else { 2 };
    let words = [
        format!("\"{}\"", owner.name()),
        format!("one_root({exit}, "),
    ];
    class.scenario.iter().any(|test| {
        let said = scenario(test);
        words.iter().any(|words| said.contains(words))
    })
}

#[test]
fn every_scenario_exists_and_asks_for_code_and_owner() {
    for family in known().family {
        let by_facts = DECIDED_BY_FACTS.contains(&family.name.as_str());
        for class in family.class {
            let run = class.scenario.iter().any(|test| !decided_by_facts(test));
            let told = by_facts || run || class.not_seen.is_some();
            assert!(told, "{}: no test runs the program", class.slug);
            let owned = by_facts || class.owner.is_none_or(|owner| asks_for(&class, owner));
            assert!(owned, "{}: no scenario asks for its owner", class.slug);
        }
    }
    for class in classes() {
        for test in &class.scenario {
            let said = scenario(test);
            let asked = class
                .codes
                .iter()
                .any(|code| said.contains(&format!("\"{code}\"")));
            assert!(asked, "{}: `{test}` asks for none of its codes", class.slug);
        }
    }
}

#[test]
fn the_page_of_the_classes_is_fresh() {
    let path = root().join("docs/coverage.md");
    let page = page(&known());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/coverage.md is stale: UPDATE=1 cargo test --test it coverage"
    );
}

fn page(known: &Known) -> String {
    let classes = || known.family.iter().flat_map(|family| &family.class);
    let mut page = format!(
        "# Which known failures the checkup sees\n\n\
         Made from `tests/data/failure-classes.toml` by `UPDATE=1 cargo test --test it coverage`.\n\n\
         People reported {} classes of failure in public threads: a checkup tells {}, and says of {} why it cannot.\n\
         The code in a finding is the name of the class, or the finer one that is named here.\n\
         Each class that is told has a test that ends in such a finding: the program against a pretend AWS, or, marked with *, the facts alone.\n\
         What is concluded but could only be confirmed by real AWS is listed at the end of [invocation-probe.md](invocation-probe.md).\n",
        classes().count(),
        classes().filter(|class| class.not_seen.is_none()).count(),
        classes().filter(|class| class.not_seen.is_some()).count(),
    );
    for family in &known.family {
        let _ = write!(
            page,
            "\n## {}\n\n| class | what goes wrong | told by | who must act |\n|---|---|---|---|\n",
            family.name
        );
        for class in &family.class {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                class.slug,
                class.cause,
                told(class),
                class.owner.map_or("", Owner::name)
            );
        }
    }
    page
}

/// By which checks, with which codes, and how far.
fn told(class: &Class) -> String {
    if let Some(why) = &class.not_seen {
        return format!("not seen: {why}");
    }
    let checks: Vec<String> = class
        .checks
        .iter()
        .map(|id| format!("[`{id}`](checks/{id}.md)"))
        .collect();
    let mut told = checks.join(", ");
    if class.codes != [class.slug.clone()] {
        let codes: Vec<String> = class.codes.iter().map(|code| format!("`{code}`")).collect();
        let _ = write!(told, " as {}", codes.join(", "));
    }
    if class.scenario.iter().all(|test| decided_by_facts(test)) {
        told.push('*');
    }
    if let Some(limit) = &class.limit {
        let _ = write!(told, "; {limit}");
    }
    told
}
