//! What a service says of itself, whoever asks: for how long it gives nothing, and
//! what it has left until when.
//!
//! 1. No more is given than is left: what the service has said, less what was
//!    given after the call that it said it to.
//! 2. What it says to a later call holds, whichever is said first.
//! 3. When its time is over, it bounds nothing any more.
//!
//! And when a rate was used up.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::Usage;

/// What bounds whoever asks, beside slots and rates.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    told: Mutex<Told>,
    /// Rings when there may be more than there was.
    bell: Notify,
}

#[derive(Debug, Default)]
struct Told {
    /// Until when nothing is given.
    until: Option<Instant>,
    given: Given,
    calls: Option<Rem>,
    tokens: Option<Rem>,
}

/// What has been given up to a call, that call included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Given {
    number: u64,
    usage: Usage,
}

/// There is too little left.
pub(crate) struct Lacks<'a> {
    /// How long to wait before asking again.
    pub(crate) wait: Duration,
    /// Rings if there may be enough before.
    pub(crate) bell: Notified<'a>,
}

/// What is left, until when.
#[derive(Debug, Clone, Copy)]
struct Rem {
    left: u64,
    until: Instant,
    /// The number of the call to which it was said.
    said_to: u64,
}

/// Of what something is left.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LeftOf {
    Calls,
    Tokens,
}

impl Rest {
    /// Rests for so long from now on, or for longer if it does already.
    pub(crate) fn rest(&self, wait: Duration) {
        // What never ends bounds nothing any more, and is not meant.
        if let Some(end) = Instant::now().checked_add(wait) {
            let mut told = self.told.lock();
            told.until = told.until.max(Some(end));
        }
    }

    /// How long it still rests.
    pub(crate) fn left(&self) -> Option<Duration> {
        until(self.told.lock().until)
    }

    /// For how long it does not give so much.
    pub(crate) fn waits_for(&self, usage: &Usage) -> Option<Duration> {
        self.told.lock().waits_for(usage)
    }

    /// Gives so much, if it is there.
    pub(crate) fn give(&self, usage: &Usage) -> Result<Given, Lacks<'_>> {
        let mut told = self.told.lock();
        match told.waits_for(usage) {
            Some(wait) => {
                let bell = self.bell.notified();
                Err(Lacks { wait, bell })
            }
            None => Ok(told.give(usage)),
        }
    }

    /// What was given is not used.
    pub(crate) fn take_back(&self, usage: &Usage) {
        let mut told = self.told.lock();
        told.given.usage = told.given.usage.minus(*usage);
        for (rem, n) in told.each(usage) {
            rem.left = rem.left.saturating_add(n);
        }
        drop(told);
        self.bell.notify_waiters();
    }

    /// The service says what is left, to the call to which that was given.
    pub(crate) fn says(&self, to: Given, of: LeftOf, left: u64, wait: Duration) {
        let now = Instant::now();
        let Some(until) = now.checked_add(wait) else {
            return;
        };
        let mut told = self.told.lock();
        let given = told.given.usage.minus(to.usage);
        let (rem, given) = match of {
            LeftOf::Calls => (&mut told.calls, given.calls),
            LeftOf::Tokens => (&mut told.tokens, given.tokens),
        };
        let is_old = rem.is_some_and(|rem| rem.said_to > to.number && rem.until > now);
        if !is_old {
            *rem = Some(Rem {
                left: left.saturating_sub(given),
                until,
                said_to: to.number,
            });
            drop(told);
            self.bell.notify_waiters();
        }
    }
}

impl Told {
    fn waits_for(&self, usage: &Usage) -> Option<Duration> {
        let rems = [(self.calls, usage.calls), (self.tokens, usage.tokens)];
        let waits = rems.into_iter().filter_map(|(rem, n)| {
            let rem = rem.filter(|rem| rem.left < n)?;
            until(Some(rem.until))
        });
        waits.chain(until(self.until)).max()
    }

    fn give(&mut self, usage: &Usage) -> Given {
        self.given.number += 1;
        self.given.usage = self.given.usage + *usage;
        for (rem, n) in self.each(usage) {
            rem.left = rem.left.saturating_sub(n);
        }
        self.given
    }

    fn each(&mut self, usage: &Usage) -> impl Iterator<Item = (&mut Rem, u64)> {
        let calls = self.calls.as_mut().map(|rem| (rem, usage.calls));
        let tokens = self.tokens.as_mut().map(|rem| (rem, usage.tokens));
        calls.into_iter().chain(tokens)
    }
}

/// How long it is until then.
fn until(then: Option<Instant>) -> Option<Duration> {
    let left = then?.saturating_duration_since(Instant::now());
    Some(left).filter(|left| !left.is_zero())
}

/// When a rate had no room for who was the next to go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UsedUp {
    /// For how long in all.
    pub(crate) total: Duration,
    /// Until when the last time.
    pub(crate) until: Option<Instant>,
}
