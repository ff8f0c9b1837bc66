//! How a join with a rule comes into a graph: a program that adds none does not
//! contain what decides about them.

use std::sync::Arc;

use super::MakeReferee;
use super::referee::JoinReferee;
use crate::compile::RulesOf;
use crate::graph::{Join, RecordedEdge, StateGraph};
use crate::node::IntoNames;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Adds a join: `to` becomes ready when of the sources there is what `join`
    /// waits for, over any number of supersteps, and then it begins anew.
    ///
    /// With [`Join::all`] this is [`add_edge`](Self::add_edge) from several
    /// sources. The others do not fail the run when a source fails, or what leads
    /// only to them: what each came to is in [`Ctx::arrivals`](crate::Ctx::arrivals)
    /// of the target. Nor do they wait for what cannot come any more.
    ///
    /// A task is cancelled only if all that follows it is the join's. What it
    /// wrote is then not merged, even if it had ended before it could be
    /// dropped. `docs/joins.md` has all of it.
    ///
    /// # Ordering
    ///
    /// [`Join::first`], and a quorum that cancels the rest, depend on who comes
    /// first. On a thread that is kept with the results, so that a run that goes
    /// on after a crash decides as the one before; a transcript shows it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{Arrival, Join};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Trip {
    ///     #[reduce(Append)]
    ///     parts: Vec<String>,
    ///     plan: String,
    /// }
    ///
    /// async fn flights(_: View<Trip>) -> TripUpdate {
    ///     Trip::update().parts("a flight")
    /// }
    ///
    /// async fn hotels(_: View<Trip>) -> NodeResult<TripUpdate> {
    ///     Err("no connection".into())
    /// }
    ///
    /// async fn assemble(trip: View<Trip>, ctx: Ctx) -> TripUpdate {
    ///     let mut plan = trip.parts.join(", ");
    ///     if let Some(Arrival::Failed(why)) = ctx.arrivals().get("hotels") {
    ///         plan += &format!(", and no hotel: {why}");
    ///     }
    ///     Trip::update().plan(plan)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Trip>::new("trip")
    ///     .add_node("flights", flights)
    ///     .add_node("hotels", hotels)
    ///     .add_node("assemble", assemble)
    ///     .add_edge(START, ["flights", "hotels"])
    ///     .add_join(["flights", "hotels"], "assemble", Join::settled().require(["flights"]))
    ///     .compile()?;
    ///
    /// let run = graph.invoke(Trip::update()).await?;
    /// assert_eq!(run.state.plan, "a flight, and no hotel: no connection");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn add_join(mut self, from: impl IntoNames, to: impl IntoNames, join: Join) -> Self {
        let place = self.place_here();
        let Join(rule) = join;
        let make: MakeReferee<S> = |rules| Arc::new(JoinReferee::new(rules));
        self.rules.get_or_insert_with(|| Box::new(RulesOf::new()));
        self.referees.get_or_insert_with(|| Box::new(make));
        self.edges.push(RecordedEdge {
            from: from.into_names(),
            to: to.into_names(),
            rule: (!rule.is_plain()).then(|| Box::new(rule)),
            place,
        });
        self
    }
}
