//! Rows that somebody changed by hand: the error says which field of which
//! checkpoint cannot be read.

use expect_test::{Expect, expect};
use rusqlite::Connection;

use crate::damage::Sound;

/// Changes a sound file, and reads it.
async fn check(sql: &str, expected: Expect) {
    let sound = Sound::new().await;
    let file = sound.whole_copy();
    let connection = Connection::open(&file).expect("it opens");
    connection.execute_batch(sql).expect(sql);
    drop(connection);
    let error = sound.read(&file).await.expect_err("it is not what it was");
    let said = error.replace(&file.display().to_string(), "copy.db");
    let said = said.strip_prefix("thread `job` could not be read or written: ");
    expected.assert_eq(said.expect("it says which thread"));
}

/// The records of a field, by its name.
macro_rules! of_field {
    ($sql:literal, $field:literal) => {
        concat!(
            $sql,
            " AND field = (SELECT name.key FROM thread, json_each(fields) AS name \
             WHERE name.value = '",
            $field,
            "')"
        )
    };
}

#[tokio::test]
async fn a_value_that_was_changed() {
    check(
        of_field!("UPDATE field SET json = '7' WHERE checkpoint = 4", "total"),
        expect!["field `total` of checkpoint 4 cannot be read: it was changed after it was written: its checksum does not match"],
    )
    .await;
}

#[tokio::test]
async fn a_value_that_was_deleted() {
    check(
        of_field!("DELETE FROM field WHERE checkpoint = 5", "round"),
        expect!["field `round` of checkpoint 5 cannot be read: its newest record is that of checkpoint 2, and that of 5 is missing"],
    )
    .await;
}

#[tokio::test]
async fn a_value_that_was_deleted_between_two() {
    check(
        of_field!("DELETE FROM field WHERE checkpoint = 4", "log"),
        expect!["field `log` of checkpoint 5 cannot be read: the record before that of checkpoint 5 is missing"],
    )
    .await;
}

#[tokio::test]
async fn the_only_value_that_was_deleted() {
    check(
        of_field!("DELETE FROM field WHERE checkpoint = 1", "inputs"),
        expect!["checkpoint 5 cannot be read: 9 fields have records, and it says that 10 have; there is none of `inputs`"],
    )
    .await;
}

#[tokio::test]
async fn a_checkpoint_that_was_deleted() {
    check("DELETE FROM checkpoint WHERE number = 5", expect!["checkpoint 5 in `copy.db` cannot be read: field `last` has a record of it, and it is gone"]).await;
}

#[tokio::test]
async fn all_checkpoints_that_were_deleted() {
    check("DELETE FROM checkpoint; DELETE FROM field", expect!["thread `job` in `copy.db` cannot be read: it had field `answers`, and has no checkpoint"]).await;
}

#[tokio::test]
async fn a_body_that_was_changed() {
    check(
        "UPDATE checkpoint SET body = replace(body, 'twice', 'thrice') WHERE number = 5",
        expect!["checkpoint 5 cannot be read: it was changed after it was written: its checksum does not match"],
    )
    .await;
}

#[tokio::test]
async fn a_body_of_a_newer_format() {
    check(
        "UPDATE checkpoint SET body = json_set(body, '$.format', 9) WHERE number = 5",
        expect!["checkpoint 5 cannot be read: its format is 9, and this version of superstep reads up to 1"],
    )
    .await;
}

#[tokio::test]
async fn a_step_that_was_changed() {
    check(
        "UPDATE checkpoint SET step = 1 WHERE number = 5",
        expect!["checkpoint 5 cannot be read: it was changed after it was written: its checksum does not match"],
    )
    .await;
}

#[tokio::test]
async fn a_result_that_was_changed() {
    check(
        "UPDATE entry SET json = '{\"attempts\":1}' WHERE key = 'result' AND task = 'leaf'",
        expect!["entry `result` of task `leaf` cannot be read: it was changed after it was written: its checksum does not match"],
    )
    .await;
}

#[tokio::test]
async fn a_result_that_was_deleted() {
    check(
        "DELETE FROM entry WHERE key = 'result' AND task = 'leaf'",
        expect!["the entries of checkpoint 5 in `copy.db` cannot be read: 13 are there, and 14 were written"],
    )
    .await;
}

#[tokio::test]
async fn all_results_that_were_deleted_but_for_their_number() {
    check("DELETE FROM entry WHERE key <> 'count'", expect!["the entries of checkpoint 5 in `copy.db` cannot be read: 0 are there, and 14 were written"]).await;
}
