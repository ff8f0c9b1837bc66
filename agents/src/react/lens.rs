//! Where a conversation is in a state.

use std::borrow::Cow;
use std::sync::Arc;

use superstep_core::State;
use superstep_providers::{Message, Role};

type All<S> = Arc<dyn Fn(&S) -> &[Message] + Send + Sync>;
type Read = Arc<dyn for<'m> Fn(&'m [Message]) -> Cow<'m, [Message]> + Send + Sync>;
type Write<S> = Arc<dyn Fn(Vec<Message>) -> <S as State>::Update + Send + Sync>;

/// Where a conversation is in a state, how an agent reads it, and how it is added to.
pub(crate) struct Lens<S: State> {
    all: All<S>,
    read: Option<Read>,
    write: Write<S>,
}

impl<S: State> Lens<S> {
    /// A conversation that is read as it is.
    pub(crate) fn new(
        all: impl Fn(&S) -> &[Message] + Send + Sync + 'static,
        write: impl Fn(Vec<Message>) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        Self {
            all: Arc::new(all),
            read: None,
            write: Arc::new(write),
        }
    }

    /// The same, read as `read` says: less than what is there, or put together for
    /// the purpose.
    pub(crate) fn reading(
        mut self,
        read: impl for<'m> Fn(&'m [Message]) -> Cow<'m, [Message]> + Send + Sync + 'static,
    ) -> Self {
        self.read = Some(Arc::new(read));
        self
    }

    /// All that was said.
    pub(super) fn all<'s>(&self, state: &'s S) -> &'s [Message] {
        (self.all)(state)
    }

    /// What the agent reads of it.
    pub(super) fn read<'s>(&self, state: &'s S) -> Cow<'s, [Message]> {
        let all = self.all(state);
        match &self.read {
            None => Cow::Borrowed(all),
            Some(read) => read(all),
        }
    }

    /// The text of what a model said last.
    pub(super) fn answer(&self, state: &S) -> String {
        let mut said = self.all(state).iter().rev();
        let last = said.find(|message| message.role == Role::Assistant);
        last.map(Message::text).unwrap_or_default()
    }

    pub(super) fn write(&self, messages: Vec<Message>) -> S::Update {
        (self.write)(messages)
    }
}

impl<S: State> Clone for Lens<S> {
    fn clone(&self) -> Self {
        Self {
            all: Arc::clone(&self.all),
            read: self.read.clone(),
            write: Arc::clone(&self.write),
        }
    }
}
