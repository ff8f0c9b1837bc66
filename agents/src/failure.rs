//! What is said of an error, whatever it is wrapped in: whether another attempt may
//! succeed, and after what wait; and what is told of it.

use std::error::Error;
use std::iter::successors;

use superstep_core::{Failure, NodeError, Retryable, RunError};
use superstep_providers::ModelError;

use crate::chain::ChainError;

/// The error, of which is said what the error of a model, or of a chain, among its
/// causes says. What was said of it before stays.
pub(crate) fn judged(error: NodeError) -> NodeError {
    if error.is_permanent() {
        return error;
    }
    let first: &(dyn Error + 'static) = error.as_error();
    let mut causes = successors(Some(first), |&error| error.source());
    let says = causes.find_map(|error| {
        let of_model = error.downcast_ref::<ModelError>();
        let of_model = of_model.map(|error| (error.is_retryable(), error.retry_after()));
        let of_chain = error.downcast_ref::<ChainError>();
        of_model.or(of_chain.map(|error| (error.is_retryable(), error.retry_after())))
    });
    match (says, error.retry_after()) {
        (Some((false, _)), _) => NodeError::permanent(error),
        (Some((true, Some(wait))), None) => NodeError::retry_after(error, wait),
        _ => error,
    }
}

/// The error in another one, of which is said the same.
pub(crate) fn wrapped<E: Error + Send + Sync + 'static>(
    error: NodeError,
    wrap: impl FnOnce(Box<dyn Error + Send + Sync>) -> E,
) -> NodeError {
    let error = judged(error);
    let (permanent, wait) = (error.is_permanent(), error.retry_after());
    let despite_questions = error.is_despite_questions();
    let wrapped = wrap(error.into_error());
    let wrapped = match wait {
        _ if permanent => NodeError::permanent(wrapped),
        Some(wait) => NodeError::retry_after(wrapped, wait),
        None => wrapped.into(),
    };
    match despite_questions {
        true => NodeError::despite_questions(wrapped),
        false => wrapped,
    }
}

/// Why an agent has no answer.
#[derive(Debug, thiserror::Error)]
#[error("agent `{path}` has no answer")]
pub(crate) struct AgentFailed {
    pub(crate) path: String,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

/// What a model is told that has called what has failed: the cause, and not where in
/// the graph it is.
pub(crate) fn told(failure: &Failure) -> String {
    let first: &(dyn Error + 'static) = failure.as_error();
    let causes = successors(Some(first), |&error| error.source());
    let causes = causes.skip_while(|error| says_where(*error));
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

fn says_where(error: &(dyn Error + 'static)) -> bool {
    let of_run = error.downcast_ref();
    matches!(of_run, Some(RunError::Node { .. })) || error.is::<AgentFailed>()
}
