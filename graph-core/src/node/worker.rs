//! Workers: nodes that are started by sends, each with a value of its own.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use crate::state::Data;

/// The name of a worker and the type of its input, in one place.
///
/// Make it a `const`, register a function under it with `add_worker`, and send
/// values to it. A send of a value of another type does not compile.
///
/// # Examples
///
/// ```
/// use superstep::Worker;
///
/// const REVIEW: Worker<String> = Worker::new("review");
///
/// let send = REVIEW.send("page one".to_owned());
/// assert_eq!(send.worker(), "review");
/// ```
pub struct Worker<T>(&'static str, PhantomData<fn() -> T>);

impl<T> Worker<T> {
    /// A worker of that name, which takes a `T`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }

    /// The worker's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0
    }

    /// A task for the next superstep: run the worker on `input`.
    #[must_use = "a send does nothing until a route or a command returns it"]
    pub fn send(&self, input: T) -> SendTo
    where
        T: Data,
    {
        SendTo {
            worker: self.0,
            input: Box::new(input),
        }
    }
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Worker<T> {}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker<{}>({})", type_name::<T>(), self.0)
    }
}

/// A value on its way to a worker; made by [`Worker::send`].
#[derive(Debug, Clone)]
pub struct SendTo {
    pub(crate) worker: &'static str,
    pub(crate) input: Box<dyn Payload>,
}

impl SendTo {
    /// The name of the worker it goes to.
    #[must_use]
    pub fn worker(&self) -> &'static str {
        self.worker
    }
}

/// A worker's input without its type.
pub(crate) trait Payload: Send + Sync {
    fn boxed_clone(&self) -> Box<dyn Payload>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn input_type(&self) -> TypeId;
    fn type_name(&self) -> &'static str;
    fn to_json(&self) -> Value;
}

impl<T: Data> Payload for T {
    fn boxed_clone(&self) -> Box<dyn Payload> {
        Box::new(self.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn input_type(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|error| format!("<{error}>").into())
    }
}

impl fmt::Debug for dyn Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl Clone for Box<dyn Payload> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}
