//! Three readings of a text, made offline and without a model: its telling
//! sentences (`LexRank`), its key terms (`YAKE`), and the questions that it
//! answers (part-of-speech patterns, see `questions.rs`).

use std::{collections::BTreeSet, pin::Pin, sync::Arc};

use harper_brill::{Tagger, UPOS, brill_tagger};
use petgraph::{algo::page_rank, graph::UnGraph};
use segtok::{
    segmenter::{SegmentConfig, split_multi},
    tokenizer::web_tokenizer,
};
use superstep::NodeResult;
use yake_rust::{Config, ResultItem, StopWords, get_n_best};

use super::questions::questions;

/// What an analyst finds in a text.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The findings, in the order in which they are to be shown.
    pub(crate) lines: Vec<String>,
    /// What the reading cost, in what the analyst [counts](Analyst::counts).
    pub(crate) tokens: u64,
}

/// A reading that is being made, or the reason why there is none.
pub(crate) type Pending<'a> = Pin<Box<dyn Future<Output = NodeResult<Reading>> + Send + 'a>>;

/// What the nodes ask about a text: of [`Offline`], or of a language model, see
/// `asking.rs`.
pub(crate) trait Analyst: Send + Sync {
    /// The most telling sentences, in the text's own order.
    fn summary<'a>(&'a self, text: &'a str) -> Pending<'a>;
    /// Questions that the text answers, in the order in which it answers them.
    fn questions<'a>(&'a self, text: &'a str) -> Pending<'a>;
    /// The key terms, best first.
    fn terms<'a>(&'a self, text: &'a str) -> Pending<'a>;
    /// What its readings cost.
    fn counts(&self) -> &'static str;
}

/// The model that the environment names, if it names one; else the offline one.
pub(crate) fn analyst() -> Arc<dyn Analyst> {
    #[cfg(feature = "openai")]
    if let Ok(model) = superstep::Model::from_env() {
        return Arc::new(model);
    }
    Arc::new(Offline::load())
}

/// The analyst that needs no network: plain algorithms, the same answer for
/// the same text.
///
/// It reads the first [`MAX_BYTES`] of a text and ranks at most
/// [`MAX_SENTENCES`] of its sentences, evenly spread, so that its time is
/// bounded. Summary and terms work roughly for any language that puts spaces
/// between words; the questions are for English.
#[derive(Debug)]
pub(crate) struct Offline(());

/// How much of a text is read.
pub(crate) const MAX_BYTES: usize = 128 * 1024;

/// How many sentences are compared with each other.
const MAX_SENTENCES: usize = 150;

impl Offline {
    /// Loads the tagger, so that no reading has to wait for it.
    pub(crate) fn load() -> Self {
        brill_tagger();
        Self(())
    }
}

impl Analyst for Offline {
    fn summary<'a>(&'a self, text: &'a str) -> Pending<'a> {
        compute(text, |text| summary(text, 4))
    }

    fn questions<'a>(&'a self, text: &'a str) -> Pending<'a> {
        compute(text, |text| questions(text, 5))
    }

    fn terms<'a>(&'a self, text: &'a str) -> Pending<'a> {
        compute(text, |text| terms(text, 8))
    }

    fn counts(&self) -> &'static str {
        "Words read"
    }
}

/// Makes a reading on a thread of its own: this is work for a processor, and
/// would hold up whatever else the runtime's workers have to do.
fn compute(text: &str, read: fn(&str) -> Vec<String>) -> Pending<'static> {
    let text = beginning(text).to_owned();
    Box::pin(async move {
        let reading = tokio::task::spawn_blocking(move || Reading {
            tokens: text.split_whitespace().count() as u64,
            lines: read(&text),
        });
        Ok(reading.await?)
    })
}

/// The first [`MAX_BYTES`] of a text, or a little less: no character is split.
pub(crate) fn beginning(text: &str) -> &str {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=text.len().min(MAX_BYTES)).rev().find(fits);
    &text[..end.unwrap_or_default()]
}

/// A word and its part of speech, where that is known.
pub(crate) type Word = (String, Option<UPOS>);

/// The full sentences of a text; its lines, if nothing ends like a sentence.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all: Vec<String> = text
        .split("\n\n")
        .flat_map(|paragraph| split_multi(paragraph, SegmentConfig::default()))
        .map(|sentence| sentence.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|sentence| sentence.chars().take(600).collect::<String>())
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .filter(|sentence| seen.insert(sentence.clone()))
        .collect();
    let is_full = |sentence: &&String| {
        sentence
            .trim_end_matches(['"', '\'', '”', '’', ')'])
            .ends_with(['.', '!', '?', '。', '…'])
    };
    let full: Vec<String> = all.iter().filter(is_full).cloned().collect();
    let kept = if full.is_empty() { all } else { full };
    let step = kept.len().div_ceil(MAX_SENTENCES).max(1);
    kept.into_iter().step_by(step).collect()
}

/// The words of a sentence with their parts of speech. What the tagger takes
/// for another word is a name if it has a capital inside the sentence, and
/// what it takes for a name is a noun if it has none.
pub(crate) fn tag(sentence: &str) -> Vec<Word> {
    let words = web_tokenizer(sentence);
    let tags = brill_tagger().tag_sentence(&words);
    let mut tagged: Vec<Word> = words.into_iter().zip(tags).collect();
    for (index, (word, tag)) in tagged.iter_mut().enumerate() {
        let capital = is_capital(word);
        *tag = match *tag {
            Some(UPOS::VERB | UPOS::NOUN | UPOS::ADJ | UPOS::PRON) | None
                if capital && index > 0 =>
            {
                Some(UPOS::PROPN)
            }
            Some(UPOS::PROPN) if !capital => Some(UPOS::NOUN),
            other => other,
        };
    }
    tagged
}

/// Whether a word begins with a capital letter.
pub(crate) fn is_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// How central each sentence is: `PageRank` over the graph of those that share
/// enough words that carry meaning.
pub(crate) fn ranks(sentences: &[Vec<Word>]) -> Vec<f64> {
    let contents: Vec<BTreeSet<String>> = sentences.iter().map(|words| content(words)).collect();
    let at_least = if contents.len() > 20 { 2 } else { 1 };
    let mut graph = UnGraph::<(), ()>::default();
    let nodes: Vec<_> = contents.iter().map(|_| graph.add_node(())).collect();
    for (i, a) in contents.iter().enumerate() {
        for (j, b) in contents.iter().enumerate().skip(i + 1) {
            let shared = a.intersection(b).count();
            // The cosine of the two, seen as vectors of 0 and 1, is over 0.1.
            if shared >= at_least && shared * shared * 100 >= a.len() * b.len() {
                graph.add_edge(nodes[i], nodes[j], ());
            }
        }
    }
    page_rank(&graph, 0.85, 15)
}

/// The words of a sentence that carry meaning, without capitals and plurals.
fn content(words: &[Word]) -> BTreeSet<String> {
    let telling = |(word, tag): &&Word| {
        let open = [UPOS::NOUN, UPOS::PROPN, UPOS::VERB, UPOS::ADJ];
        word.chars().count() > 2 && tag.is_none_or(|tag| open.contains(&tag))
    };
    let plain = |(word, _): &Word| word.to_lowercase().trim_end_matches('s').to_owned();
    words.iter().filter(telling).map(plain).collect()
}

/// The `n` sentences of the highest rank, in the text's order.
fn summary(text: &str, n: usize) -> Vec<String> {
    let sentences = sentences(text);
    let tagged: Vec<_> = sentences.iter().map(|sentence| tag(sentence)).collect();
    let mut ranks = ranks(&tagged);
    for (rank, words) in ranks.iter_mut().zip(&tagged) {
        if matches!(words.first(), Some((_, Some(UPOS::PRON)))) {
            *rank /= 2.0; // "It began with ..." tells little without the sentence before it
        }
    }
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by(|&a, &b| ranks[b].total_cmp(&ranks[a]).then(a.cmp(&b)));
    order.truncate(n);
    order.sort_unstable();
    order.into_iter().map(|i| sentences[i].clone()).collect()
}

/// The `n` best key terms: what `YAKE` finds, kept to nouns and names, phrases
/// that come back first, and no word twice.
pub(crate) fn terms(text: &str, n: usize) -> Vec<String> {
    let sentences = sentences(text);
    let words: Vec<Word> = sentences
        .iter()
        .flat_map(|sentence| tag(sentence))
        .collect();
    let nouns = nouns(&words);
    let body = sentences.join("\n");
    let stop = StopWords::predefined("en").unwrap_or_default();
    let mut ranked = get_n_best(n * 12, &body, &stop, &Config::default());
    ranked.sort_by(|a, b| weight(a, &body).total_cmp(&weight(b, &body)));
    let (mut terms, mut seen) = (Vec::new(), BTreeSet::new());
    for ResultItem { raw, keyword, .. } in ranked {
        let root = |word: &str| word.trim_end_matches(['e', 's']).to_owned();
        let roots: Vec<String> = keyword.split(' ').map(root).collect();
        let is_new = !roots.iter().any(|root| seen.contains(root));
        let is_noun = keyword.split(' ').all(|word| nouns.contains(word));
        let form = usual_form(&keyword, &words).unwrap_or(raw);
        if is_new && is_noun && form.len() < 60 && stands_alone(&form, &body) {
            seen.extend(roots);
            terms.push(form);
        }
    }
    terms.truncate(n);
    terms
}

/// The nouns and names among the words, in small letters; not the months, and
/// not those that fit any text.
fn nouns(words: &[Word]) -> BTreeSet<String> {
    const ANY_TEXT: [&str; 8] = [
        "year", "years", "time", "times", "day", "days", "way", "ways",
    ];
    let is_dated = |i: usize| {
        words
            .get(i + 1)
            .is_some_and(|(next, _)| next.parse::<u16>().is_ok())
    };
    let is_noun = |(i, (_, tag)): &(usize, &Word)| {
        matches!(tag, None | Some(UPOS::NOUN | UPOS::PROPN)) && !is_dated(*i)
    };
    let nouns = words.iter().enumerate().filter(is_noun);
    let mut nouns: BTreeSet<String> = nouns.map(|(_, (word, _))| word.to_lowercase()).collect();
    nouns.retain(|noun| !ANY_TEXT.contains(&noun.as_str()));
    nouns
}

/// Orders terms, the best having least: a phrase that comes back says more
/// than its words do, and one that does not says less.
fn weight(term: &ResultItem, body: &str) -> f64 {
    let is_phrase = term.keyword.contains(' ');
    match is_phrase.then(|| body.matches(&term.raw).count()) {
        None => term.score,
        Some(0 | 1) => term.score * 4.0,
        Some(_) => term.score / 4.0,
    }
}

/// How the text mostly writes a word that is given in small letters.
fn usual_form(keyword: &str, words: &[Word]) -> Option<String> {
    let forms = || {
        words
            .iter()
            .map(|(word, _)| word)
            .filter(|word| word.to_lowercase() == keyword)
    };
    let count = |form: &String| forms().filter(|word| *word == form).count();
    forms()
        .max_by_key(|form| (count(form), !is_capital(form)))
        .cloned()
}

/// Whether one of the sentences, a line each, has this term outside a longer
/// name; "World Health" may never be.
fn stands_alone(term: &str, sentences: &str) -> bool {
    sentences.lines().any(|sentence| {
        sentence.match_indices(term).any(|(start, _)| {
            let before = sentence[..start].strip_suffix(' ').unwrap_or_default();
            let after = sentence[start + term.len()..]
                .strip_prefix(' ')
                .unwrap_or_default();
            // The first word has a capital anyway.
            let last = before.rsplit_once(' ').map_or("", |(_, last)| last);
            let follows_name = is_capital(last) && last.ends_with(char::is_alphanumeric);
            !follows_name && !is_capital(after)
        })
    })
}
