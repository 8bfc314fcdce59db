use crate::check::{Check, Family, Meta};
use crate::facts::{CaFile, Configuration, SourceKind};
use crate::finding::{Basis, Finding};
use crate::text::{list, shell_word};

/// See [`Meta::docs`].
pub(crate) struct CaFilesUsable;

impl Check for CaFilesUsable {
    const META: &'static Meta = &Meta {
        id: "ca-files-usable",
        family: Family::Network,
        title: "the certificate files that are set can be used",
        file: file!(),
        docs: "
## What it looks at

The files that `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE` and `AWS_CA_BUNDLE` name.

## Why it matters

Claude Code ignores a file that does not exist without a word, and never reads `AWS_CA_BUNDLE`.
Behind a proxy that inspects TLS no request arrives then, while the AWS CLI works.

## How to fix it

Let `NODE_EXTRA_CA_CERTS` name a readable file in PEM form.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let files = &configuration.ca_files;
        if files.is_empty() {
            return vec![Finding::not_applicable(
                "no variable names a file of certificates",
            )];
        }
        let honoured = || files.iter().filter(|file| file.honoured);
        let mut findings: Vec<Finding> = honoured().filter_map(unusable).collect();
        let ignored = files.iter().filter(|file| !file.honoured);
        if honoured().next().is_none() {
            findings.extend(ignored.map(not_read));
        }
        if findings.is_empty() {
            let names: Vec<String> = honoured()
                .map(|file| format!("`{}` (`{}`)", file.path.value, file.variable))
                .collect();
            findings.push(Finding::pass(format!("Claude Code reads {}", list(&names))));
        }
        findings
    }
}

fn unusable(file: &CaFile) -> Option<Finding> {
    let problem = file.problem.as_ref()?;
    let source = file.path.source.words();
    let finding = Finding::warn(
        "ca-file-unusable",
        format!(
            "`{}`, which {source} names, cannot be used: {problem}",
            file.path.value
        ),
    )
    .subject(&file.variable)
    .why("Claude Code ignores it without a word and trusts only the authorities it knows")
    .fix(format!(
        "let {source} name a readable file in PEM form, or remove it"
    ));
    Some(finding)
}

fn not_read(file: &CaFile) -> Finding {
    let value = if file.path.source.kind == SourceKind::Environment {
        format!("\"${}\"", file.variable)
    } else {
        shell_word(&file.path.value)
    };
    Finding::warn(
        "aws-ca-bundle-not-honoured",
        format!(
            "`{}` is named only by {}, which Claude Code does not read",
            file.path.value,
            file.path.source.words()
        ),
    )
    .subject(&file.variable)
    .why("the AWS CLI reads it, so `aws` may work where Claude Code does not")
    .evidence(Basis::Inferred, "the variables that are set")
    .fix_command(
        "name the same file in the variable that Claude Code reads",
        format!("export NODE_EXTRA_CA_CERTS={value}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::Facts;
    use crate::finding::Status;
    use crate::sample::{configured, from_settings, from_shell, healthy, now, only};

    const CHECK: Entry = Entry::of::<CaFilesUsable>();

    fn file(variable: &str, path: &str, problem: Option<&str>) -> CaFile {
        CaFile {
            variable: variable.into(),
            path: from_shell(variable, path.into()),
            honoured: variable != "AWS_CA_BUNDLE",
            problem: problem.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check(files: Vec<CaFile>, status: Status, code: Option<&str>) -> Finding {
        only(
            &CHECK,
            &configured(|configuration| configuration.ca_files = files),
            status,
            code,
        )
    }

    #[test]
    fn does_not_apply_when_none_is_set() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn passes_when_claude_code_reads_it() {
        check(
            vec![file("NODE_EXTRA_CA_CERTS", "/ca.pem", None)],
            Status::Pass,
            None,
        );
    }

    #[test]
    fn warns_about_a_file_that_is_not_there() {
        let missing = file("NODE_EXTRA_CA_CERTS", "/ca.pem", Some("no such file"));
        check(vec![missing], Status::Warn, Some("ca-file-unusable"));
    }

    #[test]
    fn warns_about_a_bundle_that_stands_alone() {
        let code = Some("aws-ca-bundle-not-honoured");
        let finding = check(
            vec![file("AWS_CA_BUNDLE", "/ca.pem", None)],
            Status::Warn,
            code,
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export NODE_EXTRA_CA_CERTS=\"$AWS_CA_BUNDLE\"")
        );
    }

    #[test]
    fn the_shell_does_not_know_a_bundle_of_the_settings() {
        let mut bundle = file("AWS_CA_BUNDLE", "/ca.pem", None);
        bundle.path = from_settings("env.AWS_CA_BUNDLE", 3, "/my ca.pem".into());
        let finding = check(
            vec![bundle],
            Status::Warn,
            Some("aws-ca-bundle-not-honoured"),
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export NODE_EXTRA_CA_CERTS='/my ca.pem'")
        );
    }

    #[test]
    fn a_bundle_beside_a_file_that_is_read_is_fine() {
        let files = vec![
            file("NODE_EXTRA_CA_CERTS", "/ca.pem", None),
            file("AWS_CA_BUNDLE", "/ca.pem", None),
        ];
        check(files, Status::Pass, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
