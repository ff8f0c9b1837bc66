//! The lists of all cases, and what is made of them.

use std::future::Future;
use std::pin::Pin;

use super::{Scene, Verdict, answers, dropping, failing, shapes, streams, tools};
use crate::ChatModel;

/// Makes a test of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __chat_model_kit_tests {
    ({} $($theme:ident { $($case:ident)* })*) => {
        $(mod $theme {
            $(#[test]
            fn $case() {
                $crate::__model_kit::assert_case(
                    super::__made::__make(),
                    super::__made::__can(),
                    $crate::__model_kit::$theme::$case,
                );
            })*
        })*
    };
}

/// Calls a macro with the list of all cases by theme.
#[doc(hidden)]
#[macro_export]
macro_rules! __chat_model_kit_cases {
    (($($then:tt)+) $given:tt) => {
        $($then)+! {
            $given
            answers {
                it_has_a_name
                it_can_what_it_is_said_to
                it_answers
                an_answer_says_what_it_has_used
                a_system_message_is_taken
                a_conversation_goes_on
                names_and_ids_are_taken
                any_language_is_taken
                long_conversations_are_taken
                an_answer_that_is_too_long_says_so
                an_answer_ends_before_what_stops_it
                fifty_ask_at_once
            }
            streams {
                put_together_it_is_an_answer
                it_is_what_the_whole_answer_is
                it_says_what_it_has_used
                it_says_once_why_it_ends
                it_ends_once
                no_piece_is_empty
                one_that_is_too_long_says_so
                fifty_are_read_at_once
            }
            tools {
                the_one_that_is_named_is_called
                some_tool_is_called_where_one_must_be
                none_is_called_where_none_may_be
                a_result_goes_back
                a_failure_goes_back
                several_calls_have_ids_of_their_own
                results_of_several_calls_go_back
                one_is_called_where_one_may_be
                a_call_comes_piece_by_piece
            }
            shapes {
                json_is_json
                a_schema_is_kept
                a_schema_is_kept_piece_by_piece
                an_answer_of_a_type_is_given
            }
            dropping {
                a_dropped_answer_leaves_it_as_it_was
                a_dropped_stream_leaves_it_as_it_was
                a_stream_that_is_never_read_leaves_it_as_it_was
                of_many_that_are_dropped_none_holds_up_the_next
            }
        }
    };
}

/// Calls a macro with the list of the cases of what fails.
#[doc(hidden)]
#[macro_export]
macro_rules! __chat_model_kit_failing {
    (($($then:tt)+) $given:tt) => {
        $($then)+! {
            $given
            failing {
                an_answer_fails
                an_error_says_what_happened
                a_streams_error_is_its_last_item
                a_stream_that_fails_never_says_that_it_is_complete
                it_fails_as_often_as_it_is_asked
            }
        }
    };
}

pub use {
    __chat_model_kit_cases as list, __chat_model_kit_failing as failing,
    __chat_model_kit_tests as tests,
};

/// A case with its name, for whoever runs it without a test harness.
pub type Case<M> = (
    &'static str,
    fn(Scene<M>) -> Pin<Box<dyn Future<Output = Verdict>>>,
);

/// All cases, those of what fails last.
#[must_use]
pub fn cases<M: ChatModel>() -> Vec<Case<M>> {
    macro_rules! table {
        ({} $($theme:ident { $($case:ident)* })*) => {
            vec![$($((
                concat!(stringify!($theme), "::", stringify!($case)),
                |scene| Box::pin($theme::$case(scene)),
            ),)*)*]
        };
    }
    let mut cases: Vec<Case<M>> = __chat_model_kit_cases! { (table) {} };
    let failing: Vec<Case<M>> = __chat_model_kit_failing! { (table) {} };
    cases.extend(failing);
    cases
}
