//! A healthy machine for the tests of the checks: take it, break one thing, look at the findings.

use jiff::Timestamp;

use crate::check::Entry;
use crate::facts::{
    Absence, Availability, AwsCli, AwsCliCredentials, AwsFile, AwsFiles, CallerIdentity,
    ClaudeCode, Clock, Configuration, Connection, CredentialKind, Credentials, Facts, Failure,
    FailureKind, InferenceProfile, InferenceProfiles, Invocation, InvokeAnswer, InvokeOperation,
    Lifecycle, Machine, ModelFacts, Models, Observed, Provider, Route, SettingsFile, SettingsLevel,
    SettingsState, Shown, Source, SourceKind, SsoCache, Stage, StageTime, Step, StepOutcome,
    UseCaseForm, Value, Variable, no_proxy,
};
use crate::finding::{Finding, Status};

/// 2026-11-22 18:00 UTC.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T18:00:00Z".parse().unwrap()
}

/// Some seconds from now; negative: ago.
pub(crate) fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + seconds).unwrap()
}

pub(crate) const MAIN: &str = "us.anthropic.claude-opus-5-5";
pub(crate) const BACKGROUND: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A value from a shell variable.
pub(crate) fn from_shell<T>(name: &str, value: T) -> Value<T> {
    Value::new(value, Source::environment(name))
}

/// A value from the user's settings file.
pub(crate) fn from_settings<T>(name: &str, line: u32, value: T) -> Value<T> {
    Value::new(
        value,
        Source {
            kind: SourceKind::Settings,
            path: Some("~/.claude/settings.json".into()),
            line: Some(line),
            name: Some(name.into()),
        },
    )
}

/// A shell variable.
pub(crate) fn variable(name: &str, value: &str) -> Variable {
    let shown = if value.is_empty() {
        Shown::Empty
    } else {
        Shown::Plain(value.into())
    };
    Variable {
        name: name.into(),
        value: from_shell(name, shown),
    }
}

/// AWS's refusal of a call.
pub(crate) fn refusal(service: &str, status: u16, code: &str, message: &str) -> Failure {
    Failure {
        service: Some(service.into()),
        host: Some(format!("{service}.us-east-1.amazonaws.com")),
        status: Some(status),
        code: Some(code.into()),
        request_id: Some("req-1".into()),
        ..Failure::new(FailureKind::Service, message)
    }
}

/// The refusal of the free invocation that proves that everything before the body was accepted.
pub(crate) fn body_refused() -> Failure {
    refusal(
        "bedrock-runtime",
        400,
        "ValidationException",
        "messages: at least one message is required",
    )
}

fn invocation(model: &str, part: &str, operation: InvokeOperation) -> Invocation {
    Invocation {
        model: model.into(),
        part: part.into(),
        operation,
        region: None,
        real: false,
        betas: Vec::new(),
        outcome: Observed::Failed(body_refused()),
    }
}

fn not_asked<T>(because: &str) -> Observed<T> {
    Observed::NotCollected(Absence::DoesNotApply {
        because: because.into(),
    })
}

/// A machine on which everything works, with static keys in profile `dev`.
pub(crate) fn healthy() -> Facts {
    let default = |value: &str| {
        Value::new(
            value.to_owned(),
            Source::default_of("of Claude Code 2.1.330"),
        )
    };
    let route = |host: &str| Route {
        endpoint: Value::new(
            format!("https://{host}.us-east-1.amazonaws.com"),
            Source::default_of("from the Region"),
        ),
        proxy: no_proxy(),
    };
    let configuration = Configuration {
        rules: "2.1.330".into(),
        provider: from_shell("CLAUDE_CODE_USE_BEDROCK", Provider::Bedrock),
        region: from_shell("AWS_REGION", "us-east-1".into()),
        profile: from_shell("AWS_PROFILE", "dev".into()),
        bedrock: route("bedrock"),
        runtime: route("bedrock-runtime"),
        ca_files: vec![],
        models: Models {
            main: default(MAIN),
            background: default(BACKGROUND),
            opus: default(MAIN),
            sonnet: default(BACKGROUND),
            haiku: default("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
            fable: None,
            subagent: None,
        },
        mantle: None,
        anthropic_aws: None,
        credentials_proxy: no_proxy(),
        background_region: None,
        headers: Vec::new(),
        ignored: Vec::new(),
        models_need_listing: true,
        skip_auth: false,
        aws_auth_refresh: None,
        aws_credential_export: None,
        settings_files: vec![SettingsFile {
            level: SettingsLevel::User,
            path: "~/.claude/settings.json".into(),
            state: SettingsState::Absent,
        }],
        variables: vec![
            variable("CLAUDE_CODE_USE_BEDROCK", "1"),
            variable("AWS_REGION", "us-east-1"),
            variable("AWS_PROFILE", "dev"),
        ],
        unknown_variables: vec![],
    };
    let credentials = Credentials {
        kind: CredentialKind::ProfileStatic,
        profile: Some("dev".into()),
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".into()),
        steps: vec![Step {
            provider: CredentialKind::ProfileStatic,
            outcome: StepOutcome::Used,
            reason: "keys in profile `dev`".into(),
            failure: None,
            cause: None,
        }],
        ..Credentials::none(vec![], None)
    };
    let file = |path: &str, profiles: &[&str]| AwsFile {
        path: path.into(),
        present: true,
        problem: None,
        profiles: profiles.iter().map(|name| (*name).to_owned()).collect(),
        sso_sessions: vec![],
        ignored: vec![],
    };
    let model = |model: &str, part: &str, base: &str| ModelFacts {
        model: model.into(),
        part: part.into(),
        foundation_model: Some(base.into()),
        model_arns: Vec::new(),
        availability: Observed::Known(Availability {
            agreement: "AVAILABLE".into(),
            agreement_error: None,
            authorization: "AUTHORIZED".into(),
            entitlement: "AVAILABLE".into(),
            region: "AVAILABLE".into(),
        }),
        lifecycle: Observed::Known(Lifecycle {
            status: "ACTIVE".into(),
            legacy_at: None,
            extended_access_at: None,
            end_of_life_at: None,
        }),
    };
    let profile = |id: &str, base: &str| InferenceProfile {
        id: id.into(),
        model_arns: ["us-east-1", "us-east-2", "us-west-2"]
            .iter()
            .map(|region| format!("arn:aws:bedrock:{region}::foundation-model/{base}"))
            .collect(),
    };
    let (main_base, background_base) = (
        "anthropic.claude-opus-5-5",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
    );
    let streaming = InvokeOperation::InvokeModelWithResponseStream;
    Facts {
        machine: Observed::Known(Machine {
            os: "linux".into(),
            arch: "x86_64".into(),
            home: Some("/home/alice".into()),
            wsl: false,
            container: false,
            ssh: false,
            ci: false,
        }),
        claude_code: Observed::Known(ClaudeCode {
            version: Some("2.1.330".into()),
            path: Some("/home/alice/.local/bin/claude".into()),
            installation: Some("native".into()),
        }),
        configuration: Observed::Known(configuration),
        aws_files: Observed::Known(AwsFiles {
            config: file("~/.aws/config", &["dev"]),
            credentials: file("~/.aws/credentials", &["dev"]),
        }),
        aws_cli: Observed::Known(AwsCli {
            profile: from_shell("AWS_PROFILE", "dev".into()),
            region: Some(from_shell("AWS_REGION", "us-east-1".into())),
            credentials: from_shell(
                "AWS_PROFILE",
                AwsCliCredentials {
                    profile: Some("dev".into()),
                    access_key_id: Some("AKIAIOSFODNN7EXAMPLE".into()),
                    ..AwsCliCredentials::of(CredentialKind::ProfileStatic)
                },
            ),
            ca_bundle: None,
            endpoint: None,
        }),
        sso_cache: Observed::Known(SsoCache {
            path: "~/.aws/sso/cache".into(),
            active: None,
            tokens: vec![],
            problems: vec![],
        }),
        credentials: Observed::Known(credentials),
        caller_identity: Observed::Known(CallerIdentity {
            account: "123456789012".into(),
            arn: "arn:aws:iam::123456789012:user/alice".into(),
        }),
        inference_profiles: Observed::Known(InferenceProfiles {
            profiles: vec![
                profile(MAIN, main_base),
                profile(BACKGROUND, background_base),
            ],
        }),
        model_availability: Observed::Known(vec![
            model(MAIN, "main model", main_base),
            model(BACKGROUND, "background model", background_base),
        ]),
        use_case_form: Observed::Known(UseCaseForm::Submitted),
        invocations: Observed::Known(vec![
            invocation(MAIN, "main model", streaming),
            invocation(MAIN, "main model", InvokeOperation::InvokeModel),
            invocation(BACKGROUND, "background model", streaming),
        ]),
        simulation: not_asked("no policy denied an invocation"),
        quotas: not_asked("no request was throttled"),
        clock: Observed::Known(Clock {
            ahead_seconds: 0,
            host: "sts.us-east-1.amazonaws.com".into(),
        }),
        connections: Observed::Known(
            ["sts", "bedrock", "bedrock-runtime"]
                .map(|service| answered(&format!("{service}.us-east-1.amazonaws.com")))
                .into(),
        ),
        ..Facts::at(now())
    }
}

/// A connection that was answered.
fn answered(host: &str) -> Connection {
    let stages = [Stage::Dns, Stage::Tcp, Stage::Tls, Stage::Answer];
    Connection {
        host: host.into(),
        proxy: None,
        address: None,
        stages: stages
            .map(|stage| StageTime {
                stage,
                milliseconds: 12,
                complete: true,
            })
            .into(),
        certificate: None,
    }
}

/// The healthy machine after a change of its configuration.
pub(crate) fn configured(change: impl FnOnce(&mut Configuration)) -> Facts {
    let mut facts = healthy();
    if let Observed::Known(configuration) = &mut facts.configuration {
        change(configuration);
    }
    facts
}

/// The healthy machine after a change of its credentials.
pub(crate) fn with_credentials(change: impl FnOnce(&mut Credentials)) -> Facts {
    let mut facts = healthy();
    if let Observed::Known(credentials) = &mut facts.credentials {
        change(credentials);
    }
    facts
}

/// The healthy machine on which every invocation ends like this.
pub(crate) fn invoked(outcome: &Observed<InvokeAnswer>) -> Facts {
    let mut facts = healthy();
    if let Observed::Known(invocations) = &mut facts.invocations {
        for invocation in invocations {
            invocation.outcome = outcome.clone();
        }
    }
    facts
}

/// The findings of one check.
pub(crate) fn findings(check: &Entry, facts: &Facts) -> Vec<Finding> {
    check.run(facts).0
}

/// Status and code of each finding of one check.
pub(crate) fn verdicts(check: &Entry, facts: &Facts) -> Vec<(Status, Option<String>)> {
    findings(check, facts)
        .into_iter()
        .map(|finding| (finding.status, finding.code))
        .collect()
}

/// Asserts that the check says exactly one thing: this status and this code. Returns the finding.
#[track_caller]
pub(crate) fn only(check: &Entry, facts: &Facts, status: Status, code: Option<&str>) -> Finding {
    let mut found = findings(check, facts);
    assert_eq!(found.len(), 1, "{found:#?}");
    let finding = found.remove(0);
    assert_eq!(
        (finding.status, finding.code.as_deref()),
        (status, code),
        "{finding:#?}"
    );
    if status == Status::Fail {
        assert!(
            !finding.fix.is_empty(),
            "a failure without a fix: {finding:#?}"
        );
    }
    finding
}
