//! Rules 1 to 3: supersteps, what is ready in them, and in which order.

use std::sync::Arc;
use std::time::Duration;

use superstep::Status;
use superstep::prelude::*;
use tokio::time::{Instant, sleep};

use super::{WORK, slow, work};
use crate::common::{Trace, mark, marks, ran, ran_of, sound};

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
