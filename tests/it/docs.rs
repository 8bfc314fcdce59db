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
        let row = format!(
            "| [`{id}`]({id}.md) | {family} | {title} |\n",
            id = meta.id,
            family = meta.family.name(),
            title = meta.title
        );
        index.push_str(&row);
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

/// Every file in a family's folder is a check in the registry.
#[test]
fn no_check_file_is_forgotten() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/src");
    let families = [
        "configuration",
        "credentials",
        "identity",
        "models",
        "network",
        "permissions",
        "quotas",
        "region",
        "sso",
        "version",
    ];
    let mut on_disk: Vec<String> = families
        .iter()
        .flat_map(|family| std::fs::read_dir(source.join(family)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".rs")?.replace('_', "-")))
        .collect();
    let mut registered: Vec<String> = ALL.iter().map(|check| check.meta.id.to_owned()).collect();
    on_disk.sort();
    registered.sort();
    assert_eq!(on_disk, registered);
}

/// Links in the documents lead somewhere.
#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.to_owned(), root.join("docs"), root.join("docs/checks")];
    let entries = folders.iter().flat_map(|it| std::fs::read_dir(it).unwrap());
    let documents = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"));
    for path in documents {
        let name = path.display();
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{name}: {link}");
        }
    }
}

/// A text that sends the reader to a command of this program names one that it has.
#[test]
fn texts_name_commands_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("checks/src"), root.join("docs")];
    let mut files = vec![root.join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for command in ["`bedrock-doctor ", "\"bedrock-doctor "]
            .iter()
            .flat_map(|start| text.split(start).skip(1))
        {
            let word: String = command
                .chars()
                .take_while(char::is_ascii_lowercase)
                .collect();
            assert!(
                ["", "check", "demo", "explain", "list", "policy", "resolve"]
                    .contains(&word.as_str()),
                "{}: `bedrock-doctor {word}`",
                file.display()
            );
        }
    }
}
