//! How a profile delivers credentials, by the rules of the AWS SDK for JavaScript.

use super::{AssumeRole, Base, ProfileProvider, Profiles, Sso, WebIdentity};
use crate::claude_code::profiles::LONGEST_ROW;
use crate::facts::CredentialKind;

/// A profile that delivers nothing.
pub(super) struct Dead {
    pub(super) provider: CredentialKind,
    pub(super) reason: String,
    /// The chain ends here, with these words of Claude Code.
    pub(super) printed: Option<String>,
    pub(super) cause: Option<&'static str>,
}

impl Dead {
    fn new(provider: CredentialKind, cause: &'static str, reason: String) -> Self {
        Self {
            provider,
            reason,
            printed: None,
            cause: Some(cause),
        }
    }

    fn printing(mut self, printed: impl Into<String>) -> Self {
        self.printed = Some(printed.into());
        self
    }
}

/// How a profile delivers, or why it does not.
pub(super) fn provider(profile: &str, profiles: &Profiles) -> Result<ProfileProvider, Dead> {
    let mut provider = resolve_profile(profile, profiles, &mut Vec::new())?;
    // One client of STS, made for the first role, serves all roles on the way.
    let region = profiles.get(profile, "region");
    let mut next = Some(&mut provider);
    while let Some(ProfileProvider::AssumeRole(role)) = next {
        role.region = region.map(str::to_owned);
        next = match &mut role.base {
            Base::Profile(base) => Some(base),
            _ => None,
        };
    }
    Ok(provider)
}

/// How a profile delivers: role with source, static keys, web identity, process, SSO, login; as a source, static keys first.
fn resolve_profile(
    profile: &str,
    profiles: &Profiles,
    visited: &mut Vec<String>,
) -> Result<ProfileProvider, Dead> {
    let get = |key: &str| profiles.get(profile, key).map(str::to_owned);
    let has_static = has_keys(profile, profiles);
    if !visited.is_empty() && has_static {
        return Ok(ProfileProvider::Static {
            profile: profile.to_owned(),
        });
    }
    if let Some(role_arn) = get("role_arn") {
        match (get("source_profile"), get("credential_source")) {
            (Some(source), None) => {
                return assume_role(profile, role_arn, profiles, || {
                    no_circle(profile, &source, visited)?;
                    no_mfa(profile, profiles)?;
                    source_profile(profile, &source, profiles, visited)
                });
            }
            (None, Some(source)) => {
                return assume_role(profile, role_arn, profiles, || {
                    let base = credential_source(profile, &source)?;
                    no_mfa(profile, profiles)?;
                    Ok(base)
                });
            }
            _ => {}
        }
    }
    if has_static {
        return Ok(ProfileProvider::Static {
            profile: profile.to_owned(),
        });
    }
    if let (Some(token_file), Some(role_arn)) = (get("web_identity_token_file"), get("role_arn")) {
        return Ok(ProfileProvider::WebIdentity {
            profile: profile.to_owned(),
            identity: WebIdentity {
                role_arn,
                token_file,
                session_name: get("role_session_name"),
            },
        });
    }
    if get("credential_process").is_some() {
        return Ok(ProfileProvider::Process {
            profile: profile.to_owned(),
        });
    }
    if profiles.any_key(profile, |key| SSO_KEYS.contains(&key)) {
        return sso(profile, profiles).map(ProfileProvider::Sso);
    }
    if let Some(session) = get("login_session") {
        return Ok(ProfileProvider::Login {
            profile: profile.to_owned(),
            session,
        });
    }
    Err(nothing_usable(profile, profiles))
}

fn has_keys(profile: &str, profiles: &Profiles) -> bool {
    let has = |key: &str| profiles.get(profile, key).is_some();
    has("aws_access_key_id") && has("aws_secret_access_key")
}

const SSO_KEYS: [&str; 5] = [
    "sso_start_url",
    "sso_account_id",
    "sso_session",
    "sso_region",
    "sso_role_name",
];

fn nothing_usable(profile: &str, profiles: &Profiles) -> Dead {
    let kind = CredentialKind::ProfileStatic;
    if !profiles.has(profile) {
        let reason = format!("no file has a profile `{profile}`");
        return if profile == "default" {
            Dead {
                provider: kind,
                reason,
                printed: None,
                cause: None,
            }
        } else {
            Dead::new(kind, "aws-profile-not-found", reason)
        };
    }
    let has = |key: &str| profiles.get(profile, key).is_some();
    if has("aws_access_key_id") != has("aws_secret_access_key") {
        let (there, missing) = if has("aws_access_key_id") {
            ("aws_access_key_id", "aws_secret_access_key")
        } else {
            ("aws_secret_access_key", "aws_access_key_id")
        };
        return Dead::new(
            kind,
            "half-profile",
            format!("profile `{profile}` has `{there}` but no `{missing}`"),
        );
    }
    if has("role_arn") {
        let both = has("source_profile") && has("credential_source");
        let reason = if both {
            format!(
                "profile `{profile}` has `role_arn` with both `source_profile` and `credential_source`"
            )
        } else {
            format!(
                "profile `{profile}` has `role_arn` but no `source_profile` or `credential_source`"
            )
        };
        return Dead::new(CredentialKind::AssumeRole, "role-without-source", reason);
    }
    Dead::new(
        kind,
        "profile-without-credentials",
        format!("profile `{profile}` has nothing that delivers credentials"),
    )
}

fn assume_role(
    profile: &str,
    role_arn: String,
    profiles: &Profiles,
    base: impl FnOnce() -> Result<Base, Dead>,
) -> Result<ProfileProvider, Dead> {
    let get = |key: &str| profiles.get(profile, key).map(str::to_owned);
    Ok(ProfileProvider::AssumeRole(Box::new(AssumeRole {
        profile: profile.to_owned(),
        role_arn,
        external_id: get("external_id"),
        session_name: get("role_session_name"),
        duration_seconds: get("duration_seconds").and_then(|text| leading_number(&text)),
        // That of the active profile, see `provider`.
        region: None,
        base: base()?,
    })))
}

/// JavaScript's `parseInt`: `3600s` is 3600.
fn leading_number(text: &str) -> Option<i32> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// Claude Code cannot ask for the code, and says so before it asks the source for anything.
fn no_mfa(profile: &str, profiles: &Profiles) -> Result<(), Dead> {
    if profiles.get(profile, "mfa_serial").is_none() {
        return Ok(());
    }
    // The SDK's own words.
    let printed = format!(
        "Profile {profile} requires multi-factor authentication, but no MFA code callback was provided."
    );
    let dead = Dead::new(CredentialKind::AssumeRole, "mfa-required", printed.clone());
    Err(dead.printing(printed))
}

fn no_circle(profile: &str, source: &str, visited: &[String]) -> Result<(), Dead> {
    if visited.len() >= LONGEST_ROW {
        return Err(Dead::new(
            CredentialKind::AssumeRole,
            "source-profile-loop",
            format!(
                "`source_profile` of `{profile}` is the end of a row of {LONGEST_ROW} profiles without credentials"
            ),
        ));
    }
    if visited.iter().any(|seen| seen == source) {
        return Err(Dead::new(
            CredentialKind::AssumeRole,
            "source-profile-loop",
            format!(
                "`source_profile` of `{profile}` leads in a circle: {} → {source}",
                visited.join(" → ")
            ),
        ));
    }
    Ok(())
}

fn source_profile(
    profile: &str,
    source: &str,
    profiles: &Profiles,
    visited: &mut Vec<String>,
) -> Result<Base, Dead> {
    if !profiles.has(source) {
        return Err(Dead::new(
            CredentialKind::AssumeRole,
            "source-profile-not-found",
            format!(
                "profile `{profile}` names `source_profile = {source}`, and no file has a profile `{source}`"
            ),
        ));
    }
    visited.push(source.to_owned());
    let get = |key: &str| profiles.get(source, key);
    match (get("role_arn"), get("credential_source")) {
        // Without a role of its own, the source passes on what it is given.
        (None, Some(kind)) if !has_keys(source, profiles) => match get("source_profile") {
            Some(next) => {
                no_circle(source, next, visited)?;
                source_profile(source, next, profiles, visited)
            }
            None => credential_source(source, kind),
        },
        _ => resolve_profile(source, profiles, visited).map(Base::Profile),
    }
}

fn credential_source(profile: &str, source: &str) -> Result<Base, Dead> {
    match source {
        "Environment" => Ok(Base::Environment),
        "EcsContainer" => Ok(Base::Container),
        "Ec2InstanceMetadata" => Ok(Base::InstanceMetadata),
        other => Err(Dead::new(
            CredentialKind::AssumeRole,
            "credential-source-unknown",
            format!(
                "profile `{profile}` has `credential_source = {other}`; only Environment, EcsContainer and Ec2InstanceMetadata exist"
            ),
        )),
    }
}

/// The keys of a profile as the SDK merges them: those of the config file, what the credentials file adds, what the session adds.
fn keys_in_order<'a>(profile: &str, profiles: &'a Profiles, has_session: bool) -> Vec<&'a str> {
    let mut keys: Vec<&str> = Vec::new();
    for (_, file) in [&profiles.config, &profiles.credentials] {
        let Some(section) = file.profiles.get(profile) else {
            continue;
        };
        let mut here: Vec<_> = section.keys.iter().collect();
        here.sort_by_key(|(_, entry)| entry.line);
        let added = here.into_iter().map(|(key, _)| key.as_str());
        let added: Vec<&str> = added.filter(|key| !keys.contains(key)).collect();
        keys.extend(added);
    }
    if has_session {
        let session = ["sso_region", "sso_start_url"];
        let added: Vec<&str> = session
            .into_iter()
            .filter(|key| !keys.contains(key))
            .collect();
        keys.extend(added);
    }
    keys
}

fn sso(profile: &str, profiles: &Profiles) -> Result<Sso, Dead> {
    let get = |key: &str| profiles.get(profile, key).map(str::to_owned);
    let session = get("sso_session");
    let (mut start_url, mut region) = (get("sso_start_url"), get("sso_region"));
    if let Some(name) = &session {
        if !profiles.has_sso_session(name) {
            // Printed after 186 s.
            return Err(Dead::new(
                CredentialKind::Sso,
                "sso-session-section-missing",
                format!("profile `{profile}` names `sso_session = {name}`, and no section `[sso-session {name}]` is found"),
            )
            .printing("undefined is not an object (evaluating 'p.sso_region')"));
        }
        // The session's values replace those of the profile, also where the session has none.
        let of_session = |key| profiles.sso_session(name, key).map(str::to_owned);
        start_url = of_session("sso_start_url");
        region = of_session("sso_region");
    }
    let (account_id, role_name) = (get("sso_account_id"), get("sso_role_name"));
    let missing: Vec<&str> = [
        ("sso_account_id", account_id.is_none()),
        ("sso_region", region.is_none()),
        ("sso_role_name", role_name.is_none()),
        ("sso_start_url", start_url.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, missing)| missing.then_some(key))
    .collect();
    match (start_url, region, account_id, role_name) {
        (Some(start_url), Some(region), Some(account_id), Some(role_name)) => Ok(Sso {
            profile: profile.to_owned(),
            session,
            start_url,
            region,
            account_id,
            role_name,
        }),
        _ => Err(Dead::new(
            CredentialKind::Sso,
            "sso-profile-incomplete",
            format!("profile `{profile}` lacks {}", crate::text::list(&missing)),
        )
        .printing(format!(
            "Profile is configured with invalid SSO credentials. Required parameters \"sso_account_id\", \"sso_region\", \"sso_role_name\", \"sso_start_url\". Got {}\nReference: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html",
            keys_in_order(profile, profiles, session.is_some()).join(", ")
        ))),
    }
}
