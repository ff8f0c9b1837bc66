//! Opening a file: how SQLite is to treat it, and which schema it has.

use std::path::Path;
use std::time::Duration;

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

/// Opens a file to write to it, and makes it or brings it up to date.
pub(super) fn open(path: &Path, settings: Settings) -> Result<Connection, Failure> {
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

/// Opens a file that was made already, to read it.
pub(super) fn open_to_read(path: &Path, settings: Settings) -> Result<Connection, Failure> {
    let connection = connect(path, settings, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true)?;
    look(&connection)?;
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
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let n_tables = "SELECT count(*) FROM sqlite_schema";
    let is_empty = connection.query_row(n_tables, [], |row| row.get::<_, i64>(0))? == 0;
    let (application, version) = (number("application_id")?, number("user_version")?);
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
