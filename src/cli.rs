//! Arguments only: words become values here, nothing is read or resolved. The doc comments are the help text.
//!
//! Longer than 400 lines: the help of every command stands here.

use std::ffi::OsString;
use std::path::PathBuf;

use bedrock_doctor_checks::claude_code::versions::Version;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Tells why Claude Code cannot talk to Amazon Bedrock, and the command that fixes it
///
/// Without a command it runs `check`.
#[derive(Debug, Parser)]
#[command(
    version,
    override_usage = "bedrock-doctor [OPTIONS] [COMMAND]\n       bedrock-doctor [OPTIONS OF CHECK]",
    after_help = EXIT_CODES
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   nothing failed (there may be warnings)
  1   something failed and you can fix it; the command is printed
  2   something failed and somebody else must act; the text to forward is printed
  3   nothing known to be wrong, but something that matters could not be told
  64  wrong usage
  70  internal error of bedrock-doctor";

const EXIT_CODES_OF_POLICY_CHECK: &str = "\
Exit codes:
  0   everything that is needed is allowed
  1   Claude Code uses nothing here that needs a policy
  2   something is not allowed
  3   something could not be told
  64  wrong usage, or the document cannot be read
  70  internal error of bedrock-doctor";

/// Seconds after which a run ends when nobody says otherwise.
pub(crate) const USUAL_TIMEOUT: f64 = 20.0;

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Leave nothing out of a report: every check, its evidence, how long each probe took
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) verbose: bool,

    /// Show no progress
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) quiet: bool,

    /// When to use colour
    #[arg(long, global = true, display_order = 900, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub(crate) color: ColorWhen,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything and show what is wrong, why, and the command that fixes it
    #[command(override_usage = "bedrock-doctor check [OPTIONS]", after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Show the configuration Claude Code will use: every value, where it comes from and what it beats
    ///
    /// It obtains credentials and lists the inference profiles as Claude Code does at its start, and invokes no model.
    #[command(override_usage = "bedrock-doctor resolve [OPTIONS]")]
    Resolve(ResolveArgs),
    /// Print the least-privilege IAM policy for the models, profiles and Regions in use, or check one
    ///
    /// It obtains credentials and asks AWS who they belong to, to which Regions the inference profiles lead, and whether
    /// an agreement for a model is missing. The policy goes to the standard output, what is not known to the standard
    /// error, in Terraform into comments. It changes no account.
    #[command(
        override_usage = "bedrock-doctor policy [OPTIONS]\n       bedrock-doctor policy check [OPTIONS] <FILE>"
    )]
    Policy(PolicyArgs),
    /// Say what a check looks at, why it matters and how to fix it
    Explain {
        /// The id of a check, as in the table
        #[arg(value_name = "ID")]
        id: String,
    },
    /// List the checks or the probes
    List {
        /// What to list
        #[arg(value_enum, value_name = "WHAT")]
        what: Listing,
        /// The form of the list
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Show the report of a built-in sample machine; needs no AWS account
    Demo {
        /// The sample machine; without it, the first one
        #[arg(value_enum, value_name = "NAME")]
        name: Option<Sample>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// Look only at what this machine shows: open no socket, start no helper program
    #[arg(long)]
    pub(crate) offline: bool,

    /// Make one real streaming request of 1 token per model in use, as Claude Code sends it: less than a cent in all
    #[arg(long, conflicts_with = "offline")]
    pub(crate) invoke: bool,

    /// Also ask the IAM policy simulator and Service Quotas, which otherwise happens only after a denial or a throttled request
    #[arg(long, conflicts_with = "offline")]
    pub(crate) thorough: bool,

    #[command(flatten)]
    pub(crate) renewal: RenewalArgs,

    /// Run only these checks or families; globs are allowed; may be repeated
    #[arg(long, value_name = "ID|FAMILY")]
    pub(crate) only: Vec<String>,

    /// Leave these checks or families out; globs are allowed; may be repeated
    #[arg(long, value_name = "ID|FAMILY")]
    pub(crate) skip: Vec<String>,

    /// The AWS account that is expected; may be repeated
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(crate) account: Vec<String>,

    /// End the whole run after this many seconds, with what is known by then
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_TIMEOUT, value_parser = seconds)]
    pub(crate) timeout: f64,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) what_if: WhatIfArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ResolveArgs {
    /// Obtain no credentials and list no inference profiles: say what stays open instead
    #[arg(long)]
    pub(crate) offline: bool,

    /// End the whole run after this many seconds, with what is known by then
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_TIMEOUT, value_parser = seconds)]
    pub(crate) timeout: f64,

    #[command(flatten)]
    pub(crate) renewal: RenewalArgs,

    /// The form of the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,

    /// Write the answer to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Show whole access key ids
    #[arg(long)]
    pub(crate) show_identifiers: bool,

    #[command(flatten)]
    pub(crate) what_if: WhatIfArgs,
}

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PolicyCommand>,

    #[command(flatten)]
    pub(crate) scope: PolicyScope,

    /// The form of the policy
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = PolicyFormat::Json)]
    pub(crate) format: PolicyFormat,

    /// Write the policy to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say whether a policy document allows what is needed, and which statement decides
    ///
    /// It looks at this one document: other policies, permissions boundaries and policies of the organization may still
    /// deny. What depends on something unknown, such as an address, is not counted as allowed.
    #[command(
        override_usage = "bedrock-doctor policy check [OPTIONS] <FILE>",
        after_help = EXIT_CODES_OF_POLICY_CHECK
    )]
    Check {
        /// The policy document, as JSON
        #[arg(value_name = "FILE")]
        file: PathBuf,

        #[command(flatten)]
        scope: PolicyScope,

        /// The form of the answer
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
}

/// What a policy is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyScope {
    /// Ask AWS nothing: wildcards stand for what only AWS can tell
    #[arg(long)]
    pub(crate) offline: bool,

    /// Include what only the checkup asks, and iam:SimulatePrincipalPolicy on the principal itself
    #[arg(long)]
    pub(crate) for_checkup: bool,

    /// End the whole run after this many seconds, with what is known by then
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_TIMEOUT, value_parser = seconds)]
    pub(crate) timeout: f64,

    #[command(flatten)]
    pub(crate) renewal: RenewalArgs,

    #[command(flatten)]
    pub(crate) what_if: WhatIfArgs,
}

/// The form of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// A policy document
    Json,
    /// A data source `aws_iam_policy_document` and a policy made of it
    Terraform,
}

/// What is assumed instead of what the machine says. The report names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "What if")]
pub(crate) struct WhatIfArgs {
    /// Assume this AWS profile, whatever `AWS_PROFILE` says
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Assume this Region, whatever `AWS_REGION` says
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Assume that Claude Code is started with this `--model`
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// Assume that Claude Code is started with these `--settings`: a file, or JSON
    #[arg(long, value_name = "FILE|JSON")]
    pub(crate) settings: Option<String>,

    /// Assume this version of Claude Code
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) claude_version: Option<Version>,

    /// Assume that this variable is set in the shell; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
}

/// What to do about credentials that are due.
#[derive(Debug, Clone, Args)]
pub(crate) struct RenewalArgs {
    /// Renew an expired, renewable token as Claude Code would: this rewrites its cache file, and runs awsAuthRefresh when Claude Code would
    #[arg(long, conflicts_with = "offline")]
    pub(crate) refresh: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// The form of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Write the report to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Show account ids, names and whole access key ids in every format
    #[arg(long)]
    pub(crate) show_identifiers: bool,

    /// Count warnings and what could not be told as failures
    #[arg(long)]
    pub(crate) strict: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people at a terminal
    Table,
    /// For programs; with the facts
    Json,
    /// For tickets; identifiers are replaced by pseudonyms
    Markdown,
}

/// A built-in sample machine, and what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sample {
    /// The sign-in has expired: one command fixes it
    ExpiredSso,
    /// An organization policy blocks a destination Region: somebody else must act
    DeniedRegion,
    /// `AWS_PROFILE` names no profile, and the keys beside it are ignored
    IgnoredKeys,
    /// Everything works
    Healthy,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// Ids, families and titles
    Checks,
    /// Names, IAM actions, cost and effect
    Probes,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

fn account(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 12 && digits.chars().all(|c| c.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err("an AWS account id has 12 digits".to_owned())
    }
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.trim_start_matches('v'))
        .ok_or_else(|| "a version has three numbers, such as 2.1.330".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3_600.0 => Ok(seconds),
        _ => Err("a number of seconds above 0, up to 3600, is needed".to_owned()),
    }
}

impl Cli {
    /// Reads the arguments; without a command they are those of `check`.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut arguments: Vec<OsString> = arguments.into_iter().collect();
        if let Some(at) = place_for_check(&arguments) {
            arguments.insert(at, "check".into());
        }
        Self::try_parse_from(arguments)
    }
}

/// Where `check` is to be inserted: after the global flags, unless a command or a request for help stands there.
fn place_for_check(arguments: &[OsString]) -> Option<usize> {
    let mut at = 1;
    loop {
        let Some(word) = arguments.get(at).map(|word| word.to_string_lossy()) else {
            return Some(at.min(arguments.len().max(1))).filter(|at| *at <= arguments.len());
        };
        match word.as_ref() {
            "-v" | "--verbose" | "-q" | "--quiet" | "-vq" | "-qv" => at += 1,
            "--color" => at += 2,
            other if other.starts_with("--color=") => at += 1,
            "-h" | "--help" | "-V" | "--version" => return None,
            other if other.starts_with('-') => return Some(at),
            // A command, or a word that clap will refuse with a suggestion.
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Cli, clap::Error> {
        let program = std::iter::once("bedrock-doctor");
        Cli::read(program.chain(words.iter().copied()).map(OsString::from))
    }

    #[track_caller]
    fn check_args(words: &[&str]) -> CheckArgs {
        match read(words).unwrap().command {
            Command::Check(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_check() {
        assert!(!check_args(&[]).offline);
        assert!(check_args(&["--offline"]).offline);
        assert!(check_args(&["-v", "--color", "never", "--offline"]).offline);
        assert!(check_args(&["-v", "check", "--offline"]).offline);
        assert_eq!(
            check_args(&["--output", "demo"]).output.output,
            Some("demo".into())
        );
    }

    #[test]
    fn wrong_words_are_refused() {
        for words in [
            &["chekc"][..],
            &["--timeout", "0"],
            &["--timeout", "nan"],
            &["--account", "12"],
            &["--offline", "--invoke"],
            &["--offline", "--refresh"],
            &["--color"],
            &["--claude-version", "two"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn accounts_may_be_written_with_dashes() {
        assert_eq!(
            check_args(&["--account", "1234-5678-9012"]).account,
            ["123456789012"]
        );
    }
}
