//! Where a conversation is in a state.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use superstep_core::State;
use superstep_providers::Message;

type Read<S> = Arc<dyn for<'s> Fn(&'s S) -> Cow<'s, [Message]> + Send + Sync>;
type Write<S> = Arc<dyn Fn(Vec<Message>) -> <S as State>::Update + Send + Sync>;

/// How a conversation is read from a state, and how it is added to.
///
/// What is read may be less than what is there, or put together for the purpose;
/// its last messages must be those that were added last.
pub(crate) struct Lens<S: State> {
    read: Read<S>,
    write: Write<S>,
}

impl<S: State> Lens<S> {
    /// A conversation that is there as it is.
    pub(crate) fn new(
        read: impl Fn(&S) -> &[Message] + Send + Sync + 'static,
        write: impl Fn(Vec<Message>) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        Self::of(move |state| Cow::Borrowed(read(state)), write)
    }

    /// A conversation that is made of what is there.
    pub(crate) fn of(
        read: impl for<'s> Fn(&'s S) -> Cow<'s, [Message]> + Send + Sync + 'static,
        write: impl Fn(Vec<Message>) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        Self {
            read: Arc::new(read),
            write: Arc::new(write),
        }
    }

    pub(crate) fn read<'s>(&self, state: &'s S) -> Cow<'s, [Message]> {
        (self.read)(state)
    }

    pub(crate) fn write(&self, messages: Vec<Message>) -> S::Update {
        (self.write)(messages)
    }
}

impl<S: State> Clone for Lens<S> {
    fn clone(&self) -> Self {
        Self {
            read: Arc::clone(&self.read),
            write: Arc::clone(&self.write),
        }
    }
}

impl<S: State> fmt::Debug for Lens<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lens").finish_non_exhaustive()
    }
}
