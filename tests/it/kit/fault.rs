//! The faults, and what those of writing and reading do.

use superstep::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldKind, FieldRecord, Lease, Loaded, ThreadId,
};

use super::faulty::Faulty;

/// Declares the faults, each with the case that is to find it.
macro_rules! faults {
    ($($fault:ident: $case:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Fault {
            None,
            $($fault),*
        }

        pub(super) const FAULTS: &[(Fault, &str)] = &[$((Fault::$fault, $case)),*];
    };
}

faults! {
    AlwaysTakesOver: "leases::a_second_claim_is_told_how_long_the_lease_lasts",
    NeverTakesOver: "leases::a_claim_can_take_the_lease_over",
    LeasesNeverEnd: "leases::a_lease_ends_by_itself",
    NoLeaseOfNoLength: "leases::a_lease_of_no_length_ends_at_once",
    CountsBeforeItLooks: "leases::a_claim_that_is_refused_changes_nothing",
    SaysNotWhenItIsFree: "leases::a_second_claim_is_told_how_long_the_lease_lasts",
    ForgetsTheHead: "leases::a_lease_knows_the_head_and_who_wrote_it",
    ForgetsWhoWroteTheHead: "leases::a_lease_knows_the_head_and_who_wrote_it",
    SaysItWroteTheHead: "leases::a_lease_knows_the_head_and_who_wrote_it",
    RenewsForAnybody: "leases::renewing_is_refused_after_a_takeover",
    RenewsNothing: "leases::a_renewed_lease_lasts_from_now_on",
    ReleasesForAnybody: "leases::releasing_a_lease_that_was_taken_over_does_nothing",
    ReleasesNothing: "leases::a_released_lease_is_free",
    ReleasesWithAnError: "leases::releasing_a_lease_that_was_taken_over_does_nothing",
    AbandonsForAnybody: "leases::abandoning_leaves_anothers_lease_alone",
    AbandonsInTheRuntime: "leases::abandoning_neither_blocks_nor_needs_a_runtime",
    UsesTokensAgain: "leases::tokens_grow_beyond_a_delete",
    CommitsForAnybody: "commits::a_writer_whose_lease_was_taken_over_is_refused",
    CommitsAnyNumber: "commits::a_number_that_leaves_a_gap_is_refused",
    ForgetsToRelease: "commits::a_commit_can_give_the_lease_back",
    AlwaysReleases: "commits::a_commit_keeps_the_lease_otherwise",
    LosesEntriesOfCommits: "commits::entries_can_come_with_a_commit",
    KeepsDroppedEntries: "commits::a_commit_drops_the_entries_of_the_checkpoint_it_names",
    DropsEntriesBefore: "commits::a_commit_drops_the_entries_of_the_checkpoint_it_names",
    LosesTheLastField: "commits::the_first_checkpoint_begins_a_thread",
    TearsCommits: "dropping::a_dropped_commit_is_whole_or_nothing",
    RefusesAfterTheEntries: "commits::of_a_commit_not_onto_the_head_nothing_is_seen",
    TrimsJson: "commits::json_comes_back_byte_for_byte",
    TidiesJson: "commits::json_comes_back_byte_for_byte",
    RoundsNumbers: "commits::every_column_comes_back",
    CutsSignsOff: "commits::every_column_comes_back",
    PutsForAnybody: "entries::entries_under_an_old_token_are_refused",
    PutsOnlyWhatIsNew: "entries::a_later_entry_takes_the_place_of_an_earlier",
    TakesNothingAway: "entries::an_entry_without_json_is_taken_away",
    TakesTasksAway: "entries::what_is_not_there_can_be_taken_away",
    PutsTheFirstOfTwo: "entries::of_two_in_one_call_the_later_counts",
    PutsOneByOne: "dropping::dropped_entries_are_all_there_or_none",
    ReadsThenWrites: "racing::entries_put_at_once_under_one_lease_are_all_there",
    LoadsTheHeadForTheUnknown: "loading::of_what_is_not_there_nothing_is_loaded",
    ReadsOneLineOnly: "loading::a_fork_reads_its_parents_line_up_to_where_it_left",
    ReadsWhatCameAfterTheFork: "loading::a_fork_reads_its_parents_line_up_to_where_it_left",
    LoadsOnlyTheNewest: "loading::a_value_comes_with_what_was_added_since_oldest_first",
    LoadsAllThereEverWas: "loading::a_newer_value_hides_what_was_before",
    LoadsNewestFirst: "loading::a_value_comes_with_what_was_added_since_oldest_first",
    LoadsFieldsUnsorted: "loading::fields_come_by_name",
    LoadsEntriesUnsorted: "loading::entries_come_by_task_and_key",
    LoadsEntriesOfTheParent: "entries::a_commit_keeps_entries_unless_it_drops_them",
    ReadsInTwoGoes: "racing::who_reads_during_writes_sees_whole_checkpoints",
    ListsBeforeAndItself: "listing::a_list_can_begin_before_a_checkpoint",
    ListsOldestFirst: "listing::checkpoints_are_listed_newest_first",
    ListsOneTooMany: "listing::a_list_has_so_many_at_the_most",
    ListsAllForNone: "listing::a_list_has_so_many_at_the_most",
    ListsOneLine: "listing::a_list_holds_all_forks",
    TakesLimitsForI32: "listing::a_list_has_so_many_at_the_most",
    ChangesAreAllThatIsLoaded: "listing::changes_are_those_of_the_checkpoint",
    NamesThreadsThatAreOnlyLeased: "listing::a_thread_is_listed_once_it_has_checkpoints",
    NamesTheOneAfter: "listing::a_list_of_threads_can_begin_after_one",
    NamesAllThreads: "listing::a_list_of_threads_has_so_many_at_the_most",
    NamesByLanguage: "listing::threads_are_listed_by_name",
    CopiesNoEntries: "copying::a_copy_has_all_checkpoints_forks_and_entries",
    CopiesOverAnything: "copying::a_copy_never_replaces_a_thread",
    CopiesTheHeadOnly: "copying::a_copy_has_all_checkpoints_forks_and_entries",
    CopiesOneByOne: "dropping::a_dropped_copy_is_whole_or_nothing",
    DeletesForAnybody: "deleting::a_lease_that_was_taken_over_cannot_delete",
    DeletesNothing: "deleting::a_deleted_thread_is_gone",
    DeletesAllThatBeginAlike: "deleting::other_threads_stay_as_they_are",
    IgnoresCase: "names::names_that_differ_by_case_or_space",
    TrimsNames: "names::names_that_differ_by_case_or_space",
    CutsNamesOff: "names::very_long_names",
    EndsNamesAtNul: "names::names_with_a_nul",
    MakesUpAHeadsToken: "leases::a_free_thread_is_leased_at_once",
    KeepsWhatWasAbandoned: "leases::an_abandoned_lease_ends_by_itself",
    FailsWhereNothingIsThere: "listing::a_thread_without_checkpoints_lists_none",
    TakesThreadLimitsForI32: "listing::all_threads_are_listed_where_no_limit_is_meant",
    AddsToItsClock: "leases::a_lease_may_last_as_long_as_can_be_said",
    FailsToCopyNothing: "copying::a_copy_of_what_is_not_there_is_nothing",
}

impl Faulty {
    /// What is written in place of that.
    pub(super) fn bent(&self, mut commit: Commit) -> Commit {
        match self.fault {
            Fault::ForgetsToRelease => commit.release = false,
            Fault::AlwaysReleases => commit.release = true,
            Fault::LosesEntriesOfCommits => commit.entries.clear(),
            Fault::KeepsDroppedEntries => commit.drop_entries_of = None,
            Fault::LosesTheLastField => drop(commit.fields.pop()),
            Fault::RoundsNumbers => {
                let rounded = commit.checkpoint.created_at as f64;
                commit.checkpoint.created_at = rounded as i64;
            }
            Fault::CutsSignsOff => commit.checkpoint.checksum &= u64::MAX >> 1,
            _ => {}
        }
        let texts = commit.fields.iter_mut().map(|record| &mut record.json);
        for json in texts.chain([&mut commit.checkpoint.body]) {
            match self.fault {
                Fault::TrimsJson => *json = json.trim().to_owned(),
                Fault::TidiesJson => {
                    let read = serde_json::from_str::<serde_json::Value>(json);
                    *json = read.map_or(json.clone(), |value| value.to_string());
                }
                _ => {}
            }
        }
        commit
    }

    pub(super) async fn write(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        mut commit: Commit,
    ) -> Result<(), CheckpointError> {
        let id = commit.checkpoint.id;
        match self.fault {
            Fault::CommitsAnyNumber => {
                let head = self.inner.load(thread, None).await?;
                let head = head.map(|loaded| loaded.checkpoint.id);
                commit.checkpoint.id = CheckpointId::after(head);
            }
            Fault::DropsEntriesBefore => {
                for older in 1..commit.drop_entries_of.map_or(0, CheckpointId::number) {
                    self.take_all(thread, lease, older.into()).await?;
                }
            }
            Fault::RefusesAfterTheEntries => {
                let entries = commit.entries.clone();
                self.inner.put_entries(thread, lease, id, entries).await?;
            }
            Fault::TearsCommits => {
                let entries = std::mem::take(&mut commit.entries);
                self.inner.commit(thread, lease, commit).await?;
                tokio::task::yield_now().await;
                return self.inner.put_entries(thread, lease, id, entries).await;
            }
            _ => {}
        }
        self.inner.commit(thread, lease, commit).await
    }

    async fn take_all(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        of: CheckpointId,
    ) -> Result<(), CheckpointError> {
        let loaded = self.inner.load(thread, Some(of)).await?;
        let mut entries = loaded.map_or(vec![], |loaded| loaded.entries);
        entries.iter_mut().for_each(|entry| entry.json = None);
        self.inner.put_entries(thread, lease, of, entries).await
    }

    pub(super) async fn put(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        mut entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let loaded = self.inner.load(thread, Some(checkpoint)).await?;
        let there = loaded.map_or(vec![], |loaded| loaded.entries);
        match self.fault {
            Fault::PutsOnlyWhatIsNew => entries.retain(|entry| {
                entry.json.is_none()
                    || !there
                        .iter()
                        .any(|old| (&old.task, &old.key) == (&entry.task, &entry.key))
            }),
            Fault::TakesNothingAway => entries.retain(|entry| entry.json.is_some()),
            Fault::TakesTasksAway => {
                let taken = entries.iter().filter(|entry| entry.json.is_none());
                let tasks: Vec<_> = taken.map(|entry| entry.task.clone()).collect();
                let more = there.into_iter().filter(|old| tasks.contains(&old.task));
                entries.splice(0..0, more.map(|old| EntryRecord { json: None, ..old }));
            }
            Fault::PutsTheFirstOfTwo => entries.reverse(),
            Fault::PutsOneByOne => {
                for entry in entries {
                    let one = vec![entry];
                    self.inner
                        .put_entries(thread, lease, checkpoint, one)
                        .await?;
                    tokio::task::yield_now().await;
                }
                return Ok(());
            }
            Fault::ReadsThenWrites => {
                others_go_on().await;
                self.take_all(thread, lease, checkpoint).await?;
                entries.splice(0..0, there);
            }
            _ => {}
        }
        self.inner
            .put_entries(thread, lease, checkpoint, entries)
            .await
    }

    pub(super) async fn read(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let Some(mut loaded) = self.inner.load(thread, checkpoint).await? else {
            return match self.fault {
                Fault::LoadsTheHeadForTheUnknown => self.inner.load(thread, None).await,
                _ => Ok(None),
            };
        };
        let Loaded {
            checkpoint,
            fields,
            entries,
        } = &mut loaded;
        match self.fault {
            Fault::ReadsOneLineOnly => fields.retain(|record| record.checkpoint >= checkpoint.line),
            Fault::ReadsWhatCameAfterTheFork | Fault::LoadsAllThereEverWas => {
                *fields = self.all_up_to(thread, checkpoint.id).await?;
                if self.is(Fault::ReadsWhatCameAfterTheFork) {
                    *fields = since_the_value(std::mem::take(fields));
                }
            }
            Fault::LoadsOnlyTheNewest => {
                fields.reverse();
                fields.dedup_by(|a, b| a.field == b.field);
                fields.reverse();
            }
            Fault::LoadsNewestFirst => {
                fields.sort_by(|a, b| (&a.field, b.checkpoint).cmp(&(&b.field, a.checkpoint)));
            }
            Fault::LoadsFieldsUnsorted => fields.sort_by_key(|record| record.field.to_lowercase()),
            Fault::LoadsEntriesUnsorted => entries.sort_by_key(|entry| entry.key.clone()),
            Fault::LoadsEntriesOfTheParent => {
                if let (Some(parent), true) = (checkpoint.parent, entries.is_empty()) {
                    let parent = self.inner.load(thread, Some(parent)).await?;
                    *entries = parent.map_or(vec![], |parent| parent.entries);
                }
            }
            Fault::ReadsInTwoGoes => {
                others_go_on().await;
                let later = self.inner.load(thread, Some(checkpoint.id)).await?;
                *entries = later.map_or(vec![], |later| later.entries);
            }
            _ => {}
        }
        Ok(Some(loaded))
    }

    /// All records, by field.
    async fn all_up_to(
        &self,
        thread: &ThreadId,
        last: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let mut all = Vec::new();
        for id in 1..=last.number() {
            all.extend(self.inner.changes(thread, id.into()).await?);
        }
        all.sort_by(|a, b| a.field.cmp(&b.field));
        Ok(all)
    }

    pub(super) async fn listed(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let (mut before, mut limit) = (before, limit);
        match self.fault {
            Fault::ListsBeforeAndItself => before = before.map(|id| CheckpointId::after(Some(id))),
            Fault::ListsOneTooMany => limit = limit.saturating_add(1),
            Fault::ListsAllForNone if limit == 0 => limit = usize::MAX,
            Fault::TakesLimitsForI32 => limit = usize::try_from(limit as i32).unwrap_or_default(),
            _ => {}
        }
        let mut listed = self.inner.list(thread, before, limit).await?;
        match self.fault {
            Fault::ListsOldestFirst => listed.reverse(),
            Fault::FailsWhereNothingIsThere if listed.is_empty() && before.is_none() => {
                return Err(CheckpointError::NoCheckpoint { id: 1.into() });
            }
            Fault::ListsOneLine => {
                let line = listed.first().map(|record| record.line);
                listed.retain(|record| Some(record.line) == line);
            }
            _ => {}
        }
        Ok(listed)
    }

    pub(super) async fn named(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
        leased: Vec<ThreadId>,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let mut named = match self.fault {
            Fault::NamesThreadsThatAreOnlyLeased => {
                let mut leased = leased;
                leased.retain(|id| after.is_none_or(|after| id > after));
                leased
            }
            _ => self.inner.threads(after, usize::MAX).await?,
        };
        match self.fault {
            Fault::TakesThreadLimitsForI32 => {
                named.truncate(usize::try_from(limit as i32).unwrap_or_default());
            }
            Fault::NamesByLanguage => named.sort_by_key(|id| id.to_lowercase()),
            Fault::NamesTheOneAfter => named.splice(0..0, after.cloned()).for_each(drop),
            Fault::NamesAllThreads => return Ok(named),
            _ => {}
        }
        named.truncate(limit);
        Ok(named)
    }

    pub(super) async fn copied(
        &self,
        from: &ThreadId,
        to: &ThreadId,
    ) -> Result<(), CheckpointError> {
        let claim = Claim {
            lasts: std::time::Duration::ZERO,
            takes_over: true,
        };
        match self.fault {
            Fault::FailsToCopyNothing if self.inner.load(from, None).await?.is_none() => {
                return Err(CheckpointError::NoCheckpoint { id: 1.into() });
            }
            Fault::CopiesOverAnything if from != to => {
                let lease = self.inner.acquire(to, claim).await?;
                self.inner.delete(to, &lease).await?;
            }
            Fault::CopiesNoEntries => {
                self.inner.copy(from, to).await?;
                let lease = self.inner.acquire(to, claim).await?;
                for record in self.inner.list(to, None, usize::MAX).await? {
                    self.take_all(to, &lease, record.id).await?;
                }
                return Ok(());
            }
            Fault::CopiesTheHeadOnly => {
                if self.inner.load(to, None).await?.is_some() {
                    return Err(CheckpointError::Exists);
                }
                let Some(head) = self.inner.load(from, None).await? else {
                    return Ok(());
                };
                let lease = self.inner.acquire(to, claim).await?;
                return self.inner.commit(to, &lease, flat(head)).await;
            }
            Fault::CopiesOneByOne => return self.copied_one_by_one(from, to, claim).await,
            _ => {}
        }
        self.inner.copy(from, to).await
    }

    async fn copied_one_by_one(
        &self,
        from: &ThreadId,
        to: &ThreadId,
        claim: Claim,
    ) -> Result<(), CheckpointError> {
        if self.inner.load(to, None).await?.is_some() {
            return Err(CheckpointError::Exists);
        }
        let lease = self.inner.acquire(to, claim).await?;
        let mut listed = self.inner.list(from, None, usize::MAX).await?;
        listed.reverse();
        for checkpoint in listed {
            let id = checkpoint.id;
            let loaded = self.inner.load(from, Some(id)).await?;
            let commit = Commit {
                checkpoint,
                fields: self.inner.changes(from, id).await?,
                entries: vec![],
                drop_entries_of: None,
                release: true,
            };
            self.inner.commit(to, &lease, commit).await?;
            tokio::task::yield_now().await;
            let entries = loaded.map_or(vec![], |loaded| loaded.entries);
            self.inner.put_entries(to, &lease, id, entries).await?;
        }
        Ok(())
    }
}

/// Long enough for others to come in between, on other threads.
async fn others_go_on() {
    for _ in 0..200 {
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}

/// For each field what is there since its newest value.
fn since_the_value(all: Vec<FieldRecord>) -> Vec<FieldRecord> {
    let mut kept: Vec<FieldRecord> = Vec::new();
    for record in all {
        if record.kind == FieldKind::Value {
            kept.retain(|old| old.field != record.field);
        }
        kept.push(record);
    }
    kept
}

/// The head as the first of a thread.
fn flat(mut head: Loaded) -> Commit {
    head.checkpoint.id = 1.into();
    head.checkpoint.line = 1.into();
    Commit {
        checkpoint: head.checkpoint,
        fields: head.fields,
        entries: head.entries,
        drop_entries_of: None,
        release: true,
    }
}
