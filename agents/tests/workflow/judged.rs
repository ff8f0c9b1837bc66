//! What is found before anything runs.

use superstep::{
    BranchFailure, CustomAgent, Diagnostic, LlmAgent, LoopAgent, Model, ParallelAgent,
    SequentialAgent, Session, TestModel, Toolbox, View, checked, tool,
};

/// What is wrong, each as its code, its message and its help.
fn mistakes(agent: SequentialAgent) -> Vec<String> {
    let error = agent
        .model(Model::new(TestModel::new()))
        .build()
        .expect_err("something is wrong");
    let mistakes = error.diagnostics().iter();
    mistakes
        .map(|found| {
            assert!(found.location().file().ends_with("judged.rs"));
            format!("{}: {} ({})", found.code(), found.message(), found.help())
        })
        .collect()
}

fn all<A: superstep::IntoAgents<()>>(agents: A) -> SequentialAgent {
    SequentialAgent::new("all", agents)
}

fn sound<A: superstep::IntoAgents<()>>(agents: A) {
    let agent = all(agents).model(Model::new(TestModel::new()));
    let _ = agent.build().expect("nothing is wrong");
}

#[test]
fn two_parallel_agents_do_not_write_one_key() {
    let deep = SequentialAgent::new("deep", [LlmAgent::new("b").output_key("x")]);
    let both = ParallelAgent::new("both", (LlmAgent::new("a").output_key("x"), deep));
    assert_eq!(
        mistakes(all((both,))),
        [
            "conflicting-keys: agents `a` and `b` both write `x`, at the same time in `both` (give one \
          of them another key, or run them one after another)"
        ]
    );
    // One after another they may.
    sound(["a", "b"].map(|name| LlmAgent::new(name).output_key("x")));
}

#[test]
fn no_parallel_agent_adds_to_what_another_one_writes() {
    let adds = || SequentialAgent::new("deep", [LlmAgent::new("b").adds(["x"])]);
    let writes = || LlmAgent::new("a").output_key("x");
    let found = "conflicting-keys: agent `a` writes `x`, and `b` adds to it, at the same time in `both` \
                 (give one of them another key, or run them one after another)";
    assert_eq!(
        mistakes(all((ParallelAgent::new("both", (writes(), adds())),))),
        [found]
    );
    assert_eq!(
        mistakes(all((ParallelAgent::new("both", (adds(), writes())),))),
        [found]
    );
    // In one branch it may be, and any number may add.
    sound((ParallelAgent::new("one", [writes().adds(["x"])]),));
    let add = ["c", "d"].map(|name| LlmAgent::new(name).adds(["x"]));
    sound((ParallelAgent::new("both", add),));
}

#[test]
fn a_key_is_written_before_it_is_read() {
    let help = "let an agent before it write the key, declare that the program does by \
                `.input([\"topic\"])`, or write `{topic?}` where it may be missing";
    assert_eq!(
        mistakes(all([
            LlmAgent::new("a").instruction("{topic}"),
            LlmAgent::new("b").output_key("topic")
        ])),
        [format!(
            "unwritten-key: agent `a` reads `topic`, which nobody writes before ({help})"
        )]
    );
    assert_eq!(
        mistakes(all([
            LlmAgent::new("a").output_key("topic"),
            LlmAgent::new("b").instruction("{topics}")
        ])),
        [
            "unwritten-key: agent `b` reads `topics`, which nobody writes before (did you mean `topic`?)"
        ]
    );
    sound([LlmAgent::new("a").instruction("{topic?}")]);
    sound([LlmAgent::new("a").instruction("{topic}").input(["topic"])]);
    sound([LlmAgent::new("a")
        .instruction("{user:name} {user:age}")
        .input(["user:"])]);
    sound([
        LlmAgent::new("a").output_key("topic"),
        LlmAgent::new("b").instruction("{topic}"),
    ]);
    sound([
        LlmAgent::new("a").writes(["topic"]),
        LlmAgent::new("b").instruction("{topic}"),
    ]);
    sound([
        LlmAgent::new("a").adds(["topic"]),
        LlmAgent::new("b").instruction("{topic}"),
    ]);
}

#[test]
fn branches_do_not_read_what_their_siblings_write() {
    let both = || {
        ParallelAgent::new(
            "both",
            [
                LlmAgent::new("a").output_key("x"),
                LlmAgent::new("b").instruction("{x}"),
            ],
        )
    };
    let found = mistakes(all((both(),)));
    assert!(
        found[0].starts_with("unwritten-key: agent `b` reads `x`"),
        "{found:?}"
    );
    // What comes after them does, and knows what failed if it is asked for.
    let after = || LlmAgent::new("after").instruction("{x} {both_failed}");
    let one = || ParallelAgent::new("both", [LlmAgent::new("a").output_key("x")]);
    sound((one().on_failure(BranchFailure::Continue), after()));
    let found = mistakes(all((one(), after())));
    assert!(found[0].contains("reads `both_failed`"), "{found:?}");
}

#[test]
fn the_first_round_of_a_loop_reads_what_was_before() {
    let agents = |text: &str| {
        let agents = [
            LlmAgent::new("writer")
                .instruction(text)
                .output_key("draft"),
            LlmAgent::new("critic")
                .instruction("{draft}")
                .output_key("critique"),
        ];
        LoopAgent::new("refine", agents)
    };
    let found = mistakes(all((agents("{critique}"),)));
    assert!(
        found[0].contains("agent `writer` reads `critique`"),
        "{found:?}"
    );
    sound((agents("{critique?}"),));
}

#[test]
fn in_a_group_whoever_speaks_may_have_written() {
    let agent = |text: &str| {
        LlmAgent::new("desk").output_key("a").sub_agents([
            LlmAgent::new("x").output_key("b"),
            LlmAgent::new("y").instruction(text),
        ])
    };
    sound([agent("{a} {b}")]);
    let found = mistakes(all([agent("{c}")]));
    assert!(found[0].contains("agent `y` reads `c`"), "{found:?}");
}

#[test]
fn names_are_names_and_each_is_there_once() {
    let found = mistakes(all([
        LlmAgent::new("a"),
        LlmAgent::new("user"),
        LlmAgent::new("my agent"),
        LlmAgent::new("desk").sub_agents([LlmAgent::new("a")]),
        LlmAgent::new("transfer_to_agent"),
        LlmAgent::new("boss").agent_tools([LlmAgent::new("tools")]),
    ]));
    let codes: Vec<_> = found.iter().map(|found| found.split(':').next()).collect();
    assert_eq!(
        codes,
        [
            "reserved-agent-name",
            "invalid-agent-name",
            "duplicate-agent",
            "reserved-agent-name",
            "reserved-agent-name",
        ]
        .map(Some)
    );
    assert!(
        found[4].contains("no agent can be called `tools`: it is a node of `boss`, which calls it"),
        "{}",
        found[4]
    );
    assert!(
        found[2].contains("the first is made at agents/tests/workflow/judged.rs:"),
        "{}",
        found[2]
    );
}

#[test]
fn somebody_has_a_model() {
    let agents = [
        LlmAgent::new("a").model(TestModel::new()),
        LlmAgent::new("b"),
    ];
    let error = SequentialAgent::new("all", agents).build().unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>()[2],
        "no-model: agent `b` has no model, nor has any agent around it"
    );
    let custom = CustomAgent::new("c", async |_: View<Session>| ());
    let _ = all((custom,)).build().expect("a function needs none");
}

/// Does nothing.
#[tool]
async fn a_tool() {}

#[test]
fn tools_have_names_of_their_own() {
    let toolbox = Toolbox::new()
        .add(a_tool)
        .add(tool(a_tool).named("exit_loop"));
    let agent = LlmAgent::new("x")
        .tools(toolbox)
        .agent_tools([LlmAgent::new("a_tool")]);
    let found = mistakes(all([agent]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|found| found.starts_with("taken-tool-name: agent `x` has a tool"))
    );
    // Whoever uses it, it is one toolbox.
    let toolbox = Toolbox::new().add(a_tool).add(a_tool);
    let twice = ["x", "y"].map(|name| LlmAgent::new(name).tools(toolbox.clone()));
    let found = mistakes(all(twice));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("duplicate-tool: two tools are called `a_tool`"));
}

#[test]
fn loops_are_there_to_be_left_and_lists_have_agents() {
    let found = mistakes(all((
        LlmAgent::new("x").can_exit_loop(),
        ParallelAgent::new("none", Vec::<LlmAgent>::new()),
        LlmAgent::new("y").output_key("not a key"),
    )));
    let codes: Vec<_> = found.iter().map(|found| found.split(':').next()).collect();
    assert_eq!(codes, ["no-loop", "no-agents", "invalid-key"].map(Some));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_the_places() {
    let agents = [
        LlmAgent::new("a").instruction("{x}"),
        LlmAgent::new("a").instruction("{y}"),
    ];
    let error = SequentialAgent::new("all", agents).build().unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("agent `all` has 5 mistakes\n\nduplicate-agent: "),
        "{text}"
    );
    assert_eq!(
        text.matches("\n  at agents/tests/workflow/judged.rs:")
            .count(),
        5
    );
    assert_eq!(text.matches("\n  help: ").count(), 5);
}

#[test]
fn how_often_agents_hand_on_is_said_of_the_outermost() {
    let inner = LlmAgent::new("inner").sub_agents([LlmAgent::new("last")]);
    let outer = LlmAgent::new("outer").sub_agents([inner.max_transfers(2)]);
    assert_eq!(
        mistakes(all([outer])),
        [
            "inner-max-transfers: agent `inner` says how often agents hand on, and is a sub-agent of \
             `outer` (say it of the outermost of those that hand on to each other: it holds for all \
             of them)"
        ]
    );
    // In a workflow between them others hand on.
    let inner = LlmAgent::new("inner").sub_agents([LlmAgent::new("last")]);
    let between = SequentialAgent::new("between", [inner.max_transfers(2)]);
    sound([LlmAgent::new("outer").sub_agents((between,))]);
}

#[test]
fn two_agents_that_one_can_call_do_not_write_one_key() {
    let deep = SequentialAgent::new("deep", [LlmAgent::new("b").output_key("x")]);
    let boss = LlmAgent::new("boss").agent_tools((LlmAgent::new("a").output_key("x"), deep));
    assert_eq!(
        mistakes(all([boss])),
        [
            "conflicting-keys: agents `a` and `b` both write `x`, and `boss` can call both at the \
             same time (give one of them another key)"
        ]
    );
}

#[test]
fn no_agent_adds_to_what_another_one_writes_that_is_called() {
    let writes = || LlmAgent::new("a").output_key("x");
    let adds = |name| LlmAgent::new(name).adds(["x"]);
    let boss = || LlmAgent::new("boss");
    assert_eq!(
        mistakes(all([boss().agent_tools((writes(), adds("b")))])),
        [
            "conflicting-keys: agent `a` writes `x`, and `b` adds to it, and `boss` can call both at \
             the same time (give one of them another key)"
        ]
    );
    sound([boss().agent_tools([adds("a"), adds("b")])]);
}

#[test]
fn what_follows_from_tools_no_agent_writes_that_is_called_beside_them() {
    let boss = || LlmAgent::new("boss").after_tools(|_, _| None);
    let writes = || LlmAgent::new("a").output_key("x");
    let adds = || LlmAgent::new("a").adds(["x"]);
    let found = |own, does| {
        [format!(
            "conflicting-keys: agent `boss` {own} `x` after its tools, and `a` {does} it, which it can \
             call at the same time (give one of them another key)"
        )]
    };
    let both = boss().agent_tools([writes()]).writes(["x"]);
    assert_eq!(mistakes(all([both])), found("writes", "writes"));
    let other = boss().agent_tools([adds()]).writes(["x"]);
    assert_eq!(mistakes(all([other])), found("writes", "adds to"));
    let own = boss().agent_tools([writes()]).adds(["x"]);
    assert_eq!(mistakes(all([own])), found("adds to", "writes"));
    sound([boss().agent_tools([adds()]).adds(["x"])]);
    // What it writes when it has answered comes after the agents that it calls.
    sound([LlmAgent::new("boss")
        .agent_tools([writes()])
        .output_key("x")]);
}

#[test]
fn what_a_node_brings_has_a_place_of_its_own() {
    let place = std::panic::Location::caller();
    let wrong = Diagnostic::new("wrong", "it is wrong", "mend it", place);
    let node = checked(async |_: View<Session>| (), [wrong.clone()]);
    let inner = SequentialAgent::new("inner", (CustomAgent::new("c", node),));
    let error = all((inner,)).build().unwrap_err();
    assert_eq!(error.diagnostics(), [wrong]);
}
