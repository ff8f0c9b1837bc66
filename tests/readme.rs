//! The README's programs, and a check that the README still shows them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[rustfmt::skip]
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Research {
    topic: String,                // no attribute: one writer a superstep
    #[reduce(Append)]
    findings: Vec<String>,
    #[reduce(Sum)]
    tokens: u64,
    answer: Option<String>,
}

/// What the nodes need and no checkpoint holds: clients, pools, keys.
struct Tools {
    model: Model,
}

/// Stands where a client of a language model would.
struct Model;

impl Model {
    async fn ask(&self, prompt: String) -> Result<String, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(prompt)
    }
}

async fn summarize(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let text = ctx.model.ask(format!("Summarize: {}", state.topic)).await?;
    Ok(Research::update().findings(text).tokens(12))
}

async fn questions(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let text = ctx.model.ask(format!("Ask about: {}", state.topic)).await?;
    Ok(Research::update().findings(text).tokens(9))
}

async fn terms(state: View<Research>, ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    let text = ctx.model.ask(format!("Terms of: {}", state.topic)).await?;
    Ok(Research::update().findings(text).tokens(3))
}

async fn synthesize(state: View<Research>) -> ResearchUpdate {
    Research::update().answer(state.findings.join("; "))
}

#[rustfmt::skip]
fn graph() -> Result<superstep::Graph<Research, Tools>, superstep::CompileError> {
    let graph = StateGraph::<Research, Tools>::new("research")
        .add_node("summarize", summarize)
        .add_node("questions", questions)
        .add_node("terms", node(terms).retry(Retry::attempts(3)).timeout(Duration::from_secs(20)))
        .add_node("synthesize", synthesize)
        .add_edge(START, ["summarize", "questions", "terms"])         // fan-out
        .add_edge(["summarize", "questions", "terms"], "synthesize")  // join: waits for all three
        .add_edge("synthesize", END)
        .compile()?;
    Ok(graph)
}

#[tokio::test]
async fn the_program_runs() {
    let model = Model;
    let graph = graph().expect("the README's graph is sound");
    let run = async {
        #[rustfmt::skip]
        let run = graph.invoke(Research::update().topic("space")).context(Tools { model }).await?;
        Ok::<_, superstep::RunError>(run)
    };
    let run = run.await.expect("the README's run ends");
    assert_eq!(run.state.tokens, 24);
    assert_eq!(
        run.state.answer.unwrap_or_default(),
        "Ask about: space; Summarize: space; Terms of: space"
    );
}

/// An order that waits for a person.
mod threads {
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use superstep::prelude::*;
    use superstep::{MemoryCheckpointer, Status};

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Order {
        total: u32,
        approved: bool,
        receipt: String,
    }

    /// What stands for a bank's client.
    struct Bank;

    impl Bank {
        async fn charge(&self, total: u32) -> Result<String, std::io::Error> {
            tokio::task::yield_now().await;
            Ok(format!("charged {total}"))
        }
    }

    #[rustfmt::skip]
    async fn approve(order: View<Order>, ctx: Ctx<Bank>) -> NodeResult<OrderUpdate> {
        let approved: bool = ctx.interrupt("approve", json!({ "total": order.total }))?;  // pauses
        Ok(Order::update().approved(approved))
    }

    #[rustfmt::skip]
    async fn charge(order: View<Order>, ctx: Ctx<Bank>) -> NodeResult<OrderUpdate> {
        let receipt = ctx.once("charge", || ctx.charge(order.total)).await?;  // not twice, whatever happens next
        Ok(Order::update().receipt(receipt))
    }

    #[rustfmt::skip]
    async fn program() -> Result<(), Box<dyn std::error::Error>> {
        let bank = || Bank;
        let graph = StateGraph::<Order, Bank>::new("order")
            .add_node("approve", approve)
            .add_node("charge", charge)
            .add_edge(START, "approve")
            .add_edge("approve", "charge")
            .checkpointer(MemoryCheckpointer::new())  // or Sqlite::open("runs.db").await?
            .compile()?;

        let run = graph.invoke(Order::update().total(900)).thread("order-17").context(bank()).await?;
        assert_eq!(run.status, Status::Interrupted);
        assert_eq!(run.interrupts()[0].id, "approve/0/approve");

        // Next week, in another process:
        let run = graph.resume(true).thread("order-17").context(bank()).await?;
        assert_eq!(run.state.receipt, "charged 900");

        // Back to before the question, and on from there; the old branch stays.
        let history = graph.thread("order-17").history().await?;
        let fork = graph.proceed().thread("order-17").checkpoint(history[2].id).context(bank()).await?;
        assert_eq!(fork.status, Status::Interrupted);
        Ok(())
    }

    #[tokio::test]
    async fn the_order_waits_and_goes_on() {
        program().await.expect("the README's runs end");
    }
}

/// The lines of the first program after a heading, without their indentation.
fn shown(heading: &str) -> Vec<&'static str> {
    let readme = include_str!("../README.md");
    let (_, readme) = readme.split_once(heading).expect("there is the heading");
    let begin = readme.find("```rust\n").expect("there is a program") + "```rust\n".len();
    let end = begin + readme[begin..].find("```").expect("it ends");
    let lines = readme[begin..end].lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

/// The README's program with a `main`: a file of its own, shown whole.
#[expect(clippy::print_stdout, reason = "a program for the terminal")]
mod complete {
    include!("readme/complete.rs");

    #[test]
    fn it_runs() {
        main().expect("the README's run ends");
    }
}

#[test]
fn the_readme_shows_the_complete_program() {
    let program = include_str!("readme/complete.rs");
    let shown = format!("```rust\n{program}```\n");
    assert!(include_str!("../README.md").contains(&shown), "{shown}");
}

#[test]
fn the_readme_shows_these_programs() {
    let mut lines = include_str!("readme.rs").lines().map(str::trim);
    let programs = [shown("# Superstep\n"), shown("## Threads\n")];
    for shown in programs.concat() {
        // Printing is for the README; here the answer is compared.
        if !shown.starts_with("println!") {
            assert!(
                lines.any(|line| line == shown),
                "the README has a line that this file has not, or not in that place: {shown}"
            );
        }
    }
}

#[test]
fn the_readme_shows_this_picture() {
    let svg = graph().expect("the README's graph is sound").to_svg();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/images/research.svg");
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        std::fs::write(path, &svg).expect("the folder is writable");
    }
    let shown = std::fs::read_to_string(path).expect("the README has its picture");
    assert!(
        shown == svg,
        "run with UPDATE_PICTURES=1 and look at the picture"
    );
}
