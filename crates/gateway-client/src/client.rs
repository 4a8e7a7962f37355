use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use billing::GatewayError;
use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use thiserror::Error;

use crate::Breaker;

/// Every call ends within 10 seconds.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A connection that takes longer than this to come to be counts as none.
const CONNECT: Duration = Duration::from_secs(3);

/// The largest answer that is read: 4 MB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Where a gateway is: `https://…`, or `http://` on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must begin with https://, or with http:// on this machine, and hold no user, query or fragment"
)]
pub struct AddressError;

impl Address {
    /// The address of a gateway that moves no money and holds no secrets worth the name, such as an
    /// embedded one of development: `http://` is good for it, wherever it is.
    ///
    /// # Errors
    ///
    /// [`AddressError`] for what is no address of the web.
    pub fn without_secrets(text: &str) -> Result<Self, AddressError> {
        let url = reqwest::Url::parse(text).map_err(|_| AddressError)?;
        if matches!(url.scheme(), "http" | "https") && url.query().is_none() {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(AddressError)
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = reqwest::Url::parse(text).map_err(|_| AddressError)?;
        let host = url.host_str().ok_or(AddressError)?;
        let here = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let safe = url.scheme() == "https" || (url.scheme() == "http" && here);
        if bare && safe {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(AddressError)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; what cannot be read leaves the outcome unknown.
    pub fn json(&self) -> Result<Value, GatewayError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| GatewayError::Unknown { source: error.into() })
    }
}

/// Calls one gateway.
#[derive(Debug)]
pub struct GatewayClient {
    http: Client,
    address: Address,
    deadline: Duration,
    breaker: Breaker,
}

impl GatewayClient {
    /// A client of the gateway at this address. It follows no redirects.
    pub fn new(address: Address) -> Self {
        Self::with_deadline(address, DEADLINE)
    }

    /// The same with another deadline, for tests that lose answers.
    pub fn with_deadline(address: Address, deadline: Duration) -> Self {
        let http = Client::builder()
            .connect_timeout(CONNECT.min(deadline))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("mercato")
            .build()
            .expect("the settings are constants that fit together");
        Self { http, address, deadline, breaker: Breaker::default() }
    }

    /// A request to a path of the gateway.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    /// Sends a request that does something. It is repeated only when no connection came to be.
    pub async fn change(&self, request: RequestBuilder) -> Result<Reply, GatewayError> {
        self.send(request, reqwest::Error::is_connect).await
    }

    /// Sends a request that only reads. It is repeated once when it breaks off.
    pub async fn read(&self, request: RequestBuilder) -> Result<Reply, GatewayError> {
        self.send(request, |_| true).await
    }

    async fn send(
        &self,
        request: RequestBuilder,
        may_repeat: fn(&reqwest::Error) -> bool,
    ) -> Result<Reply, GatewayError> {
        if let Err(wait) = self.breaker.admit(Instant::now()) {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let source = "the circuit breaker is open".into();
            return Err(GatewayError::NotDone { retry_after_seconds: Some(seconds), source });
        }
        let second = request.try_clone();
        let sent = tokio::time::timeout(self.deadline, async {
            match (attempt(request).await, second) {
                (Err(error), Some(second)) if may_repeat(&error) => attempt(second).await,
                (result, _) => result,
            }
        });
        let result = match sent.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                Err(GatewayError::NotDone {
                    retry_after_seconds: None,
                    source: error.without_url().into(),
                })
            }
            Ok(Err(error)) => Err(GatewayError::Unknown { source: error.without_url().into() }),
            Err(elapsed) => Err(GatewayError::Unknown { source: elapsed.into() }),
        };
        let well = result.as_ref().is_ok_and(|reply| reply.status < 500);
        self.breaker.note(well, Instant::now());
        judged(result?)
    }
}

async fn attempt(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
    let mut answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            break; // what is cut off cannot be read, and so leaves the outcome unknown
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body: body.freeze() })
}

/// Passes on answers that say something about the call.
fn judged(reply: Reply) -> Result<Reply, GatewayError> {
    match reply.status {
        429 => {
            let header = reply.headers.get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after_seconds = header.and_then(|seconds| seconds.parse().ok());
            Err(GatewayError::NotDone {
                retry_after_seconds,
                source: "turned away with 429".into(),
            })
        }
        500.. => {
            Err(GatewayError::Unknown { source: format!("answered with {}", reply.status).into() })
        }
        _ => Ok(reply),
    }
}

/// The error for an answer that contradicts the call or itself: nothing may be believed of it.
pub fn senseless(what: &str) -> GatewayError {
    GatewayError::Unknown { source: format!("the answer makes no sense: {what}").into() }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use async_trait::async_trait;
    use hostile_http::{Answer, Fault, Request, Server, Site};

    use super::*;

    struct Echo;

    #[async_trait]
    impl Site for Echo {
        async fn answer(&self, request: &Request) -> Option<Answer> {
            request.work().await;
            Some(Answer::text(200, "{}"))
        }

        fn failure(&self, status: u16) -> Answer {
            Answer::text(status, "").with("retry-after", "7")
        }
    }

    async fn gateway() -> (Server, GatewayClient) {
        let server = Server::start((Ipv4Addr::LOCALHOST, 0).into(), Arc::new(Echo), Arc::default())
            .await
            .unwrap();
        let address = server.url().parse().unwrap();
        (server, GatewayClient::with_deadline(address, Duration::from_millis(300)))
    }

    #[tokio::test]
    async fn what_may_have_been_done_is_unknown() {
        let (server, client) = gateway().await;
        for fault in [
            Fault::HangUpAfter,
            Fault::HangUpBefore,
            Fault::FailAfter(500),
            Fault::FailBefore(503),
            Fault::Work(Duration::from_secs(5)),
        ] {
            server.faults().next("/pay", fault.clone());
            let sent = server.seen().len();
            let error =
                client.change(client.request(Method::POST, "/pay").body("x")).await.unwrap_err();
            assert!(matches!(error, GatewayError::Unknown { .. }), "{fault:?}: {error:?}");
            assert_eq!(server.seen().len(), sent + 1, "{fault:?}: never repeated");
            client.change(client.request(Method::POST, "/pay")).await.unwrap();
        }
        server.faults().next("/pay", Fault::Truncate);
        let reply = client.change(client.request(Method::POST, "/pay")).await.unwrap();
        assert!(matches!(reply.json(), Err(GatewayError::Unknown { .. })));
    }

    #[tokio::test]
    async fn what_was_surely_not_done_says_so() {
        let (server, client) = gateway().await;
        server.faults().next("/pay", Fault::FailBefore(429));
        let error = client.change(client.request(Method::POST, "/pay")).await.unwrap_err();
        assert!(
            matches!(error, GatewayError::NotDone { retry_after_seconds: Some(7), .. }),
            "{error:?}"
        );

        drop(server);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let error = client.change(client.request(Method::POST, "/pay")).await.unwrap_err();
        assert!(error.nothing_done(), "{error:?}");
    }

    #[tokio::test]
    async fn a_question_is_asked_twice_and_a_dead_gateway_no_more() {
        let (server, client) = gateway().await;
        server.faults().next("/ask", Fault::HangUpBefore);
        client.read(client.request(Method::GET, "/ask")).await.unwrap();

        server.faults().always("**", Fault::FailBefore(500));
        for _ in 0..Breaker::LIMIT {
            assert!(
                !client.read(client.request(Method::GET, "/ask")).await.unwrap_err().nothing_done()
            );
        }
        let sent = server.seen().len();
        let error = client.change(client.request(Method::POST, "/pay")).await.unwrap_err();
        assert!(
            matches!(error, GatewayError::NotDone { retry_after_seconds: Some(1..=31), .. }),
            "{error:?}"
        );
        assert_eq!(server.seen().len(), sent);
    }

    #[test]
    fn secrets_travel_encrypted_or_not_at_all() {
        for good in [
            "https://api.stripe.com",
            "http://127.0.0.1:80/",
            "http://localhost:9",
            "http://[::1]:9",
        ] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "http://api.stripe.com",
            "https://a:b@c.d",
            "ftp://localhost",
            "https://a.b/?c",
            "x",
            "http://10.0.0.1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
