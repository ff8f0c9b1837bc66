//! Routing enums.

/// An enum whose variants are places to go to.
///
/// Derive it: `#[route("name")]` on a variant names its node, `#[route(END)]`
/// ends the path.
///
/// # Examples
///
/// ```
/// use superstep::prelude::*;
///
/// #[derive(Route)]
/// enum Next {
///     #[route("search")]
///     Search,
///     #[route(END)]
///     Stop,
/// }
///
/// assert_eq!(Next::TARGETS, ["search", "__end__"]);
/// assert_eq!(Next::Stop.target(), END);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where to go",
    label = "not a route",
    note = "a route returns an enum with `#[derive(Route)]`; for names or sends use `add_conditional_edges`"
)]
pub trait Route {
    /// The targets of all variants, in the order of declaration.
    const TARGETS: &'static [&'static str];

    /// The place of this variant's target in [`TARGETS`](Self::TARGETS).
    fn index(&self) -> usize;

    /// The target of this variant: the name of a node, or `END`.
    fn target(&self) -> &'static str {
        Self::TARGETS[self.index()]
    }
}
