//! Looking back, forks, updates, copies.

use superstep::prelude::*;
use superstep::{CheckpointId, Graph, MemoryCheckpointer, RunError, Snapshot, Source, Status};

use super::{T, kept};
use crate::common::{Trace, TraceUpdate, marks, oops, ran, sound};

fn id(number: u64) -> CheckpointId {
    CheckpointId::from(number)
}

/// As `4<-3 superstep 3 [a b]: next`.
fn show(snapshot: &Snapshot<Trace>) -> String {
    let parent = snapshot
        .parent
        .map_or_else(String::new, |parent| format!("<-{parent}"));
    format!(
        "{}{parent} {} {} {}: {}",
        snapshot.id,
        snapshot.source.as_str(),
        snapshot.step,
        snapshot.values.log.join(" "),
        snapshot.next.join(" ")
    )
}

async fn history(graph: &Graph<Trace>) -> Vec<String> {
    let history = graph.thread(T).history().await.unwrap();
    history.iter().map(show).collect()
}

fn abc() -> Graph<Trace> {
    kept(
        marks(["a", "b", "c"])
            .add_edge(START, "a")
            .add_edge("a", ["b", "c"]),
    )
}

#[tokio::test]
async fn every_superstep_leaves_a_checkpoint() {
    let graph = abc();
    let run = graph
        .invoke(Trace::update().log("in"))
        .thread(T)
        .await
        .unwrap();
    assert_eq!(
        history(&graph).await,
        [
            "3<-2 superstep 2 in a b c: ",
            "2<-1 superstep 1 in a: b c",
            "1 input 0 in: a",
        ]
    );
    assert_eq!(run.checkpoint, Some(id(3)));
    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(
        (snapshot.id, snapshot.ran),
        (id(3), vec!["b".to_owned(), "c".to_owned()])
    );
    assert!(snapshot.created_at.elapsed().unwrap().as_secs() < 60);
}

#[tokio::test]
async fn a_new_input_goes_on_from_the_state_with_empty_joins() {
    let graph = kept(
        marks(["a", "b", "c"])
            .add_conditional_edges(
                START,
                |state: &Trace| {
                    if state.log.len() < 2 {
                        vec!["a"]
                    } else {
                        vec!["b"]
                    }
                },
                ["a", "b"],
            )
            .add_edge(["a", "b"], "c"),
    );
    let run = graph
        .invoke(Trace::update().log("in"))
        .thread(T)
        .await
        .unwrap();
    assert_eq!(run.starved.len(), 1);
    let run = graph
        .invoke(Trace::update().log("again"))
        .thread(T)
        .await
        .unwrap();
    assert_eq!(
        run.state.log,
        ["in", "a", "again", "b"],
        "a's arrival does not count any more"
    );
    assert_eq!(history(&graph).await[1], "3<-2 input 3 in a again: b");
}

#[tokio::test]
async fn history_has_a_limit_and_a_starting_point() {
    let graph = abc();
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let thread = graph.thread(T);
    let ids =
        |history: Vec<Snapshot<Trace>>| history.iter().map(|s| s.id.number()).collect::<Vec<_>>();
    assert_eq!(ids(thread.history().limit(2).await.unwrap()), [3, 2]);
    assert_eq!(
        ids(thread.history().before(id(3)).limit(1).await.unwrap()),
        [2]
    );
    assert_eq!(
        ids(thread.history().limit(0).await.unwrap()),
        [] as [u64; 0]
    );
    assert_eq!(
        ids(graph.thread("nobody").history().await.unwrap()),
        [] as [u64; 0]
    );
    assert_eq!(thread.state_at(id(2)).await.unwrap().next, ["b", "c"]);
    let error = thread.state_at(id(9)).await.unwrap_err();
    assert_eq!(error.to_string(), "thread `t` has no checkpoint 9");
}

#[tokio::test]
async fn a_fork_runs_again_from_there_and_the_old_branch_stays() {
    let graph = abc();
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let run = graph.proceed().thread(T).checkpoint(id(2)).await.unwrap();
    assert_eq!(ran(&run), "b c");
    assert_eq!(
        history(&graph).await,
        [
            "5<-4 superstep 2 a b c: ",
            "4<-2 fork 1 a: b c",
            "3<-2 superstep 2 a b c: ",
            "2<-1 superstep 1 a: b c",
            "1 input 0 : a",
        ]
    );
    // A fork of the fork, and one of the old branch's end with a new input.
    graph.proceed().thread(T).checkpoint(id(4)).await.unwrap();
    let run = graph
        .invoke(Trace::update().log("new"))
        .thread(T)
        .checkpoint(id(3))
        .await
        .unwrap();
    assert_eq!(run.state.log, ["a", "b", "c", "new", "a", "b", "c"]);
    let parents = graph.thread(T).history().await.unwrap();
    let parents: Vec<_> = parents
        .iter()
        .map(|s| s.parent.map_or(0, CheckpointId::number))
        .collect();
    assert_eq!(parents, [9, 8, 3, 6, 4, 4, 2, 2, 1, 0]);
}

#[tokio::test]
async fn going_on_from_the_head_by_its_number_is_no_fork() {
    let graph = abc();
    graph
        .invoke(Trace::update())
        .thread(T)
        .interrupt_before("b")
        .await
        .unwrap();
    let run = graph.proceed().thread(T).checkpoint(id(2)).await.unwrap();
    assert_eq!((run.status, run.checkpoint), (Status::Done, Some(id(3))));
    let run = graph.proceed().thread(T).checkpoint(id(1)).await.unwrap();
    assert_eq!(ran(&run), "a | b c");
    let unknown = graph
        .proceed()
        .thread(T)
        .checkpoint(id(99))
        .await
        .unwrap_err();
    assert!(matches!(unknown, RunError::UnknownCheckpoint { .. }));
}

#[tokio::test]
async fn a_fork_asks_again_and_takes_the_new_answer() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("ask", async |ctx: Ctx| {
                let answer: String = ctx.interrupt("what", ())?;
                Ok::<_, superstep::NodeError>(Trace::update().log(answer))
            })
            .add_edge(START, "ask"),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    graph.resume("one").thread(T).await.unwrap();
    let run = graph
        .resume("two")
        .thread(T)
        .checkpoint(id(1))
        .await
        .unwrap();
    assert_eq!(run.state.log, ["two"]);
    let run = graph.proceed().thread(T).checkpoint(id(1)).await.unwrap();
    assert_eq!(
        (run.status, run.interrupts().len()),
        (Status::Interrupted, 1)
    );
    assert_eq!(
        graph.resume("three").thread(T).await.unwrap().state.log,
        ["three"]
    );
}

#[tokio::test]
async fn fork_moves_the_head_and_runs_nothing() {
    let graph = abc();
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let snapshot = graph.thread(T).fork(id(1)).await.unwrap();
    assert_eq!(show(&snapshot), "4<-1 fork 0 : a");
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(ran(&run), "a | b c");
    assert_eq!(
        graph.thread(T).fork(id(77)).await.unwrap_err().code(),
        "unknown-checkpoint"
    );
}

#[tokio::test]
async fn an_update_keeps_the_plan_what_finished_and_what_is_asked() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("asks", async |state: View<Trace>, ctx: Ctx| {
                let answer: String = ctx.interrupt("what", state.n)?;
                Ok::<_, superstep::NodeError>(Trace::update().log(format!("{answer} {}", state.n)))
            })
            .add_node("works", async |_: View<Trace>| {
                Trace::update().log("worked")
            })
            .add_edge(START, ["asks", "works"]),
    );
    graph.invoke(Trace::update().n(1)).thread(T).await.unwrap();
    let snapshot = graph.thread(T).update(Trace::update().n(2)).await.unwrap();
    assert_eq!((snapshot.source, snapshot.values.n), (Source::Update, 2));
    assert_eq!(
        (snapshot.next.as_slice(), snapshot.finished.len()),
        (&["asks".to_owned()][..], 1)
    );
    assert_eq!(snapshot.interrupts.len(), 1);
    let run = graph.resume("yes").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["yes 2", "worked"]);
}

#[tokio::test]
async fn acting_as_a_node_puts_its_successors_in_the_plans_place() {
    let graph = abc();
    graph
        .invoke(Trace::update())
        .thread(T)
        .interrupt_before("b")
        .await
        .unwrap();
    let snapshot = graph
        .thread(T)
        .update(Trace::update().log("edit"))
        .as_node("b")
        .await
        .unwrap();
    assert_eq!(show(&snapshot), "3<-2 update 2 a edit: ");
    let snapshot = graph
        .thread(T)
        .update(Trace::update().log("edit"))
        .as_node("a")
        .await
        .unwrap();
    assert_eq!(show(&snapshot), "4<-3 update 3 a edit edit: b c");
    assert_eq!(ran(&graph.proceed().thread(T).await.unwrap()), "b c");
    let error = graph
        .thread(T)
        .update(Trace::update())
        .as_node("bb")
        .await
        .unwrap_err();
    assert_eq!(error.help(), "did you mean `b`?");
}

#[tokio::test]
async fn acting_as_a_node_loses_nothing_of_what_finished_beside_it() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("a", async |_: View<Trace>| Trace::update().log("a"))
            .add_node("b", async |_: View<Trace>| Err::<TraceUpdate, _>(oops()))
            .add_node("c", async |_: View<Trace>| Trace::update().log("c"))
            .add_edge(START, ["a", "b"])
            .add_edge(["a", "b"], "c")
            .on_failure(superstep::OnFailure::Finish),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    let snapshot = graph
        .thread(T)
        .update(Trace::update().log("b by hand"))
        .as_node("b")
        .await
        .unwrap();
    assert_eq!(snapshot.next, ["c"], "the join has both");
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, ["a", "b by hand", "c"]);
}

#[tokio::test]
async fn routes_see_the_update_they_follow() {
    let graph = kept(
        marks(["a", "low", "high"])
            .add_conditional_edges(
                "a",
                |state: &Trace| if state.n > 5 { "high" } else { "low" },
                ["low", "high"],
            )
            .add_edge(START, "a"),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let snapshot = graph
        .thread(T)
        .update(Trace::update().n(9))
        .as_node("a")
        .await
        .unwrap();
    assert_eq!(snapshot.next, ["high"]);
}

#[tokio::test]
async fn an_update_can_begin_a_thread_and_fork_one() {
    let graph = abc();
    let snapshot = graph.thread(T).update(Trace::update().n(3)).await.unwrap();
    assert_eq!(show(&snapshot), "1 update 0 : ");
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.state.n, 3);
    let snapshot = graph
        .thread(T)
        .update(Trace::update().n(4))
        .checkpoint(id(2))
        .await
        .unwrap();
    assert_eq!(
        (snapshot.parent, snapshot.next),
        (Some(id(2)), vec!["a".to_owned()])
    );
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(
        (run.state.n, run.state.log),
        (4, vec!["a".into(), "b".into(), "c".into()])
    );
}

#[tokio::test]
async fn a_copy_goes_its_own_way_and_a_deleted_thread_is_gone() {
    let graph = abc();
    graph
        .invoke(Trace::update())
        .thread(T)
        .interrupt_before("b")
        .await
        .unwrap();
    let copy = graph.thread(T).copy("u").await.unwrap();
    graph.proceed().thread("u").await.unwrap();
    assert_eq!(copy.state().await.unwrap().values.log, ["a", "b", "c"]);
    assert_eq!(graph.thread(T).state().await.unwrap().next, ["b", "c"]);
    assert_eq!(graph.threads(None, 9).await.unwrap(), ["t", "u"]);
    assert_eq!(
        graph.thread(T).copy("u").await.unwrap_err().code(),
        "checkpoint"
    );

    graph.thread(T).delete().await.unwrap();
    graph.thread(T).delete().await.unwrap();
    assert_eq!(
        graph.thread(T).state().await.unwrap_err().code(),
        "unknown-thread"
    );
    assert_eq!(graph.threads(None, 9).await.unwrap(), ["u"]);
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.checkpoint, Some(id(3)), "it begins anew");
}

#[tokio::test]
async fn acting_as_a_worker_keeps_what_its_sends_had_finished() {
    const WORK: Worker<u32> = Worker::new("work");
    let graph = kept(
        StateGraph::new("test")
            .add_worker(WORK, async |n: u32| match n {
                2 => Err(oops()),
                n => Ok(Trace::update().log(format!("done {n}"))),
            })
            .add_node("end", async |_: View<Trace>| Trace::update().log("end"))
            .add_conditional_edges(
                START,
                |_: &Trace| (0..3).map(|n| WORK.send(n)).collect::<Vec<_>>(),
                WORK,
            )
            .add_edge(WORK, "end")
            .on_failure(superstep::OnFailure::Finish),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    let mine = Trace::update().log("mine");
    graph.thread(T).update(mine).as_node("work").await.unwrap();
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, ["mine", "done 0", "done 1", "end"]);
}

#[tokio::test]
async fn acting_as_a_deferred_node_runs_it_no_more() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("a", async |_: View<Trace>| Trace::update().log("a"))
            .add_node(
                "late",
                node(async |_: View<Trace>| Trace::update().log("late")).defer(),
            )
            .add_edge(START, ["a", "late"])
            .interrupt_before("a"),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let by_hand = Trace::update().log("by hand");
    let snapshot = graph
        .thread(T)
        .update(by_hand)
        .as_node("late")
        .await
        .unwrap();
    assert_eq!(snapshot.next, [] as [&str; 0]);
    assert_eq!(
        graph.proceed().thread(T).await.unwrap().state.log,
        ["by hand"]
    );
}

#[tokio::test]
async fn an_answer_to_a_checkpoint_that_asked_nothing_is_an_error() {
    let graph = abc();
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let error = graph
        .resume("yes")
        .thread(T)
        .checkpoint(id(1))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "thread `t` asks nothing");
    let stopped = graph
        .resume("yes")
        .thread(T)
        .checkpoint(id(1))
        .interrupt_before("b");
    assert_eq!(stopped.await.unwrap_err().code(), "unknown-interrupt");
}

#[tokio::test]
async fn an_ephemeral_field_written_by_hand_is_cleared_as_any_other() {
    #[derive(State, Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
    struct Hints {
        #[state(ephemeral)]
        hint: Option<u32>,
        #[reduce(Append)]
        seen: Vec<Option<u32>>,
    }
    let graph = StateGraph::<Hints>::new("hints")
        .add_node("a", async |state: View<Hints>| {
            Hints::update().seen(vec![state.hint])
        })
        .add_node("b", async |state: View<Hints>| {
            Hints::update().seen(vec![state.hint])
        })
        .add_edge(START, "a")
        .add_edge("a", "b")
        .interrupt_before("a")
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    graph.invoke(Hints::update()).thread(T).await.unwrap();
    graph
        .thread(T)
        .update(Hints::update().hint(9))
        .await
        .unwrap();
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.seen, [Some(9), None]);
}

#[tokio::test]
async fn a_thread_that_is_not_there_may_be_one_of_a_like_name() {
    let graph = sound(
        marks(["a"])
            .add_edge(START, "a")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for thread in ["order-17", "other"] {
        graph.invoke(Trace::update()).thread(thread).await.unwrap();
    }
    for name in ["order-71", "oder-17", "order-1"] {
        let thread = graph.thread(name);
        for error in [
            thread.state().await.unwrap_err(),
            thread.copy("x").await.unwrap_err(),
            graph.proceed().thread(name).await.unwrap_err(),
            graph.resume(1).thread(name).await.unwrap_err(),
        ] {
            assert_eq!(error.help(), "did you mean `order-17`?", "{name}");
        }
    }
    for name in ["customer-9", "é"] {
        let error = graph.proceed().thread(name).await.unwrap_err();
        assert_eq!(error.help(), "begin it: `graph.invoke(input).thread(id)`");
    }
}
