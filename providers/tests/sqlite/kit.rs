//! What holds of every checkpointer.

use superstep_core::testing::checkpointer_kit;
use superstep_providers::Sqlite;
use tempfile::tempdir;

/// A file of the case's own. The folder is gone when it is open, and the file
/// when it is closed.
async fn open() -> Sqlite {
    let folder = tempdir().expect("a folder");
    Sqlite::open(folder.path().join("runs.db"))
        .await
        .expect("it opens")
}

async fn open_in_memory() -> Sqlite {
    Sqlite::open(":memory:").await.expect("it opens")
}

checkpointer_kit!(sqlite, open());

checkpointer_kit!(sqlite_in_memory, open_in_memory());
