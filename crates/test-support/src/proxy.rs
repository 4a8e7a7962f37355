use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// What a proxy stands in front of.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// `host:port`.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is wrong with the network at present.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    latency: Duration,
    silent: bool,
    refusing: bool,
    /// How often everything was cut; a connection ends when it grows.
    cuts: u32,
}

/// A network between a client and a server that fails on command. It starts as a good one.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    listener: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port of this machine and passes everything on.
    pub async fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port exists");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (faults, seen) = watch::channel(Faults::default());
        Self { address, faults, listener: tokio::spawn(accept(listener, upstream, seen)) }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delays whatever is sent, in each direction.
    pub fn delay(&self, latency: Duration) {
        self.faults.send_modify(|faults| faults.latency = latency);
    }

    /// Passes nothing on, without ending anything: both sides wait. Until told otherwise.
    pub fn fall_silent(&self, silent: bool) {
        self.faults.send_modify(|faults| faults.silent = silent);
    }

    /// Ends all connections now. New ones are taken.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Turns new connections away, until told otherwise. Present ones go on.
    pub fn refuse(&self, refusing: bool) {
        self.faults.send_modify(|faults| faults.refusing = refusing);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, upstream: Upstream, faults: watch::Receiver<Faults>) {
    while let Ok((client, _)) = listener.accept().await {
        if faults.borrow().refusing {
            let _ = client.set_zero_linger(); // closes with a reset, not with a farewell
            continue;
        }
        let (upstream, faults) = (upstream.clone(), faults.clone());
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            match upstream {
                Upstream::Tcp(address) => {
                    connect(client, TcpStream::connect(address).await, faults).await;
                }
                Upstream::Unix(path) => {
                    connect(client, UnixStream::connect(path).await, faults).await;
                }
            }
        });
    }
}

/// Passes on until one side ends, the connection is cut, or the proxy is dropped.
async fn connect<S: AsyncRead + AsyncWrite>(
    client: TcpStream,
    server: io::Result<S>,
    mut faults: watch::Receiver<Faults>,
) {
    let Ok(server) = server else { return };
    let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
    let there = pass_on(from_client, to_server, faults.clone());
    let back = pass_on(from_server, to_client, faults.clone());
    let cuts = faults.borrow().cuts;
    tokio::select! {
        _ = there => {}
        _ = back => {}
        _ = faults.wait_for(|faults| faults.cuts > cuts) => {}
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut faults: watch::Receiver<Faults>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let latency = faults.borrow().latency;
        sleep(latency).await;
        let _ = faults.wait_for(|faults| !faults.silent).await; // an error: the proxy is gone, and with it its faults
        to.write_all(&buffer[..length]).await?;
    }
}
