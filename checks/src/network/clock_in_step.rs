use super::aws_failures;
use crate::answer::{Answer, answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::facts::{AllFacts, Clock, CredentialKind, Facts, Failure, Machine, Observed};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;
use crate::text::duration;

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

## Why it matters

A signature holds for 5 minutes around AWS's own time. Beyond that every request is refused with a 403
that Claude Code shows as `AWS authentication failed` after about 4 minutes, although the credentials are good.
Virtual machines and WSL fall behind while the host sleeps.

## How to fix it

Set the clock by the network: `sudo timedatectl set-ntp true` on Linux, `sudo sntp -sS time.apple.com`
on macOS, `w32tm /resync` on Windows, `sudo hwclock -s` in WSL.
",
    };

    type Needs<'a> = (AllFacts<'a>, Seen<'a, Clock>, Seen<'a, Machine>);

    fn run((AllFacts(facts), Seen(clock), Seen(machine)): Self::Needs<'_>) -> Vec<Finding> {
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
    use crate::facts::Absence;
    use crate::finding::Status;
    use crate::sample::{healthy, now, only, refusal};

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
