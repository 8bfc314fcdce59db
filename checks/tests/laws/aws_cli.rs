//! What the AWS CLI would use, read from a shell and the AWS files.

use std::collections::BTreeMap;

use bedrock_doctor_checks::aws_cli::{File, Files, Tool, resolve};
use bedrock_doctor_checks::facts::AwsCli;

const MARK: &str = "MARKED-SECRET";
const VARIABLES: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const KEYS: [&str; 2] = ["aws_secret_access_key", "aws_session_token"];

/// Three parts with `---` on a line between them: `NAME=VALUE` lines, the config file, the credentials file.
pub(crate) fn hold(text: &str) {
    if text.contains("MARKED") {
        return;
    }
    let mut parts = text.split("\n---\n");
    let variables = parts.next().unwrap_or_default().lines();
    let mut shell: BTreeMap<String, String> = variables
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for name in VARIABLES {
        if let Some(value) = shell.get_mut(name) {
            value.push_str(MARK);
        }
    }
    let mut file = |path: &str| File {
        path: path.to_owned(),
        bytes: parts.next().map(|text| marked(text).into_bytes()),
    };
    let files = Files {
        config: file("~/.aws/config"),
        credentials: file("~/.aws/credentials"),
    };
    for tool in [Tool::AwsCli, Tool::Botocore] {
        let decided = resolve(tool, &shell, &files);
        let json = serde_json::to_string(&decided).unwrap_or_else(|error| panic!("{error}"));
        assert!(!json.contains(MARK), "{json}");
        assert_eq!(serde_json::from_str::<AwsCli>(&json).ok(), Some(decided));
    }
}

/// Puts the mark behind the values of secret keys.
fn marked(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| match line.split_once(['=', ':']) {
            Some((key, _)) if KEYS.contains(&key.trim().to_lowercase().as_str()) => {
                format!("{}{MARK}", line.trim_end())
            }
            _ => line.to_owned(),
        });
    lines.collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A section with each key once at most: a second one would spoil the whole file.
    fn section() -> impl Strategy<Value = String> {
        let keys = vec![
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
            "credential_process",
            "credential_source",
            "endpoint_url",
            "region",
            "role_arn",
            "services",
            "source_profile",
            "sso_account_id",
            "sso_session",
            "sso_start_url",
        ];
        let keys = prop::sample::subsequence(keys, 0..6).prop_shuffle();
        let rest = "( {0,2}= ?([a-c]|v|s|http://u:p@h\\.x/)?)";
        (keys, prop::collection::vec(("[ ]?", rest), 6)).prop_map(|(keys, rests)| {
            let lines = keys.iter().zip(rests);
            let lines = lines.map(|(key, (blank, rest))| format!("{blank}{key}{rest}"));
            lines.collect::<Vec<String>>().join("\n")
        })
    }

    fn file() -> impl Strategy<Value = String> {
        let header = "\\[(default|profile a|profile b|a|b|sso-session s|services v|DEFAULT)\\]";
        prop::collection::btree_map(header, section(), 0..5).prop_map(|sections| {
            let sections = sections.iter();
            let sections = sections.map(|(header, keys)| format!("{header}\n{keys}"));
            sections.collect::<Vec<String>>().join("\n")
        })
    }

    proptest! {
        #[test]
        fn for_what_looks_like_a_machine(
            shell in prop::collection::vec("(AWS_PROFILE=[a-c]|AWS_ACCESS_KEY_ID=A|AWS_SECRET_ACCESS_KEY=s|AWS_REGION=r|AWS_ENDPOINT_URL=u:p@x)", 0..4),
            config in file(), credentials in file(),
        ) {
            hold(&format!("{}\n---\n{config}\n---\n{credentials}", shell.join("\n")));
        }
    }
}
