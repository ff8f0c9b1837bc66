//! A node's policies.

mod blocking;
mod chance;
mod defaults;
mod fallback;
mod hedge;
mod idle;
mod retry;
mod timeouts;
mod verdicts;

use superstep::prelude::*;
use superstep::{NodeError, RunError};
use tokio::time::Instant;

use crate::common::{Trace, sound};

/// Counts attempts, and notes when each began.
#[derive(Debug)]
struct Attempts {
    begin: Instant,
    seconds: std::sync::Mutex<Vec<f64>>,
}

impl Attempts {
    fn new() -> Self {
        Self {
            begin: Instant::now(),
            seconds: std::sync::Mutex::default(),
        }
    }

    /// Notes an attempt, and says which it is, from 1.
    fn note(&self) -> usize {
        let mut seconds = self.seconds.lock().expect("nobody panics here");
        seconds.push(self.begin.elapsed().as_secs_f64());
        seconds.len()
    }

    fn seconds(&self) -> Vec<f64> {
        self.seconds.lock().expect("nobody panics here").clone()
    }
}

/// A graph of one node, which fails until its attempt number `good`.
fn flaky(good: usize, retry: Retry) -> StateGraph<Trace, Attempts> {
    let body = move |ctx: Ctx<Attempts>| async move {
        let attempt = ctx.note();
        assert_eq!(attempt, ctx.attempt() as usize);
        if attempt < good {
            return Err(NodeError::msg(format!("attempt {attempt} failed")));
        }
        Ok(Trace::update().n(1))
    };
    StateGraph::new("flaky")
        .add_node("flaky", node(body).retry(retry))
        .add_edge(START, "flaky")
}

async fn attempts(graph: StateGraph<Trace, Attempts>) -> (Result<i64, RunError>, Vec<f64>) {
    let attempts = std::sync::Arc::new(Attempts::new());
    let run = sound(graph)
        .invoke(Trace::update())
        .context(std::sync::Arc::clone(&attempts));
    let result = run.await.map(|run| run.state.n);
    (result, attempts.seconds())
}
