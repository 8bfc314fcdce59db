use proptest::prelude::*;

use super::super::parse;
use super::*;

const PROFILE: &str =
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5";
const MODEL: &str = "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-opus-5-5";
const NOWHERE: &str = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5";

/// What the table says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Allowed,
    Denied,
    NotAllowed,
    CannotTell,
}
use Says::{Allowed, CannotTell, Denied, NotAllowed};

fn context() -> Context {
    Context::default()
        .with("aws:RequestedRegion", "us-east-1")
        .with("aws:PrincipalAccount", "123456789012")
        .with("aws:SecureTransport", "true")
        .with("bedrock:InferenceProfileArn", PROFILE)
        .without("aws:CalledViaLast")
}

#[track_caller]
fn verdict(statements: &str, action: &str, resource: &str) -> Verdict {
    let document = format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{statements}]}}");
    let policy = parse(&document).unwrap_or_else(|fault| panic!("{fault:?}\n{document}"));
    policy.verdict(action, resource, &context())
}

#[track_caller]
fn check(cases: &[(&str, &str, &str, Says)]) {
    for (statements, action, resource, wanted) in cases {
        let verdict = verdict(statements, action, resource);
        let says = match verdict {
            Verdict::Allowed { .. } => Allowed,
            Verdict::Denied { .. } => Denied,
            Verdict::NotAllowed => NotAllowed,
            Verdict::CannotTell { .. } => CannotTell,
        };
        assert_eq!(
            says, *wanted,
            "{verdict:?}\n{statements}\n{action} {resource}"
        );
    }
}

const INVOKE: &str = "bedrock:InvokeModel";
const LIST: &str = "bedrock:ListInferenceProfiles";

#[test]
#[rustfmt::skip]
fn actions_and_resources() {
    check(&[
        (r#"{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}"#, "bedrock:InvokeModelWithResponseStream", PROFILE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"BEDROCK:invokeMODEL","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":["s3:*","bedrock:Invoke*"],"Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":"bedrock:InvokeMode?","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":"bedrock:InvokeModel?","Resource":"*"}"#, INVOKE, PROFILE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","NotAction":["iam:*","bedrock:*"],"Resource":"*"}"#, INVOKE, PROFILE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:bedrock:*"}"#, INVOKE, PROFILE, NotAllowed),
        // Names of resources do not ignore case.
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*:*:Inference-Profile/*"}"#, INVOKE, PROFILE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-?::foundation-model/anthropic.*"}"#, INVOKE, MODEL, Allowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/*"}"#, INVOKE, NOWHERE, Allowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:?*::foundation-model/*"}"#, INVOKE, NOWHERE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1::foundation-model/*"}"#, INVOKE, MODEL, NotAllowed),
        // A wildcard at the end of a field reaches over the colon.
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*"}"#, INVOKE, MODEL, Allowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:*:*:*"}"#, INVOKE, MODEL, CannotTell),
        // An action without resources is allowed on `*` only.
        (r#"{"Effect":"Allow","Action":"bedrock:List*","Resource":"*"}"#, LIST, "*", Allowed),
        (r#"{"Effect":"Allow","Action":"bedrock:List*","Resource":"arn:aws:bedrock:*:*:inference-profile/*"}"#, LIST, "*", NotAllowed),
        (r#"{"Effect":"Allow","Action":"bedrock:List*","Resource":"?"}"#, LIST, "*", NotAllowed),
        (r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:bedrock:*"}, {"Effect":"Allow","Action":"*","Resource":"*"}"#, LIST, "*", Denied),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_deny_wins_wherever_it_stands() {
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let deny = r#"{"Sid":"No","Effect":"Deny","Action":"bedrock:*","Resource":"arn:aws:bedrock:us-east-2:*"}"#;
    for statements in [format!("{all},{deny}"), format!("{deny},{all}")] {
        check(&[
            (&statements, INVOKE, MODEL, Denied),
            (&statements, INVOKE, PROFILE, Allowed),
        ]);
    }
    assert_eq!(
        verdict(&format!("{all},{deny}"), INVOKE, MODEL),
        Verdict::Denied { by: "statement 2 (`No`)".to_owned() }
    );
    assert_eq!(
        verdict(&format!("{deny},{all}"), INVOKE, PROFILE),
        Verdict::Allowed { by: "statement 2".to_owned() }
    );
    check(&[(deny, INVOKE, PROFILE, NotAllowed), ("", INVOKE, PROFILE, NotAllowed)]);
}

#[test]
#[rustfmt::skip]
fn conditions() {
    for (condition, wanted) in [
        (r#"{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}"#, Allowed),
        (r#"{"StringEquals":{"AWS:requestedregion":["eu-west-1","us-east-1"]}}"#, Allowed),
        (r#"{"stringequals":{"aws:RequestedRegion":"us-east-1"}}"#, Allowed),
        (r#"{"StringEquals":{"aws:RequestedRegion":"US-EAST-1"}}"#, NotAllowed),
        (r#"{"StringEqualsIgnoreCase":{"aws:RequestedRegion":"US-EAST-1"}}"#, Allowed),
        (r#"{"StringEquals":{"aws:RequestedRegion":"us-*"}}"#, NotAllowed),
        (r#"{"StringLike":{"aws:RequestedRegion":"us-*"}}"#, Allowed),
        (r#"{"StringNotLike":{"aws:RequestedRegion":"us-*"}}"#, NotAllowed),
        (r#"{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}"#, NotAllowed),
        (r#"{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1"]}}"#, Allowed),
        (r#"{"ArnLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:*:inference-profile/us.*"}}"#, Allowed),
        (r#"{"ArnEquals":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:inference-profile/us.*"}}"#, NotAllowed),
        (r#"{"StringLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:inference-profile/us.*"}}"#, Allowed),
        (r#"{"ArnNotLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:*:inference-profile/eu.*"}}"#, Allowed),
        (r#"{"Bool":{"aws:SecureTransport":"TRUE"}}"#, Allowed),
        (r#"{"Bool":{"aws:SecureTransport":false}}"#, NotAllowed),
        // A key that the request does not have.
        (r#"{"StringEquals":{"aws:CalledViaLast":"bedrock.amazonaws.com"}}"#, NotAllowed),
        (r#"{"StringEqualsIfExists":{"aws:CalledViaLast":"bedrock.amazonaws.com"}}"#, Allowed),
        (r#"{"StringNotEquals":{"aws:CalledViaLast":"bedrock.amazonaws.com"}}"#, Allowed),
        (r#"{"ForAnyValue:StringEquals":{"aws:CalledViaLast":"x"}}"#, NotAllowed),
        (r#"{"ForAllValues:StringEquals":{"aws:CalledViaLast":"x"}}"#, Allowed),
        (r#"{"Null":{"aws:CalledViaLast":"true"}}"#, Allowed),
        (r#"{"Null":{"aws:CalledViaLast":false}}"#, NotAllowed),
        (r#"{"Null":{"aws:RequestedRegion":"false"}}"#, Allowed),
        // A key that is not known, or an operator.
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, CannotTell),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, CannotTell),
        (r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#, CannotTell),
        (r#"{"Null":{"aws:SourceVpce":"true"}}"#, CannotTell),
        (r#"{"StringSoundsLike":{"aws:RequestedRegion":"us-east-1"}}"#, CannotTell),
        (r#"{"ForMostValues:StringEquals":{"aws:RequestedRegion":"us-east-1"}}"#, CannotTell),
        (r#"{"StringEquals":{"aws:RequestedRegion":"${aws:PrincipalTag/region}"}}"#, CannotTell),
        // All must hold: what fails for sure decides.
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1","aws:RequestedRegion":"eu-west-1"}}"#, NotAllowed),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"},"Bool":{"aws:SecureTransport":"true"}}"#, CannotTell),
    ] {
        let allow = format!("{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{condition}}}");
        check(&[(&allow, INVOKE, PROFILE, wanted)]);
        // The same in a denial: what may deny is never allowed.
        let deny = format!("{},{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}", allow.replacen("Allow", "Deny", 1));
        let wanted = match wanted {
            Allowed => Denied,
            NotAllowed => Allowed,
            other => other,
        };
        check(&[(&deny, INVOKE, PROFILE, wanted)]);
    }
}

#[test]
#[rustfmt::skip]
fn what_is_open_does_not_hide_what_is_certain() {
    let open = r#""Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#;
    let allow = format!("{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",{open}}}");
    let deny = format!("{{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",{open}}}");
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    check(&[
        (&format!("{allow},{all}"), INVOKE, PROFILE, Allowed),
        // Nothing allows it, whether the denial applies or not.
        (&deny, INVOKE, PROFILE, NotAllowed),
        (&format!("{deny},{all}"), INVOKE, PROFILE, CannotTell),
        (&format!("{deny},{},{all}", deny.replace(&format!(",{open}"), "")), INVOKE, PROFILE, Denied),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_a_condition_asks_for_is_told_in_words() {
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    for (condition, words) in [
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, "`aws:SourceIp` is in `10.0.0.0/8`"),
        (r#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","::1"]}}"#, "`aws:SourceIp` is not in `10.0.0.0/8` or `::1`"),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, "`aws:SourceVpce` is `vpce-1`"),
        (r#"{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#, "`aws:SourceVpce` is not `vpce-1`, or is absent"),
        (r#"{"StringLike":{"aws:userid":"*:alice"}}"#, "`aws:userid` is like `*:alice`"),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}"#, "`aws:PrincipalArn` is not like `arn:aws:iam::*:role/x`"),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, "`aws:MultiFactorAuthPresent` is `true`"),
        (r#"{"Null":{"aws:SourceVpce":"true"}}"#, "`aws:SourceVpce` is absent"),
        (r#"{"Null":{"aws:SourceVpce":"false"}}"#, "`aws:SourceVpce` is there"),
        (r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}"#, "`aws:MultiFactorAuthAge` NumericLessThan `3600`"),
        (r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}"#, "`aws:TagKeys` ForAnyValue:StringEquals `a`"),
    ] {
        let allow = format!("{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{condition}}}");
        let deny = format!("{},{all}", allow.replacen("Allow", "Deny", 1));
        let said = |because| Verdict::CannotTell { because };
        assert_eq!(verdict(&allow, INVOKE, PROFILE), said(format!("statement 1 allows it only if {words}")));
        assert_eq!(verdict(&deny, INVOKE, PROFILE), said(format!("statement 1 denies it if {words}")));
    }
}

#[test]
#[rustfmt::skip]
fn principals_and_variables() {
    check(&[
        (r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"*","Resource":"*"}"#, INVOKE, PROFILE, CannotTell),
        (r#"{"Effect":"Allow","NotPrincipal":"*","Action":"*","Resource":"*"}"#, INVOKE, PROFILE, CannotTell),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1:${aws:PrincipalAccount}:inference-profile/*"}"#, INVOKE, PROFILE, Allowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1:${aws:PrincipalTag/account}:inference-profile/*"}"#, INVOKE, PROFILE, CannotTell),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:eu-west-1:${aws:PrincipalTag/account}:inference-profile/*"}"#, INVOKE, PROFILE, NotAllowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:${"}"#, INVOKE, PROFILE, NotAllowed),
    ]);
    let old = parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1:${aws:PrincipalAccount}:*"}}"#).unwrap();
    assert_eq!(old.verdict(INVOKE, PROFILE, &context()), Verdict::NotAllowed);
}

/// A `*` in what is needed stands for something that is not known.
#[test]
#[rustfmt::skip]
fn what_is_needed_may_be_known_in_part() {
    let anywhere = "arn:aws:bedrock:*::foundation-model/anthropic.claude-opus-5-5";
    check(&[
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/*"}"#, INVOKE, anywhere, Allowed),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1::foundation-model/*"}"#, INVOKE, anywhere, CannotTell),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:?::foundation-model/*"}"#, INVOKE, anywhere, CannotTell),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/amazon.*"}"#, INVOKE, anywhere, NotAllowed),
        (r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:bedrock:us-west-2::foundation-model/*"},{"Effect":"Allow","Action":"*","Resource":"*"}"#, INVOKE, anywhere, CannotTell),
    ]);
}

#[test]
fn what_it_depends_on_is_a_sentence() {
    let anywhere = "arn:aws:bedrock:*::foundation-model/anthropic.x";
    for (statement, words) in [
        (
            r#""Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1:*""#,
            "statement 1 allows it only on `arn:aws:bedrock:us-east-1:*`",
        ),
        (
            r#""Sid":"Most","Effect":"Allow","Action":"*","NotResource":"arn:aws:bedrock:us-east-1:*""#,
            "statement 1 (`Most`) allows it except on `arn:aws:bedrock:us-east-1:*`",
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:${aws:PrincipalTag/region}::*""#,
            "statement 1 allows it only where `${aws:PrincipalTag/region}` fits",
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"1"}"#,
            "statement 1 allows it to certain principals only",
        ),
    ] {
        let because = words.to_owned();
        assert_eq!(
            verdict(&format!("{{{statement}}}"), INVOKE, anywhere),
            Verdict::CannotTell { because }
        );
    }
}

proptest! {
    #[test]
    fn never_panics(patterns in proptest::collection::vec("[a:*?${}]{0,10}", 1..4), resource in "[a:*]{0,10}", key in ".{0,6}") {
        let statement = Statement {
            sid: None,
            effect: Effect::Allow,
            principals: Principals::Unnamed,
            actions: Selection { patterns: patterns.clone(), negated: false },
            resources: Selection { patterns: patterns.clone(), negated: true },
            conditions: vec![Condition { operator: key.clone(), key, values: patterns }],
        };
        let policy = Policy { has_variables: true, statements: vec![statement] };
        let _ = policy.verdict("a:b", &resource, &context());
    }
}
