//! How callers name nodes.

use super::Worker;

/// What `add_edge` and its like take for a place in the graph.
///
/// A name as `&str` or `String`, a [`Worker`], or several of these. An array,
/// a `Vec` or a slice holds one kind; a tuple of up to eight mixes them.
///
/// # Examples
///
/// A join of a worker and a node waits for both:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Default, Serialize, Deserialize)]
/// struct Text {
///     words: u64,
///     language: String,
/// }
///
/// const COUNT: Worker<String> = Worker::new("count");
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
/// # runtime.block_on(async {
/// let graph = StateGraph::<Text>::new("text")
///     .add_worker(COUNT, async |text: String| {
///         Text::update().words(text.split(' ').count() as u64)
///     })
///     .add_node("language", async |_: View<Text>| Text::update().language("en"))
///     .add_node("report", async |_: View<Text>| {})
///     .add_edge(START, "language")
///     .add_conditional_edges(START, |_: &Text| COUNT.send("one two".into()), COUNT)
///     .add_edge((COUNT, "language"), "report")
///     .compile()?;
///
/// let run = graph.invoke(Text::update()).await?;
/// assert_eq!((run.state.words, run.state.language.as_str()), (2, "en"));
/// assert_eq!(run.ran()[1], ["report"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a node",
    label = "expected a node's name",
    note = "write a name, a `Worker`, `START` or `END`, an array or `Vec` of one kind of these, or a tuple of several kinds"
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

#[diagnostic::do_not_recommend]
impl<N: IntoNames + Clone, const K: usize> IntoNames for &[N; K] {
    fn into_names(self) -> Vec<String> {
        self.as_slice().into_names()
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: IntoNames),*> IntoNames for ($($name,)*) {
            fn into_names(self) -> Vec<String> {
                #[expect(non_snake_case, reason = "a name for each type and its value")]
                let ($($name,)*) = self;
                let mut names = Vec::new();
                $(names.extend($name.into_names());)*
                names
            }
        }
    )*};
}

tuples! {
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}
