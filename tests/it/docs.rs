//! The generated pages are fresh. `UPDATE=1 cargo test --test it docs` writes them.

use std::path::Path;

use bedrock_doctor_checks::registry::{ALL, page};

#[test]
fn generated_docs_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks");
    let mut index = String::from(
        "# Checks\n\nGenerated from the source by `UPDATE=1 cargo test --test it docs`.\n\n| check | family | holds when |\n|---|---|---|\n",
    );
    let mut pages = Vec::new();
    for check in ALL {
        let meta = check.meta;
        index.push_str(&format!(
            "| [`{id}`]({id}.md) | {family} | {title} |\n",
            id = meta.id,
            family = meta.family.name(),
            title = meta.title
        ));
        pages.push((format!("{}.md", meta.id), page(check)));
    }
    pages.push(("README.md".to_owned(), index));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &pages {
        let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &written, text,
            "{name} is stale: UPDATE=1 cargo test --test it docs"
        );
    }
    let written = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(written, pages.len(), "a page of a check that is gone");
}
