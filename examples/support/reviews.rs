//! Reviews of customers, and what is to be found out of each.

use std::{path::Path, process::ExitCode};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::file;

const USAGE: &str = "\
usage: cargo run --example analyse_reviews --features cache,models [-- FILE]

Reads FILE (a review a line, as { \"id\": 17, \"text\": \"It is fine.\" }; sixty
reviews in four languages if none is given), finds out of each how its author
feels, what it is about and how urgent it is, and prints a report.";

/// What a customer wrote.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    pub(crate) id: u32,
    pub(crate) text: String,
}

/// How the author feels about what they bought.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sentiment {
    Positive,
    Mixed,
    Negative,
}

/// What the review is about most of all.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Category {
    Product,
    Delivery,
    Service,
    Price,
}

/// How soon somebody should look at the review.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Urgency {
    /// Nobody needs to.
    Low,
    /// The author waits for something.
    Medium,
    /// Somebody may get hurt.
    High,
}

/// The things that the review names, in English, at most five.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Keywords {
    pub(crate) keywords: Vec<String>,
}

/// What was found out of a review.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Analysis {
    pub(crate) review: Review,
    pub(crate) sentiment: Sentiment,
    pub(crate) category: Category,
    pub(crate) urgency: Urgency,
    pub(crate) keywords: Vec<String>,
}

/// A review of which nothing was found out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unread {
    pub(crate) id: u32,
    pub(crate) why: String,
}

/// The reviews in the file that the arguments name, or in `default` of
/// `examples/data`.
///
/// # Errors
///
/// Whatever there is instead has been printed. The program is to end with the
/// exit code.
pub(crate) fn reviews(default: &str) -> Result<Vec<Review>, ExitCode> {
    file(default, USAGE, |_: &Path, text| parse(&text))
}

fn parse(text: &str) -> Result<Vec<Review>, String> {
    let lines = text.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim().is_empty());
    let review = |(line, number): (&str, usize)| {
        serde_json::from_str(line).map_err(|error| {
            let error = error.to_string();
            let (why, _) = error.split_once(" at line ").unwrap_or((&error, ""));
            format!("has no review in line {number} ({why}): see `--help`")
        })
    };
    lines.map(review).collect()
}
