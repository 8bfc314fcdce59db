//! Why no source delivered, and what to do in which situation.

use super::{explained, is_broken};
use crate::credentials::{NO_PROVIDERS, cause, profile_flag, unanswered};
use crate::facts::{AwsFiles, Configuration, Credentials, Shown, Step, StepOutcome};
use crate::finding::{Basis, Finding};
use crate::text::{shell_path, shell_word};

/// Causes at an endpoint beside the machine: its silence is no fault of the network but the finding itself.
const ON_THE_MACHINE: [&str; 2] = ["container-refused", "metadata-unreachable"];

/// What the absence of credentials is judged by.
pub(super) struct Missing<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) configuration: &'a Configuration,
    pub(super) files: Option<&'a AwsFiles>,
    pub(super) in_container: bool,
}

impl Missing<'_> {
    pub(super) fn judge(&self) -> Finding {
        let steps = &self.credentials.steps;
        let unanswered = steps
            .iter()
            .filter(|step| {
                (step.outcome == StepOutcome::Stopped && !ON_THE_MACHINE.contains(&cause(step)))
                    || cause(step) == "login-renewal-failed"
            })
            .filter_map(|step| {
                let asked = format!("the call for credentials ({})", step.provider.words());
                unanswered(&asked, step.failure.as_ref()?)
            })
            .next_back();
        if let Some(finding) = unanswered {
            return explained(finding);
        }
        let login = |name: &str| steps.iter().find(|step| cause(step) == name);
        if let Some(step) = login("login-expired").or_else(|| login("login-renewal-failed")) {
            return self.login("login-session-expired", step);
        }
        if let Some(step) = login("login-renewal-denied") {
            let finding = self.login("login-renewal-denied", step);
            return finding.fix("so that it lasts longer next time, let an administrator allow `signin:CreateOAuth2Token`");
        }
        if let Some(step) = login("login-missing") {
            return self.login("login-session-missing", step);
        }
        let printed = self.credentials.error.as_deref().unwrap_or(NO_PROVIDERS);
        let reasons: Vec<&str> = steps
            .iter()
            .filter(|step| is_broken(step))
            .map(|step| step.reason.as_str())
            .collect();
        let what = if reasons.is_empty() {
            format!(
                "nothing is configured that delivers credentials: no keys in the environment, none for profile `{}`, no other source",
                self.configuration.profile.value
            )
        } else {
            format!("no source delivers credentials: {}", reasons.join("; "))
        };
        let finding = self.fail("no-credentials-in-chain", what).why(format!(
            "no request is made; Claude Code ends with \"{printed}\""
        ));
        self.remedies(finding)
    }

    fn fail(&self, code: &str, what: String) -> Finding {
        let tried: Vec<String> = self
            .credentials
            .steps
            .iter()
            .map(|step| format!("{}: {}", step.provider.words(), step.reason))
            .collect();
        let failure = self
            .credentials
            .steps
            .iter()
            .rev()
            .find_map(|step| step.failure.as_ref());
        explained(Finding::fail(code, what))
            .evidence(Basis::Observed, tried.join("; "))
            .request_id(failure.and_then(|failure| failure.request_id.clone()))
    }

    fn login(&self, code: &str, step: &Step) -> Finding {
        let command = format!(
            "aws login{}",
            profile_flag(&self.configuration.profile.value)
        );
        self.fail(code, step.reason.clone())
            .why("no request is made without it")
            .fix_command("sign in again", command)
    }

    /// The profile in `AWS_DEFAULT_PROFILE`, when it exists and no other one is named.
    fn meant_profile(&self) -> Option<&str> {
        let variable = self.configuration.variable("AWS_DEFAULT_PROFILE")?;
        let Shown::Plain(profile) = &variable.value.value else {
            return None;
        };
        let exists = self.files?.has_profile(profile);
        (exists && !self.configuration.is_set("AWS_PROFILE")).then_some(profile)
    }

    fn remedies(&self, mut finding: Finding) -> Finding {
        let has = |name: &str| {
            self.credentials
                .steps
                .iter()
                .any(|step| cause(step) == name)
        };
        if has("host-without-credentials") {
            return finding
                .fix("run Claude Code from the main session of the program that starts it, or restart that program, so that it passes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK")
                .fix("or, to use your own profile, start `claude` without CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST");
        }
        let flag = profile_flag(&self.configuration.profile.value);
        if has("endpoint-refused") {
            return finding.fix("take away one of both: the endpoint of your own (AWS_ENDPOINT_URL…, or `endpoint_url` in the profile), or the FIPS or dual-stack endpoints (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, or the same in the profile)");
        }
        if let Some(profile) = self.meant_profile() {
            finding = finding.fix_command(
                format!("use profile `{profile}`: Claude Code does not read AWS_DEFAULT_PROFILE, which names it"),
                format!("export AWS_PROFILE={}", shell_word(profile)),
            );
        }
        if has("half-environment-keys") {
            finding =
                finding.fix("export both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither");
        }
        let half = has("half-profile");
        if half || has("profile-without-credentials") {
            for file in self
                .files
                .into_iter()
                .flat_map(|files| [&files.config, &files.credentials])
            {
                if let Some(line) = file.ignored.first() {
                    finding = finding.fix_command(
                        format!(
                            "look at the lines Claude Code skips: {}:{}, {}",
                            file.path, line.line, line.why
                        ),
                        format!("sed -n {}p {}", line.line, shell_path(&file.path)),
                    );
                }
            }
            let text = if half {
                "write both keys"
            } else {
                "write keys"
            };
            finding = finding.fix_command(
                format!("{text} into the profile"),
                format!("aws configure{flag}"),
            );
        }
        if has("container-refused") {
            finding = finding.fix("check the role of the ECS task, or the EKS Pod Identity association of the service account");
        }
        if self.in_container && has("metadata-unreachable") {
            finding = finding.fix(
                "in a container on EC2, raise the hop limit of the instance metadata to 2 (imds-hop-limit): `aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id …`",
            );
        }
        let no_files = self
            .files
            .is_some_and(|files| !files.config.present && !files.credentials.present);
        finding = finding
            .fix_command(
                "sign in through IAM Identity Center",
                format!("aws configure sso{flag}"),
            )
            .fix_command("or with your console sign-in", format!("aws login{flag}"));
        if self.in_container && no_files {
            finding = finding.fix("or, in a container, mount the whole `~/.aws` folder of the host into it, with `sso/cache`");
        }
        finding.fix("or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or set AWS_BEARER_TOKEN_BEDROCK to a Bedrock API key")
    }
}
