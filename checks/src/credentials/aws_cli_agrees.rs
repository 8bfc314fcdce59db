//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{profile_flag, short_key_id};
use crate::check::{Check, Family, Meta, Seen, not_for};
use crate::claude_code::region::is_malformed;
use crate::configuration::{VariablesConsistent, open_at, remove_at, set_at};
use crate::facts::{
    AwsCli, AwsCliCredentials, AwsCliError, CallerIdentity, Configuration, CredentialKind,
    Credentials, Source, SourceKind, StepOutcome, Value,
};
use crate::finding::{Basis, Finding, Status};
use crate::region::RegionChosen;
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct AwsCliAgrees;

impl Check for AwsCliAgrees {
    const META: &'static Meta = &Meta {
        id: "aws-cli-agrees",
        family: Family::Credentials,
        title: "the AWS CLI would use what Claude Code uses",
        file: file!(),
        docs: "
## What it looks at

Which profile, credentials and Region `aws` (version 2) would use in the same shell, by its own rules, beside what
Claude Code uses. `aws` is not started, and nobody is asked. What `variables-consistent`, `region-chosen` and
`ca-files-usable` say already is not said again, and neither are two ways to the same account.

## Why it matters

Most people test with `aws sts get-caller-identity`. The two decide differently: `aws` prefers keys in the environment
to `AWS_PROFILE`, reads `AWS_DEFAULT_PROFILE`, tries the sources inside a profile in another order, and never reads
Claude Code's settings files. What works in one then says nothing about the other.

## How to fix it

Name the same profile for both with `export AWS_PROFILE=`, or test with `aws --profile` and the profile that Claude
Code uses.
",
    };

    type Needs<'a> = (
        &'a Configuration,
        Seen<'a, AwsCli>,
        Seen<'a, Credentials>,
        Seen<'a, CallerIdentity>,
    );

    fn run(
        (configuration, Seen(aws), Seen(credentials), Seen(identity)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let Some(aws) = aws.known() else {
            return vec![Finding::not_applicable(
                "what the AWS CLI would use was not collected",
            )];
        };
        if !configuration.provider.value.uses_bedrock() {
            return vec![not_for(configuration.provider.value)];
        }
        let both = Both {
            configuration,
            aws,
            credentials: credentials.known(),
            identity: identity.known(),
        };
        let findings = [both.credentials(), both.region(), both.certificates()];
        let findings: Vec<Finding> = findings.into_iter().flatten().collect();
        if findings.is_empty() {
            return vec![both.nothing_to_say()];
        }
        findings
    }
}

/// What is compared.
struct Both<'a> {
    configuration: &'a Configuration,
    aws: &'a AwsCli,
    credentials: Option<&'a Credentials>,
    identity: Option<&'a CallerIdentity>,
}

impl Both<'_> {
    fn of_aws(&self) -> &AwsCliCredentials {
        &self.aws.credentials.value
    }

    /// Whether `aws` finds something. Instance metadata is its last resort, which nobody asked.
    fn aws_has(&self) -> bool {
        let nothing = [CredentialKind::None, CredentialKind::InstanceMetadata];
        !nothing.contains(&self.of_aws().kind)
    }

    /// The sources that Claude Code uses, or that failed it; none when it needs no AWS credentials.
    fn sources(&self) -> Option<Vec<CredentialKind>> {
        let credentials = self.credentials?;
        match credentials.kind {
            CredentialKind::ApiKey | CredentialKind::Unsigned => None,
            CredentialKind::None => {
                // Keys cannot fail: where that is said, Claude Code found none.
                let keys = [CredentialKind::Environment, CredentialKind::ProfileStatic];
                let steps = credentials.steps.iter();
                let tried = steps.filter(|step| step.outcome != StepOutcome::PassedOver);
                let tried = tried.map(|step| step.provider);
                Some(tried.filter(|kind| !keys.contains(kind)).collect())
            }
            kind => Some(vec![kind]),
        }
    }

    /// Whether Claude Code ends without credentials. A source that was not tried may still deliver, but instance
    /// metadata is as little of a source here as it is for `aws`.
    fn claude_has_none(&self) -> bool {
        self.credentials.is_some_and(|credentials| {
            let mut steps = credentials.steps.iter();
            let open = steps.any(|step| {
                step.outcome == StepOutcome::NotTried
                    && step.provider != CredentialKind::InstanceMetadata
            });
            credentials.kind == CredentialKind::None && !open
        })
    }

    /// Whether nothing but instance metadata is left to Claude Code, and nobody asked that.
    fn claude_has_only_metadata(&self) -> bool {
        self.credentials.is_some_and(|credentials| {
            credentials.kind == CredentialKind::InstanceMetadata
                && credentials.access_key_id.is_none()
        })
    }

    fn account_of_claude(&self) -> Option<&str> {
        let asked = self.identity.map(|identity| identity.account.as_str());
        asked.or_else(|| {
            let credentials = self.credentials?;
            let of_role = || credentials.role_arns.last()?.split(':').nth(4);
            credentials.configured_account.as_deref().or_else(of_role)
        })
    }

    /// Whether both take their credentials from the same place, or take the same key.
    fn same_source(&self, sources: &[CredentialKind]) -> bool {
        let (aws, profile) = (self.of_aws(), &self.configuration.profile.value);
        let ours = self.credentials.and_then(|it| it.access_key_id.as_ref());
        if let (Some(ours), Some(theirs)) = (ours, aws.access_key_id.as_ref()) {
            return ours == theirs;
        }
        sources.contains(&aws.kind) && aws.profile.as_ref().is_none_or(|name| name == profile)
    }

    fn same_account(&self) -> bool {
        let accounts = (self.account_of_claude(), self.of_aws().account.as_deref());
        !self.claude_has_none() && matches!(accounts, (Some(one), Some(other)) if one == other)
    }

    fn credentials(&self) -> Option<Finding> {
        let sources = self.sources()?;
        let aws = self.of_aws();
        if let Some(error) = &aws.error {
            return self.aws_stops(error);
        }
        if !self.aws_has() || self.same_source(&sources) || self.same_account() {
            return None;
        }
        let theirs = self.words_of_aws();
        let (code, what) = if self.claude_has_none() {
            (
                "aws-cli-has-credentials-claude-code-has-none",
                format!(
                    "`aws` finds credentials here, Claude Code finds none: `aws` uses {theirs}"
                ),
            )
        } else if self.told() {
            return None;
        } else {
            let ours = self.words_of_claude()?;
            (
                "aws-cli-uses-other-credentials",
                format!("`aws` uses {theirs}, Claude Code uses {ours}"),
            )
        };
        let what = match self.because() {
            Some(because) => format!("{what}; {because}"),
            None => what,
        };
        let finding = Finding::warn(code, what)
            .why("so `aws sts get-caller-identity` tells nothing about Claude Code")
            .evidence(Basis::Inferred, "the rules of both, `aws` was not started");
        Some(self.remedies(finding))
    }

    /// Whether `variables-consistent` tells what makes the difference.
    fn told(&self) -> bool {
        let told = VariablesConsistent::run((self.configuration,));
        told.iter().any(|finding| match finding.code.as_deref() {
            Some("static-env-keys-shadow-profile") => {
                self.of_aws().kind == CredentialKind::Environment
            }
            Some("aws-default-profile-ignored") => self.aws_by_default_profile(),
            Some("empty-string-aws-variables") => self.aws.profile.value.is_empty(),
            Some("settings-env-overrides-shell") => finding.subject.as_deref().is_some_and(|it| {
                ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE"].contains(&it)
            }),
            _ => false,
        })
    }

    fn aws_by_default_profile(&self) -> bool {
        self.aws.profile.source.name.as_deref() == Some("AWS_DEFAULT_PROFILE")
    }

    fn aws_stops(&self, error: &AwsCliError) -> Option<Finding> {
        if self.claude_has_none() || self.claude_has_only_metadata() || self.told() {
            return None;
        }
        let ours = self.words_of_claude()?;
        let finding = Finding::warn(
            "aws-cli-stops",
            format!(
                "`aws` ends with an error here ({}: {}), Claude Code does not and uses {ours}",
                error.name, error.reason
            ),
        )
        .why("`aws` can neither be used for a test nor for signing in")
        .evidence(Basis::Inferred, "the rules of both, `aws` was not started");
        let source = &self.aws.credentials.source;
        Some(match (&source.path, &source.name) {
            (Some(path), _) => {
                let text = format!("mend {}", source.words());
                finding.fix_command(text, open_at(path, source.line))
            }
            (None, Some(name)) => remove_at(finding, source, name),
            (None, None) => finding,
        })
    }

    fn words_of_aws(&self) -> String {
        let aws = self.of_aws();
        let key = aws.access_key_id.as_deref().map(short_key_id);
        match (&aws.profile, key) {
            (Some(profile), _) if self.aws_by_default_profile() => {
                format!(
                    "profile `{profile}` of `AWS_DEFAULT_PROFILE` ({})",
                    aws.kind.words()
                )
            }
            (Some(profile), _) => format!("profile `{profile}` ({})", aws.kind.words()),
            (None, Some(key)) => format!("the {} ({key})", aws.kind.words()),
            (None, None) => aws.kind.words().to_owned(),
        }
    }

    fn words_of_claude(&self) -> Option<String> {
        let kind = self.credentials?.kind;
        Some(match &self.credentials?.profile {
            Some(profile) => format!("profile `{profile}` ({})", kind.words()),
            None if kind == CredentialKind::None => {
                format!("profile `{}`", self.configuration.profile.value)
            }
            None => kind.words().to_owned(),
        })
    }

    /// What makes the difference.
    fn because(&self) -> Option<String> {
        let profile = &self.configuration.profile;
        let in_settings =
            |source: &Source| source.path.is_some() && source.kind != SourceKind::AwsFile;
        let aws = self.of_aws();
        if aws.kind == CredentialKind::Environment && profile.source.kind != SourceKind::Default {
            return Some(format!(
                "Claude Code skips keys in the environment because {} is set",
                profile.source.words()
            ));
        }
        let other_profile = aws.profile.as_ref().is_some_and(|it| *it != profile.value);
        if other_profile && self.aws_by_default_profile() {
            return Some(format!(
                "Claude Code does not read `AWS_DEFAULT_PROFILE` and looks at `{}`",
                profile.value
            ));
        }
        if self.credentials.map(|it| it.kind) == Some(CredentialKind::Export) {
            return Some("`aws` does not know `awsCredentialExport`".to_owned());
        }
        let keys = self.configuration.variable("AWS_ACCESS_KEY_ID");
        let keys = keys.map(|variable| &variable.value.source);
        let source = Some(&profile.source).into_iter().chain(keys);
        if let Some(source) = source.into_iter().find(|source| in_settings(source)) {
            return Some(format!("`aws` does not read {}", source.words()));
        }
        if other_profile || aws.profile.is_none() {
            return None;
        }
        Some(if self.claude_has_none() {
            "Claude Code reads that profile by other rules".to_owned()
        } else {
            "the two look for sources inside a profile in another order".to_owned()
        })
    }

    fn remedies(&self, finding: Finding) -> Finding {
        let profile = &self.configuration.profile;
        let aws = self.of_aws();
        let finding = match &aws.profile {
            Some(theirs) if *theirs != profile.value => {
                let finding = set_at(finding, &decider(profile), "AWS_PROFILE", theirs);
                worded(finding, "to use the profile of `aws` in Claude Code")
            }
            Some(_) if self.credentials.map(|it| it.kind) == Some(CredentialKind::Export) => finding,
            Some(theirs) => finding.fix(format!(
                "keep one source of credentials in profile `{theirs}`, written as Claude Code reads it"
            )),
            None if aws.kind == CredentialKind::Environment
                && profile.source.kind != SourceKind::Default =>
            {
                let finding = remove_at(finding, &profile.source, "AWS_PROFILE");
                worded(finding, "to use the keys in Claude Code")
            }
            None => finding,
        };
        let ours = self.credentials.and_then(|it| it.profile.as_ref());
        let Some(ours) = ours.filter(|&ours| aws.profile.as_ref() != Some(ours)) else {
            return finding;
        };
        // The flag, and not the variable: keys in the environment beat the variable.
        let flag = match profile_flag(ours) {
            flag if flag.is_empty() => " --profile default".to_owned(),
            flag => flag,
        };
        finding.fix_command(
            "to see with `aws` whom Claude Code is",
            format!("aws sts get-caller-identity{flag}"),
        )
    }

    /// The Region of `aws`, when it is not Claude Code's.
    fn other_region(&self) -> Option<&Value<String>> {
        let ours = &self.configuration.region.value;
        let region = self.aws.region.as_ref()?;
        (!region.value.is_empty() && region.value != *ours).then_some(region)
    }

    fn region(&self) -> Option<Finding> {
        let (theirs, ours) = (self.other_region()?, &self.configuration.region);
        if !self.aws_has() || (self.aws_by_default_profile() && self.told()) {
            return None;
        }
        let told = RegionChosen::run((self.configuration,));
        if told.iter().any(|finding| finding.status != Status::Pass) {
            return None;
        }
        let finding = Finding::warn(
            "aws-cli-uses-other-region",
            format!(
                "`aws` uses Region `{}` ({}), Claude Code uses `{}` ({})",
                theirs.value,
                theirs.source.words(),
                ours.value,
                ours.source.words()
            ),
        )
        .subject("Region")
        .why("models, inference profiles and permissions differ from Region to Region")
        .evidence(Basis::Inferred, "the rules of both, `aws` was not started");
        let finding = finding.fix_command(
            "to see with `aws` what Claude Code sees",
            format!(
                "aws bedrock list-inference-profiles --region {}",
                shell_word(&ours.value)
            ),
        );
        if is_malformed(theirs.value.trim()) {
            return Some(match &theirs.source.path {
                Some(path) => finding.fix_command(
                    format!("leave only the Region in {}", theirs.source.words()),
                    open_at(path, theirs.source.line),
                ),
                None => finding,
            });
        }
        let finding = set_at(finding, &decider(ours), "AWS_REGION", &theirs.value);
        Some(worded(
            finding,
            "or, to use the Region of `aws` in Claude Code",
        ))
    }

    /// A file of certificates that only `aws` reads; `ca-files-usable` speaks of `AWS_CA_BUNDLE`.
    fn certificates(&self) -> Option<Finding> {
        let bundle = self.aws.ca_bundle.as_ref()?;
        let source = &bundle.source;
        let mut files = self.configuration.ca_files.iter();
        if source.name.as_deref() == Some("AWS_CA_BUNDLE") || files.any(|file| file.honoured) {
            return None;
        }
        let finding = Finding::warn(
            "aws-ca-bundle-not-honoured",
            format!(
                "`aws` trusts the certificates in `{}` ({}), Claude Code does not read that",
                bundle.value,
                source.words()
            ),
        )
        .subject("certificates")
        .why("behind a proxy that inspects TLS, `aws` may work where Claude Code does not")
        .evidence(Basis::Inferred, "the rules of both, `aws` was not started");
        Some(finding.fix_command(
            "name the same file in the variable that Claude Code reads",
            format!("export NODE_EXTRA_CA_CERTS={}", shell_word(&bundle.value)),
        ))
    }

    /// There is no difference, or none that nobody told, or nothing to compare.
    fn nothing_to_say(&self) -> Finding {
        let aws = self.of_aws();
        let Some(sources) = self.sources() else {
            let words = match self.credentials {
                Some(credentials) => credentials.kind.words(),
                None => return Finding::not_applicable("Claude Code's credentials are not known"),
            };
            return Finding::not_applicable(format!(
                "Claude Code needs no AWS credentials: {words}"
            ));
        };
        let claude = if self.claude_has_none() {
            "has none"
        } else {
            "has some"
        };
        if let Some(error) = &aws.error {
            let what = format!("`aws` ends with {}, Claude Code {claude}", error.name);
            return Finding::not_applicable(what);
        }
        if !self.aws_has() {
            let what = format!("`aws` has no credentials here to compare, Claude Code {claude}");
            return Finding::not_applicable(what);
        }
        let theirs = self.words_of_aws();
        let account = if self.same_source(&sources) {
            ""
        } else if self.same_account() {
            ", which is in the account of Claude Code"
        } else {
            return Finding::not_applicable(format!(
                "`aws` uses {theirs}: the difference is told by `variables-consistent`"
            ));
        };
        if let Some(region) = self.other_region() {
            return Finding::not_applicable(format!(
                "`aws` uses Region `{}`: the difference is told by `region-chosen`",
                region.value
            ));
        }
        Finding::pass(format!("`aws` would use {theirs}{account}"))
            .evidence(Basis::Inferred, "the rules of both, `aws` was not started")
    }
}

/// Where a value has to be changed for Claude Code: in the settings file that decides, else in the environment.
fn decider(value: &Value<String>) -> Source {
    let source = &value.source;
    if source.path.is_some() && source.kind != SourceKind::AwsFile {
        return source.clone();
    }
    Source::environment(source.name.as_deref().unwrap_or_default())
}

/// Puts a purpose before the last step.
fn worded(mut finding: Finding, purpose: &str) -> Finding {
    if let Some(step) = finding.fix.last_mut() {
        step.text = format!("{purpose}, {}", step.text);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{CaFile, Facts, Observed, Provider, Step};
    use crate::sample::{from_settings, from_shell, healthy, only, variable};

    const CHECK: Entry = Entry::of::<AwsCliAgrees>();
    const NONE: &str = "aws-cli-has-credentials-claude-code-has-none";
    const OTHER: &str = "aws-cli-uses-other-credentials";
    const REGION: &str = "aws-cli-uses-other-region";

    /// The healthy machine after a change of all three.
    fn with(change: impl FnOnce(&mut Configuration, &mut AwsCli, &mut Credentials)) -> Facts {
        let mut facts = healthy();
        if let (
            Observed::Known(configuration),
            Observed::Known(aws),
            Observed::Known(credentials),
        ) = (
            &mut facts.configuration,
            &mut facts.aws_cli,
            &mut facts.credentials,
        ) {
            change(configuration, aws, credentials);
        }
        facts
    }

    /// Claude Code ends without credentials after this provider failed.
    fn ends(credentials: &mut Credentials, provider: CredentialKind) {
        let step = Step {
            provider,
            outcome: StepOutcome::Failed,
            reason: "because".into(),
            failure: None,
            cause: None,
        };
        *credentials = Credentials::none(vec![step], Some("no".into()));
    }

    fn keys_in_shell(aws: &mut AwsCli) {
        let kind = CredentialKind::Environment;
        aws.credentials.value = AwsCliCredentials {
            access_key_id: Some("AKIAOTHERKEY00000001".into()),
            ..AwsCliCredentials::of(kind)
        };
    }

    fn default_profile(aws: &mut AwsCli) {
        aws.profile = from_shell("AWS_DEFAULT_PROFILE", "prod".into());
        aws.credentials.value = AwsCliCredentials {
            profile: Some("prod".into()),
            ..AwsCliCredentials::of(CredentialKind::Sso)
        };
    }

    fn quiet(facts: &Facts) -> String {
        only(&CHECK, facts, Status::NotApplicable, None).what
    }

    #[track_caller]
    fn warns(facts: &Facts, code: &str, what: &str, commands: &[&str]) {
        let finding = only(&CHECK, facts, Status::Warn, Some(code));
        assert_eq!(finding.what, what);
        let told = finding.fix.iter();
        let told: Vec<&str> = told.filter_map(|step| step.command.as_deref()).collect();
        assert_eq!(told, commands, "{:#?}", finding.fix);
    }

    #[test]
    fn the_same_key_is_no_difference() {
        only(&CHECK, &healthy(), Status::Pass, None);
        let elsewhere = with(|_, aws, credentials| {
            keys_in_shell(aws);
            aws.credentials.value.access_key_id = credentials.access_key_id.clone();
        });
        only(&CHECK, &elsewhere, Status::Pass, None);
    }

    #[test]
    fn the_same_account_is_no_difference() {
        let facts = with(|_, aws, _| {
            keys_in_shell(aws);
            aws.credentials.value.account = Some("123456789012".into());
        });
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn what_fails_for_both_is_no_difference() {
        let facts = with(|_, aws, credentials| {
            ends(credentials, CredentialKind::Sso);
            aws.credentials.value.kind = CredentialKind::Sso;
            aws.credentials.value.access_key_id = None;
        });
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn aws_finds_the_keys_that_claude_code_skips() {
        let facts = with(|_, aws, credentials| {
            ends(credentials, CredentialKind::ProfileStatic);
            keys_in_shell(aws);
        });
        warns(
            &facts,
            NONE,
            "`aws` finds credentials here, Claude Code finds none: `aws` uses the keys in the environment (…0001); Claude Code skips keys in the environment because `AWS_PROFILE` in the environment is set",
            &["unset AWS_PROFILE"],
        );
    }

    #[test]
    fn aws_finds_the_profile_that_claude_code_does_not_look_at() {
        let facts = with(|configuration, aws, credentials| {
            configuration.profile = Value::new("default".into(), Source::default_of("default"));
            configuration
                .variables
                .retain(|it| it.name != "AWS_PROFILE");
            ends(credentials, CredentialKind::ProfileStatic);
            default_profile(aws);
        });
        warns(
            &facts,
            NONE,
            "`aws` finds credentials here, Claude Code finds none: `aws` uses profile `prod` of `AWS_DEFAULT_PROFILE` (IAM Identity Center); Claude Code does not read `AWS_DEFAULT_PROFILE` and looks at `default`",
            &["export AWS_PROFILE=prod"],
        );
    }

    #[test]
    fn aws_reads_keys_in_upper_case() {
        let facts = with(|_, _, credentials| ends(credentials, CredentialKind::ProfileStatic));
        warns(
            &facts,
            NONE,
            "`aws` finds credentials here, Claude Code finds none: `aws` uses profile `dev` (keys in the profile); Claude Code reads that profile by other rules",
            &[],
        );
    }

    #[test]
    fn aws_does_not_read_settings() {
        let facts = with(|configuration, aws, _| {
            configuration.profile = from_settings("AWS_PROFILE", 4, "dev".into());
            aws.profile = Value::new("default".into(), Source::default_of("default"));
            aws.credentials.value.profile = Some("default".into());
            aws.credentials.value.access_key_id = Some("AKIAOTHERKEY00000001".into());
        });
        let finding = only(&CHECK, &facts, Status::Warn, Some(OTHER));
        assert!(
            finding.what.contains("`aws` does not read `"),
            "{finding:#?}"
        );
        let last = finding.fix.last().and_then(|step| step.command.as_deref());
        assert_eq!(last, Some("aws sts get-caller-identity --profile dev"));
    }

    #[test]
    fn the_order_inside_a_profile_differs() {
        let facts = with(|_, aws, _| {
            aws.credentials.value.kind = CredentialKind::Sso;
            aws.credentials.value.access_key_id = None;
            aws.credentials.value.account = Some("210987654321".into());
        });
        warns(
            &facts,
            OTHER,
            "`aws` uses profile `dev` (IAM Identity Center), Claude Code uses profile `dev` (keys in the profile); the two look for sources inside a profile in another order",
            &[],
        );
    }

    #[test]
    fn what_another_check_tells_is_not_told_again() {
        let skipped = with(|configuration, aws, _| {
            let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
            configuration
                .variables
                .extend(keys.map(|name| variable(name, "x")));
            keys_in_shell(aws);
        });
        assert!(quiet(&skipped).contains("variables-consistent"));
        let ignored = with(|configuration, aws, _| {
            configuration.profile = Value::new("default".into(), Source::default_of("default"));
            configuration.variables = vec![variable("AWS_DEFAULT_PROFILE", "prod")];
            default_profile(aws);
        });
        assert!(quiet(&ignored).contains("variables-consistent"));
    }

    #[test]
    fn regions_differ() {
        let facts = with(|_, aws, _| {
            aws.region = Some(from_shell("AWS_DEFAULT_REGION", "eu-west-1".into()));
        });
        warns(
            &facts,
            REGION,
            "`aws` uses Region `eu-west-1` (`AWS_DEFAULT_REGION` in the environment), Claude Code uses `us-east-1` (`AWS_REGION` in the environment)",
            &[
                "aws bedrock list-inference-profiles --region us-east-1",
                "export AWS_REGION=eu-west-1",
            ],
        );
        let commented = with(|_, aws, _| {
            let source = Source {
                kind: SourceKind::AwsFile,
                path: Some("~/.aws/config".into()),
                line: Some(2),
                name: Some("[dev] region".into()),
            };
            aws.region = Some(Value::new("us-east-1 # home".into(), source));
        });
        let finding = only(&CHECK, &commented, Status::Warn, Some(REGION));
        let last = finding.fix.last().and_then(|step| step.command.as_deref());
        assert_eq!(last, Some("\"${EDITOR:-vi}\" +2 ~/.aws/config"));
    }

    #[test]
    fn aws_stops_where_claude_code_works() {
        let facts = with(|_, aws, _| {
            aws.credentials.value = AwsCliCredentials {
                error: Some(AwsCliError {
                    name: "ConfigParseError".into(),
                    reason: "line 3 of `~/.aws/config` is no `key = value`".into(),
                }),
                ..AwsCliCredentials::of(CredentialKind::None)
            };
            aws.credentials.source.path = Some("~/.aws/config".into());
            aws.credentials.source.line = Some(3);
        });
        warns(
            &facts,
            "aws-cli-stops",
            "`aws` ends with an error here (ConfigParseError: line 3 of `~/.aws/config` is no `key = value`), Claude Code does not and uses profile `dev` (keys in the profile)",
            &["\"${EDITOR:-vi}\" +3 ~/.aws/config"],
        );
    }

    #[test]
    fn certificates_that_only_aws_reads() {
        let bundle = |aws: &mut AwsCli| {
            let file = from_shell("REQUESTS_CA_BUNDLE", "/ca.pem".into());
            aws.ca_bundle = Some(file);
        };
        let facts = with(|_, aws, _| bundle(aws));
        warns(
            &facts,
            "aws-ca-bundle-not-honoured",
            "`aws` trusts the certificates in `/ca.pem` (`REQUESTS_CA_BUNDLE` in the environment), Claude Code does not read that",
            &["export NODE_EXTRA_CA_CERTS=/ca.pem"],
        );
        let both = with(|configuration, aws, _| {
            bundle(aws);
            configuration.ca_files = vec![CaFile {
                variable: "NODE_EXTRA_CA_CERTS".into(),
                path: from_shell("NODE_EXTRA_CA_CERTS", "/ca.pem".into()),
                honoured: true,
                problem: None,
            }];
        });
        only(&CHECK, &both, Status::Pass, None);
    }

    #[test]
    fn nothing_to_compare() {
        let nothing = with(|_, aws, credentials| {
            ends(credentials, CredentialKind::InstanceMetadata);
            aws.credentials.value = AwsCliCredentials::of(CredentialKind::InstanceMetadata);
        });
        let key = with(|_, _, credentials| credentials.kind = CredentialKind::ApiKey);
        let off = with(|configuration, _, _| configuration.provider.value = Provider::Anthropic);
        for (facts, why) in [
            (&nothing, "no credentials here to compare"),
            (&key, "needs no AWS credentials"),
            (&off, "does not apply"),
        ] {
            assert!(quiet(facts).contains(why), "{why}");
        }
        let old = Facts {
            aws_cli: Observed::default(),
            ..healthy()
        };
        assert!(quiet(&old).contains("was not collected"));
    }
}
