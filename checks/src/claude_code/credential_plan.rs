//! Which credential providers Claude Code will try, in order, as far as the configuration alone decides.
//!
//! The order is that of Claude Code (`AWS_BEARER_TOKEN_BEDROCK`, skip-auth, `awsCredentialExport`) and then of the
//! AWS SDK for JavaScript v3: environment keys unless a profile is named, the profile, web identity, container,
//! instance metadata. The AWS SDK for Rust and the AWS CLI decide differently in many cases.

use super::environment::Environment;
use super::profiles::Profiles;
use super::provider::is_on;
use crate::facts::{CredentialKind, Step, StepOutcome};
use crate::parse::sso_token::cache_file_name;

/// What Claude Code says when no provider delivered.
pub const NO_PROVIDERS: &str = "Could not load credentials from any providers";

/// The providers in order.
#[derive(Clone)]
pub struct Plan {
    /// What will be tried until one delivers or stops the chain.
    pub links: Vec<Link>,
}

/// One provider of the chain.
#[derive(Clone)]
pub enum Link {
    /// Nothing to try: passed over or failed by the configuration itself.
    Settled(Step),
    /// The configuration itself ends the chain.
    Stopped {
        /// Where and why.
        step: Step,
        /// What Claude Code prints.
        printed: String,
    },
    /// To be tried.
    Try(Provider),
}

/// A provider to be tried. Names where secrets stand, holds none.
#[derive(Clone)]
pub enum Provider {
    /// `AWS_BEARER_TOKEN_BEDROCK`.
    ApiKey,
    /// Requests go out unsigned.
    Unsigned,
    /// `awsCredentialExport`; when unusable, the chain goes on.
    Export,
    /// Keys in the environment.
    Environment,
    /// The active profile.
    Profile(ProfileProvider),
    /// `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`.
    WebIdentity(WebIdentity),
    /// `AWS_CONTAINER_CREDENTIALS_*`.
    Container,
    /// EC2 instance metadata.
    InstanceMetadata,
}

/// How a profile delivers.
#[derive(Clone)]
pub enum ProfileProvider {
    /// Keys in the profile.
    Static {
        /// The profile.
        profile: String,
    },
    /// A role assumed from other credentials.
    AssumeRole(Box<AssumeRole>),
    /// A role assumed with an OIDC token.
    WebIdentity {
        /// The profile.
        profile: String,
        /// The token and the role.
        identity: WebIdentity,
    },
    /// `credential_process`; its command stands in the profile.
    Process {
        /// The profile.
        profile: String,
    },
    /// IAM Identity Center.
    Sso(Sso),
    /// `aws login`.
    Login {
        /// The profile.
        profile: String,
        /// The value of `login_session`.
        session: String,
    },
}

/// A role to be assumed.
#[derive(Clone)]
pub struct AssumeRole {
    /// The profile.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `role_session_name`.
    pub session_name: Option<String>,
    /// `duration_seconds`.
    pub duration_seconds: Option<i32>,
    /// `mfa_serial`: Claude Code cannot ask for the code.
    pub mfa_serial: Option<String>,
    /// `region` of the profile.
    pub region: Option<String>,
    /// Where the first credentials come from.
    pub base: Base,
}

/// Where the credentials for an assumed role come from.
#[derive(Clone)]
pub enum Base {
    /// `source_profile`.
    Profile(ProfileProvider),
    /// `credential_source = Environment`.
    Environment,
    /// `credential_source = EcsContainer`.
    Container,
    /// `credential_source = Ec2InstanceMetadata`.
    InstanceMetadata,
}

/// A role to be assumed with an OIDC token.
#[derive(Clone)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// The file with the token.
    pub token_file: String,
    /// The session name.
    pub session_name: Option<String>,
}

/// A role of IAM Identity Center.
#[derive(Clone)]
pub struct Sso {
    /// The profile.
    pub profile: String,
    /// `sso_session`; none for the old form.
    pub session: Option<String>,
    /// `sso_start_url`.
    pub start_url: String,
    /// `sso_region`.
    pub region: String,
    /// `sso_account_id`.
    pub account_id: String,
    /// `sso_role_name`.
    pub role_name: String,
}

impl Sso {
    /// The name of the token's cache file.
    pub fn cache_file(&self) -> String {
        cache_file_name(self.session.as_deref().unwrap_or(&self.start_url))
    }
}

impl ProfileProvider {
    /// The kind of source.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Static { .. } => CredentialKind::ProfileStatic,
            Self::AssumeRole(_) => CredentialKind::AssumeRole,
            Self::WebIdentity { .. } => CredentialKind::WebIdentity,
            Self::Process { .. } => CredentialKind::CredentialProcess,
            Self::Sso(_) => CredentialKind::Sso,
            Self::Login { .. } => CredentialKind::Login,
        }
    }

    /// The Identity Center role it starts from, if any.
    pub fn sso(&self) -> Option<&Sso> {
        match self {
            Self::Sso(sso) => Some(sso),
            Self::AssumeRole(role) => match &role.base {
                Base::Profile(base) => base.sso(),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Provider {
    /// The kind of source.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::ApiKey => CredentialKind::ApiKey,
            Self::Unsigned => CredentialKind::Unsigned,
            Self::Export => CredentialKind::Export,
            Self::Environment => CredentialKind::Environment,
            Self::Profile(profile) => profile.kind(),
            Self::WebIdentity(_) => CredentialKind::WebIdentity,
            Self::Container => CredentialKind::Container,
            Self::InstanceMetadata => CredentialKind::InstanceMetadata,
        }
    }
}

impl Plan {
    /// The Identity Center role that the active profile uses, if it comes to that.
    pub fn sso(&self) -> Option<&Sso> {
        self.links.iter().find_map(|link| match link {
            Link::Try(Provider::Profile(profile)) => profile.sso(),
            _ => None,
        })
    }
}

/// The plan for an environment and its profiles. `export`: whether `awsCredentialExport` is set.
pub fn plan(environment: &Environment, profiles: &Profiles, export: bool) -> Plan {
    let mut links = Vec::new();
    let settle = |links: &mut Vec<Link>, provider, outcome, reason: String, cause: Option<&str>| {
        links.push(Link::Settled(Step {
            provider,
            outcome,
            reason,
            failure: None,
            cause: cause.map(str::to_owned),
        }));
    };
    if environment
        .get("AWS_BEARER_TOKEN_BEDROCK")
        .is_some_and(|token| !token.trim().is_empty())
    {
        links.push(Link::Try(Provider::ApiKey));
        return Plan { links };
    }
    if environment
        .get("CLAUDE_CODE_SKIP_BEDROCK_AUTH")
        .is_some_and(is_on)
    {
        links.push(Link::Try(Provider::Unsigned));
        return Plan { links };
    }
    if export {
        links.push(Link::Try(Provider::Export));
    }
    let named = environment.get("AWS_PROFILE");
    let key = environment.get("AWS_ACCESS_KEY_ID").is_some();
    let secret = environment.get("AWS_SECRET_ACCESS_KEY").is_some();
    match (named, key, secret) {
        (Some(profile), true, true) => settle(
            &mut links,
            CredentialKind::Environment,
            StepOutcome::PassedOver,
            format!("keys are set, but Claude Code skips them because AWS_PROFILE is `{profile}`"),
            None,
        ),
        (Some(_), _, _) => settle(
            &mut links,
            CredentialKind::Environment,
            StepOutcome::PassedOver,
            "AWS_PROFILE is set".to_owned(),
            None,
        ),
        (None, true, true) => {
            links.push(Link::Try(Provider::Environment));
            return Plan { links };
        }
        (None, true, false) => settle(
            &mut links,
            CredentialKind::Environment,
            StepOutcome::Failed,
            "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not".to_owned(),
            Some("half-environment-keys"),
        ),
        (None, false, true) => settle(
            &mut links,
            CredentialKind::Environment,
            StepOutcome::Failed,
            "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not".to_owned(),
            Some("half-environment-keys"),
        ),
        (None, false, false) => settle(
            &mut links,
            CredentialKind::Environment,
            StepOutcome::PassedOver,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned(),
            None,
        ),
    }
    let profile = named.unwrap_or("default");
    match resolve_profile(profile, profiles, &mut Vec::new()) {
        Ok(provider) => {
            let goes_on = matches!(provider, ProfileProvider::Process { .. });
            links.push(Link::Try(Provider::Profile(provider)));
            if !goes_on {
                return Plan { links };
            }
        }
        Err(dead) => {
            let cause = dead.cause;
            if let Some(printed) = dead.printed {
                let step = Step {
                    provider: dead.provider,
                    outcome: StepOutcome::Stopped,
                    reason: dead.reason,
                    failure: None,
                    cause: cause.map(str::to_owned),
                };
                links.push(Link::Stopped { step, printed });
                return Plan { links };
            }
            let outcome = if cause.is_some() {
                StepOutcome::Failed
            } else {
                StepOutcome::PassedOver
            };
            settle(&mut links, dead.provider, outcome, dead.reason, cause);
        }
    }
    match (
        environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        environment.get("AWS_ROLE_ARN"),
    ) {
        (Some(token_file), Some(role_arn)) => {
            links.push(Link::Try(Provider::WebIdentity(WebIdentity {
                role_arn: role_arn.to_owned(),
                token_file: token_file.to_owned(),
                session_name: environment.get("AWS_ROLE_SESSION_NAME").map(str::to_owned),
            })));
            return Plan { links };
        }
        (Some(_), None) | (None, Some(_)) => settle(
            &mut links,
            CredentialKind::WebIdentity,
            StepOutcome::Failed,
            "only one of AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN is set".to_owned(),
            Some("irsa-pod-identity-not-used"),
        ),
        (None, None) => settle(
            &mut links,
            CredentialKind::WebIdentity,
            StepOutcome::PassedOver,
            "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set".to_owned(),
            None,
        ),
    }
    let container = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    if container.iter().any(|name| environment.get(name).is_some()) {
        links.push(Link::Try(Provider::Container));
        return Plan { links };
    }
    settle(
        &mut links,
        CredentialKind::Container,
        StepOutcome::PassedOver,
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set".to_owned(),
        None,
    );
    // JavaScript's rule: everything but an unset variable and `false` disables.
    match environment.get("AWS_EC2_METADATA_DISABLED") {
        Some(value) if value != "false" => settle(
            &mut links,
            CredentialKind::InstanceMetadata,
            StepOutcome::PassedOver,
            format!("AWS_EC2_METADATA_DISABLED is `{value}`"),
            None,
        ),
        _ => links.push(Link::Try(Provider::InstanceMetadata)),
    }
    Plan { links }
}

/// A profile that delivers nothing.
struct Dead {
    provider: CredentialKind,
    reason: String,
    /// The chain ends here, with these words of Claude Code.
    printed: Option<String>,
    cause: Option<&'static str>,
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

/// How a profile delivers: role with source, static keys, web identity, process, SSO, login; as a source, static keys first.
fn resolve_profile(
    profile: &str,
    profiles: &Profiles,
    visited: &mut Vec<String>,
) -> Result<ProfileProvider, Dead> {
    let get = |key: &str| profiles.get(profile, key).map(str::to_owned);
    let has_static = get("aws_access_key_id").is_some() && get("aws_secret_access_key").is_some();
    if !visited.is_empty() && has_static {
        return Ok(ProfileProvider::Static {
            profile: profile.to_owned(),
        });
    }
    if let Some(role_arn) = get("role_arn") {
        match (get("source_profile"), get("credential_source")) {
            (Some(source), None) => {
                return assume_role(profile, role_arn, profiles, || {
                    source_profile(profile, &source, profiles, visited)
                });
            }
            (None, Some(source)) => {
                return assume_role(profile, role_arn, profiles, || {
                    credential_source(profile, &source)
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
        duration_seconds: get("duration_seconds").and_then(|text| text.parse().ok()),
        mfa_serial: get("mfa_serial"),
        region: get("region"),
        base: base()?,
    })))
}

fn source_profile(
    profile: &str,
    source: &str,
    profiles: &Profiles,
    visited: &mut Vec<String>,
) -> Result<Base, Dead> {
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
    resolve_profile(source, profiles, visited).map(Base::Profile)
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
                format!("profile `{profile}` names `sso_session = {name}`, and there is no section `[sso-session {name}]`"),
            )
            .printing("undefined is not an object (evaluating 'p.sso_region')"));
        }
        // The session's values win, also when the profile has others.
        start_url = profiles
            .sso_session(name, "sso_start_url")
            .map(str::to_owned)
            .or(start_url);
        region = profiles
            .sso_session(name, "sso_region")
            .map(str::to_owned)
            .or(region);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::parse::ini::{FileKind, parse};

    #[track_caller]
    fn prints(config: &str, want: &str) {
        let shell = BTreeMap::from([("AWS_PROFILE".to_owned(), "p".to_owned())]);
        let profiles = Profiles {
            config: ("~/.aws/config".to_owned(), parse(config, FileKind::Config)),
            ..Profiles::default()
        };
        let plan = plan(&Environment::merge(&shell, &[]), &profiles, false);
        let Some(Link::Stopped { step, printed }) = plan.links.last() else {
            panic!("the chain goes on");
        };
        assert_eq!(printed, want);
        assert_eq!(step.outcome, StepOutcome::Stopped);
    }

    #[test]
    fn a_profile_that_ends_the_chain_does_so_in_the_words_of_claude_code() {
        prints(
            "[profile p]\nsso_session = acme\n",
            "undefined is not an object (evaluating 'p.sso_region')",
        );
        let keys = |names: &str| {
            format!(
                "Profile is configured with invalid SSO credentials. Required parameters \"sso_account_id\", \"sso_region\", \"sso_role_name\", \"sso_start_url\". Got {names}\nReference: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html"
            )
        };
        prints(
            "[profile p]\nsso_start_url = x\nsso_region = eu-west-1\n",
            &keys("sso_start_url, sso_region"),
        );
        prints(
            "[profile p]\nsso_session = acme\n[sso-session acme]\nsso_start_url = x\n",
            &keys("sso_session, sso_region, sso_start_url"),
        );
    }
}
