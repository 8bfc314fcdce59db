//! What a failed TLS handshake means.

use super::reason;
use crate::facts::{Configuration, SourceKind};
use crate::finding::{Finding, Owner};
use crate::text::shell_word;

pub(super) fn tls(host: &str, message: &str, configuration: Option<&Configuration>) -> Finding {
    let lower = message.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let invalid = |what: String| {
        Finding::fail("tls-certificate-invalid", what)
            .owner(Owner::NetworkTeam)
            .why("Claude Code ends with an SSL certificate error")
    };
    if says(&["expired", "notvalidyet", "not valid yet", "not yet valid"]) {
        return invalid(format!(
            "the certificate shown by `{host}` is not valid at this machine's time: {}",
            reason(message, &["the server's certificate "])
        ))
        .fix("renew the certificate of the proxy or gateway, if this machine's clock is right")
        .explained_by("clock-in-step");
    }
    if says(&[
        "notvalidforname",
        "not valid for name",
        "hostname",
        "name mismatch",
        "another name",
    ]) {
        return invalid(format!(
            "the certificate shown by `{host}` is for another name: {}",
            reason(message, &["the server's certificate is for another name: "])
        ))
        .fix(format!(
            "see what answers for `{host}`: a proxy, a gateway, a VPC endpoint of another service"
        ));
    }
    if says(&[
        "unknownissuer",
        "unknown issuer",
        "self-signed",
        "self signed",
        "selfsigned",
        "unable to get",
        "trust",
    ]) {
        return untrusted(host, message, configuration);
    }
    invalid(format!("no TLS connection to `{host}`: {message}")).fix(format!(
        "see what answers for `{host}`: it does not speak TLS as AWS does"
    ))
}

fn untrusted(host: &str, message: &str, configuration: Option<&Configuration>) -> Finding {
    let issuer = message
        .split_once("issued by ")
        .map(|(_, rest)| rest.split([';', ')', '\n']).next().unwrap_or_default())
        .map(|name| name.trim_matches(['`', '"', '\'', ' ', '.']))
        .filter(|name| !name.is_empty())
        .map(|name| format!(" (issued by `{name}`)"))
        .unwrap_or_default();
    let what = format!(
        "the certificate shown by `{host}`{issuer} is signed by an authority that Claude Code does not trust on this machine"
    );
    let why = "company networks often re-sign traffic in order to inspect it; Claude Code ends with `SSL certificate verification failed`";
    let files = configuration.map_or(&[][..], |configuration| &configuration.ca_files);
    let honoured = files.iter().find(|file| file.honoured);
    let bundle = files.iter().find(|file| file.variable == "AWS_CA_BUNDLE");
    match (honoured, bundle) {
        (None, Some(bundle)) => {
            let value = if bundle.path.source.kind == SourceKind::Environment {
                "\"$AWS_CA_BUNDLE\"".to_owned()
            } else {
                shell_word(&bundle.path.value)
            };
            Finding::fail("aws-ca-bundle-not-honoured", what)
                .why(format!(
                    "{} is read by the AWS CLI only, so `aws` works here where Claude Code does not",
                    bundle.path.source.words()
                ))
                .fix_command(
                    "name the same file in the variable that Claude Code reads",
                    format!("export NODE_EXTRA_CA_CERTS={value}"),
                )
        }
        (Some(file), _) => Finding::fail("tls-inspection-untrusted-ca", what)
            .why(why)
            .fix(match &file.problem {
                Some(problem) => format!(
                    "correct {}: `{}` is ignored ({problem})",
                    file.path.source.words(),
                    file.path.value
                ),
                None => format!(
                    "add the company's root certificate in PEM form to `{}`, which {} names",
                    file.path.value,
                    file.path.source.words()
                ),
            }),
        (None, None) => Finding::fail("tls-inspection-untrusted-ca", what)
            .why(why)
            .fix_command(
                "get the company's root certificate in PEM form from the network team and name its file",
                "export NODE_EXTRA_CA_CERTS=/path/to/company-ca.pem",
            ),
    }
}
