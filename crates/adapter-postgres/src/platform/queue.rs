//! How the job queue reaches the database: as its own driver does, but as the address says. The
//! queue's own way takes root certificates from a variable of the environment only, and insists on
//! a certificate wherever the server offers one.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, iter, poll_fn};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{
    Database, DatabaseDriver, DbError, DbExecutor, DbParams, DbRow, DbTransaction, Notification,
    NotificationStream, escape_identifier,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_postgres::AsyncMessage;

use crate::endpoint::Endpoint;

/// The first pause before a lost listener connects again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause before a lost listener connects again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The database of the job queue, with at most so many connections and one more that listens.
///
/// # Errors
///
/// When the address is of no use.
pub fn job_queue(url: &str, connections: usize) -> Result<Database, DbError> {
    let endpoint = url.parse::<Endpoint>().map_err(|error| failed(&error))?;
    let manager = Manager::from_config(
        endpoint.config.clone(),
        endpoint.tls.clone(),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let pool = Pool::builder(manager).max_size(connections).build().map_err(|e| failed(&e))?;
    Ok(Database::new(Queue { queries: TokioPostgresDatabase::new(pool), endpoint }))
}

fn failed(error: &dyn std::error::Error) -> DbError {
    DbError::new(error.to_string())
}

struct Queue {
    queries: TokioPostgresDatabase,
    endpoint: Endpoint,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("queries", &self.queries).finish_non_exhaustive()
    }
}

impl DbExecutor for Queue {
    fn execute<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        self.queries.execute(sql, params)
    }

    fn fetch_all<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        self.queries.fetch_all(sql, params)
    }
}

impl DatabaseDriver for Queue {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn begin(&self) -> BoxFuture<'_, Result<DbTransaction, DbError>> {
        self.queries.begin()
    }

    fn listen<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<NotificationStream>, DbError>> {
        Box::pin(async move {
            let listener = Listener {
                endpoint: self.endpoint.clone(),
                command: format!("LISTEN {}", escape_identifier(channel)),
            };
            // The first connection is made here: a worker that cannot listen does not start.
            let first = listener.connect().await?;
            let (told, mut heard) = unbounded_channel();
            tokio::spawn(listener.listen(first, told));
            let stream: NotificationStream = Box::pin(poll_fn(move |cx| heard.poll_recv(cx)));
            Ok(Some(stream))
        })
    }
}

/// What comes in over one connection.
type Messages = BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>;

struct Listener {
    endpoint: Endpoint,
    command: String,
}

impl Listener {
    /// A connection that listens; it ends with the client.
    async fn connect(&self) -> Result<(tokio_postgres::Client, Messages), DbError> {
        let (client, mut connection) =
            self.endpoint.connect().await.map_err(|error| failed(&error))?;
        let mut messages = poll_fn(move |cx| connection.poll_message(cx)).boxed();
        let mut early = Vec::new();
        {
            // The connection has to be driven while the command is under way.
            let mut listening = std::pin::pin!(client.batch_execute(&self.command));
            loop {
                tokio::select! {
                    done = &mut listening => {
                        done.map_err(|error| failed(&error))?;
                        break;
                    }
                    message = messages.next() => match message {
                        Some(message) => early.push(message),
                        None => return Err(DbError::new("the connection that listens was closed")),
                    },
                }
            }
        }
        Ok((client, iter(early).chain(messages).boxed()))
    }

    /// Passes on what is heard until nobody wants it any more, over one connection after another.
    async fn listen(
        self,
        first: (tokio_postgres::Client, Messages),
        told: UnboundedSender<Result<Notification, DbError>>,
    ) {
        let mut connected = Some(first);
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some((_client, messages)) = connected.take() {
                pause = FIRST_PAUSE;
                tokio::select! {
                    () = told.closed() => return,
                    () = pass_on(messages, &told) => {}
                }
            }
            tokio::select! {
                () = told.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            connected = self.connect().await.ok();
        }
    }
}

/// Passes notifications on until the connection ends.
async fn pass_on(mut messages: Messages, told: &UnboundedSender<Result<Notification, DbError>>) {
    while let Some(Ok(message)) = messages.next().await {
        if let AsyncMessage::Notification(notification) = message {
            let notification = Notification {
                channel: notification.channel().to_owned(),
                payload: notification.payload().to_owned(),
            };
            if told.send(Ok(notification)).is_err() {
                return;
            }
        }
    }
}
