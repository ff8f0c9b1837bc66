//! Typed graph state machines in the `LangGraph` style.

#[cfg(doctest)]
mod error_pages;

#[doc(hidden)]
pub use superstep_core::__private;
pub use superstep_core::*;
pub use superstep_macros::{Route, State};

/// The names that most programs use.
pub mod prelude {
    pub use superstep_core::{
        All, Any, Append, Command, Ctx, END, Last, Max, Merge, Min, NodeResult, Retry, Route,
        START, State, StateGraph, Sum, View, Worker, node,
    };
    pub use superstep_macros::{Route, State};
}
