use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Settings;

/// The longest the whole check takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fails unless the server answers that it is ready. Speaks plain HTTP to a server beside it, so
/// an image needs no other program for it.
pub(super) async fn check(settings: &Settings, url: Option<String>) -> anyhow::Result<()> {
    let authority = match url {
        Some(url) => {
            let rest =
                url.strip_prefix("http://").context("the address must start with http://")?;
            rest.split('/').next().unwrap_or_default().to_owned()
        }
        None => local(settings),
    };
    let answer = tokio::time::timeout(PATIENCE, ask(&authority))
        .await
        .with_context(|| format!("{authority} does not answer"))?
        .with_context(|| format!("cannot ask {authority}"))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    bail!("{authority} is not ready: {}", answer.lines().last().unwrap_or(status));
}

/// The server of this machine: one that listens everywhere also listens here.
fn local(settings: &Settings) -> String {
    let mut address = settings.server.address;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

async fn ask(authority: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(authority).await?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
