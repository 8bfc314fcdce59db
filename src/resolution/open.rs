//! What stays open: what could not be told, or was left out.

use bedrock_doctor_checks::claude_code::versions::{OLDEST_KNOWN, Version};
use bedrock_doctor_checks::facts::{
    Absence, Configuration, CredentialKind, Facts, Observed, SourceKind, StepOutcome,
};

/// What is not known, and why.
pub(super) fn questions(facts: &Facts, configuration: &Configuration) -> Vec<String> {
    let mut open = Vec::new();
    if super::stops(configuration).is_some() {
        return open;
    }
    let provider = configuration.provider.value;
    if !provider.uses_aws_credentials() {
        open.push(format!(
            "Claude Code will use {}: AWS credentials, Region and models of Bedrock do not matter",
            provider.words()
        ));
        return open;
    }
    let found = facts.claude_code.known();
    let version = found.and_then(|found| found.version.as_deref());
    match version {
        None => open.push(format!(
            "Claude Code was not found: the rules are those of {}",
            configuration.rules
        )),
        Some(version) if Version::parse(version).is_some_and(|version| version < OLDEST_KNOWN) => {
            open.push(format!(
                "Claude Code {version} is older than what is known here, {OLDEST_KNOWN} and later"
            ));
        }
        Some(version) if version != configuration.rules => open.push(format!(
            "Claude Code {version} is newer than what is known here: the rules are those of {}",
            configuration.rules
        )),
        Some(_) => {}
    }
    let steps = facts
        .credentials
        .known()
        .map(|found| found.steps.as_slice());
    let untried = steps
        .unwrap_or_default()
        .iter()
        .find(|step| step.outcome == StepOutcome::NotTried);
    if let Some(step) = untried {
        open.push(format!("the credentials: {}", step.reason));
    }
    if let Observed::Failed(failure) = &facts.credentials {
        open.push(format!("the credentials: {}", failure.words()));
    }
    let credentials = facts.credentials.known();
    if let Some(command) = &configuration.aws_auth_refresh
        && credentials.is_some_and(|found| {
            found.access_key_id.is_none()
                && found.auth_refresh.is_none()
                && matches!(
                    found.kind,
                    CredentialKind::None | CredentialKind::Sso | CredentialKind::Login
                )
        })
    {
        open.push(format!(
            "the credentials: Claude Code first runs `awsAuthRefresh` (`{}`) when they do not work, and looks again; --refresh does the same",
            command.value.shown
        ));
    }
    if configuration.models_need_listing {
        match &facts.inference_profiles {
            Observed::Known(_) => {}
            Observed::Failed(failure) => open.push(format!(
                "the prefix of default models was not checked, as Claude Code does when it may not list inference profiles: {}",
                failure.words()
            )),
            Observed::NotCollected(Absence::Offline) => open.push(
                "the prefix of default models: the inference profiles that the account lists decide, and --offline asks nobody"
                    .to_owned(),
            ),
            Observed::NotCollected(Absence::DoesNotApply { because }) => open.push(format!(
                "the prefix of default models is not checked, by Claude Code neither: {because}"
            )),
            Observed::NotCollected(_) => open.push(
                "the prefix of default models: nobody could be asked which inference profiles the account lists"
                    .to_owned(),
            ),
        }
        let unpinned = configuration.models.main.source.kind == SourceKind::Default;
        if unpinned && !configuration.skip_auth {
            open.push(
                "the main model: when it is refused at the start, Claude Code takes an older one without a word; `resolve` invokes nothing"
                    .to_owned(),
            );
        }
    }
    open
}
