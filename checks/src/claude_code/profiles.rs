//! Profiles of `~/.aws/config` and `~/.aws/credentials`, merged as the AWS SDK for JavaScript does.

use crate::facts::{Source, SourceKind};
use crate::parse::ini::IniFile;

/// How many profiles may lead to one another: a longer row is a mistake of whatever wrote it, and following it would use
/// up the stack.
pub(crate) const LONGEST_ROW: usize = 100;

/// The two files. Holds secrets: it has no `Debug` and is never serialised.
#[derive(Clone, Default)]
pub struct Profiles {
    /// `~/.aws/config` and where it stands.
    pub config: (String, IniFile),
    /// `~/.aws/credentials` and where it stands.
    pub credentials: (String, IniFile),
}

impl Profiles {
    /// Whether either file has the profile.
    pub fn has(&self, profile: &str) -> bool {
        self.config.1.profiles.contains_key(profile)
            || self.credentials.1.profiles.contains_key(profile)
    }

    /// A key of a profile; the credentials file wins.
    pub fn get(&self, profile: &str, key: &str) -> Option<&str> {
        [&self.credentials.1, &self.config.1]
            .into_iter()
            .find_map(|file| {
                let entry = file.profiles.get(profile)?.keys.get(key)?;
                Some(entry.value.as_str())
            })
    }

    /// Every place a key of a profile stands, the winner first.
    pub fn located(&self, profile: &str, key: &str) -> Vec<(String, Source)> {
        [&self.credentials, &self.config]
            .into_iter()
            .filter_map(|(path, file)| {
                let entry = file.profiles.get(profile)?.keys.get(key)?;
                let source = Source {
                    kind: SourceKind::AwsFile,
                    path: Some(path.clone()),
                    line: Some(entry.line),
                    name: Some(format!("[{profile}] {key}")),
                };
                Some((entry.value.clone(), source))
            })
            .collect()
    }

    /// Whether any key of a profile satisfies a condition.
    pub fn any_key(&self, profile: &str, wanted: impl Fn(&str) -> bool) -> bool {
        [&self.credentials.1, &self.config.1]
            .into_iter()
            .any(|file| {
                file.profiles
                    .get(profile)
                    .is_some_and(|section| section.keys.keys().any(|key| wanted(key)))
            })
    }

    /// A key of an `[sso-session …]` section; none of the section when it does not exist.
    pub fn sso_session(&self, session: &str, key: &str) -> Option<&str> {
        self.config
            .1
            .sso_sessions
            .get(session)?
            .keys
            .get(key)
            .map(|entry| entry.value.as_str())
    }

    /// The `endpoint_url` of a service in a `[services …]` section.
    pub fn service(&self, section: &str, service: &str) -> Option<(String, Source)> {
        let (path, file) = &self.config;
        let key = format!("{service}.endpoint_url");
        let entry = file.services.get(section)?.keys.get(&key)?;
        let source = Source {
            kind: SourceKind::AwsFile,
            path: Some(path.clone()),
            line: Some(entry.line),
            name: Some(format!("[services {section}] {key}")),
        };
        Some((entry.value.clone(), source))
    }

    /// Whether the `[sso-session …]` section exists.
    pub fn has_sso_session(&self, session: &str) -> bool {
        self.config.1.sso_sessions.contains_key(session)
    }
}
