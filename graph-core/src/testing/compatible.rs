//! Whether a graph can go on with threads that its older versions left.

use std::error::Error;
use std::fmt;

use crate::checkpoint::Loaded;
use crate::compile::Graph;
use crate::run::incompatible;
use crate::state::State;

/// Checks that a graph can go on with a thread that was stored before, perhaps
/// by an older version of it.
///
/// `stored` is what [`Thread::export`](crate::Thread::export) gave, kept as a
/// file beside the tests: one for each state a thread may be in when a new
/// version is rolled out. Whether it holds is then known before it is.
///
/// Reads fields, with migrations and serde's attributes, the tasks that are
/// ready, what was sent to them, joins that wait, what has finished, and what
/// subgraphs remember. What nodes would do is not tried.
///
/// # Errors
///
/// Returns all reasons why it cannot, not the first only.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::MemoryCheckpointer;
/// use superstep::prelude::*;
/// use superstep::testing::check_compatible;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Order {
///     total: u32,
/// }
///
/// fn graph(node: &str) -> Result<superstep::Graph<Order>, superstep::CompileError> {
///     StateGraph::<Order>::new("order")
///         .add_node(node, async |_: View<Order>| {})
///         .add_edge(START, node)
///         .interrupt_before(node)
///         .checkpointer(MemoryCheckpointer::new())
///         .compile()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let old = graph("approve")?;
/// old.invoke(Order::update().total(900)).thread("order-17").await?;
/// let stored = old.thread("order-17").export().await?;
///
/// check_compatible(&old, &stored)?;
/// let error = check_compatible(&graph("confirm")?, &stored).unwrap_err();
/// assert_eq!(
///     error.findings(),
///     ["it waits at `approve`, which is not a node of this graph"]
/// );
/// # Ok(())
/// # }
/// ```
pub fn check_compatible<S, C>(graph: &Graph<S, C>, stored: &str) -> Result<(), Incompatible>
where
    S: State,
    C: Send + Sync + 'static,
{
    let findings = match serde_json::from_str::<Loaded>(stored) {
        Ok(loaded) => incompatible(&graph.frozen, loaded),
        Err(error) => vec![format!("it is not what `Thread::export` gives: {error}")],
    };
    if findings.is_empty() {
        return Ok(());
    }
    Err(Incompatible {
        graph: graph.name().to_owned(),
        findings,
    })
}

/// Why a graph cannot go on with a thread.
#[derive(Clone, PartialEq, Eq)]
pub struct Incompatible {
    graph: String,
    findings: Vec<String>,
}

impl Incompatible {
    /// Each reason, as a clause.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.findings.len();
        let reasons = if n == 1 { "reason" } else { "reasons" };
        write!(
            f,
            "graph `{}` cannot go on with the thread, for {n} {reasons}",
            self.graph
        )
    }
}

/// With all reasons, each on its own line: what a failing test prints.
impl fmt::Debug for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.findings
            .iter()
            .try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

impl Error for Incompatible {}
