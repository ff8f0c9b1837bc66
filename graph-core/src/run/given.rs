//! The context that a run is given, or not yet.

use std::fmt;
use std::sync::Arc;

/// No context was given to the run yet.
#[derive(Debug, Clone, Copy)]
pub struct NoContext;

/// A context was given to the run.
pub struct Given<C>(Arc<C>);

impl<C> Given<C> {
    pub(crate) fn new(context: Arc<C>) -> Self {
        Self(context)
    }
}

impl<C> Clone for Given<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Given<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(..)")
    }
}

/// Whether a run has the context that its nodes take.
#[diagnostic::on_unimplemented(
    message = "the run has no context yet, and the nodes of its graph take a `{C}`",
    label = "the context is missing",
    note = "call `.context(..)` with a `{C}`, right after `.invoke(..)` or `explore(..)`"
)]
pub trait HasContext<C> {
    #[doc(hidden)]
    fn context(&self) -> Arc<C>;
}

impl<C> HasContext<C> for Given<C> {
    fn context(&self) -> Arc<C> {
        Arc::clone(&self.0)
    }
}

#[diagnostic::do_not_recommend]
impl HasContext<()> for NoContext {
    fn context(&self) -> Arc<()> {
        Arc::new(())
    }
}

/// What can be given to a run as its context: a `C`, or an `Arc<C>`.
#[diagnostic::on_unimplemented(
    message = "the context of this graph is a `{C}`",
    label = "expected a `{C}`, or an `Arc<{C}>` to share one"
)]
pub trait IntoContext<C> {
    /// The context, as a pointer that all nodes share.
    fn into_context(self) -> Arc<C>;
}

#[diagnostic::do_not_recommend]
impl<C> IntoContext<C> for C {
    fn into_context(self) -> Arc<C> {
        Arc::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<C> IntoContext<C> for Arc<C> {
    fn into_context(self) -> Self {
        self
    }
}
