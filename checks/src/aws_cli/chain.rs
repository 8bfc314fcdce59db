//! The chain of credential providers, `create_credential_resolver` of botocore.

use std::collections::BTreeMap;

use super::ini::Section;
use super::{Configuration, Stop, shown};
use crate::claude_code::profiles::LONGEST_ROW;
use crate::claude_code::variables::looks_like_access_key_id;
use crate::facts::{AwsCliCredentials, CredentialKind, Source, Value};
use crate::text::list;

const KEY: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// The first provider that has something to offer, or the error that ends the chain.
pub(super) fn credentials(
    shell: &BTreeMap<String, String>,
    configuration: &Configuration,
    profile: &str,
) -> Result<Found, Stop> {
    let chain = Chain {
        shell,
        configuration,
    };
    let providers = || -> Result<Option<Found>, Stop> {
        if let Some(found) = chain.environment()? {
            return Ok(Some(found));
        }
        if chain.is_role(profile) {
            return chain.assume_role(profile, &mut vec![profile]).map(Some);
        }
        if let Some(found) = chain.of_profile(profile, true)? {
            return Ok(Some(found));
        }
        Ok(chain.container().or_else(|| chain.instance_metadata()))
    };
    let found = providers()?;
    Ok(found.unwrap_or_else(|| {
        let nothing = AwsCliCredentials::of(CredentialKind::None);
        Value::new(nothing, Source::default_of("no source"))
    }))
}

type Found = Value<AwsCliCredentials>;

struct Chain<'a> {
    shell: &'a BTreeMap<String, String>,
    configuration: &'a Configuration,
}

impl<'a> Chain<'a> {
    fn variable(&self, name: &str) -> Option<&'a str> {
        self.shell.get(name).map(String::as_str)
    }

    fn set(&self, name: &str) -> Option<&'a str> {
        self.variable(name).filter(|value| !value.is_empty())
    }

    fn get(&self, profile: &str, key: &str) -> Option<&'a str> {
        self.configuration.get(profile, key)
    }

    /// Where a key of a profile stands.
    fn source(&self, profile: &str, key: &str) -> Source {
        let located = self.configuration.located(profile, key);
        located.map_or_else(|| Source::default_of("nothing"), |(_, source)| source)
    }

    /// Credentials that a key of a profile leads to.
    fn found(&self, kind: CredentialKind, profile: &str, key: &str) -> Found {
        let credentials = AwsCliCredentials {
            profile: Some(profile.to_owned()),
            account: self.get(profile, "aws_account_id").and_then(account),
            ..AwsCliCredentials::of(kind)
        };
        Value::new(credentials, self.source(profile, key))
    }

    fn environment(&self) -> Result<Option<Found>, Stop> {
        let Some(id) = self.set("AWS_ACCESS_KEY_ID") else {
            return Ok(None);
        };
        let source = Source::environment("AWS_ACCESS_KEY_ID");
        if self.set("AWS_SECRET_ACCESS_KEY").is_none() {
            let reason = "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not";
            return Err(Stop::new("PartialCredentialsError", reason, source));
        }
        let credentials = AwsCliCredentials {
            access_key_id: key_id(id),
            account: self.set("AWS_ACCOUNT_ID").and_then(account),
            ..AwsCliCredentials::of(CredentialKind::Environment)
        };
        Ok(Some(Value::new(credentials, source)))
    }

    fn is_role(&self, profile: &str) -> bool {
        self.get(profile, "role_arn").is_some()
            && self.get(profile, "web_identity_token_file").is_none()
    }

    fn assume_role(&self, profile: &str, visited: &mut Vec<&'a str>) -> Result<Found, Stop> {
        let source = || self.source(profile, "role_arn");
        let invalid = |reason| Stop::new("InvalidConfigError", reason, source());
        let named = self.get(profile, "source_profile");
        match (named, self.get(profile, "credential_source")) {
            (Some(_), Some(_)) => {
                return Err(invalid(format!(
                    "profile `{profile}` has both `source_profile` and `credential_source`"
                )));
            }
            (None, None) => {
                let reason = format!(
                    "profile `{profile}` has `role_arn` but no `source_profile` or `credential_source`"
                );
                return Err(Stop::new("PartialCredentialsError", reason, source()));
            }
            (None, Some(origin)) => self.credential_source(profile, origin)?,
            (Some(base), None) => self.source_profile(profile, base, visited)?,
        }
        let mut found = self.found(CredentialKind::AssumeRole, profile, "role_arn");
        add_role(&mut found, self.get(profile, "role_arn"));
        Ok(found)
    }

    /// Whether `credential_source` has something to offer, as far as that can be told without asking.
    fn credential_source(&self, profile: &str, origin: &str) -> Result<(), Stop> {
        let source = self.source(profile, "credential_source");
        let delivers = match origin {
            // Keys in the environment would have been used before the profile is looked at.
            "Environment" => false,
            "EcsContainer" => self.container().is_some(),
            "Ec2InstanceMetadata" => self.instance_metadata().is_some(),
            other => {
                let reason = format!(
                    "profile `{profile}` has `credential_source = {}`, which does not exist",
                    shown(other)
                );
                return Err(Stop::new("InvalidConfigError", reason, source));
            }
        };
        if delivers {
            return Ok(());
        }
        let reason = format!("`credential_source = {origin}` of profile `{profile}` has nothing");
        Err(Stop::new("CredentialRetrievalError", reason, source))
    }

    fn source_profile(
        &self,
        profile: &str,
        base: &'a str,
        visited: &mut Vec<&'a str>,
    ) -> Result<(), Stop> {
        let source = self.source(profile, "source_profile");
        let named = shown(base);
        let Some(keys) = self.configuration.profiles.get(base) else {
            let reason =
                format!("`source_profile` of `{profile}` names `{named}`, and no file has it");
            return Err(Stop::new("InvalidConfigError", reason, source));
        };
        let has_keys = keys.contains_key(KEY) || keys.contains_key(SECRET);
        // A profile may be its own source, for its keys.
        if visited.contains(&base) && (base != profile || !has_keys) {
            let reason = format!("`source_profile` of `{profile}` leads in a circle to `{named}`");
            return Err(Stop::new("InfiniteLoopConfigError", reason, source));
        }
        if visited.len() > LONGEST_ROW {
            let reason = format!(
                "`source_profile` of `{profile}` is the end of a row of {LONGEST_ROW} profiles without credentials"
            );
            return Err(Stop::new("RecursionError", reason, source));
        }
        visited.push(base);
        if !has_keys && self.is_role(base) {
            return self.assume_role(base, visited).map(drop);
        }
        if self.of_profile(base, false)?.is_none() {
            let reason = format!("the source profile `{named}` has no credentials");
            return Err(Stop::new("InvalidConfigError", reason, source));
        }
        Ok(())
    }

    /// The providers of a profile. `variables`: whether those of the web identity count, as they do for the profile in
    /// use.
    fn of_profile(&self, profile: &str, variables: bool) -> Result<Option<Found>, Stop> {
        let file = |sections: &'a BTreeMap<String, Section>, in_credentials| {
            self.keys(profile, sections.get(profile), in_credentials)
        };
        if let Some(found) = self.web_identity(profile, variables)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.sso(profile)? {
            return Ok(Some(found));
        }
        if let Some(found) = file(&self.configuration.of_credentials, true)? {
            return Ok(Some(found));
        }
        if let Some(session) = self.get(profile, "login_session") {
            let mut found = self.found(CredentialKind::Login, profile, "login_session");
            found.value.account = account_of_arn(session);
            return Ok(Some(found));
        }
        if self.get(profile, "credential_process").is_some() {
            let kind = CredentialKind::CredentialProcess;
            return Ok(Some(self.found(kind, profile, "credential_process")));
        }
        file(&self.configuration.of_config, false)
    }

    fn web_identity(&self, profile: &str, variables: bool) -> Result<Option<Found>, Stop> {
        // An empty variable counts: it hides the key of the profile.
        let either = |variable: &str, key: &str| {
            let in_shell = self.variable(variable).filter(|_| variables);
            let source = match in_shell {
                Some(_) => Source::environment(variable),
                None => self.source(profile, key),
            };
            (in_shell.or_else(|| self.get(profile, key)), source)
        };
        let (token, source) = either("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
        if token.is_none_or(str::is_empty) {
            return Ok(None);
        }
        let (role, _) = either("AWS_ROLE_ARN", "role_arn");
        let Some(role) = role.filter(|role| !role.is_empty()) else {
            let reason = "a web identity is configured, but no role";
            return Err(Stop::new("InvalidConfigError", reason, source));
        };
        let of_profile = source.path.is_some();
        let credentials = AwsCliCredentials::of(CredentialKind::WebIdentity);
        let mut found = Value::new(credentials, source);
        found.value.profile = of_profile.then(|| profile.to_owned());
        add_role(&mut found, Some(role));
        Ok(Some(found))
    }

    fn sso(&self, profile: &str) -> Result<Option<Found>, Stop> {
        let get = |key: &str| self.get(profile, key);
        if get("sso_role_name").is_none() && get("sso_account_id").is_none() {
            return Ok(None);
        }
        let key = ["sso_session", "sso_account_id", "sso_role_name"]
            .into_iter()
            .find(|key| get(key).is_some())
            .unwrap_or("sso_account_id");
        let invalid = |reason| Stop::new("InvalidConfigError", reason, self.source(profile, key));
        let named = get("sso_session");
        let session = named.and_then(|name| self.configuration.sso_sessions.get(name));
        if let (Some(name), None) = (named, session) {
            let name = shown(name);
            return Err(invalid(format!(
                "there is no section `[sso-session {name}]`"
            )));
        }
        let of_session = |key: &str| Some(session?.get(key)?.value.as_str());
        for name in session.into_iter().flat_map(BTreeMap::keys) {
            if get(name).is_some_and(|value| Some(value) != of_session(name)) {
                return Err(invalid(format!(
                    "`{name}` of profile `{profile}` is not that of its sso-session"
                )));
            }
        }
        let has = |key: &&str| get(key).or_else(|| of_session(key)).is_some();
        let wanted = [
            "sso_role_name",
            "sso_account_id",
            "sso_start_url",
            "sso_region",
        ];
        let missing: Vec<&str> = wanted.into_iter().filter(|key| !has(key)).collect();
        if !missing.is_empty() {
            let missing = list(&missing);
            return Err(invalid(format!("profile `{profile}` lacks {missing}")));
        }
        let mut found = self.found(CredentialKind::Sso, profile, key);
        let id = get("sso_account_id").or_else(|| of_session("sso_account_id"));
        found.value.account = id.and_then(account);
        Ok(Some(found))
    }

    /// Keys of a profile in one of the files alone.
    fn keys(
        &self,
        profile: &str,
        section: Option<&Section>,
        in_credentials: bool,
    ) -> Result<Option<Found>, Stop> {
        let Some((section, id)) = section.and_then(|keys| Some((keys, keys.get(KEY)?))) else {
            return Ok(None);
        };
        let name = format!("[{profile}] {KEY}");
        let source = self.configuration.source(in_credentials, id.line, name);
        if !section.contains_key(SECRET) {
            let reason = format!("profile `{profile}` has `{KEY}` but no `{SECRET}`");
            return Err(Stop::new("PartialCredentialsError", reason, source));
        }
        let credentials = AwsCliCredentials {
            profile: Some(profile.to_owned()),
            access_key_id: key_id(&id.value),
            account: section
                .get("aws_account_id")
                .and_then(|id| account(&id.value)),
            ..AwsCliCredentials::of(CredentialKind::ProfileStatic)
        };
        Ok(Some(Value::new(credentials, source)))
    }

    fn container(&self) -> Option<Found> {
        let names = [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        let name = names
            .into_iter()
            .find(|name| self.variable(name).is_some())?;
        let credentials = AwsCliCredentials::of(CredentialKind::Container);
        Some(Value::new(credentials, Source::environment(name)))
    }

    fn instance_metadata(&self) -> Option<Found> {
        let disabled = self.variable("AWS_EC2_METADATA_DISABLED");
        if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        let credentials = AwsCliCredentials::of(CredentialKind::InstanceMetadata);
        Some(Value::new(
            credentials,
            Source::default_of("the last resort"),
        ))
    }
}

fn add_role(found: &mut Found, role: Option<&str>) {
    let role = role.map(shown);
    found.value.account = role.as_deref().and_then(account_of_arn);
    found.value.role_arn = role.filter(|arn| arn.starts_with("arn:"));
}

/// An access key id; none of what cannot be one, and may be a secret in the wrong place.
fn key_id(value: &str) -> Option<String> {
    looks_like_access_key_id(value).then(|| value.to_owned())
}

/// The number of an account; none of what is none.
fn account(value: &str) -> Option<String> {
    let digits = value.len() == 12 && value.chars().all(|c| c.is_ascii_digit());
    digits.then(|| value.to_owned())
}

/// The account in `arn:aws:iam::123456789012:role/x`.
fn account_of_arn(arn: &str) -> Option<String> {
    account(arn.split(':').nth(4)?)
}
