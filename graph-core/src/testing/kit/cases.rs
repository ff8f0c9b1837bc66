//! The list of all cases, and what is made of it.

use std::future::Future;
use std::pin::Pin;

use super::{Scene, Verdict};
use super::{
    commits, copying, deleting, dropping, entries, leases, listing, loading, names, racing,
};
use crate::checkpoint::Checkpointer;

/// Makes a test of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __checkpointer_kit_tests {
    ({} $($theme:ident { $($case:ident)* })*) => {
        $(mod $theme {
            $(#[test]
            fn $case() {
                $crate::testing::kit::assert_case(
                    super::__opened::__open(),
                    $crate::testing::kit::$theme::$case,
                );
            })*
        })*
    };
}

/// Calls a macro with the list of all cases by theme.
#[doc(hidden)]
#[macro_export]
macro_rules! __checkpointer_kit_cases {
    (($($then:tt)+) $given:tt) => {
        $($then)+! {
            $given
            leases {
                a_free_thread_is_leased_at_once
                a_second_claim_is_told_how_long_the_lease_lasts
                a_claim_that_is_refused_changes_nothing
                a_released_lease_is_free
                releasing_a_lease_that_was_taken_over_does_nothing
                a_lease_ends_by_itself
                a_lease_of_no_length_ends_at_once
                a_lease_may_last_as_long_as_can_be_said
                a_lease_that_ran_out_writes_until_another_has_it
                a_lease_that_ran_out_can_be_renewed_until_another_has_it
                a_renewed_lease_lasts_from_now_on
                renewing_is_refused_after_a_takeover
                a_claim_can_take_the_lease_over
                tokens_grow_with_every_lease
                tokens_grow_whatever_other_threads_do
                tokens_grow_beyond_a_delete
                a_lease_knows_the_head_and_who_wrote_it
                abandoning_leaves_anothers_lease_alone
                an_abandoned_lease_ends_by_itself
                abandoning_neither_blocks_nor_needs_a_runtime
                a_lease_that_was_never_given_is_refused
            }
            commits {
                the_first_checkpoint_begins_a_thread
                each_commit_becomes_the_head
                a_number_that_leaves_a_gap_is_refused
                a_number_that_is_taken_is_refused
                a_commit_that_was_refused_can_be_put_right
                a_writer_whose_lease_was_taken_over_is_refused
                a_writer_is_refused_after_the_next_one_has_left
                of_a_commit_under_an_old_token_nothing_is_seen
                of_a_commit_not_onto_the_head_nothing_is_seen
                a_commit_can_give_the_lease_back
                a_commit_keeps_the_lease_otherwise
                every_column_comes_back
                json_comes_back_byte_for_byte
                texts_of_megabytes_come_back
                a_commit_may_change_nothing
                a_thousand_fields_change_at_once
                entries_can_come_with_a_commit
                a_commit_drops_the_entries_of_the_checkpoint_it_names
            }
            loading {
                of_what_is_not_there_nothing_is_loaded
                each_checkpoint_is_loaded_by_its_number
                a_value_comes_with_what_was_added_since_oldest_first
                a_newer_value_hides_what_was_before
                what_is_added_to_nothing_is_loaded_from_the_first
                fields_come_by_name
                a_field_is_found_however_long_ago_it_was_written
                a_fork_reads_its_parents_line_up_to_where_it_left
                a_fork_leaves_the_line_it_left_as_it_is
                a_fork_sees_fields_that_it_never_wrote
                forks_of_one_checkpoint_do_not_see_each_other
                a_fork_of_a_fork_reads_all_the_way_back
                a_fork_of_the_first_can_be_forked_again
                a_line_without_a_parent_reads_nothing_before_it
                entries_come_by_task_and_key
                a_tangled_history_is_loaded_as_the_rules_say
            }
            entries {
                what_was_put_is_loaded
                a_later_entry_takes_the_place_of_an_earlier
                of_two_in_one_call_the_later_counts
                an_entry_without_json_is_taken_away
                what_is_not_there_can_be_taken_away
                entries_of_other_checkpoints_stay
                a_commit_keeps_entries_unless_it_drops_them
                ten_thousand_are_put_at_once
                entries_under_an_old_token_are_refused
                task_and_key_do_not_run_together
                an_empty_list_of_entries_changes_nothing
            }
            listing {
                checkpoints_are_listed_newest_first
                a_list_has_so_many_at_the_most
                a_list_can_begin_before_a_checkpoint
                a_list_holds_all_forks
                a_thread_without_checkpoints_lists_none
                changes_are_those_of_the_checkpoint
                changes_of_a_fork_are_its_own
                threads_are_listed_by_name
                a_list_of_threads_has_so_many_at_the_most
                a_list_of_threads_can_begin_after_one
                pages_of_threads_hold_each_once
                all_threads_are_listed_where_no_limit_is_meant
                a_thread_is_listed_once_it_has_checkpoints
            }
            copying {
                a_copy_has_all_checkpoints_forks_and_entries
                a_copy_does_not_have_the_lease
                a_copy_and_its_origin_go_on_apart
                a_copy_never_replaces_a_thread
                a_thread_that_was_only_leased_gives_way_to_a_copy
                a_name_is_free_again_once_its_thread_was_deleted
                a_copy_of_what_is_not_there_is_nothing
            }
            deleting {
                a_deleted_thread_is_gone
                a_thread_of_that_name_begins_anew
                deleting_frees_the_lease
                a_lease_that_was_taken_over_cannot_delete
                what_is_not_there_is_deleted_already
                after_a_delete_its_lease_writes_no_more
                other_threads_stay_as_they_are
            }
            names {
                names_that_begin_alike
                names_that_match_as_patterns
                names_that_differ_by_case_or_space
                names_with_quotes
                names_with_separators
                names_in_unicode
                very_long_names
                names_with_a_nul
            }
            racing {
                of_many_claims_one_gets_the_lease
                of_many_takeovers_the_greatest_token_has_the_lease
                racing_commits_make_one_line_without_a_gap
                entries_put_at_once_under_one_lease_are_all_there
                many_threads_are_written_at_once
                who_reads_during_writes_sees_whole_checkpoints
            }
            dropping {
                a_dropped_commit_is_whole_or_nothing
                dropped_entries_are_all_there_or_none
                a_dropped_claim_leaves_the_thread_to_others
                a_dropped_copy_is_whole_or_nothing
                a_dropped_delete_is_whole_or_nothing
            }
        }
    };
}

pub use {__checkpointer_kit_cases as list, __checkpointer_kit_tests as tests};

/// A case with its name, for whoever runs it without a test harness.
pub type Case<K> = (
    &'static str,
    fn(Scene<K>) -> Pin<Box<dyn Future<Output = Verdict>>>,
);

/// All cases.
#[must_use]
pub fn cases<K: Checkpointer>() -> Vec<Case<K>> {
    macro_rules! table {
        ({} $($theme:ident { $($case:ident)* })*) => {
            vec![$($((
                concat!(stringify!($theme), "::", stringify!($case)),
                |scene| Box::pin($theme::$case(scene)),
            ),)*)*]
        };
    }
    __checkpointer_kit_cases! { (table) {} }
}
