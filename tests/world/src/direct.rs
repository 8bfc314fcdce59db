//! The direct way in: TLS for whichever host the client names, plain HTTP for whoever starts without TLS.

use std::{io, sync::Arc};

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use crate::{
    record::lock,
    server::{self, Origin, Shared},
};

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// Serves one client that came without a proxy.
pub(crate) async fn serve(shared: Arc<Shared>, mut stream: TcpStream) -> io::Result<()> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(());
    }
    if first[0] != HANDSHAKE {
        server::serve(shared, Origin::default(), stream).await;
        return Ok(());
    }
    // What comes in the place of a handshake comes before the name is known: such a fault is for every host here.
    let fault = lock(&shared.faults).tls("");
    if fault.answers_instead(&mut stream).await? {
        return Ok(());
    }
    let hello = match LazyConfigAcceptor::new(Acceptor::default(), stream).await {
        Ok(hello) => hello,
        Err(error) => {
            shared.record.failed_handshake(format!("?: {error}"));
            return Ok(());
        }
    };
    // An address has no name in the handshake; nobody is asked for by one over TLS.
    let host = hello
        .client_hello()
        .server_name()
        .unwrap_or("127.0.0.1")
        .to_owned();
    let tls = lock(&shared.faults).tls(&host);
    let config = shared.authorities.config(&host, &tls)?;
    match hello.into_stream(config).await {
        Ok(stream) => server::serve(shared, Origin::of(&host), stream).await,
        Err(error) => shared.record.failed_handshake(format!("{host}: {error}")),
    }
    Ok(())
}
