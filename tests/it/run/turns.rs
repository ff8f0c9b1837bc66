//! Whose turn it is, where tokio's clock is paused: nothing hangs on how long
//! anything takes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use superstep::prelude::*;
use superstep::{Limiter, MemoryCheckpointer, RunControl, RunError};
use tokio::task::yield_now;

use super::WORK;
use crate::common::{Trace, sound};

/// Who was at work, one poll after another, and how long a poll takes.
#[derive(Clone, Default)]
struct Order {
    polls: Arc<Mutex<Vec<String>>>,
    busy: Duration,
}

impl Order {
    fn note(&self, what: impl Into<String>) {
        let begin = Instant::now();
        while begin.elapsed() < self.busy {}
        let mut polls = self.polls.lock().expect("nobody panics");
        polls.push(what.into());
    }
}

/// Fans out twice beside a chain, with a line to wait in.
fn graph() -> StateGraph<Trace, Order> {
    let says = async |ctx: Ctx<Order>| {
        ctx.note(ctx.task().to_string());
        yield_now().await;
        ctx.note(format!("{} ends", ctx.task()));
    };
    let works = async |n: u32, ctx: Ctx<Order>| {
        ctx.note(format!("begin {n}"));
        if n.is_multiple_of(3) {
            yield_now().await;
            ctx.note(format!("end {n}"));
        }
    };
    let limiter = Limiter::new().max_concurrency(2);
    StateGraph::<Trace, Order>::new("order")
        .add_worker(WORK, node(works).limiter(&limiter))
        .add_node("a", says)
        .add_node("b", says)
        .add_node("c", says)
        .add_edge(START, ["a", "b", "c"])
        .add_conditional_edges(
            "a",
            |_: &Trace| (0..12).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .add_edge("b", "c")
        .add_conditional_edges("c", |_: &Trace| WORK.send(20), [WORK])
}

/// The polls of two runs side by side, of which each poll takes so long.
async fn polls(graph: StateGraph<Trace, Order>, busy: Duration) -> Vec<String> {
    let order = Order {
        busy,
        ..Order::default()
    };
    let graph = sound(graph);
    let run = || graph.invoke(Trace::update()).context(order.clone());
    let (one, two) = tokio::join!(run(), run());
    assert!(one.is_ok() && two.is_ok());
    let mut polls = order.polls.lock().expect("nobody panics");
    std::mem::take(&mut *polls)
}

#[tokio::test(start_paused = true)]
async fn while_time_is_paused_the_order_does_not_depend_on_how_long_anything_takes() {
    for eager in [false, true] {
        let graph = || if eager { graph().eager() } else { graph() };
        let quick = polls(graph(), Duration::ZERO).await;
        assert!(quick.len() > 40, "{quick:?}");
        let slow = polls(graph(), Duration::from_millis(1)).await;
        assert_eq!(quick, slow, "eager: {eager}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_time_is_paused_who_computes_lets_others_have_their_turn() {
    let again = |targets: &'static [&'static str]| {
        let graph = targets
            .iter()
            .fold(StateGraph::<Trace>::new("again"), |graph, name| {
                graph.add_node(*name, async |_: View<Trace>| {})
            });
        graph
            .add_edge(START, "a")
            .add_conditional_edges("a", move |_: &Trace| targets, targets)
            // An end that comes much later.
            .recursion_limit(200_000)
    };
    let (alone, beside) = (|| again(&["a"]), || again(&["a", "b"]));
    let kept = || alone().checkpointer(MemoryCheckpointer::new());
    let graphs = [alone(), beside(), alone().eager(), beside().eager(), kept()];
    for (at, graph) in graphs.into_iter().enumerate() {
        let (graph, stop) = (sound(graph), RunControl::new());
        let run = graph.invoke(Trace::update()).control(&stop);
        let run = if at == 4 { run.thread("t") } else { run };
        let cancels = async {
            yield_now().await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(run, cancels);
        let error = ended.unwrap_err();
        assert!(matches!(error, RunError::Cancelled { .. }), "{at}: {error}");
    }
}
