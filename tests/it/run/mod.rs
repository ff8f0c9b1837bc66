//! The rules of a run, by their numbers in the design: 1 to 8, 10, 14, 15.

mod conflicts;
mod failures;
mod joins;
mod limits;
mod nodes;
mod refused;
mod routes;
mod runtimes;
mod structure;
mod supersteps;
mod turns;

use std::time::Duration;

use superstep::prelude::*;
use tokio::time::sleep;

use crate::common::{Trace, TraceUpdate, mark};

const WORK: Worker<u32> = Worker::new("work");

/// A worker that says what it was given.
async fn work(n: u32) -> TraceUpdate {
    Trace::update().log(format!("work {n}"))
}

/// A node that sleeps for so many seconds, and then says its name.
fn slow(seconds: u64) -> impl Fn(Ctx) -> futures::Boxed<TraceUpdate> {
    move |ctx| {
        Box::pin(async move {
            sleep(Duration::from_secs(seconds)).await;
            mark(ctx).await
        })
    }
}

mod futures {
    use std::pin::Pin;

    pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
}

/// A chain of `n` nodes.
fn chain_of(n: usize) -> StateGraph<Trace> {
    let name = |i: usize| format!("n{i:04}");
    let mut graph = StateGraph::new("chain").add_edge(START, name(0));
    for i in 0..n {
        graph = graph.add_node(name(i), mark);
        if i > 0 {
            graph = graph.add_edge(name(i - 1), name(i));
        }
    }
    graph
}
