//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{counting, elsewhere};
use crate::answer::{not_asked, not_for_everybody};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{AllFacts, Configuration, Facts, ModelFacts, Observed, Quota, Shown};
use crate::finding::{Basis, Finding, Owner, Status};
use crate::models::before_a_switch;
use crate::probe::ProbeId;
use crate::quota_names::Unit;
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct QuotasSufficient;

/// The tokens that Claude Code asks for in an answer when nothing else is set, by the beginning of the model's name.
///
/// Seen in the requests of 2.1.330; every other model, known or not, gets [`OTHER_OUTPUT_TOKENS`].
const OUTPUT_TOKENS: [(&str, u32); 8] = [
    ("claude-opus-5-5", 128_000),
    ("claude-sonnet-5-5", 128_000),
    ("claude-opus-5", 64_000),
    ("claude-sonnet-5", 64_000),
    ("claude-fable-5", 64_000),
    ("claude-opus-4-8", 64_000),
    ("claude-opus-4-7", 64_000),
    ("claude-opus-4-6", 64_000),
];

const OTHER_OUTPUT_TOKENS: u32 = 32_000;

const MAX_OUTPUT_TOKENS: &str = "CLAUDE_CODE_MAX_OUTPUT_TOKENS";

/// Who is asked, in a sentence.
const ASKED: &str = "Service Quotas";

impl Check for QuotasSufficient {
    const META: &'static Meta = &Meta {
        id: "quotas-sufficient",
        family: Family::Quotas,
        title: "the quotas of the models in use are large enough",
        file: file!(),
        docs: "
## What it looks at

The quotas in Service Quotas that count requests for the models in use and those that are pinned: tokens and
requests per minute, tokens per day. The list takes a dozen calls, so it is asked for only when an invocation was
throttled, with `--invoke`, with `--thorough`, or when `--only` names this check. Quotas that may not be listed are
`cannot-tell` (exit code 3) with these last two, and left out otherwise.

## Why it matters

New accounts may have quotas far below the default, down to zero: then every request is throttled, and waiting
does not help. Bedrock counts the largest possible answer (`max_tokens`) when a request starts, so a quota that
is smaller than what Claude Code asks for refuses a single request on an idle account.

## How to fix it

Ask for more in the Service Quotas console or, where a quota cannot be adjusted there, AWS Support. Until then
use a model with a larger quota, or a smaller `CLAUDE_CODE_MAX_OUTPUT_TOKENS`.
",
    };

    type Needs<'a> = (
        Seen<'a, Vec<Quota>>,
        Seen<'a, Vec<ModelFacts>>,
        &'a Configuration,
        AllFacts<'a>,
    );

    fn run(
        (Seen(quotas), Seen(models), configuration, AllFacts(facts)): Self::Needs<'_>,
    ) -> Vec<Finding> {
        let quotas = match quotas {
            Observed::Known(quotas) => quotas,
            Observed::Failed(failure) => {
                return vec![not_for_everybody(ASKED, failure, &facts.request)];
            }
            Observed::NotCollected(why) => {
                return vec![not_asked(ASKED, ProbeId::Quotas, why, facts)];
            }
        };
        let Some(models) = models.known() else {
            return vec![Finding::left_out(
                "not told: the models behind the ids are not known",
            )];
        };
        models
            .iter()
            .map(|model| {
                let finding = judge(model, quotas, configuration).subject(&model.model);
                before_a_switch(finding, &model.part)
            })
            .collect()
    }
}

/// The models in use for which not even one request fits into the quotas.
pub(super) fn without_quota(facts: &Facts) -> Vec<&str> {
    let (Some(quotas), Some(models), Some(configuration)) = (
        facts.quotas.known(),
        facts.model_availability.known(),
        facts.configuration.known(),
    ) else {
        return Vec::new();
    };
    models
        .iter()
        .filter(|model| judge(model, quotas, configuration).status == Status::Fail)
        .map(|model| model.model.as_str())
        .collect()
}

fn judge(model: &ModelFacts, quotas: &[Quota], configuration: &Configuration) -> Finding {
    if let Some(region) = elsewhere(model, configuration) {
        return Finding::left_out(format!(
            "not told: the {} `{}` is invoked in `{region}`, and the quotas are those of `{}`",
            model.part, model.model, configuration.region.value
        ));
    }
    let counted: Vec<(Unit, &Quota)> = quotas
        .iter()
        .filter_map(|quota| Some((counting(&quota.name, model)?.unit, quota)))
        .collect();
    let named = format!("the {} `{}`", model.part, model.model);
    if counted.is_empty() {
        return Finding::left_out(format!("not told: Service Quotas lists none for {named}"));
    }
    let amounts: Vec<String> = counted
        .iter()
        .map(|(unit, quota)| format!("{} {}", grouped(quota.value), unit.words()))
        .collect();
    let evidence = amounts.join(", ");
    let region = &configuration.region.value;
    if let Some((unit, quota)) = counted.iter().find(|(_, quota)| quota.value <= 0.0) {
        let finding = Finding::fail(
            "quota-zero",
            format!(
                "the quota of {} for {named} is 0 in `{region}`",
                unit.words()
            ),
        )
        .why("every request is throttled (`Too many tokens`), and waiting does not help")
        .evidence(Basis::Observed, evidence);
        return more(finding, quota, region);
    }
    let reserved = output_tokens(model, configuration);
    let minute = counted
        .iter()
        .find(|(unit, _)| *unit == Unit::TokensPerMinute);
    if let Some((_, quota)) = minute
        && quota.value < f64::from(reserved.tokens)
    {
        let finding = Finding::fail(
            "max-tokens-reserves-quota",
            format!(
                "{named} has {} tokens per minute in `{region}`, and {} reserves {} for every answer",
                grouped(quota.value),
                reserved.by,
                grouped(f64::from(reserved.tokens)),
            ),
        )
        .why("Bedrock counts the largest possible answer when a request starts: even one request on an idle account is throttled")
        .evidence(Basis::Inferred, evidence);
        let finding = more(finding, quota, region);
        return finding.fix_command(
            "until then, ask for shorter answers",
            format!(
                "export {MAX_OUTPUT_TOKENS}={:.0}",
                (quota.value / 2.0).floor()
            ),
        );
    }
    let reduced = counted.iter().find_map(|(unit, quota)| {
        let default = quota.default?;
        (quota.value < default).then_some((unit, quota, default))
    });
    if let Some((unit, quota, default)) = reduced {
        let finding = Finding::warn(
            "quota-reduced",
            format!(
                "the quota of {} for {named} is {} in `{region}`, below AWS's default of {}",
                unit.words(),
                grouped(quota.value),
                grouped(default),
            ),
        )
        .why(
            "accounts that are new or little used get less; a busy session will be throttled (429)",
        )
        .evidence(Basis::Observed, evidence);
        return more(finding, quota, region);
    }
    Finding::pass(format!("{named}: {evidence}")).evidence(Basis::Observed, "Service Quotas")
}

/// The step that asks for more.
fn more(finding: Finding, quota: &Quota, region: &str) -> Finding {
    let Quota { name, code, .. } = quota;
    let finding = finding.owner(Owner::AccountAdmin);
    if !quota.adjustable {
        return finding.fix(format!(
            "open a case with AWS Support for more of `{name}` ({code}) in `{region}`: it cannot be asked for in Service Quotas"
        ));
    }
    let wanted = quota.default.filter(|default| *default > quota.value);
    let text = format!("ask for more of `{name}`");
    match wanted {
        Some(wanted) => finding.fix_command(
            text,
            format!(
                "aws service-quotas request-service-quota-increase --service-code bedrock --quota-code {} --desired-value {wanted:.0} --region {}",
                shell_word(code),
                shell_word(region)
            ),
        ),
        None => finding.fix(format!(
            "{text}: https://{region}.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas/{code}"
        )),
    }
}

/// What Claude Code asks for in an answer.
struct Reserved {
    tokens: u32,
    /// Who says so.
    by: String,
}

fn output_tokens(model: &ModelFacts, configuration: &Configuration) -> Reserved {
    let base = model.foundation_model.as_deref().unwrap_or_default();
    let name = base.strip_prefix("anthropic.").unwrap_or(base);
    let by_itself = OUTPUT_TOKENS
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or(OTHER_OUTPUT_TOKENS, |(_, tokens)| *tokens);
    let set = configuration
        .variable(MAX_OUTPUT_TOKENS)
        .and_then(|variable| match &variable.value.value {
            Shown::Plain(text) => text.trim().parse::<u32>().ok(),
            _ => None,
        })
        .filter(|tokens| *tokens > 0);
    match set {
        Some(tokens) => Reserved {
            tokens,
            by: format!("`{MAX_OUTPUT_TOKENS}`"),
        },
        None => Reserved {
            tokens: by_itself,
            by: "Claude Code".to_owned(),
        },
    }
}

/// `1,440,000`.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::Absence;
    use crate::quotas::concerns;
    use crate::sample::{MAIN, findings, healthy, now, only, refusal, variable};

    const CHECK: Entry = Entry::of::<QuotasSufficient>();
    const PER_MINUTE: &str =
        "Cross-region model inference tokens per minute for Anthropic Claude Opus 5.5";

    /// The healthy machine with its main model alone and one quota.
    fn with(value: f64, default: Option<f64>, adjustable: bool) -> Facts {
        let mut facts = healthy();
        if let Observed::Known(models) = &mut facts.model_availability {
            models.truncate(1);
        }
        facts.quotas = Observed::Known(vec![Quota {
            name: PER_MINUTE.into(),
            code: "L-1234ABCD".into(),
            value,
            default,
            adjustable,
        }]);
        facts
    }

    #[test]
    fn passes_with_the_figures() {
        let facts = with(2_000_000.0, Some(2_000_000.0), true);
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert!(finding.what.ends_with("2,000,000 tokens per minute"));
        assert_eq!(finding.subject.as_deref(), Some(MAIN));
    }

    #[test]
    fn a_quota_of_zero_fails_and_is_for_the_administrator() {
        let facts = with(0.0, Some(2_000_000.0), true);
        let finding = only(&CHECK, &facts, Status::Fail, Some("quota-zero"));
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some(
                "aws service-quotas request-service-quota-increase --service-code bedrock --quota-code L-1234ABCD --desired-value 2000000 --region us-east-1"
            )
        );
        let finding = only(
            &CHECK,
            &with(0.0, None, false),
            Status::Fail,
            Some("quota-zero"),
        );
        assert!(finding.fix[0].text.contains("AWS Support"));
    }

    #[test]
    fn the_quota_of_a_model_that_is_only_pinned_breaks_nothing_yet() {
        let mut facts = with(0.0, None, true);
        if let Observed::Known(models) = &mut facts.model_availability {
            models[0].part = "opus model".into();
        }
        let finding = only(&CHECK, &facts, Status::Warn, Some("quota-zero"));
        assert!(finding.why.unwrap().contains("`/model opus`"));
    }

    #[test]
    fn a_quota_below_one_answer_fails() {
        let code = Some("max-tokens-reserves-quota");
        let facts = with(100_000.0, None, true);
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert!(finding.what.contains("Claude Code reserves 128,000"));
        assert_eq!(
            finding.fix[1].command.as_deref(),
            Some("export CLAUDE_CODE_MAX_OUTPUT_TOKENS=50000")
        );
        let set = |tokens: &str| {
            let mut facts = with(100_000.0, None, true);
            if let Observed::Known(configuration) = &mut facts.configuration {
                let variable = variable(MAX_OUTPUT_TOKENS, tokens);
                configuration.variables.push(variable);
            }
            facts
        };
        only(&CHECK, &set("8000"), Status::Pass, None);
        only(&CHECK, &set("8k"), Status::Fail, code);
        let finding = only(&CHECK, &set("100001"), Status::Fail, code);
        assert!(finding.what.contains("`CLAUDE_CODE_MAX_OUTPUT_TOKENS`"));
    }

    #[test]
    fn a_quota_below_the_default_is_a_warning() {
        let facts = with(200_000.0, Some(2_000_000.0), true);
        let finding = only(&CHECK, &facts, Status::Warn, Some("quota-reduced"));
        assert!(finding.what.contains("200,000"), "{}", finding.what);
        assert!(finding.what.ends_with("default of 2,000,000"));
    }

    #[test]
    fn models_have_quotas_of_their_own() {
        let mut facts = with(0.0, None, true);
        facts.model_availability = healthy().model_availability;
        let findings = findings(&CHECK, &facts);
        let statuses: Vec<Status> = findings.iter().map(|finding| finding.status).collect();
        assert_eq!(statuses, [Status::Fail, Status::NotApplicable]);
        assert!(findings[1].left_out);
    }

    #[test]
    fn the_quotas_of_another_region_are_none_of_the_background_model() {
        let mut facts = with(0.0, None, true);
        if let Observed::Known(models) = &mut facts.model_availability {
            models[0].part = "background model".into();
        }
        only(&CHECK, &facts, Status::Fail, Some("quota-zero"));
        let is_asked = |facts: &Facts| {
            let models = facts.model_availability.known().unwrap();
            concerns(PER_MINUTE, models, facts.configuration.known().unwrap())
        };
        assert!(is_asked(&facts));
        if let Observed::Known(configuration) = &mut facts.configuration {
            let mut region = configuration.region.clone();
            region.value = "eu-west-1".into();
            configuration.background_region = Some(region);
        }
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.left_out && finding.what.contains("`eu-west-1`"));
        assert!(!is_asked(&facts));
    }

    #[test]
    fn a_refusal_to_list_them_is_no_defect() {
        let mut facts = healthy();
        let words = "User: x is not authorized to perform: servicequotas:ListServiceQuotas";
        let refusal = refusal("servicequotas", 400, "AccessDeniedException", words);
        facts.quotas = Observed::Failed(refusal);
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.left_out && finding.evidence.detail.contains(words));
        assert!(
            finding
                .what
                .contains("`servicequotas:ListServiceQuotas` is not allowed")
        );
        facts.request.thorough = true;
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("bedrock-doctor policy --for-checkup")
        );
    }

    #[test]
    fn says_why_nobody_asked() {
        let mut facts = healthy();
        facts.quotas = Observed::NotCollected(Absence::DoesNotApply {
            because: "no request was throttled".into(),
        });
        only(&CHECK, &facts, Status::NotApplicable, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (144e6, "144,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
