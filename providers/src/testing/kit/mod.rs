//! The kit that judges a [`ChatModel`](crate::ChatModel).
//!
//! Each case is a function over any model. The list of them stands in one macro.
//! What the macro expands to is outside semver.

pub mod answers;
mod cases;
pub mod dropping;
pub mod failing;
mod judge;
mod scene;
pub mod shapes;
pub mod streams;
pub mod tools;
mod verdict;

pub use cases::{Case, cases, failing as fails, list, tests};
pub use judge::{assert_case, judge};
pub use scene::Scene;
pub use verdict::{Broken, Verdict};

pub use crate::{Capabilities, ChatModel};

/// Judges a [`ChatModel`]: makes a module with a test for each of some forty
/// cases.
///
/// Give it the module's name, a future of your model, and what it can; then, if
/// there is one, a future of a model each of whose answers fails, such as one
/// with a wrong key. It needs no crate but superstep, and no attribute:
///
/// ```
/// use superstep_providers::{Capabilities, TestModel, chat_model_kit};
///
/// chat_model_kit!(test_model, async { TestModel::new() }, Capabilities::all());
/// ```
///
/// ```
/// use superstep_providers::{Capabilities, ModelErrorKind, ScriptedModel, TestModel, chat_model_kit};
///
/// chat_model_kit!(
///     both,
///     async { TestModel::new() },
///     Capabilities::all(),
///     fails: async { ScriptedModel::new().otherwise(ModelErrorKind::Auth) },
/// );
/// ```
///
/// # How the cases run
///
/// Each has a runtime of its own, of one thread, with all of tokio's drivers that
/// are compiled in; the clock is not paused. What has not answered after two
/// minutes has failed. Cases about what a model cannot do pass.
///
/// The cases ask what every model can answer: to say hello, to count, to call the
/// tools `add` and `look_up`, to tell of a city as JSON. What is compared word by
/// word is compared only where the model says the same thing twice.
///
/// # What is asked for
///
/// - **`answers`.** It has a name, and can what it is said to. An answer is of the
///   assistant, says why it ends and what it has used; it ends before a text at
///   which it is to stop, and where it has reached its longest *it says so*.
///   Conversations may be long, in any language, with names and ids. *Fifty may
///   ask at once.*
/// - **`streams`.** Put together they are what a whole answer would be, usage
///   included. They say once why they end, and end once; *no piece is empty*.
/// - **`tools`.** One that must be called is, by its name, with an object as
///   arguments; of several calls *each has an id of its own*, and where one is
///   allowed there is one. Results go back, those that failed too.
/// - **`shapes`.** What is asked for as JSON is JSON, and what has a schema fits it.
/// - **`dropping`.** After answers and streams were dropped at any of their awaits
///   it answers as before.
/// - **`failing`.** An error is told, and *is the last of a stream*, which has not
///   said before that it is complete.
#[macro_export]
macro_rules! chat_model_kit {
    ($(#[$meta:meta])* $name:ident, $make:expr, $can:expr $(,)?) => {
        #[cfg(test)]
        $(#[$meta])*
        mod $name {
            mod __made {
                // The expressions' names are those of where the macro stands.
                #[allow(unused_imports)]
                use super::super::*;

                pub(super) async fn __make() -> impl $crate::__model_kit::ChatModel {
                    $make.await
                }

                pub(super) fn __can() -> $crate::__model_kit::Capabilities {
                    $can
                }
            }

            $crate::__model_kit::list! { ($crate::__model_kit::tests) {} }
        }
    };
    ($(#[$meta:meta])* $name:ident, $make:expr, $can:expr, fails: $fails:expr $(,)?) => {
        #[cfg(test)]
        $(#[$meta])*
        mod $name {
            mod __made {
                #[allow(unused_imports)]
                use super::super::*;

                pub(super) async fn __make() -> impl $crate::__model_kit::ChatModel {
                    $make.await
                }

                pub(super) fn __can() -> $crate::__model_kit::Capabilities {
                    $can
                }
            }

            $crate::__model_kit::list! { ($crate::__model_kit::tests) {} }

            mod __fails {
                mod __made {
                    #[allow(unused_imports)]
                    use super::super::super::*;

                    pub(super) async fn __make() -> impl $crate::__model_kit::ChatModel {
                        $fails.await
                    }

                    pub(super) fn __can() -> $crate::__model_kit::Capabilities {
                        $can
                    }
                }

                $crate::__model_kit::fails! { ($crate::__model_kit::tests) {} }
            }
        }
    };
}
