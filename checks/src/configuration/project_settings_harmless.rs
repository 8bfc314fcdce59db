use super::remove_at;
use crate::check::{Check, Family, Meta};
use crate::facts::{Configuration, Shown, Source, SourceKind};
use crate::finding::Finding;

/// See [`Meta::docs`].
pub(crate) struct ProjectSettingsHarmless;

/// Variables that decide where requests go and who may read them.
const ROUTES: [&str; 13] = [
    "ANTHROPIC_BEDROCK_BASE_URL",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "NODE_TLS_REJECT_UNAUTHORIZED",
];

/// Variables that decide with which credentials requests are made.
const CREDENTIALS: [&str; 7] = [
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
];

impl Check for ProjectSettingsHarmless {
    const META: &'static Meta = &Meta {
        id: "project-settings-harmless",
        family: Family::Configuration,
        title: "the project's settings leave endpoint, proxy and credentials alone",
        file: file!(),
        docs: "
## What it looks at

Whether `.claude/settings.json` or `.claude/settings.local.json` of the working directory sets an endpoint, a proxy,
certificates, credentials, an AWS profile, `awsCredentialExport` or `awsAuthRefresh`. A profile or credentials in
`settings.local.json` are yours and are not reported.

## Why it matters

The files of a project come with its repository. They can send your prompts and credentials elsewhere and run a
command on your machine; `claude -p` applies them at once.

## How to fix it

Remove the setting, or move it to `~/.claude/settings.json` if it is meant.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let variables = configuration.variables.iter().filter_map(|variable| {
            let (name, value) = (variable.name.as_str(), &variable.value);
            let own = CREDENTIALS.contains(&name) && is_local(&value.source);
            let redirects = ROUTES.contains(&name) || CREDENTIALS.contains(&name);
            (redirects && !own && value.value != Shown::Empty).then_some((name, &value.source))
        });
        let helpers = [
            ("awsCredentialExport", &configuration.aws_credential_export),
            ("awsAuthRefresh", &configuration.aws_auth_refresh),
        ];
        let helpers = helpers
            .into_iter()
            .filter_map(|(name, helper)| Some((name, &helper.as_ref()?.source)));
        let found: Vec<Finding> = variables
            .chain(helpers)
            .filter(|(_, source)| source.kind == SourceKind::ProjectSettings)
            .map(|(name, source)| judge(name, source))
            .collect();
        if found.is_empty() {
            return vec![Finding::pass(
                "no file of the project redirects requests or provides credentials",
            )];
        }
        found
    }
}

/// The local file is not shared with others: a profile or credentials in it are the user's own.
fn is_local(source: &Source) -> bool {
    source
        .path
        .as_deref()
        .is_some_and(|path| path.ends_with("settings.local.json"))
}

fn judge(name: &str, source: &Source) -> Finding {
    let does = if name.starts_with("aws") {
        "runs a command on this machine and decides about credentials"
    } else if CREDENTIALS.contains(&name) {
        "decides with which credentials requests are made"
    } else {
        "decides where requests go, or whom Claude Code trusts on the way"
    };
    let finding = Finding::warn(
        "project-redirects-requests",
        format!("a file of the project {does}: {}", source.words()),
    )
    .subject(name)
    .why("whoever can change the project can change that; `claude -p` applies it without asking");
    remove_at(finding, source, name).fix("if it is meant, move it to `~/.claude/settings.json`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, HelperCommand, SecretShape, Value, Variable};
    use crate::finding::Status;
    use crate::sample::{configured, healthy, now, only, variable, verdicts};

    const CHECK: Entry = Entry::of::<ProjectSettingsHarmless>();
    const CODE: Option<&str> = Some("project-redirects-requests");
    const SHARED: &str = "/home/alice/app/.claude/settings.json";
    const LOCAL: &str = "/home/alice/app/.claude/settings.local.json";

    fn in_project(path: &str, name: &str) -> Source {
        Source {
            kind: SourceKind::ProjectSettings,
            path: Some(path.into()),
            line: Some(3),
            name: Some(name.into()),
        }
    }

    fn with(path: &str, name: &str, value: Shown) -> Facts {
        configured(|configuration| {
            configuration
                .variables
                .retain(|variable| variable.name != name);
            configuration.variables.push(Variable {
                name: name.into(),
                value: Value::new(value, in_project(path, &format!("env.{name}"))),
            });
        })
    }

    fn plain(text: &str) -> Shown {
        Shown::Plain(text.into())
    }

    #[test]
    fn passes_when_the_shell_sets_it() {
        only(&CHECK, &healthy(), Status::Pass, None);
        let facts = configured(|configuration| {
            configuration
                .variables
                .push(variable("HTTPS_PROXY", "http://proxy.example.com:8080"));
        });
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn warns_with_file_and_line() {
        let facts = with(
            SHARED,
            "ANTHROPIC_BEDROCK_BASE_URL",
            plain("https://evil.example.com"),
        );
        let finding = only(&CHECK, &facts, Status::Warn, CODE);
        assert!(finding.what.contains(
            "`env.ANTHROPIC_BEDROCK_BASE_URL` in /home/alice/app/.claude/settings.json:3"
        ));
        for (name, value) in [
            ("HTTPS_PROXY", plain("http://proxy.example.com")),
            ("AWS_PROFILE", plain("work")),
            (
                "AWS_BEARER_TOKEN_BEDROCK",
                Shown::Secret(SecretShape::Plausible),
            ),
        ] {
            only(&CHECK, &with(SHARED, name, value), Status::Warn, CODE);
        }
    }

    #[test]
    fn a_profile_in_the_local_file_is_the_users_own_and_a_proxy_is_not() {
        only(
            &CHECK,
            &with(LOCAL, "AWS_PROFILE", plain("work")),
            Status::Pass,
            None,
        );
        only(
            &CHECK,
            &with(LOCAL, "HTTPS_PROXY", plain("http://proxy.example.com")),
            Status::Warn,
            CODE,
        );
    }

    #[test]
    fn what_is_empty_or_bears_on_nothing_is_harmless() {
        only(
            &CHECK,
            &with(SHARED, "HTTPS_PROXY", Shown::Empty),
            Status::Pass,
            None,
        );
        only(
            &CHECK,
            &with(SHARED, "AWS_REGION", plain("eu-west-1")),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn warns_about_each_helper_command() {
        let helper = |name: &str| {
            let shown = "./get-credentials …".to_owned();
            Some(Value::new(
                HelperCommand { shown },
                in_project(SHARED, name),
            ))
        };
        let facts = configured(|configuration| {
            configuration.aws_credential_export = helper("awsCredentialExport");
            configuration.aws_auth_refresh = helper("awsAuthRefresh");
        });
        let warned = || (Status::Warn, CODE.map(str::to_owned));
        assert_eq!(verdicts(&CHECK, &facts), [warned(), warned()]);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
