//! The pretend AWS as a test sees it.
//!
//! Longer than 400 lines: everything that a test may ask of it or change in it stands here.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{net::TcpStream, runtime};

use crate::{
    account::{Account, Denied, Quota},
    direct,
    proxy::{self, ProxyBehaviour},
    record::{Record, Request, lock},
    rules::Rule,
    server::{self, Faults, Origin, Shared},
    tls::{Authorities, Tls},
};

/// A pretend AWS on loopback; dropping it ends everything it started.
///
/// Every method takes effect for the requests that arrive afterwards.
pub struct World {
    shared: Arc<Shared>,
    runtime: Option<runtime::Runtime>,
    folder: TempDir,
    proxy: SocketAddr,
    metadata: Mutex<Option<SocketAddr>>,
    container: Mutex<Option<SocketAddr>>,
    plain: Mutex<Option<SocketAddr>>,
    direct: Mutex<Option<SocketAddr>>,
    tls_proxy: Mutex<Option<SocketAddr>>,
}

/// What a listener of the world speaks.
#[derive(Clone, Copy)]
enum Door {
    Proxy,
    /// The same over TLS.
    TlsProxy,
    /// Any host, by the name in the TLS handshake or the `Host` field.
    Direct,
    /// Plain HTTP as this service; as whatever the request looks like where there is none.
    Plain(Option<&'static str>),
}

impl World {
    /// Starts an AWS where everything works.
    pub fn healthy() -> Self {
        let authorities = Authorities::new().expect("a CA can be made");
        let folder = TempDir::with_prefix("world-").expect("a temporary folder can be made");
        fs::write(folder.path().join("ca.pem"), authorities.own_pem()).expect("ca.pem is writable");
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("pretend-aws")
            .enable_all()
            .build()
            .expect("a runtime can be started");
        let shared = Arc::new(Shared {
            account: Mutex::default(),
            rules: Mutex::default(),
            faults: Mutex::new(Faults::default()),
            record: Record::default(),
            authorities,
            serial: AtomicU64::new(1),
            spent: Mutex::default(),
        });
        let proxy = listen(&runtime, &shared, Door::Proxy, ANY_PORT);
        Self {
            shared,
            runtime: Some(runtime),
            folder,
            proxy,
            metadata: Mutex::default(),
            container: Mutex::default(),
            plain: Mutex::default(),
            direct: Mutex::default(),
            tls_proxy: Mutex::default(),
        }
    }

    /// Adds a rule. The newest rule that matches a request decides; the others are not looked at.
    pub fn rule(&self, rule: Rule) -> &Self {
        lock(&self.shared.rules).push(rule);
        self
    }

    /// Makes every answer take this long.
    pub fn latency(&self, latency: Duration) -> &Self {
        self.with_account(|account| account.latency = latency)
    }

    /// Moves AWS's clock by so many seconds: `Date`, every expiry, and what counts as a signature of now.
    ///
    /// A signature more than five minutes off is refused, as AWS does.
    pub fn clock_offset(&self, seconds: i64) -> &Self {
        self.with_account(|account| account.clock_offset = seconds)
    }

    /// Sets who `GetCallerIdentity` says the caller is: the account and the end of the ARN, such as `assumed-role/Dev/alice` or `user/bob`.
    pub fn caller(&self, account_id: &str, identity: &str) -> &Self {
        self.with_account(|account| {
            account_id.clone_into(&mut account.id);
            identity.clone_into(&mut account.caller);
        })
    }

    /// Replaces the inference profiles that AWS defines.
    pub fn inference_profiles(&self, ids: &[&str]) -> &Self {
        self.with_account(|account| {
            account.profiles = ids.iter().map(|id| (*id).to_owned()).collect();
        })
    }

    /// Adds an application inference profile: its id, and the foundation model behind it.
    ///
    /// The ARN of one that was not added is answered too, as one for Sonnet 4.5, but not listed.
    pub fn application_profile(&self, id: &str, model: &str) -> &Self {
        self.with_account(|account| {
            account
                .application_profiles
                .push((id.to_owned(), model.to_owned()));
        })
    }

    /// Makes the policy simulator deny an action on resources whose ARN contains a text; it allows all others.
    ///
    /// `decision` is `explicitDeny` or `implicitDeny`.
    pub fn simulated_denial(&self, action: &str, resource: &str, decision: &str) -> &Self {
        self.with_account(|account| {
            account.denied.push(Denied {
                action: action.to_owned(),
                resource: resource.to_owned(),
                decision: decision.to_owned(),
            });
        })
    }

    /// Adds a quota of Amazon Bedrock: its name, its code, what applies to the account, and AWS's default.
    pub fn quota(&self, name: &str, code: &str, value: f64, default: f64) -> &Self {
        self.with_account(|account| {
            account.quotas.push(Quota {
                name: name.to_owned(),
                code: code.to_owned(),
                value,
                default,
                adjustable: true,
            });
        })
    }

    /// Limits the pages of `ListInferenceProfiles` and `ListServiceQuotas`.
    pub fn page_size(&self, entries: usize) -> &Self {
        self.with_account(|account| account.page_size = entries)
    }

    /// Makes the metadata service refuse requests without a token.
    pub fn metadata_v2_only(&self) -> &Self {
        self.with_account(|account| account.metadata_v2_only = true)
    }

    /// Takes every request, whoever signed it, or nobody.
    pub fn any_signature(&self) -> &Self {
        self.with_account(|account| account.checks_signatures = false)
    }

    /// Answers a host that is none of AWS's as AWS, by the path; nobody looks at signatures there.
    pub fn gateway(&self, host: &str) -> &Self {
        self.with_account(|account| account.gateways.push(host.to_owned()))
    }

    /// Sets what the proxy does, for every host.
    pub fn proxy(&self, behaviour: ProxyBehaviour) -> &Self {
        self.proxy_for("", behaviour)
    }

    /// Sets what the proxy does for hosts that begin with the labels `host`.
    pub fn proxy_for(&self, host: &str, behaviour: ProxyBehaviour) -> &Self {
        let mut faults = lock(&self.shared.faults);
        faults.proxy.push((host.to_owned(), behaviour));
        self
    }

    /// Makes the names of hosts that begin with the labels `host` unknown to the proxy.
    pub fn dns_failure(&self, host: &str) -> &Self {
        self.proxy_for(host, ProxyBehaviour::DnsFailure)
    }

    /// Sets what clients see when they start TLS, with every host.
    pub fn tls(&self, tls: Tls) -> &Self {
        self.tls_for("", tls)
    }

    /// Sets what clients see when they start TLS with hosts that begin with the labels `host`.
    pub fn tls_for(&self, host: &str, tls: Tls) -> &Self {
        lock(&self.shared.faults).tls.push((host.to_owned(), tls));
        self
    }

    /// Has every certificate signed by a CA that no machine trusts.
    pub fn untrusted_tls(&self) -> &Self {
        self.tls(Tls::OtherAuthority(
            "Acme Corp TLS Inspection CA".to_owned(),
        ))
    }

    /// The value for `HTTPS_PROXY`.
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// The same proxy for clients that speak TLS to it; its faults are those of `127.0.0.1`.
    pub fn tls_proxy_url(&self) -> String {
        format!("https://{}", self.open(&self.tls_proxy, Door::TlsProxy))
    }

    /// The file with the CA that signs the certificates, for `NODE_EXTRA_CA_CERTS`.
    pub fn ca_path(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Writes the CA of [`Tls::OtherAuthority`] to a file, as a company hands it to its people.
    pub fn other_ca_path(&self, common_name: &str) -> PathBuf {
        let pem = self
            .shared
            .authorities
            .other_pem(common_name)
            .expect("a CA can be made");
        let path = self
            .folder()
            .join(format!("{}.pem", common_name.replace(' ', "-")));
        fs::write(&path, pem).expect("the world's folder is writable");
        path
    }

    /// Writes a certificate for a client and its key, for [`Tls::WantsCertificate`]; returns both files.
    pub fn client_certificate_paths(&self) -> [PathBuf; 2] {
        let made = self.shared.authorities.client_pem();
        let (certificate, key) = made.expect("a certificate can be made");
        [("client.pem", certificate), ("client.key", key)].map(|(name, pem)| {
            let path = self.folder().join(name);
            fs::write(&path, pem).expect("the world's folder is writable");
            path
        })
    }

    /// The metadata service of an EC2 instance, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn metadata_url(&self) -> String {
        let address = self.open(&self.metadata, Door::Plain(Some("imds")));
        format!("http://{address}")
    }

    /// The credentials endpoint of a container, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn container_url(&self) -> String {
        let address = self.open(&self.container, Door::Plain(Some("container")));
        format!("http://{address}/creds")
    }

    /// The same pretend AWS over plain HTTP and without a proxy, for `ANTHROPIC_BEDROCK_BASE_URL` and `AWS_ENDPOINT_URL`.
    ///
    /// Which service is meant follows from the path; nobody looks at signatures here.
    pub fn plain_url(&self) -> String {
        let address = self.open(&self.plain, Door::Plain(None));
        format!("http://{address}")
    }

    /// The pretend AWS without a proxy: every host, over TLS or plain HTTP, for a network where all names lead here.
    pub fn direct(&self) -> SocketAddr {
        self.open(&self.direct, Door::Direct)
    }

    /// The same at an address of one's own, such as port 443 in a network where nobody else is.
    pub fn direct_at(&self, address: SocketAddr) -> &Self {
        listen(self.runtime(), &self.shared, Door::Direct, address);
        self
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.requests()
    }

    /// The operations of [`World::requests`].
    pub fn operations(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.operation)
            .collect()
    }

    /// Every target a CONNECT asked for so far, as `host:port`; another method appears as `GET http://…`.
    pub fn connects(&self) -> Vec<String> {
        self.shared.record.connects()
    }

    /// Every TLS handshake that failed so far, as `host: reason`.
    pub fn failed_handshakes(&self) -> Vec<String> {
        self.shared.record.failed_handshakes()
    }

    /// Forgets what was recorded and which refresh tokens were used; rules and faults stay.
    pub fn forget_requests(&self) -> &Self {
        self.shared.record.clear();
        lock(&self.shared.spent).clear();
        self
    }

    /// The folder of `ca.pem`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn with_account(&self, change: impl FnOnce(&mut Account)) -> &Self {
        change(&mut lock(&self.shared.account));
        self
    }

    fn open(&self, place: &Mutex<Option<SocketAddr>>, door: Door) -> SocketAddr {
        *lock(place).get_or_insert_with(|| listen(self.runtime(), &self.shared, door, ANY_PORT))
    }

    fn runtime(&self) -> &runtime::Runtime {
        let runtime = self.runtime.as_ref();
        runtime.expect("the runtime lives as long as the world")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let defects = self.shared.record.defects();
        assert!(
            defects.is_empty() || std::thread::panicking(),
            "the pretend AWS itself broke: {defects:?}"
        );
    }
}

/// A free port of loopback.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Opens a port and serves everybody who comes.
fn listen(
    runtime: &runtime::Runtime,
    shared: &Arc<Shared>,
    door: Door,
    address: SocketAddr,
) -> SocketAddr {
    let listener = TcpListener::bind(address).expect("the port is free");
    let address = listener.local_addr().expect("a bound port has an address");
    listener
        .set_nonblocking(true)
        .expect("a listener can be non-blocking");
    let shared = Arc::clone(shared);
    runtime.spawn(async move {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return shared.record.defect(format!("cannot listen: {error}")),
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(welcome(Arc::clone(&shared), door, address, stream));
                }
                Err(error) => return shared.record.defect(format!("cannot accept: {error}")),
            }
        }
    });
    address
}

async fn welcome(shared: Arc<Shared>, door: Door, address: SocketAddr, stream: TcpStream) {
    // Small answers must not wait for one another.
    let _ = stream.set_nodelay(true);
    match door {
        Door::Proxy => {
            let outcome = proxy::serve(Arc::clone(&shared), stream).await;
            if let Err(error) = outcome.or_else(client_left) {
                shared.record.defect(format!("proxy: {error}"));
            }
        }
        Door::TlsProxy => {
            let name = address.ip().to_string();
            let outcome = proxy::serve_tls(Arc::clone(&shared), &name, stream).await;
            if let Err(error) = outcome.or_else(client_left) {
                shared.record.defect(format!("proxy over TLS: {error}"));
            }
        }
        Door::Direct => {
            let outcome = direct::serve(Arc::clone(&shared), stream).await;
            if let Err(error) = outcome.or_else(client_left) {
                shared.record.defect(format!("direct door: {error}"));
            }
        }
        Door::Plain(service) => {
            let origin = Origin {
                host: address.ip().to_string(),
                endpoint: service.map(|name| (name.to_owned(), "us-east-1".to_owned())),
            };
            server::serve(shared, origin, stream).await;
        }
    }
}

/// A client that goes away is no defect of the world.
fn client_left(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error),
    }
}
