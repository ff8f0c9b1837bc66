//! What a campaign is to be about, and whether a mail says that.

use std::{collections::BTreeMap, process::ExitCode};

use serde::{Deserialize, Serialize};

use super::file::file;

const USAGE: &str = "\
usage: cargo run --example write_campaign --features models [-- FILE]

Reads FILE (a JSON list of briefs: product, price, audience, strengths, until;
two briefs if none is given) and writes a mail with a picture for each.";

/// What is known of a product.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Brief {
    pub(crate) product: String,
    /// As `49.90 EUR`.
    pub(crate) price: String,
    pub(crate) audience: String,
    pub(crate) strengths: Vec<String>,
    /// The last day of the offer.
    pub(crate) until: String,
}

/// The briefs in the file that the arguments name, or in `default` of
/// `examples/data`.
///
/// # Errors
///
/// Whatever there is instead has been printed. The program is to end with the
/// exit code.
pub(crate) fn briefs(default: &str) -> Result<Vec<Brief>, ExitCode> {
    file(default, USAGE, |_, text| {
        let briefs = serde_json::from_str(&text);
        let briefs: Vec<Brief> =
            briefs.map_err(|error| format!("is no list of briefs ({error}): see `--help`"))?;
        match briefs.is_empty() {
            true => Err("has no brief: see `--help`".to_owned()),
            false => Ok(briefs),
        }
    })
}

/// The longest subject, in letters.
const LONGEST_SUBJECT: usize = 40;

/// What is wrong with each part, for whoever writes it anew; of parts that are
/// not there, nothing.
pub(crate) fn complaints(
    brief: &Brief,
    parts: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let complaint = |(part, text): (&String, &String)| {
        let why = match part.as_str() {
            "subject" => wrong_subject(brief, text),
            "body" => wrong_price(brief, text),
            "action" => wrong_price(brief, text).or_else(|| wrong_day(brief, text)),
            _ => None,
        };
        why.map(|why| (part.clone(), why))
    };
    parts.iter().filter_map(complaint).collect()
}

fn wrong_subject(brief: &Brief, text: &str) -> Option<String> {
    let n = text.chars().count();
    if n > LONGEST_SUBJECT {
        return Some(format!("it has {n} letters, at most {LONGEST_SUBJECT}"));
    }
    let product = &brief.product;
    (!text.contains(product)).then(|| format!("it does not name the `{product}`"))
}

/// Parts must not contradict each other: there is one price.
fn wrong_price(brief: &Brief, text: &str) -> Option<String> {
    let price = &brief.price;
    let (_, currency) = price.rsplit_once(' ').unwrap_or(("", price));
    let prices = text.matches(currency).count();
    let right = text.matches(price.as_str()).count();
    (right == 0 || prices > right).then(|| format!("the price is `{price}`, and it says another"))
}

fn wrong_day(brief: &Brief, text: &str) -> Option<String> {
    let until = &brief.until;
    (!text.contains(until)).then(|| format!("it does not say that the offer ends on {until}"))
}
