//! The tunnel through a proxy: CONNECT and its answer.

use base64::Engine as _;
use bedrock_doctor_checks::claude_code::network::shown_url;
use bedrock_doctor_checks::facts::{FailureKind, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::{StageError, Way, io_words};
use super::journal::Entry;
use super::proxy::ProxyAddress;
use super::stream::Connected;

/// The longest head of an answer to CONNECT.
const LONGEST_HEAD: usize = 16 * 1024;

/// Opens a tunnel to a host.
pub(super) async fn open(
    way: &Way,
    entry: &Entry,
    host: &str,
    port: u16,
    proxy: &str,
) -> Result<Connected, StageError> {
    let shown = shown_url(proxy);
    let failed = |message: String| StageError::new(FailureKind::Proxy, message);
    let address = ProxyAddress::parse(proxy)
        .map_err(|why| failed(format!("the proxy `{shown}` cannot be used: {why}")))?;
    let unreachable = |error: StageError| StageError {
        // The name that is unknown is the proxy's, not the host's.
        kind: match error.kind {
            FailureKind::Dns => FailureKind::Proxy,
            kind => kind,
        },
        message: format!("the proxy `{shown}` cannot be reached: {}", error.message),
        status: None,
    };
    let tcp = way
        .reach(entry, &address.host, address.port)
        .await
        .map_err(unreachable)?;
    entry.enter(Stage::Proxy);
    let mut stream: Connected = Box::pin(tcp);
    if address.secure {
        stream = way
            .secured(entry, &address.host, stream)
            .await
            .map_err(unreachable)?;
    }
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(credentials) = address.credentials {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&encoded);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let broken = |error: std::io::Error| {
        let words = io_words(&error);
        failed(format!("the proxy `{shown}` broke the connection: {words}"))
    };
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        // One byte at a time: what follows the head belongs to the tunnel.
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(failed(format!(
                    "the proxy `{shown}` closed the connection without an answer to CONNECT"
                )));
            }
            Err(error) => return Err(broken(error)),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let Some(answer) = Answer::read(&head) else {
        let message = format!("the proxy `{shown}` did not answer with HTTP");
        return Err(failed(message));
    };
    if (200..300).contains(&answer.status) {
        return Ok(stream);
    }
    let (kind, message) = if answer.lacks_name() {
        let message = format!("the proxy `{shown}` could not resolve `{host}`");
        (FailureKind::Dns, message)
    } else {
        let words = answer.words();
        let message = format!("the proxy `{shown}` refused the tunnel to `{host}`: {words}");
        (FailureKind::Proxy, message)
    };
    Err(StageError {
        kind,
        message,
        status: Some(answer.status),
    })
}

/// The head of an answer to CONNECT.
struct Answer<'a> {
    status: u16,
    reason: &'a str,
    head: &'a str,
}

impl<'a> Answer<'a> {
    fn read(head: &'a str) -> Option<Self> {
        let mut words = head.strip_prefix("HTTP/1.")?.lines().next()?.splitn(3, ' ');
        let status = words.nth(1)?.trim().parse().ok()?;
        let reason = words.next().unwrap_or_default().trim();
        Some(Self {
            status,
            reason,
            head,
        })
    }

    /// The values of a header field.
    fn values(&self, field: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter_map(move |(name, value)| {
            name.eq_ignore_ascii_case(field).then_some(value.trim())
        })
    }

    /// Whether the proxy says that DNS does not know the host: Squid does.
    fn lacks_name(&self) -> bool {
        self.values("x-squid-error")
            .any(|value| value.to_ascii_uppercase().contains("ERR_DNS_FAIL"))
    }

    /// Status, reason, and the ways in which a proxy that answers 407 takes credentials.
    fn words(&self) -> String {
        let words = format!("{} {}", self.status, self.reason);
        let words = words.trim_end();
        let schemes: Vec<&str> = self
            .values("proxy-authenticate")
            .filter_map(|value| value.split([' ', ',']).next())
            .filter(|scheme| !scheme.is_empty())
            .collect();
        if self.status == 407 && !schemes.is_empty() {
            format!("{words} (it accepts {})", schemes.join(", "))
        } else {
            words.to_owned()
        }
    }
}
