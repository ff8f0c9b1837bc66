//! Nodes: what a user's function may look like, what it is given, what it
//! hands back, and the policies it runs under. Everything here is data or
//! conversion; nothing spawns, sleeps or selects.

mod arrivals;
mod attempted;
mod budget;
mod builder;
mod cache;
mod command;
mod context;
mod current;
mod desk;
mod emit;
mod error;
mod failure;
mod fallback;
#[cfg(feature = "rate-limit")]
mod governed;
mod inside;
mod into_node;
mod limiter;
mod memory;
mod names;
mod outcome;
mod policy;
mod pulse;
mod rate;
mod rest;
mod retry;
mod route;
mod usage;
mod view;
mod worker;
mod written;

pub use arrivals::{Arrival, Arrivals};
pub(crate) use arrivals::{NO_ARRIVALS, SourceArrivals, TaskArrival};
pub use attempted::CurrentAttempt;
pub use budget::{Budget, BudgetExhausted, Left, Reservation};
pub use builder::{NodeBuilder, node};
pub use cache::CachePolicy;
pub(crate) use cache::CacheRule;
pub use command::{Command, IntoTargets, Target};
pub use context::Ctx;
pub(crate) use context::{Frame, Place};
pub use current::CurrentTask;
pub(crate) use current::{Scope, UsedBy, at, enter, with_desk, within};
pub use desk::Interrupted;
pub(crate) use desk::{Asked, BoxError, Desk, Keep, Question, QuestionKey, WrongAnswer};
pub use emit::{EmitError, Emitted, EventValue};
pub(crate) use emit::{Emitter, Telling, Told};
pub use error::{FailureOf, NodeError, NodeResult};
pub(crate) use error::{Mark, Panicked, TimedOut};
pub use failure::Failure;
pub(crate) use failure::FallbackFailed;
pub use fallback::Fallback;
pub(crate) use fallback::{Bare, MayFail};
pub(crate) use inside::{Astray, GraphInside};
pub use into_node::Definition;
pub(crate) use into_node::{Body, BoxCall, BoxFuture, Input, sent, view};
pub use into_node::{IntoNode, IntoWorker};
pub use limiter::Limiter;
pub(crate) use memory::Memory;
pub use names::IntoNames;
pub use outcome::{IntoOutcome, Outcome};
pub use policy::NodeDefaults;
pub(crate) use policy::{Policy, Zero};
pub(crate) use pulse::Pulse;
pub use rate::ExceedsBurst;
pub(crate) use rate::Rate;
pub(crate) use rest::{Given, Lacks, LeftOf, Rest, UsedUp};
pub(crate) use retry::LongWait;
pub use retry::{Retry, Retryable};
pub use route::Route;
pub use usage::{Cost, ParseCostError, Usage};
pub use view::View;
pub(crate) use worker::{InputType, Payload};
pub use worker::{SendTo, Worker};
pub(crate) use written::{
    FindWorker, Written, WrittenEnd, has_null, read_outcome, read_update, version_of, write_outcome,
};
