use jiff::Timestamp;

use super::aws_failures;
use crate::answer::{Answer, answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::claude_code::network::is_of_aws;
use crate::facts::{
    AllFacts, CaSource, Certificate, CertificateProblem, Clock, CredentialKind, Facts, Failure,
    Machine, Observed,
};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;
use crate::text::{duration, utc};

/// See [`Meta::docs`].
pub(crate) struct ClockInStep;

/// AWS refuses signatures whose time is this many seconds or more away from its own.
const REFUSED: u64 = 300;

/// From this many seconds on it is only a matter of time.
const WORTH_A_WARNING: u64 = 120;

impl Check for ClockInStep {
    const META: &'static Meta = &Meta {
        id: "clock-in-step",
        family: Family::Network,
        title: "this machine's clock agrees with that of AWS",
        file: file!(),
        docs: "
## What it looks at

The `Date` of an answer of AWS against this machine's clock, and refusals of AWS that speak of the time.
Where the clock is so far off that no connection is made: whether it lies within the time for which AWS's own
certificates hold.

## Why it matters

For Bedrock a signature holds for 5 minutes around AWS's own time; STS takes it for 15, so that it may still
answer. Beyond that every request is refused with a 403
that Claude Code shows as `AWS authentication failed` after about 4 minutes, although the credentials are good.
Virtual machines and WSL fall behind while the host sleeps.

## How to fix it

Set the clock by the network: `sudo timedatectl set-ntp true` on Linux, `sudo sntp -sS time.apple.com`
on macOS, `w32tm /resync` on Windows, `sudo hwclock -s` in WSL.
",
    };

    type Needs<'a> = (AllFacts<'a>, Seen<'a, Clock>, Seen<'a, Machine>);

    fn run((AllFacts(facts), Seen(clock), Seen(machine)): Self::Needs<'_>) -> Vec<Finding> {
        if let Some((host, certificate)) = outside_of_certificate(facts) {
            let finding = Finding::fail("clock-skew", outside(facts, host, certificate))
                .why("no connection to AWS is made: its certificate seems to be over, or not to have begun")
                .evidence(Basis::Observed, format!("the certificate of `{host}`"));
            return vec![set(finding, machine.known())];
        }
        let ahead = clock.known().map(|clock| clock.ahead_seconds);
        vec![
            match (ahead.map(i64::unsigned_abs), refusal_for_time(facts)) {
                (Some(off), refusal) if off >= REFUSED && (refusal.is_some() || signs(facts)) => {
                    let finding = Finding::fail("clock-skew", offset(clock));
                    set(refused(finding, refusal), machine.known())
                }
                (_, Some(failure)) => {
                    let finding = Finding::fail(
                        "clock-skew",
                        "AWS refuses a signature because of its time: this machine's clock is wrong",
                    );
                    set(refused(finding, Some(failure)), machine.known())
                }
                (Some(off), None) if off >= WORTH_A_WARNING => {
                    let finding = Finding::warn("clock-skew", offset(clock))
                        .why("AWS refuses signatures that are 5 minutes off");
                    set(finding, machine.known())
                }
                (Some(_), None) => Finding::pass(offset(clock)),
                (None, None) => match clock {
                    Observed::NotCollected(why) => not_collected(ProbeId::Clock, why),
                    Observed::Failed(failure) => not_judged_here("the time", failure),
                    Observed::Known(_) => Finding::pass(offset(clock)),
                },
            },
        ]
    }
}

/// A host of AWS whose certificate, which a public authority vouches for, does not hold at this machine's time.
///
/// AWS renews its certificates long before they end.
fn outside_of_certificate(facts: &Facts) -> Option<(&str, &Certificate)> {
    let mut connections = facts.connections.known()?.iter();
    connections.find_map(|connection| {
        let certificate = connection.certificate.as_ref()?;
        let about_time = matches!(
            certificate.problem,
            Some(CertificateProblem::Expired | CertificateProblem::NotYetValid)
        );
        let genuine =
            certificate.vouched_by == Some(CaSource::Bundled) && is_of_aws(&connection.host);
        (about_time && genuine).then_some((connection.host.as_str(), certificate))
    })
}

fn outside(facts: &Facts, host: &str, certificate: &Certificate) -> String {
    let at = |time: Option<Timestamp>| time.map_or_else(|| "?".to_owned(), utc);
    format!(
        "this machine's clock shows {}, but the certificate of `{host}` holds from {} to {}",
        utc(facts.now),
        at(certificate.valid_from),
        at(certificate.valid_until)
    )
}

/// A Bedrock API key and unsigned requests carry no time of this machine.
fn signs(facts: &Facts) -> bool {
    !facts.credentials.known().is_some_and(|credentials| {
        matches!(
            credentials.kind,
            CredentialKind::ApiKey | CredentialKind::Unsigned
        )
    })
}

fn refusal_for_time(facts: &Facts) -> Option<&Failure> {
    let mut failures = aws_failures(facts).into_iter().map(|(_, failure)| failure);
    failures.find(|failure| {
        matches!(answer(failure), Answer::Authentication(signature) if signature.cause == "clock-skew")
    })
}

fn offset(clock: &Observed<Clock>) -> String {
    let Some(clock) = clock.known() else {
        return String::new();
    };
    let words = duration(clock.ahead_seconds);
    let host = &clock.host;
    match clock.ahead_seconds {
        0 => format!("this machine's clock shows the time of `{host}`"),
        1.. => format!("this machine's clock is {words} ahead of `{host}`"),
        _ => format!("this machine's clock is {words} behind `{host}`"),
    }
}

fn refused(finding: Finding, refusal: Option<&Failure>) -> Finding {
    let finding = finding.why(
        "AWS refuses signatures that are 5 minutes off; after about 4 minutes Claude Code prints `AWS authentication failed`, although the credentials are good",
    );
    match refusal {
        Some(failure) => finding
            .evidence(Basis::Reported, failure.words())
            .request_id(failure.request_id.clone()),
        None => finding,
    }
}

fn set(finding: Finding, machine: Option<&Machine>) -> Finding {
    let command = match machine {
        Some(machine) if machine.wsl => "sudo hwclock -s",
        Some(machine) if machine.os == "macos" => "sudo sntp -sS time.apple.com",
        Some(machine) if machine.os == "windows" => "w32tm /resync",
        _ => "sudo timedatectl set-ntp true",
    };
    finding.fix_command("set the clock by the network", command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Connection};
    use crate::finding::Status;
    use crate::sample::{healthy, in_seconds, now, only, refusal};

    const CHECK: Entry = Entry::of::<ClockInStep>();

    fn ahead(seconds: i64) -> Facts {
        let mut facts = healthy();
        facts.clock = Observed::Known(Clock {
            ahead_seconds: seconds,
            host: "sts.us-east-1.amazonaws.com".into(),
        });
        facts
    }

    #[track_caller]
    fn check(seconds: i64, status: Status) -> Finding {
        let code = (status != Status::Pass).then_some("clock-skew");
        only(&CHECK, &ahead(seconds), status, code)
    }

    #[test]
    fn fails_at_five_minutes_either_way() {
        check(299, Status::Warn);
        let finding = check(300, Status::Fail);
        assert_eq!(
            finding.what,
            "this machine's clock is 5 min ahead of `sts.us-east-1.amazonaws.com`"
        );
        let finding = check(-300, Status::Fail);
        assert_eq!(
            finding.what,
            "this machine's clock is 5 min behind `sts.us-east-1.amazonaws.com`"
        );
    }

    #[test]
    fn warns_from_two_minutes_on() {
        check(119, Status::Pass);
        check(120, Status::Warn);
        check(-120, Status::Warn);
    }

    #[test]
    fn passes_when_the_clock_is_right() {
        check(0, Status::Pass);
    }

    #[test]
    fn fails_when_aws_says_so_without_a_date() {
        let mut facts = healthy();
        facts.clock = Observed::NotCollected(Absence::NotInReport);
        facts.caller_identity = Observed::Failed(refusal(
            "sts",
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20221103T080139Z is now earlier than 20221103T085247Z (20221103T090747Z - 15 min.)",
        ));
        let finding = only(&CHECK, &facts, Status::Fail, Some("clock-skew"));
        assert_eq!(finding.evidence.basis, Basis::Reported);
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn a_clock_outside_of_a_genuine_certificate_is_wrong() {
        let expired = |vouched_by: CaSource| {
            let mut facts = healthy();
            facts.clock = Observed::NotCollected(Absence::NotInReport);
            facts.connections = Observed::Known(vec![Connection {
                host: "sts.us-east-1.amazonaws.com".into(),
                proxy: None,
                address: None,
                stages: vec![],
                certificate: Some(Certificate {
                    valid_from: Some(in_seconds(-86_400 * 400)),
                    valid_until: Some(in_seconds(-86_400)),
                    vouched_by: Some(vouched_by),
                    problem: Some(CertificateProblem::Expired),
                    ..Certificate::default()
                }),
            }]);
            facts
        };
        let facts = expired(CaSource::Bundled);
        let finding = only(&CHECK, &facts, Status::Fail, Some("clock-skew"));
        assert_eq!(
            finding.what,
            "this machine's clock shows 2026-11-22 18:00 UTC, but the certificate of `sts.us-east-1.amazonaws.com` holds from 2025-10-18 18:00 UTC to 2026-11-21 18:00 UTC"
        );
        only(&CHECK, &expired(CaSource::System), Status::CannotTell, None);
    }

    #[test]
    fn an_api_key_does_not_depend_on_the_clock() {
        let mut facts = ahead(3_600);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::ApiKey;
        }
        only(&CHECK, &facts, Status::Warn, Some("clock-skew"));
    }

    #[test]
    fn the_command_is_for_this_machine() {
        for (os, wsl, command) in [
            ("linux", false, "sudo timedatectl set-ntp true"),
            ("linux", true, "sudo hwclock -s"),
            ("macos", false, "sudo sntp -sS time.apple.com"),
            ("windows", false, "w32tm /resync"),
        ] {
            let mut facts = ahead(600);
            if let Observed::Known(machine) = &mut facts.machine {
                machine.os = os.into();
                machine.wsl = wsl;
            }
            let finding = only(&CHECK, &facts, Status::Fail, Some("clock-skew"));
            assert_eq!(finding.fix[0].command.as_deref(), Some(command));
        }
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
