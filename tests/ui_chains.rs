//! What the compiler says to a mistake in a chain; see `ui.rs`. It is built with
//! the feature `agents` and the default ones, and no others.

#![cfg(all(
    feature = "agents",
    not(any(feature = "encryption", feature = "postgres", feature = "sqlite"))
))]

#[test]
fn mistakes_in_chains_are_explained_where_they_are_made() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/chains/*.rs");
    cases.pass("tests/ui/chains/pass/*.rs");
}
