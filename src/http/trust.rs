//! Which certificates are trusted: as in Claude Code the bundled roots, the system's, `NODE_EXTRA_CA_CERTS` and
//! `SSL_CERT_FILE`. `AWS_CA_BUNDLE` is ignored, as Claude Code ignores it.
//!
//! Each source has a verifier of its own, so that a report can say which one vouches for a certificate, and those that
//! are not needed are never read.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bedrock_doctor_checks::claude_code::network::{CertificateStores, ClientCertificate};
use bedrock_doctor_checks::facts::{
    CaFile, CaSource, Certificate, CertificateProblem, WANTS_CERTIFICATE,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::certificate;
use super::journal::Entry;
use crate::world::World;

/// Everything that may vouch for a certificate on this machine.
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    sources: Vec<Authorities>,
    world: World,
    client: Option<ClientCertificate>,
    /// What this machine shows to servers that ask for a certificate. None: the files cannot be used.
    own: OnceLock<Option<Own>>,
}

/// A certificate with those that signed it, and its key.
type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The authorities of one source, read when they are needed.
struct Authorities {
    source: CaSource,
    /// Whether Claude Code listens to them.
    honoured: bool,
    world: World,
    /// None: the source has no authority that can be used.
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Trust {
    /// `files`: those that Claude Code reads, and those that only the AWS CLI does.
    pub(super) fn new(
        world: &World,
        files: &[CaFile],
        stores: CertificateStores,
        client: Option<ClientCertificate>,
    ) -> Self {
        let files = |honoured: bool| {
            let files = files.iter().filter(move |file| file.honoured == honoured);
            files.map(move |file| (CaSource::File(file.clone()), honoured))
        };
        // Files before the system's store: where `SSL_CERT_FILE` is set, the store is that file.
        let read = [(CaSource::Bundled, stores.bundled)]
            .into_iter()
            .chain(files(true))
            .chain([(CaSource::System, stores.system)]);
        let mut sources: Vec<(CaSource, bool)> = read.chain(files(false)).collect();
        sources.sort_by_key(|(_, honoured)| !honoured);
        Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            world: world.clone(),
            client,
            own: OnceLock::new(),
            sources: sources
                .into_iter()
                .map(|(source, honoured)| Authorities {
                    source,
                    honoured,
                    world: world.clone(),
                    verifier: OnceLock::new(),
                })
                .collect(),
        }
    }

    /// The TLS configuration of one connection, which notes the certificate that is shown.
    pub(super) fn config(self: &Arc<Self>, entry: Entry) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions();
        let witness = Witness {
            trust: Arc::clone(self),
            entry,
        };
        let builder = match builder {
            Ok(builder) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(witness)),
            // `ring` has all of rustls' default versions; without any, no connection would be safe.
            Err(error) => unreachable!("ring lacks the default TLS versions: {error}"),
        };
        let own = self.own.get_or_init(|| self.own());
        let with_own = own.as_ref().and_then(|(chain, key)| {
            let builder = builder.clone();
            let key = key.clone_key();
            builder.with_client_auth_cert(chain.clone(), key).ok()
        });
        Arc::new(with_own.unwrap_or_else(|| builder.with_no_client_auth()))
    }

    /// Reads this machine's own certificate. A key that wants a passphrase cannot be used here.
    fn own(&self) -> Option<Own> {
        let client = self.client.as_ref()?;
        let chain = certificates(&self.world, &client.certificate).ok()?;
        let key = self
            .world
            .read_bytes(&self.world.working_folder().join(Path::new(&client.key)))
            .ok()?;
        let key = PrivateKeyDer::from_pem_slice(&key).ok()?;
        Some((chain, key))
    }
}

impl Authorities {
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Option<&Arc<WebPkiServerVerifier>> {
        let made = self.verifier.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            match &self.source {
                CaSource::Bundled => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
                CaSource::System => {
                    // A machine without a store still has the bundled ones.
                    let native = rustls_native_certs::load_native_certs();
                    roots.add_parsable_certificates(native.certs);
                }
                CaSource::File(file) => {
                    let found = certificates(&self.world, &file.path.value);
                    roots.add_parsable_certificates(found.unwrap_or_default());
                }
            }
            let roots = Arc::new(roots);
            let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
            // Without a single authority nothing can be built.
            builder.build().ok()
        });
        made.as_ref()
    }
}

/// What a server showed, and what became of it.
#[derive(Clone)]
pub(super) struct Shown {
    chain: Vec<CertificateDer<'static>>,
    vouched_by: Option<CaSource>,
    problem: Option<CertificateProblem>,
}

impl Shown {
    pub(super) fn as_fact(&self) -> Certificate {
        Certificate {
            vouched_by: self.vouched_by.clone(),
            problem: self.problem.clone(),
            ..certificate::read(&self.chain)
        }
    }
}

/// The verifier of one connection.
struct Witness {
    trust: Arc<Trust>,
    entry: Entry,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut verdict = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let mut vouched_by = None;
        let said_by = |verifier: &WebPkiServerVerifier, at: UnixTime| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at)
        };
        for authorities in &self.trust.sources {
            let Some(verifier) = authorities.verifier(&self.trust.provider) else {
                continue;
            };
            let said = said_by(verifier, now);
            // The time is looked at before the authority is: an expired certificate is asked about as it once was.
            let known = match said.as_ref().err().map(problem) {
                Some(CertificateProblem::UnknownIssuer) => false,
                Some(CertificateProblem::Expired | CertificateProblem::NotYetValid) => {
                    certificate::last_moment(end_entity)
                        .is_some_and(|then| !is_stranger(&said_by(verifier, then)))
                }
                _ => true,
            };
            if !known {
                continue;
            }
            vouched_by = Some(authorities.source.clone());
            if authorities.honoured {
                verdict = said;
            }
            break;
        }
        let chain = std::iter::once(end_entity).chain(intermediates);
        self.entry.shows(Shown {
            chain: chain.map(|it| it.clone().into_owned()).collect(),
            vouched_by,
            problem: verdict.as_ref().err().map(problem),
        });
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Whether a source does not know the authority behind a certificate. What else it finds wrong, every other would.
fn is_stranger(verdict: &Result<ServerCertVerified, Error>) -> bool {
    matches!(
        verdict,
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    )
}

/// What is wrong with a file of certificates, if something is.
pub(crate) fn problem_of(world: &World, path: &str) -> Option<String> {
    match certificates(world, path) {
        Ok(found) if found.is_empty() => Some("it holds no certificate".to_owned()),
        Ok(_) => None,
        Err(why) => Some(why),
    }
}

fn certificates(world: &World, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = world.read_bytes(&world.working_folder().join(Path::new(path)))?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| "it holds a broken PEM block".to_owned())
}

fn problem(error: &Error) -> CertificateProblem {
    let Error::InvalidCertificate(reason) = error else {
        return CertificateProblem::Other(error.to_string());
    };
    match reason {
        CertificateError::UnknownIssuer => CertificateProblem::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateProblem::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateProblem::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateProblem::OtherName
        }
        other => CertificateProblem::Other(format!("{other:?}")),
    }
}

/// What TLS failed at, in words that do not alarm.
pub(super) fn words(error: &Error) -> String {
    if matches!(
        error,
        Error::AlertReceived(AlertDescription::CertificateRequired)
    ) {
        return WANTS_CERTIFICATE.to_owned();
    }
    if !matches!(error, Error::InvalidCertificate(_)) {
        return format!("TLS failed: {error}");
    }
    match problem(error) {
        CertificateProblem::UnknownIssuer => {
            "the server's certificate comes from an issuer that is not trusted here".to_owned()
        }
        CertificateProblem::Expired => "the server's certificate has expired".to_owned(),
        CertificateProblem::NotYetValid => "the server's certificate is not valid yet".to_owned(),
        CertificateProblem::OtherName => "the server's certificate is for another name".to_owned(),
        CertificateProblem::Other(reason) => {
            format!("the server's certificate is not accepted: {reason}")
        }
    }
}
