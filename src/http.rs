//! One HTTP client for all: Claude Code's proxy and certificate rules, a named stage for every failure, no retries.
//!
//! The AWS SDK's clients use it through [`AwsHttp`]; metadata and container endpoints through [`Http::send`].
//! Nothing is opened and no certificate is read before the first request.

mod body;
mod certificate;
mod connect;
mod journal;
mod proxy;
mod race;
mod stream;
mod trust;
mod tunnel;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bedrock_doctor_checks::claude_code::Resolved;
use bedrock_doctor_checks::claude_code::network::{
    CertificateStores, ClientCertificate, Plane, Routing,
};
use bedrock_doctor_checks::claude_code::versions::Rules;
use bedrock_doctor_checks::facts::{
    AwsCli, CaFile, Clock, Connection, Failure, FailureKind, Stage,
};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use self::body::Watched;
use self::connect::{Connector, StageError, Way};
use self::journal::{Entry, Journal};
use self::trust::Trust;
pub(crate) use self::trust::problem_of;
use crate::secrets::Secrets;
use crate::world::World;

/// The HTTP client of one run.
#[derive(Clone)]
pub(crate) struct Http(Arc<Shared>);

struct Shared {
    world: World,
    listing: Routed,
    credentials: Routed,
    runtime: Routed,
    trust: Arc<Trust>,
    journal: Journal,
    clock: Mutex<Option<Clock>>,
}

/// The client for one kind of request, and how it routes.
struct Routed {
    routing: Routing,
    client: OnceLock<Client<Connector, SdkBody>>,
}

impl Routed {
    fn by(routing: &Routing) -> Self {
        Self {
            routing: routing.clone(),
            client: OnceLock::new(),
        }
    }
}

impl Http {
    /// A client that routes like Claude Code. Opens nothing.
    ///
    /// `aws_cli`: what the AWS CLI would use, for the certificates that only it trusts.
    pub(crate) fn new(world: World, resolved: &Resolved, aws_cli: Option<&AwsCli>) -> Self {
        let mut ca_files = resolved.configuration.ca_files.clone();
        let bundle = aws_cli.and_then(|aws_cli| aws_cli.ca_bundle.as_ref());
        ca_files.extend(bundle.map(|path| CaFile {
            variable: "ca_bundle".to_owned(),
            path: path.clone(),
            honoured: false,
            problem: None,
        }));
        let rules = Rules::of(resolved.inputs.version);
        let stores = CertificateStores::of(&resolved.inputs.environment, rules);
        let client = ClientCertificate::of(&resolved.inputs.environment);
        Self(Arc::new(Shared {
            trust: Arc::new(Trust::new(&world, &ca_files, stores, client)),
            world,
            listing: Routed::by(&resolved.listing),
            credentials: Routed::by(&resolved.credentials),
            runtime: Routed::by(&resolved.runtime),
            journal: Journal::default(),
            clock: Mutex::default(),
        }))
    }

    /// The client for one kind of request.
    fn client(&self, plane: Plane) -> &Client<Connector, SdkBody> {
        let routed = match plane {
            Plane::Listing => &self.0.listing,
            Plane::Credentials => &self.0.credentials,
            Plane::Runtime => &self.0.runtime,
        };
        routed.client.get_or_init(|| {
            let connector = Connector::new(Way {
                routing: routed.routing.clone(),
                trust: Arc::clone(&self.0.trust),
                journal: self.0.journal.clone(),
                network: self.0.world.network().cloned(),
            });
            Client::builder(TokioExecutor::new()).build(connector)
        })
    }

    /// Sends a request and hands out the answer with its body unread.
    pub(crate) async fn exchange(
        &self,
        plane: Plane,
        request: http::Request<SdkBody>,
    ) -> Result<http::Response<Watched>, Failure> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let response = self
            .client(plane)
            .request(request)
            .await
            .map_err(|error| failure(&host, &error))?;
        let (head, body) = response.into_parts();
        let entry: Option<Entry> = head.extensions.get().cloned();
        if let Some(entry) = &entry {
            entry.answered();
        }
        self.note_date(&host, &head.headers);
        let body = Watched::new(body, &host, head.status.as_u16(), entry);
        Ok(http::Response::from_parts(head, body))
    }

    /// The same client for the clients of the AWS SDK.
    pub(crate) fn for_aws(&self, plane: Plane) -> AwsHttp {
        AwsHttp {
            http: self.clone(),
            plane,
        }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        plane: Plane,
        request: http::Request<SdkBody>,
    ) -> Result<(u16, Vec<u8>), Failure> {
        use http_body_util::BodyExt as _;
        let host = request.uri().host().unwrap_or_default().to_owned();
        let response = self.exchange(plane, request).await?;
        let status = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), 1024 * 1024);
        match body.collect().await {
            Ok(body) => Ok((status, body.to_bytes().to_vec())),
            Err(error) => Err(match error.downcast::<TransportFailure>() {
                Ok(broken) => broken.0,
                Err(_) => Failure {
                    host: Some(host),
                    status: Some(status),
                    ..Failure::new(FailureKind::Http, "the answer is longer than any of AWS's")
                },
            }),
        }
    }

    /// What the newest request to a host waits for, or waited for until it was given up.
    pub(crate) fn stage(&self, host: &str) -> Option<Stage> {
        self.0.journal.stage(host)
    }

    /// How far the requests to each host came.
    pub(crate) fn connections(&self, secrets: &Secrets) -> Vec<Connection> {
        let mut all = self.0.journal.connections();
        let certificates = all.iter_mut().filter_map(|it| it.certificate.as_mut());
        for certificate in certificates {
            let texts = std::iter::once(&mut certificate.subject)
                .chain(&mut certificate.issuers)
                .chain(&mut certificate.names);
            for text in texts {
                *text = secrets.scrub(text);
            }
        }
        all
    }

    /// How far this machine's clock is from the servers', from the answers so far.
    pub(crate) fn clock(&self) -> Option<Clock> {
        self.0
            .clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Only AWS's own clock tells: that of a proxy or a sign-in page may be wrong.
    fn note_date(&self, host: &str, headers: &http::HeaderMap) {
        if !headers.contains_key("x-amzn-requestid") {
            return;
        }
        let date = headers
            .get(http::header::DATE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        let Some(date) = date else { return };
        let mut clock = self.0.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.get_or_insert_with(|| Clock {
            ahead_seconds: self.0.world.clock().as_second() - date.timestamp().as_second(),
            host: host.to_owned(),
        });
    }
}

impl TimeSource for Http {
    /// The time that signatures carry.
    fn now(&self) -> SystemTime {
        self.0.world.clock().into()
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// The HTTP client for the clients of the AWS SDK.
#[derive(Clone)]
pub(crate) struct AwsHttp {
    http: Http,
    plane: Plane,
}

/// Whether a content type is that of a web page.
pub(crate) fn is_page(content_type: &str) -> bool {
    content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/html")
}

impl std::fmt::Debug for AwsHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsHttp").finish_non_exhaustive()
    }
}

impl HttpClient for AwsHttp {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let response = this
                .http
                .exchange(this.plane, request)
                .await
                .map_err(|failure| {
                    ConnectorError::other(Box::new(TransportFailure(failure)), None)
                })?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

/// A failure on its way through the SDK's error types.
#[derive(Debug)]
pub(crate) struct TransportFailure(pub(crate) Failure);

impl std::fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for TransportFailure {}

/// What a failed request failed at. The stage is known from where it failed, not guessed from words.
fn failure(host: &str, error: &hyper_util::client::legacy::Error) -> Failure {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(stage) = current.downcast_ref::<StageError>() {
            return Failure {
                host: Some(host.to_owned()),
                status: stage.status,
                ..Failure::new(stage.kind, stage.message.clone())
            };
        }
        source = current.source();
    }
    // The connection stood; the exchange over it broke.
    let mut innermost: &dyn std::error::Error = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    let io = innermost.downcast_ref::<std::io::Error>();
    // Since TLS 1.3 a server says only after the handshake that it wants a certificate.
    let tls = io.and_then(|io| io.get_ref()?.downcast_ref::<rustls::Error>());
    if let Some(error @ rustls::Error::AlertReceived(_)) = tls {
        return Failure {
            host: Some(host.to_owned()),
            ..Failure::new(FailureKind::Tls, trust::words(error))
        };
    }
    let reset = io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset);
    let message = if reset {
        "the connection was reset before the answer".to_owned()
    } else {
        format!("no usable HTTP answer: {innermost}")
    };
    Failure {
        host: Some(host.to_owned()),
        ..Failure::new(FailureKind::Http, message)
    }
}
