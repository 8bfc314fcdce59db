//! Connections in named stages: DNS, TCP, proxy, TLS.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bedrock_doctor_checks::claude_code::network::{Routing, shown_url};
use bedrock_doctor_checks::facts::{FailureKind, NOT_SENT, Stage};
use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::journal::{Entry, Journal};
use super::race::first_connection;
use super::stream::{Connected, Stream};
use super::trust::Trust;
use super::tunnel;
use crate::world::Network;

/// A connection that failed, and at what.
#[derive(Debug)]
pub(super) struct StageError {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) status: Option<u16>,
}

impl StageError {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
        }
    }
}

impl std::fmt::Display for StageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StageError {}

/// Connects a request to its host, through the proxy that Claude Code would use.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

/// What all connections of one kind of request have in common.
pub(super) struct Way {
    pub(super) routing: Routing,
    pub(super) trust: Arc<Trust>,
    pub(super) journal: Journal,
    pub(super) network: Option<Network>,
}

impl Connector {
    pub(super) fn new(way: Way) -> Self {
        Self(Arc::new(way))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = StageError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, StageError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move { way.connect(&target).await })
    }
}

/// Notes that a connection is over when nobody holds it any longer, whichever way that came about.
#[derive(Debug)]
pub(super) struct Held(pub(super) Entry);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.over();
    }
}

impl Way {
    async fn connect(&self, target: &Uri) -> Result<Stream, StageError> {
        let secure = match target.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(StageError::new(FailureKind::Http, NOT_SENT)),
        };
        let host = target.host().unwrap_or_default();
        let port = target.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // Metadata and container endpoints are plain HTTP, and never behind a proxy.
        let proxy = secure.then(|| self.routing.proxy_for(host).value).flatten();
        let shown = proxy.as_deref().map(shown_url);
        let held = Held(self.journal.begin(bare(host), shown));
        let entry = &held.0;
        let way = match proxy {
            None => Box::pin(self.reach(entry, host, port).await?),
            Some(proxy) => tunnel::open(self, entry, host, port, &proxy).await?,
        };
        let way = if secure {
            entry.enter(Stage::Tls);
            self.secured(entry, host, way).await?
        } else {
            way
        };
        entry.ready();
        Ok(Stream::new(way, held))
    }

    /// TLS with a host over a connection that stands.
    pub(super) async fn secured(
        &self,
        entry: &Entry,
        host: &str,
        way: Connected,
    ) -> Result<Connected, StageError> {
        let name = ServerName::try_from(bare(host).to_owned())
            .map_err(|_| StageError::new(FailureKind::Http, NOT_SENT))?;
        let tls = TlsConnector::from(self.trust.config(entry.clone()))
            .connect(name, way)
            .await
            .map_err(|error| StageError::new(FailureKind::Tls, tls_words(&error)))?;
        Ok(Box::pin(tls))
    }

    /// A TCP connection to a host, or to its proxy.
    pub(super) async fn reach(
        &self,
        entry: &Entry,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, StageError> {
        entry.enter(Stage::Dns);
        let addresses = self.resolve(bare(host), port).await.map_err(|error| {
            StageError::new(
                FailureKind::Dns,
                format!("`{host}` could not be resolved: {error}"),
            )
        })?;
        let Some(first) = addresses.first() else {
            let message = format!("`{host}` could not be resolved: it has no address");
            return Err(StageError::new(FailureKind::Dns, message));
        };
        entry.leads_to(first.ip());
        entry.enter(Stage::Tcp);
        let only_v6 = addresses.iter().all(SocketAddr::is_ipv6) && !is_this_machine(bare(host));
        match first_connection(addresses).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                if let Ok(address) = stream.peer_addr() {
                    entry.leads_to(address.ip());
                }
                Ok(stream)
            }
            Err(mut message) => {
                if only_v6 {
                    message.push_str("; the name has IPv6 addresses only");
                }
                Err(StageError::new(FailureKind::Tcp, message))
            }
        }
    }

    /// The addresses of a name.
    async fn resolve(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        if let Some(network) = &self.network
            && !is_this_machine(name)
        {
            return if network.unknown_names.iter().any(|unknown| unknown == name) {
                Err(std::io::ErrorKind::NotFound.into())
            } else {
                Ok(vec![network.door])
            };
        }
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

/// A host without the brackets that an IPv6 address has in a URL.
pub(super) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_this_machine(name: &str) -> bool {
    let address = name.parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What a TLS handshake failed at.
fn tls_words(error: &std::io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match (tls, error.kind()) {
        (Some(tls), _) => super::trust::words(tls),
        (None, std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof) => {
            "the connection was closed during the TLS handshake".to_owned()
        }
        (None, _) => format!("TLS failed: {error}"),
    }
}

pub(super) fn io_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        std::io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        std::io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        _ => error.to_string(),
    }
}
