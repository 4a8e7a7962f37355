//! Where the database is, and whether it is spoken to in TLS.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why an address is of no use.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// It is not an address.
    #[error("the address of the database is not understood")]
    Address(#[source] tokio_postgres::Error),
    /// An `sslmode` that there is not.
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full, not `{0}`")]
    Mode(String),
    /// The file of `sslrootcert` cannot be read.
    #[error("the root certificates in {} cannot be read", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: pem::Error,
    },
    /// What the file holds is no root.
    #[error("a certificate in {} cannot be trusted", path.display())]
    Untrusted {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The stream of a connection to an endpoint in TLS.
pub(crate) type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// An address with what its `sslmode` and `sslrootcert` ask for, which the driver knows only in
/// part.
///
/// `require`, `verify-ca` and `verify-full` all mean TLS with a certificate that is valid for the
/// host and comes from a root that is trusted: encryption that does not know to whom protects from
/// nobody who can listen. The roots are those of `sslrootcert`, else those that browsers trust. A
/// `sslrootcert` alone means `verify-full`. All else means no TLS: to try it, and to go on without
/// it, protects from nobody either.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// What the driver is told.
    pub(crate) config: Config,
    /// What makes a stream encrypted, where the configuration wants that.
    pub(crate) tls: MakeRustlsConnect,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(address: &str) -> Result<Self, EndpointError> {
        let (address, mode) = without(address, "sslmode");
        let (address, roots) = without(&address, "sslrootcert");
        let roots = roots.filter(|path| !path.is_empty() && path != "system").map(PathBuf::from);
        let encrypted = match mode.as_deref() {
            None | Some("") => roots.is_some(),
            Some("disable" | "allow" | "prefer") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(EndpointError::Mode(other.to_owned())),
        };
        let mut config: Config = address.parse().map_err(EndpointError::Address)?;
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let roots = if encrypted { trusted(roots.as_deref())? } else { RootCertStore::empty() };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tls: MakeRustlsConnect::new(tls) })
    }
}

impl Endpoint {
    /// The same with options for the server, before those of the address.
    pub(crate) fn with_options(mut self, options: &str) -> Self {
        let given = self.config.get_options().unwrap_or_default().to_owned();
        self.config.options(format!("{options} {given}"));
        self
    }

    /// Connects; the connection has to be driven.
    pub(crate) async fn connect(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// The address with TLS by the roots in this file, whatever it said of either.
pub fn trusting(address: &str, roots: &Path) -> String {
    let (address, _) = without(address, "sslmode");
    let (address, _) = without(&address, "sslrootcert");
    let path = roots.to_string_lossy();
    if address.contains("://") {
        let joint = if address.contains('?') { '&' } else { '?' };
        let path = utf8_percent_encode(&path, NON_ALPHANUMERIC);
        format!("{address}{joint}sslmode=verify-full&sslrootcert={path}")
    } else {
        format!("{address} sslmode=verify-full sslrootcert={path}")
    }
}

/// The roots of a file, else those that browsers trust.
fn trusted(file: Option<&Path>) -> Result<RootCertStore, EndpointError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let unreadable = |source| EndpointError::Certificates { path: path.to_owned(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        roots
            .add(certificate)
            .map_err(|source| EndpointError::Untrusted { path: path.to_owned(), source })?;
    }
    if roots.is_empty() { Err(unreadable(pem::Error::NoItemsFound)) } else { Ok(roots) }
}

/// The address without one of its parameters, and its value. An address is a URL, or keys and
/// values as libpq takes them.
fn without(address: &str, name: &str) -> (String, Option<String>) {
    let mut found = None;
    let mut kept = |part: &&str| match part.split_once('=') {
        Some((key, value)) if key.trim() == name => {
            found = Some(value.to_owned());
            false
        }
        _ => true,
    };
    if address.contains("://") {
        let Some((start, query)) = address.split_once('?') else {
            return (address.to_owned(), None);
        };
        let rest = query.split('&').filter(&mut kept).collect::<Vec<_>>().join("&");
        let value = found.map(|value| percent_decode_str(&value).decode_utf8_lossy().into_owned());
        let address = if rest.is_empty() { start.to_owned() } else { format!("{start}?{rest}") };
        (address, value)
    } else {
        let rest = address.split_whitespace().filter(&mut kept).collect::<Vec<_>>().join(" ");
        (rest, found.map(|value| value.trim_matches('\'').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(address: &str) -> Result<SslMode, EndpointError> {
        address.parse::<Endpoint>().map(|endpoint| endpoint.config.get_ssl_mode())
    }

    #[test]
    fn only_a_mode_that_insists_on_tls_brings_it() {
        for plain in ["", "?sslmode=disable", "?sslmode=prefer", "?application_name=a"] {
            let mode = mode(&format!("postgres://a@db.example/b{plain}")).unwrap();
            assert_eq!(mode, SslMode::Disable, "{plain}");
        }
        for strict in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://a@db.example/b?application_name=c&sslmode={strict}");
            assert_eq!(mode(&url).unwrap(), SslMode::Require, "{strict}");
            let pairs = format!("host=db.example user=a sslmode={strict}");
            assert_eq!(mode(&pairs).unwrap(), SslMode::Require, "{strict}");
        }
        let error = mode("postgres://db.example/b?sslmode=verify-fully").unwrap_err();
        assert!(matches!(error, EndpointError::Mode(_)), "{error}");
    }

    #[test]
    fn other_parameters_stay() {
        let url =
            "postgres://a:b@db.example:5433/c?application_name=d&sslmode=require&connect_timeout=7";
        let endpoint: Endpoint = url.parse().unwrap();

        assert_eq!(endpoint.config.get_application_name(), Some("d"));
        assert_eq!(endpoint.config.get_connect_timeout(), Some(&std::time::Duration::from_secs(7)));
        assert_eq!(endpoint.config.get_ports(), [5433]);
    }

    #[test]
    fn a_root_that_is_set_beside_the_address_wins() {
        let roots = Path::new("/etc/my roots.pem");
        let url = trusting("postgres://a@db.example/b?sslmode=prefer&connect_timeout=7", roots);
        assert_eq!(
            url,
            "postgres://a@db.example/b?connect_timeout=7&sslmode=verify-full\
             &sslrootcert=%2Fetc%2Fmy%20roots%2Epem"
        );
        assert_eq!(without(&url, "sslrootcert").1.as_deref(), Some("/etc/my roots.pem"));
        let pairs = trusting("host=db.example", Path::new("/etc/roots.pem"));
        assert_eq!(pairs, "host=db.example sslmode=verify-full sslrootcert=/etc/roots.pem");
    }

    #[test]
    fn a_file_without_roots_is_named() {
        let missing = mode("postgres://db.example/b?sslrootcert=%2Fnowhere%2Froots.pem");
        let error = missing.unwrap_err().to_string();
        assert_eq!(error, "the root certificates in /nowhere/roots.pem cannot be read");
        let empty = mode("host=db.example sslmode=require sslrootcert=/dev/null").unwrap_err();
        assert!(matches!(empty, EndpointError::Certificates { .. }), "{empty}");
    }
}
