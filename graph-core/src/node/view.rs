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
    ///
    /// # Examples
    ///
    /// Updates are not `PartialEq`, as the values in them need not be; they are
    /// compared as JSON, which has the fields that were written:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Chat {
    ///     question: String,
    ///     answer: String,
    ///     #[reduce(Sum)]
    ///     tokens: u64,
    /// }
    ///
    /// struct Tools {
    ///     greeting: String,
    /// }
    ///
    /// async fn answer(chat: View<Chat>, ctx: Ctx<Tools>) -> ChatUpdate {
    ///     Chat::update().answer(format!("{}, {}", ctx.greeting, chat.question)).tokens(3)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chat = Chat { question: "Ann".into(), ..Chat::default() };
    /// let ctx = Ctx::new(Tools { greeting: "hello".into() });
    /// let update = answer(View::new(chat), ctx).await;
    /// let written = serde_json::json!({ "answer": "hello, Ann", "tokens": 3 });
    /// assert_eq!(serde_json::to_value(&update)?, written);
    /// # Ok(())
    /// # }
    /// ```
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
