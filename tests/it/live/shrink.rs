//! The smallest configuration that still shows something.

use serde_json::Value;

use crate::recording::Row;

/// Leaves out whatever can be left out.
pub(super) fn smallest(row: &Row, still: impl Fn(&Row) -> bool) -> Row {
    let mut row = row.clone();
    while let Some(smaller) = smaller(&row).into_iter().find(&still) {
        row = smaller;
    }
    row
}

/// The row without one of its parts each, large parts first.
fn smaller(row: &Row) -> Vec<Row> {
    let mut all = Vec::new();
    for name in row.files.keys() {
        let mut less = row.clone();
        less.files.remove(name);
        all.push(less);
    }
    for name in row.env.keys() {
        let mut less = row.clone();
        less.env.remove(name);
        all.push(less);
    }
    for (name, content) in &row.files {
        for content in smaller_content(content) {
            let mut less = row.clone();
            less.files.insert(name.clone(), content);
            all.push(less);
        }
    }
    if row.args.len() > 2 {
        let mut less = row.clone();
        less.args = vec!["-p".to_owned(), "ping".to_owned()];
        all.push(less);
    }
    all
}

/// The content without one of its keys, or without one of its lines.
fn smaller_content(content: &Value) -> Vec<Value> {
    match content {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                let mut without = map.clone();
                without.remove(key);
                let inner = smaller_content(value)
                    .into_iter()
                    .filter(|_| value.is_object());
                let with_less = inner.map(|value| {
                    let mut map = map.clone();
                    map.insert(key.clone(), value);
                    Value::Object(map)
                });
                std::iter::once(Value::Object(without))
                    .chain(with_less)
                    .collect::<Vec<_>>()
            })
            .collect(),
        Value::String(text) => {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            (0..lines.len())
                .filter(|_| lines.len() > 1)
                .map(|out| {
                    let kept = lines.iter().enumerate().filter(|(at, _)| *at != out);
                    Value::String(kept.map(|(_, line)| *line).collect())
                })
                .collect()
        }
        _ => Vec::new(),
    }
}
