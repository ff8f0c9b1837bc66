//! What the steps of one call of a chain have in common: a bound for all of
//! them, and where they tell of what they have so far.

use std::future::Future;
use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use superstep_core::CurrentTask;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::ChainError;
use super::tell::{Tell, Telling};
use super::time::Time;

/// How many models and steps are at work at once in a call, unless something
/// else is set.
pub(super) const AT_ONCE: usize = 100;

/// What a step is told of the call that it is in.
#[derive(Clone)]
pub(super) struct Scope {
    limit: Arc<Limit>,
    tell: Option<Tell>,
    /// Where in the call it is, if whoever watches a run is told of tokens.
    part: Option<Arc<str>>,
    /// Of the innermost part that may take only so long.
    clock: Option<Arc<Clock>>,
    time: Arc<Time>,
}

struct Limit {
    permits: Semaphore,
    at_once: usize,
    /// Of what the part is in, which holds beside it.
    around: Option<Arc<Self>>,
}

impl Limit {
    fn new(at_once: usize, around: Option<Arc<Self>>) -> Arc<Self> {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Semaphore::new(at_once);
        Arc::new(Self {
            permits,
            at_once,
            around,
        })
    }

    /// Itself, and those of what the part is in.
    fn all(&self) -> impl Iterator<Item = &Self> {
        successors(Some(self), |limit| limit.around.as_deref())
    }
}

impl Scope {
    pub(super) fn new(at_once: usize, tell: Option<Tell>) -> Self {
        let task = CurrentTask::get();
        let watched = task.as_ref().is_some_and(CurrentTask::wants_tokens);
        Self {
            limit: Limit::new(at_once, None),
            tell,
            part: watched.then(|| "".into()),
            clock: None,
            time: Arc::new(Time::new(task)),
        }
    }

    /// How many may be at work at once.
    pub(super) fn at_once(&self) -> usize {
        let all = self.limit.all().map(|limit| limit.at_once);
        all.min().unwrap_or(AT_ONCE)
    }

    /// The same for a part in which only so many are.
    pub(super) fn bounded(&self, at_once: usize) -> Self {
        Self {
            limit: Limit::new(at_once, Some(Arc::clone(&self.limit))),
            ..self.clone()
        }
    }

    /// The right to be at work. Only what holds nothing else waits for it: a step
    /// that is made of others leaves that to them, so that nothing is stuck.
    pub(super) async fn permit(&self) -> Permit<'_> {
        let clock = self.clock.as_deref();
        let waits = clock.map(|clock| clock.count(|clock| &clock.waiting));
        // None is ever closed. Inner ones come first: who has an outer one waits for
        // nobody.
        let permit = self.limit.permits.acquire().await.ok();
        let mut around = Vec::new();
        for limit in self.limit.all().skip(1) {
            around.extend(limit.permits.acquire().await.ok());
        }
        drop(waits);
        Permit {
            _permit: permit,
            _around: around,
            _works: clock.map(|clock| clock.count(|clock| &clock.working)),
        }
    }

    /// The same for a part that may take only so long.
    pub(super) fn timed(&self, clock: &Arc<Clock>) -> Self {
        Self {
            clock: Some(Arc::clone(clock)),
            ..self.clone()
        }
    }

    /// A clock for a part.
    pub(super) fn clock(&self) -> Arc<Clock> {
        Arc::new(Clock {
            around: self.clock.clone(),
            ..Clock::default()
        })
    }

    /// The time that counts in the call.
    pub(super) fn time(&self) -> &Arc<Time> {
        &self.time
    }

    /// Where the step tells of what it has so far, if anybody listens.
    pub(super) fn tell(&self) -> Option<&Tell> {
        self.tell.as_ref()
    }

    /// The same, in which nobody listens.
    pub(super) fn silent(&self) -> Self {
        Self {
            tell: None,
            ..self.clone()
        }
    }

    /// The same for a branch of that number and name.
    pub(super) fn branch(&self, index: usize, name: &'static str) -> Self {
        Self {
            tell: self.tell.as_ref().map(|tell| tell.branch(index, name)),
            ..self.below(name)
        }
    }

    /// Whether branches are told apart.
    pub(super) fn is_watched(&self) -> bool {
        self.tell.is_some() || self.part.is_some()
    }

    /// The same for what is inside of it under that name, as far as whoever watches
    /// the run is concerned.
    pub(super) fn below(&self, name: &str) -> Self {
        self.elsewhere(|part| match part.is_empty() {
            true => name.to_owned(),
            false => format!("{part}/{name}"),
        })
    }

    /// The same for an item of a list.
    pub(super) fn item(&self, index: usize) -> Self {
        match self.part {
            None => self.clone(),
            Some(_) => self.below(&format!("[{index}]")),
        }
    }

    /// The same for that attempt.
    pub(super) fn attempt(&self, number: u32) -> Self {
        self.elsewhere(|part| format!("{part}#{number}"))
    }

    fn elsewhere(&self, part: impl FnOnce(&str) -> String) -> Self {
        Self {
            part: self.part.as_deref().map(|before| part(before).into()),
            ..self.clone()
        }
    }

    /// What it comes to; whoever watches the run is told where in the call it is.
    pub(super) async fn told_as<F: Future + Send>(&self, future: F) -> F::Output {
        let part = self.part.as_deref().filter(|part| !part.is_empty());
        match part.and_then(|part| Some(CurrentTask::get()?.in_part(part))) {
            None => future.await,
            Some(task) => Box::pin(task.scope(future)).await,
        }
    }

    /// How many pieces were told so far.
    pub(super) fn told(&self) -> usize {
        self.tell.as_ref().map_or(0, Tell::told)
    }

    /// Tells of the whole, if somebody listens and its pieces do not add up to it.
    pub(super) fn whole<T: Serialize>(&self, value: &T) -> Result<Option<Telling<'_>>, ChainError> {
        match &self.tell {
            None => Ok(None),
            Some(tell) => tell.whole(value),
        }
    }
}

/// The right to be at work, until it is dropped.
pub(super) struct Permit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
    _around: Vec<SemaphorePermit<'a>>,
    _works: Option<Counted<'a>>,
}

/// The clock of a part that may take only so long. It stands while nothing of the
/// part is at work, since all waits for its turn.
#[derive(Default)]
pub(super) struct Clock {
    working: AtomicUsize,
    waiting: AtomicUsize,
    /// Of the part that this one is in.
    around: Option<Arc<Self>>,
}

type Count = fn(&Clock) -> &AtomicUsize;

/// Something of a part that is counted, until it is dropped.
struct Counted<'a>(&'a Clock, Count);

impl Clock {
    pub(super) fn stands(&self) -> bool {
        let is_some = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        is_some(&self.waiting) && !is_some(&self.working)
    }

    fn count(&self, which: Count) -> Counted<'_> {
        for clock in self.all() {
            which(clock).fetch_add(1, Ordering::Relaxed);
        }
        Counted(self, which)
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        successors(Some(self), |clock| clock.around.as_deref())
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        for clock in self.0.all() {
            (self.1)(clock).fetch_sub(1, Ordering::Relaxed);
        }
    }
}
