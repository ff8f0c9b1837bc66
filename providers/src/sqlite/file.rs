//! Opening a file: how SQLite is to treat it, and which schema it has.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{Failure, Misfit};

/// Each brings a file from the schema before to the one of its number.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// Says whose file it is: `sstp` as a number.
const APPLICATION: i32 = 0x7373_7470;

/// Records of a kilobyte leave little of such a page empty.
const PAGE_BYTES: u32 = 16_384;

/// How much is written beside the file before it is moved into it.
const WAL_PAGES: u32 = 256;

/// As many as SQLite can number.
const MOST_PAGES: i64 = 4_294_967_294;

/// What has to be known to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) busy_timeout: Duration,
    pub(super) max_bytes: Option<u64>,
}

/// Whether it is no file, but a database in memory, which each connection has
/// for itself.
pub(super) fn is_in_memory(path: &Path) -> bool {
    path.as_os_str() == ":memory:"
}

/// Opens a file to write to it, and makes it or brings it up to date.
pub(super) fn open(path: &Path, settings: Settings) -> Result<Connection, Failure> {
    patiently(settings, || open_to_write(path, settings))
}

/// Opens a file that was made already, to read it.
pub(super) fn open_to_read(path: &Path, settings: Settings) -> Result<Connection, Failure> {
    patiently(settings, || {
        let connection = connect(path, settings, OpenFlags::empty())?;
        connection.pragma_update(None, "query_only", true)?;
        look(&connection)?;
        Ok(connection)
    })
}

/// Tries until the file is not locked. SQLite itself waits for a lock, but not
/// for those that it takes to make a file, of which two could wait for each
/// other.
#[expect(
    clippy::disallowed_methods,
    reason = "it is not one of the runtime's threads"
)]
fn patiently(
    settings: Settings,
    open: impl Fn() -> Result<Connection, Failure>,
) -> Result<Connection, Failure> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(failure) if failure.is_locked() && begun.elapsed() < settings.busy_timeout => {
                std::thread::sleep(Duration::from_millis(1));
            }
            opened => return opened,
        }
    }
}

fn open_to_write(path: &Path, settings: Settings) -> Result<Connection, Failure> {
    let mut connection = connect(path, settings, OpenFlags::SQLITE_OPEN_CREATE)?;
    let is_new = look(&connection)? == 0;
    if is_new {
        // It holds for a file that nothing was written to.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_PAGES * PAGE_BYTES)?;
    sync(&connection, true)?;
    if let Some(bytes) = settings.max_bytes {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let n_pages = i64::try_from(bytes / u64::from(page)).unwrap_or(i64::MAX);
        connection.pragma_update(None, "max_page_count", n_pages.clamp(1, MOST_PAGES))?;
    }
    migrate(&mut connection)?;
    Ok(connection)
}

/// Whether what is committed from now on is on the disk before it is answered.
pub(super) fn sync(connection: &Connection, is_synced: bool) -> Result<(), Failure> {
    let level = if is_synced { "full" } else { "normal" };
    Ok(connection.pragma_update(None, "synchronous", level)?)
}

fn connect(path: &Path, settings: Settings, more: OpenFlags) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// The number of a file's schema; 0 if there is nothing in it yet.
fn look(connection: &Connection) -> Result<u32, Failure> {
    // In one statement, so that it is of one moment: another may be making it.
    let (n_tables, application, version): (i64, i64, i64) = connection.query_row(
        "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let is_empty = n_tables == 0;
    match u32::try_from(version) {
        Ok(0) if is_empty && application == 0 => Ok(0),
        Ok(has) if application == i64::from(APPLICATION) && has > 0 => {
            let known = newest();
            if has > known {
                return Err(Failure::Misfit(Misfit::Newer { has, known }));
            }
            Ok(has)
        }
        _ => Err(Failure::Misfit(Misfit::Foreign)),
    }
}

fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    if look(connection)? == newest() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    let has = look(&transaction)?;
    for (number, migration) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > has) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    Ok(transaction.commit()?)
}
