//! The pictures in the documentation are those of the graphs.

use superstep::prelude::*;
use superstep::{
    Chat, Delegate, Draft, Model, Project, ReactAgent, ScriptedModel, Toolbox, Verdict, draft_with,
    plan_and_execute, react_agent, reflection, supervisor, swarm,
};

fn model() -> Model {
    ScriptedModel::new().model()
}

fn react(name: &str) -> ReactAgent {
    react_agent(model(), Toolbox::new()).named(name)
}

fn worker(name: &'static str) -> Delegate {
    Delegate::function(name, "", |task: String, _| async { NodeResult::Ok(task) })
}

/// Fails where the page has another picture, with the one that it should have: the
/// graph's, without its title and its colours.
#[track_caller]
fn check<S: State>(graph: StateGraph<S>) {
    let page = include_str!("../../../docs/prebuilt.md");
    let picture = graph.compile().expect("the graph is sound").to_mermaid();
    let plain = |line: &str| !line.trim_start().starts_with("class");
    let lines = picture.lines().skip_while(|line| *line != "flowchart TD");
    let lines = lines.filter(|line| plain(line));
    let lines = lines.map(|line| line.split(":::").next().unwrap_or(line));
    let shown = format!("```mermaid\n{}\n```", lines.collect::<Vec<_>>().join("\n"));
    assert!(page.contains(&shown), "not in docs/prebuilt.md:\n{shown}");
}

#[test]
fn a_react_agent_is_drawn() {
    check::<Chat>(react("agent").build().unwrap());
}

#[test]
fn a_supervisor_is_drawn() {
    let team = supervisor(model(), [worker("flights"), worker("hotels")]);
    check(team.build().unwrap());
}

#[test]
fn a_swarm_is_drawn() {
    check(
        swarm([react("desk"), react("billing")], "desk")
            .build()
            .unwrap(),
    );
}

#[test]
fn a_plan_is_drawn() {
    check::<Project>(
        plan_and_execute(model(), worker("look_up"))
            .build()
            .unwrap(),
    );
}

#[test]
fn a_reflection_is_drawn() {
    async fn good(_: View<Draft>, _: Ctx) -> NodeResult<Verdict> {
        Ok(Verdict::good())
    }
    check::<Draft>(reflection(draft_with(model(), ""), good, 3).build());
}
