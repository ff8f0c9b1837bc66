//! What the compiler says to a mistake: one error, at the token to change,
//! with the words for what to type instead.
//!
//! Messages name what else there is in the program: they are those of one with
//! the default features, in which alone this test is built.

#![cfg(not(any(feature = "encryption", feature = "postgres", feature = "sqlite")))]

/// Each message is that of one compiler, Rust 1.95; another may word it
/// otherwise. `TRYBUILD=overwrite` writes them anew, to be read before they
/// are kept.
#[test]
fn mistakes_are_explained_where_they_are_made() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
