//! What AWS answers when it refuses.

use bedrock_doctor_checks::answer::not_judged_here;
use bedrock_doctor_checks::denial;
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use bedrock_doctor_checks::signatures::{AwsErrorText, classify};

/// Who answers, and with which status.
const ASKED: [(&str, Option<u16>); 7] = [
    ("", None),
    ("bedrock-runtime", Some(403)),
    ("bedrock-runtime", Some(400)),
    ("bedrock", Some(404)),
    ("sts", Some(403)),
    ("sso-oidc", Some(400)),
    ("sso", Some(401)),
];

/// The first line is the code, the second the message.
pub(crate) fn hold(text: &str) {
    let (code, message) = text.split_once('\n').unwrap_or(("", text));
    let (service, status) = ASKED[text.len() % ASKED.len()];
    let cause = |message: &str| {
        let error = AwsErrorText {
            service,
            status,
            code: Some(code),
            message,
        };
        classify(&error).map(|signature| &signature.cause)
    };
    let with_blanks = message.replace(' ', " \n ");
    assert_eq!(cause(message), cause(&with_blanks));

    let failure = Failure {
        service: Some(service.to_owned()),
        status,
        code: Some(code.to_owned()),
        ..Failure::new(FailureKind::Service, message)
    };
    assert!(!not_judged_here("the list", &failure).what.is_empty());

    if let Some(denial) = denial::parse(text) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let found = [
            denial.principal,
            denial.action,
            denial.resource,
            denial.policy_arn,
        ];
        for part in found.into_iter().flatten() {
            assert!(!part.is_empty() && text.contains(&part), "{part:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use bedrock_doctor_checks::signatures::all;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_what_aws_says_cut_and_glued(
            first in prop::sample::select(all()), second in prop::sample::select(all()),
            cut in 0_usize..120, glue in "(ValidationException\n| because no |\\. |\"|\\\\|ß| on resource: )",
        ) {
            let part = |text: &str| text.chars().take(cut).collect::<String>();
            hold(&format!("{}{glue}{}", part(&first.example), second.example));
            hold(&format!("{}{glue}{}", second.example, part(&first.example)));
        }
    }
}
