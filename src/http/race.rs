//! The first of several addresses that answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;

use super::connect::io_words;

/// How long one address is waited for before the next is tried beside it; the same as in Node.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the address that answers first: an address that is silent, often an IPv6 one, must not hide one that
/// answers.
pub(super) async fn first_connection(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    // One family after the other, beginning with the one that the system prefers.
    let preferred = addresses.first().map(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| Some(address.is_ipv6()) == preferred);
    let mut second = second.into_iter();
    let mut waiting = first
        .into_iter()
        .flat_map(|address| std::iter::once(address).chain(second.next()))
        .collect::<VecDeque<_>>();
    waiting.extend(second);
    let mut attempts = FuturesUnordered::new();
    let mut last = String::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(async move {
                let stream = TcpStream::connect(address).await;
                stream.map_err(|error| format!("no connection to {address}: {}", io_words(&error)))
            });
        }
        let answer = if waiting.is_empty() {
            attempts.next().await
        } else {
            match tokio::time::timeout(HEAD_START, attempts.next()).await {
                Ok(answer) => answer,
                Err(_) => continue,
            }
        };
        match answer {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(message)) => last = message,
            None => return Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_address_does_not_hide_one_that_answers() {
        let local = "127.0.0.1:0".parse().unwrap();
        // A full queue: further connections get no answer.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(local).unwrap();
        let silent = socket.listen(1).unwrap();
        let silent_at = silent.local_addr().unwrap();
        let mut queue = Vec::new();
        for _ in 0..8 {
            let connecting = TcpStream::connect(silent_at);
            queue.push(tokio::time::timeout(Duration::from_millis(50), connecting).await);
        }
        let answering = tokio::net::TcpListener::bind(local).await.unwrap();
        let answering_at = answering.local_addr().unwrap();
        let connecting = first_connection(vec![silent_at, answering_at]);
        let stream = tokio::time::timeout(Duration::from_secs(3), connecting)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answering_at);
    }

    #[tokio::test]
    async fn when_every_address_refuses_the_last_one_is_named() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let message = first_connection(vec![address]).await.unwrap_err();
        assert_eq!(
            message,
            format!("no connection to {address}: connection refused")
        );
    }
}
