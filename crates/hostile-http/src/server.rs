use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::{Answer, Fault, Faults, Request};

/// The largest body that is read: 1 MB.
const MAX_BODY: usize = 1024 * 1024;

/// So many requests are remembered.
const REMEMBERED: usize = 1000;

/// What a server serves.
#[async_trait]
pub trait Site: Send + Sync + 'static {
    /// Acts and answers; `None` ends the connection without an answer. It runs to its end even if
    /// the client has left.
    async fn answer(&self, request: &Request) -> Option<Answer>;

    /// How this site says that it failed.
    fn failure(&self, status: u16) -> Answer;

    /// Told when a request was answered with a failure after its effect, for sites that repeat
    /// their answers.
    fn spoiled(&self, request: &Request, failure: &Answer) {
        let _ = (request, failure);
    }
}

/// An HTTP server of this process. It ends, with all its connections, when it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

struct Shared {
    site: Arc<dyn Site>,
    faults: Arc<Faults>,
    seen: Mutex<Vec<Request>>,
}

/// The end of a connection without an answer.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

impl Server {
    /// Serves a site on an address; port 0 stands for a free one.
    pub async fn start(
        address: SocketAddr,
        site: Arc<dyn Site>,
        faults: Arc<Faults>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Self::on(listener, site, faults)
    }

    /// Serves a site on a socket that listens already, so that its address can be known to the site.
    pub fn on(listener: TcpListener, site: Arc<dyn Site>, faults: Arc<Faults>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { site, faults, seen: Mutex::default() });
        let listener = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The faults that lie ahead.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The last thousand requests, the oldest first.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().expect("nobody panics with the list in hand").clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new(); // aborted when this is
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, peer)) = accepted {
                    connections.spawn(converse(socket, peer, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { respond(shared, peer, request).await }
    });
    let server = Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(socket), service).await; // a client that leaves is no failure
}

async fn respond(
    shared: Arc<Shared>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, HungUp> {
    let Some(request) = read(request, peer).await else {
        return Ok(written(Answer::text(413, "too large, or broken off")));
    };
    shared.remember(&request);
    let fault = shared.faults.take(&request);
    // A task of its own, so that it comes to its end even if the client does not wait for it.
    let answer = tokio::spawn(async move { shared.act(request, fault).await });
    match answer.await {
        Ok(Some(answer)) => Ok(written(answer)),
        Ok(None) | Err(_) => Err(HungUp),
    }
}

async fn read(request: hyper::Request<Incoming>, peer: SocketAddr) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.ok()?.to_bytes();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Some(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(header).collect(),
        body,
        peer,
        work: Duration::ZERO,
    })
}

impl Shared {
    fn remember(&self, request: &Request) {
        let mut seen = self.seen.lock().expect("nobody panics with the list in hand");
        if seen.len() == REMEMBERED {
            seen.remove(0);
        }
        seen.push(request.clone());
    }

    /// The answer, unless the connection is to end without one.
    async fn act(&self, mut request: Request, fault: Option<Fault>) -> Option<Answer> {
        match fault {
            Some(Fault::HangUpBefore) => return None,
            Some(Fault::FailBefore(status)) => return Some(self.site.failure(status)),
            Some(Fault::Work(time)) => request.work = time,
            _ => {}
        }
        let mut answer = self.site.answer(&request).await?;
        match fault {
            Some(Fault::HangUpAfter) => return None,
            Some(Fault::FailAfter(status)) => {
                answer = self.site.failure(status);
                self.site.spoiled(&request, &answer);
            }
            Some(Fault::DelayAfter(time)) => tokio::time::sleep(time).await,
            Some(Fault::Truncate) => answer.body.truncate(answer.body.len() / 2),
            Some(Fault::Lie { truth, lie }) => {
                let body = String::from_utf8_lossy(&answer.body).replace(&truth, &lie);
                answer.body = body.into();
            }
            Some(Fault::HangUpBefore | Fault::FailBefore(_) | Fault::Work(_)) | None => {}
        }
        Some(answer)
    }
}

fn written(answer: Answer) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let broken = |_| {
        let empty = hyper::Response::new(Full::default());
        let (mut head, body) = empty.into_parts();
        head.status = hyper::StatusCode::INTERNAL_SERVER_ERROR; // a header or status that HTTP cannot say
        Ok::<_, Infallible>(hyper::Response::from_parts(head, body))
    };
    let Ok(response) = response.body(Full::new(answer.body)).or_else(broken);
    response
}
