//! Commands: an update and where to go, from inside a node.

use std::borrow::Cow;

use super::SendTo;
use crate::state::{State, Update};

/// What a node returns to write and to choose its successors at once.
///
/// The targets add to the node's edges and routes; they do not replace them.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// # #[derive(State, Clone, Default, Serialize, Deserialize)]
/// # struct Research { #[reduce(Sum)] tokens: u64 }
/// async fn plan(state: View<Research>) -> NodeResult<Command<Research>> {
///     let next = if state.tokens < 1000 { "search" } else { "write" };
///     Ok(Command::update(Research::update().tokens(10)).goto(next))
/// }
/// ```
#[must_use = "a command does nothing until its node returns it"]
#[derive(Debug, Clone)]
pub struct Command<S: State> {
    pub(super) update: Option<S::Update>,
    pub(super) targets: Vec<Target>,
    /// Whether the targets are the parent graph's.
    pub(super) parent: bool,
}

impl<S: State> Command<S> {
    /// A command that writes nothing and goes nowhere yet.
    pub fn new() -> Self {
        Self {
            update: None,
            targets: Vec::new(),
            parent: false,
        }
    }

    /// A command that leaves the subgraph that its node is in: its targets are
    /// nodes of the parent graph, and the subgraph ends with the superstep at
    /// work. What that has written is handed to the parent as ever; what else was
    /// ready in the subgraph does not run.
    ///
    /// In a graph that is no subgraph it is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Ticket {
    ///     #[reduce(Append)]
    ///     log: Vec<String>,
    /// }
    ///
    /// async fn triage(_: View<Ticket>) -> Command<Ticket> {
    ///     Command::parent().goto("escalate").and_update(Ticket::update().log("too hard"))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let support = StateGraph::<Ticket>::new("support")
    ///     .add_node("triage", triage)
    ///     .add_edge(START, "triage")
    ///     .compile()?;
    /// let graph = StateGraph::<Ticket>::new("desk")
    ///     .add_node("support", support)
    ///     .add_node("escalate", async |_: View<Ticket>| Ticket::update().log("escalated"))
    ///     .add_edge(START, "support")
    ///     .compile()?;
    /// let run = graph.invoke(Ticket::update()).await?;
    /// assert_eq!(run.state.log, ["too hard", "escalated"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn parent() -> Self {
        Self {
            parent: true,
            ..Self::new()
        }
    }

    /// A command that writes `update`.
    pub fn update<U>(update: U) -> Self
    where
        U: Update<State = S>,
        S: State<Update = U>,
    {
        Self {
            update: Some(update),
            targets: Vec::new(),
            parent: false,
        }
    }

    /// Adds what it writes, after what it writes already.
    pub fn and_update<U>(mut self, update: U) -> Self
    where
        U: Update<State = S>,
        S: State<Update = U>,
    {
        match &mut self.update {
            Some(before) => before.extend(update),
            None => self.update = Some(update),
        }
        self
    }

    /// Adds targets: a node's name, `END`, a send, or several of these.
    pub fn goto(mut self, targets: impl IntoTargets) -> Self {
        targets.add_to(&mut self.targets);
        self
    }

    /// Adds sends: one, or several.
    pub fn send(self, sends: impl IntoTargets) -> Self {
        self.goto(sends)
    }
}

impl<S: State> Default for Command<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// One place to go to: a node by its name, or a worker with its input.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Target {
    /// A node, or `END`.
    Node(Cow<'static, str>),
    /// A worker, with a value for it.
    Send(SendTo),
    /// Out of a subgraph, and on to these of the parent graph.
    Parent(Vec<Self>),
}

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Self::Node(Cow::Owned(name.into()))
    }
}

impl From<String> for Target {
    fn from(name: String) -> Self {
        Self::Node(Cow::Owned(name))
    }
}

impl From<SendTo> for Target {
    fn from(send: SendTo) -> Self {
        Self::Send(send)
    }
}

/// What a route or a command may name as its targets.
///
/// A name, a send, a [`Target`], an `Option`, array, slice or `Vec` of one kind of
/// these, or a tuple of several kinds. A number of both kinds that is not known
/// before is a `Vec<Target>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where to go",
    label = "expected names of nodes, or sends",
    note = "return a name, `WORKER.send(value)`, or a `Vec`, array or `Option` of these; mix the two as a tuple or a `Vec<Target>`"
)]
pub trait IntoTargets {
    /// Adds the targets to `targets`, in order.
    fn add_to(self, targets: &mut Vec<Target>);
}

#[diagnostic::do_not_recommend]
impl IntoTargets for Target {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.push(self);
    }
}

#[diagnostic::do_not_recommend]
impl IntoTargets for SendTo {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.push(Target::Send(self));
    }
}

#[diagnostic::do_not_recommend]
impl IntoTargets for &str {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.push(self.into());
    }
}

#[diagnostic::do_not_recommend]
impl IntoTargets for String {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.push(self.into());
    }
}

#[diagnostic::do_not_recommend]
impl IntoTargets for &String {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.push(self.as_str().into());
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets> IntoTargets for Option<T> {
    fn add_to(self, targets: &mut Vec<Target>) {
        if let Some(target) = self {
            target.add_to(targets);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets> IntoTargets for Vec<T> {
    fn add_to(self, targets: &mut Vec<Target>) {
        targets.reserve(self.len());
        for target in self {
            target.add_to(targets);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets, const N: usize> IntoTargets for [T; N] {
    fn add_to(self, targets: &mut Vec<Target>) {
        for target in self {
            target.add_to(targets);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets + Clone> IntoTargets for &[T] {
    fn add_to(self, targets: &mut Vec<Target>) {
        for target in self {
            target.clone().add_to(targets);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets + Clone> IntoTargets for &Vec<T> {
    fn add_to(self, targets: &mut Vec<Target>) {
        self.as_slice().add_to(targets);
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoTargets + Clone, const N: usize> IntoTargets for &[T; N] {
    fn add_to(self, targets: &mut Vec<Target>) {
        self.as_slice().add_to(targets);
    }
}

macro_rules! tuples {
    ($(($($kind:ident)*))*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($kind: IntoTargets),*> IntoTargets for ($($kind,)*) {
            fn add_to(self, targets: &mut Vec<Target>) {
                #[expect(non_snake_case, reason = "a name for each type and its value")]
                let ($($kind,)*) = self;
                $($kind.add_to(targets);)*
            }
        }
    )*};
}

tuples! {
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
}
