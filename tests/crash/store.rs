//! What a thread is kept in, by whichever process works at it.

use std::path::Path;
use std::process::{Child, Command};
#[cfg(feature = "postgres")]
use std::time::Duration;

use rusqlite::Connection;
#[cfg(feature = "postgres")]
use superstep::Postgres;
use superstep::{Graph, Sqlite, State, StateGraph};

#[cfg(feature = "postgres")]
use crate::kill::pause;
#[cfg(feature = "postgres")]
use crate::server::Held;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Says where the server is, to a process that does not work on a file.
const URL: &str = "SUPERSTEP_CRASH_URL";

/// The store of a folder.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// A file in the folder.
    File,
    /// A schema that is called like the folder, at that server.
    #[cfg(feature = "postgres")]
    Schema(String),
}

impl Store {
    /// The one that this process was told of.
    pub(crate) fn told() -> Self {
        match std::env::var(URL) {
            #[cfg(feature = "postgres")]
            Ok(url) => Self::Schema(url),
            _ => Self::File,
        }
    }

    /// Tells a process of it.
    pub(crate) fn tell(&self, command: &mut Command) {
        match self {
            Self::File => command.env_remove(URL),
            #[cfg(feature = "postgres")]
            Self::Schema(url) => command.env(URL, url),
        };
    }

    /// The graph, on what is kept for that folder.
    pub(crate) async fn open<S: State, C: Send + Sync + 'static>(
        &self,
        folder: &Path,
        graph: StateGraph<S, C>,
    ) -> Graph<S, C> {
        let graph = match self {
            Self::File => {
                let file = Sqlite::open(folder.join("runs.db")).await;
                graph.checkpointer(file.expect("the file opens"))
            }
            #[cfg(feature = "postgres")]
            Self::Schema(url) => {
                let schema = schema_of(folder);
                let url = format!("{url}?application_name={schema}");
                let schema = Postgres::options(url).schema(schema);
                graph.checkpointer(schema.connect().await.expect("the server is there"))
            }
        };
        graph.compile().expect("the graph is sound")
    }

    /// How often a process may lose its lease to what one that is dead had asked
    /// for: a claim can come late as well.
    pub(crate) fn most_late_claims(&self) -> usize {
        match self {
            Self::File => 0,
            #[cfg(feature = "postgres")]
            Self::Schema(_) => 3,
        }
    }

    /// Ends a process; false if it ended before. What it has sent to a server
    /// may be done there after that.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, reason = "files need no luck")
    )]
    pub(crate) fn kill(&self, mut child: Child, folder: &Path, luck: u64) -> bool {
        #[cfg(feature = "postgres")]
        if let Self::Schema(url) = self
            && (luck / 7).is_multiple_of(2)
        {
            let held = Held::of(url, &schema_of(folder));
            // It goes on to send, and nobody reads.
            pause(Duration::from_micros(luck % 10_000));
            return held.bury(child, folder.join("ledger"), luck);
        }
        child.kill().expect("it is there");
        !child.wait().expect("it ends").success()
    }

    /// What tasks have left since the newest checkpoint.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "files do not let anybody wait")
    )]
    pub(crate) async fn entries(&self, folder: &Path) -> Result<Vec<Entry>, BoxError> {
        match self {
            Self::File => Ok(entries_in_file(&folder.join("runs.db"))?),
            #[cfg(feature = "postgres")]
            Self::Schema(url) => {
                let client = crate::server::client(url).await?;
                let schema = schema_of(folder);
                client
                    .batch_execute(&format!("SET search_path TO \"{schema}\""))
                    .await?;
                let rows = client.query(ENTRIES, &[]).await?;
                let entry = |row: &tokio_postgres::Row| Entry {
                    task: row.get(0),
                    key: row.get(1),
                    json: row.get(2),
                };
                Ok(rows.iter().map(entry).collect())
            }
        }
    }
}

/// What is kept of older checkpoints, for who looks inside, is no part of it.
const ENTRIES: &str = "SELECT task, key, json FROM entry \
     WHERE checkpoint = (SELECT max(number) FROM checkpoint)";

/// Something that a task has left.
pub(crate) struct Entry {
    pub(crate) task: String,
    pub(crate) key: String,
    pub(crate) json: String,
}

fn entries_in_file(file: &Path) -> rusqlite::Result<Vec<Entry>> {
    let file = Connection::open(file)?;
    let mut select = file.prepare(ENTRIES)?;
    let entry = |row: &rusqlite::Row<'_>| {
        Ok(Entry {
            task: row.get(0)?,
            key: row.get(1)?,
            json: row.get(2)?,
        })
    };
    let rows = select.query_map([], entry)?;
    rows.collect()
}

/// Makes a folder's schema, in which every write takes some milliseconds before
/// it is committed, and notes every checkpoint that is not under the newest
/// lease.
#[cfg(feature = "postgres")]
pub(crate) async fn watch(url: &str, folder: &Path) {
    let schema = schema_of(folder);
    let made = Postgres::options(url).schema(&schema).connect().await;
    made.expect("the server is there");
    let slow = format!(
        "SET search_path TO \"{schema}\";
         CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_sleep(0.006 * random()); RETURN NULL; END $$;
         CREATE TRIGGER dawdle AFTER INSERT ON checkpoint EXECUTE FUNCTION dawdle();
         CREATE TRIGGER dawdle AFTER INSERT ON entry EXECUTE FUNCTION dawdle();
         CREATE TABLE breach (token bigint);
         CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO breach SELECT NEW.token FROM thread
                 WHERE id = NEW.thread AND token <> NEW.token;
                 RETURN NULL;
             END $$;
         CREATE TRIGGER watch AFTER INSERT ON checkpoint
             FOR EACH ROW EXECUTE FUNCTION watch()"
    );
    let client = crate::server::client(url).await.expect("it is there");
    client.batch_execute(&slow).await.expect("it is done");
}

/// Nothing was noted in a schema.
#[cfg(feature = "postgres")]
pub(crate) async fn check_watched(url: &str, schema: &str) {
    let client = crate::server::client(url).await.expect("it is there");
    let select = format!("SELECT count(*) FROM \"{schema}\".breach");
    let row = client.query_one(&select, &[]).await.expect("it is read");
    let n_breaches: i64 = row.get(0);
    assert_eq!(n_breaches, 0, "it was written under a lease that was over");
}

/// The schema of a folder; no other folder has one of that name.
#[cfg(feature = "postgres")]
pub(crate) fn schema_of(folder: &Path) -> String {
    let name = folder.file_name().expect("a folder has a name");
    name.to_string_lossy().into_owned()
}
