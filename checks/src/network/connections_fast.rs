use super::is_local_host;
use crate::answer::not_judged_here;
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::claude_code::network::host_of;
use crate::facts::{AllFacts, Configuration, Connection, Facts, Observed, Stage, StageTime};
use crate::finding::{Basis, Finding, Owner};
use crate::probe::ProbeId;
use crate::text::{list, shell_word};

/// See [`Meta::docs`].
pub(crate) struct ConnectionsFast;

/// From here on a stage of the connection is slow, in milliseconds.
///
/// It takes one or two ways there and back, and the longest on earth takes about 0.3 s. TCP repeats a lost packet after
/// 1 s (RFC 6298), and resolvers wait longer than that before they ask again: who takes 1 s has lost something.
const SLOW_STAGE: u64 = 1_000;

/// From here on an answer is slow, in milliseconds: AWS answers these questions within tenths of a second.
const SLOW_ANSWER: u64 = 3_000;

impl Check for ConnectionsFast {
    const META: &'static Meta = &Meta {
        id: "connections-fast",
        family: Family::Network,
        title: "connections to AWS are made without delay",
        file: file!(),
        docs: "
## What it looks at

How long DNS, the TCP connection, the proxy, the TLS handshake and the first answer took, for each host that was
asked. No request is made for it.

## Why it matters

Every request of Claude Code waits for the same. A stage of the connection that takes a second has lost a packet or
asked a resolver that does not answer: the way there and back takes 0.3 s at most. AWS answers the questions of this
checkup within tenths of a second; 3 s mean that something in between holds them back.

## How to fix it

The stage says where to look: the DNS server, the way to AWS, the proxy, the inspection of TLS or of content.
",
    };

    type Needs<'a> = (Seen<'a, Vec<Connection>>, AllFacts<'a>);

    fn run((Seen(connections), AllFacts(facts)): Self::Needs<'_>) -> Vec<Finding> {
        let connections = match connections {
            Observed::Known(connections) => connections,
            Observed::NotCollected(why) => {
                return vec![not_collected(ProbeId::Connections, why)];
            }
            Observed::Failed(failure) => {
                return vec![not_judged_here("the connections", failure)];
            }
        };
        let mut answered = connections
            .iter()
            .filter(|connection| connection.was_answered() && !is_local_host(&connection.host))
            .filter(|connection| !is_asked_only_here(&connection.host))
            .peekable();
        if answered.peek().is_none() {
            return vec![Finding::not_applicable(
                "no connection came as far as an answer",
            )];
        }
        let (mut slow, mut fast) = (Vec::new(), Vec::new());
        for connection in answered {
            let stages = slow_stages(connection, generates(facts, &connection.host));
            if stages.is_empty() {
                fast.push(format!("`{}`: {}", connection.host, connection.times()));
            } else {
                slow.push((connection, stages));
            }
        }
        let names = |stages: &[&StageTime]| -> Vec<Stage> {
            stages.iter().map(|time| time.stage).collect()
        };
        let alike = slow
            .windows(2)
            .all(|two| names(&two[0].1) == names(&two[1].1));
        let mut findings: Vec<Finding> = slow
            .into_iter()
            .map(|(connection, stages)| {
                let finding = warning(connection, &stages);
                if alike { finding.shared() } else { finding }
            })
            .collect();
        if findings.is_empty() {
            findings.push(Finding::pass(fast.join("; ")));
        }
        findings
    }
}

/// Whether Claude Code never asks a host: IAM and Service Quotas.
fn is_asked_only_here(host: &str) -> bool {
    ["iam.", "servicequotas."]
        .iter()
        .any(|service| host.starts_with(service))
}

/// Whether a model made its first word there: that may take seconds.
fn generates(facts: &Facts, host: &str) -> bool {
    let mut trials = facts.invocations.known().into_iter().flatten();
    let configuration = facts.configuration.known();
    let mut routes = configuration.into_iter().flat_map(Configuration::routes);
    // The background model may have a Region of its own.
    trials.any(|trial| trial.real)
        && (host.starts_with("bedrock-runtime.")
            || routes.any(|route| host_of(&route.endpoint.value) == host))
}

fn slow_stages(connection: &Connection, generates: bool) -> Vec<&StageTime> {
    let is_slow = |time: &&StageTime| match time.stage {
        Stage::Answer if generates => false,
        Stage::Answer => time.milliseconds >= SLOW_ANSWER,
        // How long a body takes depends on how long it is.
        Stage::Body => false,
        _ => time.milliseconds >= SLOW_STAGE,
    };
    connection.stages.iter().filter(is_slow).collect()
}

fn warning(connection: &Connection, slow: &[&StageTime]) -> Finding {
    let host = &connection.host;
    let through = connection
        .proxy
        .as_ref()
        .map_or_else(String::new, |proxy| format!(" through the proxy `{proxy}`"));
    // Through a proxy only the proxy's name is asked for.
    let asked = connection
        .proxy
        .as_deref()
        .map_or_else(|| host.clone(), host_of);
    let what: Vec<String> = slow
        .iter()
        .map(|time| {
            let tenths = time.milliseconds / 100;
            format!(
                "{}.{} s for {}",
                tenths / 10,
                tenths % 10,
                time.stage.words()
            )
        })
        .collect();
    let finding = Finding::warn(
        "slow-network",
        format!("`{host}`{through} took {}", list(&what)),
    )
    .subject(host)
    .owner(Owner::NetworkTeam)
    .why("every request of Claude Code waits for the same")
    .evidence(Basis::Observed, connection.times());
    let Some(first) = slow.first() else {
        return finding;
    };
    match first.stage {
        Stage::Dns => finding.fix_command(
            "see which DNS server this machine asks, and why it is slow or silent",
            format!("nslookup {}", shell_word(&asked)),
        ),
        Stage::Tcp => finding.fix("look for lost packets on the way: Wi-Fi, VPN, firewall"),
        Stage::Proxy => finding.fix("see why the proxy takes so long to open a tunnel"),
        Stage::Tls => finding
            .fix("look for lost packets, large ones above all (MTU), and for what inspects TLS on the way"),
        Stage::Answer | Stage::Body => {
            finding.fix("see what holds requests or answers back on the way: a proxy that scans them first, a busy line")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts};
    use crate::finding::Status;
    use crate::sample::{healthy, now, only};

    const CHECK: Entry = Entry::of::<ConnectionsFast>();
    const STS: &str = "sts.us-east-1.amazonaws.com";

    fn took(host: &str, stages: &[(Stage, u64)]) -> Facts {
        let mut facts = healthy();
        let connection = Connection {
            host: host.into(),
            proxy: None,
            address: None,
            stages: stages
                .iter()
                .map(|&(stage, milliseconds)| StageTime {
                    stage,
                    milliseconds,
                    complete: true,
                })
                .collect(),
            certificate: None,
        };
        facts.connections = Observed::Known(vec![connection]);
        facts
    }

    #[test]
    fn passes_with_the_figures() {
        let quick = [
            (Stage::Dns, 999),
            (Stage::Tcp, 999),
            (Stage::Tls, 999),
            (Stage::Answer, 2_999),
            (Stage::Body, 9_000),
        ];
        let finding = only(&CHECK, &took(STS, &quick), Status::Pass, None);
        assert_eq!(
            finding.what,
            format!("`{STS}`: DNS 999 ms, TCP 999 ms, TLS 999 ms, answer 2999 ms, body 9000 ms")
        );
    }

    #[test]
    fn warns_from_one_second_for_a_stage_and_three_for_an_answer() {
        for (stage, milliseconds, words) in [
            (Stage::Dns, 1_000, "nslookup sts"),
            (Stage::Tcp, 1_000, "Wi-Fi"),
            (Stage::Proxy, 1_000, "open a tunnel"),
            (Stage::Tls, 1_000, "MTU"),
            (Stage::Answer, 3_000, "scans"),
        ] {
            let stages = match stage {
                Stage::Answer => vec![(stage, milliseconds)],
                _ => vec![(stage, milliseconds), (Stage::Answer, 1)],
            };
            let finding = only(
                &CHECK,
                &took(STS, &stages),
                Status::Warn,
                Some("slow-network"),
            );
            let fix = &finding.fix[0];
            let fix = format!("{} {:?}", fix.text, fix.command);
            assert!(fix.contains(words), "{fix}");
            assert!(finding.what.contains(".0 s for "), "{finding:#?}");
        }
    }

    #[test]
    fn what_was_not_answered_and_the_machine_itself_are_judged_elsewhere() {
        let silent = took(STS, &[(Stage::Dns, 5_000)]);
        only(&CHECK, &silent, Status::NotApplicable, None);
        let metadata = took("169.254.169.254", &[(Stage::Answer, 5_000)]);
        only(&CHECK, &metadata, Status::NotApplicable, None);
    }

    #[test]
    fn a_model_may_think_and_what_claude_code_never_asks_may_be_slow() {
        let runtime = "bedrock-runtime.us-east-1.amazonaws.com";
        let mut facts = took(runtime, &[(Stage::Answer, 5_000)]);
        let slow = Some("slow-network");
        only(&CHECK, &facts, Status::Warn, slow);
        if let Observed::Known(trials) = &mut facts.invocations {
            trials[0].real = true;
        }
        only(&CHECK, &facts, Status::Pass, None);
        for host in ["iam.amazonaws.com", "servicequotas.us-east-1.amazonaws.com"] {
            let facts = took(host, &[(Stage::Dns, 5_000), (Stage::Answer, 5_000)]);
            only(&CHECK, &facts, Status::NotApplicable, None);
        }
    }

    #[test]
    fn one_slow_stage_to_every_host_is_told_once() {
        let mut facts = took(STS, &[(Stage::Dns, 1_500), (Stage::Answer, 1)]);
        let more = took(
            "bedrock.us-east-1.amazonaws.com",
            &[(Stage::Dns, 1_200), (Stage::Answer, 1)],
        );
        if let (Observed::Known(all), Observed::Known(more)) =
            (&mut facts.connections, more.connections)
        {
            all.extend(more);
        }
        let told = crate::diagnosis::Diagnosis::of(&facts, &[&CHECK]).findings;
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(
            told[0]
                .what
                .ends_with("the same for `bedrock.us-east-1.amazonaws.com`")
        );
    }

    #[test]
    fn is_left_out_offline_and_untold_when_nobody_looked() {
        let mut facts = Facts::at(now());
        only(&CHECK, &facts, Status::CannotTell, None);
        facts.connections = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }
}
