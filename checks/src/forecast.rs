//! What will end the session, and when: the layers that credentials rest on, each with an expiry of its own.
//!
//! Role credentials last an hour or so and come from a token; the token lasts a working day and is renewed with a
//! client registration; the registration lasts three months. What ends first is seldom what breaks the session: that is
//! the first layer that Claude Code does not renew by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::facts::{CredentialKind, Credentials, Facts, SsoSession, SsoToken};

/// What expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// A Bedrock API key.
    ApiKey,
    /// The keys that sign requests.
    Credentials,
    /// The keys of `aws login`.
    Login,
    /// The token of IAM Identity Center.
    SsoToken,
    /// The client registration that a token of IAM Identity Center is renewed with.
    ClientRegistration,
}

impl LayerKind {
    /// The words in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::ApiKey => "the Bedrock API key",
            Self::Credentials => "the keys",
            Self::Login => "the keys of aws login",
            Self::SsoToken => "the IAM Identity Center sign-in",
            Self::ClientRegistration => "the IAM Identity Center client registration",
        }
    }
}

/// Who gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenewedBy {
    /// Claude Code does, by itself.
    ClaudeCode,
    /// The command of `awsAuthRefresh` does, which Claude Code starts; it may well wait for somebody in a browser.
    AuthRefresh,
    /// A sign-in does.
    You,
    /// It is not renewed: another one has to be made.
    Nobody,
}

/// One thing that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// What it is.
    pub layer: LayerKind,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Who renews it.
    pub renewed_by: RenewedBy,
}

/// Everything whose expiry is known, the first to expire first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Forecast {
    /// What is known of the credentials' future.
    pub fn of(facts: &Facts) -> Self {
        let Some(credentials) = facts.credentials.known() else {
            return Self::default();
        };
        let refreshes = facts
            .configuration
            .known()
            .is_some_and(|configuration| configuration.aws_auth_refresh.is_some());
        let mut layers: Vec<Layer> = own(credentials)
            .into_iter()
            .chain(sign_in(facts, credentials))
            .map(|layer| match layer.renewed_by {
                RenewedBy::You if refreshes => Layer {
                    renewed_by: RenewedBy::AuthRefresh,
                    ..layer
                },
                _ => layer,
            })
            .collect();
        layers.sort_by_key(|layer| (layer.expires_at, layer.layer));
        Self { layers }
    }

    /// What breaks the session: the first layer that Claude Code does not renew by itself. A command of `awsAuthRefresh`
    /// is no exception: Claude Code stops until it has ended, and what it starts is a sign-in.
    pub fn breaks(&self) -> Option<&Layer> {
        let mut layers = self.layers.iter();
        layers.find(|layer| layer.renewed_by != RenewedBy::ClaudeCode)
    }

    /// The layer of this kind.
    pub fn get(&self, kind: LayerKind) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.layer == kind)
    }
}

/// The layer that signs requests.
fn own(credentials: &Credentials) -> Option<Layer> {
    let (layer, renewed_by) = match credentials.kind {
        CredentialKind::None | CredentialKind::Unsigned => return None,
        CredentialKind::ApiKey => (LayerKind::ApiKey, RenewedBy::Nobody),
        CredentialKind::Login => (LayerKind::Login, RenewedBy::ClaudeCode),
        _ if credentials.renewable => (LayerKind::Credentials, RenewedBy::ClaudeCode),
        _ => (LayerKind::Credentials, RenewedBy::Nobody),
    };
    let of_key = credentials.api_key.as_ref().and_then(|key| key.expires_at);
    Some(Layer {
        layer,
        expires_at: credentials.expires_at.or(of_key)?,
        renewed_by,
    })
}

/// The layers below role credentials from IAM Identity Center.
fn sign_in(facts: &Facts, credentials: &Credentials) -> Vec<Layer> {
    let cache = facts.sso_cache.known().filter(|_| {
        matches!(
            credentials.kind,
            CredentialKind::Sso | CredentialKind::AssumeRole
        )
    });
    let found = cache.and_then(|cache| Some((cache.active.as_ref()?, cache.active_token()?)));
    found.map_or_else(Vec::new, |(session, token)| of_token(session, token))
}

fn of_token(session: &SsoSession, token: &SsoToken) -> Vec<Layer> {
    let renews = session.renews(token) && token.renewal_refused.is_none();
    let registration = token.registration_expires_at.filter(|_| renews);
    let outlives = |at: Timestamp| registration.is_none_or(|registered| at < registered);
    let token = token.expires_at.map(|expires_at| Layer {
        layer: LayerKind::SsoToken,
        expires_at,
        renewed_by: if renews && outlives(expires_at) {
            RenewedBy::ClaudeCode
        } else {
            RenewedBy::You
        },
    });
    let registration = registration.map(|expires_at| Layer {
        layer: LayerKind::ClientRegistration,
        expires_at,
        renewed_by: RenewedBy::You,
    });
    token.into_iter().chain(registration).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ApiKey, ApiKeyForm, HelperCommand, Observed, Source, SsoCache, Value};
    use crate::sample::{in_seconds, with_credentials};

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;

    fn keys(kind: CredentialKind, left: Option<i64>, renewable: bool) -> Facts {
        with_credentials(|it| {
            it.kind = kind;
            it.expires_at = left.map(in_seconds);
            it.renewable = renewable;
        })
    }

    /// Role credentials for an hour, from a token that lasts so long, and its registration.
    fn identity_center(session: Option<&str>, token: i64, registration: Option<i64>) -> Facts {
        let mut facts = keys(CredentialKind::Sso, Some(HOUR), true);
        facts.sso_cache = Observed::Known(SsoCache {
            path: "~/.aws/sso/cache".into(),
            active: Some(SsoSession {
                profile: "dev".into(),
                session: session.map(str::to_owned),
                start_url: "https://acme.awsapps.com/start".into(),
                region: "eu-west-1".into(),
                account_id: "123456789012".into(),
                role_name: "Dev".into(),
                cache_file: "a.json".into(),
            }),
            tokens: vec![SsoToken {
                file: "a.json".into(),
                expires_at: Some(in_seconds(token)),
                renewable: true,
                renewal_refused: None,
                renewal_failed: None,
                registration_expires_at: registration.map(in_seconds),
                start_url: None,
                region: None,
            }],
            problems: vec![],
        });
        facts
    }

    fn kinds(forecast: &Forecast) -> Vec<LayerKind> {
        forecast.layers.iter().map(|layer| layer.layer).collect()
    }

    #[test]
    fn the_registration_is_what_breaks_a_renewable_sign_in() {
        let forecast = Forecast::of(&identity_center(Some("acme"), 8 * HOUR, Some(20 * DAY)));
        assert_eq!(
            kinds(&forecast),
            [
                LayerKind::Credentials,
                LayerKind::SsoToken,
                LayerKind::ClientRegistration
            ]
        );
        assert_eq!(
            forecast.breaks(),
            Some(&Layer {
                layer: LayerKind::ClientRegistration,
                expires_at: in_seconds(20 * DAY),
                renewed_by: RenewedBy::You,
            })
        );
    }

    #[test]
    fn a_token_that_outlives_its_registration_is_not_renewed() {
        let forecast = Forecast::of(&identity_center(Some("acme"), 8 * HOUR, Some(-1)));
        let token = forecast.get(LayerKind::SsoToken).unwrap();
        assert_eq!(token.renewed_by, RenewedBy::You);
    }

    #[test]
    fn the_old_form_of_profile_breaks_with_its_token() {
        let forecast = Forecast::of(&identity_center(None, 8 * HOUR, Some(20 * DAY)));
        assert_eq!(
            kinds(&forecast),
            [LayerKind::Credentials, LayerKind::SsoToken]
        );
        assert_eq!(forecast.breaks().unwrap().layer, LayerKind::SsoToken);
    }

    #[test]
    fn aws_auth_refresh_signs_in_again() {
        let mut facts = identity_center(None, 8 * HOUR, None);
        if let Observed::Known(configuration) = &mut facts.configuration {
            let command = HelperCommand {
                shown: "aws sso login".into(),
            };
            let source = Source::default_of("settings");
            configuration.aws_auth_refresh = Some(Value::new(command, source));
        }
        let forecast = Forecast::of(&facts);
        // Somebody has to sign in all the same.
        let want = Layer {
            layer: LayerKind::SsoToken,
            expires_at: in_seconds(8 * HOUR),
            renewed_by: RenewedBy::AuthRefresh,
        };
        assert_eq!(forecast.breaks(), Some(&want));
    }

    #[test]
    fn a_sign_in_that_is_not_used_does_not_matter() {
        let mut facts = identity_center(None, 8 * HOUR, None);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::ProfileStatic;
        }
        assert_eq!(kinds(&Forecast::of(&facts)), [LayerKind::Credentials]);
    }

    #[test]
    fn each_source_has_its_own_end() {
        for (kind, renewable, layer, renewed_by) in [
            (
                CredentialKind::Environment,
                false,
                LayerKind::Credentials,
                RenewedBy::Nobody,
            ),
            (
                CredentialKind::CredentialProcess,
                true,
                LayerKind::Credentials,
                RenewedBy::ClaudeCode,
            ),
            (
                CredentialKind::Login,
                true,
                LayerKind::Login,
                RenewedBy::ClaudeCode,
            ),
        ] {
            let forecast = Forecast::of(&keys(kind, Some(HOUR), renewable));
            let want = Layer {
                layer,
                expires_at: in_seconds(HOUR),
                renewed_by,
            };
            assert_eq!(forecast.layers, [want]);
        }
        let none = keys(CredentialKind::None, Some(HOUR), false);
        assert_eq!(Forecast::of(&none), Forecast::default());
        let lasting = keys(CredentialKind::ProfileStatic, None, false);
        assert_eq!(Forecast::of(&lasting).breaks(), None);
    }

    #[test]
    fn nothing_renews_an_api_key() {
        let mut facts = keys(CredentialKind::ApiKey, None, false);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.api_key = Some(ApiKey {
                form: ApiKeyForm::ShortTerm,
                region: None,
                expires_at: Some(in_seconds(HOUR)),
            });
        }
        let forecast = Forecast::of(&facts);
        assert_eq!(forecast.breaks(), forecast.get(LayerKind::ApiKey));
        assert!(forecast.breaks().is_some());
    }
}
