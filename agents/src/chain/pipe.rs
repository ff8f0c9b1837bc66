//! `|`, on all that a chain can begin with.

use std::ops::BitOr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use superstep_providers::{Message, Model, ModelRequest, ModelResponse};

use super::parse::{JsonParser, ListParser, TextParser};
use super::{Chain, IntoChain, Prompt};

/// One after the other: `prompt | model | text()`.
impl<I, M, R> BitOr<R> for Chain<I, M>
where
    I: Send + 'static,
    M: Send + 'static,
    R: IntoChain<M>,
{
    type Output = Chain<I, R::Output>;

    fn bitor(self, next: R) -> Self::Output {
        self.pipe(next)
    }
}

impl<I, R> BitOr<R> for Prompt<I>
where
    I: Serialize + Send + 'static,
    R: IntoChain<Vec<Message>>,
{
    type Output = Chain<I, R::Output>;

    fn bitor(self, next: R) -> Self::Output {
        self.into_chain().pipe(next)
    }
}

// A model that begins a chain takes a request; see `Chain::takes`.
macro_rules! after_model {
    ($([$($generics:tt)*] $next:ty => $output:ty;)*) => {
        $(impl<$($generics)*> BitOr<$next> for Model {
            type Output = Chain<ModelRequest, $output>;

            fn bitor(self, next: $next) -> Self::Output {
                IntoChain::<ModelRequest>::into_chain(self).pipe(next)
            }
        })*
    };
}

after_model! {
    [O: Send + 'static] Chain<ModelResponse, O> => O;
    [] TextParser => String;
    [T: DeserializeOwned + Send + 'static] JsonParser<T> => T;
    [] ListParser => Vec<String>;
}
