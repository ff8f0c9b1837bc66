//! The pages of `docs/`, so that their examples are compiled and run.

macro_rules! pages {
    ($($name:ident = $path:literal,)*) => {
        $(
            #[doc = include_str!($path)]
            mod $name {}
        )*
    };
}

/// It needs features.
#[cfg(all(feature = "progress", feature = "tracing"))]
#[doc = include_str!("../docs/observing.md")]
mod observing {}

/// It needs features.
#[cfg(all(feature = "models", feature = "testing"))]
#[doc = include_str!("../docs/testing-models.md")]
mod testing_models {}

/// It needs features.
#[cfg(all(feature = "openai", feature = "testing"))]
#[doc = include_str!("../docs/models.md")]
mod models {}

/// It needs a feature.
#[cfg(feature = "agents")]
#[doc = include_str!("../docs/tools.md")]
mod tools {}

/// It needs a feature.
#[cfg(feature = "mcp")]
#[doc = include_str!("../docs/mcp.md")]
mod mcp {}

/// It needs features.
#[cfg(all(feature = "agents", feature = "testing"))]
#[doc = include_str!("../docs/prebuilt.md")]
mod prebuilt {}

/// It needs features.
#[cfg(all(feature = "agents", feature = "testing"))]
#[doc = include_str!("../docs/agents.md")]
mod agents {}

/// It needs features.
#[cfg(all(feature = "templates", feature = "testing"))]
#[doc = include_str!("../docs/chains.md")]
mod chains {}

/// It needs features.
#[cfg(all(feature = "agents", feature = "testing"))]
#[doc = include_str!("../docs/from-langchain.md")]
mod from_langchain {}

/// It needs features.
#[cfg(all(feature = "agents", feature = "testing"))]
#[doc = include_str!("../docs/from-adk.md")]
mod from_adk {}

pages! {
    unknown_node = "../docs/errors/unknown-node.md",
    duplicate_node = "../docs/errors/duplicate-node.md",
    invalid_name = "../docs/errors/invalid-name.md",
    no_entry = "../docs/errors/no-entry.md",
    edge_into_start = "../docs/errors/edge-into-start.md",
    edge_out_of_end = "../docs/errors/edge-out-of-end.md",
    empty_edge = "../docs/errors/empty-edge.md",
    join_from_start = "../docs/errors/join-from-start.md",
    repeated_source = "../docs/errors/repeated-source.md",
    route_to_nowhere = "../docs/errors/route-to-nowhere.md",
    edge_to_worker = "../docs/errors/edge-to-worker.md",
    deferred_worker = "../docs/errors/deferred-worker.md",
    memory_in_worker = "../docs/errors/memory-in-worker.md",
    cache_without_store = "../docs/errors/cache-without-store.md",
    eager_with_checkpointer = "../docs/errors/eager-with-checkpointer.md",
    eager_with_join = "../docs/errors/eager-with-join.md",
    zero_limit = "../docs/errors/zero-limit.md",
    hedge_not_idempotent = "../docs/errors/hedge-not-idempotent.md",
    unknown_field = "../docs/errors/unknown-field.md",
    unreachable_node = "../docs/errors/unreachable-node.md",
    join_never_fills = "../docs/errors/join-never-fills.md",
    impossible_join = "../docs/errors/impossible-join.md",
    endless_cycle = "../docs/errors/endless-cycle.md",
    breakpoint_at_no_node = "../docs/errors/breakpoint-at-no-node.md",
    uneven_paths = "../docs/errors/uneven-paths.md",
    possible_conflict = "../docs/errors/possible-conflict.md",
    idle_destinations = "../docs/errors/idle-destinations.md",
    stuck_reducer = "../docs/errors/stuck-reducer.md",
    node = "../docs/errors/node.md",
    conflict = "../docs/errors/conflict.md",
    reducer = "../docs/errors/reducer.md",
    recursion_limit = "../docs/errors/recursion-limit.md",
    unknown_target = "../docs/errors/unknown-target.md",
    no_thread = "../docs/errors/no-thread.md",
    unknown_thread = "../docs/errors/unknown-thread.md",
    unknown_checkpoint = "../docs/errors/unknown-checkpoint.md",
    unfinished = "../docs/errors/unfinished.md",
    unknown_interrupt = "../docs/errors/unknown-interrupt.md",
    answer = "../docs/errors/answer.md",
    thread_busy = "../docs/errors/thread-busy.md",
    stale = "../docs/errors/stale.md",
    checkpoint = "../docs/errors/checkpoint.md",
    gone_node = "../docs/errors/gone-node.md",
    cancelled = "../docs/errors/cancelled.md",
    timed_out = "../docs/errors/timed-out.md",
    starved = "../docs/errors/starved.md",
    join = "../docs/errors/join.md",
    watcher = "../docs/errors/watcher.md",
    no_runtime = "../docs/errors/no-runtime.md",
    limits = "../docs/limits.md",
    eager = "../docs/eager.md",
    policies = "../docs/policies.md",
    streaming = "../docs/streaming.md",
    subgraphs = "../docs/subgraphs.md",
    joins = "../docs/joins.md",
    threads = "../docs/threads.md",
    timelines = "../docs/timelines.md",
    from_langgraph = "../docs/from-langgraph.md",
}

/// It needs a feature.
#[cfg(feature = "templates")]
#[doc = include_str!("../docs/errors/unreadable-template.md")]
mod unreadable_template {}

/// They need features.
#[cfg(all(feature = "agents", feature = "testing"))]
mod of_agents {
    pages! {
        invalid_tool_name = "../docs/errors/invalid-tool-name.md",
        duplicate_tool = "../docs/errors/duplicate-tool.md",
        unfilled_hole = "../docs/errors/unfilled-hole.md",
        unknown_hole = "../docs/errors/unknown-hole.md",
        unwritable_value = "../docs/errors/unwritable-value.md",
        nothing_to_pick = "../docs/errors/nothing-to-pick.md",
        assign_to_text = "../docs/errors/assign-to-text.md",
        reserved_agent_name = "../docs/errors/reserved-agent-name.md",
        invalid_agent_name = "../docs/errors/invalid-agent-name.md",
        duplicate_agent = "../docs/errors/duplicate-agent.md",
        no_agents = "../docs/errors/no-agents.md",
        unknown_agent = "../docs/errors/unknown-agent.md",
        no_model = "../docs/errors/no-model.md",
        no_loop = "../docs/errors/no-loop.md",
        conflicting_keys = "../docs/errors/conflicting-keys.md",
        inner_max_transfers = "../docs/errors/inner-max-transfers.md",
        invalid_key = "../docs/errors/invalid-key.md",
        taken_tool_name = "../docs/errors/taken-tool-name.md",
        unwritten_key = "../docs/errors/unwritten-key.md",
    }
}
