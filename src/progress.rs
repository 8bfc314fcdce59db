//! Which probes are running, on a terminal only, which leaves nothing behind; and what somebody has to know meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bedrock_doctor_checks::probe::ProbeId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Shows which probes are running.
#[derive(Clone)]
pub(crate) struct Progress<'o> {
    /// None with `--quiet`.
    output: Option<&'o Output>,
    bar: ProgressBar,
    running: Arc<Mutex<BTreeSet<ProbeId>>>,
}

impl<'o> Progress<'o> {
    /// Shows on stderr when that is a terminal; otherwise nowhere.
    pub(crate) fn new(output: &'o Output, quiet: bool) -> Self {
        let visible = output.shows_progress() && !quiet;
        let bar = if visible {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self {
            output: (!quiet).then_some(output),
            bar,
            running: Arc::default(),
        }
    }

    /// Shows a probe until the returned guard is dropped.
    pub(crate) fn start(&self, probe: ProbeId) -> Running<'o> {
        self.change(|running| {
            running.insert(probe);
        });
        Running {
            progress: self.clone(),
            probe,
        }
    }

    /// Prints a sentence that cannot wait for the report, terminal or not.
    pub(crate) fn say(&self, sentence: &str) {
        self.print(sentence, Output::message);
    }

    /// Prints a line of another program at once, as it is.
    pub(crate) fn pass_on(&self, line: &str) {
        self.print(line, Output::pass_on);
    }

    fn print(&self, line: &str, how: impl Fn(&Output, &str)) {
        if let Some(output) = self.output {
            let line = line.replace(char::is_control, " ");
            self.bar.suspend(|| how(output, &line));
        }
    }

    /// Removes the line.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<ProbeId>)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        let names: Vec<&str> = running.iter().map(|probe| probe.name()).collect();
        self.bar
            .set_message(format!("asking: {}", names.join(", ")));
    }
}

/// A probe that is running.
pub(crate) struct Running<'o> {
    progress: Progress<'o>,
    probe: ProbeId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let probe = self.probe;
        self.progress.change(|running| {
            running.remove(&probe);
        });
    }
}
