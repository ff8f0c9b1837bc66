use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Trip {
    city: String,
    #[reduce(Append)]
    ideas: Vec<String>,
}

async fn museums(trip: View<Trip>) -> TripUpdate {
    Trip::update().ideas(format!("a museum in {}", trip.city))
}

async fn parks(trip: View<Trip>) -> TripUpdate {
    Trip::update().ideas(format!("a park in {}", trip.city))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = StateGraph::<Trip>::new("trip")
        .add_node("museums", museums)
        .add_node("parks", parks)
        .add_edge(START, ["museums", "parks"])
        .compile()?;
    let run = graph.invoke(Trip::update().city("Rome")).await?;
    println!("{}", run.state.ideas.join(", "));
    Ok(())
}
