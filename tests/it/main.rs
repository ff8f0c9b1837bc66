//! What the public face promises, one module for each behaviour.

mod compile;
mod error_pages;
mod impossible;
