//! Which databases are connected to, and what becomes of lost connections.

use superstep_core::{CheckpointError, Checkpointer, ThreadId};
use superstep_providers::Postgres;
use tokio_postgres::NoTls;

use crate::server::server;
use crate::support::{CLAIM, chain, checkpoint, message, write};

/// Runs SQL over a connection of its own.
pub(crate) async fn sql(url: &str, sql: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("it connects");
    let connection = tokio::spawn(connection);
    let rows = client.simple_query(sql).await.expect(sql);
    drop(client);
    connection.await.expect("it ends").expect("it ends well");
    let mut text = String::new();
    for row in rows {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = row {
            text.push_str(row.get(0).unwrap_or_default());
        }
    }
    text
}

async fn refused(url: &str, schema: &str) -> String {
    let error = Postgres::options(url)
        .schema(schema)
        .connect()
        .await
        .expect_err("it is refused");
    assert!(matches!(error, CheckpointError::Store { .. }));
    let text = chain(&error);
    assert!(
        !text.contains("secret") && !format!("{error:?}").contains("secret"),
        "{error:?}"
    );
    text
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_named_without_its_password() {
    assert_eq!(
        refused("postgres://superstep:secret@127.0.0.1:nine/postgres", "x").await,
        "the store failed: the text that says where Postgres is cannot be read: \
         invalid connection string: invalid value for option `port`"
    );
    let nobody = "postgres://superstep:secret@127.0.0.1:1/postgres";
    let text = refused(nobody, "x").await;
    let expected = "the store failed: Postgres at `127.0.0.1:1/postgres` cannot be reached: ";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn schemas_that_are_not_ours_are_refused_and_named() {
    let Some(server) = server() else { return };
    let url = server.url();
    let place = url.split_once('@').expect("it has a user").1;
    sql(
        &url,
        "CREATE SCHEMA songs; CREATE TABLE songs.title (name text)",
    )
    .await;
    assert_eq!(
        refused(&url, "songs").await,
        format!("the store failed: schema `songs` at `{place}` is another program's")
    );
    Postgres::options(&url)
        .schema("newer")
        .connect()
        .await
        .expect("it is made");
    sql(&url, "UPDATE newer.schema_version SET number = 9").await;
    assert_eq!(
        refused(&url, "newer").await,
        format!(
            "the store failed: schema `newer` at `{place}` is of a newer version, 9, and this one knows 1"
        )
    );
}

#[tokio::test]
async fn a_schema_is_made_once_whoever_is_first() {
    let Some(server) = server() else { return };
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let options = Postgres::options(server.url()).schema("at \"once\"");
        tasks.push(tokio::spawn(options.connect()));
    }
    for task in tasks {
        let threads = task.await.expect("it ends").expect("it connects");
        threads.threads(None, 1).await.expect("readable");
    }
}

#[tokio::test]
async fn after_a_lost_connection_the_next_call_works() {
    let Some(server) = server() else { return };
    let url = format!("{}?application_name=lost", server.url());
    let options = Postgres::options(url).schema("lost").connections(1);
    let threads = options.connect().await.expect("it connects");
    let thread = ThreadId::from("ann");
    let lease = write(&threads, &thread, 1).await;
    let others = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
         WHERE application_name = 'lost'";
    assert_eq!(sql(&server.url(), others).await, "1");
    if let Err(error) = threads.commit(&thread, &lease, message(2, 10)).await {
        let text = chain(&error);
        assert!(
            text.starts_with("the store failed: Postgres at `127.0.0.1:"),
            "{text}"
        );
        threads
            .commit(&thread, &lease, message(2, 10))
            .await
            .expect("it is a new connection");
    }
    let loaded = threads
        .load(&thread, None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.checkpoint, checkpoint(2));
}

#[tokio::test]
async fn schemas_know_nothing_of_each_other() {
    let Some(server) = server() else { return };
    let one = Postgres::options(server.url())
        .schema("one")
        .connect()
        .await
        .expect("it connects");
    let two = Postgres::options(server.url())
        .schema("two")
        .connect()
        .await
        .expect("it connects");
    write(&one, &ThreadId::from("ann"), 1).await;
    assert_eq!(
        one.threads(None, 9).await.expect("readable"),
        ["ann"].map(ThreadId::from)
    );
    assert!(two.threads(None, 9).await.expect("readable").is_empty());
    two.acquire(&ThreadId::from("ann"), CLAIM)
        .await
        .expect("it is another thread");
}

/// It says what its password is to nobody.
#[test]
fn options_hide_their_password() {
    let options = Postgres::options("postgres://superstep:secret@localhost/postgres");
    assert!(!format!("{options:?}").contains("secret"));
}

#[cfg(feature = "postgres-tls")]
#[tokio::test]
async fn a_server_is_believed_by_its_certificate_alone() {
    let Some(server) = server() else { return };
    if sql(&server.url(), "SHOW ssl").await == "off" {
        return; // there is no openssl
    }
    let certificate = sql(&server.url(), "SELECT pg_read_file('server.crt')").await;
    let url = format!("{}?sslmode=require&application_name=tls", server.url());
    let text = refused(&url, "tls").await;
    assert!(text.contains("cannot be reached"), "{text}");
    assert!(text.contains("UnknownIssuer"), "{text}");
    let options = Postgres::options(&url).schema("tls");
    let none = options.clone().root_certificates("nothing").connect().await;
    assert_eq!(
        chain(&none.expect_err("there is none")),
        "the store failed: the certificates to trust cannot be read: there is none"
    );
    let threads = options.root_certificates(certificate).connect().await;
    let threads = threads.expect("it is known");
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'tls'";
    assert_eq!(sql(&server.url(), encrypted).await, "t");
    drop(threads);
}

/// Without TLS what asks for it is refused, not sent in the clear.
#[cfg(not(feature = "postgres-tls"))]
#[tokio::test]
async fn tls_is_refused_where_there_is_none() {
    let Some(server) = server() else { return };
    let text = refused(&format!("{}?sslmode=require", server.url()), "tls").await;
    assert!(text.contains("no TLS implementation configured"), "{text}");
}
