//! What a run has to say, in the form in which it is written: version 1 of the JSON.

use bedrock_doctor_checks::diagnosis::{Diagnosis, Exit, hand_off};
use bedrock_doctor_checks::facts::Facts;
use bedrock_doctor_checks::finding::{Finding, Status};
use bedrock_doctor_checks::probe::ProbeId;
use serde::{Deserialize, Serialize};

use crate::probes::Timing;

/// The version of the form: additive within a major.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// The version that is written.
pub(crate) const SCHEMA: Schema = Schema { major: 1, minor: 0 };

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) schema: Schema,
    pub(crate) tool: Tool,
    pub(crate) claude_code: ClaudeCodeVersion,
    pub(crate) status: Status,
    pub(crate) exit_code: u8,
    pub(crate) root_causes: Vec<RootCause>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) facts: Facts,
    pub(crate) timings: Vec<ProbeTime>,
    /// What was replaced; none when identifiers are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redaction: Option<Redaction>,
}

/// This program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Tool {
    /// This build.
    pub(crate) fn this() -> Self {
        Self {
            name: "bedrock-doctor".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The version found and the version whose rules were applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClaudeCodeVersion {
    pub(crate) version: Option<String>,
    pub(crate) rules: Option<String>,
}

/// A finding that no other explains, and the text to forward when somebody else must act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RootCause {
    #[serde(flatten)]
    pub(crate) finding: Finding,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hand_off: Option<String>,
}

/// How long a probe took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbeTime {
    pub(crate) probe: ProbeId,
    pub(crate) milliseconds: u64,
    pub(crate) outcome: String,
}

/// What was replaced by pseudonyms, by type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redaction {
    pub(crate) replaced: Vec<String>,
}

impl Report {
    /// The report of a run.
    pub(crate) fn new(facts: Facts, diagnosis: Diagnosis, timings: &[Timing], exit: Exit) -> Self {
        let root_causes = diagnosis
            .roots()
            .map(|finding| RootCause {
                finding: finding.clone(),
                hand_off: hand_off(finding, &facts),
            })
            .collect();
        let known = facts.claude_code.known();
        let configuration = facts.configuration.known();
        Self {
            schema: SCHEMA,
            tool: Tool::this(),
            claude_code: ClaudeCodeVersion {
                version: known.and_then(|found| found.version.clone()),
                rules: configuration.map(|configuration| configuration.rules.clone()),
            },
            status: diagnosis.status(),
            exit_code: exit.code(),
            root_causes,
            findings: diagnosis.findings,
            timings: timings
                .iter()
                .map(|timing| ProbeTime {
                    probe: timing.probe,
                    milliseconds: u64::try_from(timing.took.as_millis()).unwrap_or(u64::MAX),
                    outcome: timing.outcome.to_owned(),
                })
                .collect(),
            facts,
            redaction: None,
        }
    }

    /// Whether nothing failed and nothing that matters is open.
    pub(crate) fn is_healthy(&self) -> bool {
        self.exit_code == Exit::Healthy.code()
    }
}
