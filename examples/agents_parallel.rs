// cargo run --example agents_parallel --features agents

//! Three researchers look things up in a library at the same time, each with a
//! search of its own, and a fourth agent writes an answer that cites what they
//! found, and nothing else.
//!
//! With the feature `openai`, and a key or an address in the environment, a real
//! model speaks; else scripts do, in which only the searches are real.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{collections::BTreeSet, path::Path, time::Instant};

use serde_json::{Value, json};
use superstep::{
    Change, LlmAgent, Message, Model, ModelRequest, ParallelAgent, Reply, ScriptedModel,
    SequentialAgent, Session, ToolCtx, Toolbox, tool,
};
use support::{
    library::{Library, Passage},
    model::model,
    shown::shown,
};

mod support {
    pub(crate) mod library;
    pub(crate) mod model;
    pub(crate) mod shown;
}

const QUESTION: &str = "How did a single invention change the way people live?";

/// Who looks for what.
const RESEARCHERS: [(&str, &str); 3] = [
    ("trade", "containers and the cost of shipping goods"),
    ("knowledge", "printed books and the spread of ideas"),
    ("health", "vaccines and the end of smallpox"),
];

/// Finds passages of the library.
#[tool(blocking)]
fn search(
    /// Words that the passages should have.
    query: String,
    library: ToolCtx<Library>,
) -> Result<Vec<Passage>, rusqlite::Error> {
    library.search(&query, 3)
}

fn researcher((name, subject): (&str, &str)) -> LlmAgent<Library> {
    LlmAgent::new(name)
        .description(format!("Looks up {subject}."))
        .instruction(format!(
            "Search the library for {subject}. Then say in three sentences what it tells of the \
             user's question, and cite each passage by its id in brackets, as in [essay-1]."
        ))
        .tools(Toolbox::new().add(search))
        // What was found is known by more than what is said of it.
        .after_tools(|results, _| {
            let results = results.iter().filter(|result| !result.is_error);
            let found = results.flat_map(|result| passages(&result.content));
            let found = found.map(|passage| Change::append("found", passage["id"].clone()));
            Some(Session::update().values(found.collect::<Vec<_>>()))
        })
        .adds(["found"])
        .output_key(name)
}

fn passages(result: &str) -> Vec<Value> {
    serde_json::from_str(result).unwrap_or_default()
}

/// Asks for a search, and then tells the beginning of the best that was found.
fn scripted() -> Model {
    let mut script = ScriptedModel::new();
    for (name, subject) in RESEARCHERS {
        let tells = Reply::with(|request| {
            let result = request.messages.last().map(said).unwrap_or_default();
            let found = passages(&result);
            let best = found.first().cloned().unwrap_or_default();
            let text = best["text"].as_str().unwrap_or_default();
            let sentence = text.split_inclusive(". ").next().unwrap_or_default();
            format!(
                "{} [{}]",
                sentence.trim(),
                best["id"].as_str().unwrap_or_default()
            )
        });
        let asks = Reply::call("search", json!({ "query": subject }));
        script = script.on_node(name, [asks, tells]);
    }
    script.otherwise(Reply::with(notes)).model()
}

/// What a message says, or its tool came to.
fn said(message: &Message) -> String {
    let text = message.to_string();
    text.split_once("search -> ")
        .map(|(_, result)| result.to_owned())
        .unwrap_or(text)
}

/// The notes in the instruction, as they are.
fn notes(request: &ModelRequest) -> String {
    let instruction = request.messages[0].text();
    let (_, notes) = instruction.split_once("Notes:\n").unwrap_or_default();
    notes.replace('\n', " ")
}

/// What a text cites: whatever stands in brackets.
fn citations(text: &str) -> BTreeSet<&str> {
    let brackets = text.split('[').skip(1);
    let cited = brackets.filter_map(|rest| rest.split_once(']'));
    cited.flat_map(|(cited, _)| cited.split(", ")).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (model, is_real) = model(scripted);
    let research = ParallelAgent::new("research", RESEARCHERS.map(researcher));
    let write = LlmAgent::new("write").instruction(
        "Answer the user's question in one paragraph, from these notes alone, and keep what they \
         cite in brackets. Notes:\n{trade}\n{knowledge}\n{health}",
    );
    let agent = SequentialAgent::new("essay", (research, write)).model(model);
    let graph = agent.build_with_context()?.compile()?;

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");
    let library = Library::open(Path::new(folder))?;
    let begin = Instant::now();
    let run = graph.invoke(Session::ask(QUESTION)).context(library);
    let run = shown(run).await?;
    let answer = run.state.answer();
    let found: BTreeSet<String> = run.state.get("found").unwrap_or_default();

    let by = if is_real { "a model" } else { "scripts" };
    println!("{QUESTION}\n\n{answer}\n");
    println!(
        "Written by {by} in {:?}, from {} passages.",
        begin.elapsed(),
        found.len()
    );

    let cited = citations(&answer);
    assert!(!cited.is_empty(), "the answer cites what it is made of");
    for citation in cited {
        assert!(found.contains(citation), "[{citation}] was found by nobody");
    }
    Ok(())
}
