//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{remove_at, set_at};
use crate::check::{Check, Family, Meta, not_for};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::claude_code::provider::is_on;
use crate::facts::{Configuration, SecretShape, Shown, Source, SourceKind, Variable};
use crate::finding::Finding;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct VariablesConsistent;

impl Check for VariablesConsistent {
    const META: &'static Meta = &Meta {
        id: "variables-consistent",
        family: Family::Configuration,
        title: "no variable is beaten, ignored or spoilt by another one",
        file: file!(),
        docs: "
## What it looks at

Variables that contradict each other, or that work for the AWS CLI but not for Claude Code: a settings file that
replaces a value of the shell, `AWS_PROFILE` beside access keys, a Bedrock API key beside other credentials,
`AWS_DEFAULT_PROFILE`, empty values, endpoint variables that invocations do not follow, secrets that were pasted
with blanks or quotes, `CLAUDE_CODE_SKIP_BEDROCK_AUTH` without a gateway, and certificate checks switched off.

## Why it matters

The AWS CLI and Claude Code decide differently here. One of them works, the other one uses another account,
Region or host, and neither says so.

## How to fix it

Keep one of the two values. A settings file always beats the shell.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        if !configuration.provider.value.uses_bedrock() {
            return vec![not_for(configuration.provider.value)];
        }
        let mut found = replaced_by_settings(configuration);
        found.extend(
            [
                profile_beside_keys(configuration),
                bearer_beside_others(configuration),
                default_profile(configuration),
                empty(configuration),
                unsigned_to_aws(configuration),
                anthropic_base_url(configuration),
                certificates_unchecked(configuration),
            ]
            .into_iter()
            .flatten(),
        );
        found.extend(endpoints_not_followed(configuration));
        found.extend(misshapen(configuration));
        if found.is_empty() {
            return vec![Finding::pass(
                "the variables that bear on Bedrock do not contradict each other",
            )];
        }
        found
    }
}

/// Variables that do not touch Bedrock requests, and those that `region-chosen` speaks about.
const NOT_COMPARED: [&str; 5] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
];

fn replaced_by_settings(configuration: &Configuration) -> Vec<Finding> {
    let candidates = configuration
        .variables
        .iter()
        .filter(|variable| !NOT_COMPARED.contains(&variable.name.as_str()));
    candidates
        .filter_map(|variable| {
            let (name, winner) = (&variable.name, &variable.value);
            let loser = winner.overridden.iter().find(|lost| {
                lost.source.kind == SourceKind::Environment
                    && differ(name, &winner.value, &lost.value)
            })?;
            let finding = Finding::warn(
                "settings-env-overrides-shell",
                format!(
                    "{}: {} is used, {} from the shell is not",
                    winner.source.words(),
                    winner.value.words(),
                    loser.value.words()
                ),
            )
            .subject(name.clone())
            .why("a value in a settings file replaces the one that the shell exports");
            let finding = remove_at(finding, &winner.source, name);
            Some(finding.fix_command(
                "or, if the settings file is right, remove the other value from the shell",
                format!("unset {name}"),
            ))
        })
        .collect()
}

/// Whether two values of a variable have different effects. Secrets cannot be compared, so they count as different.
fn differ(name: &str, one: &Shown, other: &Shown) -> bool {
    let flag = name.starts_with("CLAUDE_CODE_USE_") || name.starts_with("CLAUDE_CODE_SKIP_");
    match (one, other) {
        (Shown::Plain(one), Shown::Plain(other)) if flag => is_on(one) != is_on(other),
        (Shown::Secret(_), Shown::Secret(_)) => true,
        (one, other) => one != other,
    }
}

fn set<'a>(configuration: &'a Configuration, name: &str) -> Option<&'a Variable> {
    configuration
        .variable(name)
        .filter(|variable| variable.value.value != Shown::Empty)
}

fn has_keys(configuration: &Configuration) -> bool {
    configuration.is_set("AWS_ACCESS_KEY_ID") && configuration.is_set("AWS_SECRET_ACCESS_KEY")
}

fn profile_beside_keys(configuration: &Configuration) -> Option<Finding> {
    let profile = set(configuration, "AWS_PROFILE")?;
    if !has_keys(configuration) || configuration.is_set("AWS_BEARER_TOKEN_BEDROCK") {
        return None;
    }
    let finding = Finding::warn(
        "static-env-keys-shadow-profile",
        format!(
            "both {} ({}) and access keys are set: Claude Code uses the profile, the AWS CLI uses the keys if that profile exists",
            profile.value.source.words(),
            profile.value.value.words()
        ),
    )
    .why("what works with the AWS CLI then says nothing about Claude Code: it may be another account")
    .fix_command(
        "to use the profile everywhere, remove the keys",
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    );
    let mut finding = remove_at(finding, &profile.value.source, "AWS_PROFILE");
    if let Some(step) = finding.fix.last_mut() {
        step.text.insert_str(0, "or, to use the keys, ");
    }
    Some(finding)
}

fn bearer_beside_others(configuration: &Configuration) -> Option<Finding> {
    let bearer = set(configuration, "AWS_BEARER_TOKEN_BEDROCK")?;
    let mut beaten = Vec::new();
    if configuration.is_set("AWS_PROFILE") {
        beaten.push("`AWS_PROFILE`");
    }
    if has_keys(configuration) {
        beaten.push("the access keys");
    }
    if beaten.is_empty() {
        return None;
    }
    let source = &bearer.value.source;
    let finding = Finding::warn(
        "bearer-beats-credentials",
        format!(
            "the Bedrock API key, {}, beats {}",
            source.words(),
            list(&beaten)
        ),
    )
    .why("requests are made with the API key alone, whatever the other credentials may do");
    Some(remove_at(finding, source, "AWS_BEARER_TOKEN_BEDROCK"))
}

fn default_profile(configuration: &Configuration) -> Option<Finding> {
    let ignored = set(configuration, "AWS_DEFAULT_PROFILE")?;
    let Shown::Plain(name) = &ignored.value.value else {
        return None;
    };
    let used = &configuration.profile.value;
    if name == used {
        return None;
    }
    let source = &ignored.value.source;
    let code = "aws-default-profile-ignored";
    if configuration.is_set("AWS_PROFILE") {
        let finding = Finding::warn(
            code,
            format!(
                "{} names profile `{name}`, but Claude Code uses `{used}` of `AWS_PROFILE`",
                source.words()
            ),
        )
        .why("Claude Code does not read `AWS_DEFAULT_PROFILE`; boto3 and version 1 of the AWS CLI prefer it");
        return Some(remove_at(finding, source, "AWS_DEFAULT_PROFILE"));
    }
    let finding = Finding::warn(
        code,
        format!(
            "{} names profile `{name}`, but Claude Code uses profile `{used}`: it does not read that variable",
            source.words()
        ),
    )
    .why("the AWS CLI does read it, so it may work with other credentials, another account and another Region");
    Some(set_at(
        finding,
        &Source::environment("AWS_PROFILE"),
        "AWS_PROFILE",
        name,
    ))
}

fn empty(configuration: &Configuration) -> Option<Finding> {
    let names: Vec<String> = configuration
        .variables
        .iter()
        .filter(|variable| variable.value.value == Shown::Empty)
        .filter(|variable| {
            variable.name.starts_with("AWS_") || variable.name == "ANTHROPIC_BEDROCK_BASE_URL"
        })
        // An empty value that replaces another one is a finding of its own, or one of `region-chosen`.
        .filter(|variable| variable.value.overridden.is_empty())
        .map(|variable| variable.name.clone())
        .collect();
    if names.is_empty() {
        return None;
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(
        Finding::warn("empty-string-aws-variables", format!("set, but empty: {}", list(&quoted)))
            .why("Claude Code takes an empty value for unset (2.1.94 to 2.1.96 did not); often a secret that was not filled in")
            .fix_command("remove what is empty", format!("unset {}", names.join(" "))),
    )
}

fn unsigned_to_aws(configuration: &Configuration) -> Option<Finding> {
    let host = host_of(&configuration.runtime.endpoint.value);
    // A Bedrock API key beats the switch: those requests carry the key.
    if !configuration.skip_auth
        || !is_of_aws(&host)
        || configuration.is_set("AWS_BEARER_TOKEN_BEDROCK")
    {
        return None;
    }
    let name = "CLAUDE_CODE_SKIP_BEDROCK_AUTH";
    let environment = Source::environment(name);
    let source = configuration
        .variable(name)
        .map_or(&environment, |flag| &flag.value.source);
    let what = format!(
        "requests go to `{host}` unsigned, because of {}",
        source.words()
    );
    let code = "skip-auth-without-gateway";
    let finding = if configuration.is_set("ANTHROPIC_AUTH_TOKEN") {
        Finding::warn(code, what).why(
            "they carry `ANTHROPIC_AUTH_TOKEN`, which AWS refuses unless it is a Bedrock API key",
        )
    } else {
        Finding::fail(code, what)
            .why("AWS refuses requests without a signature; the switch is for gateways that sign")
    };
    Some(
        remove_at(finding, source, name)
            .fix("or, if there is a gateway, set `ANTHROPIC_BEDROCK_BASE_URL` to its address"),
    )
}

fn anthropic_base_url(configuration: &Configuration) -> Option<Finding> {
    let url = set(configuration, "ANTHROPIC_BASE_URL")?;
    if configuration.is_set("ANTHROPIC_BEDROCK_BASE_URL") {
        return None;
    }
    let finding = Finding::warn(
        "anthropic-vs-bedrock-base-url",
        format!(
            "{} is {}, but with Bedrock on it is not used: requests go to `{}`",
            url.value.source.words(),
            url.value.value.words(),
            configuration.runtime.endpoint.value
        ),
    )
    .why("a gateway that speaks the Bedrock API is named by `ANTHROPIC_BEDROCK_BASE_URL`");
    Some(remove_at(finding, &url.value.source, "ANTHROPIC_BASE_URL"))
}

fn certificates_unchecked(configuration: &Configuration) -> Option<Finding> {
    let variable = set(configuration, "NODE_TLS_REJECT_UNAUTHORIZED")?;
    if variable.value.value != Shown::Plain("0".to_owned()) {
        return None;
    }
    let source = &variable.value.source;
    let finding = Finding::warn(
        "tls-verification-off",
        format!(
            "{} is `0`: Claude Code accepts any certificate",
            source.words()
        ),
    )
    .why("whoever sits in between can read and change what is sent, credentials included");
    Some(
        remove_at(finding, source, "NODE_TLS_REJECT_UNAUTHORIZED")
            .fix("behind a proxy that inspects TLS, name the file with its root certificate in `NODE_EXTRA_CA_CERTS`"),
    )
}

/// Endpoint variables of the AWS SDKs do not move invocations (seen, 2.1.330).
fn endpoints_not_followed(configuration: &Configuration) -> Vec<Finding> {
    if configuration.is_set("ANTHROPIC_BEDROCK_BASE_URL") {
        return Vec::new();
    }
    [
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_ENDPOINT_URL",
        "AWS_USE_FIPS_ENDPOINT",
    ]
    .into_iter()
    .filter_map(|name| {
        let variable = set(configuration, name)?;
        let fips = name == "AWS_USE_FIPS_ENDPOINT";
        if fips
            && !matches!(&variable.value.value, Shown::Plain(on) if on.eq_ignore_ascii_case("true"))
        {
            return None;
        }
        let source = &variable.value.source;
        let endpoint = &configuration.runtime.endpoint.value;
        let finding = Finding::warn(
            "endpoint-variable-not-for-invocations",
            format!(
                "{} does not move invocations: they still go to `{endpoint}`",
                source.words()
            ),
        )
        .subject(name)
        .why(
            "Claude Code follows it for the list of inference profiles and for credentials at most",
        );
        let value = match &variable.value.value {
            _ if fips => format!(
                "https://bedrock-runtime-fips.{}.amazonaws.com",
                configuration.region.value
            ),
            Shown::Plain(url) => url.clone(),
            _ => return Some(finding.fix("name the endpoint in `ANTHROPIC_BEDROCK_BASE_URL`")),
        };
        let wanted = "ANTHROPIC_BEDROCK_BASE_URL";
        Some(set_at(
            finding,
            &Source::environment(wanted),
            wanted,
            &value,
        ))
    })
    .collect()
}

fn misshapen(configuration: &Configuration) -> Vec<Finding> {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ]
    .into_iter()
    .filter_map(|name| {
        let variable = configuration.variable(name)?;
        let Shown::Secret(shape) = variable.value.value else {
            return None;
        };
        let (has, cleanable) = match shape {
            SecretShape::Plausible => return None,
            // Claude Code trims the API key.
            SecretShape::SurroundedByBlanks if name == "AWS_BEARER_TOKEN_BEDROCK" => return None,
            SecretShape::SurroundedByBlanks => ("has blanks or line ends around it", true),
            SecretShape::Quoted => ("has quotes around it", true),
            SecretShape::StrangeCharacters => ("has characters that no such value has", false),
            SecretShape::StrangeLength => ("is shorter or longer than such values are", false),
        };
        let source = &variable.value.source;
        let finding = Finding::warn(
            "malformed-static-keys",
            format!("the value of {} {has}", source.words()),
        )
        .subject(name)
        .why("AWS refuses what was signed with it");
        Some(if cleanable && source.path.is_none() {
            finding.fix_command(
                "take away blanks and quotes",
                format!("export {name}=\"$(printf %s \"${name}\" | tr -d \"[:space:]\\\"'\")\""),
            )
        } else {
            finding.fix(format!(
                "copy the value again, without blanks and quotes, to {}",
                source.words()
            ))
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Overridden, Provider, Value};
    use crate::finding::Status;
    use crate::sample::{
        configured, from_settings, from_shell, healthy, now, only, variable, verdicts,
    };

    const CHECK: Entry = Entry::of::<VariablesConsistent>();

    /// The healthy machine with these variables of the shell.
    fn with(variables: &[(&str, &str)]) -> Facts {
        configured(|configuration| {
            let added = variables.iter().map(|(name, value)| variable(name, value));
            configuration.variables.extend(added);
        })
    }

    fn keys() -> Vec<Variable> {
        vec![
            Variable {
                name: "AWS_ACCESS_KEY_ID".into(),
                value: from_shell(
                    "AWS_ACCESS_KEY_ID",
                    Shown::AccessKeyId("AKIAIOSFODNN7EXAMPLE".into()),
                ),
            },
            secret("AWS_SECRET_ACCESS_KEY", SecretShape::Plausible),
        ]
    }

    fn secret(name: &str, shape: SecretShape) -> Variable {
        Variable {
            name: name.into(),
            value: from_shell(name, Shown::Secret(shape)),
        }
    }

    /// A value in the user's settings file that beats one of the shell.
    fn beats_shell(name: &str, winner: Shown, loser: Shown) -> Variable {
        Variable {
            name: name.into(),
            value: Value {
                overridden: vec![Overridden {
                    value: loser,
                    source: Source::environment(name),
                }],
                ..from_settings(&format!("env.{name}"), 5, winner)
            },
        }
    }

    #[track_caller]
    fn warns(facts: &Facts, code: &str) -> Finding {
        only(&CHECK, facts, Status::Warn, Some(code))
    }

    #[track_caller]
    fn passes(facts: &Facts) {
        only(&CHECK, facts, Status::Pass, None);
    }

    #[test]
    fn passes_on_a_healthy_machine() {
        passes(&healthy());
    }

    #[test]
    fn does_not_apply_when_bedrock_is_off() {
        let facts = configured(|configuration| configuration.provider.value = Provider::Anthropic);
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn warns_when_a_settings_file_replaces_a_value_of_the_shell() {
        let plain = |text: &str| Shown::Plain(text.into());
        let conflict = |name: &str, winner: Shown, loser: Shown| {
            configured(|configuration| {
                configuration
                    .variables
                    .retain(|variable| variable.name != name);
                configuration
                    .variables
                    .push(beats_shell(name, winner, loser));
            })
        };
        let finding = warns(
            &conflict("AWS_PROFILE", plain("work"), plain("dev")),
            "settings-env-overrides-shell",
        );
        assert_eq!(
            finding.what,
            "`env.AWS_PROFILE` in ~/.claude/settings.json:5: `work` is used, `dev` from the shell is not"
        );
        assert_eq!(finding.fix[1].command.as_deref(), Some("unset AWS_PROFILE"));
        warns(
            &conflict("AWS_PROFILE", Shown::Empty, plain("dev")),
            "settings-env-overrides-shell",
        );
        passes(&conflict("AWS_PROFILE", plain("dev"), plain("dev")));
        passes(&conflict(
            "CLAUDE_CODE_USE_BEDROCK",
            plain("true"),
            plain("1"),
        ));
        // `region-chosen` speaks of the Region.
        passes(&conflict(
            "AWS_REGION",
            plain("eu-west-1"),
            plain("us-west-2"),
        ));
        let secret = || Shown::Secret(SecretShape::Plausible);
        warns(
            &conflict("AWS_SESSION_TOKEN", secret(), secret()),
            "settings-env-overrides-shell",
        );
        passes(&conflict("ANTHROPIC_API_KEY", secret(), secret()));
    }

    #[test]
    fn warns_about_a_profile_beside_keys() {
        let facts = configured(|configuration| configuration.variables.extend(keys()));
        let finding = warns(&facts, "static-env-keys-shadow-profile");
        assert!(finding.what.contains(
            "Claude Code uses the profile, the AWS CLI uses the keys if that profile exists"
        ));
        let alone = configured(|configuration| {
            configuration
                .variables
                .retain(|variable| variable.name != "AWS_PROFILE");
            configuration.variables.extend(keys());
        });
        passes(&alone);
    }

    #[test]
    fn warns_that_the_api_key_beats_other_credentials() {
        let facts = configured(|configuration| {
            configuration.variables.extend(keys());
            configuration
                .variables
                .push(secret("AWS_BEARER_TOKEN_BEDROCK", SecretShape::Plausible));
        });
        let finding = warns(&facts, "bearer-beats-credentials");
        assert!(
            finding
                .what
                .ends_with("beats `AWS_PROFILE` and the access keys")
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset AWS_BEARER_TOKEN_BEDROCK")
        );
    }

    #[test]
    fn warns_about_a_default_profile_that_is_not_read() {
        let finding = warns(
            &with(&[("AWS_DEFAULT_PROFILE", "work")]),
            "aws-default-profile-ignored",
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset AWS_DEFAULT_PROFILE")
        );
        passes(&with(&[("AWS_DEFAULT_PROFILE", "dev")]));
        let unset = configured(|configuration| {
            configuration.profile = Value::new("default".into(), Source::default_of("default"));
            configuration
                .variables
                .retain(|variable| variable.name != "AWS_PROFILE");
            configuration
                .variables
                .push(variable("AWS_DEFAULT_PROFILE", "my work"));
        });
        let finding = warns(&unset, "aws-default-profile-ignored");
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_PROFILE='my work'")
        );
    }

    #[test]
    fn names_all_empty_variables_in_one_finding() {
        let facts = configured(|configuration| {
            configuration
                .variables
                .push(variable("AWS_BEARER_TOKEN_BEDROCK", ""));
            configuration
                .variables
                .push(variable("ANTHROPIC_BEDROCK_BASE_URL", ""));
            configuration
                .variables
                .push(variable("ANTHROPIC_MODEL", ""));
        });
        let finding = warns(&facts, "empty-string-aws-variables");
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset AWS_BEARER_TOKEN_BEDROCK ANTHROPIC_BEDROCK_BASE_URL")
        );
    }

    #[test]
    fn fails_when_unsigned_requests_go_to_aws() {
        let unsigned = |change: fn(&mut Configuration)| {
            configured(|configuration| {
                configuration.skip_auth = true;
                configuration
                    .variables
                    .push(variable("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1"));
                configuration
                    .variables
                    .retain(|variable| variable.name != "AWS_PROFILE");
                change(configuration);
            })
        };
        let code = "skip-auth-without-gateway";
        let finding = only(&CHECK, &unsigned(|_| {}), Status::Fail, Some(code));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset CLAUDE_CODE_SKIP_BEDROCK_AUTH")
        );
        passes(&unsigned(|configuration| {
            configuration.runtime.endpoint.value = "https://gateway.example.com/bedrock".into();
        }));
        passes(&unsigned(|configuration| {
            configuration
                .variables
                .push(secret("AWS_BEARER_TOKEN_BEDROCK", SecretShape::Plausible));
        }));
        warns(
            &unsigned(|configuration| {
                configuration
                    .variables
                    .push(secret("ANTHROPIC_AUTH_TOKEN", SecretShape::Plausible));
            }),
            code,
        );
    }

    #[test]
    fn warns_about_a_base_url_that_is_not_for_bedrock() {
        let gateway = ("ANTHROPIC_BASE_URL", "https://gateway.example.com");
        warns(&with(&[gateway]), "anthropic-vs-bedrock-base-url");
        passes(&with(&[
            gateway,
            (
                "ANTHROPIC_BEDROCK_BASE_URL",
                "https://gateway.example.com/bedrock",
            ),
        ]));
    }

    #[test]
    fn warns_when_certificates_are_not_checked() {
        warns(
            &with(&[("NODE_TLS_REJECT_UNAUTHORIZED", "0")]),
            "tls-verification-off",
        );
        passes(&with(&[("NODE_TLS_REJECT_UNAUTHORIZED", "1")]));
    }

    #[test]
    fn warns_about_endpoints_that_invocations_do_not_follow() {
        let code = "endpoint-variable-not-for-invocations";
        let vpc = "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com";
        let finding = warns(&with(&[("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", vpc)]), code);
        assert_eq!(
            finding.fix[0].command,
            Some(format!("export ANTHROPIC_BEDROCK_BASE_URL={vpc}"))
        );
        warns(&with(&[("AWS_ENDPOINT_URL", vpc)]), code);
        let finding = warns(&with(&[("AWS_USE_FIPS_ENDPOINT", "true")]), code);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(
                "export ANTHROPIC_BEDROCK_BASE_URL=https://bedrock-runtime-fips.us-east-1.amazonaws.com"
            )
        );
        passes(&with(&[("AWS_USE_FIPS_ENDPOINT", "false")]));
        passes(&with(&[("AWS_ENDPOINT_URL_BEDROCK", vpc)]));
        passes(&with(&[
            ("AWS_ENDPOINT_URL", vpc),
            ("ANTHROPIC_BEDROCK_BASE_URL", vpc),
        ]));
    }

    #[test]
    fn warns_about_secrets_that_were_pasted_wrongly() {
        let code = "malformed-static-keys";
        let shaped = |name: &str, shape: SecretShape| {
            configured(|configuration| {
                configuration
                    .variables
                    .retain(|variable| variable.name != "AWS_PROFILE");
                configuration.variables.push(secret(name, shape));
            })
        };
        let finding = warns(&shaped("AWS_SECRET_ACCESS_KEY", SecretShape::Quoted), code);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(
                "export AWS_SECRET_ACCESS_KEY=\"$(printf %s \"$AWS_SECRET_ACCESS_KEY\" | tr -d \"[:space:]\\\"'\")\""
            )
        );
        warns(
            &shaped("AWS_SESSION_TOKEN", SecretShape::SurroundedByBlanks),
            code,
        );
        warns(
            &shaped("AWS_ACCESS_KEY_ID", SecretShape::StrangeCharacters),
            code,
        );
        warns(
            &shaped("AWS_BEARER_TOKEN_BEDROCK", SecretShape::StrangeCharacters),
            code,
        );
        passes(&shaped(
            "AWS_BEARER_TOKEN_BEDROCK",
            SecretShape::SurroundedByBlanks,
        ));
        passes(&shaped("AWS_SECRET_ACCESS_KEY", SecretShape::Plausible));
    }

    #[test]
    fn speaks_of_each_conflict() {
        let facts = with(&[
            ("AWS_DEFAULT_PROFILE", "work"),
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ]);
        assert_eq!(verdicts(&CHECK, &facts).len(), 2);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
