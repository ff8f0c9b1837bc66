//! What a tool can reach beside its arguments.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use superstep_core::{Ctx, EmitError, Emitted, Interrupted, NodeError};
use superstep_providers::ToolCall;

use super::answers::{Answers, AttemptAnswers};

/// The context of a run, and the call that is at work.
///
/// Reads like a `&C`, as a [`Ctx`] does. Questions and effects are the call's
/// own: two calls of one message that ask the same are told apart by their ids,
/// and those of one id in a task by their tools and arguments.
///
/// # Examples
///
/// ```
/// use superstep::{ToolCtx, ToolError, tool};
///
/// struct Shop {
///     prices: Vec<(String, u32)>,
/// }
///
/// /// Says what something costs.
/// #[tool]
/// async fn price(item: String, shop: ToolCtx<Shop>) -> Result<u32, ToolError> {
///     let mut prices = shop.prices.iter();
///     let found = prices.find(|(name, _)| *name == item);
///     Ok(found.ok_or("there is no such thing")?.1)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ToolError> {
/// let shop = Shop { prices: vec![("tea".into(), 3)] };
/// assert_eq!(price("tea".into(), ToolCtx::new(shop)).await?, 3);
/// # Ok(())
/// # }
/// ```
pub struct ToolCtx<C = ()> {
    node: Ctx<C>,
    of: Arc<OfCall>,
}

/// What names begin with that are a call's own in its task.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) questions: String,
    pub(super) effects: String,
}

/// What is one attempt's of a call.
struct OfCall {
    call: ToolCall,
    named: Named,
    answers: AttemptAnswers,
    paused: OnceLock<Interrupted>,
    cancelled: AtomicBool,
}

impl<C> ToolCtx<C> {
    /// A context outside any run, to call a tool in a test: of a call `test`.
    #[must_use]
    pub fn new(context: C) -> Self {
        let call = ToolCall {
            id: "test".to_owned(),
            name: "test".to_owned(),
            arguments: "{}".to_owned(),
        };
        let named = Named {
            questions: call.id.clone(),
            effects: call.id.clone(),
        };
        Self::of(Ctx::new(context), &call, &named, &Arc::default())
    }

    /// That of an attempt of a call.
    pub(super) fn of(node: Ctx<C>, call: &ToolCall, named: &Named, answers: &Arc<Answers>) -> Self {
        let of = OfCall {
            call: call.clone(),
            named: named.clone(),
            answers: AttemptAnswers::new(answers),
            paused: OnceLock::new(),
            cancelled: AtomicBool::new(false),
        };
        Self {
            node,
            of: Arc::new(of),
        }
    }

    /// The call, as the model asks for it.
    #[must_use]
    pub fn call(&self) -> &ToolCall {
        &self.of.call
    }

    /// The context of the node that runs the call.
    #[must_use]
    pub fn node(&self) -> &Ctx<C> {
        &self.node
    }

    /// The context itself, as a shared pointer that can outlive the call.
    #[must_use]
    pub fn context(&self) -> Arc<C> {
        self.node.context()
    }

    /// Tells whoever watches the run, as [`Ctx::emit`].
    ///
    /// # Errors
    ///
    /// As [`Ctx::emit`].
    pub fn emit<T: Serialize + Send + Sync + 'static>(
        &self,
        value: T,
    ) -> Result<Emitted, EmitError> {
        self.node.emit(value)
    }

    /// A sign of life of the node, as [`Ctx::heartbeat`].
    pub fn heartbeat(&self) {
        self.node.heartbeat();
    }

    /// Asks somebody outside, and pauses the node until there is an answer, as
    /// [`Ctx::interrupt`]. The message's other calls go on to their ends, and do
    /// not run again when this one does, from its start.
    ///
    /// The question's name begins with the call's id: `confirm` of call `call_7`
    /// in node `tools` has the id `tools/0/call_7/confirm`. If another call of the
    /// task has asked under that id before, with another tool or other arguments, a
    /// mark follows it: `tools/0/call_7-af63dc4c8601ec8c/confirm`.
    ///
    /// # Errors
    ///
    /// As [`Ctx::interrupt`]. The error is not told to the model, whatever becomes
    /// of it in the tool.
    pub fn interrupt<T: DeserializeOwned>(
        &self,
        name: &str,
        value: impl Serialize,
    ) -> Result<T, Interrupted> {
        let asked = self
            .of
            .answers
            .ask(name, || self.node.interrupt(&self.question(name), value));
        asked.inspect_err(|interrupted| {
            let _ = self.of.paused.set(interrupted.clone());
        })
    }

    /// Lets an effect happen once, as [`Ctx::once`]: over attempts of the call, and
    /// over pauses and crashes. The key is this call's own: another id, another tool
    /// or other arguments make it another one.
    ///
    /// # Errors
    ///
    /// As [`Ctx::once`].
    pub async fn once<T, E, F, Fut>(&self, key: &str, effect: F) -> Result<T, NodeError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<NodeError>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.node.once(&self.effect(key), effect).await
    }

    /// A text by which others can tell an effect of this call that happens again
    /// from another, as [`Ctx::idempotency_key`].
    #[must_use]
    pub fn idempotency_key(&self, key: &str) -> Option<String> {
        self.node.idempotency_key(&self.effect(key))
    }

    /// In a tool that runs on the pool, whether nobody wants its result any more.
    /// An async one is dropped then, and does not see it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.of.cancelled.load(Ordering::Relaxed) || self.node.is_cancelled()
    }

    /// The same context, in which a question of that name has an answer: to call
    /// a tool that asks in a test.
    ///
    /// # Panics
    ///
    /// When the answer cannot be written as JSON.
    #[must_use]
    pub fn with_answer(self, name: &str, answer: impl Serialize) -> Self {
        let name = self.question(name);
        Self {
            node: self.node.with_answer(&name, answer),
            of: self.of,
        }
    }

    fn question(&self, name: &str) -> String {
        format!("{}/{name}", self.of.named.questions)
    }

    fn effect(&self, name: &str) -> String {
        format!("{}/{name}", self.of.named.effects)
    }

    /// What says, when it is dropped, that nobody waits for the attempt any more.
    pub(super) fn attempt(&self) -> Attempt {
        Attempt(Arc::clone(&self.of))
    }
}

/// An attempt of a call that somebody waits for.
pub(super) struct Attempt(Arc<OfCall>);

impl Attempt {
    /// Why the node is to pause, if the attempt has asked what has no answer.
    pub(super) fn paused(&self) -> Option<&Interrupted> {
        self.0.paused.get()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

impl<C> Clone for ToolCtx<C> {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            of: Arc::clone(&self.of),
        }
    }
}

impl<C> Deref for ToolCtx<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.node
    }
}

impl<C> fmt::Debug for ToolCtx<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCtx")
            .field("node", &self.node)
            .field("call", &self.of.call)
            .finish_non_exhaustive()
    }
}
