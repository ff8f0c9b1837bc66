// cargo run --example trip_planner [--features progress]

//! Four services are asked at the same time: one is slow, one fails. The plan is
//! made of what is there after a while, and says what is missing; without
//! flights there would be none.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Arrival, Join};
use support::shown::shown;

mod support {
    pub(crate) mod shown;
}

/// How long the plan waits for the services.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Trip {
    to: String,
    flights: Vec<Offer>,
    hotels: Vec<Offer>,
    events: Vec<Offer>,
    restaurants: Vec<Offer>,
    plan: Option<Plan>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offer {
    what: String,
    price: u32,
}

/// What was found, and what was not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plan {
    lines: Vec<String>,
    missing: Vec<String>,
    total: u32,
}

/// Asks a service, which takes so long.
async fn ask(took: u64, what: &str, price: u32) -> Vec<Offer> {
    tokio::time::sleep(Duration::from_millis(took)).await;
    vec![Offer {
        what: what.to_owned(),
        price,
    }]
}

async fn flights(trip: View<Trip>) -> TripUpdate {
    Trip::update().flights(ask(120, &format!("morning flight to {}", trip.to), 180).await)
}

async fn hotels(_: View<Trip>) -> TripUpdate {
    Trip::update().hotels(ask(60, "a room by the river", 240).await)
}

/// Too slow today.
async fn events(_: View<Trip>) -> TripUpdate {
    Trip::update().events(ask(60_000, "a concert", 35).await)
}

/// Out of order.
async fn restaurants(_: View<Trip>) -> NodeResult<TripUpdate> {
    Err("503 service unavailable".into())
}

/// Puts together what there is.
async fn assemble(trip: View<Trip>, ctx: Ctx) -> TripUpdate {
    let offers = [&trip.flights, &trip.hotels, &trip.events, &trip.restaurants];
    let offers = || offers.into_iter().flatten();
    let missing = ctx
        .arrivals()
        .iter()
        .filter_map(|(source, arrival)| match arrival {
            Arrival::Done => None,
            Arrival::TimedOut => Some(format!("{source}: no answer within {PATIENCE:?}")),
            Arrival::Failed(why) => Some(format!("{source}: {why}")),
            other => Some(format!("{source}: {other:?}")),
        });
    Trip::update().plan(Plan {
        lines: offers()
            .map(|offer| format!("{:>4} EUR  {}", offer.price, offer.what))
            .collect(),
        missing: missing.collect(),
        total: offers().map(|offer| offer.price).sum(),
    })
}

fn planner() -> Result<superstep::Graph<Trip>, superstep::CompileError> {
    const SOURCES: [&str; 4] = ["flights", "hotels", "events", "restaurants"];
    StateGraph::<Trip>::new("trip planner")
        .add_node("flights", flights)
        .add_node("hotels", hotels)
        .add_node("events", events)
        .add_node("restaurants", restaurants)
        .add_node("assemble", assemble)
        .add_edge(START, SOURCES)
        .add_join(
            SOURCES,
            "assemble",
            Join::settled().require(["flights"]).within(PATIENCE),
        )
        .add_edge("assemble", END)
        .compile()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = planner()?;
    let run = shown(graph.invoke(Trip::update().to("Lisbon"))).await?;
    let plan = run.state.plan.clone().unwrap_or_default();

    println!("Your trip to {}:\n", run.state.to);
    for line in &plan.lines {
        println!("  {line}");
    }
    println!("  {:>4} EUR  in all\n\nNot in this plan:\n", plan.total);
    for line in &plan.missing {
        println!("  {line}");
    }
    println!("\n{}", run.timeline());

    assert_eq!((plan.total, plan.missing.len()), (420, 2));
    Ok(())
}
