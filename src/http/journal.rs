//! What was seen of every connection: how far it came, where it led, which certificate was shown.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bedrock_doctor_checks::facts::{Connection, Stage, StageTime};

use super::trust::Shown;

/// Every connection of a run, in the order in which they were begun.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Attempt>>>);

/// One connection.
struct Attempt {
    host: String,
    proxy: Option<String>,
    address: Option<IpAddr>,
    certificate: Option<Shown>,
    /// The stages that are over, and whether they ended well.
    done: Vec<(Stage, u64, bool)>,
    /// The stage that is measured now, and since when.
    open: Option<(Stage, Instant)>,
    /// What a request on this connection waits for.
    waits_for: Option<Stage>,
}

impl Attempt {
    fn end(&mut self, well: bool) {
        if let Some((stage, since)) = self.open.take() {
            self.done.push((stage, milliseconds(since), well));
        }
    }

    fn stages(&self) -> Vec<StageTime> {
        let open = self
            .open
            .map(|(stage, since)| (stage, milliseconds(since), false));
        let all = self.done.iter().copied().chain(open);
        all.map(|(stage, milliseconds, complete)| StageTime {
            stage,
            milliseconds,
            complete,
        })
        .collect()
    }

    /// The stage that it did not come through; none when it was answered, or never used.
    fn stopped_at(&self) -> Option<Stage> {
        let last = self.stages().pop()?;
        (!last.complete).then_some(last.stage)
    }

    /// Whether somebody waited for it to the end. A spare connection that another one made needless tells nothing.
    fn was_used(&self) -> bool {
        match (self.open, self.done.last()) {
            (Some((stage, _)), _) => stage >= Stage::Answer,
            (None, Some((stage, _, well))) => !well || *stage >= Stage::Answer,
            (None, None) => false,
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Journal {
    fn all(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection. `proxy`: as it may be shown.
    pub(super) fn begin(&self, host: &str, proxy: Option<String>) -> Entry {
        let mut all = self.all();
        all.push(Attempt {
            host: host.to_owned(),
            proxy,
            address: None,
            certificate: None,
            done: Vec::new(),
            open: None,
            waits_for: None,
        });
        Entry {
            journal: self.clone(),
            number: all.len() - 1,
        }
    }

    /// What the newest request to a host waits for, or waited for until it was given up.
    pub(super) fn stage(&self, host: &str) -> Option<Stage> {
        let all = self.all();
        let to_host = || all.iter().rev().filter(|attempt| attempt.host == host);
        let waiting = to_host().find_map(|attempt| attempt.waits_for);
        waiting.or_else(|| to_host().next().map(|_| Stage::Answer))
    }

    /// One connection for each host and way to it: the one that came least far, else the first.
    pub(super) fn connections(&self) -> Vec<Connection> {
        let all = self.all();
        let mut chosen: Vec<&Attempt> = Vec::new();
        for attempt in all.iter().filter(|attempt| attempt.was_used()) {
            let same = |known: &Attempt| known.host == attempt.host && known.proxy == attempt.proxy;
            match chosen.iter_mut().find(|known| same(known)) {
                None => chosen.push(attempt),
                Some(known) => {
                    let stopped = attempt.stopped_at();
                    let earlier = |than: Stage| stopped.is_some_and(|stage| stage < than);
                    if known.stopped_at().map_or(stopped.is_some(), earlier) {
                        *known = attempt;
                    }
                }
            }
        }
        chosen
            .into_iter()
            .map(|attempt| Connection {
                host: attempt.host.clone(),
                proxy: attempt.proxy.clone(),
                address: attempt.address.map(Into::into),
                stages: attempt.stages(),
                certificate: attempt.certificate.as_ref().map(Shown::as_fact),
            })
            .collect()
    }
}

/// The place of one connection in the journal.
#[derive(Clone)]
pub(super) struct Entry {
    journal: Journal,
    number: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.number).finish()
    }
}

impl Entry {
    fn change(&self, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.journal.all().get_mut(self.number) {
            change(attempt);
        }
    }

    /// The stage before ended well, and this one begins.
    pub(super) fn enter(&self, stage: Stage) {
        self.change(|attempt| {
            attempt.end(true);
            attempt.open = Some((stage, Instant::now()));
            attempt.waits_for = Some(stage);
        });
    }

    /// Where the name led.
    pub(super) fn leads_to(&self, address: IpAddr) {
        self.change(|attempt| attempt.address = Some(address));
    }

    /// The certificate that was shown, and what became of it.
    pub(super) fn shows(&self, certificate: Shown) {
        self.change(|attempt| attempt.certificate = Some(certificate));
    }

    /// The connection stands, and nobody waits for it any longer.
    pub(super) fn ready(&self) {
        self.change(|attempt| {
            attempt.end(true);
            attempt.waits_for = None;
        });
    }

    /// A request goes over it. Only the first one is measured.
    pub(super) fn asked(&self) {
        self.change(|attempt| {
            if attempt.waits_for.is_none() {
                if attempt
                    .stages()
                    .last()
                    .is_some_and(|it| it.stage < Stage::Answer)
                {
                    attempt.open = Some((Stage::Answer, Instant::now()));
                }
                attempt.waits_for = Some(Stage::Answer);
            }
        });
    }

    /// The head of an answer came.
    ///
    /// A connection that serves one request may be over by then: its answer came all the same.
    pub(super) fn answered(&self) {
        self.change(|attempt| {
            if matches!(attempt.open, Some((Stage::Answer, _))) {
                attempt.end(true);
                attempt.open = Some((Stage::Body, Instant::now()));
            } else if let Some((Stage::Answer, _, well)) = attempt.done.last_mut() {
                *well = true;
            }
            attempt.waits_for = Some(Stage::Body);
        });
    }

    /// The answer is complete.
    pub(super) fn finished(&self) {
        self.ready();
    }

    /// The connection is over. What a request waited for stays, for whoever asks after it.
    pub(super) fn over(&self) {
        self.change(|attempt| attempt.end(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(entry: &Entry) {
        entry.enter(Stage::Dns);
        entry.enter(Stage::Tcp);
        entry.ready();
        entry.asked();
        entry.answered();
        entry.finished();
    }

    #[test]
    fn the_connection_that_came_least_far_stands_for_its_host() {
        let journal = Journal::default();
        answered(&journal.begin("a", None));
        let stuck = journal.begin("a", None);
        stuck.enter(Stage::Dns);
        stuck.enter(Stage::Tcp);
        let refused = journal.begin("a", None);
        refused.enter(Stage::Dns);
        refused.over();
        let other_way = journal.begin("a", Some("http://proxy".into()));
        answered(&other_way);
        let seen = journal.connections();
        assert_eq!(seen.len(), 2);
        let stages: Vec<_> = seen[0]
            .stages
            .iter()
            .map(|it| (it.stage, it.complete))
            .collect();
        assert_eq!(stages, [(Stage::Dns, false)]);
        assert!(seen[1].was_answered());
    }

    #[test]
    fn a_connection_that_ends_with_its_answer_was_answered() {
        let journal = Journal::default();
        let entry = journal.begin("a", None);
        entry.enter(Stage::Tcp);
        entry.ready();
        entry.asked();
        entry.over();
        assert!(!journal.connections()[0].was_answered());
        entry.answered();
        entry.finished();
        assert!(journal.connections()[0].was_answered());
    }

    #[test]
    fn a_connection_that_nobody_used_tells_nothing() {
        let journal = Journal::default();
        let spare = journal.begin("a", None);
        spare.enter(Stage::Tcp);
        spare.ready();
        assert!(journal.connections().is_empty());
    }

    #[test]
    fn the_stage_of_a_host_is_that_of_its_newest_waiting_request() {
        let journal = Journal::default();
        assert_eq!(journal.stage("a"), None);
        let entry = journal.begin("a", None);
        entry.enter(Stage::Dns);
        assert_eq!(journal.stage("a"), Some(Stage::Dns));
        entry.enter(Stage::Tcp);
        // Given up: it is still what was waited for.
        entry.over();
        assert_eq!(journal.stage("a"), Some(Stage::Tcp));
        let entry = journal.begin("a", None);
        answered(&entry);
        entry.asked();
        assert_eq!(journal.stage("a"), Some(Stage::Answer));
        entry.answered();
        assert_eq!(journal.stage("a"), Some(Stage::Body));
    }
}
