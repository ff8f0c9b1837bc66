//! A model that needs no network: it looks for words of a list in a review, in
//! English, German, French and Spanish.

use std::time::Duration;

use serde_json::json;
use superstep::{CurrentTask, ModelRequest, OutputFormat, Reply, ScriptedModel};

use super::reviews::{Category, Sentiment, Urgency};

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(10);

/// The model. As real ones do, it refuses what is no text, and has too much to
/// do now and then: then it asks to be left alone for a moment.
pub(crate) fn readers() -> ScriptedModel {
    let busy = Reply::rate_limited(2 * LATENCY);
    ScriptedModel::new()
        .named("word lists")
        .latency(LATENCY)
        .when(is_unreadable, Reply::refusal("there are no words in it"))
        .when(finds_it_busy, Reply::attempts([busy, Reply::with(answer)]))
        .otherwise(Reply::with(answer))
}

fn is_unreadable(request: &ModelRequest, _: Option<&CurrentTask>) -> bool {
    !text(request).contains(char::is_alphabetic)
}

/// By the text, so that each run has the same trouble.
fn finds_it_busy(request: &ModelRequest, task: Option<&CurrentTask>) -> bool {
    let is_category = task.is_some_and(|task| *task.node() == "category");
    is_category && text(request).len().is_multiple_of(8)
}

/// What is found in the text, by the name of what was asked for.
fn answer(request: &ModelRequest) -> Reply {
    let text = text(request);
    let words = words(&text);
    let OutputFormat::Schema { name, .. } = &request.output else {
        return Reply::refusal("these word lists answer in types only");
    };
    match name.as_str() {
        "Sentiment" => json!({ "value": sentiment(&words) }),
        "Category" => json!({ "value": category(&words) }),
        "Urgency" => json!({ "value": urgency(&words) }),
        "Keywords" => json!({ "keywords": keywords(&words) }),
        _ => return Reply::refusal("these word lists know nothing of that"),
    }
    .into()
}

fn text(request: &ModelRequest) -> String {
    let last = request.messages.last();
    last.map(|message| message.text()).unwrap_or_default()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn begins(word: &str, stems: &str) -> bool {
    stems.split(' ').any(|stem| match stem.strip_suffix('.') {
        Some(whole) => word == whole,
        None => word.starts_with(stem),
    })
}

/// Beginnings of words; whole ones end with a dot.
const GOOD: &str = "great love excellent good. wonderful perfe bright sturdy fair. friendly helpful \
    happy comfortable easy pleasant lovely warm beautiful kind. best amazing thank fast. apologised \
    super zufrieden gut. toll wunderschön schnell \
    magnifique bon. bonne recommande excellente rapide adore correct \
    rápido fantástica buen buena contento amable puntual";
const BAD: &str = "late. crushed terrible broke awful dangerous overpriced short. wrong. died \
    flicker useless annoying disappoint poor worst crackles missing bad. joke refuse angry swell \
    hurt slow lost. cheap. waiting \
    leider kaputt unfreundlich beschädigt schlecht falsch enttäuschend langsam kurz. gefährlich \
    lente cassé déçu retard fausse nul. mauvaise cher. \
    horrible peligroso pésima decepcionado nadie";
const NOT: &str = "not. no. never. nicht. kein pas. nothing. without";

/// Counts good words and bad ones; after a "not" they are the other way round.
fn sentiment(words: &[String]) -> Sentiment {
    let (mut good, mut bad) = (0, 0);
    for (at, word) in words.iter().enumerate() {
        let before = &words[at.saturating_sub(2)..at];
        let is_not = before.iter().any(|word| begins(word, NOT));
        match (begins(word, GOOD), begins(word, BAD), is_not) {
            (true, _, false) | (_, true, true) => good += 1,
            (_, true, false) | (true, _, true) => bad += 1,
            (false, false, _) => {}
        }
    }
    match good - bad {
        1.. if bad == 0 || good > 2 * bad => Sentiment::Positive,
        ..=-1 if good == 0 || bad > 2 * good => Sentiment::Negative,
        _ => Sentiment::Mixed,
    }
}

/// Things, what kind of thing they are, and how their names begin.
const THINGS: [(&str, Category, &str); 18] = [
    (
        "battery",
        Category::Product,
        "batter akku batería autonomie",
    ),
    (
        "screen",
        Category::Product,
        "screen display bildschirm écran pantalla",
    ),
    ("sound", Category::Product, "sound klang son. sonido"),
    (
        "headphones",
        Category::Product,
        "headphone kopfhörer casque",
    ),
    ("speaker", Category::Product, "speaker lautsprecher"),
    (
        "charger",
        Category::Product,
        "charger. ladegerät chargeur cargador supply",
    ),
    ("cable", Category::Product, "cable. kabel câble"),
    ("keyboard", Category::Product, "keyboard keys tastatur"),
    ("lamp", Category::Product, "lamp lampe"),
    ("case", Category::Product, "case. hülle"),
    (
        "quality",
        Category::Product,
        "quality qualität qualité calidad",
    ),
    ("parcel", Category::Delivery, "parcel paket colis paquete"),
    (
        "delivery",
        Category::Delivery,
        "deliver lieferung versand livraison entrega envío courier driver bote repartidor",
    ),
    (
        "support",
        Category::Service,
        "support hotline agent kundendienst service servicio atención",
    ),
    (
        "refund",
        Category::Service,
        "refund money erstattung rembours reembolso",
    ),
    ("return", Category::Service, "return. rückgabe retour"),
    ("warranty", Category::Service, "warranty garantie garantía"),
    (
        "price",
        Category::Price,
        "price overpriced cheap discount invoice charged preis rechnung prix facture cher. precio",
    ),
];

fn named(words: &[String]) -> impl Iterator<Item = (&'static str, Category)> {
    words.iter().filter_map(|word| {
        let mut things = THINGS.iter();
        let thing = things.find(|(_, _, stems)| begins(word, stems));
        thing.map(|&(thing, category, _)| (thing, category))
    })
}

/// What most of the things are; of as many, what is named first.
fn category(words: &[String]) -> Category {
    let all: Vec<Category> = named(words).map(|(_, category)| category).collect();
    let count = |category: Category| all.iter().filter(|other| **other == category).count();
    let most = all.iter().rev().max_by_key(|category| count(**category));
    most.copied().unwrap_or(Category::Product)
}

fn keywords(words: &[String]) -> Vec<&'static str> {
    let mut keywords = Vec::new();
    for (thing, _) in named(words) {
        if !keywords.contains(&thing) {
            keywords.push(thing);
        }
    }
    keywords.truncate(5);
    keywords
}

fn urgency(words: &[String]) -> Urgency {
    const DANGER: &str = "smoke burned shock fire. danger raucht gefährlich humo. peligro";
    const WAITS: &str = "refund replacement waiting wait. wrong. return. warte erstattung \
        réponds répond reembolso responde contestan missing";
    let has = |stems| words.iter().any(|word| begins(word, stems));
    match (has(DANGER), has(WAITS)) {
        (true, _) => Urgency::High,
        (false, true) => Urgency::Medium,
        (false, false) => Urgency::Low,
    }
}
