//! What the AWS CLI would use: profile, Region, source of credentials, certificates, endpoint.
//!
//! The rules are those of botocore, which the AWS CLI is built on, and were compared with botocore 1.44.5 and with the
//! AWS CLI 2.9.19 and 2.36.7. Only the shell's environment and the AWS files count: the AWS CLI knows nothing of Claude
//! Code's settings. Nobody is asked for credentials; where a source would be asked, its kind is the answer.
//!
//! Left out, because nobody has them any more: `AWS_CREDENTIAL_FILE` and the files of boto 2.

mod chain;
mod ini;

use std::collections::BTreeMap;

use self::ini::{Entry, Ini, Section, nested};
use crate::claude_code::network::shown_url;
use crate::claude_code::settings::first_of;
use crate::facts::{
    AwsCli, AwsCliCredentials, AwsCliError, CredentialKind, Source, SourceKind, Value,
};

/// Which program decides. They differ in the variables that they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Version 2 of the AWS CLI: `AWS_PROFILE` before `AWS_DEFAULT_PROFILE`, and `AWS_REGION` first.
    AwsCli,
    /// boto3 and version 1 of the AWS CLI: `AWS_DEFAULT_PROFILE` first, and never `AWS_REGION`.
    Botocore,
}

impl Tool {
    fn profile_variables(self) -> &'static [&'static str] {
        match self {
            Self::AwsCli => &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"],
            Self::Botocore => &["AWS_DEFAULT_PROFILE", "AWS_PROFILE"],
        }
    }

    fn region_variables(self) -> &'static [&'static str] {
        match self {
            Self::AwsCli => &["AWS_REGION", "AWS_DEFAULT_REGION"],
            Self::Botocore => &["AWS_DEFAULT_REGION"],
        }
    }
}

/// One of the two AWS files. Holds secrets: no `Debug`.
#[derive(Clone)]
pub struct File {
    /// Where it is looked for, for people.
    pub path: String,
    /// What is in it; none when it cannot be opened, which botocore takes for empty.
    pub bytes: Option<Vec<u8>>,
}

/// Both AWS files, found by [`File`]'s variables in the shell alone. Holds secrets: no `Debug`.
#[derive(Clone)]
pub struct Files {
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub config: File,
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub credentials: File,
}

/// Decides as the tool would, in a shell with these variables.
pub fn resolve(tool: Tool, shell: &BTreeMap<String, String>, files: &Files) -> AwsCli {
    let named = variables(shell, tool.profile_variables());
    let profile = first_of(named.into_iter());
    let chosen = profile.is_some();
    let profile =
        profile.unwrap_or_else(|| Value::new("default".to_owned(), Source::default_of("default")));
    let read = Configuration::read(files, &profile, chosen);
    let (configuration, error) = match read {
        Ok(configuration) => (configuration, None),
        Err(error) => (Configuration::default(), Some(error)),
    };
    let of_profile = |key: &str| configuration.located(&profile.value, key).into_iter();
    let region = variables(shell, tool.region_variables());
    let region = first_of(region.into_iter().chain(of_profile("region")));
    let ca_bundle = variables(shell, &["AWS_CA_BUNDLE"]).into_iter();
    let ca_bundle = ca_bundle.chain(of_profile("ca_bundle"));
    let ca_bundle = first_of(ca_bundle.chain(variables(shell, &["REQUESTS_CA_BUNDLE"])));
    let credentials = match error {
        Some(error) => stopped(error),
        None => chain::credentials(shell, &configuration, &profile.value).unwrap_or_else(stopped),
    };
    AwsCli {
        endpoint: endpoint(shell, &configuration, &profile.value),
        profile,
        region,
        credentials,
        ca_bundle: ca_bundle.filter(|file| !file.value.is_empty()),
    }
}

/// The variables of these names that are set, also when they are empty.
fn variables(shell: &BTreeMap<String, String>, names: &[&str]) -> Vec<(String, Source)> {
    let set = names.iter().filter_map(|&name| {
        let value = shell.get(name)?.clone();
        Some((value, Source::environment(name)))
    });
    set.collect()
}

/// Where `aws bedrock` sends its requests, when that is configured.
fn endpoint(
    shell: &BTreeMap<String, String>,
    configuration: &Configuration,
    profile: &str,
) -> Option<Value<String>> {
    let of_profile = |key: &str| configuration.located(profile, key).into_iter().next();
    let ignored = variables(shell, &["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]).into_iter();
    let ignored = ignored.chain(of_profile("ignore_configured_endpoint_urls"));
    if let Some((value, _)) = ignored.into_iter().next()
        && value.eq_ignore_ascii_case("true")
    {
        return None;
    }
    let in_section = of_profile("services").and_then(|(section, _)| {
        let entry = configuration.services.get(&section)?.get("bedrock")?;
        let url = nested(entry, "endpoint_url")?.to_owned();
        let name = format!("[services {section}] bedrock.endpoint_url");
        Some((url, configuration.source(false, entry.line, name)))
    });
    let named = ["AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL"];
    let all = variables(shell, &named)
        .into_iter()
        .chain(in_section)
        .chain(of_profile("endpoint_url"));
    let set = all.filter(|(url, _)| !url.is_empty());
    first_of(set.map(|(url, source)| (shown_url(&url), source)))
}

fn stopped(error: Stop) -> Value<AwsCliCredentials> {
    let credentials = AwsCliCredentials {
        error: Some(AwsCliError {
            name: error.name.to_owned(),
            reason: error.reason,
        }),
        ..AwsCliCredentials::of(CredentialKind::None)
    };
    Value::new(credentials, error.source)
}

/// Why botocore ends with an error.
struct Stop {
    name: &'static str,
    reason: String,
    source: Source,
}

impl Stop {
    fn new(name: &'static str, reason: impl Into<String>, source: Source) -> Self {
        let reason = reason.into();
        Self {
            name,
            reason,
            source,
        }
    }
}

/// A value of a file with its place. May hold a secret: no `Debug`.
#[derive(Clone)]
struct Located {
    value: Entry,
    /// Whether it stands in the credentials file.
    in_credentials: bool,
}

/// Both files, merged as `Session.full_config` does it.
#[derive(Default)]
struct Configuration {
    profiles: BTreeMap<String, BTreeMap<String, Located>>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
    /// The profiles of the config file alone, for the provider that reads only that.
    of_config: BTreeMap<String, Section>,
    /// The sections of the credentials file alone.
    of_credentials: BTreeMap<String, Section>,
    config_path: String,
    credentials_path: String,
}

impl Configuration {
    /// Reads both files. `chosen`: the profile was named, so it has to exist.
    fn read(files: &Files, profile: &Value<String>, chosen: bool) -> Result<Self, Stop> {
        let (config, credentials) = (parsed(&files.config)?, parsed(&files.credentials)?);
        let owned = |sections: BTreeMap<String, &Section>| -> BTreeMap<String, Section> {
            let sections = sections.into_iter();
            sections.map(|(name, keys)| (name, keys.clone())).collect()
        };
        let mut all = Self {
            sso_sessions: owned(config.named("sso-session")),
            services: owned(config.named("services")),
            of_config: owned(config.profiles()),
            of_credentials: credentials.sections.into_iter().collect(),
            config_path: files.config.path.clone(),
            credentials_path: files.credentials.path.clone(),
            ..Self::default()
        };
        for (sections, in_credentials) in [(&all.of_config, false), (&all.of_credentials, true)] {
            for (name, keys) in sections {
                let merged = all.profiles.entry(name.clone()).or_default();
                merged.extend(keys.iter().map(|(key, value)| {
                    let value = value.clone();
                    let located = Located {
                        value,
                        in_credentials,
                    };
                    (key.clone(), located)
                }));
            }
        }
        if chosen && !all.profiles.contains_key(&profile.value) {
            let reason = format!("no file has a profile `{}`", profile.value);
            let source = profile.source.clone();
            return Err(Stop::new("ProfileNotFound", reason, source));
        }
        Ok(all)
    }

    /// A key of a profile; the credentials file wins.
    fn get(&self, profile: &str, key: &str) -> Option<&str> {
        let located = self.profiles.get(profile)?.get(key)?;
        Some(&located.value.value)
    }

    /// A key of a profile with its place, to be shown.
    fn located(&self, profile: &str, key: &str) -> Option<(String, Source)> {
        let located = self.profiles.get(profile)?.get(key)?;
        let name = format!("[{profile}] {key}");
        let source = self.source(located.in_credentials, located.value.line, name);
        Some((shown(&located.value.value), source))
    }

    /// A place in the credentials file, or in the config file.
    fn source(&self, in_credentials: bool, line: u32, name: String) -> Source {
        let path = if in_credentials {
            &self.credentials_path
        } else {
            &self.config_path
        };
        Source {
            kind: SourceKind::AwsFile,
            path: Some(path.clone()),
            line: Some(line),
            name: Some(name),
        }
    }
}

/// The first line of a value: lines that are indented deeper belong to it, and may hold secrets of other keys.
fn shown(value: &str) -> String {
    match value.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => value.to_owned(),
    }
}

fn parsed(file: &File) -> Result<Ini, Stop> {
    let Some(bytes) = &file.bytes else {
        return Ok(Ini::default());
    };
    ini::read(bytes).map_err(|refused| {
        let source = Source {
            kind: SourceKind::AwsFile,
            path: Some(file.path.clone()),
            line: Some(refused.line),
            name: None,
        };
        let reason = format!("line {} of `{}` {}", refused.line, file.path, refused.why);
        Stop::new("ConfigParseError", reason, source)
    })
}
