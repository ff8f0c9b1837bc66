//! The read-only snapshot that a node is given.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The state as it was when the superstep began: shared and read-only.
///
/// Reads like a `&S`. Cloning it copies a pointer. Whoever keeps a view
/// beyond its node's end makes the next merge copy the state, once.
///
/// # Examples
///
/// ```
/// use superstep::View;
///
/// let view = View::new(vec![1, 2, 3]);
/// let same = view.clone();
/// assert_eq!(same.len(), 3);
/// ```
pub struct View<S>(Arc<S>);

impl<S> View<S> {
    /// A view of a value, to call a node function in a test.
    #[must_use]
    pub fn new(state: S) -> Self {
        Self(Arc::new(state))
    }
}

impl<S> From<Arc<S>> for View<S> {
    fn from(state: Arc<S>) -> Self {
        Self(state)
    }
}

impl<S> Clone for View<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Deref for View<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> AsRef<S> for View<S> {
    fn as_ref(&self) -> &S {
        &self.0
    }
}

impl<S: fmt::Debug> fmt::Debug for View<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
