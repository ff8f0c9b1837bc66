//! Branches: what they see, how they are merged, and what becomes of failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{
    BranchFailure, Change, CustomAgent, LlmAgent, ModelErrorKind, ParallelAgent, Reply,
    ScriptedModel, SequentialAgent, Session, SessionUpdate,
};

use crate::common::{chain, graph, lines, said, systems};

/// Three that look into something, in an order that is not that of their names.
fn research() -> ParallelAgent {
    let agents = ["zebra", "ant", "mole"];
    ParallelAgent::new(
        "research",
        agents.map(|name| LlmAgent::new(name).output_key(name)),
    )
}

fn merged() -> SequentialAgent {
    let merge =
        LlmAgent::new("merge").instruction("{zebra}, {ant?} and {mole?}; {research_failed?}");
    SequentialAgent::new("all", (research(), merge))
}

fn model() -> ScriptedModel {
    ScriptedModel::new()
        .on_node("zebra", "stripes")
        .on_node("ant", "six legs")
        .on_node("mole", "no eyes")
        .on_node("merge", "merged")
}

#[tokio::test(start_paused = true)]
async fn the_merge_prompt_is_the_same_whichever_branch_ends_first() {
    let mut prompts = Vec::new();
    for (zebra, ant, mole) in [(30, 20, 10), (10, 20, 30), (20, 10, 30), (20, 30, 10)] {
        let reply = |text: &str, ms| Reply::from(text).latency(Duration::from_millis(ms));
        let model = ScriptedModel::new()
            .on_node("zebra", reply("stripes", zebra))
            .on_node("ant", reply("six legs", ant))
            .on_node("mole", reply("no eyes", mole))
            .on_node("merge", "merged");
        let agent = merged().model(model.model());
        let run = graph(agent.build()).invoke(Session::ask("go")).await;
        let run = run.expect("it runs");
        assert_eq!(
            said(&run.state)[1..],
            [
                "assistant (zebra): stripes",
                "assistant (ant): six legs",
                "assistant (mole): no eyes",
                "assistant (merge): merged"
            ]
        );
        prompts.push(lines(&model.calls_of("merge")[0]));
    }
    // What came by keys is not quoted.
    assert_eq!(
        prompts[0],
        ["system: stripes, six legs and no eyes; ", "user: go"]
    );
    assert!(prompts.iter().all(|prompt| *prompt == prompts[0]));
}

#[tokio::test(start_paused = true)]
async fn many_orders_and_failures_come_to_the_same() {
    let agent = merged().model(model().model());
    let explored = explore(&graph(agent.build()), Session::ask("go"))
        .orders(60)
        .await;
    assert_eq!(explored.expect("they agree").orders, 60);
}

#[tokio::test]
async fn who_reads_all_reads_branches_in_the_order_of_declaration() {
    let model = model();
    let merge = LlmAgent::new("merge").history(superstep::AgentHistory::Whole);
    let agent = SequentialAgent::new("all", (research(), merge)).model(model.model());
    graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    let asked = lines(&model.calls_of("merge")[0]);
    let quoted: Vec<_> = asked[1..]
        .iter()
        .map(|line| line.split('`').nth(1))
        .collect();
    assert_eq!(quoted, [Some("zebra"), Some("ant"), Some("mole")]);
}

#[tokio::test]
async fn a_branch_sees_what_was_before_and_what_it_did_itself() {
    let model = ScriptedModel::new()
        .on_node("begin", "begun")
        .on_node("left_1", "l1")
        .on_node("left_2", "l2")
        .on_node("right", "r");
    let left = [
        LlmAgent::new("left_1").output_key("left"),
        LlmAgent::new("left_2").instruction("{left} {right?} {start}"),
    ];
    let both = (
        SequentialAgent::new("left", left),
        LlmAgent::new("right").output_key("right"),
    );
    let agents = (
        LlmAgent::new("begin").output_key("start"),
        ParallelAgent::new("both", both),
    );
    let agent = SequentialAgent::new("all", agents).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    assert_eq!(systems(&model, "left_2"), ["l1  begun"]);
    let asked = lines(&model.calls_of("right")[0]);
    assert_eq!(asked.len(), 2, "{asked:?}"); // the user, and `begin`
    let said = said(&run.expect("it runs").state);
    assert_eq!(said.len(), 5);
    assert_eq!(said[4], "assistant (right): r");
}

fn sets(
    key: &'static str,
) -> impl Fn(View<Session>) -> std::future::Ready<SessionUpdate> + Send + Sync + 'static {
    move |_| std::future::ready(Session::update().values((key, 1)))
}

#[tokio::test]
async fn a_key_that_two_branches_write_is_a_mistake_that_names_both() {
    let agents = [("b", "x"), ("a", "x")].map(|(name, key)| CustomAgent::new(name, sets(key)));
    let run = graph(ParallelAgent::new("both", agents).build())
        .invoke(Session::ask("go"))
        .await;
    assert_eq!(
        chain(&run.unwrap_err()).last().map(String::as_str),
        Some(
            "agents `b` and `a` both wrote `x`, at the same time in `both`; give one of them \
             another key, or let both add or append to it"
        )
    );
}

#[tokio::test]
async fn any_number_of_branches_may_add_and_append() {
    let add = |name: &'static str| {
        CustomAgent::new(name, move |session: View<Session>| {
            let sees: Option<i64> = session.get("n");
            assert_eq!(sees, None, "nobody sees what others add");
            let update = Session::update().values(Change::add("n", 1));
            std::future::ready(update.values(Change::append("names", name)))
        })
    };
    let agent = ParallelAgent::new("all", ["d", "c", "b", "a"].map(add));
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let state = run.expect("it runs").state;
    assert_eq!(state.get::<i64>("n"), Some(4));
    assert_eq!(
        state.values.json("names"),
        Some(&json!(["d", "c", "b", "a"]))
    );
}

#[tokio::test]
async fn what_one_adds_to_and_another_sets_is_a_mistake() {
    let adds = CustomAgent::new("adds", async |_: View<Session>| {
        Session::update().values(Change::add("x", 1))
    });
    let agents = (adds, CustomAgent::new("sets", sets("x")));
    let run = graph(ParallelAgent::new("both", agents).build())
        .invoke(Session::ask("go"))
        .await;
    let chain = chain(&run.unwrap_err());
    assert!(
        chain[1].starts_with("agents `adds` and `sets` both wrote `x`"),
        "{chain:?}"
    );
}

/// Counts those that were dropped before they ended.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_the_others_and_names_the_agent() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&dropped);
    let slow = CustomAgent::new("slow", move |_: View<Session>| {
        let guard = Dropped(Arc::clone(&counts));
        async move {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            drop(guard);
            Session::update()
        }
    });
    // Late enough for the other to have begun.
    let fails = Reply::from(ModelErrorKind::Auth).latency(Duration::from_millis(1));
    let fails = ScriptedModel::new().otherwise(fails);
    let bad = LlmAgent::new("bad").model(fails);
    let run = graph(ParallelAgent::new("both", (slow, bad)).build())
        .invoke(Session::ask("go"))
        .await;
    let chain = chain(&run.unwrap_err());
    assert_eq!(chain[1], "agent `both/bad` has no answer", "{chain:?}");
    assert_eq!(chain[2], "`scripted`: the key is missing or wrong");
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_after_failures_has_the_rest_and_what_failed() {
    let model = ScriptedModel::new()
        .on_node("zebra", "stripes")
        .on_node("ant", ModelErrorKind::Quota)
        .on_node("mole", Reply::never())
        .on_node("merge", "merged");
    let agents = ["zebra", "ant", "mole"].map(|name| {
        let agent = LlmAgent::new(name).output_key(name);
        agent.timeout(Duration::from_secs(5))
    });
    let research = ParallelAgent::new("research", agents).on_failure(BranchFailure::Continue);
    let merge = LlmAgent::new("merge").instruction("{zebra}{ant}{mole} {research_failed}");
    let agent = SequentialAgent::new("all", (research, merge)).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    assert_eq!(run.expect("it runs").state.answer(), "merged");
    let prompt = systems(&model, "merge").remove(0);
    assert!(
        prompt.starts_with(r#"stripes {"ant":"agent `all/research/ant`"#),
        "{prompt}"
    );
    assert!(
        prompt.contains(r#""mole":"#) && prompt.contains("5s"),
        "{prompt}"
    );
}

#[tokio::test]
async fn who_goes_on_and_nobody_fails_has_no_failures() {
    let research = research().on_failure(BranchFailure::Continue);
    let merge = LlmAgent::new("merge").instruction("[{research_failed}]");
    let model = model();
    let agent = SequentialAgent::new("all", (research, merge)).model(model.model());
    graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    assert_eq!(systems(&model, "merge"), ["[]"]);
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_no_more() {
    let at_work = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let agents = ["a", "b", "c", "d", "e"].map(|name| {
        let counts = Arc::clone(&at_work);
        CustomAgent::new(name, move |_: View<Session>| {
            let counts = Arc::clone(&counts);
            async move {
                let now = 1 + counts.0.fetch_add(1, Ordering::Relaxed);
                counts.1.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                counts.0.fetch_sub(1, Ordering::Relaxed);
            }
        })
    });
    let begin = tokio::time::Instant::now();
    let agent = ParallelAgent::new("all", agents).max_concurrency(2);
    graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    assert_eq!(at_work.1.load(Ordering::Relaxed), 2);
    assert_eq!(begin.elapsed(), Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn three_and_a_merge_take_as_long_as_two_calls() {
    let model = model().latency(Duration::from_millis(200));
    let agent = merged().model(model.model());
    let graph = graph(agent.build());
    let begin = tokio::time::Instant::now();
    graph.invoke(Session::ask("go")).await.expect("it runs");
    assert_eq!(begin.elapsed(), Duration::from_millis(400));
}
