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
use superstep::{
    Arrival, CompileError, Graph, Join, Message, Model, ModelError, ModelRequest, Run,
};
use support::{
    brief::{Brief, briefs, complaints},
    model::model,
    writers::{Painter, writer},
};

mod support {
    pub(crate) mod brief;
    mod file;
    pub(crate) mod model;
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

/// Who writes and who paints.
struct Studio {
    model: Model,
    painter: Painter,
}

/// Writes the part that the node is named after; if there is a complaint about
/// it, anew.
async fn write(campaign: View<Campaign>, studio: Ctx<Studio>) -> NodeResult<CampaignUpdate> {
    let part = studio.node().as_str();
    let brief = serde_json::to_string(&campaign.brief)?;
    let mut request = ModelRequest::from(brief).system(format!(
        "Write the `{part}` of a mail that advertises what the brief is about. Answer with the \
         text of that part alone."
    ));
    if let (Some(draft), Some(wrong)) = (campaign.parts.get(part), campaign.complaints.get(part)) {
        request = request
            .message(Message::assistant(draft))
            .message(format!("That does not do: {wrong}. Write it anew."));
    }
    Ok(wrote(part, studio.model.ask(request).await?))
}

async fn image(campaign: View<Campaign>, studio: Ctx<Studio>) -> NodeResult<CampaignUpdate> {
    let scene = campaign
        .parts
        .get("scene")
        .ok_or("there is no scene to paint")?;
    Ok(wrote("image", studio.painter.paint(scene).await?))
}

fn wrote(part: &str, text: String) -> CampaignUpdate {
    Campaign::update().parts([(part.to_owned(), text)])
}

/// Runs when each part that was to be written has come to something.
async fn assemble(_: View<Campaign>, studio: Ctx<Studio>) -> CampaignUpdate {
    let failed = studio
        .arrivals()
        .iter()
        .filter_map(|(task, came)| match came {
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
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/briefs.json");
    let briefs = match briefs(data) {
        Ok(briefs) => briefs,
        Err(code) => return Ok(code),
    };
    let (model, is_real) = model(writer);
    if !is_real {
        println!("Offline: templates stand for a language model.");
    }
    println!("Pictures are simulated.");
    let (graph, painter) = (campaign()?, Painter);
    let studio = Arc::new(Studio { model, painter });
    for brief in briefs {
        let run = graph.invoke(Campaign::update().brief(brief));
        let run = run.context(Arc::clone(&studio));
        #[cfg(feature = "progress")]
        let run = match superstep::Progress::new() {
            shown if shown.is_live() => run.watch(shown),
            _ => run,
        };
        tell(&run.await?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the mail, and whether it is whole.
fn tell(run: &Run<Campaign>) {
    let (product, parts) = (&run.state.brief.product, &run.state.parts);
    println!("\n{product}\n{}", "=".repeat(product.chars().count()));
    let [subject, body, action] =
        WRITTEN.map(|part| parts.get(part).map_or("(nothing)", String::as_str));
    println!("Subject: {subject}\n\n{body}\n{action}");
    match (parts.get("image"), parts.get("caption")) {
        (Some(svg), Some(caption)) => println!("[{} bytes of SVG: {caption}]\n", svg.len()),
        (Some(svg), None) => println!("[{} bytes of SVG]\n", svg.len()),
        (None, _) => println!("[no picture]\n"),
    }
    let (rounds, complaints) = (run.state.rounds, &run.state.complaints);
    let missing = &run.state.missing;
    let drafts = WRITTEN.map(|part| format!("{part} {}", times(run, part)));
    println!("Checked {rounds} times. Drafts: {}.", drafts.join(", "));
    match missing.is_empty() && complaints.is_empty() {
        true => println!("It is whole."),
        false => println!("It is not whole:"),
    }
    for (part, why) in missing.iter().chain(complaints) {
        println!("  {part}: {why}");
    }

    assert!(complaints.is_empty() || rounds == ROUNDS);
    for part in ["scene", "image", "caption"] {
        assert!(times(run, part) <= 1, "nothing is wrong with `{part}`");
    }
}

/// How often a node ran.
fn times(run: &Run<Campaign>, node: &str) -> usize {
    let ran = run.ran().concat();
    ran.iter().filter(|name| *name == node).count()
}
