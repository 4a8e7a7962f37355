//! Connections in TLS, to a PostgreSQL that offers it.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use adapter_postgres::{PgStore, Settings, job_queue, migrate};
use embedded_postgres::{Options, Server};
use futures_util::StreamExt;
use kernel::StorageError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A server of our own on an address of the loopback network, and the root of its certificate.
struct Encrypted {
    server: Server,
    folder: TempDir,
    address: String,
}

const DATABASE: &str = "mercato";

/// Servers of this process.
static COUNT: AtomicU8 = AtomicU8::new(0);

impl Encrypted {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The port is given: the address is our own.
        let [.., high, low] = std::process::id().to_be_bytes();
        let second = 77 + COUNT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.{second}.{high}.{}", low.clamp(1, 254));
        let options = Options {
            settings: vec![("listen_addresses".to_owned(), address.clone())],
            ..Options::throw_away(folder.path().join("postgres"))
        };
        let server = Server::start(options).await.unwrap();
        server.create_database_if_missing(DATABASE).await.unwrap();
        Self { server, folder, address }
    }

    /// Over its socket, past TLS.
    async fn inside(&self) -> Client {
        let url = self.server.url(DATABASE);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Offers TLS from now on, with a certificate for these names; stores its root.
    async fn offer(&self, names: &[&str]) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        std::fs::write(self.roots(), authority.pem()).unwrap();

        let client = self.inside().await;
        let data: String = client.query_one("SHOW data_directory", &[]).await.unwrap().get(0);
        let data = Path::new(&data);
        let owner = data.metadata().unwrap();
        for (name, content) in
            [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())]
        {
            let path = data.join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    fn roots(&self) -> std::path::PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Its address on the network.
    fn url(&self, parameters: &str) -> String {
        format!("postgres://mercato@{}:5432/{DATABASE}?{parameters}", self.address)
    }

    fn trusted(&self) -> String {
        self.url(&format!("sslmode=verify-full&sslrootcert={}", self.roots().display()))
    }

    /// Connections over the network, in TLS or not.
    async fn connections(&self, ssl: bool) -> i64 {
        let query = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE client_addr IS NOT NULL AND ssl = $1";
        self.inside().await.query_one(query, &[&ssl]).await.unwrap().get(0)
    }
}

/// How every part that connects fares at this address.
async fn all_refused(url: &str) {
    migrate(url).await.unwrap_err();
    let settings = Settings { checkout_timeout: Duration::from_secs(3), ..Settings::new(url) };
    if let Ok(store) = PgStore::connect(&settings, |_| &[]) {
        let error = store.ping().await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
    }
    if let Ok(queue) = job_queue(url, 1) {
        assert!(queue.listen("jobs:insert").await.is_err(), "{url}");
        assert!(queue.begin().await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn everything_that_connects_does_so_in_tls_if_it_is_asked_to() {
    let encrypted = Encrypted::start().await;
    all_refused(&encrypted.url("sslmode=require")).await;
    encrypted.offer(&[&encrypted.address]).await;

    let url = encrypted.trusted();
    migrate(&url).await.unwrap();
    let store = PgStore::connect(&Settings::new(&url), |_| &[]).unwrap();
    store.ping().await.unwrap();
    let queue = job_queue(&url, 1).unwrap();
    let transaction = queue.begin().await.unwrap();
    let mut heard = queue.listen("jobs:insert").await.unwrap().unwrap();
    assert_eq!(encrypted.connections(true).await, 3);
    assert_eq!(encrypted.connections(false).await, 0);

    transaction.commit().await.unwrap();
    let inside = encrypted.inside().await;
    inside.batch_execute("NOTIFY \"jobs:insert\", 'one'").await.unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap().payload, "one");
    // A listener that loses its connection finds another by itself.
    let lose = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    inside.batch_execute(lose).await.unwrap();
    let again = async {
        loop {
            inside.batch_execute("NOTIFY \"jobs:insert\", 'two'").await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(100), heard.next()).await;
            if let Ok(Some(Ok(notification))) = next {
                return notification.payload;
            }
        }
    };
    let payload = tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    assert_eq!(payload, "two");
    assert_eq!(encrypted.connections(false).await, 0);

    // Without a mode that insists, nothing is encrypted, and nothing is refused.
    let plain = PgStore::connect(&Settings::new(encrypted.url("")), |_| &[]).unwrap();
    plain.ping().await.unwrap();
    assert_eq!(encrypted.connections(false).await, 1);
}

#[tokio::test]
async fn a_certificate_of_another_host_or_root_is_refused() {
    let encrypted = Encrypted::start().await;
    encrypted.offer(&["another.example"]).await;
    all_refused(&encrypted.trusted()).await;
    encrypted.offer(&[&encrypted.address]).await;
    all_refused(&encrypted.url("sslmode=require")).await;
    all_refused(&encrypted.url("sslmode=verify-full&sslrootcert=/nowhere/roots.pem")).await;
    all_refused(&encrypted.url("sslmode=always")).await;
}
