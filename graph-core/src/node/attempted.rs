//! How often what is at work was tried: by its task, and by what tries again inside
//! of the task by itself.
//!
//! A thread knows of it while it polls, as it does of the
//! [`CurrentTask`](super::CurrentTask), which takes it along.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use super::{Retry, current};

thread_local! {
    /// 0 where nobody but the task tries again.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// What the thread knows of attempts inside of a task; 0 if there are none.
pub(super) fn number() -> u32 {
    NUMBER.get()
}

/// The thread knows of that from now on, and what it knew before.
pub(super) fn replace(number: u32) -> u32 {
    NUMBER.replace(number)
}

/// The attempt at what is at work: of the task, and of what tries again by itself
/// inside of it or outside of runs, such as a part of a chain with a policy.
///
/// For what stands for a service in tests, and is to fail at first.
///
/// # Examples
///
/// ```
/// use superstep::{CurrentAttempt, Retry};
///
/// /// Stands for a service.
/// async fn call() -> Result<&'static str, &'static str> {
///     match CurrentAttempt::get().number() {
///         1 => Err("busy"),
///         _ => Ok("fine"),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (around, retry) = (CurrentAttempt::get(), Retry::attempts(3));
/// assert_eq!(around.inside(&retry, 1).scope(call()).await, Err("busy"));
/// assert_eq!(around.inside(&retry, 2).scope(call()).await, Ok("fine"));
///
/// // A second attempt around goes on where the first has ended.
/// let second = around.inside(&Retry::attempts(2), 2);
/// assert_eq!(second.inside(&retry, 1).number(), 4);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentAttempt(u32);

impl CurrentAttempt {
    /// The attempt in which this is called; the first if nobody tries again.
    #[must_use]
    pub fn get() -> Self {
        Self(match number() {
            0 => current::attempt().max(1),
            number => number,
        })
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// An attempt by that policy, from 1, inside of this one. Each attempt before this
    /// one counts as so many as the policy allows.
    #[must_use]
    pub fn inside(self, retry: &Retry, attempt: u32) -> Self {
        let before = (self.0 - 1).saturating_mul(retry.most());
        Self(before.saturating_add(attempt.max(1)))
    }

    /// The same future, in which this is the current attempt wherever it is polled.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _entered = Entered(replace(self.0));
            future.as_mut().poll(cx)
        })
        .await
    }
}

/// Puts back what the thread knew before.
struct Entered(u32);

impl Drop for Entered {
    fn drop(&mut self) {
        replace(self.0);
    }
}
