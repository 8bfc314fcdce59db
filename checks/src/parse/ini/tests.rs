use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{FileKind, IgnoredLine, IgnoredWhy, IniFile, merge, parse};

/// Writes sections and keys on one line each: `p@1 a=x@2`.
fn summary(file: &IniFile) -> String {
    let kinds = [
        ("", &file.profiles),
        ("sso-session ", &file.sso_sessions),
        ("services ", &file.services),
    ];
    let mut lines = Vec::new();
    for (kind, sections) in kinds {
        for (name, section) in sections {
            let mut line = vec![format!("{kind}{name}@{}", section.line)];
            for (key, entry) in &section.keys {
                line.push(format!("{key}={}@{}", entry.value, entry.line));
            }
            lines.push(line.join(" "));
        }
    }
    lines.join("\n")
}

#[track_caller]
fn check(kind: FileKind, text: &str, want: &[&str], ignored: &[(u32, IgnoredWhy)]) {
    let file = parse(text, kind);
    assert_eq!(summary(&file), want.join("\n"));
    let ignored: Vec<IgnoredLine> = ignored
        .iter()
        .cloned()
        .map(|(line, why)| IgnoredLine { line, why })
        .collect();
    assert_eq!(file.ignored, ignored);
}

#[track_caller]
fn check_config(text: &str, want: &[&str], ignored: &[(u32, IgnoredWhy)]) {
    check(FileKind::Config, text, want, ignored);
}

#[track_caller]
fn check_credentials(text: &str, want: &[&str], ignored: &[(u32, IgnoredWhy)]) {
    check(FileKind::Credentials, text, want, ignored);
}

fn name(name: &str) -> String {
    name.to_owned()
}

#[test]
fn a_config_file_has_profiles_sessions_and_services() {
    check_config(
        "[default]\nregion = eu-west-1\n[profile a]\nx=1\n[sso-session s]\nsso_region=eu-west-2\n\
         [services v]\nbedrock =\n  endpoint_url = http://h\n",
        &[
            "a@3 x=1@4",
            "default@1 region=eu-west-1@2",
            "sso-session s@5 sso_region=eu-west-2@6",
            "services v@7 bedrock.endpoint_url=http://h@9",
        ],
        &[],
    );
}

#[test]
fn bom_crlf_indentation_and_comments_do_no_harm() {
    check_config(
        "\u{feff}[profile p]\r\n  a = x # c\r\n\tb = y;z\r\n# c\r\n ; c\r\nc = k=v==\r\n",
        &["p@1 a=x@2 b=y;z@3 c=k=v==@6"],
        &[],
    );
}

#[test]
fn quotes_around_a_plain_name_do_no_harm() {
    check_config("[profile \"p\"]\na=1", &["p@1 a=1@2"], &[]);
    check_config("[profile.p]\na=1", &["p@1 a=1@2"], &[]);
    check_config("[profile\t'p']\na=1", &["p@1 a=1@2"], &[]);
}

#[test]
fn headers_of_the_config_file_that_hide_a_profile() {
    let spaced = |of: &str| IgnoredWhy::QuotedOrSpacedName { name: name(of) };
    for (header, why) in [
        (
            "p",
            IgnoredWhy::SectionWithoutProfilePrefix { name: name("p") },
        ),
        ("profile my prof", spaced("my prof")),
        ("profile \"my prof\"", spaced("my prof")),
        ("profile  p", spaced("p")),
        ("profile p ", spaced("p")),
        (" profile p", spaced("p")),
        (" default ", spaced("default")),
        ("profile p\"", spaced("p\"")),
        ("profile é", spaced("é")),
        (
            "plugins",
            IgnoredWhy::UnknownSection {
                name: name("plugins"),
            },
        ),
        ("", IgnoredWhy::UnknownSection { name: name("") }),
        (
            "Profile p",
            IgnoredWhy::UnknownSection {
                name: name("Profile p"),
            },
        ),
        (
            "sso-session",
            IgnoredWhy::UnknownSection {
                name: name("sso-session"),
            },
        ),
    ] {
        check_config(&format!("[{header}]\na = 1"), &[], &[(1, why)]);
    }
}

#[test]
fn headers_of_the_credentials_file_that_hide_a_profile() {
    let prefixed = IgnoredWhy::ProfilePrefixInCredentials { name: name("p") };
    check_credentials("[profile p]\na=1", &["profile.p@1 a=1@2"], &[(1, prefixed)]);
    let session = IgnoredWhy::ConfigSectionInCredentials { name: name("s") };
    check_credentials(
        "[sso-session s]\na=1",
        &["sso-session.s@1 a=1@2"],
        &[(1, session)],
    );
    let spaced = |of: &str| IgnoredWhy::QuotedOrSpacedName { name: name(of) };
    check_credentials("[my prof]\na=1", &[], &[(1, spaced("my prof"))]);
    check_credentials("[ p ]\na=1", &[" p @1 a=1@2"], &[(1, spaced("p"))]);
    check_credentials("[\"p\"]\na=1", &["\"p\"@1 a=1@2"], &[(1, spaced("p"))]);
    check_credentials("[a b c]\na=1", &["a b c@1 a=1@2"], &[]);
    check_credentials(
        "[default]\na=1\n[p]\na=2",
        &["default@1 a=1@2", "p@3 a=2@4"],
        &[],
    );
}

#[test]
fn the_prefixed_default_replaces_the_bare_one() {
    check_config(
        "[profile default]\nregion = a\n[default]\nregion = b\noutput = json\n",
        &["default@1 region=a@2"],
        &[(3, IgnoredWhy::DefaultReplaced { by_line: 1 })],
    );
}

#[test]
fn keys_that_are_passed_over() {
    let upper = IgnoredWhy::UpperCaseKey {
        key: name("AWS_ACCESS_KEY_ID"),
    };
    let again = IgnoredWhy::DuplicateKey {
        key: name("region"),
        first_line: 5,
    };
    check_config(
        "a = 1\n[profile p]\njunk\n= x\nregion = a\nregion = b\nAWS_ACCESS_KEY_ID = K\nMine = 1",
        &["p@2 AWS_ACCESS_KEY_ID=K@7 Mine=1@8 region=b@6"],
        &[
            (1, IgnoredWhy::KeyOutsideSection),
            (3, IgnoredWhy::NoEqualsSign),
            (4, IgnoredWhy::NoKey),
            (6, again),
            (7, upper),
        ],
    );
}

#[test]
fn a_key_without_value_takes_the_indented_lines_below_it() {
    let empty = IgnoredWhy::EmptyValue {
        key: name("region"),
    };
    check_config(
        "[profile p]\n  region =\n  output = json\n  x = 1\ny = 2\n  z = 3",
        &["p@1 region.output=json@3 region.x=1@4 y=2@5 z=3@6"],
        &[(2, empty)],
    );
}

#[test]
fn sections_that_come_twice_or_empty() {
    let again = IgnoredWhy::DuplicateSection {
        name: name("p"),
        first_line: 1,
    };
    let empty = IgnoredWhy::EmptySection { name: name("q") };
    check_config(
        "[profile p]\na=1\n[profile q]\nx =\n[profile p]\nb=2",
        &["p@1 a=1@2 b=2@6"],
        &[(3, empty), (5, again)],
    );
}

#[test]
fn a_prototype_loses_the_file() {
    for header in ["__proto__", "profile __proto__"] {
        let text = format!("[default]\na=1\n[{header}]");
        check_config(&text, &[], &[(3, IgnoredWhy::WholeFileRefused)]);
    }
    check_config("[profile '__proto__']\na=1", &[], &[]);
}

#[test]
fn the_credentials_file_wins_key_by_key() {
    let config = parse(
        "[profile p]\na=1\nb=2\nc=3\n[profile q]\nx=1",
        FileKind::Config,
    );
    let credentials = parse("[p]\nb=4\nc=3\nd=5\n[r]\ny=1", FileKind::Credentials);
    let merged = merge(&config, &credentials);
    assert_eq!(merged.keys().collect::<Vec<_>>(), ["p", "q", "r"]);
    let p = &merged["p"];
    assert_eq!((p.config_line, p.credentials_line), (Some(1), Some(1)));
    let read: Vec<_> = p
        .keys
        .iter()
        .map(|(key, of)| {
            (
                key.as_str(),
                of.entry.value.as_str(),
                of.file,
                of.hides_config_line,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("a", "1", FileKind::Config, None),
            ("b", "4", FileKind::Credentials, Some(3)),
            ("c", "3", FileKind::Credentials, None),
            ("d", "5", FileKind::Credentials, None),
        ]
    );
    assert_eq!((p.get("b"), p.get("z")), (Some("4"), None));
}

#[test]
fn notes_survive_the_round_trip() {
    let notes = parse(
        "x\n[profile p]\nREGION = a\n[profile p]\n[q]",
        FileKind::Config,
    )
    .ignored;
    assert_eq!(notes.len(), 4);
    let json = serde_json::to_string(&notes).unwrap();
    assert!(json.starts_with(r#"[{"line":1,"why":"key-outside-section"}"#));
    assert_eq!(
        serde_json::from_str::<Vec<IgnoredLine>>(&json).unwrap(),
        notes
    );
}

#[test]
fn debug_hides_the_values() {
    let file = parse(
        "[p]\naws_secret_access_key = sk-secret\nsk-secret",
        FileKind::Credentials,
    );
    assert_eq!(
        file.profiles["p"].get("aws_secret_access_key"),
        Some("sk-secret")
    );
    let debug = format!("{file:?} {:?}", merge(&IniFile::default(), &file));
    assert!(!debug.contains("sk-secret"), "{debug}");
}

/// Lines that look like the real thing, so that random files reach deep.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\[(profile |sso-session |)[a-c]\\]",
        "[ ]{0,2}(region|Region|s3|x) ?= ?[a-z=#; é]{0,4}",
        "[#;] ?[a-z]{0,3}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let config = parse(&text, FileKind::Config);
        let _any = merge(&config, &parse(&text, FileKind::Credentials));
    }

    #[test]
    fn line_numbers_point_into_the_file(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.join("\n");
        let last = text.split('\n').count();
        for kind in [FileKind::Config, FileKind::Credentials] {
            let file = parse(&text, kind);
            for section in file.profiles.values().chain(file.sso_sessions.values()) {
                for (key, entry) in &section.keys {
                    let line = text.split('\n').nth(entry.line as usize - 1).unwrap();
                    prop_assert!(line.contains(&entry.value));
                    prop_assert!(line.contains(key.rsplit('.').next().unwrap()));
                    prop_assert!(section.line < entry.line && !entry.value.is_empty());
                }
            }
            for ignored in &file.ignored {
                prop_assert!((1..=last).contains(&(ignored.line as usize)));
            }
        }
    }

    #[test]
    fn a_written_profile_is_read_back(
        name in "[a-zA-Z0-9_@+.%:/-]{1,12}",
        keys in prop::collection::btree_map("[a-z_]{1,8}", "[!-~&&[^#;]]{1,12}", 1..6),
    ) {
        let mut lines = vec![format!("[profile {name}]")];
        lines.extend(keys.iter().map(|(key, value)| format!("{key} = {value}")));
        let file = parse(&lines.join("\r\n"), FileKind::Config);
        let read: BTreeMap<_, _> = file.profiles[&name]
            .keys
            .iter()
            .map(|(key, entry)| (key.clone(), entry.value.clone()))
            .collect();
        prop_assert_eq!(read, keys);
    }
}
