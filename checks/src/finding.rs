//! What a check says.

use serde::{Deserialize, Serialize};

use crate::probe::ProbeId;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The check has nothing to look at on this set-up.
    NotApplicable,
    /// The condition in the title holds.
    Pass,
    /// It works, but something deserves attention.
    Warn,
    /// Not tested, because of a named failing check.
    Blocked,
    /// It could not be told, and why.
    CannotTell,
    /// The condition in the title does not hold.
    Fail,
}

impl Status {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Blocked => "blocked",
            Self::CannotTell => "cannot-tell",
            Self::Fail => "fail",
        }
    }
}

/// Who can fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The person at this machine.
    You,
    /// Whoever administers the AWS account.
    AccountAdmin,
    /// Whoever administers the AWS organization.
    OrgAdmin,
    /// Whoever runs the network, the proxy, the certificates.
    NetworkTeam,
    /// AWS Support.
    AwsSupport,
}

impl Owner {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::AccountAdmin => "account-admin",
            Self::OrgAdmin => "org-admin",
            Self::NetworkTeam => "network-team",
            Self::AwsSupport => "aws-support",
        }
    }

    /// The words in a sentence: "… must act".
    pub fn words(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::AccountAdmin => "your AWS account administrator",
            Self::OrgAdmin => "your AWS organization administrator",
            Self::NetworkTeam => "your network team",
            Self::AwsSupport => "AWS Support",
        }
    }
}

/// How a verdict is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It was seen on this machine or a call was made and answered.
    Observed,
    /// AWS said so in an error.
    Reported,
    /// The IAM policy simulator said so.
    Simulated,
    /// It follows from the configuration, or from an answer whose meaning only real AWS could confirm.
    Inferred,
    /// Nobody tested it.
    NotTested,
}

/// How a verdict is known, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The kind of evidence.
    pub basis: Basis,
    /// What was seen.
    pub detail: String,
}

/// One step of a fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to do, in words.
    pub text: String,
    /// The command that does it, to be pasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Step {
    /// What stands before it: a sample repairs nothing.
    pub fn label(&self) -> &'static str {
        let command = self.command.as_deref().unwrap_or_default();
        if command.starts_with("bedrock-doctor demo") {
            "try"
        } else {
            "fix"
        }
    }
}

/// What would explain a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanation {
    /// The failure of a check, by id.
    Check(&'static str),
    /// Whatever kept a probe from an answer.
    Probe(ProbeId),
    /// Whatever keeps requests from arriving.
    Network,
    /// Whatever makes AWS refuse the credentials.
    Authentication,
}

/// What a check says about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's id.
    pub id: String,
    /// The finer cause, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The check's family.
    pub family: String,
    /// The healthy condition: true under ✓, false under ✗.
    pub title: String,
    /// Whether it holds.
    pub status: Status,
    /// What it is about, when a check looks at several things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What happened, with the values that decide it.
    pub what: String,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who can fix it.
    pub owner: Owner,
    /// How the verdict is known.
    pub evidence: Evidence,
    /// How to fix it.
    #[serde(default)]
    pub fix: Vec<Step>,
    /// The failing check that keeps this one from being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// AWS's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What would explain this finding; the diagnosis looks whether it failed.
    #[serde(skip)]
    pub explained_by: Vec<Explanation>,
    /// Left out on purpose (`--offline`): does not count as "could not be told".
    #[serde(skip)]
    pub left_out: bool,
    /// The same code for another subject is the same cause: the diagnosis makes one finding of them.
    #[serde(skip)]
    pub shared: bool,
}

impl Finding {
    fn new(status: Status, basis: Basis, what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            id: String::new(),
            code: None,
            family: String::new(),
            title: String::new(),
            status,
            subject: None,
            why: None,
            owner: Owner::You,
            evidence: Evidence {
                basis,
                detail: String::new(),
            },
            what,
            fix: Vec::new(),
            blocked_by: None,
            request_id: None,
            explained_by: Vec::new(),
            left_out: false,
            shared: false,
        }
    }

    /// The condition holds; seen.
    pub fn pass(what: impl Into<String>) -> Self {
        Self::new(Status::Pass, Basis::Observed, what)
    }

    /// It works, but deserves attention; seen.
    pub fn warn(code: &str, what: impl Into<String>) -> Self {
        Self::new(Status::Warn, Basis::Observed, what).code(code)
    }

    /// The condition does not hold; seen.
    pub fn fail(code: &str, what: impl Into<String>) -> Self {
        Self::new(Status::Fail, Basis::Observed, what).code(code)
    }

    /// Nothing to look at on this set-up.
    pub fn not_applicable(what: impl Into<String>) -> Self {
        Self::new(Status::NotApplicable, Basis::Observed, what)
    }

    /// Nobody asked, or nobody may, and nothing is wrong because of it.
    pub fn left_out(what: impl Into<String>) -> Self {
        let mut finding = Self::not_applicable(what);
        finding.left_out = true;
        finding
    }

    /// It could not be told, and why.
    pub fn cannot_tell(what: impl Into<String>) -> Self {
        Self::new(Status::CannotTell, Basis::NotTested, what)
    }

    /// Sets the finer cause.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Names what the finding is about.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Says why it matters.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Says who can fix it, if not the person at this machine.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Says how the verdict is known.
    #[must_use]
    pub fn evidence(mut self, basis: Basis, detail: impl Into<String>) -> Self {
        self.evidence = Evidence {
            basis,
            detail: detail.into(),
        };
        self
    }

    /// Adds a step in words.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix.push(Step {
            text: text.into(),
            command: None,
        });
        self
    }

    /// Adds a step with its command.
    #[must_use]
    pub fn fix_command(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.fix.push(Step {
            text: text.into(),
            command: Some(command.into()),
        });
        self
    }

    /// Names AWS's request.
    #[must_use]
    pub fn request_id(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }

    /// Says that the same code for another subject is the same cause.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Names a probe whose silence decides.
    #[must_use]
    pub fn missing(mut self, probe: ProbeId) -> Self {
        self.explained_by.push(Explanation::Probe(probe));
        self
    }

    /// Names a check whose failure explains this finding: then it is `blocked`, and the other is the root cause.
    #[must_use]
    pub fn explained_by(mut self, check: &'static str) -> Self {
        self.explained_by.push(Explanation::Check(check));
        self
    }
}
