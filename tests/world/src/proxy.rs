//! The CONNECT proxy, and what can be wrong with a proxy.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    record::lock,
    reply::never,
    server::{self, Connection, Origin, Shared},
};

/// What the proxy does with a CONNECT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyBehaviour {
    /// Opens the tunnel.
    #[default]
    Normal,
    /// Refuses with this status and no body.
    Status(u16),
    /// Refuses with this status and this page.
    StatusWithBody(u16, String),
    /// Opens the tunnel only for `Proxy-Authorization: Basic` with this `user:password`, else answers 407.
    Login(String),
    /// Answers 407 and takes only these ways to sign in, such as `Negotiate`.
    Challenge(Vec<String>),
    /// Answers with something that is no HTTP.
    Gibberish,
    /// Opens the tunnel after this long.
    Slow(Duration),
    /// Says, as Squid does, that the host's name cannot be resolved.
    DnsFailure,
    /// Takes the CONNECT and never answers.
    HangOnConnect,
    /// Closes the connection instead of an answer.
    CloseAtOnce,
}

/// Serves one client of the proxy that speaks TLS to it, with a certificate for this name.
pub(crate) async fn serve_tls(
    shared: Arc<Shared>,
    name: &str,
    mut stream: TcpStream,
) -> io::Result<()> {
    let tls = lock(&shared.faults).tls(name);
    if tls.answers_instead(&mut stream).await? {
        return Ok(());
    }
    let config = shared.authorities.config(name, &tls)?;
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => serve(shared, stream).await,
        Err(error) => {
            shared.record.failed_handshake(format!("{name}: {error}"));
            Ok(())
        }
    }
}

/// Serves one client of the proxy.
pub(crate) async fn serve(shared: Arc<Shared>, mut stream: impl Connection) -> io::Result<()> {
    let Some(head) = read_head(&mut stream).await? else {
        return Ok(());
    };
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if method != "CONNECT" {
        shared.record.connect(format!("{method} {target}"));
        return refuse(&mut stream, 405, "", "this proxy only tunnels\n").await;
    }
    shared.record.connect(target.to_owned());
    let name = target.rsplit_once(':').map_or(target, |(name, _)| name);
    let (behaviour, tls) = {
        let faults = lock(&shared.faults);
        (faults.proxy(name), faults.tls(name))
    };
    match behaviour {
        ProxyBehaviour::Normal => {}
        ProxyBehaviour::Login(login) if is_login(&head, &login) => {}
        ProxyBehaviour::Login(_) => {
            let challenge = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n";
            return refuse(&mut stream, 407, challenge, "").await;
        }
        ProxyBehaviour::Challenge(schemes) => {
            let field = "Proxy-Authenticate: ";
            let challenges = schemes.join(&format!("\r\n{field}"));
            return refuse(&mut stream, 407, &format!("{field}{challenges}\r\n"), "").await;
        }
        ProxyBehaviour::Gibberish => {
            stream
                .write_all(b"220 mail.example.com ESMTP\r\n\r\n")
                .await?;
            return stream.shutdown().await;
        }
        ProxyBehaviour::Slow(delay) => tokio::time::sleep(delay).await,
        ProxyBehaviour::Status(status) => return refuse(&mut stream, status, "", "").await,
        ProxyBehaviour::StatusWithBody(status, body) => {
            return refuse(&mut stream, status, "", &body).await;
        }
        ProxyBehaviour::DnsFailure => {
            let reason = "X-Squid-Error: ERR_DNS_FAIL 0\r\n";
            return refuse(&mut stream, 503, reason, "name could not be resolved\n").await;
        }
        ProxyBehaviour::HangOnConnect => match never().await {},
        ProxyBehaviour::CloseAtOnce => return Ok(()),
    }

    let origin = Origin::of(name);
    let gateway = lock(&shared.account).gateways.iter().any(|it| it == name);
    if origin.endpoint.is_none() && !gateway {
        return refuse(&mut stream, 502, "", "no such host in the pretend AWS\n").await;
    }
    stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    if tls.answers_instead(&mut stream).await? {
        return Ok(());
    }
    let config = shared.authorities.config(name, &tls)?;
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(tunnel) => server::serve(shared, origin, tunnel).await,
        Err(error) => shared.record.failed_handshake(format!("{name}: {error}")),
    }
    Ok(())
}

/// Reads up to the empty line; `None` where the client says nothing.
async fn read_head(stream: &mut impl Connection) -> io::Result<Option<String>> {
    const LIMIT: usize = 64 * 1024;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to the TLS handshake.
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 || head.len() > LIMIT {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

async fn refuse(
    stream: &mut impl Connection,
    status: u16,
    headers: &str,
    body: &str,
) -> io::Result<()> {
    let reason = hyper::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\n{headers}Content-Type: text/html\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await
}

fn is_login(head: &str, login: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let wanted = format!("Basic {}", STANDARD.encode(login));
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted
        })
}
