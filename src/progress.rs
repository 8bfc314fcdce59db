//! Which probes are running, on a terminal only. Leaves nothing behind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bedrock_doctor_checks::probe::ProbeId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows which probes are running.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    running: Arc<Mutex<BTreeSet<ProbeId>>>,
}

impl Progress {
    /// Shows on stderr when that is a terminal; otherwise nowhere.
    pub(crate) fn new(visible: bool) -> Self {
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
            bar,
            running: Arc::default(),
        }
    }

    /// Shows a probe until the returned guard is dropped.
    pub(crate) fn start(&self, probe: ProbeId) -> Running {
        self.change(|running| {
            running.insert(probe);
        });
        Running {
            progress: self.clone(),
            probe,
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
pub(crate) struct Running {
    progress: Progress,
    probe: ProbeId,
}

impl Drop for Running {
    fn drop(&mut self) {
        let probe = self.probe;
        self.progress.change(|running| {
            running.remove(&probe);
        });
    }
}
