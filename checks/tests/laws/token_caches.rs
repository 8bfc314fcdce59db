//! The caches of IAM Identity Center and of `aws login`.

use bedrock_doctor_checks::parse::{Secret, login_token, sso_token};
use serde_json::Value;

const MARK: &str = "MARKED-SECRET";

pub(crate) fn hold(text: &str) {
    let (sso, login) = (sso_token::parse(text), login_token::parse(text));
    let Ok(mut json) = serde_json::from_str::<Value>(text) else {
        return;
    };
    assert_eq!(json.is_object(), login.is_ok());
    if let Ok(sso) = sso {
        assert_eq!(
            json["accessToken"].as_str(),
            Some(sso.access_token.expose())
        );
        assert_eq!(json["region"].as_str(), sso.region.as_deref());
        assert_eq!(
            sso.can_try_renewal(),
            ["clientId", "clientSecret", "refreshToken"]
                .iter()
                .all(|key| json[key].is_string())
        );
    }
    if let Ok(login) = login {
        let key = json.get("accessToken").cloned().unwrap_or_default();
        assert_eq!(
            key["secretAccessKey"].as_str(),
            login.secret_access_key.as_ref().map(Secret::expose)
        );
        assert_eq!(key["accountId"].as_str(), login.account_id.as_deref());
    }
    if !text.contains("MARKED") && !text.contains('\\') {
        mark(&mut json);
        let marked = json.to_string();
        let shown = format!(
            "{:?} {:?}",
            sso_token::parse(&marked),
            login_token::parse(&marked)
        );
        assert!(!shown.contains(MARK), "{shown}");
    }
}

/// Puts the mark into everything secret.
fn mark(json: &mut Value) {
    for key in [
        "accessToken",
        "refreshToken",
        "clientSecret",
        "idToken",
        "dpopKey",
        "secretAccessKey",
        "sessionToken",
    ] {
        match json.get_mut(key) {
            Some(Value::String(secret)) => secret.push_str(MARK),
            Some(inner @ Value::Object(_)) if key == "accessToken" => mark(inner),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: &str = "(accessToken|refreshToken|clientId|clientSecret|idToken|dpopKey|secretAccessKey|sessionToken|accountId|expiresAt|region|x)";

    fn object(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
        prop::collection::vec((KEYS, value), 0..8)
            .prop_map(|members| members.into_iter().collect())
            .boxed()
    }

    #[test]
    fn for_a_nesting_bomb() {
        let (open, close) = ("{\"a\":".repeat(50_000), "}".repeat(50_000));
        hold(&format!(r#"{{"accessToken": {open}1{close}}}"#));
    }

    proptest! {
        #[test]
        fn for_what_looks_like_a_cache(json in {
            let plain = prop_oneof![any::<String>().prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(Value::Null)].boxed();
            object(prop_oneof![3 => plain.clone(), 1 => object(plain)].boxed())
        }, cut in 0_usize..400) {
            let text = json.to_string();
            hold(&text);
            hold(text.get(..cut).unwrap_or(&text));
        }
    }
}
