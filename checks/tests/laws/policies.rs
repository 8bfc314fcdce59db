//! IAM policy documents, as `policy check` reads them.

use bedrock_doctor_checks::policy::{
    Context, Effect, Policy, Principals, Selection, Statement, Verdict, parse,
};

const ASKED: [(&str, &str); 3] = [
    ("bedrock:ListInferenceProfiles", "*"),
    (
        "bedrock:InvokeModel",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5",
    ),
    (
        "bedrock:InvokeModel",
        "arn:aws:bedrock:*::foundation-model/anthropic.claude-opus-5-5",
    ),
];

/// A statement about everything.
fn on_everything(effect: Effect) -> Statement {
    let all = Selection {
        patterns: vec!["*".to_owned()],
        negated: false,
    };
    Statement {
        sid: None,
        effect,
        principals: Principals::Unnamed,
        actions: all.clone(),
        resources: all,
        conditions: Vec::new(),
    }
}

pub(crate) fn hold(text: &str) {
    let policy = match parse(text) {
        Ok(policy) => policy,
        Err(fault) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&fault.line), "{fault:?}");
            assert!(!fault.what.is_empty());
            return;
        }
    };
    let context = Context::default()
        .with("aws:RequestedRegion", "us-east-1")
        .without("aws:CalledViaLast");
    let with = |statement: Statement| {
        let mut policy = policy.clone();
        policy.statements.push(statement);
        policy
    };
    let denying = with(on_everything(Effect::Deny));
    let allowing = with(on_everything(Effect::Allow));
    let mut bare = policy.clone();
    bare.statements.retain(|it| it.effect == Effect::Deny);
    for (action, resource) in ASKED {
        let says = |policy: &Policy| policy.verdict(action, resource, &context);
        let said = says(&policy);
        // A denial wins, nothing is allowed without an allowance, and more allowances take none away.
        assert!(matches!(says(&denying), Verdict::Denied { .. }));
        assert!(!matches!(says(&bare), Verdict::Allowed { .. }));
        assert!(says(&allowing).weight() <= said.weight() || matches!(said, Verdict::NotAllowed));
        if matches!(said, Verdict::Allowed { .. }) {
            assert!(matches!(says(&allowing), Verdict::Allowed { .. }));
        }
    }
    // What is written is read back; principals are no part of what is written.
    let mut unnamed = policy;
    for statement in &mut unnamed.statements {
        statement.principals = Principals::Unnamed;
        // JSON has the operators in the order of their names, each key once.
        statement.conditions.clear();
    }
    assert_eq!(parse(&unnamed.to_json()).as_ref(), Ok(&unnamed));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_documents_of_all_kinds(
            statements in proptest::collection::vec((
                "(Allow|Deny|allow)",
                "(Action|NotAction|Actions)",
                "(\"\\*\"|\"bedrock:[A-Za-z*?]{0,8}\"|\\[\"a:b\", \"\\*\"\\]|\\[\\]|5|\\{\\})",
                "(Resource|NotResource)",
                "(\"\\*\"|\"arn:aws:bedrock:[a-z0-9*?:$\\{\\}-]{0,30}\"|\\[\"x\"\\])",
                "(|, \"Condition\": \\{\"(StringEquals|StringNotLikeIfExists|Null|ForAnyValue:Bool|Odd)\": \\{\"aws:(RequestedRegion|SourceIp|CalledViaLast)\": (\"us-\\*\"|true|\\[\\])\\}\\})",
                "(|, \"Principal\": (\"\\*\"|\\{\"AWS\": \"x\"\\}|3))",
            ), 0..4),
            cut in 0_usize..2000,
        ) {
            let all: Vec<String> = statements
                .into_iter()
                .map(|(effect, action, actions, resource, resources, condition, principal)| format!(
                    "{{\"Effect\": \"{effect}\", \"{action}\": {actions}, \"{resource}\": {resources}{condition}{principal}}}"
                ))
                .collect();
            let document = format!("{{\"Version\": \"2012-10-17\",\n\"Statement\": [{}]}}", all.join(",\n"));
            hold(&document);
            hold(&document.chars().take(cut).collect::<String>());
        }
    }
}
