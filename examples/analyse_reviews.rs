// cargo run --example analyse_reviews --features cache,models[,openai,progress] [-- FILE]

//! Sixty reviews are analysed, some at the same time, each in four ways at once;
//! what was found is put together into a report. One review cannot be read: the
//! others are not lost, and a second run asks again about that one only.
//! Needs no network: lists of words stand for a language model, unless the
//! environment names one (see `support/model.rs`).
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{error::Error, process::ExitCode};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use superstep::prelude::*;
use superstep::{
    Arrival, CachePolicy, CompileError, Graph, Join, MemoryCache, Model, ModelError, ModelRequest,
    OnFailure, subgraph,
};
use support::{
    model::model,
    readers::readers,
    report::page,
    reviews::{Analysis, Category, Keywords, Review, Sentiment, Unread, Urgency, reviews},
};

mod support {
    mod file;
    pub(crate) mod model;
    pub(crate) mod readers;
    pub(crate) mod report;
    pub(crate) mod reviews;
}

/// How many questions are asked at the same time.
const AT_ONCE: usize = 8;

/// Of how many reviews in a hundred nothing may be found out.
const MOST_UNREAD: usize = 5;

const ANALYSE: Worker<Review> = Worker::new("analyse");

/// One review. Each field is written by one node.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Reading {
    review: Review,
    sentiment: Option<Sentiment>,
    category: Option<Category>,
    urgency: Option<Urgency>,
    keywords: Vec<String>,
}

/// All of them.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Report {
    reviews: Vec<Review>,
    #[reduce(Append)]
    read: Vec<Analysis>,
    unread: Vec<Unread>,
    page: String,
}

/// The type says what is asked for, and its doc comment is what the model reads.
async fn ask<T: DeserializeOwned + JsonSchema>(
    model: &Model,
    reading: &Reading,
) -> Result<T, ModelError> {
    let request = ModelRequest::from(&reading.review.text);
    let request = request.system("You read reviews of a shop that sells lamps and electronics.");
    model.extract(request).await
}

async fn sentiment(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let sentiment: Sentiment = ask(&model, &reading).await?;
    Ok(Reading::update().sentiment(sentiment))
}

async fn category(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let category: Category = ask(&model, &reading).await?;
    Ok(Reading::update().category(category))
}

async fn urgency(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let urgency: Urgency = ask(&model, &reading).await?;
    Ok(Reading::update().urgency(urgency))
}

async fn keywords(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let Keywords { keywords } = ask(&model, &reading).await?;
    Ok(Reading::update().keywords(keywords))
}

fn reading() -> Result<Graph<Reading, Model>, CompileError> {
    StateGraph::<Reading, Model>::new("reading")
        // A busy model is asked again, for one answer; what it refuses is refused.
        .node_defaults(|node| node.retry(Retry::attempts(4).classify::<ModelError>()))
        .on_failure(OnFailure::Finish) // the reason that is told is always the same
        .add_node("sentiment", sentiment)
        .add_node("category", category)
        .add_node("urgency", urgency)
        .add_node("keywords", keywords)
        .add_edge(START, ["sentiment", "category", "urgency", "keywords"])
        .compile()
}

fn analysed(reading: &Reading) -> Option<Analysis> {
    Some(Analysis {
        review: reading.review.clone(),
        sentiment: reading.sentiment?,
        category: reading.category?,
        urgency: reading.urgency?,
        keywords: reading.keywords.clone(),
    })
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
        |reading: &Reading| Report::update().read(Vec::from_iter(analysed(reading))),
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
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/reviews.jsonl");
    let reviews = match reviews(data) {
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
    #[cfg(feature = "progress")]
    let run = match superstep::Progress::new() {
        shown if shown.is_live() => run.watch(shown),
        _ => run,
    };
    let run = run.await?;
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
