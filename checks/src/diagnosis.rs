//! From findings to root causes: what explains others stands on top, what is explained is `blocked`.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

use crate::check::{Entry, Family};
use crate::facts::Facts;
use crate::finding::{Basis, Explanation, Finding, Owner, Status};
use crate::probe::ProbeId;
use crate::text::list;

/// The outcome of a checkup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// All findings: families in their order, checks in registry order.
    pub findings: Vec<Finding>,
    /// The failing findings that no other finding explains, most important first: indexes into `findings`.
    pub root_causes: Vec<usize>,
    /// A check panicked.
    pub internal_error: bool,
}

/// The exit code, the same in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing failed.
    Healthy,
    /// Something failed and the user can fix it.
    YouCanFix,
    /// Something failed and somebody else must act.
    SomebodyElse,
    /// Nothing known to be wrong, but something that matters could not be told.
    CannotTell,
    /// Wrong usage.
    Usage,
    /// Internal error of the tool.
    Internal,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::YouCanFix => 1,
            Self::SomebodyElse => 2,
            Self::CannotTell => 3,
            Self::Usage => 64,
            Self::Internal => 70,
        }
    }
}

impl Diagnosis {
    /// Runs the checks over the facts and finds the root causes.
    pub fn of(facts: &Facts, checks: &[&Entry]) -> Self {
        let mut internal_error = false;
        let mut findings = Vec::new();
        for family in Family::ALL {
            for check in checks.iter().filter(|check| check.meta.family == family) {
                let (of_check, panicked) = check.run(facts);
                internal_error |= panicked.0;
                findings.extend(of_check);
            }
        }
        let mut findings = gather(findings);
        explain(&mut findings);
        let root_causes = root_causes(&findings);
        Self {
            findings,
            root_causes,
            internal_error,
        }
    }

    /// The root causes.
    pub fn roots(&self) -> impl Iterator<Item = &Finding> {
        self.root_causes.iter().map(|&index| &self.findings[index])
    }

    /// The worst status.
    pub fn status(&self) -> Status {
        let statuses = self.findings.iter().map(|finding| finding.status);
        match statuses.max() {
            // Nothing to look at is no reason for alarm.
            None | Some(Status::NotApplicable) => Status::Pass,
            Some(worst) => worst,
        }
    }

    /// The exit code. `strict`: warnings and "cannot tell" count as failures.
    pub fn exit(&self, strict: bool) -> Exit {
        let has = |status| self.findings.iter().any(|finding| finding.status == status);
        if self.internal_error {
            return Exit::Internal;
        }
        let mut owners = self.roots().map(|finding| finding.owner).peekable();
        if owners.peek().is_some() {
            return if owners.any(|owner| owner == Owner::You) {
                Exit::YouCanFix
            } else {
                Exit::SomebodyElse
            };
        }
        let untold = has(Status::CannotTell) || has(Status::Blocked);
        match (untold, strict) {
            (true, false) => Exit::CannotTell,
            (true, true) => Exit::YouCanFix,
            (false, true) if has(Status::Warn) => Exit::YouCanFix,
            (false, _) => Exit::Healthy,
        }
    }
}

/// Makes one finding of what one cause does to several subjects, such as all hosts behind one proxy.
fn gather(findings: Vec<Finding>) -> Vec<Finding> {
    let mut gathered: Vec<(Finding, Vec<Finding>)> = Vec::new();
    for finding in findings {
        let first = gathered
            .iter_mut()
            .find(|(first, _)| same_cause(first, &finding));
        match first {
            Some((_, others)) => others.push(finding),
            None => gathered.push((finding, Vec::new())),
        }
    }
    gathered
        .into_iter()
        .map(|(first, others)| {
            if others.is_empty() {
                first
            } else {
                with_others(first, &others)
            }
        })
        .collect()
}

fn same_cause(first: &Finding, other: &Finding) -> bool {
    let told =
        |finding: &Finding| finding.shared && matches!(finding.status, Status::Fail | Status::Warn);
    // What could not be told for one and the same answer is said once too.
    let untold =
        |finding: &Finding| finding.status == Status::CannotTell && finding.subject.is_some();
    let same_words = !first.evidence.detail.is_empty() && first.evidence == other.evidence;
    ((told(first) && told(other) && first.status == other.status)
        || (untold(first) && untold(other) && same_words))
        && (&first.id, &first.code, first.owner) == (&other.id, &other.code, other.owner)
        && first.explained_by == other.explained_by
}

fn with_others(mut first: Finding, others: &[Finding]) -> Finding {
    let subjects: Vec<String> = others
        .iter()
        .filter_map(|other| Some(format!("`{}`", other.subject.as_ref()?)))
        .collect();
    let same = format!("the same for {}", list(&subjects));
    first.what = format!("{}; {same}", first.what.trim_end_matches('.'));
    if others.iter().any(|other| other.fix != first.fix) {
        first = first.fix(same);
    }
    first
}

/// The checks whose failure explains that a probe has no answer.
fn explains_probe(check: &str, family: &str, probe: ProbeId) -> bool {
    match probe {
        ProbeId::Configuration
        | ProbeId::Machine
        | ProbeId::ClaudeCode
        | ProbeId::AwsFiles
        | ProbeId::AwsCli
        | ProbeId::SsoCache => false,
        ProbeId::Credentials => {
            check == "bedrock-enabled"
                || family == "credentials"
                || family == "sso"
                || family == "network"
        }
        ProbeId::CallerIdentity
        | ProbeId::InferenceProfiles
        | ProbeId::MantleModels
        | ProbeId::ModelAvailability
        | ProbeId::UseCaseForm
        | ProbeId::Invocations
        | ProbeId::PolicySimulation
        | ProbeId::Quotas
        | ProbeId::Clock
        | ProbeId::Connections => {
            explains_probe(check, family, ProbeId::Credentials) || check == "credentials-accepted"
        }
    }
}

fn explains(upstream: &Finding, explanation: Explanation) -> bool {
    match explanation {
        Explanation::Check(id) => upstream.id == id,
        Explanation::Probe(probe) => explains_probe(&upstream.id, &upstream.family, probe),
        Explanation::Network => upstream.family == "network",
        Explanation::Authentication => {
            ["credentials-accepted", "clock-in-step"].contains(&upstream.id.as_str())
        }
    }
}

/// Turns findings that a failing finding explains into `blocked`, and follows chains to their root.
fn explain(findings: &mut [Finding]) {
    let explainer = |findings: &[Finding], index: usize| -> Option<usize> {
        let finding = &findings[index];
        if !matches!(finding.status, Status::Fail | Status::CannotTell) {
            return None;
        }
        (0..findings.len()).find(|&other| {
            other != index
                && findings[other].status == Status::Fail
                && findings[other].id != finding.id
                && finding
                    .explained_by
                    .iter()
                    .any(|&explanation| explains(&findings[other], explanation))
        })
    };
    let direct: Vec<Option<usize>> = (0..findings.len())
        .map(|index| explainer(findings, index))
        .collect();
    for index in 0..findings.len() {
        let root = root_of(&direct, index);
        if root == index {
            continue;
        }
        findings[index].status = Status::Blocked;
        findings[index].blocked_by = Some(findings[root].id.clone());
    }
}

/// Where a chain of explanations ends; of findings that explain each other the first one is the root.
fn root_of(explained_by: &[Option<usize>], start: usize) -> usize {
    let mut chain = vec![start];
    let mut at = start;
    while let Some(next) = explained_by[at] {
        if let Some(entry) = chain.iter().position(|&seen| seen == next) {
            return chain[entry..].iter().copied().min().unwrap_or(next);
        }
        chain.push(next);
        at = next;
    }
    at
}

/// Failing findings, those the user can fix first, then in the order of the table.
fn root_causes(findings: &[Finding]) -> Vec<usize> {
    let mut roots: Vec<usize> = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.status == Status::Fail)
        .map(|(index, _)| index)
        .collect();
    roots.sort_by_key(|&index| (findings[index].owner != Owner::You, index));
    roots
}

/// The text that can be forwarded to whoever must act.
pub fn hand_off(finding: &Finding, facts: &Facts) -> Option<String> {
    use std::fmt::Write as _;
    if finding.owner == Owner::You {
        return None;
    }
    let mut text = format!(
        "Claude Code cannot use Amazon Bedrock: {}.\n",
        finding.what.trim_end_matches('.')
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}: {value}");
    };
    let caller = facts.caller_identity.known().map(|identity| &identity.arn);
    if let Some(arn) = caller {
        line("Caller", arn);
    }
    // The parts that an administrator looks for, so that nobody has to pick them out of AWS's sentence.
    if let Some(denial) = crate::denial::parse(&finding.evidence.detail) {
        for (name, part) in [
            (
                "Principal",
                denial.principal.filter(|arn| Some(arn) != caller),
            ),
            ("Action", denial.action),
            ("Resource", denial.resource),
            ("Denied by", denial.policy_arn),
        ] {
            if let Some(part) = part {
                line(name, &part);
            }
        }
    }
    if let Some(configuration) = facts.configuration.known() {
        line("Region", &configuration.region.value);
    }
    if let Some(subject) = &finding.subject {
        line("Subject", subject);
    }
    if !finding.evidence.detail.is_empty() {
        let name = match finding.evidence.basis {
            Basis::Reported => "AWS said",
            _ => "What was seen",
        };
        line(name, &finding.evidence.detail);
    }
    if let Some(request_id) = &finding.request_id {
        line("AWS request id", request_id);
    }
    line("Time", &crate::text::utc(facts.now));
    for step in &finding.fix {
        match step.command.as_deref() {
            // It prints what this machine needs, so on another one it would print something else.
            Some(command) if command.starts_with("bedrock-doctor policy") => {
                line("What is needed", &step.text);
                line(
                    "Attached",
                    &format!("the output of `{command}` from this machine"),
                );
            }
            Some(command) if is_for_the_user(command) => {}
            Some(command) => {
                line("What is needed", &step.text);
                line("Command", command);
            }
            None => line("What is needed", &step.text),
        }
    }
    Some(text)
}

/// Whether a command does something at the machine of the user only: in the shell, or with a program there.
fn is_for_the_user(command: &str) -> bool {
    let program = command.split(' ').next().unwrap_or_default();
    ["export", "unset", "bedrock-doctor", "claude"].contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(subject: &str, code: &str, step: &str) -> Finding {
        let mut finding = Finding::fail(code, format!("`{subject}` was refused."))
            .subject(subject)
            .fix(step)
            .shared();
        finding.id = "endpoints-reachable".to_owned();
        finding
    }

    #[test]
    fn one_cause_with_several_subjects_is_one_finding() {
        let findings = gather(vec![
            refused("sts", "dns-lookup-failed", "resolve sts"),
            refused("oidc", "request-timeout-or-stall", "open oidc"),
            refused("bedrock", "dns-lookup-failed", "resolve bedrock"),
            refused(
                "bedrock-runtime",
                "dns-lookup-failed",
                "resolve bedrock-runtime",
            ),
        ]);
        let told: Vec<&str> = findings
            .iter()
            .map(|finding| finding.what.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "`sts` was refused; the same for `bedrock` and `bedrock-runtime`",
                "`oidc` was refused."
            ]
        );
        let steps: Vec<&str> = findings[0]
            .fix
            .iter()
            .map(|step| step.text.as_str())
            .collect();
        assert_eq!(
            steps,
            [
                "resolve sts",
                "the same for `bedrock` and `bedrock-runtime`"
            ]
        );
    }

    #[test]
    fn what_one_answer_leaves_open_is_said_once() {
        let open = |subject: &str, words: &str| {
            let mut finding = Finding::cannot_tell(format!("could not tell: `{subject}`: {words}"))
                .evidence(Basis::NotTested, words)
                .subject(subject);
            finding.id = "invocation-allowed".to_owned();
            finding
        };
        let findings = gather(vec![
            open("opus", "Too many tokens."),
            open("sonnet", "Too many tokens."),
            open("haiku", "Flux."),
        ]);
        let told: Vec<&str> = findings
            .iter()
            .map(|finding| finding.what.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "could not tell: `opus`: Too many tokens; the same for `sonnet`",
                "could not tell: `haiku`: Flux."
            ]
        );
    }

    #[test]
    fn what_is_forwarded_is_for_whoever_must_act() {
        let mut finding = refused("sts", "iam-no-identity-allow", "allow it")
            .owner(Owner::AccountAdmin)
            .fix_command("subscribe", "aws bedrock create-foundation-model-agreement")
            .fix_command("or all of it, as a policy", "bedrock-doctor policy")
            .fix_command(
                "or ask for less",
                "export CLAUDE_CODE_MAX_OUTPUT_TOKENS=100",
            )
            .fix_command("or use other credentials", "unset AWS_BEARER_TOKEN_BEDROCK")
            .fix_command("or try the new version", "claude update");
        let facts = crate::sample::healthy();
        let text = hand_off(&finding, &facts).unwrap();
        let (_, needed) = text.split_once("What is needed: ").unwrap();
        assert_eq!(
            needed,
            "allow it\nWhat is needed: subscribe\nCommand: aws bedrock create-foundation-model-agreement\n\
             What is needed: or all of it, as a policy\n\
             Attached: the output of `bedrock-doctor policy` from this machine\n"
        );
        finding.owner = Owner::You;
        assert_eq!(hand_off(&finding, &facts), None);
    }

    #[test]
    fn chains_and_circles_of_explanations_have_one_root() {
        let root_of_each = |explained_by: &[Option<usize>]| -> Vec<usize> {
            (0..explained_by.len())
                .map(|index| root_of(explained_by, index))
                .collect()
        };
        assert_eq!(root_of_each(&[None, Some(0), Some(1)]), [0, 0, 0]);
        assert_eq!(root_of_each(&[Some(1), Some(0)]), [0, 0]);
        assert_eq!(root_of_each(&[Some(1), Some(2), Some(0)]), [0, 0, 0]);
        // What leads into a circle has the root of the circle, not one that is blocked itself.
        assert_eq!(
            root_of_each(&[Some(2), Some(2), Some(3), Some(2)]),
            [2, 2, 2, 2]
        );
    }

    #[test]
    fn a_fix_that_covers_all_is_said_once() {
        let same = |subject| refused(subject, "tls-inspection-untrusted-ca", "name the file");
        let findings = gather(vec![same("sts"), same("bedrock")]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].fix.len(), 1);
    }

    #[test]
    fn other_owners_and_findings_of_their_own_stay_apart() {
        let first = refused("sts", "dns-lookup-failed", "");
        let owned = refused("bedrock", "dns-lookup-failed", "").owner(Owner::NetworkTeam);
        let mut single = refused("oidc", "dns-lookup-failed", "");
        single.shared = false;
        let mut passed = refused("portal", "dns-lookup-failed", "");
        passed.status = Status::Pass;
        assert_eq!(gather(vec![first, owned, single, passed]).len(), 4);
    }
}
