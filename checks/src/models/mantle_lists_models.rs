use super::{
    accepted, bare_name, before_a_switch, chosen, foundation_model, is_in_use, replace_id,
};
use crate::answer::{Answer, answer, not_for_everybody, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{Configuration, Failure, Invocation, MantleModels, Observed, Request, Value};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct MantleListsModels;

impl Check for MantleListsModels {
    const META: &'static Meta = &Meta {
        id: "mantle-lists-models",
        family: Family::Models,
        title: "Mantle lists the models",
        file: file!(),
        docs: "
## What it looks at

The models in use, and those that are pinned, whose requests go to Mantle (`CLAUDE_CODE_USE_MANTLE`), in the list
that Mantle gives for the Region. A model that is listed is no proof of access; a model that answered a request needs
no list.

## Why it matters

Mantle serves fewer models than Bedrock's own API, under ids of its own, and answers 404 for any other.

## How to fix it

Use an id from the list, or let Bedrock's own API serve the model: `us.anthropic.…` without Mantle.
",
    };

    type Needs<'a> = (
        &'a Configuration,
        Seen<'a, MantleModels>,
        Seen<'a, Vec<Invocation>>,
        &'a Request,
    );

    fn run((configuration, Seen(listed), Seen(trials), request): Self::Needs<'_>) -> Vec<Finding> {
        let on_mantle = |model: &Value<String>| configuration.goes_to_mantle(&model.value);
        let chosen: Vec<_> = chosen(configuration)
            .into_iter()
            .filter(|(_, model)| on_mantle(model))
            .collect();
        if !chosen.iter().any(|(part, _)| is_in_use(part)) {
            return vec![Finding::not_applicable("no model in use is on Mantle")];
        }
        let (served, open): (Vec<_>, Vec<_>) = chosen
            .into_iter()
            .partition(|(_, model)| accepted(trials, Some(&model.value)).is_some());
        let mut findings: Vec<Finding> = served
            .into_iter()
            .map(|(part, model)| served_model(part, model, trials))
            .collect();
        match listed {
            Observed::Known(listed) => findings.extend(open.into_iter().map(|(part, model)| {
                let finding = judge(part, model, listed, configuration);
                before_a_switch(finding.subject(&model.value), part)
            })),
            // What is pinned for later alone needs no answer.
            _ if !findings.is_empty() && !open.iter().any(|(part, _)| is_in_use(part)) => {}
            Observed::Failed(failure) => findings.push(unlisted(failure, request)),
            Observed::NotCollected(why) => {
                findings.push(not_collected(ProbeId::MantleModels, why));
            }
        }
        findings
    }
}

/// A model that answers, whatever the list says.
fn served_model(part: &str, model: &Value<String>, trials: &Observed<Vec<Invocation>>) -> Finding {
    let id = model.value.as_str();
    let finding = Finding::pass(format!("Mantle serves the {part} `{id}`")).subject(id);
    match accepted(trials, Some(id)) {
        Some((basis, words)) => finding.evidence(basis, words),
        None => finding,
    }
}

/// Claude Code does without the list.
fn unlisted(failure: &Failure, request: &Request) -> Finding {
    match answer(failure) {
        Answer::Denied(..) => not_for_everybody("Mantle's list of models", failure, request),
        _ => not_judged_here("the list of Mantle's models", failure),
    }
}

fn judge(
    part: &str,
    model: &Value<String>,
    listed: &MantleModels,
    configuration: &Configuration,
) -> Finding {
    let id = model.value.as_str();
    let region = &configuration.region.value;
    if listed.ids.iter().any(|known| known == id) {
        return Finding::pass(format!("Mantle lists the {part} `{id}` in `{region}`")).evidence(
            Basis::Reported,
            "the list of Mantle's models, which is no proof of access",
        );
    }
    let finding = Finding::fail(
        "mantle-model-id",
        format!(
            "the {part} `{id}` ({}) is not among the models that Mantle lists in `{region}`",
            model.source.words()
        ),
    )
    .why("Mantle answers 404 for a model that it does not serve")
    .explained_by("model-id-well-formed");
    let name = bare_name(foundation_model(id));
    let meant = listed
        .ids
        .iter()
        .find(|known| bare_name(foundation_model(known)) == name);
    let claude: Vec<String> = listed
        .ids
        .iter()
        .filter(|known| known.starts_with("anthropic."))
        .map(|known| format!("`{known}`"))
        .collect();
    match meant {
        Some(meant) => replace_id(finding, part, &model.source, meant),
        None if claude.is_empty() => {
            finding.fix("use a Region in which Mantle serves Claude models, or Bedrock's own API")
        }
        None => finding.fix(format!(
            "change {} to one of {}",
            model.source.words(),
            list(&claude)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InvokeAnswer, InvokeOperation, Provider};
    use crate::finding::Status;
    use crate::sample::{configured, from_shell, healthy, now, only, refusal};

    const CHECK: Entry = Entry::of::<MantleListsModels>();

    fn with(id: &str, listed: Observed<MantleModels>) -> Facts {
        let mut facts = configured(|configuration| {
            configuration.provider.value = Provider::Mantle;
            configuration.models.main = from_shell("ANTHROPIC_MODEL", id.into());
            configuration.models.background = configuration.models.main.clone();
        });
        facts.mantle_models = listed;
        facts
    }

    fn listing(ids: &[&str]) -> Observed<MantleModels> {
        Observed::Known(MantleModels {
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        })
    }

    #[test]
    fn a_model_must_be_listed() {
        let list = || listing(&["anthropic.claude-haiku-4-5", "openai.gpt-oss-120b"]);
        let facts = with("anthropic.claude-haiku-4-5", list());
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert!(finding.evidence.detail.contains("no proof of access"));
        let wrong = Some("mantle-model-id");
        for (id, step) in [
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                "use `anthropic.claude-haiku-4-5`",
            ),
            (
                "anthropic.claude-sonnet-4-6",
                "change `ANTHROPIC_MODEL` in the environment to one of `anthropic.claude-haiku-4-5`",
            ),
        ] {
            let finding = only(&CHECK, &with(id, list()), Status::Fail, wrong);
            assert_eq!(finding.fix[0].text, step);
        }
        let none = with("anthropic.claude-sonnet-5", listing(&[]));
        only(&CHECK, &none, Status::Fail, wrong);
    }

    #[test]
    fn a_refused_list_tells_nothing() {
        let denied = refusal("bedrock-mantle", 403, "AccessDeniedException", "no");
        let facts = with("anthropic.claude-sonnet-5", Observed::Failed(denied));
        only(&CHECK, &facts, Status::CannotTell, None);
    }

    #[test]
    fn a_denied_list_is_nothing_that_claude_code_misses() {
        let message = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: bedrock-mantle:ListModels because no identity-based policy allows the bedrock-mantle:ListModels action";
        let denied = refusal("bedrock-mantle", 403, "AccessDeniedException", message);
        let facts = with("anthropic.claude-sonnet-5", Observed::Failed(denied));
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.left_out && finding.what.contains("bedrock-mantle:ListModels"));
    }

    #[test]
    fn a_model_that_answers_needs_no_list() {
        let id = "anthropic.claude-sonnet-5";
        let failed = refusal("bedrock-mantle", 401, "UnrecognizedClientException", "no");
        for list in [listing(&[]), Observed::Failed(failed)] {
            let mut facts = with(id, list);
            if let Observed::Known(trials) = &mut facts.invocations {
                trials.truncate(1);
                trials[0].model = id.into();
                trials[0].operation = InvokeOperation::MantleCreateInference;
                trials[0].real = true;
                trials[0].outcome = Observed::Known(InvokeAnswer {
                    content_type: Some("text/event-stream".into()),
                    complete: true,
                    guardrail_intervened: false,
                    usage: None,
                });
            }
            let finding = only(&CHECK, &facts, Status::Pass, None);
            assert_eq!(finding.evidence.basis, Basis::Observed);
        }
    }

    #[test]
    fn is_left_out_offline_and_where_nothing_is_on_mantle() {
        let offline = Observed::NotCollected(Absence::Offline);
        let facts = with("anthropic.claude-sonnet-5", offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
