//! A subscriber that remembers spans, for tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// What has come in, shared with the layer that takes it.
#[derive(Clone, Default)]
pub(crate) struct Collected(Arc<Mutex<Vec<Seen>>>);

/// A span, or an event as one without fields.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    id: u64,
    parent: Option<u64>,
    name: String,
    pub(crate) fields: BTreeMap<&'static str, String>,
    closed: bool,
}

impl Collected {
    /// Takes what this thread's code says, as long as the guard lives.
    pub(crate) fn here() -> (Self, DefaultGuard) {
        let collected = Self::default();
        let subscriber = tracing_subscriber::registry().with(collected.clone());
        (collected, tracing::subscriber::set_default(subscriber))
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Gives it a number: ids of spans are used again.
    fn push(&self, seen: Seen) -> u64 {
        let mut all = self.seen();
        let id = all.len() as u64 + 1;
        all.push(Seen { id, ..seen });
        id
    }

    /// The only span of that name, with that value in a field.
    #[track_caller]
    pub(crate) fn span(&self, name: &str, field: &str, value: &str) -> Seen {
        let seen = self.seen();
        let mut found = seen.iter().filter(|span| {
            span.name == name && span.fields.get(field).map(String::as_str) == Some(value)
        });
        let span = found.next().expect("there is such a span").clone();
        assert!(found.next().is_none(), "several spans are {field}={value}");
        span
    }

    /// All spans as a tree, each with its values of these fields. What has not
    /// been closed says so.
    pub(crate) fn tree(&self, fields: &[&str]) -> String {
        let mut text = String::new();
        self.write(None, 0, fields, &mut text);
        text
    }

    fn write(&self, parent: Option<u64>, depth: usize, fields: &[&str], text: &mut String) {
        let below = |seen: &&Seen| seen.parent == parent;
        let below: Vec<Seen> = self.seen().iter().filter(below).cloned().collect();
        for seen in below {
            let _ = write!(text, "{:depth$}{}", "", seen.name);
            for field in fields {
                if let Some(value) = seen.fields.get(field) {
                    let _ = write!(text, " {field}={value}");
                }
            }
            text.push_str(if seen.closed { "\n" } else { " OPEN\n" });
            self.write(Some(seen.id), depth + 2, fields, text);
        }
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Collected {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is new");
        let mut seen = Seen {
            id: 0,
            parent: None,
            name: span.name().to_owned(),
            fields: BTreeMap::new(),
            closed: false,
        };
        if let Some(parent) = span.parent() {
            seen.parent = parent.extensions().get::<u64>().copied();
        }
        attributes.record(&mut seen);
        let number = self.push(seen);
        span.extensions_mut().insert(number);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let number = number_of(context.span(id));
        values.record(&mut self.seen()[number as usize - 1]);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event);
        let mut seen = Seen {
            id: 0,
            parent: parent.and_then(|span| span.extensions().get::<u64>().copied()),
            name: String::new(),
            fields: BTreeMap::new(),
            closed: true,
        };
        event.record(&mut seen);
        seen.name = format!("\"{}\"", seen.fields["message"]);
        self.push(seen);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let number = number_of(context.span(&id));
        self.seen()[number as usize - 1].closed = true;
    }
}

/// The number that a span was given.
fn number_of<'l, R: LookupSpan<'l>>(span: Option<SpanRef<'l, R>>) -> u64 {
    let span = span.expect("what is recorded and closed was made");
    let number = span.extensions().get::<u64>().copied();
    number.expect("each has a number")
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
