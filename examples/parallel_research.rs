// cargo run --example parallel_research [--features progress,openai] [-- FILE]

//! Three analysts read a text at the same time, a fourth node puts together
//! what they found, and a picture shows where the time went. They need no
//! network; with the feature `openai`, and a model that `OPENAI_API_KEY` or
//! `OPENAI_BASE_URL` and `OPENAI_MODEL` name, that model takes their place.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{process::ExitCode, sync::Arc};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use support::{
    analysts::{Analyst, MAX_BYTES, Reading, analyst},
    input::{Document, document},
    page::{Stopwatch, wrapped},
    shown::shown,
};

mod support {
    pub(crate) mod analysts;
    #[cfg(feature = "openai")]
    mod asking;
    mod file;
    pub(crate) mod input;
    pub(crate) mod page;
    mod questions;
    pub(crate) mod shown;
}

const SUMMARY: &str = "Summary";
const TERMS: &str = "Key terms";
const QUESTIONS: &str = "Questions it answers";

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Research {
    /// The text that is analysed.
    topic: String,
    /// What the branches found, each under a heading.
    #[reduce(Append)]
    findings: Vec<Finding>,
    /// What the branches' readings cost, added up.
    #[reduce(Sum)]
    tokens: u64,
    answer: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Finding {
    heading: String,
    lines: Vec<String>,
}

/// What the nodes need and no checkpoint holds.
struct Tools {
    analyst: Arc<dyn Analyst>,
    stopwatch: Stopwatch,
}

async fn summarize(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let reading = ctx.analyst.summary(&state.topic);
    let reading = ctx.stopwatch.time("summarize", reading).await?;
    Ok(found(SUMMARY, reading))
}

async fn questions(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let reading = ctx.analyst.questions(&state.topic);
    let reading = ctx.stopwatch.time("questions", reading).await?;
    Ok(found(QUESTIONS, reading))
}

async fn terms(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let reading = ctx.analyst.terms(&state.topic);
    let reading = ctx.stopwatch.time("terms", reading).await?;
    Ok(found(TERMS, reading))
}

/// What a branch writes; the reducers put it beside what the others write.
fn found(heading: &str, Reading { lines, tokens }: Reading) -> ResearchUpdate {
    let heading = heading.to_owned();
    Research::update()
        .findings(Finding { heading, lines })
        .tokens(tokens)
}

/// Runs once, when all three branches have written.
async fn synthesize(state: View<Research>) -> ResearchUpdate {
    let section = |heading: &str| {
        let mut findings = state.findings.iter();
        let finding = findings.find(|finding| finding.heading == heading);
        let body = match finding.map_or(&[][..], |finding| &finding.lines) {
            [] => "Nothing was found.".to_owned(),
            terms if heading == TERMS => terms.join(", "),
            lines => format!("- {}", lines.join("\n- ")),
        };
        format!("{heading}\n{body}\n")
    };
    Research::update().answer([SUMMARY, TERMS, QUESTIONS].map(section).join("\n"))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Document { title, text } = match document("space_exploration.txt") {
        Ok(document) => document,
        Err(code) => return Ok(code),
    };
    let graph = StateGraph::<Research, Tools>::new("research")
        .add_node("summarize", summarize)
        .add_node("questions", questions)
        .add_node("terms", terms)
        .add_node("synthesize", synthesize)
        .add_edge(START, ["summarize", "questions", "terms"])
        .add_edge(["summarize", "questions", "terms"], "synthesize")
        .add_edge("synthesize", END)
        .compile()?;

    let tools = Arc::new(Tools {
        analyst: analyst(),
        stopwatch: Stopwatch::start(),
    });
    let input = Research::update().topic(text.as_str());
    let run = graph.invoke(input).context(Arc::clone(&tools));
    let run = tools.stopwatch.time("whole run", shown(run)).await?;
    let state = run.state;
    let answer = state.answer.unwrap_or_default();

    println!("{title}\n{}\n", "=".repeat(title.chars().count()));
    println!("{}", wrapped(&answer));
    println!("Where the time went\n{}", tools.stopwatch.picture());
    let counts = tools.analyst.counts();
    println!("{counts}, all branches together: {}.", state.tokens);
    if text.len() > MAX_BYTES {
        let (read, size) = (MAX_BYTES / 1024, text.len() / 1024);
        println!("The text is long: only the first {read} of its {size} KiB were read.");
    }

    assert_eq!(state.findings.len(), 3, "each branch wrote its finding");
    for Finding { heading, lines } in state.findings {
        assert!(answer.contains(&heading));
        assert!(lines.iter().all(|line| answer.contains(line)));
    }
    Ok(ExitCode::SUCCESS)
}
