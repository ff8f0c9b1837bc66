//! How callers name nodes.

use super::Worker;

/// What `add_edge` and its like take for a place in the graph.
///
/// A name as `&str` or `String`, a [`Worker`], or an array, `Vec` or slice of
/// these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a node",
    label = "expected a node's name",
    note = "write a name, a `Worker`, `START` or `END`, or an array or `Vec` of these"
)]
pub trait IntoNames {
    /// The names, in order.
    fn into_names(self) -> Vec<String>;
}

#[diagnostic::do_not_recommend]
impl IntoNames for &str {
    fn into_names(self) -> Vec<String> {
        vec![self.into()]
    }
}

#[diagnostic::do_not_recommend]
impl IntoNames for String {
    fn into_names(self) -> Vec<String> {
        vec![self]
    }
}

#[diagnostic::do_not_recommend]
impl IntoNames for &String {
    fn into_names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoNames for Worker<T> {
    fn into_names(self) -> Vec<String> {
        vec![self.name().into()]
    }
}

#[diagnostic::do_not_recommend]
impl<N: IntoNames> IntoNames for Vec<N> {
    fn into_names(self) -> Vec<String> {
        self.into_iter().flat_map(N::into_names).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<N: IntoNames, const K: usize> IntoNames for [N; K] {
    fn into_names(self) -> Vec<String> {
        self.into_iter().flat_map(N::into_names).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<N: IntoNames + Clone> IntoNames for &[N] {
    fn into_names(self) -> Vec<String> {
        self.iter().cloned().flat_map(N::into_names).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<N: IntoNames + Clone> IntoNames for &Vec<N> {
    fn into_names(self) -> Vec<String> {
        self.as_slice().into_names()
    }
}
