//! The kit that judges a [`Checkpointer`](crate::checkpoint::Checkpointer).
//!
//! Each case is a function over any checkpointer. The list of them stands in
//! one macro, from which the tests of a user and the table of all cases are
//! made.

mod cases;
pub mod commits;
pub mod copying;
pub mod deleting;
pub mod dropping;
pub mod entries;
mod judge;
pub mod leases;
pub mod listing;
pub mod loading;
mod model;
pub mod names;
pub mod racing;
mod scene;
mod verdict;

pub use cases::{Case, cases};
pub use judge::{assert_case, judge};
pub use scene::Scene;
pub use verdict::{Broken, Verdict};

pub use crate::checkpoint::Checkpointer;
pub use crate::{__checkpointer_kit_cases as list, __checkpointer_kit_tests as tests};

#[macro_export]
macro_rules! checkpointer_kit {
    ($(#[$meta:meta])* $name:ident, $open:expr $(,)?) => {
        #[cfg(test)]
        $(#[$meta])*
        mod $name {
            mod __open {
                #[allow(unused_imports)]
                use super::super::*;

                pub(super) async fn open() -> impl $crate::testing::__kit::Checkpointer {
                    $open.await
                }
            }

            $crate::testing::__kit::list! { ($crate::testing::__kit::tests) {} }
        }
    };
}
