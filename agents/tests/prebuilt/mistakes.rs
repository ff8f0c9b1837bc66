//! What is wrong with agents that are put together is told all at once.

use superstep::prelude::*;
use superstep::{
    CompileError, Delegate, ScriptedModel, Toolbox, plan_and_execute, react_agent, supervisor,
    swarm,
};

use crate::common::add;

fn model() -> superstep::Model {
    ScriptedModel::new().model()
}

fn agent(name: &'static str) -> Delegate {
    Delegate::function(name, "", |task: String, _| async { NodeResult::Ok(task) })
}

/// The mistakes, each as its code and its message.
fn mistakes<T>(graph: Result<T, CompileError>) -> Vec<String> {
    let error = graph.err().expect("there are mistakes");
    let found = error.diagnostics().iter();
    let found = found.map(|found| {
        assert_eq!(found.location().file(), file!(), "{found}");
        format!("{}: {}", found.code(), found.message())
    });
    found.collect()
}

#[test]
fn the_names_of_a_team_are_its_own() {
    let agents = ["ann", "tools", "ann", "not a name"].map(agent);
    assert_eq!(
        mistakes(supervisor(model(), agents).build()),
        [
            "reserved-agent-name: no agent can be called `tools`: it is a node of the graph around it",
            "duplicate-agent: two agents are called `ann`",
            "invalid-tool-name: a tool cannot be called \"not a name\"",
        ]
    );
    let none: [Delegate; 0] = [];
    assert_eq!(
        mistakes(supervisor(model(), none).build()),
        ["no-agents: graph `supervisor` has no agents to run"]
    );
}

#[test]
fn the_names_of_a_swarm_are_its_own() {
    let agent = |name: &str| react_agent::<(), _>(model(), Toolbox::new().add(add)).named(name);
    assert_eq!(
        mistakes(swarm([agent("answer"), agent("bob"), agent("bob")], "carl").build()),
        [
            "reserved-agent-name: no agent can be called `answer`: it is a node of the graph around it",
            "duplicate-agent: two agents are called `bob`",
            "unknown-agent: `carl`, who is to begin, is none of the agents",
        ]
    );
}

#[test]
fn whoever_takes_steps_has_a_name_of_its_own() {
    assert_eq!(
        mistakes(plan_and_execute(model(), agent("progress")).build()),
        [
            "reserved-agent-name: no agent can be called `progress`: it is a node of the graph around it"
        ]
    );
}

#[test]
fn who_begins_is_one_of_them() {
    let agents =
        ["ann", "bob"].map(|name| react_agent::<(), _>(model(), Toolbox::new()).named(name));
    let error = swarm(agents, "bop").build().unwrap_err();
    assert_eq!(error.diagnostics()[0].help(), "did you mean `bob`?");
}

#[test]
fn the_places_are_those_of_the_agents() {
    let one = agent("ann");
    let other = Delegate::function("ann", "", |task: String, _| async { NodeResult::Ok(task) });
    let line = line!() - 1;
    let error = supervisor(model(), [one, other]).build().unwrap_err();
    let found = &error.diagnostics()[0];
    assert_eq!(found.location().line(), line);
    let first = format!("the first is made at {}:", file!());
    assert!(found.help().contains(&first), "{found}");
}

#[test]
fn what_an_agent_works_in_is_compiled_with_the_rest() {
    let none = std::time::Duration::ZERO;
    let agents = [agent("ann").timeout(none), agent("ann")];
    let found = mistakes(supervisor(model(), agents).build());
    let codes: Vec<_> = found.iter().map(|found| found.split(':').next()).collect();
    assert_eq!(codes, ["duplicate-agent", "zero-limit"].map(Some));
}
