//! A node's policies, and what errors say.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use expect_test::{Expect, expect};
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{NodeError, RunError};
use tokio::time::{Instant, sleep};

use crate::common::{Alive, Trace, chain, error_of, mark, marks, oops, ran, sound, within_a_day};

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

#[tokio::test(start_paused = true)]
async fn a_node_is_tried_again_after_growing_waits_until_it_succeeds() {
    let (result, seconds) = attempts(flaky(4, Retry::attempts(9))).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(seconds, [0.0, 0.5, 1.5, 3.5]);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempts_error_ends_the_run_and_says_which_it_was() {
    let retry = Retry::attempts(3).delay(Duration::ZERO);
    let (result, seconds) = attempts(flaky(usize::MAX, retry)).await;
    assert_eq!(
        chain(&result.unwrap_err()),
        [
            "node `flaky` failed in superstep 1, attempt 3",
            "attempt 3 failed"
        ]
    );
    assert_eq!(seconds, [0.0; 3]);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_by_the_factor_up_to_the_longest() {
    let retry = Retry::attempts(5)
        .delay(Duration::from_secs(1))
        .factor(3.0)
        .max_delay(Duration::from_secs(5));
    let (_, seconds) = attempts(flaky(usize::MAX, retry)).await;
    assert_eq!(seconds, [0.0, 1.0, 4.0, 9.0, 14.0]);
}

#[tokio::test(start_paused = true)]
async fn only_errors_for_which_when_holds_are_tried_again() {
    let first = |error: &NodeError| error.to_string() == "attempt 1 failed";
    let (result, seconds) = attempts(flaky(9, Retry::attempts(9).when(first))).await;
    assert_eq!(chain(&result.unwrap_err())[1], "attempt 2 failed");
    assert_eq!(seconds, [0.0, 0.5]);
}

#[tokio::test(start_paused = true)]
async fn when_can_look_at_the_type_of_the_error() {
    let retry = Retry::attempts(2).when(|error| error.as_error().is::<std::num::ParseIntError>());
    for (text, tries) in [("x", 2), ("300", 2), ("", 2), ("io", 1)] {
        let body = move |ctx: Ctx<Alive>| async move {
            drop(ctx.enter());
            if text == "io" {
                return Err(std::io::Error::other("broken").into());
            }
            text.parse::<u8>()?;
            NodeResult::Ok(())
        };
        let graph = StateGraph::<Trace, Alive>::new("typed")
            .add_node("parse", node(body).retry(retry.clone()))
            .add_edge(START, "parse");
        let alive = Alive::default();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        assert!(run.await.is_err());
        assert_eq!(alive.ever(), tries, "{text:?}");
    }
}

#[test]
fn waits_are_never_longer_than_the_longest_nor_nothing_grown_into_something() {
    let none = Retry::attempts(u32::MAX).delay(Duration::ZERO);
    let long = Retry::attempts(0).delay(Duration::MAX).factor(f64::NAN);
    for failures in [0, 1, 2, 1024, 1025, 5000, u32::MAX] {
        assert_eq!(none.delay_after(failures), Duration::ZERO, "{failures}");
        assert_eq!(long.delay_after(failures), Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retried_node_holds_up_its_superstep_and_writes_once() {
    let body = async |ctx: Ctx| match ctx.attempt() {
        1 | 2 => Err(oops()),
        n => Ok(Trace::update().log(format!("attempt {n}")).sum(1)),
    };
    let graph = marks(["b", "z"])
        .add_node("a", node(body).retry(Retry::attempts(3)))
        .add_edge(START, ["a", "b"])
        .add_edge("b", "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | z");
    assert_eq!(run.state.log, ["attempt 3", "b", "z"]);
    assert_eq!(run.state.sum, 1);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_a_worker_is_given_the_same_value() {
    const WORK: Worker<Vec<u8>> = Worker::new("work");
    let body = async |mut bytes: Vec<u8>, ctx: Ctx| {
        bytes.push(0);
        assert_eq!(bytes, [7, 0]);
        if ctx.attempt() < 3 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let graph = StateGraph::<Trace>::new("worker")
        .add_worker(WORK, node(body).retry(Retry::attempts(3)))
        .add_conditional_edges(
            START,
            |_: &Trace| [WORK.send(vec![7]), WORK.send(vec![7])],
            [WORK],
        );
    assert!(sound(graph).invoke(Trace::update()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_fails() {
    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        pending::<()>().await;
    };
    for siblings in [0, 2] {
        let mut graph = StateGraph::<Trace, Alive>::new("timed")
            .add_node("slow", node(hang).timeout(Duration::from_secs(7)))
            .add_edge(START, "slow");
        for name in ["x", "y"].into_iter().take(siblings) {
            graph = graph.add_node(name, hang).add_edge(START, name);
        }
        let alive = Alive::default();
        let begin = Instant::now();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        assert_eq!(
            chain(&within_a_day(run).await.unwrap_err()),
            [
                "node `slow` failed in superstep 1, attempt 1",
                "it took longer than its timeout of 7s"
            ]
        );
        assert_eq!(begin.elapsed(), Duration::from_secs(7));
        assert_eq!((alive.now(), alive.ever()), (0, 1 + siblings));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_in_time_is_not_bothered_by_its_timeout() {
    let body = async |_: View<Trace>| {
        sleep(Duration::from_millis(6999)).await;
        Trace::update().n(1)
    };
    let graph = StateGraph::<Trace>::new("timed")
        .add_node("a", node(body).timeout(Duration::from_secs(7)))
        .add_edge(START, "a");
    assert_eq!(
        sound(graph).invoke(Trace::update()).await.unwrap().state.n,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_timeout_and_a_timeout_is_tried_again() {
    let body = async |ctx: Ctx<Attempts>| {
        let attempt = ctx.note();
        if attempt < 3 {
            pending::<()>().await;
        }
        Trace::update().n(1)
    };
    let policies = node(body)
        .timeout(Duration::from_secs(10))
        .retry(Retry::attempts(3).delay(Duration::from_secs(1)));
    let graph = StateGraph::<Trace, Attempts>::new("timed")
        .add_node("a", policies)
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(seconds, [0.0, 11.0, 23.0]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_tried_again_like_an_error() {
    let body = async |ctx: Ctx| {
        assert!(ctx.attempt() > 2, "attempt {}", ctx.attempt());
        Trace::update().n(1)
    };
    let retry = |attempts| node(body).retry(Retry::attempts(attempts).delay(Duration::ZERO));
    let graph = |attempts| {
        StateGraph::<Trace>::new("panicky")
            .add_node("a", retry(attempts))
            .add_edge(START, "a")
    };
    let run = sound(graph(3)).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.n, 1);
    let error = sound(graph(2)).invoke(Trace::update()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 2",
            "it panicked: attempt 2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_when_is_a_failure_of_the_node_alone_or_among_many() {
    let retry = Retry::attempts(3).when(|_| panic!("cannot tell"));
    let fail = async |_: View<Trace>| {
        sleep(Duration::from_secs(1)).await;
        Err::<(), _>(oops())
    };
    for others in [&[][..], &["b", "c"]] {
        let graph = marks(["b", "c"])
            .add_node("a", node(fail).retry(retry.clone()))
            .add_edge(START, "a")
            .add_conditional_edges(START, move |_: &Trace| others.to_vec(), ["b", "c"]);
        let run = within_a_day(sound(graph).invoke(Trace::update()));
        let error = run.await.unwrap_err();
        assert_eq!(
            chain(&error),
            [
                "node `a` failed in superstep 1, attempt 1",
                "it panicked: cannot tell"
            ]
        );
    }
}

/// A value whose clones panic, from the second on.
#[derive(Serialize, Deserialize)]
struct Shy;

static SHY: AtomicUsize = AtomicUsize::new(0);

impl Clone for Shy {
    fn clone(&self) -> Self {
        assert!(SHY.fetch_add(1, Ordering::SeqCst) == 0, "do not copy me");
        Self
    }
}

/// The failure of a worker that is sent what cannot be copied.
async fn shy(retry: Retry) -> String {
    const WORK: Worker<Shy> = Worker::new("work");
    let body = async |_: Shy| {
        sleep(Duration::from_secs(1)).await;
        Err::<(), _>(oops())
    };
    let graph = marks(["a", "b"])
        .add_worker(WORK, node(body).retry(retry))
        .add_edge(START, ["a", "b"])
        .add_conditional_edges(START, |_: &Trace| WORK.send(Shy), [WORK]);
    let run = within_a_day(sound(graph).invoke(Trace::update()));
    let error = run.await.unwrap_err();
    chain(&error)[1..].join(": ")
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_clone_of_an_input_is_a_failure_of_its_attempt() {
    let panics_end_it = Retry::attempts(3).when(|error| !error.is_panic());
    assert_eq!(shy(panics_end_it).await, "it panicked: do not copy me");
    // The last attempt needs no copy.
    assert_eq!(shy(Retry::attempts(2)).await, "oops");
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_kept_over_the_waits_between_attempts() {
    let body = async |ctx: Ctx<Attempts>| {
        ctx.note();
        if ctx.attempt() < 2 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let retry = Retry::attempts(2).delay(Duration::from_secs(1));
    let graph = StateGraph::<Trace, Attempts>::new("bounded")
        .add_node("a", node(body).retry(retry.clone()))
        .add_node("b", node(body).retry(retry))
        .add_edge(START, ["a", "b"])
        .max_concurrency(1);
    let (_, seconds) = attempts(graph).await;
    assert_eq!(seconds, [0.0, 1.0, 1.0, 2.0]);
}

// What nodes fail with.

#[derive(Debug)]
struct Unlucky;

impl From<Unlucky> for NodeError {
    fn from(_: Unlucky) -> Self {
        Self::msg("unlucky")
    }
}

/// The causes of the error of a node that returns `result`.
async fn causes<E>(result: impl Fn() -> Result<(), E> + Send + Sync + 'static) -> Vec<String>
where
    NodeError: From<E>,
    E: Send + 'static,
{
    let fail = move |_: View<Trace>| {
        let result = result();
        async move { result }
    };
    let graph = StateGraph::<Trace>::new("fails")
        .add_node("a", fail)
        .add_edge(START, "a");
    chain(&error_of(graph).await).split_off(1)
}

#[tokio::test]
async fn a_node_fails_with_errors_text_boxes_and_what_converts_into_its_error() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let number = || "x".parse::<u32>();
    let invalid = ["invalid digit found in string"];
    assert_eq!(causes(move || number().map(|_| ())).await, invalid);
    assert_eq!(causes(|| Err("text")).await, ["text"]);
    assert_eq!(causes(|| Err("text".to_owned())).await, ["text"]);
    let boxed = move || number().map(|_| ()).map_err(Boxed::from);
    assert_eq!(causes(boxed).await, invalid);
    assert_eq!(causes(|| Err(Unlucky)).await, ["unlucky"]);
    let by_question_mark = move || -> NodeResult<()> {
        number().or_else(|_| Err("no number"))?;
        Ok(())
    };
    assert_eq!(causes(by_question_mark).await, ["no number"]);
}

// What errors say.

/// The only place that knows how an error is shown: its code, its message and
/// its causes' messages as one sentence, its help, and the whole as `main`
/// prints it.
fn check(error: &RunError, expected: &Expect) {
    expected.assert_eq(&format!(
        "{}\n{}\n{}\n--\n{error:?}\n",
        error.code(),
        chain(error).join(": "),
        error.help()
    ));
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the price could not be read")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn a_failed_node_is_told_with_all_its_causes() {
    let graph = marks(["a", "b"])
        .add_node("price", async |_: View<Trace>| {
            "x".parse::<u8>().map(drop).map_err(Outer)
        })
        .add_edge(START, "a")
        .add_edge("a", ["b", "price"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `price` failed in superstep 2, attempt 1: the price could not be read: invalid digit found in string
            mend the cause, or give `price` a policy: `node(f).retry(Retry::attempts(3))`
            --
            node: node `price` failed in superstep 2, attempt 1
              caused by: the price could not be read
              caused by: invalid digit found in string
              help: mend the cause, or give `price` a policy: `node(f).retry(Retry::attempts(3))`
        "#]],
    );
    let RunError::Node { source, .. } = error else {
        panic!("a node failed");
    };
    assert!(source.is::<Outer>());
}

#[tokio::test]
async fn a_conflict_is_told_with_field_tasks_and_remedy() {
    let write = async |_: View<Trace>| Trace::update().n(1);
    let graph = StateGraph::<Trace>::new("conflict")
        .add_node("left", write)
        .add_node("right", write)
        .add_edge(START, ["left", "right"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            conflict
            `left` and `right` both wrote `n` in superstep 1
            give `n` a reducer, such as `#[reduce(Last)]` or `#[reduce(Append)]`, or let one of the two run after the other
            --
            conflict: `left` and `right` both wrote `n` in superstep 1
              help: give `n` a reducer, such as `#[reduce(Last)]` or `#[reduce(Append)]`, or let one of the two run after the other
        "#]],
    );
}

#[tokio::test]
async fn a_conflict_of_overwrites_is_told_with_another_remedy() {
    let write = async |_: View<Trace>| Trace::update().overwrite_sum(1);
    let graph = StateGraph::<Trace>::new("conflict")
        .add_node("left", write)
        .add_node("right", write)
        .add_edge(START, ["left", "right"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            conflict
            `left` and `right` both overwrote `sum` in superstep 1
            let only one task of a superstep overwrite `sum`
            --
            conflict: `left` and `right` both overwrote `sum` in superstep 1
              help: let only one task of a superstep overwrite `sum`
        "#]],
    );
}

#[tokio::test]
async fn a_reducer_that_panics_is_told_with_the_update_at_fault() {
    let add = async |_: View<Trace>| Trace::update().sum(u64::MAX);
    let graph = marks(["z"]).add_node("a", add).add_node("b", add);
    let graph = graph.add_edge(START, ["a", "b", "z"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            reducer
            the reducer of `sum` panicked on the update of `b` in superstep 1: 18446744073709551615 + 18446744073709551615 does not fit in u64
            a reducer must merge every update that can be made
            --
            reducer: the reducer of `sum` panicked on the update of `b` in superstep 1: 18446744073709551615 + 18446744073709551615 does not fit in u64
              help: a reducer must merge every update that can be made
        "#]],
    );
}

#[tokio::test]
async fn the_limit_is_told_with_what_ran_last_and_would_run_next() {
    let graph = marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_edge("a", ["b", "c"])
        .add_conditional_edges("b", |_: &Trace| "a", ["a", END])
        .recursion_limit(5);
    let graph = sound(graph);
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            recursion-limit
            no end was reached within 5 supersteps, the last 3 of which ran `a`, then `b`, `c`, then `a`
            see what still makes `b`, `c` ready, or raise `recursion_limit`
            --
            recursion-limit: no end was reached within 5 supersteps, the last 3 of which ran `a`, then `b`, `c`, then `a`
              help: see what still makes `b`, `c` ready, or raise `recursion_limit`
        "#]],
    );
    let run = graph.invoke(Trace::update()).recursion_limit(1);
    assert_eq!(
        run.await.unwrap_err().to_string(),
        "no end was reached within 1 supersteps, the last of which ran `a`"
    );
}

#[tokio::test]
async fn a_limit_of_nothing_is_told_without_what_ran_last() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let run = graph.invoke(Trace::update()).recursion_limit(0);
    check(
        &run.await.unwrap_err(),
        &expect![[r#"
            recursion-limit
            no end was reached within 0 supersteps
            see what still makes `a` ready, or raise `recursion_limit`
            --
            recursion-limit: no end was reached within 0 supersteps
              help: see what still makes `a` ready, or raise `recursion_limit`
        "#]],
    );
}

#[tokio::test]
async fn an_unknown_target_is_told_with_who_was_meant() {
    let go = async |_: View<Trace>| Command::<Trace>::new().goto("serach");
    let graph = marks(["search"])
        .add_node("plan", go)
        .add_edge(START, "plan");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            unknown-target
            `plan` goes to `serach`, which is not a node of this graph
            did you mean `search`?
            --
            unknown-target: `plan` goes to `serach`, which is not a node of this graph
              help: did you mean `search`?
        "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_a_panic_are_told_as_causes() {
    let hang = node(async |_: View<Trace>| pending::<()>().await);
    let policies = hang
        .timeout(Duration::from_millis(1500))
        .retry(Retry::attempts(2));
    let graph = StateGraph::<Trace>::new("hanging")
        .add_node("hang", policies)
        .add_edge(START, "hang");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `hang` failed in superstep 1, attempt 2: it took longer than its timeout of 1.5s
            raise the `.timeout(..)` of `hang`, or the attempts of its `.retry(..)`
            --
            node: node `hang` failed in superstep 1, attempt 2
              caused by: it took longer than its timeout of 1.5s
              help: raise the `.timeout(..)` of `hang`, or the attempts of its `.retry(..)`
        "#]],
    );
    let graph = StateGraph::<Trace>::new("panicking")
        .add_node("bad", |_: View<Trace>| -> std::future::Ready<()> {
            std::panic::panic_any(7_u8)
        })
        .add_edge(START, "bad");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `bad` failed in superstep 1, attempt 1: it panicked: a value that is no text
            mend what panicked; `RUST_BACKTRACE=1` shows the way to it
            --
            node: node `bad` failed in superstep 1, attempt 1
              caused by: it panicked: a value that is no text
              help: mend what panicked; `RUST_BACKTRACE=1` shows the way to it
        "#]],
    );
}

#[tokio::test]
async fn help_after_a_retry_does_not_advise_to_retry() {
    let fail = node(async |_: View<Trace>| Err::<(), _>(oops()));
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = StateGraph::<Trace>::new("trying")
        .add_node("fail", fail.retry(retry))
        .add_edge(START, "fail");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
        node
        node `fail` failed in superstep 1, attempt 2: oops
        mend the cause, or raise the attempts of the `.retry(..)` of `fail`
        --
        node: node `fail` failed in superstep 1, attempt 2
          caused by: oops
          help: mend the cause, or raise the attempts of the `.retry(..)` of `fail`
    "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn help_after_a_first_timeout_speaks_of_the_timeout() {
    let hang = node(async |_: View<Trace>| pending::<()>().await);
    let graph = StateGraph::<Trace>::new("hanging")
        .add_node("hang", hang.timeout(Duration::from_secs(20)))
        .add_edge(START, "hang");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
        node
        node `hang` failed in superstep 1, attempt 1: it took longer than its timeout of 20s
        raise the `.timeout(..)` of `hang`, or try again: `.retry(Retry::attempts(3))`
        --
        node: node `hang` failed in superstep 1, attempt 1
          caused by: it took longer than its timeout of 20s
          help: raise the `.timeout(..)` of `hang`, or try again: `.retry(Retry::attempts(3))`
    "#]],
    );
}

#[tokio::test]
async fn an_error_can_be_sent_and_kept() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let run = graph.invoke(Trace::update()).recursion_limit(0);
    let error = run.await.unwrap_err();
    is_error(&error);
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(boxed.downcast_ref::<RunError>().is_some());
}

#[tokio::test]
async fn policies_of_a_node_do_not_change_what_it_writes() {
    let policies = node(mark)
        .retry(Retry::attempts(2))
        .timeout(Duration::from_secs(1))
        .writes(["log"]);
    let graph = StateGraph::<Trace>::new("policed")
        .add_node("a", policies)
        .add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["a"]);
}
