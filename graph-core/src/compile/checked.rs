//! Nodes that bring what is wrong with them.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use super::Diagnostic;
use crate::node::{Bare, Definition, IntoNode, IntoOutcome, IntoWorker, MayFail};
use crate::state::{Data, State};

/// A node with what is wrong with it, for [`compile`](crate::StateGraph::compile)
/// to report among its own findings. What makes nodes and has rules of its own tells
/// of mistakes like this, rather than when the node runs.
///
/// `function` is whatever could be the node or the worker itself; of policies it is
/// the innermost: `node(checked(f, found)).retry(..)`. A mistake that several nodes
/// bring is reported once.
///
/// # Examples
///
/// ```
/// use std::future::{Ready, ready};
/// use std::panic::Location;
///
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{Checked, Diagnostic, checked};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Page {
///     #[reduce(Append)]
///     links: Vec<String>,
/// }
///
/// /// A node that adds a link.
/// #[track_caller]
/// fn link(to: &'static str) -> Checked<impl Fn(View<Page>) -> Ready<PageUpdate> + Send + Sync> {
///     let place = Location::caller();
///     let open = (!to.starts_with("https://")).then(|| {
///         Diagnostic::new("open-link", format!("`{to}` is not encrypted"), "use HTTPS", place)
///     });
///     checked(move |_: View<Page>| ready(Page::update().links(to)), open)
/// }
///
/// let page = |to| StateGraph::<Page>::new("page").add_node("link", link(to)).add_edge(START, "link");
/// assert!(page("https://example.org").compile().is_ok());
/// let error = page("http://example.org").compile().unwrap_err();
/// assert_eq!(error.diagnostics()[0].code(), "open-link");
/// ```
pub fn checked<F>(function: F, mistakes: impl IntoIterator<Item = Diagnostic>) -> Checked<F> {
    Checked {
        function,
        mistakes: mistakes.into_iter().collect(),
    }
}

/// A node that was looked at before it is added; see [`checked`].
#[must_use = "a node does nothing until it is added to a graph"]
#[derive(Clone)]
pub struct Checked<F> {
    function: F,
    mistakes: Vec<Diagnostic>,
}

impl<F> fmt::Debug for Checked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked")
            .field("mistakes", &self.mistakes)
            .finish_non_exhaustive()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Bringing<Marker>(PhantomData<Marker>);

impl<Marker: MayFail> MayFail for Bringing<Marker> {}

impl<Marker: Bare> Bare for Bringing<Marker> {}

fn bringing<S: State, C>(
    mut node: Definition<S, C>,
    mistakes: Vec<Diagnostic>,
) -> Definition<S, C> {
    for mistake in mistakes {
        node.mistakes.push(Box::new(mistake));
    }
    node
}

#[diagnostic::do_not_recommend]
impl<S, C, Marker, F> IntoNode<S, C, Bringing<Marker>> for Checked<F>
where
    S: State,
    F: IntoNode<S, C, Marker>,
{
    type Future = F::Future;

    fn into_node(self) -> Definition<S, C>
    where
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        bringing(self.function.into_node(), self.mistakes)
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, C, Marker, F> IntoWorker<T, S, C, Bringing<Marker>> for Checked<F>
where
    S: State,
    F: IntoWorker<T, S, C, Marker>,
{
    type Future = F::Future;

    fn into_worker(self) -> Definition<S, C>
    where
        T: Data,
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        bringing(self.function.into_worker(), self.mistakes)
    }
}
