//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{bare_name, before_a_switch, chosen, list_ids, prefix, region_prefix, replace_id};
use crate::check::{Check, Family, Meta};
use crate::claude_code::model_ids::{is_mantle_id, meant_model, meant_on_mantle};
use crate::facts::{Configuration, Source, Value};
use crate::finding::{Basis, Finding};
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct ModelIdWellFormed;

/// Bare ids that Bedrock serves without an inference profile.
const ON_DEMAND: [&str; 5] = [
    "anthropic.claude-3-haiku",
    "anthropic.claude-3-sonnet",
    "anthropic.claude-3-5-sonnet-20240620",
    "anthropic.claude-instant",
    "anthropic.claude-v2",
];

impl Check for ModelIdWellFormed {
    const META: &'static Meta = &Meta {
        id: "model-id-well-formed",
        family: Family::Models,
        title: "the model ids have a form that Bedrock knows",
        file: file!(),
        docs: "
## What it looks at

The ids of the main and the background model, and of those that are pinned, as they go into requests: blanks and quotes around them,
`%2F`, a left-over `[1m]`, ids of the Anthropic API (`claude-…`), ids without the prefix of an
inference profile, ARNs of another Region, and for Mantle ids that only Bedrock's own API knows. AWS is not asked.

## Why it matters

Bedrock calls all of these `The provided model identifier is invalid`, without a word on what is wrong.
`default` is no alias on Bedrock, and a settings file expands no `$VARIABLE`.

## How to fix it

Use an inference profile id with the prefix of the Region, such as `us.anthropic.…`,
as `aws bedrock list-inference-profiles` shows it.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let provider = configuration.provider.value;
        if !provider.uses_bedrock() && !provider.uses_mantle() {
            return vec![Finding::not_applicable(
                "requests do not go to Amazon Bedrock",
            )];
        }
        chosen(configuration)
            .into_iter()
            .map(|(part, model)| {
                let finding = judge(part, model, configuration).subject(&model.value);
                before_a_switch(finding, part)
            })
            .collect()
    }
}

/// Judges one id by its form.
pub(super) fn judge(part: &str, model: &Value<String>, configuration: &Configuration) -> Finding {
    let id = model.value.as_str();
    let subject = Subject {
        part,
        model,
        region: &configuration.region.value,
    };
    if let Some(finding) = subject.characters() {
        return finding;
    }
    if configuration.goes_to_mantle(id) {
        return subject.on_mantle();
    }
    if id.starts_with("arn:") {
        return subject.arn(
            part == "background model"
                && configuration.is_set("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION"),
        );
    }
    match (prefix(id), id.strip_prefix("anthropic.")) {
        (Some(prefix), _)
            if prefix
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && !prefix.is_empty() =>
        {
            subject.version()
        }
        (Some(_), _) => subject.fail(
            "alias-resolves-to-malformed-id",
            "what stands before `anthropic.` is no prefix",
        ),
        (None, Some(_)) if ON_DEMAND.iter().any(|known| id.starts_with(known)) => subject.version(),
        (None, Some(_)) => subject.bare(),
        (None, None) if id.starts_with("claude-") => subject.fail(
            "anthropic-short-id-sent-to-bedrock",
            "it is an id of the Anthropic API, which Bedrock does not know",
        ),
        (None, None) if id.contains('.') => Finding::warn(
            "non-anthropic-model-via-claude-code",
            format!(
                "the {part} `{id}` ({}) is no model of Anthropic",
                model.source.words()
            ),
        )
        .why("Claude Code sends fields that models of other vendors refuse")
        .evidence(Basis::Inferred, "the form of the id")
        .fix("choose a Claude model"),
        (None, None) => subject.fail(
            "model-id-malformed",
            if id == "default" {
                "`default` is no alias on Bedrock and is sent as it is"
            } else {
                "it is no id of a model on Bedrock"
            },
        ),
    }
}

struct Subject<'a> {
    part: &'a str,
    model: &'a Value<String>,
    region: &'a str,
}

impl Subject<'_> {
    /// Characters that no id on Bedrock has.
    fn characters(&self) -> Option<Finding> {
        let id = self.model.value.as_str();
        let lower = id.to_ascii_lowercase();
        let malformed = |words: &str| Some(self.fail("model-id-malformed", words));
        if id.trim() != id {
            return malformed("it has blanks around it");
        }
        if id.contains(['"', '\'', '`']) {
            return malformed("it has quotes in it");
        }
        if lower.contains("[1m]") {
            return Some(self.fail(
                "one-m-suffix-leaks",
                "`[1m]` is a tag that only Claude Code knows",
            ));
        }
        if lower.contains("%2f") {
            return malformed("`%2F` is escaped once more and breaks: write `/`");
        }
        if id.contains(['$', '{', '}']) {
            return malformed("variables are not expanded there");
        }
        if id.is_empty() || id.contains(char::is_whitespace) || !id.is_ascii() {
            return malformed("it has characters that no id has");
        }
        if !id.starts_with("arn:") && id.contains('/') {
            return malformed("it has a slash, as ids of other tools do");
        }
        if !id.starts_with("arn:") && lower != id {
            return malformed("ids on Bedrock are in lower case");
        }
        None
    }

    fn arn(&self, other_region_allowed: bool) -> Finding {
        let id = self.model.value.as_str();
        let fields: Vec<&str> = id.splitn(6, ':').collect();
        let &[_, _, "bedrock", region, _, resource] = fields.as_slice() else {
            return self.fail("model-id-malformed", "it is no ARN of Bedrock");
        };
        if !resource.contains('/') {
            return self.fail("model-id-malformed", "the ARN names no resource");
        }
        if region.is_empty() || region == self.region || other_region_allowed {
            return self.pass();
        }
        Finding::fail(
            "arn-region-mismatch",
            format!(
                "the {} ({}) is an ARN of Region `{region}`, but requests go to `{}`: `{id}`",
                self.part,
                self.model.source.words(),
                self.region
            ),
        )
        .why("Bedrock knows only the profiles of its own Region")
        .evidence(
            Basis::Inferred,
            "the Region in the ARN and the Region in use",
        )
        .fix_command(
            "send requests to the Region of the ARN",
            format!("export AWS_REGION={}", shell_word(region)),
        )
        .fix(format!("or use an ARN of `{}`", self.region))
    }

    /// Mantle has a list of models and ids of its own: `anthropic.` and the name, without prefix and version suffix.
    fn on_mantle(&self) -> Finding {
        let id = &self.model.value;
        let name = bare_name(super::foundation_model(id));
        let meant = meant_on_mantle(name);
        let source = self.model.source.words();
        let part = self.part;
        let is_wrong = !is_mantle_id(id);
        if !is_wrong && (meant == Some(id) || meant_model(name).is_none()) {
            return Finding::pass(format!("the {part} `{id}` has the form of an id of Mantle"))
                .evidence(Basis::Inferred, "the form of the id");
        }
        let finding = if is_wrong {
            Finding::fail(
                "mantle-model-id",
                format!("the {part} `{id}` ({source}) is no id of Mantle, where requests for it go"),
            )
            .why("Mantle knows `anthropic.` and the name of the model, without the prefix of an inference profile and without a version suffix; it answers 404")
        } else {
            Finding::warn(
                "mantle-model-id",
                format!("the {part} `{id}` ({source}) is not among the models that Mantle is known to serve"),
            )
            .why("Mantle has a list of models of its own; whether this one is on it by now, the call decides")
        };
        let finding = finding.evidence(Basis::Inferred, "the form of the id");
        let finding = match meant.filter(|meant| meant != id) {
            Some(meant) => replace_id(finding, part, &self.model.source, meant),
            None => finding.fix(format!("change {source} to a model that Mantle serves")),
        };
        finding.fix_command(
            "or send all requests to Bedrock's own API",
            "unset CLAUDE_CODE_USE_MANTLE && export CLAUDE_CODE_USE_BEDROCK=1",
        )
    }

    /// A bare id of a model that needs an inference profile.
    fn bare(&self) -> Finding {
        let id = &self.model.value;
        let finding = Finding::warn(
            "on-demand-not-supported",
            format!(
                "the {} `{id}` ({}) has no prefix of an inference profile",
                self.part,
                self.model.source.words()
            ),
        )
        .why("newer Claude models exist only through inference profiles; whether this one does, the call decides")
        .evidence(Basis::Inferred, "the form of the id");
        self.suggest(finding)
    }

    /// The endings of known models: a date, `-v1`, `-v1:0` or nothing.
    fn version(&self) -> Finding {
        let id = &self.model.value;
        let base = super::foundation_model(id);
        let date = |base: &str| {
            base.split('-')
                .find(|part| part.len() == 8)
                .map(str::to_owned)
        };
        match meant_model(bare_name(base)) {
            Some(known)
                if known != base && date(base).is_none_or(|found| Some(found) == date(known)) =>
            {
                let finding = Finding::warn(
                    "model-id-version-suffix-wrong",
                    format!(
                        "the {} `{id}` ({}) ends unlike the known id `{known}`",
                        self.part,
                        self.model.source.words()
                    ),
                )
                .why(
                    "Bedrock compares ids letter by letter; the endings differ from model to model",
                )
                .evidence(Basis::Inferred, "the form of the id");
                self.suggest(finding)
            }
            _ => self.pass(),
        }
    }

    fn pass(&self) -> Finding {
        Finding::pass(format!(
            "the {} `{}` is well formed",
            self.part, self.model.value
        ))
        .evidence(Basis::Inferred, "the form of the id")
    }

    fn fail(&self, code: &str, words: &str) -> Finding {
        let finding = Finding::fail(
            code,
            format!(
                "the {} `{}` ({}) cannot work: {words}",
                self.part,
                self.model.value,
                self.model.source.words()
            ),
        )
        .why("Claude Code sends it as it is; Bedrock answers `The provided model identifier is invalid`")
        .evidence(Basis::Inferred, "the form of the id");
        self.suggest(finding)
    }

    fn suggest(&self, finding: Finding) -> Finding {
        let source: &Source = &self.model.source;
        match repaired(&self.model.value, self.region) {
            Some(id) => {
                let finding = replace_id(finding, self.part, source, &id);
                list_ids(
                    finding,
                    "this shows which ids the account can use",
                    self.region,
                )
            }
            None => list_ids(
                finding.fix(format!("change {}", source.words())),
                "take an id from this list",
                self.region,
            ),
        }
    }
}

/// The id that was meant, when that is plain to see.
fn repaired(id: &str, region: &str) -> Option<String> {
    let clean = id
        .trim_matches(|c: char| c.is_whitespace() || "\"'`".contains(c))
        .replace("[1m]", "")
        .replace("[1M]", "")
        .replace("%2F", "/")
        .replace("%2f", "/");
    if clean.starts_with("arn:") {
        return (clean != id).then_some(clean);
    }
    let clean = clean.to_ascii_lowercase();
    let clean = clean.rsplit('/').next().unwrap_or_default();
    let base = super::foundation_model(clean);
    let known = meant_model(bare_name(base));
    let base = known.or_else(|| base.starts_with("anthropic.").then_some(base))?;
    let prefix = prefix(clean)
        .filter(|prefix| !prefix.is_empty())
        .unwrap_or(region_prefix(region));
    Some(format!("{prefix}.{base}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Provider};
    use crate::finding::Status;
    use crate::sample::{
        configured, findings, from_settings, from_shell, healthy, now, only, verdicts,
    };

    const CHECK: Entry = Entry::of::<ModelIdWellFormed>();

    fn with(id: &str) -> Facts {
        configured(|configuration| {
            configuration.models.main = from_shell("ANTHROPIC_MODEL", id.into());
            configuration.models.background = configuration.models.main.clone();
        })
    }

    #[test]
    fn passes_for_both_models() {
        assert_eq!(
            verdicts(&CHECK, &healthy()),
            [(Status::Pass, None), (Status::Pass, None)]
        );
    }

    #[test]
    fn judges_the_form() {
        let malformed = Some("model-id-malformed");
        let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc";
        for (id, status, code) in [
            ("us.anthropic.claude-sonnet-4-6", Status::Pass, None),
            (
                "us.anthropic.claude-something-new-20270101-v1:0",
                Status::Pass,
                None,
            ),
            (arn, Status::Pass, None),
            ("anthropic.claude-3-haiku-20240307-v1:0", Status::Pass, None),
            (
                "anthropic.claude-sonnet-4-6",
                Status::Warn,
                Some("on-demand-not-supported"),
            ),
            (
                "amazon.nova-pro-v1:0",
                Status::Warn,
                Some("non-anthropic-model-via-claude-code"),
            ),
            (
                "us.anthropic.claude-opus-4-6-v1:0",
                Status::Warn,
                Some("model-id-version-suffix-wrong"),
            ),
            (
                "us.anthropic.claude-sonnet-4-5",
                Status::Warn,
                Some("model-id-version-suffix-wrong"),
            ),
            (
                "claude-sonnet-4-6",
                Status::Fail,
                Some("anthropic-short-id-sent-to-bedrock"),
            ),
            (
                "claude-haiku-4-5@20251001",
                Status::Fail,
                Some("anthropic-short-id-sent-to-bedrock"),
            ),
            (
                "us.anthropic.claude-opus-4-6-v1[1m]x",
                Status::Fail,
                Some("one-m-suffix-leaks"),
            ),
            (
                ".anthropic.claude-sonnet-4-6",
                Status::Fail,
                Some("alias-resolves-to-malformed-id"),
            ),
            (" us.anthropic.claude-sonnet-4-6", Status::Fail, malformed),
            (
                "\"us.anthropic.claude-sonnet-4-6\"",
                Status::Fail,
                malformed,
            ),
            ("$MODEL", Status::Fail, malformed),
            (
                "bedrock/us.anthropic.claude-sonnet-4-6",
                Status::Fail,
                malformed,
            ),
            ("US.anthropic.claude-sonnet-4-6", Status::Fail, malformed),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Fus.x",
                Status::Fail,
                malformed,
            ),
            ("arn:aws:s3:::bucket", Status::Fail, malformed),
            ("default", Status::Fail, malformed),
            ("gpt-4", Status::Fail, malformed),
            ("", Status::Fail, malformed),
        ] {
            let finding = only(&CHECK, &with(id), status, code);
            assert_eq!(finding.subject.as_deref(), Some(id));
        }
    }

    #[test]
    fn names_the_id_that_was_meant() {
        for (id, command) in [
            (
                "claude-sonnet-4-6",
                "export ANTHROPIC_MODEL=us.anthropic.claude-sonnet-4-6",
            ),
            (
                "claude-opus-4-6",
                "export ANTHROPIC_MODEL=us.anthropic.claude-opus-4-6-v1",
            ),
            (
                " eu.anthropic.claude-sonnet-4-6 ",
                "export ANTHROPIC_MODEL=eu.anthropic.claude-sonnet-4-6",
            ),
            (
                "bedrock/us.anthropic.claude-sonnet-4-6",
                "export ANTHROPIC_MODEL=us.anthropic.claude-sonnet-4-6",
            ),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile%2Fus.x",
                "export ANTHROPIC_MODEL=arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
            ),
        ] {
            let finding = &findings(&CHECK, &with(id))[0];
            assert_eq!(finding.fix[0].command.as_deref(), Some(command), "{id}");
        }
    }

    #[test]
    fn names_the_line_of_the_settings_file() {
        let facts = configured(|configuration| {
            configuration.models.main = from_settings("model", 7, "claude-sonnet-4-6".into());
            configuration.models.background = configuration.models.main.clone();
        });
        let finding = only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("anthropic-short-id-sent-to-bedrock"),
        );
        assert_eq!(
            finding.fix[0].text,
            "use `us.anthropic.claude-sonnet-4-6`: change `model` in ~/.claude/settings.json:7"
        );
    }

    #[test]
    fn an_arn_must_be_of_the_region() {
        let id = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";
        let finding = only(&CHECK, &with(id), Status::Fail, Some("arn-region-mismatch"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=eu-west-1")
        );
    }

    #[test]
    fn a_bare_id_belongs_to_mantle_when_that_is_on() {
        let mut facts = with("anthropic.claude-sonnet-5");
        if let crate::facts::Observed::Known(configuration) = &mut facts.configuration {
            configuration.provider.value = Provider::BedrockAndMantle;
        }
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn mantle_has_ids_of_its_own() {
        let wrong = Some("mantle-model-id");
        for (id, status, code) in [
            ("anthropic.claude-sonnet-5", Status::Pass, None),
            ("anthropic.claude-something-new", Status::Pass, None),
            ("anthropic.claude-sonnet-4-6", Status::Warn, wrong),
            ("us.anthropic.claude-sonnet-5", Status::Fail, wrong),
            (
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                Status::Fail,
                wrong,
            ),
            ("claude-sonnet-5", Status::Fail, wrong),
        ] {
            let mut facts = with(id);
            if let crate::facts::Observed::Known(configuration) = &mut facts.configuration {
                configuration.provider.value = Provider::Mantle;
            }
            only(&CHECK, &facts, status, code);
        }
    }

    #[test]
    fn does_not_apply_to_other_providers() {
        let facts = configured(|configuration| configuration.provider.value = Provider::Anthropic);
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
