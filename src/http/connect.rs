//! Connections in named stages: DNS, TCP, proxy, TLS.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use base64::Engine as _;
use bedrock_doctor_checks::claude_code::network::{Routing, shown_url};
use bedrock_doctor_checks::facts::{FailureKind, NOT_SENT};
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

use super::Stages;
use super::proxy::ProxyAddress;
use super::race::first_connection;
use crate::world::Network;

/// What a request is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The address of the host or its proxy.
    Dns,
    /// The TCP connection.
    Tcp,
    /// The proxy's word on the tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The answer.
    Answer,
}

impl Stage {
    /// The words in "… while waiting for …".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Dns => "the DNS answer",
            Self::Tcp => "the TCP connection",
            Self::Proxy => "the proxy's answer to CONNECT",
            Self::Tls => "the TLS handshake",
            Self::Answer => "the answer",
        }
    }
}

/// A connection that failed, and at what.
#[derive(Debug)]
pub(crate) struct StageError {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) status: Option<u16>,
}

impl StageError {
    fn new(kind: FailureKind, message: String) -> Self {
        Self {
            kind,
            message,
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

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, StageError>> + Send>>;

/// Connects a request to its host, through the proxy that Claude Code would use.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: HttpsConnector<Tcp>,
    stages: Stages,
}

impl Connector {
    pub(crate) fn new(
        routing: Routing,
        tls: rustls::ClientConfig,
        stages: Stages,
        network: Option<Network>,
    ) -> Self {
        let tcp = Tcp {
            routing: Arc::new(routing),
            stages: Arc::clone(&stages),
            network: network.map(Arc::new),
        };
        Self {
            tls: HttpsConnector::from((tcp, tls)),
            stages,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = StageError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let host = target.host().unwrap_or_default().to_owned();
        let stages = Arc::clone(&self.stages);
        let connecting = self.tls.call(target);
        Box::pin(async move {
            let stream = connecting.await.map_err(tls_error)?;
            reached(&stages, &host, Stage::Answer);
            Ok(stream)
        })
    }
}

/// The error inside errors that only wrap one: `source` passes over the wrapped one itself.
fn innermost(error: &std::io::Error) -> &std::io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or(error, innermost)
}

/// The error of the TLS layer, or the one of the layers below it.
fn tls_error(error: Box<dyn std::error::Error + Send + Sync>) -> StageError {
    let error = match error.downcast::<StageError>() {
        Ok(below) => return *below,
        Err(error) => error,
    };
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(current) = source {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            let io = innermost(io);
            if let Some(tls) = io
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return StageError::new(FailureKind::Tls, super::trust::words(tls));
            }
            if io.kind() == std::io::ErrorKind::ConnectionReset
                || io.kind() == std::io::ErrorKind::UnexpectedEof
            {
                return StageError::new(
                    FailureKind::Tls,
                    "the connection was closed during the TLS handshake".to_owned(),
                );
            }
        }
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return StageError::new(FailureKind::Tls, super::trust::words(tls));
        }
        source = current.source();
    }
    let words = error.to_string();
    if words.starts_with("unsupported scheme") {
        return StageError::new(FailureKind::Http, NOT_SENT.to_owned());
    }
    StageError::new(FailureKind::Tls, format!("TLS failed: {words}"))
}

fn reached(stages: &Stages, host: &str, stage: Stage) {
    let mut stages = stages.lock().unwrap_or_else(PoisonError::into_inner);
    stages.insert(host.to_owned(), stage);
}

/// DNS, TCP and the proxy's tunnel.
#[derive(Clone)]
pub(crate) struct Tcp {
    routing: Arc<Routing>,
    stages: Stages,
    network: Option<Arc<Network>>,
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = StageError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let secure = target.scheme_str() == Some("https");
            let host = target.host().unwrap_or_default().to_owned();
            let port = target.port_u16().unwrap_or(if secure { 443 } else { 80 });
            // Metadata and container endpoints are plain HTTP, and never behind a proxy.
            let proxy = if secure {
                this.routing.proxy_for(&host).value
            } else {
                None
            };
            let stream = match proxy {
                None => this.connect(&host, &host, port).await?,
                Some(proxy) => this.tunnel(&host, port, &proxy).await?,
            };
            if secure {
                reached(&this.stages, &host, Stage::Tls);
            }
            let _ = stream.set_nodelay(true);
            Ok(TokioIo::new(stream))
        })
    }
}

impl Tcp {
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

    /// `for_host`: the host of the request; `host`: the one to connect to.
    async fn connect(
        &self,
        for_host: &str,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, StageError> {
        reached(&self.stages, for_host, Stage::Dns);
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = self.resolve(name, port).await.map_err(|error| {
            StageError::new(
                FailureKind::Dns,
                format!("`{host}` could not be resolved: {error}"),
            )
        })?;
        reached(&self.stages, for_host, Stage::Tcp);
        if addresses.is_empty() {
            let message = format!("`{host}` has no address");
            return Err(StageError::new(FailureKind::Tcp, message));
        }
        first_connection(addresses)
            .await
            .map_err(|message| StageError::new(FailureKind::Tcp, message))
    }

    /// `proxy`: its URL, with its credentials.
    async fn tunnel(&self, host: &str, port: u16, proxy: &str) -> Result<TcpStream, StageError> {
        let shown = shown_url(proxy);
        let refused = |status: Option<u16>, message: String| StageError {
            kind: FailureKind::Proxy,
            message,
            status,
        };
        let address = ProxyAddress::parse(proxy)
            .map_err(|why| refused(None, format!("the proxy `{shown}` cannot be used: {why}")))?;
        let mut stream = self
            .connect(host, &address.host, address.port)
            .await
            .map_err(|error| StageError {
                // The name that is unknown is the proxy's, not the host's.
                kind: match error.kind {
                    FailureKind::Dns => FailureKind::Proxy,
                    kind => kind,
                },
                message: format!("the proxy `{shown}` cannot be reached: {}", error.message),
                status: None,
            })?;
        reached(&self.stages, host, Stage::Proxy);
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(credentials) = address.credentials {
            let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&encoded);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let broken = |error: std::io::Error| {
            refused(
                None,
                format!(
                    "the proxy `{shown}` broke the connection: {}",
                    io_words(&error)
                ),
            )
        };
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // One byte at a time: what follows the head belongs to the tunnel.
            let byte = match stream.read_u8().await {
                Ok(byte) => byte,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(refused(
                        None,
                        format!(
                            "the proxy `{shown}` closed the connection without an answer to CONNECT"
                        ),
                    ));
                }
                Err(error) => return Err(broken(error)),
            };
            head.push(byte);
            if head.len() > 16 * 1024 {
                return Err(refused(
                    None,
                    format!("the proxy `{shown}` did not answer with HTTP"),
                ));
            }
        }
        let head = String::from_utf8_lossy(&head);
        let status = head
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|status| status.trim().parse::<u16>().ok());
        match status {
            Some(200..=299) => Ok(stream),
            Some(status) => {
                let dns = head.lines().any(|line| {
                    let line = line.to_ascii_lowercase();
                    line.starts_with("x-squid-error:") && line.contains("err_dns_fail")
                });
                if dns {
                    return Err(StageError {
                        kind: FailureKind::Dns,
                        message: format!("the proxy `{shown}` could not resolve `{host}`"),
                        status: Some(status),
                    });
                }
                let reason = head
                    .lines()
                    .next()
                    .and_then(|line| line.splitn(3, ' ').nth(2));
                Err(refused(
                    Some(status),
                    format!(
                        "the proxy `{shown}` refused the tunnel to `{host}`: {status} {}",
                        reason.unwrap_or_default()
                    )
                    .trim_end()
                    .to_owned(),
                ))
            }
            None => Err(refused(
                None,
                format!("the proxy `{shown}` did not answer with HTTP"),
            )),
        }
    }
}

fn is_this_machine(name: &str) -> bool {
    let address = name.parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
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
