//! What an attempt waits for while it is at work: that there is room for what it
//! tells.

use std::task::{Context, Poll};

use super::Watch;
use crate::node::BoxFuture;

/// Whether an attempt is held up by whoever reads its events.
pub(crate) struct Room<'w> {
    watch: &'w Watch,
    /// Whether it is a graph, whose tasks and supersteps wait by themselves.
    nested: bool,
    freed: Option<BoxFuture<()>>,
}

impl<'w> Room<'w> {
    pub(crate) fn new(watch: &'w Watch, nested: bool) -> Self {
        Self {
            watch,
            nested,
            freed: None,
        }
    }

    /// Whether it is not to go on.
    pub(crate) fn is_wanting(&self) -> bool {
        match self.nested {
            true => self.watch.holds_up_inside(),
            false => self.watch.is_full(),
        }
    }

    /// Ready if there is room. Looked at anew each time: whoever was told of room
    /// may not be polled.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_wanting() {
            let (watch, nested) = (self.watch, self.nested);
            let freed = self.freed.get_or_insert_with(|| match nested {
                true => watch.boxed_read(),
                false => watch.boxed_room(),
            });
            if freed.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.freed = None;
        Poll::Ready(())
    }
}
