//! Everything that Claude Code decides about one machine, and what the checks say of it.

use std::collections::BTreeMap;

use bedrock_doctor_checks::claude_code::credential_plan::Link;
use bedrock_doctor_checks::claude_code::environment::Environment;
use bedrock_doctor_checks::claude_code::profiles::Profiles;
use bedrock_doctor_checks::claude_code::variables::secret_names;
use bedrock_doctor_checks::claude_code::versions::Version;
use bedrock_doctor_checks::claude_code::{Inputs, SettingsInput, resolve};
use bedrock_doctor_checks::facts::{
    Configuration, Facts, InferenceProfiles, Observed, SettingsLevel,
};
use bedrock_doctor_checks::parse::ini::{self, FileKind, IniFile};
use bedrock_doctor_checks::parse::settings::{self, Located, SettingsDocument};
use bedrock_doctor_checks::registry;
use jiff::Timestamp;

const MARK: &str = "MARKED-SECRET";

/// Secret keys of a profile.
const KEYS: [&str; 4] = [
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "external_id",
];

/// Variables with a URL in them.
const URLS: [&str; 12] = [
    "ALL_PROXY",
    "ANTHROPIC_AWS_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK",
    "AWS_ENDPOINT_URL_STS",
    "HTTPS_PROXY",
    "http_proxy",
];

/// Parts with `---` on a line between them: `NAME=VALUE` lines, the config file, the credentials file, the settings of
/// the user, the project and the organization, `~/.claude.json`, the version, and `--model`.
pub(crate) fn hold(text: &str) {
    if text.contains("MARKED") {
        return;
    }
    let inputs = inputs(text);
    let resolved = resolve(inputs);
    let configuration = &resolved.configuration;
    let mut said = vec![json(configuration)];
    assert_eq!(
        serde_json::from_str::<Configuration>(&said[0])
            .as_ref()
            .ok(),
        Some(configuration)
    );
    for link in &resolved.plan.links {
        match link {
            Link::Settled(step) => said.push(json(step)),
            Link::Stopped { step, printed } => said.extend([json(step), printed.clone()]),
            Link::Try(_) => {}
        }
    }
    let listed = InferenceProfiles {
        profiles: Vec::new(),
    };
    said.push(json(&resolved.with_listing(&listed)));
    let region = &configuration.region.value;
    for endpoint in [
        resolved.credentials.service("sts", "STS", region),
        resolved.credentials.sign_in(region),
    ] {
        said.push(json(&resolved.credentials.route_to(endpoint)));
    }
    let _commands = (resolved.export_command(), resolved.auth_refresh_command());

    let facts = Facts {
        configuration: Observed::Known(configuration.clone()),
        ..Facts::at(Timestamp::UNIX_EPOCH)
    };
    for check in registry::ALL {
        let (findings, panicked) = check.run(&facts);
        assert!(!panicked.0, "{}", check.meta.id);
        assert!(!findings.is_empty(), "{}", check.meta.id);
        said.push(json(&findings));
    }
    for said in said {
        assert!(!said.contains(MARK), "{said}");
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads the parts and puts the mark into everything that is secret.
fn inputs(text: &str) -> Inputs {
    let mut parts = text.split("\n---\n");
    let mut next = || parts.next().unwrap_or_default();
    let variables = next().lines().filter_map(|line| line.split_once('='));
    let shell: BTreeMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), marked(name, value)))
        .collect();
    let mut file = |path: &str, kind| {
        let mut file = ini::parse(next(), kind);
        mark_keys(&mut file);
        (path.to_owned(), file)
    };
    let profiles = Profiles {
        config: file("~/.aws/config", FileKind::Config),
        credentials: file("~/.aws/credentials", FileKind::Credentials),
    };
    let mut settings = |level, path: &str, parse: fn(&str) -> SettingsDocument| {
        let mut document = Some(next()).filter(|text| !text.is_empty()).map(parse);
        if let Some(SettingsDocument::Usable(settings)) = &mut document {
            for entry in &mut settings.env {
                entry.value = marked(&entry.name, &entry.value);
            }
            mark_command(&mut settings.aws_auth_refresh);
            mark_command(&mut settings.aws_credential_export);
        }
        SettingsInput {
            level,
            path: path.to_owned(),
            document,
            unreadable: None,
        }
    };
    let user = settings(
        SettingsLevel::User,
        "~/.claude/settings.json",
        settings::parse,
    );
    let project = settings(
        SettingsLevel::Project,
        ".claude/settings.json",
        settings::parse,
    );
    let managed = settings(
        SettingsLevel::Managed,
        "managed-settings.json",
        settings::parse_managed,
    );
    let state = settings(
        SettingsLevel::State,
        "~/.claude.json",
        settings::parse_claude_json,
    );
    let settings = vec![managed, project, user, state];
    Inputs {
        environment: Environment::merge(&shell, &settings),
        settings,
        profiles,
        version: Version::parse(next()),
        model: Some(next().to_owned()).filter(|model| !model.is_empty()),
    }
}

/// The value with the mark, if it is one that must not be shown.
fn marked(name: &str, value: &str) -> String {
    if name == "ANTHROPIC_CUSTOM_HEADERS" {
        format!("{value}\nX-Key: {MARK}")
    } else if secret_names().any(|secret| secret == name) {
        format!("{value}{MARK}")
    } else if URLS.contains(&name) {
        format!("http://me:{MARK}@{}", value.replace('@', ""))
    } else {
        value.to_owned()
    }
}

fn mark_keys(file: &mut IniFile) {
    let sections = file.profiles.values_mut();
    for (key, entry) in sections.flat_map(|section| &mut section.keys) {
        let lower = key.to_ascii_lowercase();
        if KEYS.iter().any(|secret| lower.ends_with(secret)) {
            entry.value.push_str(MARK);
        } else if key == "credential_process" {
            entry.value.push_str(" --password=");
            entry.value.push_str(MARK);
        } else if key == "endpoint_url" {
            entry.value = format!("http://me:{MARK}@{}", entry.value.replace('@', ""));
        }
    }
}

/// An argument behind the program.
fn mark_command(command: &mut Option<Located<String>>) {
    if let Some(command) = command
        .as_mut()
        .filter(|command| !command.value.trim().is_empty())
    {
        command.value.push_str(" $");
        command.value.push_str(MARK);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUE: &str = "(|0|1|true|[a-c]|us-east-1|eu-gov-west-1|é é|global\\.anthropic\\.claude-opus-5-5|opus|arn:aws:bedrock:us-east-1:1:x/y|gw\\.example\\.com:8443/x|\\[::1\\]:1)";

    /// Names of variables, most of them of some consequence.
    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_PROFILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_ENDPOINT_URL",
            "AWS_USE_FIPS_ENDPOINT",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "ANTHROPIC_MODEL",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BEDROCK_BASE_URL",
            "ANTHROPIC_CUSTOM_HEADERS",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL",
            "ANTHROPIC_BEDROCK_REGION_PREFIX",
            "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_MANTLE",
            "CLAUDE_CODE_USE_ANTHROPIC_AWS",
            "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
            "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST",
            "HTTPS_PROXY",
            "http_proxy",
            "NO_PROXY",
            "NODE_EXTRA_CA_CERTS",
            "AWS_REGIONS",
            "aws_secret_access_key",
        ])
    }

    fn file() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "\\[(default|profile [a-c]|[a-c]|sso-session s|services v)\\]",
            "(aws_access_key_id|aws_secret_access_key|aws_session_token|external_id) = [A-Z]{1,6}",
            " {0,2}(region|role_arn|source_profile|credential_source|sso_session|sso_start_url|sso_account_id|sso_role_name|sso_region|credential_process|services|endpoint_url|web_identity_token_file|login_session|mfa_serial|bedrock) = ?([a-c]|v|s|h\\.x/y|Environment)?",
        ];
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    fn settings() -> impl Strategy<Value = String> {
        let env = prop::collection::btree_map(name(), VALUE, 0..4);
        let key = "(model|awsAuthRefresh|awsCredentialExport|apiKeyHelper|modelOverrides|availableModels|permissions)";
        let value = prop_oneof![
            Just(serde_json::json!("aws sso login --profile a")),
            Just(serde_json::json!({ "claude-opus-5-5": "x" })),
            Just(serde_json::json!(["opus"])),
        ];
        (env, prop::collection::btree_map(key, value, 0..3)).prop_map(|(env, keys)| {
            let mut json = serde_json::json!({ "env": env });
            for (key, value) in keys {
                json[key] = value;
            }
            json.to_string()
        })
    }

    #[test]
    fn for_profiles_that_lead_from_one_to_the_next() {
        let profile = |at: u32| {
            let next = at + 1;
            format!("[profile p{at}]\nrole_arn = r\nsource_profile = p{next}\n")
        };
        let profiles: String = (0..5_000).map(profile).collect();
        let shell = "CLAUDE_CODE_USE_BEDROCK=1\nAWS_PROFILE=p0";
        hold(&format!("{shell}\n---\n{profiles}"));
        crate::aws_cli::hold(&format!("{shell}\n---\n{profiles}"));
    }

    proptest! {
        #[test]
        fn for_what_looks_like_a_machine(
            shell in prop::collection::btree_map(name(), VALUE, 0..8),
            files in (file(), file()),
            settings in prop::collection::vec(prop_oneof![settings(), Just(String::new()), any::<String>()], 4),
            version in "2\\.(0|1)\\.[0-9]{1,3}|",
            model in VALUE,
        ) {
            let shell: Vec<String> = shell.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut parts = vec![shell.join("\n"), files.0, files.1];
            parts.extend(settings);
            parts.extend([version, model]);
            hold(&parts.join("\n---\n"));
        }
    }
}
