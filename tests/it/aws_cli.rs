//! What the program says of the AWS CLI, against botocore and against the AWS CLI itself.
//!
//! Where they are not installed the comparisons say so and pass; `BEDROCK_DOCTOR_REQUIRE_PEERS=1` makes them fail.
//!
//! Longer than 400 lines: a table of machines.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bedrock_doctor_checks::aws_cli::{File, Files, Tool, resolve};
use bedrock_doctor_checks::facts::{AwsCli, CredentialKind};
use bedrock_doctor_world::World;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{assert_fix, checkup, machine};

/// A machine: what makes it special, its variables, `~/.aws/config`, `~/.aws/credentials`.
type Layout = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const KEYS: &str = "aws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = s\n";
const P: (&str, &str) = ("AWS_PROFILE", "p");
const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001");
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "s");
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/r\n";

/// `@KEYS@` and `@ROLE@` stand for those lines, `@SSO@` for a section `[sso-session s]`.
#[rustfmt::skip]
const LAYOUTS: &[Layout] = &[
    ("nothing", &[], "", ""),
    ("metadata disabled", &[("AWS_EC2_METADATA_DISABLED", "true")], "", ""),
    ("metadata disabled in upper case", &[("AWS_EC2_METADATA_DISABLED", "TRUE")], "", ""),
    ("metadata disabled with 1", &[("AWS_EC2_METADATA_DISABLED", "1")], "", ""),
    // Which profile.
    ("default keys", &[], "", "[default]\n@KEYS@"),
    ("AWS_PROFILE", &[P], "", "[p]\n@KEYS@"),
    ("AWS_DEFAULT_PROFILE", &[("AWS_DEFAULT_PROFILE", "p")], "[profile p]\nregion = eu-west-1\n", "[p]\n@KEYS@[default]\n@KEYS@"),
    ("both profile variables", &[P, ("AWS_DEFAULT_PROFILE", "q")], "[profile p]\nregion = eu-west-1\n[profile q]\nregion = eu-west-3\n", ""),
    ("both profile variables, one unknown", &[P, ("AWS_DEFAULT_PROFILE", "q")], "[profile p]\n@KEYS@", ""),
    ("empty AWS_PROFILE", &[("AWS_PROFILE", "")], "", "[default]\n@KEYS@"),
    ("empty AWS_PROFILE beside AWS_DEFAULT_PROFILE", &[("AWS_PROFILE", ""), ("AWS_DEFAULT_PROFILE", "p")], "[profile p]\n@KEYS@", ""),
    ("unknown profile", &[P], "[profile q]\n@KEYS@", ""),
    ("unknown profile beside keys", &[P, ID, SECRET], "", ""),
    ("default profile by name, which no file has", &[("AWS_PROFILE", "default")], "[profile q]\n@KEYS@", ""),
    ("profile beside keys", &[P, ID, SECRET], "[profile p]\n@KEYS@", ""),
    ("AWS_DEFAULT_PROFILE beside keys", &[("AWS_DEFAULT_PROFILE", "p"), ID, SECRET], "[profile p]\n@KEYS@", ""),
    // How profiles are written.
    ("quoted name", &[("AWS_PROFILE", "my prof")], "[profile \"my prof\"]\n@KEYS@", ""),
    ("single quotes", &[("AWS_PROFILE", "my prof")], "[profile 'my prof']\n@KEYS@", ""),
    ("name with a blank", &[("AWS_PROFILE", "my prof")], "[profile my prof]\n@KEYS@", ""),
    ("name with a blank in the credentials file", &[("AWS_PROFILE", "my prof")], "", "[my prof]\n@KEYS@"),
    ("no prefix in the config file", &[P], "[p]\n@KEYS@", ""),
    ("prefix in the credentials file", &[P], "", "[profile p]\n@KEYS@"),
    ("prefix in the credentials file and in the variable", &[("AWS_PROFILE", "profile p")], "", "[profile p]\n@KEYS@"),
    ("prefix with another word", &[P], "[profiles p]\n@KEYS@", ""),
    ("open quote", &[P], "[profile 'p]\n@KEYS@", ""),
    ("escaped blank", &[("AWS_PROFILE", "a b")], "[profile a\\ b]\n@KEYS@", ""),
    ("blanks in the brackets", &[P], "[ profile p ]\n@KEYS@", ""),
    ("default and profile default", &[], "[default]\nregion = eu-west-1\n[profile default]\nregion = eu-west-3\n", ""),
    ("profile default and default", &[], "[profile default]\nregion = eu-west-1\n[default]\nregion = eu-west-3\n", ""),
    ("one name written in two ways", &[P], "[profile p]\nregion = eu-west-1\n[profile \"p\"]\noutput = json\n", ""),
    ("section without keys", &[P], "[profile p]\n", ""),
    ("text behind the section", &[P], "[profile p] # mine\n@KEYS@", ""),
    ("DEFAULT", &[P], "[DEFAULT]\nregion = eu-west-1\n[profile p]\n@KEYS@", ""),
    ("DEFAULT alone", &[], "[DEFAULT]\n@KEYS@", ""),
    // How keys are written.
    ("upper-case keys", &[], "", "[default]\nAWS_ACCESS_KEY_ID = AKIAUPPERCASE0000001\nAWS_SECRET_ACCESS_KEY = s\n"),
    ("colons", &[], "[default]\nregion: eu-west-1\n@KEYS@", ""),
    ("comment behind a value", &[], "[default]\nregion = eu-west-1 # home\n@KEYS@", ""),
    ("comment behind a key id", &[], "", "[default]\naws_access_key_id = AKIAPROFILE000000001 # mine\naws_secret_access_key = s\n"),
    ("indented keys", &[], "[default]\n  region = eu-west-1\n  output = json\n", ""),
    ("key indented deeper", &[], "[default]\noutput = json\n  region = eu-west-1\n", ""),
    ("value with lines below", &[], "[default]\nregion = eu-west-1\n  output = json\n", ""),
    ("nested keys", &[], "[default]\ns3 =\n  a = b\nregion = eu-west-1\n", ""),
    ("nested junk", &[], "[default]\ns3 =\n  junk\nregion = eu-west-1\n", ""),
    ("carriage returns", &[], "[default]\r\nregion = eu-west-1\r\n", ""),
    ("empty region", &[], "[default]\nregion =\n", ""),
    ("blank lines inside", &[], "[default]\n\nregion = eu-west-1\n\n\n@KEYS@", ""),
    ("other comment sign", &[], "; mine\n[default]\n  # too\nregion = eu-west-1\n", ""),
    // What spoils a file.
    ("junk line", &[], "[default]\njunk\n", ""),
    ("junk line beside keys", &[ID, SECRET], "[default]\njunk\n", ""),
    ("junk line with a colon", &[], "[default]\njunk: line\n@KEYS@", ""),
    ("junk in the credentials file", &[], "", "[default]\njunk\n"),
    ("key before a section", &[], "region = eu-west-1\n[default]\n", ""),
    ("byte-order mark", &[], "\u{feff}[default]\nregion = eu-west-1\n", ""),
    ("key twice", &[], "[default]\nregion = eu-west-1\nregion = eu-west-3\n", ""),
    ("key twice in another case", &[], "[default]\nregion = eu-west-1\nREGION = eu-west-3\n", ""),
    ("section twice", &[], "[default]\n[profile a]\n[default]\n", ""),
    ("no key", &[], "[default]\n= 1\n", ""),
    ("no name", &[], "[]\nregion = eu-west-1\n", ""),
    ("open bracket", &[], "[default\nregion = eu-west-1\n", ""),
    // Which Region.
    ("AWS_REGION", &[("AWS_REGION", "us-west-2")], "[default]\nregion = eu-west-1\n", ""),
    ("AWS_DEFAULT_REGION", &[("AWS_DEFAULT_REGION", "us-west-2")], "[default]\nregion = eu-west-1\n", ""),
    ("both Region variables", &[("AWS_REGION", "us-west-2"), ("AWS_DEFAULT_REGION", "us-west-1")], "", ""),
    ("empty AWS_REGION", &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-west-1")], "", ""),
    ("empty AWS_DEFAULT_REGION", &[("AWS_DEFAULT_REGION", "")], "[default]\nregion = eu-west-1\n", ""),
    ("Region of the credentials file", &[], "[default]\nregion = eu-west-1\n", "[default]\nregion = eu-west-3\n"),
    ("Region of default does not count", &[P], "[default]\nregion = eu-west-1\n[profile p]\n@KEYS@", ""),
    // Keys.
    ("key without secret in the environment", &[ID], "", "[default]\n@KEYS@"),
    ("secret without key in the environment", &[SECRET], "", "[default]\n@KEYS@"),
    ("empty key", &[("AWS_ACCESS_KEY_ID", ""), SECRET], "", "[default]\n@KEYS@"),
    ("empty secret", &[ID, ("AWS_SECRET_ACCESS_KEY", "")], "", "[default]\n@KEYS@"),
    ("key without secret in the profile", &[], "", "[default]\naws_access_key_id = AKIAPROFILE000000001\n"),
    ("secret without key in the profile", &[], "", "[default]\naws_secret_access_key = s\n"),
    ("halves in two files", &[], "[default]\naws_secret_access_key = s\n", "[default]\naws_access_key_id = AKIAPROFILE000000001\n"),
    ("keys in both files", &[], "[default]\naws_access_key_id = AKIACONFIG0000000001\naws_secret_access_key = s\n", "[default]\n@KEYS@"),
    ("empty key in the profile", &[], "", "[default]\naws_access_key_id =\naws_secret_access_key = s\n"),
    // Order inside a profile.
    ("keys and SSO", &[], "[default]\n@KEYS@sso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("keys in credentials, SSO in config", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", "[default]\n@KEYS@"),
    ("keys and process in config", &[], "[default]\n@KEYS@credential_process = true\n", ""),
    ("keys and process in credentials", &[], "", "[default]\n@KEYS@credential_process = true\n"),
    ("process and SSO", &[], "[default]\ncredential_process = true\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("process in the credentials file", &[], "", "[default]\ncredential_process = true\n"),
    ("process and login", &[], "[default]\ncredential_process = true\nlogin_session = arn:aws:iam::123456789012:user/a\n", ""),
    ("login", &[], "[default]\nlogin_session = arn:aws:iam::123456789012:user/a\n", ""),
    ("login and keys in config", &[], "[default]\n@KEYS@login_session = arn:aws:iam::123456789012:user/a\n", ""),
    ("login and keys in credentials", &[], "[default]\nlogin_session = arn:aws:iam::123456789012:user/a\n", "[default]\n@KEYS@"),
    ("role and keys", &[P], "[profile p]\n@ROLE@source_profile = b\n@KEYS@[profile b]\n@KEYS@", ""),
    ("role beside keys in the environment", &[P, ID, SECRET], "[profile p]\n@ROLE@source_profile = b\n[profile b]\n@KEYS@", ""),
    // IAM Identity Center.
    ("SSO", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("old SSO", &[], "[default]\nsso_start_url = https://x\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n", ""),
    ("SSO without role", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\n@SSO@", ""),
    ("SSO without account", &[], "[default]\nsso_session = s\nsso_role_name = r\n@SSO@", ""),
    ("SSO without both", &[], "[default]\nsso_session = s\n@SSO@", ""),
    ("SSO without session section", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n", ""),
    ("session in the credentials file", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n", "@SSO@"),
    ("session without region", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session s]\nsso_start_url = https://x\n", ""),
    ("session and profile agree", &[], "[default]\nsso_region = eu-west-1\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("session and profile contradict each other", &[], "[default]\nsso_region = eu-west-3\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("old SSO without start URL", &[], "[default]\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n", ""),
    ("SSO in the credentials file", &[], "@SSO@", "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"),
    ("quoted session", &[], "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session \"s\"]\nsso_start_url = https://x\nsso_region = eu-west-1\n", ""),
    // Roles.
    ("role with source profile", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\n@KEYS@", ""),
    ("role with default as source", &[P], "[profile p]\n@ROLE@source_profile = default\n", "[default]\n@KEYS@"),
    ("role without source", &[P], "[profile p]\n@ROLE@", ""),
    ("role without source, with keys", &[P], "[profile p]\n@ROLE@@KEYS@", ""),
    ("role with both sources", &[P], "[profile p]\n@ROLE@source_profile = b\ncredential_source = Environment\n", ""),
    ("role with unknown source profile", &[P], "[profile p]\n@ROLE@source_profile = b\n", ""),
    ("role with empty source profile", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\nregion = eu-west-1\n", ""),
    ("role that is its own source", &[P], "[profile p]\n@ROLE@source_profile = p\n", ""),
    ("role that is its own source, with keys", &[P], "[profile p]\n@ROLE@source_profile = p\n@KEYS@", ""),
    ("roles in a circle", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\n@ROLE@source_profile = p\n", ""),
    ("two roles", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\n@ROLE@source_profile = c\n[profile c]\n@KEYS@", ""),
    ("source with half a key", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\naws_access_key_id = AKIAPROFILE000000001\n", ""),
    ("role from SSO", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n@SSO@", ""),
    ("role from a process", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\ncredential_process = true\n", ""),
    ("role from a broken SSO", &[P], "[profile p]\n@ROLE@source_profile = b\n[profile b]\nsso_account_id = 123456789012\n", ""),
    ("role from the environment without keys", &[P], "[profile p]\n@ROLE@credential_source = Environment\n", ""),
    ("role from the environment with keys", &[P, ID, SECRET], "[profile p]\n@ROLE@credential_source = Environment\n", ""),
    ("role from metadata", &[P], "[profile p]\n@ROLE@credential_source = Ec2InstanceMetadata\n", ""),
    ("role from disabled metadata", &[P, ("AWS_EC2_METADATA_DISABLED", "true")], "[profile p]\n@ROLE@credential_source = Ec2InstanceMetadata\n", ""),
    ("role from no container", &[P], "[profile p]\n@ROLE@credential_source = EcsContainer\n", ""),
    ("role from a container", &[P, ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/x")], "[profile p]\n@ROLE@credential_source = EcsContainer\n", ""),
    ("role from an unknown source", &[P], "[profile p]\n@ROLE@credential_source = environment\n", ""),
    ("role in the credentials file", &[P], "[profile b]\n@KEYS@", "[p]\n@ROLE@source_profile = b\n"),
    // Web identity and containers.
    ("web identity", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w")], "", ""),
    ("web identity beside default keys", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w")], "", "[default]\n@KEYS@"),
    ("web identity beside keys", &[ID, SECRET, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w")], "", ""),
    ("web identity without role", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], "", "[default]\n@KEYS@"),
    ("web identity without token", &[("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w")], "", "[default]\n@KEYS@"),
    ("web identity of the profile", &[P], "[profile p]\n@ROLE@web_identity_token_file = /t\n", ""),
    ("web identity hidden by an empty variable", &[P, ("AWS_WEB_IDENTITY_TOKEN_FILE", "")], "[profile p]\n@ROLE@web_identity_token_file = /t\n@KEYS@", ""),
    ("token in a variable, role in the profile", &[P, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], "[profile p]\n@ROLE@web_identity_token_file = /u\n", ""),
    ("role whose source has a web identity", &[P, ("AWS_WEB_IDENTITY_TOKEN_FILE", "")], "[profile p]\n@ROLE@source_profile = b\n[profile b]\n@ROLE@web_identity_token_file = /t\n", ""),
    ("container", &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")], "", ""),
    ("container beside a profile", &[P, ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")], "[profile p]\nregion = eu-west-1\n", ""),
    ("empty container variable", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")], "", ""),
    ("API key", &[("AWS_BEARER_TOKEN_BEDROCK", "ABSKx"), P], "", "[p]\n@KEYS@"),
    // Certificates and endpoints.
    ("AWS_CA_BUNDLE", &[("AWS_CA_BUNDLE", "/ca.pem")], "[default]\nca_bundle = /other.pem\n", ""),
    ("ca_bundle of the profile", &[], "[default]\nca_bundle = /other.pem\n", ""),
    ("AWS_ENDPOINT_URL", &[("AWS_ENDPOINT_URL", "http://one:1")], "[default]\nendpoint_url = http://two:2\n", ""),
    ("AWS_ENDPOINT_URL_BEDROCK", &[("AWS_ENDPOINT_URL", "http://one:1"), ("AWS_ENDPOINT_URL_BEDROCK", "http://three:3")], "", ""),
    ("endpoint of the profile", &[], "[default]\nendpoint_url = http://two:2\n", ""),
    ("endpoint of a services section", &[], "[default]\nservices = s\nendpoint_url = http://two:2\n[services s]\nbedrock =\n  endpoint_url = http://four:4\n", ""),
    ("endpoint of another service", &[], "[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = http://four:4\n", ""),
];

fn filled(text: &str) -> String {
    text.replace("@KEYS@", KEYS)
        .replace("@ROLE@", ROLE)
        .replace(
            "@SSO@",
            "[sso-session s]\nsso_start_url = https://x\nsso_region = eu-west-1\n",
        )
}

/// What the program says of a machine.
fn ours(tool: Tool, layout: &Layout) -> AwsCli {
    let (_, variables, config, credentials) = layout;
    let shell: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        bytes: Some(filled(text).into_bytes()),
    };
    let files = Files {
        config: file("~/.aws/config", config),
        credentials: file("~/.aws/credentials", credentials),
    };
    resolve(tool, &shell, &files)
}

/// The same in the judge's words.
fn in_words_of_the_judge(said: &AwsCli) -> Value {
    let credentials = &said.credentials.value;
    let method = match credentials.kind {
        CredentialKind::Environment => "env",
        CredentialKind::ProfileStatic
            if said.credentials.source.path.as_deref() == Some("~/.aws/config") =>
        {
            "config-file"
        }
        CredentialKind::ProfileStatic => "shared-credentials-file",
        CredentialKind::AssumeRole => "assume-role",
        CredentialKind::WebIdentity => "assume-role-with-web-identity",
        CredentialKind::CredentialProcess => "custom-process",
        CredentialKind::Sso => "sso",
        CredentialKind::Login => "login",
        CredentialKind::Container => "container-role",
        CredentialKind::InstanceMetadata => "iam-role",
        _ => "",
    };
    let value = |of: &Option<bedrock_doctor_checks::facts::Value<String>>| {
        of.as_ref().map(|value| value.value.clone())
    };
    json!({
        "profile": said.profile.value,
        "region": value(&said.region),
        "method": method,
        "access_key_id": credentials.access_key_id,
        "ca_bundle": value(&said.ca_bundle),
        "endpoint": value(&said.endpoint),
        "error": credentials.error.as_ref().map(|error| &error.name),
    })
}

/// The judge's answer as far as it can be compared.
fn comparable(mut answer: Value, ours: &Value) -> (Value, Value) {
    let mut ours = ours.clone();
    if answer["profile"].is_null() {
        answer["profile"] = "default".into();
    }
    if answer["method"].is_null() {
        answer["method"] = "".into();
    }
    // The program shows the first line, and only what can be a key id.
    if let Some((first, _)) = answer["region"].as_str().and_then(|it| it.split_once('\n')) {
        answer["region"] = format!("{first} …").into();
    }
    let id = answer["access_key_id"].as_str().unwrap_or_default();
    if id.is_empty() || id.contains('#') {
        answer["access_key_id"] = Value::Null;
    }
    let spoilt = ["ConfigParseError", "ProfileNotFound"];
    let ends = answer["error"].as_str();
    if ends.is_some_and(|error| spoilt.contains(&error)) {
        let only = |it: &Value| json!({"error": it["error"]});
        return (only(&answer), only(&ours));
    }
    if ends.is_some() {
        // The judge comes to this last.
        answer["endpoint"] = Value::Null;
        ours["endpoint"] = Value::Null;
    }
    (answer, ours)
}

/// The place of a peer, or a word that it is missing.
fn peer(name: &str, what: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|path| !path.is_empty());
    if found.is_none() {
        let required = std::env::var("BEDROCK_DOCTOR_REQUIRE_PEERS").is_ok_and(|it| it == "1");
        assert!(!required, "{name} is not set: {what} is missing");
        skipped(&format!(
            "skipped: {what} is not installed (tests/peers/install)"
        ));
    }
    found
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(words: &str) {
    eprintln!("{words}");
}

/// Asks the judge about all machines at once, and compares.
fn compare(tool: Tool, package: &str, python: &str, path: Option<&str>) {
    let folder = TempDir::new().unwrap();
    let machines: Vec<Value> = LAYOUTS
        .iter()
        .enumerate()
        .map(|(number, (_, variables, config, credentials))| {
            let home = folder.path().join(number.to_string());
            std::fs::create_dir_all(home.join(".aws")).unwrap();
            for (name, text) in [("config", config), ("credentials", credentials)] {
                std::fs::write(home.join(".aws").join(name), filled(text)).unwrap();
            }
            let env: BTreeMap<&str, &str> = variables.iter().copied().collect();
            json!({"home": home, "env": env})
        })
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/botocore_judge.py");
    let mut judge = Command::new(python)
        .arg(script)
        .arg(package)
        .env("PYTHONPATH", path.unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let question = serde_json::to_vec(&machines).unwrap();
    judge.stdin.take().unwrap().write_all(&question).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success());
    let judged: Value = serde_json::from_slice(&output.stdout).unwrap();
    let known = &judged["known"];
    let mut wrong = Vec::new();
    for (layout, answer) in LAYOUTS.iter().zip(judged["answers"].as_array().unwrap()) {
        let (name, _, config, _) = layout;
        let mut said = in_words_of_the_judge(&ours(tool, layout));
        // AWS CLI 2.9 knows neither `aws login` nor configured endpoints.
        if config.contains("login_session") && known["login"] == false {
            continue;
        }
        if known["endpoint"] == false {
            said["endpoint"] = Value::Null;
        }
        let (theirs, said) = comparable(answer.clone(), &said);
        if theirs != said {
            wrong.push(format!("{name}\n  judge {theirs}\n  ours  {said}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        LAYOUTS.len(),
        wrong.join("\n")
    );
}

#[test]
fn botocore_decides_the_same() {
    let python = peer("BEDROCK_DOCTOR_BOTOCORE", "botocore");
    if let Some(python) = python {
        compare(Tool::Botocore, "botocore", &python, None);
    }
}

#[test]
fn the_aws_cli_decides_the_same() {
    let python = peer("BEDROCK_DOCTOR_BOTOCORE", "botocore");
    let package = peer("BEDROCK_DOCTOR_AWS_CLI", "version 2 of the AWS CLI");
    if let (Some(python), Some(package)) = (python, package) {
        compare(Tool::AwsCli, "awscli", &python, Some(&package));
    }
}

#[test]
fn there_are_many_layouts() {
    let names: std::collections::BTreeSet<&str> = LAYOUTS.iter().map(|layout| layout.0).collect();
    assert_eq!(names.len(), LAYOUTS.len());
}

/// `aws` works with the profile that `AWS_DEFAULT_PROFILE` names, and Claude Code ends without credentials.
#[test]
fn the_most_asked_for_sentence() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("AWS_DEFAULT_PROFILE", "prod")
        .env("AWS_ACCESS_KEY_ID", "")
        .file(
            "~/.aws/credentials",
            "[prod]\naws_access_key_id = AKIAPROD000000000001\naws_secret_access_key = sample-secret\n",
        );
    let checkup = checkup(&machine);
    let finding = checkup.finding("aws-cli-agrees", "warn");
    assert_eq!(
        finding["code"],
        "aws-cli-has-credentials-claude-code-has-none"
    );
    assert_fix(finding, "export AWS_PROFILE=prod");
    let fact = &checkup.report["facts"]["aws_cli"]["value"];
    assert_eq!(fact["profile"]["value"], "prod");
    assert_eq!(fact["profile"]["source"]["name"], "AWS_DEFAULT_PROFILE");
    assert_eq!(
        fact["credentials"]["value"]["access_key_id"],
        "AKIAPROD000000000001"
    );
}

/// Lines that are indented deeper belong to the value before them: what they hold is not shown.
#[test]
fn no_secret_of_another_key_is_shown() {
    let layout = (
        "",
        [].as_slice(),
        "[default]\nregion = eu-west-1\n  aws_secret_access_key = wrong-place-secret\nca_bundle = /x\n  wrong-place-secret\n",
        "[p]\naws_access_key_id = wrong/place+secret\naws_secret_access_key = x\n",
    );
    let said = serde_json::to_string(&ours(Tool::AwsCli, &layout)).unwrap();
    assert!(
        said.contains("eu-west-1 …") && !said.contains("secret\""),
        "{said}"
    );
    let layout = ("", [P].as_slice(), layout.2, layout.3);
    let said = serde_json::to_string(&ours(Tool::AwsCli, &layout)).unwrap();
    assert!(
        said.contains("profile-static") && !said.contains("wrong"),
        "{said}"
    );
}
