//! What many reviews come to, as a page of text.

use std::{collections::BTreeMap, fmt::Write as _};

use super::reviews::{Analysis, Category, Sentiment, Unread, Urgency};

/// How many columns the longest bar has.
const BAR: usize = 40;

const SENTIMENTS: [(Sentiment, &str); 3] = [
    (Sentiment::Positive, "positive"),
    (Sentiment::Mixed, "mixed"),
    (Sentiment::Negative, "negative"),
];

const CATEGORIES: [(Category, &str); 4] = [
    (Category::Product, "product"),
    (Category::Delivery, "delivery"),
    (Category::Service, "service"),
    (Category::Price, "price"),
];

/// The report: how many feel how, about what, who is to be answered first, and
/// what could not be read.
pub(crate) fn page(read: &[Analysis], unread: &[Unread]) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = bars(&mut page, read)
        .and_then(|()| table(&mut page, read))
        .and_then(|()| keywords(&mut page, read))
        .and_then(|()| urgent(&mut page, read))
        .and_then(|()| not_read(&mut page, unread));
    page
}

fn bars(page: &mut String, read: &[Analysis]) -> std::fmt::Result {
    writeln!(page, "How they feel")?;
    for (sentiment, name) in SENTIMENTS {
        let of = read
            .iter()
            .filter(|analysis| analysis.sentiment == sentiment);
        let n = of.count();
        let bar = "█".repeat((n * BAR).div_ceil(read.len().max(1)));
        writeln!(page, "{}", format!("  {name:9}{n:>4}  {bar}").trim_end())?;
    }
    Ok(())
}

fn table(page: &mut String, read: &[Analysis]) -> std::fmt::Result {
    write!(page, "\n{:11}", "About what")?;
    for (_, name) in SENTIMENTS {
        write!(page, "{name:>10}")?;
    }
    writeln!(page)?;
    for (category, name) in CATEGORIES {
        write!(page, "  {name:9}")?;
        for (sentiment, _) in SENTIMENTS {
            let of = read.iter().filter(|analysis| {
                analysis.category == category && analysis.sentiment == sentiment
            });
            write!(page, "{:>10}", of.count())?;
        }
        writeln!(page)?;
    }
    Ok(())
}

/// What is named most often; of as many, by the alphabet.
fn keywords(page: &mut String, read: &[Analysis]) -> std::fmt::Result {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for keyword in read.iter().flat_map(|analysis| &analysis.keywords) {
        *counts.entry(keyword).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(_, a), (_, b)| b.cmp(a));
    let counts = counts.iter().take(6);
    let counts: Vec<String> = counts.map(|(word, n)| format!("{word} {n}")).collect();
    writeln!(page, "\nWhat they name\n  {}", counts.join(", "))
}

fn urgent(page: &mut String, read: &[Analysis]) -> std::fmt::Result {
    let of = |urgency: Urgency| {
        read.iter()
            .filter(move |analysis| analysis.urgency == urgency)
    };
    writeln!(page, "\nTo be looked at now")?;
    for Analysis { review, .. } in of(Urgency::High) {
        writeln!(page, "  {:>3}  {}", review.id, beginning(&review.text))?;
    }
    let soon = of(Urgency::Medium).map(|analysis| analysis.review.id.to_string());
    let soon: Vec<String> = soon.collect();
    match soon.is_empty() {
        true => writeln!(page, "  and nothing else"),
        false => writeln!(page, "  and soon: {}", soon.join(", ")),
    }
}

fn not_read(page: &mut String, unread: &[Unread]) -> std::fmt::Result {
    if unread.is_empty() {
        return Ok(());
    }
    writeln!(page, "\nNot read")?;
    for Unread { id, why } in unread {
        writeln!(page, "  {id:>3}  {why}")?;
    }
    Ok(())
}

/// As much of a text as fits into a line.
fn beginning(text: &str) -> String {
    const MOST: usize = 70;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(MOST - 1).collect();
    beginning + "…"
}
