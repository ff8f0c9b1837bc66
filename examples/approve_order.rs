// cargo run --example approve_order --features sqlite[,progress] [-- --help]

//! An order above a limit waits for a person: the program ends, and goes on from
//! its file when it is run again with an answer.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{error::Error, io, process::ExitCode};

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::{Graph, Run, RunError, Sqlite, Status, prelude::*};
use support::history::{Short, tree};
use support::request::{Request, Wish};
use support::shown::shown;

mod support {
    pub(crate) mod history;
    pub(crate) mod request;
    pub(crate) mod shown;
}

/// What may be spent without asking anybody.
const LIMIT: u32 = 500;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Order {
    number: String,
    total: u32,
    approved: bool,
    receipt: String,
    /// What was done, in the order in which it was.
    #[reduce(Append)]
    log: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Yes,
    No,
}

/// The world outside: what happens here cannot be taken back.
struct Shop;

impl Shop {
    async fn does(&self, what: String) -> io::Result<()> {
        tokio::task::yield_now().await; // a real one is waited for
        println!("* {what}");
        Ok(())
    }
}

async fn reserve(_: View<Order>) -> OrderUpdate {
    Order::update().log("reserved the goods")
}

/// Runs from its start again when there is an answer, and writes one letter.
async fn review(order: View<Order>, shop: Ctx<Shop>) -> NodeResult<OrderUpdate> {
    if order.total <= LIMIT {
        return Ok(Order::update().approved(true));
    }
    let letter = format!("a letter asks for approval of {}", order.number);
    shop.once("letter", || shop.does(letter)).await?;
    let question = json!({ "total": order.total, "limit": LIMIT });
    let (approved, log) = match shop.interrupt("approve", question)? {
        Answer::Yes => (true, "a person said yes"),
        Answer::No => (false, "a person said no"),
    };
    Ok(Order::update().approved(approved).log(log))
}

async fn settle(order: View<Order>, shop: Ctx<Shop>) -> NodeResult<OrderUpdate> {
    if !order.approved {
        return Ok(Order::update().log("put the goods back"));
    }
    let charge = format!("the bank charges {} for {}", order.total, order.number);
    shop.once("charge", || shop.does(charge)).await?;
    let receipt = format!("{}/{}", order.number, order.total);
    Ok(Order::update().receipt(receipt).log("charged"))
}

fn shop(threads: Sqlite) -> Result<Graph<Order, Shop>, superstep::CompileError> {
    StateGraph::<Order, Shop>::new("order")
        .add_node("reserve", reserve)
        .add_node("review", review)
        .add_node("settle", settle)
        .add_edge(START, ["reserve", "review"])
        .add_edge(["reserve", "review"], "settle")
        .add_edge("settle", END)
        .checkpointer(threads)
        .compile()
}

impl Short for Order {
    fn short(&self) -> String {
        let last = self.log.last().map(|last| format!(", {last}"));
        format!("total {}{}", self.total, last.unwrap_or_default())
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let request = match Request::read() {
        Ok(request) => request,
        Err(code) => return Ok(code),
    };
    let graph = shop(Sqlite::open(&request.file).await?)?;
    let thread = graph.thread(&request.thread);
    let begin = |total| {
        let order = Order::update().number(&request.thread).total(total);
        graph.invoke(order.receipt("").overwrite_log(Vec::<String>::new()))
    };
    let run = match &request.wish {
        Wish::History => {
            let head = thread.state().await?.id;
            print!("{}", tree(&thread.history().await?, head));
            return Ok(ExitCode::SUCCESS);
        }
        Wish::Order(total) => begin(*total),
        Wish::Answer(answer) => graph.resume(answer),
        Wish::Rewind(id) => {
            thread.fork(*id).await?;
            graph.proceed()
        }
        Wish::GoOn => match thread.state().await {
            Err(RunError::UnknownThread { .. }) => begin(900),
            _ => graph.proceed(),
        },
    };
    let run = run.thread(&request.thread).context(Shop);
    tell(&request, &shown(run).await?);
    Ok(ExitCode::SUCCESS)
}

/// Says what the order has come to, and what is asked.
fn tell(request: &Request, run: &Run<Order>) {
    let (Order { number, total, .. }, file) = (&run.state, request.file.display());
    println!("{number}, total {total}, kept in {file}:");
    for line in &run.state.log {
        println!("  {line}");
    }
    for asked in run.interrupts() {
        println!("  waits for a person: {} {}", asked.id, asked.value);
        println!("Answer now, or next week:");
        println!("  {} --answer yes", request.command());
    }
    assert_eq!(run.status == Status::Done, run.interrupts().is_empty());
    assert!(run.state.receipt.is_empty() || run.state.approved);
}
