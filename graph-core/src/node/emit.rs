//! What a task tells those who watch its run, and how it gets to them.

use std::any::Any;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::current::part;
use super::{BoxFuture, Ctx, Desk, Place};

/// Takes what tasks tell to whoever watches.
pub(crate) trait Emitter: Send + Sync {
    /// Whether anybody wants to know.
    fn wants(&self, told: Telling) -> bool;

    fn emit(&self, place: Place, told: Told) -> Result<Emitted, EmitError>;

    /// The same for a function on a thread of its own, which is blocked until
    /// there is room, or the call of this desk is cancelled.
    fn emit_on_thread(&self, place: Place, told: Told, desk: &Desk) -> Result<Emitted, EmitError>;

    /// For how long the run has waited for its reader, since this was asked for the
    /// first time.
    fn stood(&self) -> Duration;
}

impl<C> Ctx<C> {
    /// Tells whoever watches the run: a custom event, with a value of any type.
    ///
    /// Does nothing if nobody watches, or nobody wants custom events. It never
    /// waits; awaiting what it returns waits until there is room for more. The
    /// body is not polled while the buffer is full, so that only one that emits
    /// more than the buffer holds without an await needs to. In a function that
    /// is [`blocking`](crate::blocking) it waits by itself, until there is room or
    /// the call is cancelled.
    ///
    /// # Errors
    ///
    /// When the run's buffer is full, and the body has put in as many events again as
    /// it holds, without an await. What other bodies emit does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Files {
    ///     #[reduce(Sum)]
    ///     read: u64,
    /// }
    ///
    /// #[derive(Serialize, PartialEq, Debug)]
    /// struct Percent(u8);
    ///
    /// async fn read(_: View<Files>, ctx: Ctx) -> NodeResult<FilesUpdate> {
    ///     ctx.emit(Percent(50))?;
    ///     ctx.emit(Percent(100))?;
    ///     Ok(Files::update().read(1_u64))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Files>::new("files")
    ///     .add_node("read", read)
    ///     .add_edge(START, "read")
    ///     .compile()?;
    /// let mut events = graph.invoke(Files::update()).stream().custom::<Percent>();
    /// let mut percents = Vec::new();
    /// while let Some(event) = events.next().await {
    ///     percents.extend(event.custom::<Percent>().map(|percent| percent.0));
    /// }
    /// assert_eq!(percents, [50, 100]);
    /// assert_eq!(events.finish().await?.state.read, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit<T: Serialize + Send + Sync + 'static>(
        &self,
        value: T,
    ) -> Result<Emitted, EmitError> {
        self.tell(Telling::Custom, || {
            Told::Custom(EventValue::new(Arc::new(value)))
        })
    }

    /// Tells whoever watches the run of a piece of text, as a language model
    /// sends it; else as [`emit`](Self::emit).
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_token(&self, text: impl Into<Arc<str>>) -> Result<Emitted, EmitError> {
        self.tell(Telling::Token, || Told::Token {
            text: text.into(),
            part: part(),
        })
    }

    fn tell(&self, kind: Telling, told: impl FnOnce() -> Told) -> Result<Emitted, EmitError> {
        self.heartbeat();
        // What an abandoned thread tells comes too late.
        if self.is_cancelled() {
            return Ok(Emitted::default());
        }
        let Some(emitter) = self.emitter.as_ref().filter(|emitter| emitter.wants(kind)) else {
            return Ok(Emitted::default());
        };
        match &self.desk {
            Some(desk) if desk.rings().is_some() => {
                emitter.emit_on_thread(self.place, told(), desk)
            }
            _ => emitter.emit(self.place, told()),
        }
    }
}

/// The kinds of what a task tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Token,
    Custom,
}

/// What a task tells.
#[derive(Clone)]
pub(crate) enum Told {
    Token {
        text: Arc<str>,
        part: Option<Arc<str>>,
    },
    Custom(EventValue),
}

/// A value of some type in an event: what a node has [emitted](super::Ctx::emit),
/// an update, a state; or the state of a subgraph in a snapshot. Cloning it copies a
/// pointer.
#[derive(Clone)]
pub struct EventValue(Arc<dyn AnyValue>);

/// A value that can be shown as JSON, without its type.
trait AnyValue: Send + Sync {
    fn as_any(&self) -> &(dyn Any + Send + Sync);
    fn to_json(&self) -> serde_json::Result<Value>;
    fn write(&self) -> serde_json::Result<Box<RawValue>>;
    fn type_name(&self) -> &'static str;
}

impl<T: Serialize + Send + Sync + 'static> AnyValue for T {
    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn to_json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn write(&self) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(self)
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

impl EventValue {
    pub(crate) fn new<T: Serialize + Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self(value)
    }

    /// The value, if it is a `T`.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.as_any().downcast_ref()
    }

    /// The value as JSON; one that cannot be is shown as why not.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0
            .to_json()
            .unwrap_or_else(|error| format!("<{error}>").into())
    }

    /// As JSON, its fields in the order in which its type writes them.
    pub(crate) fn write(&self) -> serde_json::Result<Box<RawValue>> {
        self.0.write()
    }

    /// The name of its type, for people.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

/// As JSON, its fields in the order in which its type writes them.
impl Serialize for EventValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write()
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl fmt::Debug for EventValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.type_name())
            .field(&self.to_json())
            .finish()
    }
}

/// What was emitted is on its way. It can be dropped, or awaited: then it
/// returns once there is room for more.
#[derive(Default)]
pub struct Emitted(Option<BoxFuture<()>>);

impl Emitted {
    /// Awaited, it ends when `room` does.
    pub(crate) fn waits_for(room: BoxFuture<()>) -> Self {
        Self(Some(room))
    }
}

impl IntoFuture for Emitted {
    type Output = ();
    type IntoFuture = BoxFuture<()>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.unwrap_or_else(|| Box::pin(std::future::ready(())))
    }
}

impl fmt::Debug for Emitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitted").finish_non_exhaustive()
    }
}

/// Why something could not be emitted: whoever watches has not read as much as
/// the run's buffer holds, and the body has put in as much again without letting it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the events' buffer of {capacity} is full: await what `emit` returns, which waits for room, or \
     let the stream be `.lossy()`"
)]
#[non_exhaustive]
pub struct EmitError {
    /// How many events the buffer holds.
    pub capacity: usize,
}
