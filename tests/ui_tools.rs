//! What the compiler says to a mistake in a tool; see `ui.rs`. It is built with
//! the feature `agents` and the default ones, and no others.

#![cfg(all(
    feature = "agents",
    not(any(feature = "encryption", feature = "postgres", feature = "sqlite"))
))]

#[test]
fn mistakes_in_tools_are_explained_where_they_are_made() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/tools/*.rs");
    cases.pass("tests/ui/tools/pass/*.rs");
}
