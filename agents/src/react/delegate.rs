//! Agents that a model calls as tools.
//!
//! 1. Each is a tool that has its name and takes a `request`, and a worker that has
//!    its name. Calls of one message are sends, at work at the same time.
//! 2. Calls with wrong arguments are the tools', which say so. Of an agent that has
//!    room for one answer at a time, so are those after the first of a message.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use superstep_core::{Data, SendTo, State, StateGraph, Worker};
use superstep_providers::ToolCall;

use crate::tools::{Tool, ToolCtx, ToolError};

/// What an agent is asked that is called as a tool.
#[derive(Deserialize, JsonSchema)]
struct Request {
    /// What it is to do, with all that it has to know.
    request: String,
}

/// An agent that a model can call as a tool.
pub(crate) struct Callee<C, S: State> {
    desk: Desk<S>,
    description: String,
    add: Add<C, S>,
}

/// Adds the worker that the agent is.
type Add<C, S> = Box<dyn FnOnce(StateGraph<S, C>) -> StateGraph<S, C> + Send>;

/// Makes a task of a call, and of what is requested by it.
type Give<S> = Arc<dyn Fn(&S, &ToolCall, String) -> SendTo + Send + Sync>;

/// Where calls of an agent go.
pub(super) struct Desk<S> {
    name: &'static str,
    /// Whether it has room for one answer at a time.
    once: bool,
    send: Give<S>,
}

impl<C: Send + Sync + 'static, S: State> Callee<C, S> {
    /// `give` makes the worker's input of the state, the call and what is requested;
    /// `add` adds the worker to a graph.
    pub(crate) fn new<T: Data>(
        worker: Worker<T>,
        description: impl Into<String>,
        give: impl Fn(&S, &ToolCall, String) -> T + Send + Sync + 'static,
        add: impl FnOnce(StateGraph<S, C>) -> StateGraph<S, C> + Send + 'static,
    ) -> Self {
        let send =
            move |state: &S, call: &ToolCall, request| worker.send(give(state, call, request));
        Self {
            desk: Desk {
                name: worker.name(),
                once: false,
                send: Arc::new(send),
            },
            description: description.into(),
            add: Box::new(add),
        }
    }

    /// It has room for one answer at a time, and is called once in a message.
    pub(crate) fn once(mut self, once: bool) -> Self {
        self.desk.once = once;
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.desk.name
    }

    /// What the model is told of it. The calls that get here are not made.
    pub(super) fn tool(&self) -> Tool<C, S> {
        let description = self.description.clone();
        Tool::new(
            self.desk.name,
            description,
            |_: Request, _: ToolCtx<C>| async {
                let why = "it keeps what it answers, and has room for one answer at a time: call it \
                       once in a message, and then again in the next";
                Err::<String, _>(ToolError::msg(why))
            },
        )
    }

    pub(super) fn desk(&self) -> Desk<S> {
        Desk {
            send: Arc::clone(&self.desk.send),
            ..self.desk
        }
    }

    /// Adds it to a graph, and an edge to the model.
    pub(super) fn add(self, graph: StateGraph<S, C>, model: &str) -> StateGraph<S, C> {
        (self.add)(graph).add_edge(self.desk.name, model)
    }
}

impl<S> Desk<S> {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What the agent is asked by a call, if it is one of it: those before it in a
    /// message count.
    pub(super) fn request(&self, call: &ToolCall, before: &[ToolCall]) -> Option<String> {
        let request = self.read(call)?;
        let again = self.once && before.iter().any(|call| self.read(call).is_some());
        (!again).then_some(request)
    }

    /// The call as a task of the agent.
    pub(super) fn send(&self, state: &S, call: &ToolCall, request: String) -> SendTo {
        (self.send)(state, call, request)
    }

    fn read(&self, call: &ToolCall) -> Option<String> {
        if call.name != self.name {
            return None;
        }
        let read = serde_json::from_str(&call.arguments).ok();
        read.map(|Request { request }| request)
    }
}

/// The worker of that name, which is known at run time: it is kept for as long as
/// the program runs, once, however many graphs are made.
pub(crate) fn worker<T>(name: &str) -> Worker<T> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Worker::new(known);
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    Worker::new(name)
}
