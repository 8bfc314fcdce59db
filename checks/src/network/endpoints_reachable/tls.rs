//! What a failed TLS handshake means.

use super::inspection::{self, Kind};
use super::{Broken, named, reason};
use crate::facts::{
    CaFile, CaSource, Certificate, CertificateProblem, Shown, SourceKind, WANTS_CERTIFICATE,
};
use crate::finding::{Finding, Owner, Status};
use crate::text::{list, relative, shell_word, utc};

/// Who showed the certificate: the host, or the proxy before it.
fn shower(broken: &Broken<'_>) -> String {
    match &broken.proxy {
        Some(proxy) if broken.failure.message.starts_with("the proxy `") => named(proxy),
        _ => format!("`{}`", broken.host),
    }
}

pub(super) fn refused(broken: &Broken<'_>) -> Finding {
    let finding = judged(broken);
    let unverified = broken
        .configuration
        .and_then(|configuration| configuration.variable("NODE_TLS_REJECT_UNAUTHORIZED"))
        .is_some_and(|variable| variable.value.value == Shown::Plain("0".to_owned()));
    if !unverified || broken.certificate.is_none() {
        return finding;
    }
    Finding {
        status: Status::Warn,
        ..finding.why("Claude Code goes on all the same, because `NODE_TLS_REJECT_UNAUTHORIZED` is `0`; this checkup sends no credentials to somebody whom nothing on this machine vouches for, so that it cannot tell more")
    }
}

fn judged(broken: &Broken<'_>) -> Finding {
    let host = shower(broken);
    if broken.failure.message.ends_with(WANTS_CERTIFICATE) {
        return wants_certificate(broken, &host);
    }
    let Some(certificate) = broken.certificate else {
        return Finding::fail(
            "tls-handshake-failed",
            format!(
                "no TLS connection to {host}: {}",
                reason(
                    &broken.failure.message,
                    &[&broken.proxy_unreachable(), "TLS failed: "]
                )
            ),
        )
        .owner(Owner::NetworkTeam)
        .why("Claude Code ends with an SSL error")
        .fix(format!(
            "see what answers for {host}: it does not speak TLS as it should"
        ));
    };
    let invalid = |what: String| {
        Finding::fail(
            "tls-certificate-invalid",
            format!(
                "the certificate shown by {host}{} {what}",
                issued(certificate)
            ),
        )
        .owner(Owner::NetworkTeam)
        .why("Claude Code ends with an SSL certificate error")
    };
    let now = broken.facts.now;
    let renew = format!(
        "renew the certificate of what answers for {host}, if this machine's clock is right: it shows {}",
        utc(now)
    );
    match &certificate.problem {
        Some(CertificateProblem::Expired) => {
            let when = certificate
                .valid_until
                .map_or_else(String::new, |until| format!(" {}", relative(until, now)));
            invalid(format!("expired{when}"))
                .fix(renew)
                .explained_by("clock-in-step")
        }
        Some(CertificateProblem::NotYetValid) => {
            let when = certificate.valid_from.map_or_else(String::new, |from| {
                format!(": it begins {}", relative(from, now))
            });
            invalid(format!("is not valid yet{when}"))
                .fix(renew)
                .explained_by("clock-in-step")
        }
        Some(CertificateProblem::OtherName) => {
            let names: Vec<String> = certificate
                .names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let names = if names.is_empty() {
                format!("`{}`", certificate.subject)
            } else {
                list(&names)
            };
            invalid(format!("is for another name: {names}")).fix(format!(
                "see what answers for {host}: a proxy, a gateway, a VPC endpoint of another service"
            ))
        }
        Some(CertificateProblem::Other(reason)) => invalid(format!("is not accepted: {reason}"))
            .fix(format!(
                "see what answers for {host}: its certificate is not made as TLS wants it"
            )),
        Some(CertificateProblem::UnknownIssuer) | None => untrusted(broken, certificate),
    }
}

/// The server asks for a certificate of this machine and got none that it accepts.
fn wants_certificate(broken: &Broken<'_>, host: &str) -> Finding {
    let set = |name: &str| {
        broken
            .configuration
            .is_some_and(|configuration| configuration.is_set(name))
    };
    let named = ["CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY"];
    let finding = |state: &str| {
        Finding::fail(
            "client-certificate-required",
            format!("{host} wants a certificate of this machine (mTLS), {state}"),
        )
        .why("what answers there lets in only machines that it knows by their certificate")
    };
    if !named.into_iter().all(set) {
        return finding("and none is named").fix_command(
            "get a certificate for this machine, with its key, from whoever runs what answers there, and name both files",
            "export CLAUDE_CODE_CLIENT_CERT=/path/to/client.pem CLAUDE_CODE_CLIENT_KEY=/path/to/client.key",
        );
    }
    finding("and does not take the one of `CLAUDE_CODE_CLIENT_CERT`").fix(
        "see that the files of `CLAUDE_CODE_CLIENT_CERT` and `CLAUDE_CODE_CLIENT_KEY` are there, in PEM form, and not over; this checkup cannot use a key that wants a passphrase, Claude Code can",
    )
}

/// Who issued a certificate, in brackets.
fn issued(certificate: &Certificate) -> String {
    let issuer = certificate.issuers.first();
    match (issuer, inspection::product(certificate)) {
        (Some(issuer), Some(product)) => {
            format!(
                " (issued by `{issuer}`: {} inspects TLS here)",
                product.name
            )
        }
        (Some(issuer), None) if *issuer == certificate.subject => {
            format!(" (signed by itself: `{issuer}`)")
        }
        (Some(issuer), None) => format!(" (issued by `{issuer}`)"),
        (None, _) => String::new(),
    }
}

/// The authority behind it is not among those that Claude Code trusts.
fn untrusted(broken: &Broken<'_>, certificate: &Certificate) -> Finding {
    let what = |more: &str| {
        format!(
            "the certificate shown by {}{} is signed by an authority that Claude Code does not trust on this machine{more}",
            shower(broken),
            issued(certificate)
        )
    };
    match &certificate.vouched_by {
        Some(CaSource::File(file)) => {
            let what = what(&format!("; `{}` has it", file.path.value));
            only_for_the_aws_cli(file, what)
        }
        Some(CaSource::System) => {
            let finding = Finding::fail(
                "system-ca-not-loaded",
                what("; the certificate store of this system has it"),
            );
            match cert_store(broken) {
                Some(named) => finding
                    .why(format!("`CLAUDE_CODE_CERT_STORE` is {named}: Claude Code does not read the store of the system"))
                    .fix_command("let Claude Code read it again", "unset CLAUDE_CODE_CERT_STORE"),
                None => finding
                    .why("Claude Code reads the certificate store of the system from version 2.1.101 on; `curl` and the browser read it anyway")
                    .fix_command("update Claude Code", "claude update")
                    .fix("or name a file with that root certificate in PEM form in `NODE_EXTRA_CA_CERTS`"),
            }
        }
        Some(CaSource::Bundled) => Finding::fail(
            "bundled-ca-not-loaded",
            what("; it is a public authority that comes with Claude Code"),
        )
        .why("`CLAUDE_CODE_CERT_STORE` leaves out the authorities that come with Claude Code, and the store of this system lacks this one")
        .fix_command("let Claude Code trust them again", "unset CLAUDE_CODE_CERT_STORE"),
        None => unknown(broken, certificate, what("")),
    }
}

/// The stores that a variable names.
fn cert_store(broken: &Broken<'_>) -> Option<String> {
    let variable = broken.configuration?.variable("CLAUDE_CODE_CERT_STORE")?;
    Some(variable.value.value.words())
}

/// A file that only the AWS CLI reads has it.
fn only_for_the_aws_cli(file: &CaFile, what: String) -> Finding {
    let value = if file.path.source.kind == SourceKind::Environment {
        format!("\"${}\"", file.variable)
    } else {
        shell_word(&file.path.value)
    };
    Finding::fail("aws-ca-bundle-not-honoured", what)
        .why(format!(
            "{} is read by the AWS CLI only, so `aws` works here where Claude Code does not",
            file.path.source.words()
        ))
        .fix_command(
            "name the same file in the variable that Claude Code reads",
            format!("export NODE_EXTRA_CA_CERTS={value}"),
        )
}

/// Nothing on this machine has it.
fn unknown(broken: &Broken<'_>, certificate: &Certificate, what: String) -> Finding {
    let product = inspection::product(certificate);
    let finding = Finding::fail("tls-inspection-untrusted-ca", what)
        .why("company networks often re-sign traffic in order to inspect it; Claude Code ends with `SSL certificate verification failed`");
    if let Some(product) = product.filter(|product| product.kind == Kind::Debugging) {
        return finding.fix(format!(
            "end {} or take it out of `HTTPS_PROXY`; or, if it is meant to look on, name its root certificate in `NODE_EXTRA_CA_CERTS`",
            product.name
        ));
    }
    let root = match certificate.issuers.last() {
        Some(root) => format!("the certificate of the authority `{root}`"),
        None => "the company's root certificate".to_owned(),
    };
    let files = broken
        .configuration
        .map_or(&[][..], |configuration| &configuration.ca_files);
    if let Some(file) = files.iter().find(|file| file.honoured) {
        let source = file.path.source.words();
        return finding.fix(match &file.problem {
            Some(problem) => format!(
                "correct {source}: `{}` is ignored ({problem})",
                file.path.value
            ),
            None => format!(
                "add {root} in PEM form to `{}`, which {source} names",
                file.path.value
            ),
        });
    }
    let from = match product.map(|product| product.kind) {
        Some(Kind::Machine) => "export it from the security software on this machine",
        _ => "the network team has it",
    };
    finding.fix_command(
        format!("get {root} in PEM form ({from}) and name its file"),
        "export NODE_EXTRA_CA_CERTS=/path/to/company-ca.pem",
    )
}
