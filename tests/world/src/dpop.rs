//! `DPoP` proofs (RFC 9449), looked at as AWS's sign-in service does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use crate::{account::Account, record::Request};

/// How far the time of a proof may be from AWS's, in seconds.
const TOLERANCE: i64 = 300;

/// Returns what is wrong with the proof of `request`.
pub(crate) fn fault(request: &Request, account: &Account) -> Option<&'static str> {
    examine(request, account).err()
}

fn examine(request: &Request, account: &Account) -> Result<(), &'static str> {
    let proof = request.headers.get("dpop").ok_or("DPoP header missing")?;
    let (message, signature) = proof.rsplit_once('.').ok_or("DPoP proof is no JWT")?;
    let (header, claims) = message.split_once('.').ok_or("DPoP proof is no JWT")?;
    let [header, claims] = [header, claims].map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
    });
    let key = &header["jwk"];
    if header["alg"] != "ES256" || header["typ"] != "dpop+jwt" || key["crv"] != "P-256" {
        return Err("DPoP header is not one of ES256");
    }
    let part = |name: &str| {
        let text = key[name].as_str().unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
    };
    // A point that is not compressed begins with a 4.
    let point = [vec![4], part("x"), part("y")].concat();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message.as_bytes(), &signature)
        .map_err(|_| "DPoP signature does not fit")?;
    if claims["htm"] != request.method.as_str() {
        return Err("DPoP method does not fit");
    }
    if claims["htu"] != format!("https://{}{}", request.host, request.path).as_str() {
        return Err("DPoP URL does not fit");
    }
    let age = account.now().as_second() - claims["iat"].as_i64().unwrap_or_default();
    if age.abs() > TOLERANCE {
        return Err("DPoP proof is not of now");
    }
    match claims["jti"].as_str() {
        Some(id) if !id.is_empty() => Ok(()),
        _ => Err("DPoP proof has no id"),
    }
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use serde_json::json;

    use super::*;
    use crate::record::Arrival;

    /// What is wrong with the proof of a request, whose claims and proof were changed before and after signing.
    fn fault_of(claim: (&str, Value), change: fn(String) -> String) -> Option<&'static str> {
        let account = Account::default();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let point = key.public_key().as_ref();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encoded(&point[1..33]), "y": encoded(&point[33..])});
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk});
        let mut claims = json!({
            "jti": "1", "htm": "POST", "iat": account.now().as_second(),
            "htu": "https://us-east-1.signin.aws.amazon.com/v1/token",
        });
        claims[claim.0] = claim.1;
        let [header, claims] = [header, claims].map(|it| encoded(it.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = key.sign(&random, message.as_bytes()).unwrap();
        let proof = change(format!("{message}.{}", encoded(signature.as_ref())));
        let request = Request::from(Arrival {
            method: "POST".to_owned(),
            host: "us-east-1.signin.aws.amazon.com".to_owned(),
            endpoint: None,
            path: "/v1/token".to_owned(),
            query: String::new(),
            headers: [("dpop".to_owned(), proof)].into(),
            body: String::new(),
        });
        fault(&request, &account)
    }

    #[test]
    fn only_a_good_proof_is_taken() {
        let same = |proof| proof;
        assert_eq!(fault_of(("ok", json!(1)), same), None);
        for (claim, what) in [
            (("htm", json!("GET")), "DPoP method does not fit"),
            (
                ("htu", json!("https://other/v1/token")),
                "DPoP URL does not fit",
            ),
            (("iat", json!(1)), "DPoP proof is not of now"),
            (("jti", json!("")), "DPoP proof has no id"),
        ] {
            assert_eq!(fault_of(claim, same), Some(what));
        }
        let other = |proof: String| proof.replacen('.', ".e30", 1);
        let fault = fault_of(("ok", json!(1)), other);
        assert_eq!(fault, Some("DPoP signature does not fit"));
    }
}
