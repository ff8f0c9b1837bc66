//! Runs of which is kept what they do.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::error::RunError;
use super::given::HasContext;
use super::hooks::{Executor, Hooks};
use super::invocation::Invocation;
use super::record::{Kept, Record, to_json};
#[cfg(feature = "testing")]
use super::rehearse::Rehearsal;
use super::result::Run;
use super::thread::Begin;
use super::watch::{Events, Start};
use crate::state::State;

/// A run and what was recorded of it.
pub(crate) struct Recorded<S> {
    pub(crate) input: Value,
    pub(crate) record: Record,
    pub(crate) result: Result<Run<S>, RunError>,
}

impl<S, C, X> Invocation<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
    X: HasContext<C>,
{
    /// Runs to the end and returns what was recorded on the way.
    pub(crate) async fn recorded(self) -> Recorded<S>
    where
        X: Send,
    {
        self.record(None).await
    }

    /// As [`recorded`](Self::recorded), with the tasks of each superstep in an
    /// order drawn from a seed.
    #[cfg(feature = "testing")]
    pub(crate) async fn rehearsed(self, rehearsal: Rehearsal) -> Recorded<S>
    where
        X: Send,
    {
        self.record(Some(Box::new(rehearsal))).await
    }

    async fn record(mut self, executor: Option<Box<dyn Executor<S, C>>>) -> Recorded<S>
    where
        X: Send,
    {
        assert!(
            self.running.is_none(),
            "a transcript was asked for of a run that had begun"
        );
        let input = match &self.begin {
            Begin::Input => to_json(&self.input),
            begin => begin.to_json(),
        };
        let watchers = self.take_watchers();
        let run = self.taken();
        let recorded = Arc::new(Mutex::new(None));
        let mut kept = Kept::new(Record::new(&run.graph.frozen), &recorded);
        let start: Start<S> = Box::new(move |hub| {
            Box::pin(async move {
                let hooks = Hooks {
                    observer: kept.record().map(|record| record as _),
                    executor: executor.as_deref(),
                    ..Hooks::default()
                };
                run.told(hub, hooks).await
            })
        });
        let result = Events::new(start, watchers).finish().await;
        let mut record = recorded
            .lock()
            .take()
            .expect("what is over leaves its record");
        record.ended(&result);
        Recorded {
            input,
            record,
            result,
        }
    }
}
