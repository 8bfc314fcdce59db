//! Serves HTTP/1.1 as one of the pretend hosts.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Response, body::Incoming, header::HOST, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::{
    account::Account,
    answers, host,
    proxy::ProxyBehaviour,
    record::{Arrival, Record, Request, lock},
    reply::{Cut, Outgoing, Reply, never},
    rules::{Effect, Rule, first_match},
    signature,
    tls::{Authorities, Tls},
};

/// What all connections of a world have in common.
pub(crate) struct Shared {
    pub(crate) account: Mutex<Account>,
    pub(crate) rules: Mutex<Vec<Rule>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) record: Record,
    pub(crate) authorities: Authorities,
    pub(crate) serial: AtomicU64,
    /// The refresh tokens that were used: each is good for one renewal.
    pub(crate) spent: Mutex<BTreeSet<String>>,
}

/// Faults below HTTP, by host; the newest that fits counts.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) proxy: Vec<(String, ProxyBehaviour)>,
    pub(crate) tls: Vec<(String, Tls)>,
}

impl Faults {
    pub(crate) fn proxy(&self, host: &str) -> ProxyBehaviour {
        newest(&self.proxy, host)
    }

    pub(crate) fn tls(&self, host: &str) -> Tls {
        newest(&self.tls, host)
    }
}

fn newest<T: Clone + Default>(faults: &[(String, T)], host: &str) -> T {
    let fits = |(pattern, _): &&(String, T)| host::begins_with(host, pattern);
    faults
        .iter()
        .rev()
        .find(fits)
        .map(|(_, fault)| fault.clone())
        .unwrap_or_default()
}

/// Which host a connection is for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// Empty where the `Host` field of each request says it.
    pub(crate) host: String,
    /// Service and region; `None` where they follow from the request.
    pub(crate) endpoint: Option<(String, String)>,
}

impl Origin {
    /// The service behind a host name or a link-local address.
    pub(crate) fn of(host: &str) -> Self {
        let local = |service: &str| Some((service.to_owned(), "us-east-1".to_owned()));
        Self {
            endpoint: match host {
                "169.254.169.254" => local("imds"),
                "169.254.170.2" | "169.254.170.23" => local("container"),
                _ => host::parse(host).map(|it| (it.service, it.region)),
            },
            host: host.to_owned(),
        }
    }

    /// The origin of one request.
    fn for_request(self, headers: &HeaderMap) -> Self {
        if !self.host.is_empty() {
            return self;
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default();
        Self::of(host.split(':').next().unwrap_or_default())
    }
}

/// A connection that can be reset rather than closed.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl<C: Connection> Connection for TlsStream<C> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }
}

/// Serves one connection until either side ends it.
pub(crate) async fn serve<C: Connection>(shared: Arc<Shared>, origin: Origin, connection: C) {
    let reset = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&reset);
    let service = service_fn(move |request| {
        let answer = answer(
            Arc::clone(&shared),
            origin.clone(),
            Arc::clone(&flag),
            request,
        );
        let answer: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(answer);
        answer
    });
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
    let ended = poll_fn(|context| http.poll_without_shutdown(context)).await;
    let mut connection = http.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // Without this the kernel ends the connection in good order. Where it cannot, an end is an end.
        let _ = connection.tcp().set_zero_linger();
    } else if ended.is_ok() {
        // The client may be gone already, which is as good.
        let _ = connection.shutdown().await;
    }
}

async fn answer(
    shared: Arc<Shared>,
    origin: Origin,
    reset: Arc<AtomicBool>,
    request: hyper::Request<Incoming>,
) -> io::Result<Response<Outgoing>> {
    let origin = origin.for_request(request.headers());
    // Behind a gateway or a loopback listener nobody looks at signatures.
    let signed = origin.endpoint.is_some();
    let request = receive(origin, request).await?;
    let place = shared.record.request(request.clone());
    let rule = first_match(&mut lock(&shared.rules), &request).unwrap_or_else(|| Rule::new("", ""));
    let account = lock(&shared.account).clone();
    tokio::time::sleep(account.latency + rule.delay).await;

    let serial = shared.serial.fetch_add(1, Ordering::Relaxed);
    let reply = match rule.effect {
        Effect::Normal => healthy(
            &shared,
            &request,
            &account,
            serial,
            signed && account.checks_signatures,
        ),
        Effect::AwsError {
            status,
            code,
            message,
        } => Reply::aws_error(&request, status, &code, &message),
        Effect::Reply(reply) => reply,
        Effect::Hang => match never().await {},
        Effect::Reset => {
            reset.store(true, Ordering::Relaxed);
            return Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "reset as asked",
            ));
        }
    };
    if matches!(rule.cut, Some(Cut::Reset(_))) {
        reset.store(true, Ordering::Relaxed);
    }
    let mut reply = if rule.foreign {
        reply
    } else {
        reply.identified(&format!("00000000-0000-4000-8000-{serial:012}"))
    };
    if let Some(unwanted) = &rule.without {
        reply
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(unwanted));
    }
    shared.record.answered(place, reply.status);

    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&account.now())
        .map_err(io::Error::other)?;
    let mut response = Response::builder().status(reply.status);
    if !reply
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("date"))
    {
        response = response.header("date", date);
    }
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Outgoing::new(reply.body, rule.cut))
        .inspect_err(|error| {
            let what = format!("answer cannot be sent: {error}");
            shared.record.defect(what);
        })
        .map_err(io::Error::other)
}

/// Answers as a healthy AWS does; a panic on the way becomes a 500 that the world reports.
fn healthy(
    shared: &Shared,
    request: &Request,
    account: &Account,
    serial: u64,
    signed: bool,
) -> Reply {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let refused = signed
            .then(|| signature::refusal(request, account))
            .flatten();
        refused.unwrap_or_else(|| {
            let reply = answers::answer(request, account, serial);
            let token = answers::refresh_token(request).filter(|_| reply.status == 200);
            if token.is_some_and(|token| !lock(&shared.spent).insert(token)) {
                return answers::spent(request);
            }
            reply
        })
    }));
    outcome.unwrap_or_else(|_| {
        shared
            .record
            .defect(format!("panic while answering {}", request.operation));
        Reply::text(500, "the pretend AWS panicked\n")
    })
}

async fn receive(origin: Origin, request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut headers = BTreeMap::new();
    for (name, value) in &head.headers {
        headers.insert(
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        );
    }
    Ok(Request::from(Arrival {
        method: head.method.to_string(),
        host: origin.host,
        endpoint: origin.endpoint,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }))
}
