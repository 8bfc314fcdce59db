//! Which credential providers Claude Code will try, in order, as far as the configuration alone decides.
//!
//! The order is that of Claude Code (`AWS_BEARER_TOKEN_BEDROCK`, skip-auth, `awsCredentialExport`) and then of the
//! AWS SDK for JavaScript v3: environment keys unless a profile is named, the profile, web identity, container,
//! instance metadata. The AWS SDK for Rust and the AWS CLI decide differently in many cases.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

mod profile;

use super::environment::Environment;
use super::profiles::Profiles;
use super::provider::is_on;
use super::versions::{Rule, Rules};
use crate::facts::{CredentialKind, Provider as Service, Step, StepOutcome};
use crate::parse::sso_token::cache_file_name;

/// The SDK for JavaScript renews, or gives up on, a token with this many seconds left or less.
pub const RENEWAL_WINDOW: i64 = 300;

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
    /// `region` of the active profile: where STS is asked for every role on the way.
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

/// The variable with the service's own kind of key.
pub fn api_key_variable(service: Service) -> &'static str {
    match service {
        Service::AnthropicAws => "ANTHROPIC_AWS_API_KEY",
        _ => "AWS_BEARER_TOKEN_BEDROCK",
    }
}

/// Whether requests go out unsigned: each service has a switch of its own.
pub fn skips_authentication(environment: &Environment, service: Service) -> bool {
    let switch = match service {
        Service::Mantle => "CLAUDE_CODE_SKIP_MANTLE_AUTH",
        Service::AnthropicAws => "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH",
        _ => "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    };
    environment.get(switch).is_some_and(is_on)
}

/// The plan for an environment and its profiles. `export`: whether `awsCredentialExport` is set.
pub fn plan(
    environment: &Environment,
    profiles: &Profiles,
    service: Service,
    rules: Rules,
    export: bool,
) -> Plan {
    // For its sessions the SDK opens the config file a second time, and there it does not expand the home folder.
    let config = environment.get("AWS_CONFIG_FILE");
    let unread = config.is_some_and(|path| path.starts_with("~/"));
    let mut readable = profiles.clone();
    if unread {
        readable.config.1.sso_sessions.clear();
    }
    let mut walk = Walk {
        environment,
        profiles: &readable,
        service,
        rules,
        links: Vec::new(),
    };
    let _ends = walk.before_the_chain(export)
        || walk.host()
        || walk.environment()
        || walk.profile()
        || walk.web_identity()
        || walk.container()
        || walk.instance_metadata();
    Plan { links: walk.links }
}

/// The walk along the chain. Each step says whether the chain ends there.
struct Walk<'a> {
    environment: &'a Environment,
    profiles: &'a Profiles,
    service: Service,
    rules: Rules,
    links: Vec<Link>,
}

const ENDS: bool = true;
const GOES_ON: bool = false;

impl Walk<'_> {
    fn try_it(&mut self, provider: Provider) {
        self.links.push(Link::Try(provider));
    }

    /// Nothing to try: it has nothing to offer here.
    fn pass_over(&mut self, provider: CredentialKind, reason: String) -> bool {
        self.settle(provider, StepOutcome::PassedOver, reason, None)
    }

    /// Nothing to try: what is configured is not complete.
    fn fail(&mut self, provider: CredentialKind, cause: &str, reason: String) -> bool {
        self.settle(provider, StepOutcome::Failed, reason, Some(cause))
    }

    fn settle(
        &mut self,
        provider: CredentialKind,
        outcome: StepOutcome,
        reason: String,
        cause: Option<&str>,
    ) -> bool {
        let step = step(provider, outcome, reason, cause);
        self.links.push(Link::Settled(step));
        GOES_ON
    }

    /// What Claude Code looks at before the SDK's chain.
    fn before_the_chain(&mut self, export: bool) -> bool {
        let key = self.environment.get(api_key_variable(self.service));
        if key.is_some_and(|key| !key.trim().is_empty()) {
            self.try_it(Provider::ApiKey);
            return ENDS;
        }
        if skips_authentication(self.environment, self.service) {
            self.try_it(Provider::Unsigned);
            return ENDS;
        }
        if export {
            self.try_it(Provider::Export);
        }
        GOES_ON
    }

    /// Whoever embeds Claude Code delivers the credentials: as keys in the environment, or as a profile with AWS files of
    /// its own, or there are none (seen, 2.1.330).
    fn host(&mut self) -> bool {
        if !self.environment.is_managed_by_host() {
            return GOES_ON;
        }
        let kind = CredentialKind::Environment;
        let is_set = |name| {
            let value = self.environment.get(name);
            value.is_some_and(|value| !value.trim().is_empty())
        };
        if is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY") {
            self.try_it(Provider::Environment);
            return ENDS;
        }
        let own_files = is_set("AWS_CONFIG_FILE") || is_set("AWS_SHARED_CREDENTIALS_FILE");
        if let Some(name) = self.environment.get("AWS_PROFILE").filter(|_| own_files) {
            match profile::provider(name, self.profiles) {
                Ok(provider) => self.try_it(Provider::Profile(provider)),
                Err(dead) => {
                    let words = || {
                        format!(
                            "Could not resolve credentials using profile: [{name}] in configuration/credentials file(s)."
                        )
                    };
                    let printed = dead.printed.unwrap_or_else(words);
                    let step = step(dead.provider, StepOutcome::Stopped, dead.reason, dead.cause);
                    self.links.push(Link::Stopped { step, printed });
                }
            }
            return ENDS;
        }
        let reason = "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST is set, so only keys in the environment count, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set";
        let step = step(
            kind,
            StepOutcome::Stopped,
            reason.to_owned(),
            Some("host-without-credentials"),
        );
        let service = match self.service {
            Service::Mantle => "Mantle",
            Service::AnthropicAws => "Anthropic-on-AWS",
            _ => "Bedrock",
        };
        let printed = format!(
            "{service} credentials are managed by the desktop app, but none are available. Background agents and teammates are not supported for this credential kind. Run this from the main session, or switch the desktop app to a profile-based or API-key credential. If this is the main session, restart the desktop app."
        );
        self.links.push(Link::Stopped { step, printed });
        ENDS
    }

    fn environment(&mut self) -> bool {
        let kind = CredentialKind::Environment;
        let key = self.environment.get("AWS_ACCESS_KEY_ID").is_some();
        let secret = self.environment.get("AWS_SECRET_ACCESS_KEY").is_some();
        let half = "half-environment-keys";
        match (self.environment.get("AWS_PROFILE"), key, secret) {
            (Some(profile), true, true) => {
                let reason = format!(
                    "keys are set, but Claude Code skips them because AWS_PROFILE is `{profile}`"
                );
                self.pass_over(kind, reason)
            }
            (Some(_), _, _) => self.pass_over(kind, "AWS_PROFILE is set".to_owned()),
            (None, true, true) => {
                self.try_it(Provider::Environment);
                ENDS
            }
            (None, true, false) => {
                let reason = "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not";
                self.fail(kind, half, reason.to_owned())
            }
            (None, false, true) => {
                let reason = "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not";
                self.fail(kind, half, reason.to_owned())
            }
            (None, false, false) => {
                let reason = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set";
                self.pass_over(kind, reason.to_owned())
            }
        }
    }

    fn profile(&mut self) -> bool {
        let name = self.environment.get("AWS_PROFILE").unwrap_or("default");
        let is_process = match profile::provider(name, self.profiles) {
            Ok(provider @ ProfileProvider::Login { .. }) if !self.rules.has(Rule::AwsLogin) => {
                let version = self.rules.version;
                let reason = format!("Claude Code {version} does not know `login_session`");
                self.fail(provider.kind(), "profile-without-credentials", reason);
                false
            }
            Ok(provider) => {
                let is_process = matches!(provider, ProfileProvider::Process { .. });
                // Only these can fail without ending the chain.
                let goes_on = is_process || matches!(provider, ProfileProvider::AssumeRole(_));
                self.try_it(Provider::Profile(provider));
                if !goes_on {
                    return ENDS;
                }
                is_process
            }
            Err(dead) => {
                match (dead.printed, dead.cause) {
                    (Some(printed), cause) => {
                        let step = step(dead.provider, StepOutcome::Stopped, dead.reason, cause);
                        self.links.push(Link::Stopped { step, printed });
                        return ENDS;
                    }
                    (None, Some(cause)) => self.fail(dead.provider, cause, dead.reason),
                    (None, None) => self.pass_over(dead.provider, dead.reason),
                };
                false
            }
        };
        // The SDK's next provider is the helper of the same profile: a role that failed leaves it its turn.
        // One that was tried already fails again.
        if !is_process && self.profiles.get(name, "credential_process").is_some() {
            let profile = name.to_owned();
            self.try_it(Provider::Profile(ProfileProvider::Process { profile }));
        }
        GOES_ON
    }

    fn web_identity(&mut self) -> bool {
        let kind = CredentialKind::WebIdentity;
        let get = |name| self.environment.get(name).map(str::to_owned);
        match (get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN")) {
            (Some(token_file), Some(role_arn)) => {
                let session_name = get("AWS_ROLE_SESSION_NAME");
                self.try_it(Provider::WebIdentity(WebIdentity {
                    role_arn,
                    token_file,
                    session_name,
                }));
                ENDS
            }
            (Some(_), None) | (None, Some(_)) => {
                let reason = "only one of AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN is set";
                self.fail(kind, "irsa-pod-identity-not-used", reason.to_owned())
            }
            (None, None) => {
                let reason = "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set";
                self.pass_over(kind, reason.to_owned())
            }
        }
    }

    fn container(&mut self) -> bool {
        let names = [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        if names
            .iter()
            .any(|name| self.environment.get(name).is_some())
        {
            self.try_it(Provider::Container);
            return ENDS;
        }
        let reason = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set";
        self.pass_over(CredentialKind::Container, reason.to_owned())
    }

    fn instance_metadata(&mut self) -> bool {
        // JavaScript's rule: everything but an unset variable and `false` disables.
        match self.environment.get("AWS_EC2_METADATA_DISABLED") {
            Some(value) if value != "false" => {
                let reason = format!("AWS_EC2_METADATA_DISABLED is `{value}`");
                self.pass_over(CredentialKind::InstanceMetadata, reason)
            }
            _ => {
                self.try_it(Provider::InstanceMetadata);
                ENDS
            }
        }
    }
}

fn step(
    provider: CredentialKind,
    outcome: StepOutcome,
    reason: String,
    cause: Option<&str>,
) -> Step {
    Step {
        provider,
        outcome,
        reason,
        failure: None,
        cause: cause.map(str::to_owned),
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
        let plan = plan(
            &Environment::merge(&shell, &[]),
            &profiles,
            Service::Bedrock,
            Rules::of(None),
            false,
        );
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

    /// The links of a plan in short: `kind outcome`, tried ones as `try kind`.
    #[track_caller]
    fn plans(shell: &[(&str, &str)], config: &str, credentials: &str, want: &[&str]) {
        let shell = shell
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let profiles = Profiles {
            config: ("~/.aws/config".to_owned(), parse(config, FileKind::Config)),
            credentials: (
                "~/.aws/credentials".to_owned(),
                parse(credentials, FileKind::Credentials),
            ),
        };
        let environment = Environment::merge(&shell.collect(), &[]);
        let plan = plan(
            &environment,
            &profiles,
            Service::Bedrock,
            Rules::of(None),
            false,
        );
        let links: Vec<String> = plan
            .links
            .iter()
            .map(|link| match link {
                Link::Try(provider) => format!("try {:?}", provider.kind()),
                Link::Stopped { step, .. } => format!("stop {:?}", step.provider),
                Link::Settled(step) => match &step.cause {
                    Some(cause) => format!("{:?} {cause}", step.provider),
                    None => format!("{:?} -", step.provider),
                },
            })
            .collect();
        assert_eq!(links, want);
    }

    const KEYS: &str = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";

    #[test]
    fn keys_in_the_environment_end_the_chain_unless_a_profile_is_named() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
        ];
        plans(&keys, "", "", &["try Environment"]);
        let mut named = keys.to_vec();
        named.push(("AWS_PROFILE", "p"));
        plans(
            &named,
            "",
            &format!("[p]\n{KEYS}"),
            &["Environment -", "try ProfileStatic"],
        );
        let mut empty = keys.to_vec();
        empty.push(("AWS_PROFILE", ""));
        plans(&empty, "", "", &["try Environment"]);
    }

    #[test]
    fn bearer_and_skip_auth_come_before_everything() {
        let keys = [
            ("AWS_BEARER_TOKEN_BEDROCK", "ABSK"),
            ("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1"),
            ("AWS_PROFILE", "p"),
        ];
        plans(&keys, "", "", &["try ApiKey"]);
        plans(&keys[1..], "", "", &["try Unsigned"]);
        plans(
            &[
                ("AWS_BEARER_TOKEN_BEDROCK", "  "),
                ("AWS_EC2_METADATA_DISABLED", "1"),
            ],
            "",
            "",
            &[
                "Environment -",
                "ProfileStatic -",
                "WebIdentity -",
                "Container -",
                "InstanceMetadata -",
            ],
        );
    }

    #[test]
    fn a_profile_delivers_in_the_order_of_the_sdk_for_javascript() {
        let sso = "sso_session = s\nsso_account_id = 1\nsso_role_name = R\n";
        let session = "[sso-session s]\nsso_start_url = x\nsso_region = eu-west-1\n";
        let process = "credential_process = x\n";
        let profile = [("AWS_PROFILE", "p"), ("AWS_EC2_METADATA_DISABLED", "1")];
        let p = |keys: &str| format!("[profile p]\n{keys}{session}");
        let goes_on = |first| {
            vec![
                "Environment -",
                first,
                "WebIdentity -",
                "Container -",
                "InstanceMetadata -",
            ]
        };
        let ends = |first| vec!["Environment -", first];
        plans(
            &profile,
            &p(&format!("{KEYS}{sso}{process}")),
            "",
            &ends("try ProfileStatic"),
        );
        plans(
            &profile,
            &p(&format!("{process}{sso}")),
            "",
            &goes_on("try CredentialProcess"),
        );
        plans(
            &profile,
            &p(&format!("{sso}login_session = a\n")),
            "",
            &ends("try Sso"),
        );
        plans(&profile, &p("login_session = a\n"), "", &ends("try Login"));
        plans(
            &profile,
            &p(&format!("role_arn = r\n{KEYS}")),
            "",
            &ends("try ProfileStatic"),
        );
        plans(
            &profile,
            &p("role_arn = r\nweb_identity_token_file = t\n"),
            "",
            &ends("try WebIdentity"),
        );
        plans(
            &profile,
            &p(&format!("role_arn = r\nsource_profile = p\n{KEYS}")),
            "",
            &goes_on("try AssumeRole"),
        );
    }

    #[test]
    fn a_role_that_leads_nowhere_leaves_the_helper_of_the_profile_its_turn() {
        let profile = [("AWS_PROFILE", "p"), ("AWS_EC2_METADATA_DISABLED", "1")];
        let rest = ["WebIdentity -", "Container -", "InstanceMetadata -"];
        for (source, first) in [
            ("source_profile = q", "AssumeRole source-profile-not-found"),
            ("credential_source = Environment", "try AssumeRole"),
        ] {
            let config = format!("[profile p]\nrole_arn = r\n{source}\ncredential_process = x\n");
            let mut want = vec!["Environment -", first, "try CredentialProcess"];
            want.extend(rest);
            plans(&profile, &config, "", &want);
        }
    }

    #[test]
    fn multi_factor_authentication_ends_the_chain_before_the_source_is_asked() {
        let words = "Profile p requires multi-factor authentication, but no MFA code callback was provided.";
        let role = "[profile p]\nrole_arn = r\nmfa_serial = m\n";
        prints(&format!("{role}source_profile = q\n"), words);
        prints(&format!("{role}credential_source = Environment\n"), words);
        prints(
            &format!(
                "[profile q]\nrole_arn = r\nsource_profile = z\nmfa_serial = m\n{role}source_profile = q\n"
            ),
            words,
        );
    }

    #[test]
    fn a_source_without_a_role_passes_on_what_it_is_given() {
        let profile = [("AWS_PROFILE", "p"), ("AWS_EC2_METADATA_DISABLED", "1")];
        let rest = ["WebIdentity -", "Container -", "InstanceMetadata -"];
        for (source, second) in [
            ("credential_source = Environment", "try AssumeRole"),
            (
                "credential_source = Moon",
                "AssumeRole credential-source-unknown",
            ),
            (
                "credential_source = Moon\nsource_profile = z",
                "AssumeRole source-profile-not-found",
            ),
            (
                "credential_source = Moon\nsource_profile = q",
                "AssumeRole source-profile-loop",
            ),
        ] {
            let config =
                format!("[profile p]\nrole_arn = r\nsource_profile = q\n[profile q]\n{source}\n");
            let mut want = vec!["Environment -", second];
            want.extend(rest);
            plans(&profile, &config, "", &want);
        }
    }

    #[test]
    fn every_role_on_the_way_is_asked_for_in_the_region_of_the_active_profile() {
        let config = "[profile p]\nrole_arn = r\nsource_profile = q\nregion = eu-west-1\nduration_seconds = 900s\n[profile q]\nrole_arn = r\ncredential_source = Environment\nregion = us-west-2\n";
        let profiles = Profiles {
            config: ("~/.aws/config".to_owned(), parse(config, FileKind::Config)),
            ..Profiles::default()
        };
        let Ok(ProfileProvider::AssumeRole(outer)) = profile::provider("p", &profiles) else {
            panic!("no role");
        };
        let Base::Profile(ProfileProvider::AssumeRole(inner)) = &outer.base else {
            panic!("no second role");
        };
        assert_eq!(outer.region.as_deref(), Some("eu-west-1"));
        assert_eq!(inner.region.as_deref(), Some("eu-west-1"));
        assert_eq!(
            (outer.duration_seconds, inner.duration_seconds),
            (Some(900), None)
        );
    }

    #[test]
    fn a_session_replaces_what_the_profile_says_and_is_not_read_below_the_home_folder() {
        let config = "[profile p]\nsso_session = s\nsso_account_id = 1\nsso_role_name = R\nsso_region = eu-west-1\n[sso-session s]\nsso_start_url = x\n";
        plans(
            &[("AWS_PROFILE", "p")],
            config,
            "",
            &["Environment -", "stop Sso"],
        );
        let config = format!("{config}sso_region = eu-west-1\n");
        plans(
            &[("AWS_PROFILE", "p")],
            &config,
            "",
            &["Environment -", "try Sso"],
        );
        let below = [("AWS_PROFILE", "p"), ("AWS_CONFIG_FILE", "~/config")];
        plans(&below, &config, "", &["Environment -", "stop Sso"]);
    }

    #[test]
    fn where_a_host_delivers_the_credentials_only_what_it_sets_counts() {
        let host = ("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", "1");
        let [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let profile = ("AWS_PROFILE", "p");
        let config = format!("[default]\n{KEYS}[profile p]\n{KEYS}");
        for (others, want) in [
            (
                vec![(id, "AKIA"), (secret, "s"), profile],
                "try Environment",
            ),
            (vec![("AWS_BEARER_TOKEN_BEDROCK", "t")], "try ApiKey"),
            (vec![("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")], "try Unsigned"),
            (vec![], "stop Environment"),
            (vec![profile], "stop Environment"),
            (vec![(id, "AKIA")], "stop Environment"),
            (vec![(id, " "), (secret, "s")], "stop Environment"),
            (
                vec![("AWS_ROLE_ARN", "r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "t")],
                "stop Environment",
            ),
        ] {
            let shell = [vec![host], others].concat();
            plans(&shell, &config, "", &[want]);
        }
    }

    #[test]
    fn what_a_profile_lacks_is_named() {
        let profile = [("AWS_PROFILE", "p"), ("AWS_EC2_METADATA_DISABLED", "1")];
        for (keys, cause) in [
            ("aws_access_key_id = AKIA\n", "ProfileStatic half-profile"),
            ("role_arn = r\n", "AssumeRole role-without-source"),
            (
                "role_arn = r\nsource_profile = q\n",
                "AssumeRole source-profile-not-found",
            ),
            (
                "role_arn = r\ncredential_source = Moon\n",
                "AssumeRole credential-source-unknown",
            ),
            (
                "role_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n",
                "AssumeRole source-profile-loop",
            ),
            (
                "region = eu-west-1\n",
                "ProfileStatic profile-without-credentials",
            ),
        ] {
            let config = format!("[profile p]\n{keys}");
            let want = [
                "Environment -",
                cause,
                "WebIdentity -",
                "Container -",
                "InstanceMetadata -",
            ];
            plans(&profile, &config, "", &want);
        }
        let want = [
            "Environment -",
            "ProfileStatic aws-profile-not-found",
            "WebIdentity -",
            "Container -",
            "InstanceMetadata -",
        ];
        plans(&profile, "", "", &want);
    }

    #[test]
    fn the_chain_ends_at_the_machine_itself() {
        plans(
            &[],
            "",
            "",
            &[
                "Environment -",
                "ProfileStatic -",
                "WebIdentity -",
                "Container -",
                "try InstanceMetadata",
            ],
        );
        plans(
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/")],
            "",
            "",
            &[
                "Environment -",
                "ProfileStatic -",
                "WebIdentity -",
                "try Container",
            ],
        );
        plans(
            &[
                ("AWS_ROLE_ARN", "r"),
                ("AWS_EC2_METADATA_DISABLED", "false"),
            ],
            "",
            "",
            &[
                "Environment -",
                "ProfileStatic -",
                "WebIdentity irsa-pod-identity-not-used",
                "Container -",
                "try InstanceMetadata",
            ],
        );
    }
}
