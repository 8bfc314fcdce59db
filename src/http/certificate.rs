//! What stands in a certificate. One that cannot be read is an empty fact: whether it is trusted is decided elsewhere.

use bedrock_doctor_checks::facts::Certificate as Fact;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// The most names of a certificate that are kept: some have hundreds.
const NAMES: usize = 10;

/// Reads a chain as it was shown, the server's own certificate first.
pub(super) fn read(chain: &[CertificateDer<'static>]) -> Fact {
    let mut readable = chain
        .iter()
        .map_while(|certificate| Certificate::from_der(certificate).ok());
    let Some(own) = readable.next() else {
        return Fact::default();
    };
    let own = own.tbs_certificate();
    let mut issuers = vec![own.issuer().to_string()];
    issuers.extend(readable.map(|above| above.tbs_certificate().issuer().to_string()));
    // A root signs itself.
    issuers.dedup();
    let validity = own.validity();
    let at = |time: Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
        Timestamp::from_second(seconds).ok()
    };
    let names = own
        .get_extension::<SubjectAltName>()
        .ok()
        .flatten()
        .map(|(_, names)| names.0)
        .unwrap_or_default();
    let names = names.into_iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    });
    Fact {
        subject: own.subject().to_string(),
        issuers,
        names: names.take(NAMES).collect(),
        valid_from: at(validity.not_before),
        valid_until: at(validity.not_after),
        ..Fact::default()
    }
}

/// The last moment at which a certificate was valid.
pub(super) fn last_moment(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let read = Certificate::from_der(certificate).ok()?;
    let end = read.tbs_certificate().validity().not_after;
    Some(UnixTime::since_unix_epoch(end.to_unix_duration()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_an_empty_fact() {
        for bytes in [&b""[..], b"\x30\x03\x02\x01\x05", &[0xff; 64]] {
            let shown = CertificateDer::from(bytes.to_vec());
            assert!(last_moment(&shown).is_none());
            assert_eq!(read(&[shown]), Fact::default());
        }
        assert_eq!(read(&[]), Fact::default());
    }
}
