//! What is seen of a run while it goes on.

mod buffer;
mod order;
mod threads;

use superstep::{Event, Events, State};

/// An event as one line: superstep, task and attempt, what happened.
pub(crate) fn line<S: State>(event: &Event<S>) -> String {
    let mut line = format!("{}", event.superstep());
    if let Some(task) = event.task() {
        line += &format!(" {task}");
        if event.attempt() != 1 {
            line += &format!("#{}", event.attempt());
        }
    }
    format!("{line} {}", event.kind.name())
}

/// All that a stream shows, a line an event.
pub(crate) async fn lines<S: State>(events: &mut Events<S>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = events.next().await {
        lines.push(line(&event));
    }
    lines
}
