//! What ends a run before its end: its caller, a deadline, the time that one
//! superstep may take.
//!
//! 1. Tasks at work are dropped, and awaited where they were spawned; what had
//!    finished is kept.
//! 2. To drain is to end between two supersteps: nothing is dropped.
//! 3. A checkpoint that is being written is waited for.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::attempt::Shared;
use super::error::{CancelledBy, RunError, TimeoutScope};
use super::invocation::Invocation;
use crate::id::TaskId;
use crate::state::State;

/// Ends runs from outside: at once, or between two supersteps.
///
/// Cloning it gives another hold on the same; one can be given to any number of
/// runs, and what it has said once holds for runs that begin later, too.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{MemoryCheckpointer, RunControl, Status};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Count {
///     #[reduce(Sum)]
///     n: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let control = RunControl::new();
/// let signal = control.clone(); // for a handler of signals, say
/// let graph = StateGraph::<Count>::new("count")
///     .add_node("one", move |_: View<Count>| {
///         signal.drain();
///         async { Count::update().n(1) }
///     })
///     .add_node("two", async |_: View<Count>| Count::update().n(2))
///     .add_edge(START, "one")
///     .add_edge("one", "two")
///     .checkpointer(MemoryCheckpointer::new())
///     .compile()?;
///
/// let run = graph.invoke(Count::update()).thread("t").control(&control).await?;
/// assert_eq!((run.status, run.state.n), (Status::Drained, 1));
/// let run = graph.proceed().thread("t").await?;
/// assert_eq!((run.status, run.state.n), (Status::Done, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RunControl(Arc<watch::Sender<Said>>);

/// What a control has said, in the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Nothing,
    Drain,
    Cancel,
}

impl RunControl {
    /// One that has said nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Said::Nothing)))
    }

    /// Ends the runs at once, with [`RunError::Cancelled`]: tasks at work are
    /// dropped at their next await. What had finished is kept, and a thread can
    /// go on by [`Graph::proceed`](crate::Graph::proceed).
    pub fn cancel(&self) {
        self.say(Said::Cancel);
    }

    /// Lets the runs end before their next supersteps, with
    /// [`Status::Drained`](crate::Status::Drained): what is at work finishes, and
    /// a thread can go on by [`Graph::proceed`](crate::Graph::proceed). A run of
    /// which nothing is left to do is done as usual.
    ///
    /// On a thread a subgraph drains likewise, between its own supersteps. Without
    /// one it goes on to its end, however many supersteps that takes: what it has done
    /// would be lost. So does one that may lose a race by waiting: if it is hedged, or
    /// a join waits for it that cancels the rest or has a time.
    pub fn drain(&self) {
        self.say(Said::Drain);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow() == Said::Cancel
    }

    /// Whether [`drain`](Self::drain) or [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.0.borrow() >= Said::Drain
    }

    fn say(&self, said: Said) {
        self.0.send_if_modified(|before| {
            let more = said > *before;
            *before = said.max(*before);
            more
        });
    }

    async fn cancelled(&self) {
        let mut said = self.0.subscribe();
        // It cannot fail: the sender is in `self`.
        drop(said.wait_for(|said| *said == Said::Cancel).await);
    }
}

impl Default for RunControl {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RunControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunControl")
            .field(&*self.0.borrow())
            .finish()
    }
}

/// What may end a run before its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stops {
    control: Option<RunControl>,
    /// When the run is to have ended, and how long it may take.
    deadline: Option<(Instant, Duration)>,
    superstep: Option<Duration>,
}

/// Why tasks at work are dropped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Cancelled,
    TimedOut(TimeoutScope, Duration),
    /// What they leave cannot be written.
    Broken,
}

impl Stops {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.control.is_none() && self.deadline.is_none() && self.superstep.is_none()
    }

    pub(super) fn needs_timer(&self) -> bool {
        self.deadline.is_some() || self.superstep.is_some()
    }

    /// Whether the run is to end now.
    pub(super) fn due(&self) -> Option<Stop> {
        if self.control.as_ref().is_some_and(RunControl::is_cancelled) {
            return Some(Stop::Cancelled);
        }
        let (deadline, limit) = self.deadline?;
        (Instant::now() >= deadline).then_some(Stop::TimedOut(TimeoutScope::Run, limit))
    }

    pub(super) fn control(&self) -> Option<&RunControl> {
        self.control.as_ref()
    }

    pub(super) fn drains(&self) -> bool {
        self.control.as_ref().is_some_and(RunControl::is_draining)
    }

    /// Returns when a superstep is to end that begins now.
    async fn wait_in_superstep(&self) -> Stop {
        self.wait_with(self.superstep.map(|limit| (far(limit), limit)))
            .await
    }

    /// Returns when the run is to end.
    async fn wait(&self) -> Stop {
        self.wait_with(None).await
    }

    /// Waits for what `work` comes to, unless the run is to end before.
    pub(super) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let (mut work, mut stopped) = (pin!(work), pin!(self.wait()));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => stopped.as_mut().poll(cx).map(Err),
        })
        .await
    }

    async fn wait_with(&self, superstep: Option<(Instant, Duration)>) -> Stop {
        let mut cancelled = self
            .control
            .as_ref()
            .map(|control| Box::pin(control.cancelled()));
        let mut timers = [
            (self.deadline, TimeoutScope::Run),
            (superstep, TimeoutScope::Superstep),
        ]
        .map(|(timer, scope)| {
            timer.map(|(at, limit)| (Box::pin(sleep_until(at)), Stop::TimedOut(scope, limit)))
        });
        poll_fn(|cx| {
            if let Some(cancelled) = &mut cancelled
                && cancelled.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Stop::Cancelled);
            }
            for (timer, stop) in timers.iter_mut().flatten() {
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(*stop);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Stop {
    /// The error of a run that it has ended; these tasks were at work.
    pub(super) fn error(self, superstep: u64, running: Vec<TaskId>) -> RunError {
        match self {
            Self::TimedOut(scope, limit) => RunError::TimedOut {
                scope,
                limit,
                superstep,
                running,
            },
            Self::Cancelled => RunError::Cancelled {
                superstep,
                by: CancelledBy::Control,
            },
            Self::Broken => RunError::Cancelled {
                superstep,
                by: CancelledBy::Runtime,
            },
        }
    }
}

type Stopped<'s> = Pin<Box<dyn Future<Output = Stop> + Send + 's>>;

impl<S: State, C> Shared<S, C> {
    pub(super) fn needs_timer(&self) -> bool {
        self.stops.as_ref().is_some_and(|stops| stops.needs_timer())
    }

    /// Returns when the tasks of a superstep that begins now are to be dropped;
    /// nothing, if that cannot be.
    pub(super) fn stopped(&self) -> Option<Stopped<'_>> {
        let mut broken = self.ledger.as_ref().map(|ledger| ledger.stopped());
        let mut stops = self
            .stops
            .as_ref()
            .map(|stops| Box::pin(stops.wait_in_superstep()));
        if broken.is_none() && stops.is_none() {
            return None;
        }
        Some(Box::pin(poll_fn(move |cx| {
            if let Some(broken) = &mut broken
                && broken.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Stop::Broken);
            }
            match &mut stops {
                Some(stops) => stops.as_mut().poll(cx),
                None => Poll::Pending,
            }
        })))
    }
}

impl<S: State, C, X> Invocation<S, C, X> {
    /// Lets `control` end the run: see [`RunControl`].
    pub fn control(mut self, control: &RunControl) -> Self {
        self.stops_mut().control = Some(control.clone());
        self
    }

    /// Ends the run with [`RunError::TimedOut`] if it takes longer, in place of
    /// the graph's limit. Counted from the first poll; tasks at work are dropped
    /// as by [`RunControl::cancel`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.stops_mut().timeout = Some(timeout);
        self
    }

    /// Ends each superstep with [`RunError::TimedOut`] whose tasks take longer
    /// together, in place of the graph's limit.
    pub fn superstep_timeout(mut self, timeout: Duration) -> Self {
        self.stops_mut().superstep = Some(timeout);
        self
    }
}

/// What a call says of how its run may be ended.
#[derive(Debug, Clone, Default)]
pub(super) struct StopCall {
    control: Option<RunControl>,
    timeout: Option<Duration>,
    superstep: Option<Duration>,
}

impl StopCall {
    /// What holds for a run that begins now; `run` and `superstep` are the
    /// graph's own limits.
    pub(super) fn begin(
        self,
        run: Option<Duration>,
        superstep: Option<Duration>,
    ) -> Option<Arc<Stops>> {
        let deadline = self.timeout.or(run);
        let stops = Stops {
            control: self.control,
            deadline: deadline.map(|limit| (far(limit), limit)),
            superstep: self.superstep.or(superstep),
        };
        (!stops.is_empty()).then(|| Arc::new(stops))
    }
}

/// So long from now, or as far as the clock goes.
pub(super) fn far(limit: Duration) -> Instant {
    let now = Instant::now();
    // Some thirty years, as tokio itself does it.
    now.checked_add(limit)
        .unwrap_or_else(|| now + Duration::from_secs(86_400 * 365 * 30))
}
