//! Typed graph state machines in the LangGraph style.
//!
//! A **state** is a struct whose fields say how concurrent writes merge. A
//! **node** is an async function that gets a read-only view of the state and
//! returns an update. **Edges** say what follows what. A run goes in
//! **supersteps**: all nodes that are ready run at the same time, their updates
//! are merged by the fields' **reducers** in a fixed order, and what they lead
//! to is ready next. Same graph, same input, same result, whichever node ends
//! first. Where several nodes of a superstep fail, though, the failure that
//! comes first ends the run, unless [`OnFailure::Finish`] lets all of them end.
//!
//! # A tour
//!
//! A graph that looks at a topic in two ways at once, and then joins them:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use superstep::prelude::*;
//!
//! #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
//! struct Research {
//!     topic: String,
//!     #[reduce(Append)]
//!     findings: Vec<String>,
//!     answer: Option<String>,
//! }
//!
//! async fn summarize(state: View<Research>) -> ResearchUpdate {
//!     Research::update().findings(format!("{} in short", state.topic))
//! }
//!
//! async fn questions(state: View<Research>) -> NodeResult<ResearchUpdate> {
//!     Ok(Research::update().findings([format!("why {}?", state.topic)]))
//! }
//!
//! async fn synthesize(state: View<Research>) -> ResearchUpdate {
//!     Research::update().answer(state.findings.join(", "))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let graph = StateGraph::<Research>::new("research")
//!     .add_node("summarize", summarize)
//!     .add_node("questions", questions)
//!     .add_node("synthesize", synthesize)
//!     .add_edge(START, ["summarize", "questions"])
//!     .add_edge(["summarize", "questions"], "synthesize")
//!     .add_edge("synthesize", END)
//!     .compile()?;
//!
//! let run = graph.invoke(Research::update().topic("space")).await?;
//! assert_eq!(run.state.answer.as_deref(), Some("why space?, space in short"));
//! # Ok(())
//! # }
//! ```
//!
//! Tasks are ordered by their nodes' names, which is why the question comes
//! first, although it was added second.
//!
//! - **State.** `#[derive(State)]` writes the update type and its builder.
//!   [`Replace`] is the reducer of a field that names none, and takes one
//!   writer a superstep; the others are [`Last`], [`Append`], [`Sum`], [`Max`],
//!   [`Min`], [`Merge`], [`Any`], [`All`], and any type of yours that
//!   implements [`Reducer`].
//! - **Routing.** [`StateGraph::add_route`] chooses one variant of an enum,
//!   [`StateGraph::add_conditional_edges`] any number of names or sends, and a
//!   node that returns a [`Command`] writes and chooses at once.
//! - **Map and reduce.** A [`Worker`] is started by sends, once for each value,
//!   and gets that value in place of a view of the state.
//! - **Joins.** An edge from several sources waits for all of them;
//!   [`StateGraph::add_join`] waits for the first, for a quorum, for whatever
//!   comes in time, and [`Ctx::arrivals`] says what each source came to.
//!   `docs/joins.md` has all of it.
//! - **Failures.** A node fails by `?` on any error, on text, or on an
//!   `anyhow::Error`, and by `Err("no answer".into())`, see [`NodeError`]. The
//!   run then ends with a [`RunError`], which `main` prints with its causes and
//!   with help.
//! - **Policies.** [`node`] puts [`Retry`], timeouts, a fallback, hedging,
//!   deferral and declarations on a function, and
//!   [`node_defaults`](StateGraph::node_defaults) some of these on all;
//!   [`blocking`] makes a node of a function that is not async.
//!   `docs/policies.md` says how they go together.
//! - **Limits.** [`node`]`(f).max_concurrency(n)` and a shared [`Limiter`] bound
//!   what is at work at once, and how often it starts; a [`CachePolicy`] spares
//!   what was done before, and a [`Budget`] bounds what runs use in all.
//!   `docs/limits.md` says how they go together.
//! - **Eager graphs.** With [`eager`](StateGraph::eager) a node starts when its own
//!   predecessors are done, and not with the next superstep: `docs/eager.md`.
//! - **Context.** What the nodes need and no checkpoint holds is the graph's
//!   second type parameter, given to a run by `.context(..)` and to the nodes
//!   as [`Ctx`]. In an `Arc` several runs can share it.
//! - **Threads.** With a [`checkpointer`](StateGraph::checkpointer) a run names
//!   its [`thread`](Invocation::thread), and can stop and go on, in another
//!   process if need be: [`Ctx::interrupt`] asks somebody and
//!   [`Graph::resume`] answers, [`Graph::proceed`] goes on after a failure or a
//!   crash, [`Ctx::once`] keeps an effect from happening twice, and [`Thread`]
//!   shows the way, corrects it and goes back. `docs/threads.md` says what is
//!   promised.
//! - **Watching.** [`stream`](Invocation::stream) on a run gives its [`Events`] as
//!   they happen, [`watch`](Invocation::watch) lets a [`Watcher`] see them, such as
//!   `Progress` on a terminal and [`JsonLines`] in a file, and [`Ctx::emit`] tells
//!   of what a node does: `docs/streaming.md`. A [`RunControl`] cancels or drains.
//!   `docs/observing.md` says what spans there are for tracing.
//! - **Subgraphs.** A compiled graph is a node of another: of the same state by
//!   itself, with a state of its own by [`StateGraph::add_subgraph`] or as a
//!   [`subgraph`]. `docs/subgraphs.md` says what is inherited.
//! - **Tools.** With the feature `agents`, `#[tool]` makes a function one that a
//!   language model can call, and `tool_node` is the node that does it:
//!   `docs/tools.md`. With `mcp`, tools come from servers: `docs/mcp.md`.
//! - **Chains.** With the feature `agents`, `prompt(..) | model | text()` is a chain,
//!   `parallel!` runs several at once, and `chain_node` makes a node of one:
//!   `docs/chains.md`; `docs/from-langchain.md` says what LCEL's notions are called.
//! - **Agents.** With the feature `agents`, `LlmAgent`, `SequentialAgent`,
//!   `ParallelAgent` and `LoopAgent` put language models together, over one
//!   `Session`: `docs/agents.md`. `react_agent`, `supervisor`, `swarm`,
//!   `plan_and_execute` and `reflection` are graphs that are ready made:
//!   `docs/prebuilt.md`.
//! - **Tests.** `.transcript()` on a run gives a [`Transcript`], made for
//!   snapshot tests:
//!   `insta::assert_snapshot!(graph.invoke(input).transcript().await)`.
//!   [`View::new`] shows how to call a node by itself, and `testing::explore`
//!   tries many completion orders and failures.
//! - **Pictures.** [`Graph::to_svg`], [`Graph::to_mermaid`], [`Graph::to_dot`],
//!   with what is inside by [`Graph::xray`];
//!   a [`Timeline`] shows where the time of a run went.
//!
//! Mistakes in how a graph is put together are reported by
//! [`StateGraph::compile`], all at once. It sees where a `goto` may go if
//! [`destinations`](NodeBuilder::destinations) declares it; if not, a `goto` to
//! an unknown node is an error of the run. Tools, chains and agents tell of theirs as
//! graphs do, by a [`CompileError`]. Each code of [`Diagnostic`] and [`RunError`]
//! has a page under `docs/errors`; `docs/from-langgraph.md` says what LangGraph's
//! notions are called here.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `testing` | yes | [`testing`](mod@testing): completion orders and injected failures, and a kit that judges checkpointers; with `models`, `ScriptedModel`, other models for tests, and a kit that judges models |
//! | `rate-limit` | no | rates of a [`Limiter`], and `Ctx::acquire`, by way of governor |
//! | `cache` | no | `MemoryCache`: results of nodes in memory, by way of moka |
//! | `schema` | no | `json_schema`: a state as JSON Schema, by way of schemars |
//! | `encryption` | no | `Encrypted`: what a checkpointer keeps, encrypted, by way of chacha20poly1305 |
//! | `agents` | no | `#[tool]` and `Toolbox`: what models can call, and the nodes that do it; `Chain`: prompts, models and parsers that follow each other; `LlmAgent`, `react_agent` and other agents |
//! | `mcp` | no | `McpServer`, with `agents`: tools of MCP servers, by way of rmcp |
//! | `models` | no | `Model`: a language model, whoever provides it |
//! | `openai` | no | `OpenAi`: models of OpenAI and of what speaks like it, by way of async-openai |
//! | `postgres` | no | `Postgres`: threads in a database, by way of tokio-postgres |
//! | `postgres-tls` | no | TLS for `Postgres`, by way of rustls and ring |
//! | `progress` | no | `Progress`: a run as it goes on, on a terminal, by way of indicatif |
//! | `sqlite` | no | `Sqlite`: threads in a file, by way of rusqlite and the SQLite it brings |
//! | `templates` | no | with `agents`: `template_rich`, prompts with conditions and loops, by way of minijinja |
//! | `tracing` | no | spans of runs, for the crate tracing and whatever subscribes to it |

#[cfg(doctest)]
mod error_pages;

#[cfg(feature = "templates")]
pub use superstep_agents::template_rich;
#[cfg(feature = "agents")]
pub use superstep_agents::{
    Agent, AgentHistory, Approval, ApprovalRequest, BranchFailure, Change, Changes, Chat,
    ChatUpdate, CustomAgent, Delegate, Draft, DraftUpdate, Escalate, Flow, FlowUpdate,
    FromToolCall, IntoAgents, IntoModel, IntoTool, LlmAgent, LoopAgent, ParallelAgent,
    PlanAndExecute, PlanError, PlanStep, Project, ProjectUpdate, ReactAgent, Reflection,
    SequentialAgent, Session, SessionError, SessionUpdate, Sessions, StepOutcome, Supervisor,
    Swarm, Tool, ToolCtx, ToolDefinition, ToolError, ToolFuture, ToolOutput, Toolbox, TurnLimit,
    UserSession, Values, Verdict, criticize_with, draft_with, plan_and_execute, react_agent,
    reflection, supervisor, swarm, tool, tool_node,
};
#[cfg(feature = "agents")]
pub use superstep_agents::{
    Batch, Branch, Chain, ChainCall, ChainError, ChainStream, Chunk, ChunkSum, Completed,
    Extractor, HasText, IntoChain, IntoMessages, JsonParser, ListParser, MessageTemplate, Prompt,
    PromptError, Settled, Template, TextParser, always, assign, assistant, branch, chain_node,
    extract, json, list, map, parallel, passthrough, pick, placeholder, prompt, step, system, text,
    user,
};
#[cfg(feature = "mcp")]
pub use superstep_agents::{McpCommand, McpConnect, McpError, McpServer, McpUrl};
#[cfg(feature = "cache")]
pub use superstep_core::MemoryCache;
#[cfg(feature = "schema")]
pub use superstep_core::json_schema;
#[cfg(feature = "testing")]
pub use superstep_core::testing;
pub use superstep_core::{
    All, Any, Append, Arrival, Arrivals, Blocking, Budget, BudgetExhausted, Cache, CacheError,
    CachePolicy, CacheStats, CancelledBy, Checked, CheckpointError, CheckpointId, CheckpointRecord,
    Checkpointer, Claim, Command, Commit, CompileError, Cost, Ctx, CurrentAttempt, CurrentTask,
    Data, Definition, Diagnostic, Durability, END, EmitError, Emitted, EntryRecord, Event,
    EventKind, EventValue, Events, ExceedsBurst, Failure, Fallback, FieldAt, FieldKind,
    FieldRecord, FieldSchema, FieldUpdate, Fields, Given, Graph, HasContext, History, InsideRecord,
    InsideSnapshot, InsideThread, Interrupt, Interrupted, IntoContext, IntoNames, IntoNode,
    IntoOutcome, IntoTargets, IntoUpdate, IntoWorker, Invocation, Items, Join, JsonLines, Kinds,
    Last, Lead, LeadBy, Lease, Left, Limiter, Loaded, LogError, Max, MemoryCheckpointer, Merge,
    MergeRecord, Min, NoContext, NodeBuilder, NodeDefaults, NodeError, NodeName, NodeResult,
    OnBusy, OnFailure, Outcome, ParseCostError, PerThread, Permit, Phase, PhaseKind, Prunable,
    Reducer, Replace, Reservation, Retention, Retry, Retryable, Route, Run, RunControl, RunError,
    RunId, RunUsage, START, Schema, SendTo, Snapshot, Source, Span, SpanOutcome, StarvedJoin,
    State, StateGraph, Status, Subgraph, Sum, SuperstepRecord, Target, TaskId, TaskRecord, Thread,
    ThreadId, ThreadUpdate, Timeline, TimeoutScope, Transcript, TranscriptOutcome, TranscriptRun,
    Unfinished, Update, UpdateKeys, Usage, View, Watcher, Worker, WriteKind, Xray, blocking,
    checked, node, subgraph,
};
#[cfg(feature = "agents")]
pub use superstep_macros::tool;
pub use superstep_macros::{Route, State};
#[cfg(all(feature = "openai", feature = "testing"))]
pub use superstep_providers::HttpCassette;
#[cfg(feature = "progress")]
pub use superstep_providers::Progress;
#[cfg(all(feature = "models", feature = "testing"))]
pub use superstep_providers::{
    Asked, Cassette, FnModel, Reply, ScriptedModel, TestEmbedder, TestModel, chat_model_kit,
};
#[cfg(feature = "models")]
pub use superstep_providers::{
    Capabilities, ChatModel, Delta, Effort, Embedder, EmbeddingModel, Embeddings, Extract,
    ExtractBy, Extracted, Finish, Media, MediaSource, Message, MessageFields, Messages,
    MessagesUpdate, Model, ModelError, ModelErrorKind, ModelPhase, ModelRequest, ModelResponse,
    ModelStream, OutOfBounds, OutputFormat, Part, PartialResponse, Reasoning, Role, TokenUsage,
    ToolCall, ToolChoice, ToolResult, ToolSpec, ToolSpecs, check_bounds, check_requests,
    forbid_requests,
};
#[cfg(feature = "encryption")]
pub use superstep_providers::{Encrypted, Key, Keys};
#[cfg(feature = "openai")]
pub use superstep_providers::{OpenAi, OpenAiEmbedder};
#[cfg(feature = "postgres")]
pub use superstep_providers::{Postgres, PostgresOptions};
#[cfg(feature = "sqlite")]
pub use superstep_providers::{Sqlite, SqliteOptions};

/// Names for generated code and for compiler messages; outside semver.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "agents")]
    pub use superstep_agents::__private::*;
    pub use superstep_core::__private::*;
}

/// The names that most programs use; `use superstep::prelude::*` shadows
/// nothing of std's prelude.
pub mod prelude {
    pub use superstep_core::{
        All, Any, Append, Command, Ctx, END, Last, Max, Merge, Min, NodeResult, Retry, Route,
        START, State, StateGraph, Sum, View, Worker, node,
    };
    pub use superstep_macros::{Route, State};
}
