//! Tools that are no async functions: they run on threads of their own.

use std::panic::resume_unwind;

use superstep_core::CurrentTask;
use tokio::task::spawn_blocking;

/// Calls a function on the runtime's pool of threads.
///
/// # Cancel safety
///
/// A function that has begun runs to its end, and what it returns is dropped.
///
/// # Panics
///
/// When the function does; when there is no tokio runtime, or it shuts down.
#[doc(hidden)]
pub async fn on_pool<O: Send + 'static>(function: impl FnOnce() -> O + Send + 'static) -> O {
    let task = CurrentTask::get();
    let handle = Abort(spawn_blocking(move || match task {
        Some(task) => task.enter(function),
        None => function(),
    }));
    handle.joined().await
}

/// One that has not begun never does, once nobody waits for it.
struct Abort<O>(tokio::task::JoinHandle<O>);

impl<O> Abort<O> {
    async fn joined(mut self) -> O {
        match (&mut self.0).await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => panic!("the runtime was shut down"),
            },
        }
    }
}

impl<O> Drop for Abort<O> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
