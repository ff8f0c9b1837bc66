//! A run on a terminal.
//!
//! Events only change what is known; the one thread that indicatif ticks with
//! draws it. So a run with many events is not held up by a slow terminal, and
//! times go on while nothing happens.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use superstep_core::EventKind;

use super::Seen;
use super::lines::line;
use super::model::Model;
use super::view::view;

const TICK: Duration = Duration::from_millis(100);
/// The columns of what turns, before the first line.
const SPINNER: usize = 2;

/// A picture of a run, until it is dropped.
pub(super) struct Live {
    bar: ProgressBar,
    shared: Arc<Shared>,
}

/// What events change and ticks draw.
struct Shared {
    model: Mutex<Model>,
    /// When the run began.
    begin: Instant,
}

impl Live {
    pub(super) fn begin(seen: &Seen<'_>) -> Self {
        let now = Instant::now();
        let shared = Arc::new(Shared {
            model: Mutex::new(Model::of(seen)),
            begin: now.checked_sub(seen.elapsed).unwrap_or(now),
        });
        let drawn = Arc::clone(&shared);
        let style = ProgressStyle::with_template("{spinner} {view}")
            .expect("the template is well-formed")
            .with_key("view", move |_: &ProgressState, to: &mut dyn fmt::Write| {
                // A line that could not be drawn is drawn at the next tick.
                let _ = to.write_str(&drawn.view());
            });
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(TICK);
        Self { bar, shared }
    }

    pub(super) fn see(&self, seen: &Seen<'_>) {
        let kept = {
            let mut model = self.shared.model();
            let ended = model.see(seen);
            match stays(seen.kind) {
                true => line(seen, &model, ended.as_ref()),
                false => None,
            }
        };
        // Not while the model is held: drawing looks at it.
        if let Some(line) = kept {
            self.bar.println(line);
        }
        if matches!(
            seen.kind,
            EventKind::RunFinished { .. } | EventKind::RunFailed { .. }
        ) {
            self.bar.finish_and_clear();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Shared {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> String {
        let (rows, columns) = Term::stderr().size();
        // The last line is the cursor's.
        let rows = usize::from(rows).saturating_sub(2);
        let columns = usize::from(columns).saturating_sub(SPINNER + 1);
        let lines = view(&self.model(), self.begin.elapsed(), columns, rows);
        lines.join("\n")
    }
}

/// Whether it is to be seen after the run, too.
fn stays(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::TaskFailed { .. }
            | EventKind::Interrupted { .. }
            | EventKind::RunFinished { .. }
            | EventKind::RunFailed { .. }
    )
}
