//! The rules of a run, by their numbers in the design: 1 to 8, 10, 14, 15.

use std::future::{Future, IntoFuture, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeError, OnFailure, RunError, SendTo, Status, Target, WriteKind};
use tokio::time::{Instant, sleep};

use crate::common::{
    Alive, Trace, TraceUpdate, chain, error_of, mark, marks, oops, ran, ran_of, sound, within_a_day,
};

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

// Rule 1: supersteps.

#[tokio::test]
async fn writes_are_visible_from_the_next_superstep_on_and_to_no_sibling() {
    let tell = async |state: View<Trace>, ctx: Ctx| {
        Trace::update().log(format!("{} saw {}", ctx.node(), state.n))
    };
    let graph = StateGraph::<Trace>::new("visibility")
        .add_node("a", async |_: View<Trace>| Trace::update().n(7))
        .add_node("b", tell)
        .add_node("z", tell)
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update().n(1)).await.unwrap();
    assert_eq!(run.state.log, ["b saw 1", "z saw 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_superstep_ends_when_its_slowest_task_has_ended() {
    let graph = marks(["after"])
        .add_node("fast", slow(1))
        .add_node("slow", slow(9))
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "after");
    let begin = Instant::now();
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["fast", "slow", "after"]);
    assert_eq!(begin.elapsed(), Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_superstep_wait_at_the_same_time() {
    let names: Vec<String> = (0..100).map(|i| format!("n{i:02}")).collect();
    let graph = names.iter().fold(StateGraph::new("wide"), |graph, name| {
        graph.add_node(name, slow(3))
    });
    let begin = Instant::now();
    let run = sound(graph.add_edge(START, &names))
        .invoke(Trace::update())
        .await
        .unwrap();
    assert_eq!(run.state.log, names);
    assert_eq!(begin.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn the_input_is_applied_to_the_default_and_goes_through_the_reducers() {
    let graph = marks(["a"]).add_edge(START, "a");
    let input = Trace::update().log("first").log(["second"]).sum(3).sum(4);
    let run = sound(graph).invoke(input).await.unwrap();
    assert_eq!(run.state.log, ["first", "second", "a"]);
    assert_eq!((run.state.n, run.state.sum), (0, 7));
    assert_eq!(run.status, Status::Done);
}

#[tokio::test]
async fn a_view_that_outlives_its_node_keeps_what_it_showed() {
    type Kept = std::sync::Mutex<Vec<View<Trace>>>;
    let keep = async |state: View<Trace>, ctx: Ctx<Kept>| {
        let n = state.n;
        ctx.lock().unwrap().push(state);
        Trace::update().n(n + 1)
    };
    let graph = StateGraph::<Trace, Kept>::new("keeper")
        .add_node("a", keep)
        .add_node("b", keep)
        .add_node("c", keep)
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c");
    let kept = Arc::new(Kept::default());
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Arc::clone(&kept))
        .await
        .unwrap();
    let seen: Vec<i64> = kept.lock().unwrap().iter().map(|view| view.n).collect();
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!(run.state.n, 3);
}

// Rule 2: what is ready.

#[tokio::test]
async fn a_name_made_ready_many_times_in_a_superstep_is_one_task() {
    let go = async |_: View<Trace>| Command::<Trace>::new().goto(["z", "z"]);
    let graph = marks(["b", "z"])
        .add_node("a", node(go).destinations(["z"]))
        .add_edge(START, ["a", "b"])
        .add_edge("a", "z")
        .add_edge("b", "z")
        .add_conditional_edges("b", |_: &Trace| ["z", "z"], ["z"]);
    assert_eq!(ran_of(graph).await, "a b | z");
}

#[tokio::test]
async fn edges_routes_commands_and_sends_add_up() {
    let go = async |_: View<Trace>| {
        Command::update(Trace::update().sum(1))
            .goto("by-goto")
            .send(WORK.send(1))
    };
    let graph = marks(["by-edge", "by-goto", "by-route"])
        .add_worker(WORK, work)
        .add_node("a", node(go).destinations(["by-goto", "work"]))
        .add_edge(START, "a")
        .add_edge("a", "by-edge")
        .add_conditional_edges("a", |_: &Trace| "by-route", ["by-route"])
        .add_conditional_edges("a", |_: &Trace| WORK.send(2), [WORK]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | by-edge by-goto by-route work work");
    assert_eq!(
        run.state.log,
        ["by-edge", "by-goto", "by-route", "work 1", "work 2"]
    );
    assert_eq!(run.state.sum, 1);
}

#[tokio::test]
async fn every_send_is_a_task_even_when_values_are_equal() {
    let graph = marks(["a", "z"])
        .add_worker(WORK, work)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| vec![WORK.send(5); 3], [WORK])
        .add_edge(WORK, "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | work work work | z");
    assert_eq!(run.state.log, ["a", "work 5", "work 5", "work 5", "z"]);
}

#[tokio::test]
async fn routes_and_sends_lead_out_of_start_too() {
    let graph = marks(["a", "b"])
        .add_worker(WORK, work)
        .add_conditional_edges(
            START,
            |state: &Trace| if state.n > 0 { "a" } else { "b" },
            ["a", "b"],
        )
        .add_conditional_edges(START, |state: &Trace| WORK.send(state.n as u32), [WORK]);
    let graph = sound(graph);
    let run = graph.invoke(Trace::update().n(4)).await.unwrap();
    assert_eq!(run.state.log, ["a", "work 4"]);
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["b", "work 0"]);
}

#[tokio::test]
async fn a_path_that_ends_leaves_the_others_alone() {
    let stop = async |_: View<Trace>| Command::<Trace>::new().goto(END);
    let graph = marks(["b", "c", "d"])
        .add_node("a", node(stop).destinations([END]))
        .add_edge(START, ["a", "b"])
        .add_edge("b", "c")
        .add_edge("b", END)
        .add_edge("c", "d");
    assert_eq!(ran_of(graph).await, "a b | c | d");
}

#[tokio::test]
async fn a_run_in_which_nothing_is_ready_ends_at_once() {
    let nowhere = |_: &Trace| None::<&str>;
    let graph = marks(["a"]).add_conditional_edges(START, nowhere, ["a"]);
    let run = sound(graph).invoke(Trace::update().n(3)).await.unwrap();
    assert_eq!((run.supersteps(), run.state.n), (0, 3));
}

// Rule 3: order is data.

#[tokio::test(start_paused = true)]
async fn tasks_are_ordered_by_name_whatever_order_they_end_in() {
    let graph = StateGraph::<Trace>::new("order")
        .add_node("b", slow(1))
        .add_node("a10", slow(3))
        .add_node("a9", slow(2))
        .add_node("Z", slow(4))
        .add_edge(START, ["b", "a9", "Z", "a10"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["Z", "a10", "a9", "b"]);
    assert_eq!(ran(&run), "Z a10 a9 b");
}

#[tokio::test(start_paused = true)]
async fn sends_come_after_nodes_in_the_order_of_their_emitters_and_of_emission() {
    const ABOVE: Worker<u32> = Worker::new("above");
    let fan = |first: u32| {
        move |_: View<Trace>| async move {
            // The emitter that is first in task order ends last.
            sleep(Duration::from_secs(u64::from(9 - first))).await;
            let sends = vec![
                WORK.send(first),
                ABOVE.send(first + 1),
                WORK.send(first + 2),
            ];
            Command::<Trace>::new().goto("zz").send(sends)
        }
    };
    let tell = |name: &'static str| {
        move |n: u32| async move {
            sleep(Duration::from_secs(u64::from(20 - n))).await;
            Trace::update().log(format!("{name} {n}"))
        }
    };
    let targets = ["work", "above", "zz"];
    let graph = marks(["zz"])
        .add_worker(WORK, tell("work"))
        .add_worker(ABOVE, tell("above"))
        .add_node("e2", node(fan(4)).destinations(targets))
        .add_node("e1", node(fan(1)).destinations(targets))
        .add_edge(START, ["e2", "e1"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "e1 e2 | zz work above work work above work");
    let order = [
        "zz", "work 1", "above 2", "work 3", "work 4", "above 5", "work 6",
    ];
    assert_eq!(run.state.log, order);
}

#[tokio::test]
async fn a_send_knows_its_number_among_those_to_its_worker() {
    let tell = async |n: u32, ctx: Ctx| Trace::update().log(format!("{}={n}", ctx.task()));
    let graph = marks(["a"])
        .add_worker(WORK, tell)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(8), WORK.send(9)], [WORK])
        .add_conditional_edges("a", |_: &Trace| WORK.send(7), [WORK]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["a", "work/0=8", "work/1=9", "work/2=7"]);
}

#[tokio::test]
async fn the_order_of_registration_never_matters() {
    let names = ["a", "b", "c", "d"];
    let mut transcripts = Vec::new();
    for turn in 0..names.len() {
        let mut graph = StateGraph::<Trace>::new("same");
        let mut targets = names;
        targets.rotate_left(turn);
        for name in targets {
            graph = graph.add_node(name, mark);
        }
        let backwards: Vec<&str> = targets.iter().rev().copied().collect();
        graph = graph
            .add_edge(backwards, "z")
            .add_node("z", mark)
            .add_edge(START, targets);
        transcripts.push(sound(graph).invoke(Trace::update()).transcript().await);
    }
    assert_eq!(transcripts[0].to_string().matches("(join").count(), 4);
    for transcript in &transcripts[1..] {
        let (one, other) = (&transcripts[0].supersteps, &transcript.supersteps);
        assert_eq!(one[1], other[1]);
        assert_eq!(transcripts[0].to_string(), transcript.to_string());
    }
}

// Rule 4: what a route sees.

#[tokio::test]
async fn a_route_sees_its_nodes_writes_and_never_a_siblings() {
    let see = |state: &Trace| {
        assert_eq!(state.log.len(), 1, "its own line only: {:?}", state.log);
        vec![format!("{}-saw-{}", state.log[0], state.sum)]
    };
    let add = |n: u64| {
        move |_: View<Trace>, ctx: Ctx| async move { Trace::update().sum(n).log(ctx.node().as_str()) }
    };
    let graph = marks(["a-saw-101", "b-saw-102"])
        .add_node("a", add(1))
        .add_node("b", add(2))
        .add_edge(START, ["a", "b"])
        .add_conditional_edges(["a", "b"], see, ["a-saw-101", "b-saw-102"]);
    let run = sound(graph).invoke(Trace::update().sum(100)).await.unwrap();
    assert_eq!(ran(&run), "a b | a-saw-101 b-saw-102");
    assert_eq!(run.state.sum, 103);
    assert_eq!(run.state.log, ["a", "b", "a-saw-101", "b-saw-102"]);
}

#[tokio::test]
async fn the_route_of_a_single_task_sees_the_same_as_that_of_one_among_many() {
    #[derive(Route)]
    enum Next {
        #[route("one")]
        One,
        #[route("other")]
        Other,
    }
    for siblings in [false, true] {
        let graph = marks(["sibling", "one", "other"])
            .add_node("a", async |_: View<Trace>| {
                Trace::update().overwrite_log(["x"]).log("y").n(2)
            })
            .add_edge(START, "a")
            .add_conditional_edges(
                START,
                move |_: &Trace| siblings.then_some("sibling"),
                ["sibling"],
            )
            .add_route("a", |state: &Trace| {
                if state.log == ["x", "y"] && state.n == 2 {
                    Next::One
                } else {
                    Next::Other
                }
            });
        let run = sound(graph).invoke(Trace::update().log("old")).await;
        let run = run.unwrap();
        assert!(ran(&run).ends_with("| one"), "{}", ran(&run));
        assert_eq!(run.state.log[..2], ["x", "y"]);
    }
}

#[tokio::test]
async fn each_send_routes_on_what_that_send_wrote() {
    let add = async |n: u32| Trace::update().sum(u64::from(n));
    let graph = marks(["a", "even", "odd"])
        .add_worker(WORK, add)
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            |_: &Trace| (0..4).map(|n| WORK.send(n * 2)).collect::<Vec<_>>(),
            [WORK],
        )
        .add_conditional_edges(
            WORK,
            |state: &Trace| {
                if state.sum.is_multiple_of(2) {
                    "even"
                } else {
                    "odd"
                }
            },
            ["even", "odd"],
        );
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | work work work work | even");
    assert_eq!(run.state.sum, 12);
}

// Rule 5: joins.

#[tokio::test]
async fn a_join_waits_for_paths_of_any_length_and_fires_once() {
    let graph = marks(["a", "b1", "b2", "b3", "z"])
        .add_edge(START, ["a", "b1"])
        .add_edge("b1", "b2")
        .add_edge("b2", "b3")
        .add_edge(["a", "b3"], "z");
    assert_eq!(ran_of(graph).await, "a b1 | b2 | b3 | z");
}

#[tokio::test]
async fn a_join_arms_again_after_it_fired() {
    let graph = marks(["a", "b"])
        .add_node("z", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z")
        .add_conditional_edges(
            "z",
            |state: &Trace| if state.n < 3 { vec!["a", "b"] } else { vec![] },
            ["a", "b", END],
        );
    assert_eq!(ran_of(graph).await, "a b | z | a b | z | a b | z");
}

#[tokio::test]
async fn a_join_remembers_that_a_source_ran_not_how_often() {
    // `a` runs twice before `b` does: one firing, and nothing is left over.
    let graph = marks(["b", "slow1", "slow2", "z"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "slow1"])
        .add_conditional_edges("a", |state: &Trace| (state.n < 2).then_some("a"), ["a"])
        .add_edge("slow1", "slow2")
        .add_edge("slow2", "b")
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a slow1 | a slow2 | b | z");
    assert!(run.starved.is_empty());
}

#[tokio::test]
async fn a_join_that_a_source_never_reaches_is_reported_as_starved() {
    let graph = marks(["a", "b", "c", "z"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "b", ["b", "c"])
        .add_edge(["a", "b", "c"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | b");
    let [starved] = &run.starved[..] else {
        panic!("one join starves: {:?}", run.starved);
    };
    assert_eq!(starved.target, "z");
    assert_eq!(starved.arrived, ["a", "b"]);
    assert_eq!(starved.missing, ["c"]);
    assert_eq!(starved.to_string(), "`z` waits for `c`, after `a`, `b`");
}

#[tokio::test]
async fn what_arrives_after_a_join_fired_is_reported_too() {
    let graph = marks(["b", "z"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z")
        .add_conditional_edges("z", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | z | a");
    assert_eq!(run.starved.len(), 1);
    assert_eq!(run.starved[0].missing, ["b"]);
}

#[tokio::test]
async fn a_new_run_begins_with_empty_joins() {
    let graph = marks(["a", "b", "z"])
        .add_conditional_edges(
            START,
            |state: &Trace| if state.n == 0 { "a" } else { "b" },
            ["a", "b"],
        )
        .add_edge(["a", "b"], "z");
    let graph = sound(graph);
    for (n, only) in [(0, "a"), (1, "b"), (0, "a")] {
        let run = graph.invoke(Trace::update().n(n)).await.unwrap();
        assert_eq!(ran(&run), only);
        assert_eq!(run.starved.len(), 1);
    }
}

#[tokio::test]
async fn a_worker_arrives_at_a_join_once_however_many_sends_it_had() {
    let graph = marks(["a", "b", "z"])
        .add_worker(WORK, work)
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
        .add_edge(["b", "work"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | work work | z");
    assert!(run.starved.is_empty());
}

#[tokio::test]
async fn the_sends_that_a_join_did_not_need_do_not_count_towards_its_next_firing() {
    let graph = marks(["a", "z"])
        .add_worker(WORK, work)
        .add_node("b", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
        .add_edge(["b", "work"], "z")
        .add_conditional_edges("z", |state: &Trace| (state.n < 2).then_some("b"), ["b"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | work work | z | b");
    assert_eq!(
        run.starved[0].to_string(),
        "`z` waits for `work`, after `b`"
    );
}

// Rule 6: deferred nodes.

#[tokio::test]
async fn deferred_nodes_wait_until_nothing_else_is_ready_and_run_together() {
    let graph = marks(["a", "b", "c", "after"])
        .add_worker(WORK, work)
        .add_node("late1", node(mark).defer())
        .add_node("late2", node(mark).defer())
        .add_edge(START, ["a", "late1"])
        .add_edge("a", ["b", "late2"])
        .add_edge("b", "c")
        .add_conditional_edges("c", |_: &Trace| WORK.send(1), [WORK])
        .add_edge(WORK, "late2")
        .add_edge("late1", "after");
    assert_eq!(
        ran_of(graph).await,
        "a | b | c | work | late1 late2 | after"
    );
}

#[tokio::test]
async fn a_join_into_a_deferred_node_stays_filled_and_fires_once() {
    let graph = marks(["b", "c", "d"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_node("late", node(mark).defer())
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "late")
        .add_edge("b", "c")
        .add_edge("c", "d")
        .add_conditional_edges("d", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | c | d | a | late");
    assert!(run.starved.is_empty(), "{:?}", run.starved);
}

#[tokio::test]
async fn a_deferred_node_can_lead_back_and_wait_again() {
    let graph = marks(["a", "b"])
        .add_node(
            "late",
            node(async |state: View<Trace>| Trace::update().n(state.n + 1)).defer(),
        )
        .add_edge(START, "a")
        .add_edge("a", ["b", "late"])
        .add_conditional_edges("late", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    assert_eq!(ran_of(graph).await, "a | b | late | a | b | late");
}

// Rule 7: conflicts.

fn writers(a: fn() -> TraceUpdate, b: fn() -> TraceUpdate) -> StateGraph<Trace> {
    StateGraph::<Trace>::new("conflict")
        .add_node("a", move |_: View<Trace>| async move { a() })
        .add_node("b", move |_: View<Trace>| async move { b() })
        .add_edge(START, ["a", "b"])
}

#[tokio::test]
async fn two_writers_of_a_replace_field_are_a_conflict_that_names_field_and_tasks() {
    let same = || Trace::update().n(1).sum(1);
    let RunError::Conflict {
        field,
        first,
        second,
        kind,
        superstep,
        ..
    } = error_of(writers(same, same)).await
    else {
        panic!("it is a conflict");
    };
    assert_eq!(
        (field.as_str(), kind, superstep),
        ("n", WriteKind::Reduce, 1)
    );
    assert!(first == "a" && second == "b");
}

#[tokio::test]
async fn two_overwriters_of_any_field_are_a_conflict() {
    let error = error_of(writers(
        || Trace::update().overwrite_log(["x"]),
        || Trace::update().overwrite_log(["y"]),
    ))
    .await;
    assert_eq!(error.code(), "conflict");
    assert_eq!(
        error.to_string(),
        "`a` and `b` both overwrote `log` in superstep 1"
    );
}

#[tokio::test]
async fn an_overwriter_and_a_writer_of_a_replace_field_are_a_conflict() {
    let error = error_of(writers(
        || Trace::update().overwrite_n(1),
        || Trace::update().n(1),
    ))
    .await;
    assert_eq!(
        error.to_string(),
        "`a` and `b` both wrote `n` in superstep 1"
    );
}

#[tokio::test]
async fn two_sends_that_conflict_are_told_apart() {
    let graph = marks(["a"])
        .add_worker(WORK, async |n: u32| Trace::update().n(i64::from(n)))
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(1)], [WORK]);
    assert_eq!(
        error_of(graph).await.to_string(),
        "`work/0` and `work/1` both wrote `n` in superstep 2"
    );
}

#[tokio::test]
async fn one_task_may_write_a_replace_field_twice_and_others_in_later_supersteps() {
    let graph = marks(["b"])
        .add_node("a", async |_: View<Trace>| Trace::update().n(1).n(2))
        .add_node("z", async |_: View<Trace>| {
            Trace::update().n(3).overwrite_n(4)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update().n(9)).await.unwrap();
    assert_eq!(run.state.n, 4);
}

// Rule 8: failures.

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_its_siblings_and_awaits_them() {
    let graph = StateGraph::<Trace, Alive>::new("failing")
        .add_node("fails", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(1)).await;
            Err::<(), _>(oops())
        })
        .add_node("hangs", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            pending::<()>().await;
        })
        .add_node("sleeps", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(3600)).await;
        })
        .add_edge(START, ["fails", "hangs", "sleeps"]);
    let alive = Alive::default();
    let begin = Instant::now();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!((alive.now(), alive.ever()), (0, 3));
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    let RunError::Node {
        node,
        task,
        attempt,
        superstep,
        ..
    } = &error
    else {
        panic!("a node failed: {error}");
    };
    assert!(*node == "fails" && *task == "fails");
    assert_eq!((*attempt, *superstep), (1, 1));
    assert_eq!(chain(&error)[1..], ["oops"]);
}

#[tokio::test(start_paused = true)]
async fn under_finish_siblings_end_first_and_the_first_failure_in_task_order_counts() {
    let fail = |seconds: u64| {
        move |ctx: Ctx<Alive>| async move {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(seconds)).await;
            Err::<(), _>(NodeError::msg(ctx.node()))
        }
    };
    for (on_failure, who, seconds) in [(OnFailure::Finish, "a", 5), (OnFailure::Stop, "b", 2)] {
        let graph = StateGraph::<Trace, Alive>::new("finishing")
            .add_node("a", fail(5))
            .add_node("b", fail(2))
            .add_edge(START, ["a", "b"])
            .on_failure(on_failure);
        let alive = Alive::default();
        let begin = Instant::now();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        let error = run.await.unwrap_err();
        assert_eq!(chain(&error)[1..], [who], "{on_failure:?}");
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
        assert_eq!((alive.now(), alive.ever()), (0, 2));
    }
}

#[tokio::test]
async fn a_panic_before_in_and_after_an_await_is_a_failure_of_its_node() {
    type Body = fn(View<Trace>) -> futures::Boxed<()>;
    let bodies: [(&str, Body); 3] = [
        ("in the call", |_| panic!("in the call")),
        ("at the first poll", |_| {
            Box::pin(async { panic!("at the first poll") })
        }),
        ("after an await", |_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("{} an await", "after")
            })
        }),
    ];
    for (what, body) in bodies {
        let alone = StateGraph::<Trace>::new("alone")
            .add_node("bad", body)
            .add_edge(START, "bad");
        let among = marks(["a", "z"])
            .add_node("bad", body)
            .add_edge(START, ["a", "bad", "z"]);
        for graph in [alone, among] {
            let error = error_of(graph).await;
            assert_eq!(
                chain(&error),
                [
                    "node `bad` failed in superstep 1, attempt 1".to_owned(),
                    format!("it panicked: {what}")
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_route_is_a_failure_of_the_node_it_leads_out_of() {
    let graph = marks(["a", "b"])
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("b", |_: &Trace| -> &str { panic!("no idea") }, ["a"]);
    let error = error_of(graph).await;
    assert_eq!(
        chain(&error),
        [
            "node `b` failed in superstep 1, attempt 1",
            "it panicked: no idea (in its route)"
        ]
    );
    let graph =
        marks(["a"]).add_conditional_edges(START, |_: &Trace| -> &str { panic!("no idea") }, ["a"]);
    let error = error_of(graph).await;
    let RunError::Node {
        node, superstep, ..
    } = &error
    else {
        panic!("the route failed: {error}");
    };
    assert!(*node == START && *superstep == 0);
}

#[tokio::test]
async fn a_panic_in_a_reducer_names_field_and_task() {
    let add = async |n: u32| Trace::update().sum(u64::MAX - u64::from(n));
    let graph = marks(["a"])
        .add_worker(WORK, add)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(2), WORK.send(0)], [WORK]);
    let error = error_of(graph).await;
    assert_eq!(
        error.to_string(),
        "the reducer of `sum` panicked on the update of `work/1` in superstep 2: \
         18446744073709551613 + 18446744073709551615 does not fit in u64"
    );
    let input = Trace::update().sum(u64::MAX).sum(1);
    let error = sound(marks(["a"]).add_edge(START, "a")).invoke(input).await;
    let error = error.unwrap_err();
    let RunError::Reducer {
        field,
        task,
        superstep,
        ..
    } = &error
    else {
        panic!("the reducer failed: {error}");
    };
    assert!(field == "sum" && *task == START && *superstep == 0);
}

// Rule 10: limits.

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

#[tokio::test]
async fn exactly_as_many_supersteps_run_as_the_limit_allows() {
    for n in [1, 2, 7, 300] {
        let graph = sound(chain_of(n).recursion_limit(n as u64));
        let run = graph.invoke(Trace::update()).await.unwrap();
        assert_eq!(run.supersteps(), n);
        let short = graph.invoke(Trace::update()).recursion_limit(n as u64 - 1);
        let error = short.await.unwrap_err();
        let RunError::RecursionLimit { limit, last, next } = &error else {
            panic!("the limit was reached: {error}");
        };
        assert_eq!(*limit, n as u64 - 1);
        assert_eq!(*next, [format!("n{:04}", n - 1).as_str()]);
        assert_eq!(last.len(), (n - 1).min(3));
    }
}

#[tokio::test]
async fn the_limit_is_a_thousand_unless_it_is_said() {
    let run = sound(chain_of(1000)).invoke(Trace::update()).await;
    assert_eq!(run.unwrap().supersteps(), 1000);
    let error = sound(chain_of(1001)).invoke(Trace::update()).await;
    assert_eq!(error.unwrap_err().code(), "recursion-limit");
}

#[tokio::test]
async fn nothing_of_a_superstep_beyond_the_limit_is_started() {
    let count = async |ctx: Ctx<Alive>| drop(ctx.enter());
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_node("a", count)
        .add_node("b", count)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| ["a", "b"], ["a", "b", END]);
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = run.recursion_limit(3).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no end was reached within 3 supersteps, the last 3 of which ran `a`, then `a`, `b`, then `a`, `b`"
    );
    assert_eq!(alive.ever(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_are_at_work_at_once_than_allowed() {
    let busy = async |_: u32, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        sleep(Duration::from_secs(1)).await;
    };
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, busy)
        .add_conditional_edges(
            START,
            |_: &Trace| (0..12).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .max_concurrency(3);
    let graph = sound(graph);
    for (of_the_run, most, seconds) in [(None, 3, 4), (Some(5), 5, 3), (Some(0), 1, 12)] {
        let alive = Alive::default();
        let mut run = graph.invoke(Trace::update()).context(alive.clone());
        if let Some(n) = of_the_run {
            run = run.max_concurrency(n);
        }
        let begin = Instant::now();
        run.await.unwrap();
        assert_eq!((alive.most(), alive.ever()), (most, 12));
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bound_holds_on_several_threads() {
    let busy = async |_: u32, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    };
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, busy)
        .add_conditional_edges(
            START,
            |_: &Trace| (0..500).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .max_concurrency(2);
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    run.await.unwrap();
    assert!(alive.most() <= 2, "{}", alive.most());
    assert_eq!(alive.ever(), 500);
}

// Rule 14: structure.

fn hanging() -> StateGraph<Trace, Alive> {
    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        pending::<()>().await;
    };
    StateGraph::<Trace, Alive>::new("hanging")
        .add_node("a", hang)
        .add_node("b", hang)
        .add_node("c", hang)
        .add_conditional_edges(
            START,
            |state: &Trace| {
                if state.n == 1 {
                    vec!["a"]
                } else {
                    vec!["a", "b", "c"]
                }
            },
            ["a", "b", "c"],
        )
}

/// Gives aborted tasks of the runtime the turns they need to be dropped.
async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_run_aborts_all_of_it() {
    let graph = sound(hanging());
    for (n, tasks) in [(1, 1), (3, 3)] {
        let alive = Alive::default();
        let run = graph.invoke(Trace::update().n(n)).context(alive.clone());
        let ended = tokio::time::timeout(Duration::from_secs(1), run).await;
        assert!(ended.is_err());
        let_others_run().await;
        assert_eq!((alive.now(), alive.ever()), (0, tasks));
    }
}

#[tokio::test]
async fn a_run_that_is_never_polled_starts_nothing() {
    let graph = sound(hanging());
    let alive = Alive::default();
    let run = graph.invoke(Trace::update()).context(alive.clone());
    drop(run.into_future());
    let_others_run().await;
    assert_eq!(alive.ever(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_run_returns_nothing_of_it_is_alive_on_any_thread() {
    let yields = |fails: bool| {
        move |ctx: Ctx<Alive>| async move {
            let _guard = ctx.enter();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if fails { Err(oops()) } else { Ok(()) }
        }
    };
    for fails in [false, true] {
        let mut graph = StateGraph::<Trace, Alive>::new("wide");
        let names: Vec<String> = (0..64).map(|i| format!("n{i}")).collect();
        for (i, name) in names.iter().enumerate() {
            graph = graph.add_node(name, yields(fails && i == 40));
        }
        let graph = sound(graph.add_edge(START, &names));
        for _ in 0..20 {
            let alive = Alive::default();
            let run = graph.invoke(Trace::update()).context(alive.clone());
            assert_eq!(run.await.is_err(), fails);
            assert_eq!(alive.now(), 0);
        }
    }
}

// Rule 15: nothing is dropped silently.

async fn refused(go: fn() -> Command<Trace>) -> String {
    let graph = marks(["a", "b"])
        .add_worker(WORK, work)
        .add_node("go", move |_: View<Trace>| async move { go() })
        .add_edge(START, ["a", "go"]);
    let error = error_of(graph).await;
    assert_eq!(error.code(), "unknown-target");
    format!("{error}; {}", error.help())
}

#[tokio::test]
async fn a_goto_that_cannot_be_followed_is_an_error_that_says_why() {
    assert_eq!(
        refused(|| Command::new().goto(["b", "nowhere"])).await,
        "`go` goes to `nowhere`, which is not a node of this graph; \
         go to a node of this graph, or to `END`; there are `a`, `b`, `go`"
    );
    assert_eq!(
        refused(|| Command::new().goto("wrok")).await,
        "`go` goes to `wrok`, which is not a node of this graph; did you mean `work`?"
    );
    assert_eq!(
        refused(|| Command::new().goto(START)).await,
        "`go` goes to `__start__`, which only begins runs; \
         go to the node that should run instead"
    );
    assert_eq!(
        refused(|| Command::new().goto("work")).await,
        "`go` goes to `work`, which is a worker and needs a value; \
         send it one with `WORKER.send(value)`"
    );
}

#[tokio::test]
async fn a_send_that_cannot_be_delivered_is_an_error_that_says_why() {
    const TO_A: Worker<u32> = Worker::new("a");
    const UNKNOWN: Worker<u32> = Worker::new("unknown");
    const OTHER: Worker<String> = Worker::new("work");
    assert_eq!(
        refused(|| Command::new().send(TO_A.send(1))).await,
        "`go` goes to `a`, which is not a worker, so nothing can be sent to it; \
         add it with `add_worker`, or go to it by its name"
    );
    assert_eq!(
        refused(|| Command::new().send(UNKNOWN.send(1))).await,
        "`go` goes to `unknown`, which is not a node of this graph; \
         add it with `add_worker`; there are `work`"
    );
    assert_eq!(
        refused(|| Command::new().send(OTHER.send("x".into()))).await,
        "`go` goes to `work`, which takes a `u32`, and was sent a `alloc::string::String`; \
         use one `const` handle for each worker"
    );
    // The first send of a row is looked up; the others are checked as well.
    assert!(
        refused(|| Command::new().send(vec![WORK.send(1), OTHER.send("x".into())]))
            .await
            .contains("was sent a `alloc::string::String`")
    );
}

#[tokio::test]
async fn what_a_node_does_not_declare_it_cannot_go_to() {
    let refused = async |declared: &[&str]| {
        let go = async |_: View<Trace>| Command::<Trace>::new().goto("b");
        let graph = marks(["a", "b", "c"])
            .add_node("go", node(go).destinations(declared))
            .add_edge(START, ["go", "a", "b", "c"]);
        let error = error_of(graph).await;
        assert_eq!(error.help(), "add `b` to `.destinations(..)` of `go`");
        error.to_string()
    };
    assert_eq!(
        refused(&["c", END, "a"]).await,
        "`go` goes to `b`, which is not among the declared destinations `END`, `a`, `c`"
    );
    assert_eq!(
        refused(&[END]).await,
        "`go` goes to `b`, which is not the declared destination `END`"
    );
    assert_eq!(
        refused(&[]).await,
        "`go` goes to `b`, which is not a declared destination, since there are none"
    );
}

#[tokio::test]
async fn what_a_route_does_not_declare_it_cannot_go_to() {
    let refused = async |target: &'static str, declared: &[&str]| {
        let graph = marks(["a", "b"])
            .add_edge(START, ["a", "b"])
            .add_conditional_edges("a", move |_: &Trace| target, declared);
        let error = error_of(graph).await;
        assert_eq!(error.help(), "declare it as a target of the route");
        error.to_string()
    };
    assert_eq!(
        refused("a", &["b", END]).await,
        "`a` goes to `a`, which is not among the declared targets `END`, `b`"
    );
    assert_eq!(
        refused("a", &[END]).await,
        "`a` goes to `a`, which is not the declared target `END`"
    );
    assert_eq!(
        refused(END, &["b"]).await,
        "`a` goes to `__end__`, which is not the declared target `b`"
    );
}

#[tokio::test]
async fn a_command_may_end_its_path_though_it_does_not_say_so() {
    let stop = async |_: View<Trace>| Command::<Trace>::new().goto(END);
    let graph = marks(["b"])
        .add_node("a", node(stop).destinations(["b"]))
        .add_edge(START, "a");
    assert_eq!(ran_of(graph).await, "a");
}

#[tokio::test]
async fn where_nothing_near_is_known_the_first_targets_are_listed() {
    let nodes: Vec<String> = (10..30).map(|n| format!("n{n}")).collect();
    let many = nodes.iter().fold(marks([]), |graph, name| {
        graph.add_node(name, async |_: View<Trace>| {
            Command::<Trace>::new().goto("elsewhere")
        })
    });
    let error = error_of(many.add_edge(START, &nodes)).await;
    assert_eq!(
        error.help(),
        "go to a node of this graph, or to `END`; there are `n10`, `n11`, `n12`, `n13`, `n14`, \
         `n15`, `n16`, `n17`, `n18`, `n19`, `n20`, `n21`, and 8 more"
    );
    let declared = marks(["a", "b", "c"])
        .add_edge(START, ["a", "c"])
        .add_conditional_edges("a", |_: &Trace| "elsewhere", ["b", END]);
    assert_eq!(
        error_of(declared).await.help(),
        "go to a target that is declared here; there are `END`, `b`"
    );
    let send = |_: &Trace| Worker::<u32>::new("elsewhere").send(1);
    let no_workers = marks(["a", "b"])
        .add_edge(START, "a")
        .add_conditional_edges("a", send, ["b"]);
    assert_eq!(
        error_of(no_workers).await.help(),
        "add it with `add_worker`"
    );
}

#[tokio::test]
async fn the_end_in_quotes_is_told_from_names() {
    let help = async |node: &'static str, target: &'static str, declared: &[&str]| {
        let graph = marks([node]).add_edge(START, node).add_conditional_edges(
            node,
            move |_: &Trace| target,
            declared,
        );
        error_of(graph).await.help()
    };
    let constant = "write the constant `END`, without quotes";
    assert_eq!(help("send", "END", &["send", END]).await, constant);
    assert_eq!(help("send", "end", &["send", END]).await, constant);
    let other = help("end", "End", &["end", END]).await;
    assert_eq!(other, "did you mean `end`?");
    let go = async |_: View<Trace>| Command::<Trace>::new().goto("END");
    let command = marks([]).add_node("go", go).add_edge(START, "go");
    assert_eq!(error_of(command).await.help(), constant);
}

#[tokio::test]
async fn a_write_that_a_node_does_not_declare_is_an_error() {
    let write = async |_: View<Trace>| Trace::update().n(1).sum(1);
    let graph = StateGraph::<Trace>::new("declared")
        .add_node("a", node(write).writes(["n", "log"]))
        .add_edge(START, "a");
    let error = error_of(graph).await;
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "it wrote `sum`, which `.writes(..)` does not declare"
        ]
    );
    assert_eq!(
        error.help(),
        "add `sum` to the `.writes(..)` of `a`, or do not write it there"
    );
}

// Nodes: every shape and everything that they may return.

#[tokio::test]
async fn nodes_of_all_shapes_return_all_kinds_of_outcomes() {
    fn says(what: &str) -> TraceUpdate {
        Trace::update().log(what)
    }
    async fn of_view(_: View<Trace>) -> TraceUpdate {
        says("function of a view")
    }
    async fn of_ctx(ctx: Ctx<String>) -> TraceUpdate {
        says(&format!("function of {}", *ctx))
    }
    async fn of_both(_: View<Trace>, ctx: Ctx<String>) -> Result<TraceUpdate, std::io::Error> {
        Ok(says(&format!("function of both and {}", ctx.as_str())))
    }
    let graph = StateGraph::<Trace, String>::new("shapes")
        .add_node("01", of_view)
        .add_node("02", of_ctx)
        .add_node("03", of_both)
        .add_node("04", async |_: View<Trace>| {})
        .add_node("05", async |_: View<Trace>| Some(says("some update")))
        .add_node("06", async |_: View<Trace>| None::<TraceUpdate>)
        .add_node("07", async |_: View<Trace>| {
            Command::<Trace>::update(says("a command"))
        })
        .add_node("08", async |_: View<Trace>| {
            Some(Command::<Trace>::update(says("some command")))
        })
        .add_node(
            "09",
            async |_: View<Trace>| -> NodeResult<Option<TraceUpdate>> {
                Ok(Some(says(&format!("parsed {}", "12".parse::<u8>()?))))
            },
        )
        .add_node("10", async |_: View<Trace>| -> NodeResult<Command<Trace>> {
            Ok(Command::update(says("a result of a command")))
        })
        .add_node(
            "11",
            async |_: View<Trace>| -> Result<(), std::fmt::Error> { Ok(()) },
        )
        .add_node("12", |_: View<Trace>| std::future::ready(says("ready")))
        .add_node(
            "13",
            node(async |_: Ctx<String>| says("with policies")).defer(),
        )
        .add_edge(
            START,
            (1..=13).map(|i| format!("{i:02}")).collect::<Vec<_>>(),
        );
    let run = sound(graph)
        .invoke(Trace::update())
        .context("context".to_owned())
        .await
        .unwrap();
    assert_eq!(
        run.state.log,
        [
            "function of a view",
            "function of context",
            "function of both and context",
            "some update",
            "a command",
            "some command",
            "parsed 12",
            "a result of a command",
            "ready",
            "with policies"
        ]
    );
}

#[tokio::test]
async fn the_context_is_shared_by_all_tasks_and_by_the_caller() {
    let graph = StateGraph::<Trace, Alive>::new("context")
        .add_worker(WORK, async |_: u32, ctx: Ctx<Alive>| drop(ctx.enter()))
        .add_node("a", async |ctx: Ctx<Alive>| drop(ctx.context().enter()))
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK]);
    let alive = Arc::new(Alive::default());
    let graph = sound(graph);
    for _ in 0..2 {
        let run = graph.invoke(Trace::update()).context(Arc::clone(&alive));
        run.await.unwrap();
    }
    assert_eq!(alive.ever(), 6);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test]
async fn a_task_knows_where_in_its_run_it_stands() {
    let tell = async |ctx: Ctx| {
        let place = (ctx.node().as_str(), ctx.superstep(), ctx.attempt());
        Trace::update().log(format!("{place:?}"))
    };
    let graph = StateGraph::<Trace>::new("places")
        .add_node("a", tell)
        .add_node("b", tell)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, [r#"("a", 1, 1)"#, r#"("b", 2, 1)"#]);
}

#[tokio::test]
async fn a_command_mixes_names_and_sends() {
    let go = async |_: View<Trace>| {
        let sends: Vec<SendTo> = vec![WORK.send(1)];
        let mixed: Vec<Target> = vec!["a".into(), WORK.send(2).into(), "b".to_owned().into()];
        Command::update(Trace::update().log("go"))
            .send(sends)
            .goto(mixed)
    };
    let graph = marks(["a", "b"])
        .add_worker(WORK, work)
        .add_node("go", go)
        .add_edge(START, "go");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["go", "a", "b", "work 1", "work 2"]);
}

// Runtimes.

/// A fan-out of that many sends, which all say their number.
fn sends(n: u32) -> StateGraph<Trace> {
    marks(["a", "z"])
        .add_worker(WORK, async |n: u32| {
            if n % 1000 == 7 {
                tokio::task::yield_now().await;
            }
            Trace::update().log(n.to_string()).sum(u64::from(n))
        })
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            move |_: &Trace| (0..n).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .add_edge(WORK, "z")
}

async fn ten_thousand_sends() {
    let run = sound(sends(10_000))
        .invoke(Trace::update())
        .await
        .expect("the run ends");
    assert_eq!(run.supersteps(), 3);
    assert_eq!(run.state.sum, 49_995_000);
    let numbers: Vec<String> = (0..10_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(run.state.log[1..10_001], numbers);
    assert_eq!(run.state.log[10_001..], ["z"]);
}

#[tokio::test]
async fn ten_thousand_sends_in_one_superstep_on_one_thread() {
    ten_thousand_sends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_sends_in_one_superstep_on_several_threads() {
    ten_thousand_sends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_runs_of_one_graph_at_once_do_not_meet() {
    let graph = sound(sends(50));
    let mut runs = tokio::task::JoinSet::new();
    for n in 0..32 {
        let run = graph.invoke(Trace::update().n(n).sum(n.unsigned_abs()));
        runs.spawn(async move { (n, run.await) });
    }
    while let Some(joined) = runs.join_next().await {
        let (n, run) = joined.unwrap();
        let run = run.unwrap();
        assert_eq!(run.state.n, n);
        assert_eq!(run.state.sum, 1225 + n.unsigned_abs());
    }
}

/// Polls a future that never waits for anybody else.
fn poll_to_end<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("it waits for somebody");
}

#[test]
fn a_chain_needs_no_runtime_at_all() {
    let run = poll_to_end(sound(chain_of(700)).invoke(Trace::update()).into_future());
    assert_eq!(run.unwrap().supersteps(), 700);
}

#[test]
fn several_tasks_without_a_runtime_are_an_error() {
    let graph = sound(marks(["a", "b"]).add_edge(START, ["a", "b"]));
    let error = poll_to_end(graph.invoke(Trace::update()).into_future()).unwrap_err();
    assert_eq!(error.code(), "no-runtime");
}

#[test]
fn a_timer_without_a_runtime_is_an_error() {
    let timed = node(mark).timeout(Duration::from_secs(1));
    let graph = sound(
        StateGraph::<Trace>::new("timed")
            .add_node("a", timed)
            .add_edge(START, "a"),
    );
    let error = poll_to_end(graph.invoke(Trace::update()).into_future()).unwrap_err();
    assert_eq!(error.code(), "no-runtime");
}

#[tokio::test]
async fn a_tuple_names_nodes_and_workers_together() {
    let graph = marks(["a", "b", "c", "d", "e", "f"])
        .add_worker(WORK, async |_: u32| {})
        .add_edge(START, ("a", "b".to_owned(), ["c", "d"], "e"))
        .add_conditional_edges("a", |_: &Trace| WORK.send(1), (WORK, END))
        .add_edge((WORK, "b", "c", "d", "e"), "f");
    assert_eq!(ran_of(graph).await, "a b c d e | work | f");
    let eight = marks(["a", "b"]).add_edge(START, ("b", "b", "b", "b", "b", "b", "b", "a"));
    assert_eq!(ran_of(eight).await, "a b");
}
