//! Which model is asked: one that is known when the graph is made, or one that
//! the context holds.

use std::fmt;
use std::sync::Arc;

use superstep_providers::Model;

/// The model of an agent: a [`Model`], or a function that finds one in the context
/// of the graph, such as `|tools: &Tools| tools.model.clone()`.
///
/// `Marker` tells the two apart and is always inferred.
///
/// # Examples
///
/// ```
/// use superstep::{Model, TestModel, Toolbox, react_agent};
///
/// struct Clients {
///     model: Model,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = react_agent(|clients: &Clients| clients.model.clone(), Toolbox::new());
/// let graph = agent.build()?.compile()?;
/// let clients = Clients { model: Model::new(TestModel::new()) };
/// let run = graph.invoke(superstep::Chat::ask("hi")).context(clients).await?;
/// assert_eq!(run.state.messages.len(), 2);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model for a graph with context `{C}`",
    label = "expected a `Model`, or a function that finds one in a `{C}`",
    note = "give a `Model`, a `ChatModel`, or a closure `|context: &{C}| context.model.clone()`"
)]
pub trait IntoModel<C, Marker> {
    #[doc(hidden)]
    fn into_source(self) -> ModelOf<C>;
}

/// Finds the model that is asked.
pub struct ModelOf<C>(Arc<dyn Fn(&C) -> Model + Send + Sync>);

impl<C> ModelOf<C> {
    pub(crate) fn get(&self, context: &C) -> Model {
        (self.0)(context)
    }
}

impl<C> Clone for ModelOf<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for ModelOf<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelOf").finish_non_exhaustive()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum Itself {}

#[diagnostic::do_not_recommend]
impl<C, M: Into<Model>> IntoModel<C, Itself> for M {
    fn into_source(self) -> ModelOf<C> {
        let model = self.into();
        ModelOf(Arc::new(move |_| model.clone()))
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum FromContext {}

#[diagnostic::do_not_recommend]
impl<C, F: Fn(&C) -> Model + Send + Sync + 'static> IntoModel<C, FromContext> for F {
    fn into_source(self) -> ModelOf<C> {
        ModelOf(Arc::new(self))
    }
}
