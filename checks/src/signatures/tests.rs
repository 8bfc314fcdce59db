use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// An error of the Bedrock runtime, as a probe sees it.
fn runtime<'a>(status: u16, code: &'a str, message: &'a str) -> AwsErrorText<'a> {
    AwsErrorText {
        service: "bedrock-runtime",
        status: Some(status),
        code: Some(code),
        message,
    }
}

/// A message without anything around it, as people paste it.
fn pasted(message: &str) -> AwsErrorText<'_> {
    AwsErrorText {
        service: "",
        status: None,
        code: None,
        message,
    }
}

#[track_caller]
fn check(error: AwsErrorText<'_>, cause: &str, kind: Kind) {
    let found = classify(&error).map(|it| (it.cause.as_str(), it.kind));
    assert_eq!(found, Some((cause, kind)), "{error:?}");
}

#[test]
fn the_file_is_readable() {
    let signatures = read(include_str!("../../data/error-signatures.toml")).unwrap();
    assert!(signatures.len() > 70);
}

#[test]
fn every_example_leads_to_its_own_entry() {
    for (index, signature) in all().iter().enumerate() {
        let error = AwsErrorText {
            service: signature.services.first().map_or("", String::as_str),
            status: signature.status.first().copied(),
            code: signature.codes.first().map(String::as_str),
            message: &signature.example,
        };
        let found = all().iter().position(|it| Some(it) == classify(&error));
        assert_eq!(
            found,
            Some(index),
            "{}: {}",
            signature.cause,
            signature.example
        );
    }
}

#[test]
fn parts_of_messages_are_written_as_they_are_compared() {
    for signature in all() {
        for part in signature.all.iter().chain(&signature.any) {
            // A part may begin or end with a blank on purpose.
            assert_eq!(normal(part), part.trim(), "{}", signature.cause);
        }
    }
}

#[test]
fn every_entry_asks_for_something_and_no_entry_for_a_service_alone() {
    for it in all() {
        let asks = !(it.codes.is_empty() && it.all.is_empty() && it.any.is_empty())
            || (!it.status.is_empty() && !it.services.is_empty());
        assert!(asks, "{}", it.cause);
    }
}

#[test]
fn slugs_are_well_formed_and_candidates_differ_from_the_cause() {
    for signature in all() {
        for slug in signature.candidates.iter().chain([&signature.cause]) {
            let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(!slug.is_empty() && slug.chars().all(fine), "{slug}");
        }
        assert!(!signature.candidates.contains(&signature.cause));
        let unique = signature.candidates.iter().collect::<BTreeSet<_>>();
        assert_eq!(
            unique.len(),
            signature.candidates.len(),
            "{}",
            signature.cause
        );
    }
}

#[test]
fn a_refused_body_is_concluded_from_code_and_status_only() {
    for it in all().iter().filter(|it| it.kind == Kind::BodyRefused) {
        if it.services == ["bedrock-runtime"] {
            assert_eq!(it.codes, ["ValidationException"], "{}", it.cause);
        } else {
            assert_eq!(it.services, ["bedrock-mantle", "aws-external-anthropic"]);
            assert!(!it.codes.is_empty(), "{}", it.cause);
        }
        assert_eq!(it.status, [400], "{}", it.cause);
        assert!(!(it.all.is_empty() && it.any.is_empty()), "{}", it.cause);
    }
}

#[test]
fn bodies_refused_by_the_model_adapter() {
    for message in [
        "messages: Field required",
        "messages: at least one message is required",
        "max_tokens: Field required",
        "max_tokens: must be greater than or equal to 1",
        "max_tokens_to_sample: range: 1..1,000,000",
        "anthropic_version: Field required",
        "messages: Input should be a valid list",
        "messages.0: all messages must have non-empty content except for the optional final assistant message",
        "Malformed input request: #: required key [max_tokens] not found, please reformat your input and try again.",
        "Malformed input request: #: extraneous key [max_tokens_to_sample] is not permitted, please reformat your input and try again.",
        r#"Malformed input request: #: subject must not be valid against schema {"required":["messages"]}#: required key [anthropic_version] not found"#,
        "Malformed input request: 2 schema violations found, please reformat your input and try again.",
        "The model returned the following errors: messages.1.content.0.type: Expected `thinking`",
        r#"{"message":"The model returned the following errors: max_tokens: 999999 > 128000"}"#,
    ] {
        check(
            runtime(400, "ValidationException", message),
            "request-body-refused",
            Kind::BodyRefused,
        );
        assert_eq!(classify(&pasted(message)), None, "{message}");
        assert_eq!(
            classify(&runtime(400, "SomethingElse", message)),
            None,
            "{message}"
        );
        assert_eq!(
            classify(&runtime(403, "ValidationException", message)),
            None,
            "{message}"
        );
    }
}

#[test]
fn a_code_may_have_a_namespace_or_an_address() {
    for code in [
        "ValidationException",
        "com.amazon.coral.validate#ValidationException",
        "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
        "aws#ValidationException:x",
    ] {
        check(
            runtime(400, code, "messages: Field required"),
            "request-body-refused",
            Kind::BodyRefused,
        );
    }
}

#[test]
fn validation_errors_before_the_body_are_not_a_refused_body() {
    let error = |message| runtime(400, "ValidationException", message);
    check(
        error("The provided model identifier is invalid."),
        "model-identifier-invalid",
        Kind::ModelId,
    );
    check(
        error("Operation not allowed"),
        "operation-not-allowed",
        Kind::ModelAccess,
    );
    check(
        error("Invocation of model ID x with on-demand throughput isn’t supported. Retry"),
        "on-demand-not-supported",
        Kind::ModelId,
    );
    check(
        error("Your account is not authorized to invoke this API operation."),
        "account-not-authorized",
        Kind::ModelAccess,
    );
    check(
        error("data retention mode 'default' is not available for this model"),
        "data-retention-mode",
        Kind::ModelAccess,
    );
    assert_eq!(
        classify(&error("Something AWS has never said before")),
        None
    );
}

#[test]
fn credentials() {
    let error = |code, message| AwsErrorText {
        service: "sts",
        status: Some(403),
        code: Some(code),
        message,
    };
    let kind = Kind::Authentication;
    check(
        error(
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
        "session-token-expired",
        kind,
    );
    check(
        error(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        "security-token-invalid",
        kind,
    );
    check(
        error(
            "SignatureDoesNotMatch",
            "Signature not yet current: 20261103T080139Z is still later than 20261103T075247Z",
        ),
        "clock-skew",
        kind,
    );
    check(
        error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
        "wrong-secret-key",
        kind,
    );
    check(
        error(
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/r",
        ),
        "assume-role-refused",
        Kind::Authorization,
    );
    check(
        error(
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        "assume-role-refused",
        Kind::Authorization,
    );
}

#[test]
fn a_service_control_policy_wins_over_the_denied_action() {
    let message = "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole on resource: x with an explicit deny in a service control policy";
    check(pasted(message), "scp-deny", Kind::Authorization);
}

#[test]
fn the_same_code_means_something_else_at_another_service() {
    let error = |service| AwsErrorText {
        service,
        status: Some(400),
        code: Some("ExpiredTokenException"),
        message: "expired",
    };
    check(
        error("sso-oidc"),
        "sso-refresh-token-rejected",
        Kind::Authentication,
    );
    check(
        error("bedrock-runtime"),
        "session-token-expired",
        Kind::Authentication,
    );
}

#[test]
fn ambiguous_texts_name_candidates() {
    for (message, cause) in [
        (
            "The security token included in the request is invalid.",
            "security-token-invalid",
        ),
        (
            "You don’t have access to the model with the specified model ID.",
            "model-access-not-granted",
        ),
        (
            "Model use case details have not been submitted for this account",
            "use-case-form-missing",
        ),
        (
            "The provided model identifier is invalid.",
            "model-identifier-invalid",
        ),
        (
            "UnauthorizedException: Session token not found or invalid",
            "sso-token-unknown-to-portal",
        ),
        (
            "ValidationException: Operation not allowed",
            "operation-not-allowed",
        ),
        (
            "Your account is not authorized to invoke this API operation.",
            "account-not-authorized",
        ),
        (
            "Too many tokens, please wait before trying again.",
            "tokens-per-minute-throttled",
        ),
        (
            r#"{"Message":"Authorization header is missing"}"#,
            "authorization-header-missing",
        ),
        (
            "Authorization header requires 'Credential' parameter.",
            "authorization-header-not-signed",
        ),
    ] {
        let found = classify(&pasted(message)).unwrap();
        assert_eq!(found.cause, cause);
        assert!(!found.candidates.is_empty(), "{message}");
    }
}

#[test]
fn what_is_not_an_aws_error_has_no_signature() {
    for message in [
        "",
        " ",
        "connection refused",
        "operation not permitted",
        "<html>502 Bad Gateway</html>",
        "No access",
        "Could not load credentials from any providers",
    ] {
        assert_eq!(classify(&pasted(message)), None, "{message}");
    }
}

proptest! {
    #[test]
    fn never_panics(service in "\\PC{0,8}", status in any::<Option<u16>>(), code in proptest::option::of("\\PC{0,24}"), message in any::<String>()) {
        let error = AwsErrorText { service: &service, status, code: code.as_deref(), message: &message };
        let _ = classify(&error);
    }

    #[test]
    fn text_around_a_sentence_does_not_hide_it(before in "[ -~¡-￿]{0,20}", after in "[ -~¡-￿]{0,20}") {
        let message = format!("{before} The provided model identifier is invalid. {after}");
        prop_assert!(classify(&pasted(&message)).is_some());
    }
}
