// cargo run --example analyse_reviews --features cache,models[,openai,progress] [-- FILE]

//! Sixty reviews are analysed, some at the same time, each in four ways at once;
//! what was found is put together into a report. One review cannot be read: the
//! others are not lost, and a second run asks again about that one only.
//! Needs no network: lists of words stand for a language model, unless the
//! environment names one (see `support/model.rs`).
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{error::Error, process::ExitCode};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Arrival, CachePolicy, CompileError, Graph, Join, MemoryCache, Model, subgraph};
use support::{
    model::model,
    readers::readers,
    reading::{Reading, reading},
    report::page,
    reviews::{Analysis, Review, Unread, reviews},
    shown::shown,
};

mod support {
    mod file;
    pub(crate) mod model;
    pub(crate) mod readers;
    pub(crate) mod reading;
    pub(crate) mod report;
    pub(crate) mod reviews;
    pub(crate) mod shown;
}

/// How many questions are asked at the same time.
const AT_ONCE: usize = 8;

/// Of how many reviews in a hundred nothing may be found out.
const MOST_UNREAD: usize = 5;

const ANALYSE: Worker<Review> = Worker::new("analyse");

/// All reviews; each is a [`Reading`] of its own.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Report {
    reviews: Vec<Review>,
    #[reduce(Append)]
    read: Vec<Analysis>,
    unread: Vec<Unread>,
    page: String,
}

/// Runs once, when each review has come to something.
async fn collect(report: View<Report>, ctx: Ctx<Model>) -> NodeResult<ReportUpdate> {
    let mut unread = Vec::new();
    for (task, came) in ctx.arrivals().iter() {
        if let (Arrival::Failed(why), Some(at)) = (came, task.send) {
            let (id, why) = (report.reviews[at as usize].id, why.clone());
            unread.push(Unread { id, why });
        }
    }
    let (n, of) = (unread.len(), report.reviews.len());
    if n * 100 > of * MOST_UNREAD {
        let why = format!("{n} of {of} reviews were not read, more than {MOST_UNREAD} %");
        let why = format!("{why}; review {}: {}", unread[0].id, unread[0].why);
        return Err(why.into());
    }
    let page = page(&report.read, &unread);
    Ok(Report::update().unread(unread).page(page))
}

fn analysis(model: &Model) -> Result<Graph<Report, Model>, CompileError> {
    let name = model.name().to_owned();
    let known = CachePolicy::new(move |review: &Review| (name.clone(), review.clone()));
    let reading = subgraph(
        reading()?,
        |review: &Review| Reading::update().review(review.clone()),
        |reading: &Reading| Report::update().read(Vec::from_iter(reading.analysis())),
    );
    StateGraph::<Report, Model>::new("reviews")
        .add_worker(ANALYSE, node(reading).cache(known))
        .add_node("collect", collect)
        .add_conditional_edges(
            START,
            |report: &Report| {
                let reviews = report.reviews.iter().cloned();
                reviews
                    .map(|review| ANALYSE.send(review))
                    .collect::<Vec<_>>()
            },
            [ANALYSE],
        )
        .add_join(ANALYSE, "collect", Join::settled())
        .max_concurrency(AT_ONCE)
        .cache(MemoryCache::new())
        .compile()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let reviews = match reviews("reviews.jsonl") {
        Ok(reviews) => reviews,
        Err(code) => return Ok(code),
    };
    let (model, is_real) = model(|| readers().model());
    if !is_real {
        println!("Offline: lists of words stand for a language model.");
    }
    let graph = analysis(&model)?;
    let input = Report::update().reviews(reviews);
    let run = graph.invoke(input.clone()).context(model.clone());
    let run = shown(run).await?;
    let Report {
        reviews,
        read,
        unread,
        page,
    } = &run.state;
    let (n, asked) = (reviews.len(), run.usage().total().calls);
    println!("{n} reviews, {asked} questions, at most {AT_ONCE} at the same time.\n");
    print!("{page}");

    let again = graph.invoke(input).context(model).await?;
    let (known, asked) = (graph.cache_stats().hits, again.usage().total().calls);
    println!("\nA second time, {known} reviews were known: {asked} questions.");

    assert_eq!(read.len() + unread.len(), n, "no review is lost");
    assert_eq!(known, read.len() as u64, "nothing is found out twice");
    assert_eq!(again.state.page, *page);
    Ok(ExitCode::SUCCESS)
}
