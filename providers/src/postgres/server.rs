//! Connections to the server, and its schema.

use std::time::Duration;

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use superstep_core::CheckpointError;
use tokio_postgres::config::Host;
#[cfg(feature = "postgres-tls")]
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, Error, GenericClient};

use super::PostgresOptions;
use super::error::{bad_url, failed, foreign, newer, no_connection};

/// Each brings a schema from the one before to the one of its number.
const MIGRATIONS: [(i32, &str); 1] = [(1, include_str!("schema/1.sql"))];
const NEWEST: i32 = 1;

/// Who migrates a schema holds this lock of the database's.
const MIGRATING: i64 = 0x7375_7065_7273_7465;

/// How long to wait to be connected, and for a connection that is free.
const PATIENCE: Duration = Duration::from_secs(30);

/// So that nobody waits for a lock without end, or holds one without end, and
/// nothing that takes a millisecond is compiled for a hundred.
const LIMITS: &str = "\
    SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; SET jit = off";

const SETTINGS: ManagerConfig = ManagerConfig {
    recycling_method: RecyclingMethod::Fast,
};

/// The server, a schema of it, and connections.
#[derive(Clone)]
pub(super) struct Server {
    pool: Pool,
    size: usize,
    /// Where it is, without the password.
    pub(super) place: String,
}

impl Server {
    /// Connects, and makes the schema or brings it up to date.
    pub(super) async fn connect(options: &PostgresOptions) -> Result<Self, CheckpointError> {
        let (schema, size) = (options.schema.as_str(), options.connections);
        let mut config: Config = options.url.parse().map_err(bad_url)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        let place = place(&config);
        let set = format!("SET search_path TO {}; {LIMITS}", quoted(schema));
        let pool = Pool::builder(manager(config, options)?)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(move |client, _| {
                let set = set.clone();
                Box::pin(async move {
                    let done = client.batch_execute(&set).await;
                    done.map_err(HookError::Backend)
                })
            }))
            .build();
        let pool = pool.map_err(CheckpointError::store)?;
        let server = Self { pool, size, place };
        server.migrate(schema).await?;
        Ok(server)
    }

    /// A connection; one that is known to be lost is not among them.
    pub(super) async fn client(&self) -> Result<Client, CheckpointError> {
        let client = self.pool.get().await;
        client.map_err(|error| no_connection(&self.place, self.size, error))
    }

    async fn migrate(&self, schema: &str) -> Result<(), CheckpointError> {
        let mut client = self.client().await?;
        let failed = |error| failed(&self.place, error);
        let has = found(&**client, schema).await.map_err(failed)?;
        if self.judge(has, schema)? == NEWEST {
            return Ok(());
        }
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = "SELECT pg_advisory_xact_lock($1)";
        transaction
            .execute(lock, &[&MIGRATING])
            .await
            .map_err(failed)?;
        // Another process may have done it while this one waited.
        let has = found(&*transaction, schema).await.map_err(failed)?;
        let has = self.judge(has, schema)?;
        for (_, migration) in MIGRATIONS.iter().filter(|(number, _)| *number > has) {
            if has == 0 {
                let create = begin(schema);
                transaction.batch_execute(&create).await.map_err(failed)?;
            }
            transaction.batch_execute(migration).await.map_err(failed)?;
        }
        let set = "UPDATE schema_version SET number = $1";
        transaction.execute(set, &[&NEWEST]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// The number of the schema that was found, if it is for us.
    fn judge(&self, found: Found, schema: &str) -> Result<i32, CheckpointError> {
        match found {
            Found::Nothing => Ok(0),
            Found::Version(has) if has <= NEWEST => Ok(has),
            Found::Version(has) => Err(newer(&self.place, schema, has, NEWEST)),
            Found::Others => Err(foreign(&self.place, schema)),
        }
    }
}

/// What there is in a schema.
#[derive(Clone, Copy)]
enum Found {
    Nothing,
    Version(i32),
    Others,
}

async fn found(client: &impl GenericClient, schema: &str) -> Result<Found, Error> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE tablename = 'schema_version')
                  FROM pg_catalog.pg_tables WHERE schemaname = $1";
    let row = client.query_one(tables, &[&schema]).await?;
    if row.try_get::<_, i64>(0)? == 0 {
        return Ok(Found::Nothing);
    }
    if row.try_get::<_, i64>(1)? == 0 {
        return Ok(Found::Others);
    }
    let version = client
        .query_one("SELECT number FROM schema_version", &[])
        .await?;
    Ok(Found::Version(version.try_get(0)?))
}

/// Makes a schema. The right to make one is asked for only where it is not
/// there.
fn begin(schema: &str) -> String {
    let (name, text) = (quoted(schema), schema.replace('\'', "''"));
    format!(
        "DO $do$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{text}') THEN
                 CREATE SCHEMA {name};
             END IF;
         END $do$;
         CREATE TABLE schema_version (number integer NOT NULL);
         INSERT INTO schema_version VALUES (0)"
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Host, port and database, for people.
fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("{host}:{port}/{database}")
}

/// Whether it is encrypted is asked for and not tried: what an option of the
/// build adds must not change whom this one talks to.
#[cfg(feature = "postgres-tls")]
fn manager(mut config: Config, options: &PostgresOptions) -> Result<Manager, CheckpointError> {
    if options.roots.is_some() {
        config.ssl_mode(SslMode::Require);
    }
    if config.get_ssl_mode() != SslMode::Require {
        return Ok(manager_in_the_clear(config));
    }
    let tls = super::tls::connector(options.roots.as_deref())?;
    Ok(Manager::from_config(config, tls, SETTINGS))
}

#[cfg(not(feature = "postgres-tls"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is TLS")]
fn manager(config: Config, _: &PostgresOptions) -> Result<Manager, CheckpointError> {
    Ok(manager_in_the_clear(config))
}

fn manager_in_the_clear(config: Config) -> Manager {
    Manager::from_config(config, tokio_postgres::NoTls, SETTINGS)
}
