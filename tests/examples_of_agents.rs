//! What the example of agents searches.

#[path = "../examples/support/library.rs"]
mod library;

use std::path::Path;

use library::Library;

/// Checks which passage is found first, or why none can be looked for.
#[track_caller]
fn check(words: &str, expected: &str) {
    let essays = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let library = Library::open(&essays).expect("the essays are there");
    let found = match library.search(words, 1) {
        Ok(found) => found.iter().map(|passage| &*passage.id).collect(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn words_are_known_by_their_stems() {
    check("milkmaid", "vaccination-3");
    check("MILKMAIDS!", "vaccination-3");
}

#[test]
fn no_word_is_an_operator() {
    check("\"NOT milkmaids\" AND id:* NEAR(", "vaccination-3");
    check("... - *", "");
    check("", "");
}

#[test]
fn what_cannot_be_looked_for_is_told() {
    check("nothing\0", "unterminated string");
}
