//! `DPoP` proofs (RFC 9449): whoever renews an `aws login` shows that it holds the key which the sign-in was made with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls::SignatureScheme;
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

/// The proof for one `POST` to a URL; none when the key is no P-256 key with its public half.
pub(super) fn proof(key: &str, url: &str, now: Timestamp) -> Option<String> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let key = sign::any_ecdsa_type(&key).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])?;
    let public = key.public_key()?;
    // The point is the end of the public key: a byte that says "not compressed", then both coordinates.
    let (_, point) = public.split_last_chunk::<64>()?;
    let (x, y) = point.split_at(32);
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({
        "alg": "ES256",
        "typ": "dpop+jwt",
        "jwk": {"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)},
    });
    let claims = json!({"jti": unique()?, "htm": "POST", "htu": url, "iat": now.as_second()});
    let message = format!(
        "{}.{}",
        encoded(header.to_string().as_bytes()),
        encoded(claims.to_string().as_bytes())
    );
    let signature = fixed(&signer.sign(message.as_bytes()).ok()?)?;
    Some(format!("{message}.{}", encoded(&signature)))
}

/// A random UUID.
fn unique() -> Option<String> {
    let mut bytes = [0; 16];
    default_provider().secure_random.fill(&mut bytes).ok()?;
    let bits = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    Some(parts.join("-"))
}

/// An ECDSA signature as a JWT wants it, two numbers of 32 bytes, from its ASN.1 form.
fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    fn integer<'a>(der: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (&[0x02, length], rest) = der.split_first_chunk()? else {
            return None;
        };
        let (number, rest) = rest.split_at_checked(usize::from(length))?;
        *der = rest;
        let start = number.iter().position(|byte| *byte != 0)?;
        Some(&number[start..])
    }
    let (&[0x30, _], mut rest) = der.split_first_chunk()? else {
        return None;
    };
    let mut out = [0; 64];
    for half in out.chunks_mut(32) {
        let number = integer(&mut rest)?;
        let start = half.len().checked_sub(number.len())?;
        half[start..].copy_from_slice(number);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_padded_to_their_length() {
        let long = [&[0x02, 33, 0x00][..], &[0xff; 32]].concat();
        let short = [0x02, 1, 7];
        let der = [&[0x30, 38][..], &long, &short].concat();
        let fixed = fixed(&der).unwrap();
        assert_eq!(
            (fixed[0], fixed[31], fixed[32], fixed[63]),
            (0xff, 0xff, 0, 7)
        );
        assert_eq!(super::fixed(&der[..20]), None);
        assert_eq!(super::fixed(b""), None);
    }

    #[test]
    fn a_key_that_is_none_gives_no_proof() {
        assert_eq!(proof("xx", "https://x", Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn uuids_have_version_and_variant() {
        let uuid = unique().unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
