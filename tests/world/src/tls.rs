//! Certificates made on the fly.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{record::lock, reply::never};

/// The common name of the CA that a machine of the world trusts.
const OWN: &str = "Pretend AWS CA";

/// What a client sees when it starts TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Tls {
    /// A certificate for the asked host by the CA of the world.
    #[default]
    Trusted,
    /// A certificate for the asked host by another CA with this common name, as a company's TLS inspection makes one.
    /// The CA's own certificate is sent along.
    OtherAuthority(String),
    /// A certificate that expired in 2020.
    Expired,
    /// A certificate for `wrong.example.com`.
    WrongName,
    /// Nothing: the handshake is never answered.
    Hang,
    /// The end of the connection instead of an answer to the handshake.
    Close,
    /// A certificate for the asked host, and a request for one of the client's by the CA of the world.
    WantsCertificate,
    /// Plain HTTP instead of an answer to the handshake.
    Plain,
    /// A certificate for the asked host, after this long.
    Slow(Duration),
}

impl Tls {
    /// Does what takes the place of a handshake; tells whether that was all.
    pub(crate) async fn answers_instead(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> io::Result<bool> {
        match self {
            Self::Hang => match never().await {},
            Self::Close => Ok(true),
            Self::Plain => {
                let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).await?;
                stream.shutdown().await?;
                // Whoever closes with bytes unread resets the connection, and the answer with it.
                let mut rest = [0; 4096];
                while stream.read(&mut rest).await? > 0 {}
                Ok(true)
            }
            Self::Slow(delay) => {
                tokio::time::sleep(*delay).await;
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// The CAs of a world and what they have signed so far.
pub(crate) struct Authorities {
    own: Arc<Authority>,
    others: Mutex<HashMap<String, Arc<Authority>>>,
    /// One key for all hosts: making keys is what takes time.
    key: KeyPair,
    configs: Mutex<HashMap<(String, Tls), Arc<ServerConfig>>>,
}

impl Authorities {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            own: Arc::new(authority(OWN)?),
            others: Mutex::default(),
            key: KeyPair::generate().map_err(io::Error::other)?,
            configs: Mutex::default(),
        })
    }

    /// Returns the certificate of the CA that is trusted.
    pub(crate) fn own_pem(&self) -> String {
        self.own.pem()
    }

    /// Returns the certificate of the CA called `common_name`.
    pub(crate) fn other_pem(&self, common_name: &str) -> io::Result<String> {
        Ok(self.other(common_name)?.pem())
    }

    /// Returns a certificate for a client by the CA that is trusted, and its key.
    pub(crate) fn client_pem(&self) -> io::Result<(String, String)> {
        let mut params =
            CertificateParams::new(["client.example.com".to_owned()]).map_err(io::Error::other)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2049, 1, 1);
        let certificate = params
            .signed_by(&self.key, &self.own)
            .map_err(io::Error::other)?;
        Ok((certificate.pem(), self.key.serialize_pem()))
    }

    fn other(&self, common_name: &str) -> io::Result<Arc<Authority>> {
        let mut others = lock(&self.others);
        if let Some(known) = others.get(common_name) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(authority(common_name)?);
        others.insert(common_name.to_owned(), Arc::clone(&new));
        Ok(new)
    }

    /// Returns how to speak TLS as `host`.
    pub(crate) fn config(&self, host: &str, tls: &Tls) -> io::Result<Arc<ServerConfig>> {
        let key = (host.to_owned(), tls.clone());
        let mut configs = lock(&self.configs);
        if let Some(known) = configs.get(&key) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(self.new_config(host, tls)?);
        configs.insert(key, Arc::clone(&new));
        Ok(new)
    }

    fn new_config(&self, host: &str, tls: &Tls) -> io::Result<ServerConfig> {
        let name = if *tls == Tls::WrongName {
            "wrong.example.com"
        } else {
            host
        };
        let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if *tls == Tls::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        } else {
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(2049, 1, 1);
        }
        let other = match tls {
            Tls::OtherAuthority(common_name) => Some(self.other(common_name)?),
            _ => None,
        };
        let issuer = other.as_ref().unwrap_or(&self.own);
        let leaf = params
            .signed_by(&self.key, issuer)
            .map_err(io::Error::other)?;
        let mut chain = vec![leaf.der().clone()];
        chain.extend(other.iter().map(|authority| authority.der().clone()));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = if *tls == Tls::WantsCertificate {
            let mut known = RootCertStore::empty();
            known
                .add(self.own.der().clone())
                .map_err(io::Error::other)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(known), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn authority(common_name: &str) -> io::Result<Authority> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
}
