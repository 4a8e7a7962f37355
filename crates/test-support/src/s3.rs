use std::{fs, net::SocketAddr};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// An object store on a free port of this machine, with one bucket. It checks signatures, sizes and conditions strictly.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    _objects: TempDir,
    listener: JoinHandle<()>,
}

impl S3Server {
    /// The only access key it knows.
    pub const ACCESS_KEY: &str = "mercato-test";
    /// The secret of that key.
    pub const SECRET_KEY: &str = "only-the-tests-know-this";
    /// The bucket that exists.
    pub const BUCKET: &str = "pictures";
    /// A region to sign with.
    pub const REGION: &str = "us-east-1";

    /// Starts with an empty bucket.
    pub async fn start() -> Self {
        let objects = TempDir::new().expect("a temporary folder can be made");
        fs::create_dir(objects.path().join(Self::BUCKET)).expect("the temporary folder is ours");
        let files = FileSystem::new(objects.path()).expect("the folder exists");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port exists");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self {
            address,
            _objects: objects,
            listener: tokio::spawn(accept(listener, service.build())),
        }
    }

    /// The address for clients that put the bucket into the path.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(socket), service).await; // a client that leaves is no failure
        });
    }
}
