// cargo run --example write_campaign --features models[,openai,progress] [-- FILE]

//! The parts of a mail are written at the same time and checked against each
//! other; only a part that is wrong is written anew. A picture that moderation
//! refuses keeps back what descends from it, and nothing else.
//! Needs no network: templates stand for a language model, unless the environment
//! names one (see `support/model.rs`), and pictures are simulated.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{collections::BTreeMap, error::Error, process::ExitCode, sync::Arc};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Arrival, CompileError, Graph, Join, ModelError, Run};
use support::{
    brief::{Brief, briefs, complaints},
    mail::{lacks, mail},
    model::model,
    shown::shown,
    writers::{Studio, writer},
};

mod support {
    pub(crate) mod brief;
    mod file;
    pub(crate) mod mail;
    pub(crate) mod model;
    pub(crate) mod shown;
    pub(crate) mod writers;
}

/// How often the parts are checked.
const ROUNDS: u32 = 3;

/// What is written by the model, in parts of that name.
const WRITTEN: [&str; 3] = ["subject", "body", "action"];

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Campaign {
    brief: Brief,
    /// What was written last, by part.
    #[reduce(Merge)]
    parts: BTreeMap<String, String>,
    /// What is wrong with parts.
    complaints: BTreeMap<String, String>,
    /// Why parts are missing.
    #[reduce(Merge)]
    missing: BTreeMap<String, String>,
    #[reduce(Sum)]
    rounds: u32,
}

/// Writes the part that the node is named after; if there is a complaint about
/// it, anew.
async fn write(campaign: View<Campaign>, studio: Ctx<Studio>) -> NodeResult<CampaignUpdate> {
    let part = studio.node().as_str();
    let draft = campaign.parts.get(part);
    let wrong = draft.zip(campaign.complaints.get(part));
    let text = studio.write(part, &campaign.brief, wrong).await?;
    Ok(Campaign::update().parts([(part.to_owned(), text)]))
}

async fn image(campaign: View<Campaign>, studio: Ctx<Studio>) -> NodeResult<CampaignUpdate> {
    let scene = campaign.parts.get("scene");
    let scene = scene.ok_or("there is no scene to paint")?;
    let picture = studio.paint(scene).await?;
    Ok(Campaign::update().parts([("image".to_owned(), picture)]))
}

/// Runs when each part that was to be written has come to something.
async fn assemble(_: View<Campaign>, studio: Ctx<Studio>) -> CampaignUpdate {
    let arrivals = studio.arrivals().iter();
    let failed = arrivals.filter_map(|(task, came)| match came {
        Arrival::Failed(why) => Some((task.node.to_string(), why.clone())),
        _ => None, // a part that is not written anew is skipped, and still there
    });
    Campaign::update().missing(failed.collect::<BTreeMap<_, _>>())
}

/// Sends back to the parts that are wrong, and to no others.
async fn check(campaign: View<Campaign>) -> Command<Campaign> {
    let wrong = complaints(&campaign.brief, &campaign.parts);
    let again = match campaign.rounds + 1 < ROUNDS {
        true => wrong.keys().cloned().collect(),
        false => Vec::new(),
    };
    Command::update(Campaign::update().complaints(wrong).rounds(1_u32)).goto(again)
}

fn campaign() -> Result<Graph<Campaign, Studio>, CompileError> {
    StateGraph::<Campaign, Studio>::new("campaign")
        .node_defaults(|node| node.retry(Retry::attempts(3).classify::<ModelError>()))
        .add_node("subject", write)
        .add_node("body", write)
        .add_node("action", write)
        .add_node("scene", write)
        .add_node("image", image)
        .add_node("caption", write)
        .add_node("assemble", assemble)
        .add_node("check", node(check).destinations(WRITTEN))
        .add_edge(START, ["subject", "body", "action", "scene"])
        .add_edge("scene", "image")
        .add_edge("image", "caption")
        .add_join(
            ["subject", "body", "action", "caption"],
            "assemble",
            Join::settled(),
        )
        .add_edge("assemble", "check")
        .compile()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let briefs = match briefs("briefs.json") {
        Ok(briefs) => briefs,
        Err(code) => return Ok(code),
    };
    let (model, is_real) = model(writer);
    if !is_real {
        println!("Offline: templates stand for a language model.");
    }
    println!("Pictures are simulated.");
    let (graph, studio) = (campaign()?, Arc::new(Studio { model }));
    for brief in briefs {
        let run = graph.invoke(Campaign::update().brief(brief));
        tell(&shown(run.context(Arc::clone(&studio))).await?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the mail, and whether it is whole.
fn tell(run: &Run<Campaign>) {
    let (campaign, ran) = (&run.state, run.ran().concat());
    let times = |part: &str| ran.iter().filter(|name| *name == part).count();
    println!("\n{}", mail(&campaign.brief, &campaign.parts));
    let (rounds, drafts) = (
        campaign.rounds,
        WRITTEN.map(|part| format!("{part} {}", times(part))),
    );
    println!("Checked {rounds} times. Drafts: {}.", drafts.join(", "));
    println!("{}", lacks(&campaign.missing, &campaign.complaints));

    assert!(campaign.complaints.is_empty() || rounds == ROUNDS);
    for part in ["scene", "image", "caption"] {
        assert!(times(part) <= 1, "nothing is wrong with `{part}`");
    }
}
