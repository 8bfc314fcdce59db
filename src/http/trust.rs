//! Which certificates are trusted: as in Claude Code the bundled roots, the system's, `NODE_EXTRA_CA_CERTS` and
//! `SSL_CERT_FILE`. `AWS_CA_BUNDLE` is ignored, as Claude Code ignores it.

use std::path::Path;
use std::sync::Arc;

use bedrock_doctor_checks::facts::CaFile;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::world::World;

/// The TLS configuration of this machine.
pub(super) fn config(world: &World, ca_files: &[CaFile]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    // A machine without system roots still has the bundled ones.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in ca_files.iter().filter(|file| file.honoured) {
        if let Ok(certificates) = certificates(world, &file.path.value) {
            roots.add_parsable_certificates(certificates);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match builder {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        // `ring` has all of rustls' default versions; without any, no connection would be safe.
        Err(error) => unreachable!("ring lacks the default TLS versions: {error}"),
    }
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

/// What TLS failed at, in words that do not alarm.
pub(super) fn words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer => {
                "the server's certificate comes from an issuer that is not trusted here".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet".to_owned()
            }
            CertificateError::NotValidForName => {
                "the server's certificate is for another name".to_owned()
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                // `DnsName("…")`
                let names: Vec<&str> = presented
                    .iter()
                    .map(|name| name.split('"').nth(1).unwrap_or(name))
                    .collect();
                format!(
                    "the server's certificate is for another name: `{}`",
                    names.join("`, `")
                )
            }
            other => format!("the server's certificate is not accepted: {other:?}"),
        },
        other => format!("TLS failed: {other}"),
    }
}
