//! How many tasks start in a time, and how much bodies take.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Ctx, ExceedsBurst, Graph, Limiter, Usage};
use tokio::time::{Instant, sleep};

use super::{Log, logged, send};
use crate::common::{Trace, chain, oops, sound, within_a_day};

const WORK: Worker<u32> = Worker::new("work");

async fn note(number: u32, ctx: Ctx<Log>) {
    ctx.note(number);
}

fn limited(limiter: &Limiter, n: u32) -> StateGraph<Trace, Log> {
    StateGraph::new("limited")
        .add_worker(WORK, node(note).limiter(limiter))
        .add_conditional_edges(START, send(WORK, n), [WORK])
}

async fn starts(limiter: Limiter, n: u32) -> Vec<f64> {
    let log = within_a_day(logged(&sound(limited(&limiter, n)))).await;
    log.seconds()
}

#[tokio::test(start_paused = true)]
async fn starts_are_spaced_by_the_rate_once_the_burst_is_used_up() {
    let evenly = starts(Limiter::new().per_second(5).burst(1), 4).await;
    assert_eq!(evenly, [0.0, 0.2, 0.4, 0.6]);
    let two = starts(Limiter::new().per_second(5).burst(2), 5).await;
    assert_eq!(two, [0.0, 0.0, 0.2, 0.4, 0.6]);
    let all = starts(Limiter::new().per_second(4), 6).await;
    assert_eq!(all, [0.0, 0.0, 0.0, 0.0, 0.25, 0.5]);
    let minute = starts(Limiter::new().per_minute(30).burst(1), 3).await;
    assert_eq!(minute, [0.0, 2.0, 4.0]);
    let least = starts(Limiter::new().per_second(1).per_second(u32::MAX), 2).await;
    assert_eq!(least, [0.0, 1.0]);
}

#[tokio::test(start_paused = true)]
async fn of_several_rates_each_holds() {
    let limiter = Limiter::new().per_second(2).burst(1).per_minute(6).burst(3);
    let seconds = starts(limiter, 6).await;
    // The second rate gives three, then one in ten seconds, from the start on.
    assert_eq!(seconds, [0.0, 0.5, 1.0, 10.0, 20.0, 30.0]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_shared_and_its_line_goes_by_who_came_first() {
    let limiter = Limiter::new().per_second(1).burst(1);
    let graph = |names: [&'static str; 2]| {
        let graph = names
            .into_iter()
            .fold(StateGraph::new("line"), |graph, name| {
                let body = async |ctx: Ctx<Log>| ctx.note(ctx.node());
                graph
                    .add_node(name, node(body).limiter(&limiter))
                    .add_edge(START, name)
            });
        sound(graph)
    };
    let (one, two) = (graph(["b", "a"]), graph(["d", "c"]));
    let log = Log::new();
    let run = |graph: &Graph<Trace, Log>| graph.invoke(Trace::update()).context(log.clone());
    let (first, second) = tokio::join!(run(&one), run(&two));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(log.text(), "0 a, 1 b, 2 c, 3 d");
}

#[tokio::test(start_paused = true)]
async fn a_rate_counts_every_attempt() {
    let body = async |ctx: Ctx<Log>| {
        ctx.note(ctx.attempt());
        if ctx.attempt() < 3 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let policies = node(body)
        .limiter(Limiter::new().per_second(1).burst(1))
        .retry(Retry::attempts(3).delay(Duration::ZERO));
    let graph = StateGraph::<Trace, Log>::new("retried")
        .add_node("a", policies)
        .add_edge(START, "a");
    assert_eq!(logged(&sound(graph)).await.text(), "0 1, 1 2, 2 3");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_a_rate_takes_no_place_of_the_runs() {
    let mut graph = limited(&Limiter::new().per_second(1).burst(1), 3).max_concurrency(1);
    for name in ["x", "y"] {
        let body = async |ctx: Ctx<Log>| {
            ctx.note(ctx.node());
            sleep(Duration::from_millis(100)).await;
        };
        graph = graph.add_node(name, body).add_edge(START, name);
    }
    let log = logged(&sound(graph)).await;
    assert_eq!(log.text(), "0 x, 0.1 y, 0.2 0, 1.2 1, 2.2 2");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_not_used_up_by_who_still_waits_for_the_run() {
    let limiter = Limiter::new().per_second(1).burst(1);
    let body = async |number: u32, ctx: Ctx<Log>| {
        ctx.note(number);
        sleep(Duration::from_secs(10)).await;
    };
    let graph = StateGraph::<Trace, Log>::new("narrow")
        .add_worker(WORK, node(body).limiter(&limiter))
        .add_conditional_edges(START, send(WORK, 6), [WORK])
        .max_concurrency(3);
    let seconds = logged(&sound(graph)).await.seconds();
    // Three places come free at the same rate as they were taken, never at once.
    assert_eq!(seconds, [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
}

#[tokio::test(start_paused = true)]
async fn who_is_cancelled_at_the_head_of_the_line_makes_way() {
    let limiter = Limiter::new().per_minute(1);
    let graph = sound(limited(&limiter, 3));
    let log = Log::new();
    let run = || graph.invoke(Trace::update()).context(log.clone());
    let cancelled = tokio::time::timeout(Duration::from_secs(30), run()).await;
    assert!(cancelled.is_err());
    within_a_day(run()).await.unwrap();
    assert_eq!(log.text(), "0 0, 60 0, 120 1, 180 2");
}

#[tokio::test(start_paused = true)]
async fn bodies_take_tokens_that_only_they_know() {
    let limiter = Limiter::new().tokens_per_minute(600).burst(100);
    let body = {
        let limiter = limiter.clone();
        move |number: u32, ctx: Ctx<Log>| {
            let limiter = limiter.clone();
            async move {
                let tokens = u64::from(number) * 50;
                ctx.acquire(&limiter, tokens).await?;
                ctx.note(tokens);
                NodeResult::Ok(())
            }
        }
    };
    let graph = StateGraph::<Trace, Log>::new("tokens")
        .add_worker(WORK, node(body).limiter(&limiter))
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    // Ten a second: 50 of the 100 are there, 100 are after five seconds more.
    assert_eq!(logged(&sound(graph)).await.text(), "0 0, 0 50, 5 100");
}

#[tokio::test(start_paused = true)]
async fn calls_and_tokens_are_rates_of_their_own() {
    let limiter = Limiter::new().per_second(1).burst(1);
    let limiter = limiter.tokens_per_second(100).burst(100);
    let (ctx, begin) = (Ctx::new(()), Instant::now());
    let mut seconds = Vec::new();
    for usage in [
        Usage::new().tokens(100).calls(1),
        Usage::new().tokens(50),
        Usage::new().calls(1),
        Usage::new(),
        Usage::new().tokens(100).calls(1),
    ] {
        ctx.acquire(&limiter, usage).await.unwrap();
        seconds.push(begin.elapsed().as_secs_f64());
    }
    assert_eq!(seconds, [0.0, 0.5, 1.0, 1.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn a_large_wish_is_not_passed_by_small_ones() {
    let limiter = Limiter::new().tokens_per_second(10).burst(10);
    let (ctx, begin) = (Ctx::new(()), Instant::now());
    let after = async |tokens: u64| {
        ctx.acquire(&limiter, tokens).await.unwrap();
        begin.elapsed().as_secs_f64()
    };
    let all = tokio::join!(after(8), after(10), after(1));
    assert_eq!(all, (0.0, 0.8, 0.9));
}

#[tokio::test(start_paused = true)]
async fn more_than_the_burst_is_refused_at_once_and_takes_nothing() {
    let limiter = Limiter::new().per_second(7).tokens_per_minute(60).burst(10);
    let ctx = Ctx::new(());
    for asked in [11, u64::MAX] {
        let usage = Usage::new().calls(7).tokens(asked);
        let error = ctx.acquire(&limiter, usage).await.unwrap_err();
        let text =
            format!("{asked} tokens were asked of a limiter that gives 10 at once at the most");
        assert_eq!(error.to_string(), text);
    }
    let begin = Instant::now();
    let all = Usage::new().calls(7).tokens(10);
    ctx.acquire(&limiter, all).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[derive(Debug)]
struct Wrapped(ExceedsBurst);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model was not asked")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_limiter_never_gives_is_not_asked_for_again() {
    let body = async |ctx: Ctx<Log>| {
        ctx.note(ctx.attempt());
        let limiter = Limiter::new().tokens_per_second(1);
        ctx.acquire(&limiter, 2).await.map_err(Wrapped)
    };
    let graph = StateGraph::<Trace, Log>::new("hopeless")
        .add_node("a", node(body).retry(Retry::attempts(9)))
        .add_edge(START, "a");
    let log = Log::new();
    let run = sound(graph).invoke(Trace::update()).context(log.clone());
    assert_eq!(
        chain(&run.await.unwrap_err()),
        [
            "node `a` failed in superstep 1, attempt 1",
            "the model was not asked",
            "2 tokens were asked of a limiter that gives 1 at once at the most"
        ]
    );
    assert_eq!(log.text(), "0 1");
}
