//! The least HTTPS client that can talk through the proxy, so that no other code's leniency hides a mistake.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use bedrock_doctor_world::World;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// How long to wait for what is expected to come, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait for what is expected not to come.
pub(crate) const IMPATIENCE: Duration = Duration::from_millis(300);

/// An answer, or as much of it as came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body has the announced length.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A TLS connection to `host` through the proxy of a world.
pub(crate) type Tunnel = StreamOwned<ClientConnection, TcpStream>;

/// Sends a CONNECT and returns the connection with the status the proxy answered.
pub(crate) fn connect(world: &World, host: &str) -> io::Result<(TcpStream, u16)> {
    connect_within(world, host, PATIENCE)
}

pub(crate) fn connect_within(
    world: &World,
    host: &str,
    patience: Duration,
) -> io::Result<(TcpStream, u16)> {
    let address = world.proxy_url().replace("http://", "");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    write!(
        stream,
        "CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n"
    )?;
    let head = read_head(&mut stream)?;
    Ok((stream, status(&head)))
}

/// Opens a TLS connection to `host`; `patience` counts from the handshake on.
pub(crate) fn tunnel_within(world: &World, host: &str, patience: Duration) -> io::Result<Tunnel> {
    let (stream, status) = connect(world, host)?;
    assert_eq!(status, 200);
    stream.set_read_timeout(Some(patience))?;
    handshake(world, stream, host)
}

/// Starts TLS with `host` over an open connection.
pub(crate) fn handshake(world: &World, mut stream: TcpStream, host: &str) -> io::Result<Tunnel> {
    let pem = fs::read(world.ca_path())?;
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(client, stream))
}

pub(crate) fn tunnel(world: &World, host: &str) -> io::Result<Tunnel> {
    tunnel_within(world, host, PATIENCE)
}

/// Sends one request over an open connection and reads the answer.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    line: &str,
    headers: &str,
    body: &str,
) -> io::Result<Answer> {
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: pretend\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )?;
    stream.flush()?;
    let head = read_head(stream)?;
    let mut answer = Answer {
        status: status(&head),
        head,
        body: Vec::new(),
        whole: false,
    };
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    let mut byte = [0];
    while answer.body.len() < length && matches!(stream.read(&mut byte), Ok(1)) {
        answer.body.push(byte[0]);
    }
    answer.whole = answer.body.len() == length;
    Ok(answer)
}

/// An authorization as an SDK sends it; the signature means nothing here.
pub(crate) fn signed(key: &str, region: &str, service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={key}/20261122/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=00\r\n"
    )
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn status(head: &str) -> u16 {
    head.split_whitespace().nth(1).unwrap().parse().unwrap()
}
