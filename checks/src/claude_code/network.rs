//! Where requests go, through which proxy, and which certificates are trusted.
//!
//! Longer than 400 lines with its tests, which stand beside what they test.

mod no_proxy;

use std::collections::BTreeMap;

pub use self::no_proxy::bypasses;
use self::no_proxy::names;
use super::credential_plan::skips_authentication;
use super::environment::Environment;
use super::profiles::Profiles;
use super::region::{domain, dual_stack_domain, partition};
use super::versions::{Rule, Rules};
use crate::facts::{
    self, CaFile, Failure, FailureKind, Overridden, Provider, Proxy, Route, Source, SourceKind,
    Value,
};

/// The kinds of request, which Claude Code routes differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// The profile listing: the AWS SDK's client of Bedrock.
    Listing,
    /// STS, IAM Identity Center, sign-in: the clients with which the AWS SDK gets credentials.
    Credentials,
    /// Invocations.
    Runtime,
}

/// The variables with the hosts that no proxy is used for.
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Routing for one kind of request. Holds secrets (URLs may carry credentials): no `Debug`.
#[derive(Clone)]
pub struct Routing {
    environment: Environment,
    region: String,
    plane: Plane,
    sdk: SdkEndpoints,
    rules: Rules,
}

/// What moves the endpoints of services that the AWS SDK calls. Invocations do not know it.
#[derive(Clone, Default)]
struct SdkEndpoints {
    /// By service: a variable, or `endpoint_url` of the profile or of its `services` section.
    configured: BTreeMap<&'static str, Value<String>>,
    fips: bool,
    dual_stack: bool,
}

/// Services that are called through the AWS SDK: the ending of the variable, and the key in a `services` section.
const SERVICES: [(&str, &str); 7] = [
    ("BEDROCK", "bedrock"),
    ("STS", "sts"),
    ("SSO", "sso"),
    ("SSO_OIDC", "sso_oidc"),
    ("SIGNIN", "signin"),
    // Claude Code does not ask these two; the checkup does.
    ("IAM", "iam"),
    ("SERVICE_QUOTAS", "service_quotas"),
];

impl SdkEndpoints {
    /// As the SDK for JavaScript reads them (seen, 2.1.330): variables before the profile, `true` in this spelling only,
    /// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` not at all.
    fn of(environment: &Environment, profiles: &Profiles, profile: &str) -> Self {
        let in_profile = |key: &str| profiles.located(profile, key).into_iter().next();
        let in_services = |key: &str| {
            let (section, _) = in_profile("services")?;
            profiles.service(&section, key)
        };
        let value = |(value, source)| Value::new(value, source);
        let configured = SERVICES.iter().filter_map(|(variable, key)| {
            let url = environment
                .set_value(&format!("AWS_ENDPOINT_URL_{variable}"))
                // The variable for all services comes before the profile's for one.
                .or_else(|| environment.set_value("AWS_ENDPOINT_URL"))
                .or_else(|| {
                    in_services(key)
                        .or_else(|| in_profile("endpoint_url"))
                        .map(value)
                })?;
            Some((*variable, url))
        });
        let switch = |variable: &str, key: &str| match environment.get(variable) {
            Some("true") => true,
            Some("false") => false,
            _ => in_profile(key).is_some_and(|(value, _)| value == "true"),
        };
        Self {
            configured: configured.collect(),
            fips: switch("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            dual_stack: switch("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        }
    }
}

impl Routing {
    /// Routing as Claude Code does it for this kind of request.
    pub fn of(
        environment: &Environment,
        profiles: &Profiles,
        profile: &str,
        region: &str,
        plane: Plane,
        rules: Rules,
    ) -> Self {
        let (environment, sdk) = match plane {
            Plane::Runtime => (environment.clone(), SdkEndpoints::default()),
            Plane::Listing | Plane::Credentials => {
                let seen = environment.of_control_plane();
                let sdk = SdkEndpoints::of(&seen, profiles, profile);
                (seen, sdk)
            }
        };
        Self {
            environment,
            region: region.to_owned(),
            plane,
            sdk,
            rules,
        }
    }

    /// The proxy for a host, as it stands in its variable, with its credentials; where there is none, what says so.
    pub fn proxy_for(&self, host: &str) -> Value<Option<String>> {
        let names: &[&str] = match self.plane {
            Plane::Listing | Plane::Credentials => {
                &["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"]
            }
            Plane::Runtime => &[
                "https_proxy",
                "HTTPS_PROXY",
                "http_proxy",
                "HTTP_PROXY",
                "all_proxy",
                "ALL_PROXY",
            ],
        };
        let set = |name: &&str| self.environment.set_value(name);
        let Some(proxy) = names.iter().find_map(set) else {
            return facts::no_proxy();
        };
        match self.excepting(host) {
            None => proxy.map(Some),
            Some(list) => Value {
                value: None,
                source: list.source,
                overridden: vec![Overridden {
                    value: Some(proxy.value),
                    source: proxy.source,
                }],
            },
        }
    }

    /// The list that excepts a host from the proxy.
    ///
    /// For the clients of the AWS SDK Claude Code decides once, before the SDK chooses an endpoint: by the base URL for the
    /// listing, and for everything that gets credentials by the endpoint of STS (seen, 2.1.330).
    fn excepting(&self, host: &str) -> Option<Value<String>> {
        let usual =
            |service: &str| from_region(&format!("{service}.{}.amazonaws.com", self.region));
        let mut lists = NO_PROXY
            .iter()
            .filter_map(|name| self.environment.set_value(name));
        let endpoint = match self.plane {
            Plane::Runtime => return lists.next().filter(|list| bypasses(&list.value, host)),
            Plane::Listing => self.base_url_or(usual("bedrock")),
            Plane::Credentials => ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"]
                .iter()
                .find_map(|name| self.environment.set_value(name))
                .unwrap_or_else(|| usual("sts")),
        };
        lists.find(|list| names(&list.value, &endpoint.value))
    }

    /// The endpoint of Bedrock for this kind of request, with what it beat.
    pub fn bedrock(&self, region: &str) -> Value<String> {
        let default = match self.plane {
            Plane::Runtime => from_region(&format!("bedrock-runtime.{region}.amazonaws.com")),
            Plane::Listing | Plane::Credentials => self.service("bedrock", "BEDROCK", region),
        };
        self.base_url_or(default)
    }

    /// The base URL of Bedrock, where it counts for this kind of request, or the default.
    fn base_url_or(&self, default: Value<String>) -> Value<String> {
        if self.plane != Plane::Runtime && !self.rules.has(Rule::BaseUrlForListing) {
            return default;
        }
        self.base_url("ANTHROPIC_BEDROCK_BASE_URL", default)
    }

    /// The URL in a variable, or the default with what an empty variable unset.
    fn base_url(&self, variable: &str, default: Value<String>) -> Value<String> {
        self.environment.set_value(variable).unwrap_or_else(|| {
            let mut default = default;
            default.overridden.extend(self.environment.unset(variable));
            default
        })
    }

    /// The endpoint of Mantle; messages are posted to `/v1/messages` below it.
    pub fn mantle(&self, region: &str) -> Value<String> {
        let mut default = from_region(&format!("bedrock-mantle.{region}.api.aws"));
        default.value.push_str("/anthropic");
        self.base_url("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", default)
    }

    /// The endpoint of Claude Platform on AWS.
    pub fn anthropic_aws(&self, region: &str) -> Value<String> {
        let default = from_region(&format!("aws-external-anthropic.{region}.api.aws"));
        self.base_url("ANTHROPIC_AWS_BASE_URL", default)
    }

    /// The endpoint of a service the AWS SDK calls: a configured one, or AWS's own.
    pub fn service(&self, host: &str, variable: &str, region: &str) -> Value<String> {
        if let Some(url) = self.sdk.configured.get(variable) {
            return url.clone();
        }
        let fips = self.sdk.fips || is_fips_region(region);
        let region = signing_region(region);
        // In GovCloud the endpoints of these services are FIPS endpoints by their usual name.
        let usual = partition(region) == "aws-us-gov" && host != "bedrock";
        let suffix = if fips && !usual { "-fips" } else { "" };
        let domain = if self.sdk.dual_stack {
            dual_stack_domain(region)
        } else {
            domain(region)
        };
        from_region(&format!("{host}{suffix}.{region}.{domain}"))
    }

    /// The endpoint of IAM, which a partition has but one of, and the Region that requests to it are signed for.
    ///
    /// Source: AWS General Reference, "AWS Identity and Access Management endpoints".
    pub fn iam(&self, region: &str) -> (Value<String>, &'static str) {
        let (host, signed_for) = match partition(region) {
            "aws-cn" => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            "aws-us-gov" => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            "aws-eusc" => ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        let configured = self.sdk.configured.get("IAM").cloned();
        (configured.unwrap_or_else(|| from_region(host)), signed_for)
    }

    /// Why the AWS SDK sends nothing to an endpoint that was configured: with FIPS or dual-stack endpoints it asks AWS's
    /// own only (seen, 2.1.330).
    pub fn refusal(&self, endpoint: &Value<String>, region: &str) -> Option<Failure> {
        if endpoint.source.kind == SourceKind::Default {
            return None;
        }
        let kind = if self.sdk.fips || is_fips_region(region) {
            "FIPS"
        } else if self.sdk.dual_stack {
            "Dualstack"
        } else {
            return None;
        };
        let words = format!("Invalid Configuration: {kind} and custom endpoint are not supported");
        Some(refused_by_sdk("EndpointError", words))
    }

    /// Why the AWS SDK does not list inference profiles, when it does not.
    ///
    /// It puts `AWS_BEARER_TOKEN_BEDROCK` into the header as it stands. Invocations trim it, so that they work with a
    /// line end that was pasted along (seen, 2.1.330).
    pub fn listing_refusal(&self, region: &str) -> Option<Failure> {
        let carried = |c: char| matches!(c, '\t' | ' '..='~' | '\u{80}'..='\u{ff}');
        let key = self.environment.get("AWS_BEARER_TOKEN_BEDROCK");
        let key = key.filter(|key| !key.trim().is_empty());
        let unsigned = skips_authentication(&self.environment, Provider::Bedrock);
        if !unsigned && key.is_some_and(|key| !key.chars().all(carried)) {
            let words = "no header can carry AWS_BEARER_TOKEN_BEDROCK as it stands: it holds a line end or another character that is not allowed there";
            return Some(refused_by_sdk("TypeError", words.to_owned()));
        }
        self.refusal(&self.bedrock(region), region)
    }

    /// The endpoint of the sign-in service behind `aws login`, whose hosts begin with the Region.
    pub fn sign_in(&self, region: &str) -> Value<String> {
        let endpoint = self.service("signin", "SIGNIN", region);
        if endpoint.source.kind != SourceKind::Default {
            return endpoint;
        }
        let domain = match partition(region) {
            "aws-us-gov" => "amazonaws-us-gov.com",
            "aws-cn" => "amazonaws.cn",
            "aws-eusc" => "amazonaws-eusc.eu",
            _ => "aws.amazon.com",
        };
        Value {
            value: format!("https://{region}.signin.{domain}"),
            ..endpoint
        }
    }

    /// The route to Bedrock as a fact, without credentials.
    pub fn route(&self, region: &str) -> Route {
        self.route_to(self.bedrock(region))
    }

    /// The route to an endpoint as a fact, without credentials.
    pub fn route_to(&self, endpoint: Value<String>) -> Route {
        Route {
            proxy: self.proxy_of(&endpoint.value),
            endpoint: endpoint.map(|url| shown_url(&url)),
        }
    }

    /// The proxy for an endpoint as a fact, without credentials.
    pub fn proxy_of(&self, endpoint: &str) -> Value<Option<Proxy>> {
        let shown = |url: String| Proxy {
            url: shown_url(&url),
            has_credentials: url.contains('@'),
        };
        self.proxy_for(&host_of(endpoint)).map(|url| url.map(shown))
    }
}

/// The Region that the AWS SDK signs for: old names of FIPS endpoints, `fips-us-east-1` and `us-east-1-fips`, hold it.
pub fn signing_region(region: &str) -> &str {
    region
        .strip_prefix("fips-")
        .or_else(|| region.strip_suffix("-fips"))
        .unwrap_or(region)
}

fn is_fips_region(region: &str) -> bool {
    signing_region(region) != region
}

/// An error of the AWS SDK itself, which has a name, and nothing is sent.
fn refused_by_sdk(name: &str, words: String) -> Failure {
    Failure {
        code: Some(name.to_owned()),
        ..Failure::new(FailureKind::Configuration, words)
    }
}

/// AWS's own endpoint. Host names are lower-case on the wire, whatever the Region's spelling.
fn from_region(host: &str) -> Value<String> {
    let host = host.to_lowercase();
    Value::new(
        format!("https://{host}"),
        Source::default_of("from the Region"),
    )
}

/// The host of a URL, without credentials and port.
pub fn host_of(url: &str) -> String {
    let (_, rest) = without_credentials(url);
    let host = rest.split('/').next().unwrap_or_default();
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default().to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

/// Whether a host is one of AWS's own.
pub fn is_of_aws(host: &str) -> bool {
    [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".api.aws",
        ".signin.aws.amazon.com",
        ".signin.amazonaws-us-gov.com",
        ".signin.amazonaws.cn",
        ".amazonaws.eu",
        ".amazonaws-eusc.eu",
    ]
    .iter()
    .any(|domain| host.ends_with(domain))
}

/// A URL without credentials, query and fragment.
pub fn shown_url(url: &str) -> String {
    match without_credentials(url) {
        (Some(scheme), rest) => format!("{scheme}://{rest}"),
        (None, rest) => rest.to_owned(),
    }
}

/// The scheme, if there is one, and what may be shown of the rest.
fn without_credentials(url: &str) -> (Option<&str>, &str) {
    let (scheme, rest) = scheme(url.trim());
    let rest = match userinfo(url) {
        Some(userinfo) => &rest[userinfo.len() + 1..],
        None => rest,
    };
    (scheme, rest.split(['?', '#']).next().unwrap_or_default())
}

/// User name and password of a URL, also when they hold characters that should have been encoded.
pub fn userinfo(url: &str) -> Option<&str> {
    let url = url.trim();
    let (_, rest) = scheme(url);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, last) = (&rest[..end], rest.rfind('@')?);
    // A password with `/`, `?` or `#` in it seems to end the authority, and what stands there is then no host.
    let address = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let no_host = port.chars().any(|c| !c.is_ascii_digit())
        || !(host.contains(['.', '[']) || host == "localhost");
    match authority.rfind('@') {
        Some(at) if last == at || !no_host => Some(&rest[..at]),
        None if !no_host => None,
        _ => Some(&rest[..last]),
    }
}

/// The scheme, if there is one, and what follows it. A password may hold `://` too.
fn scheme(url: &str) -> (Option<&str>, &str) {
    let is_scheme = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, url),
    }
}

/// The stores whose authorities Claude Code trusts, besides those of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateStores {
    /// The authorities that come with it.
    pub bundled: bool,
    /// The store of the operating system.
    pub system: bool,
}

impl CertificateStores {
    /// As `CLAUDE_CODE_CERT_STORE` says (seen, 2.1.330): names with commas between them, unknown ones ignored; both when
    /// it names none.
    pub fn of(environment: &Environment, rules: Rules) -> Self {
        if !rules.has(Rule::SystemCertificates) {
            return Self {
                bundled: true,
                system: false,
            };
        }
        let named = environment
            .get("CLAUDE_CODE_CERT_STORE")
            .unwrap_or_default();
        let has = |store: &str| {
            named
                .split(',')
                .any(|name| name.trim().eq_ignore_ascii_case(store))
        };
        let (bundled, system) = (has("bundled"), has("system"));
        Self {
            bundled: bundled || !system,
            system: system || !bundled,
        }
    }
}

/// The files of the certificate that Claude Code shows to servers that ask for one (mTLS): on both kinds of request
/// (seen, 2.1.330).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file of the certificate, with those that signed it.
    pub certificate: String,
    /// The file of its private key.
    pub key: String,
}

impl ClientCertificate {
    /// Both files, when both are named.
    pub fn of(environment: &Environment) -> Option<Self> {
        let file = |name| environment.set_value(name).map(|file| file.value);
        Some(Self {
            certificate: file("CLAUDE_CODE_CLIENT_CERT")?,
            key: file("CLAUDE_CODE_CLIENT_KEY")?,
        })
    }
}

/// The files of certificates that variables name. What is wrong with them is for whoever reads them.
pub fn ca_files(environment: &Environment) -> Vec<CaFile> {
    [
        ("NODE_EXTRA_CA_CERTS", true),
        ("SSL_CERT_FILE", true),
        ("AWS_CA_BUNDLE", false),
    ]
    .into_iter()
    .filter_map(|(variable, honoured)| {
        Some(CaFile {
            variable: variable.to_owned(),
            path: environment.set_value(variable)?,
            honoured,
            problem: None,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude_code::versions::Version;

    /// Routing in `us-east-1`, in a shell with these variables.
    fn routing(plane: Plane, shell: &[(&str, &str)]) -> Routing {
        let set = shell.iter().copied();
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = Environment::merge(&set.collect(), &[]);
        let (profiles, rules) = (Profiles::default(), Rules::of(None));
        Routing::of(
            &environment,
            &profiles,
            "default",
            "us-east-1",
            plane,
            rules,
        )
    }

    #[test]
    fn where_there_is_no_proxy_it_is_said_why() {
        const PROXY: &str = "http://me:secret@proxy.example.com:3128";
        const UNSET: &str = "no proxy is set";
        let list = ("NO_PROXY", ".amazonaws.com");
        for (shell, [runtime, listing, credentials]) in [
            (&[][..], [UNSET; 3]),
            (&[list], [UNSET; 3]),
            (&[("HTTPS_PROXY", PROXY)], ["HTTPS_PROXY"; 3]),
            (&[("http_proxy", PROXY), list], ["NO_PROXY"; 3]),
            // Only invocations know this one.
            (&[("ALL_PROXY", PROXY)], ["ALL_PROXY", UNSET, UNSET]),
            (&[("all_proxy", PROXY), list], ["NO_PROXY", UNSET, UNSET]),
        ] {
            for (plane, says) in [
                (Plane::Runtime, runtime),
                (Plane::Listing, listing),
                (Plane::Credentials, credentials),
            ] {
                let proxy = routing(plane, shell).route("us-east-1").proxy;
                let case = format!("{shell:?} {plane:?}");
                assert_eq!(proxy.source.name.as_deref(), Some(says), "{case}");
                let url = |proxy: Option<Proxy>| proxy.map(|proxy| proxy.url);
                let shown = || Some("http://proxy.example.com:3128".to_owned());
                let excepted = says == list.0;
                let used = shown().filter(|_| says != UNSET && !excepted);
                assert_eq!(url(proxy.value), used, "{case}");
                let mut beaten = proxy.overridden.into_iter();
                let beaten = beaten.next().and_then(|beaten| url(beaten.value));
                assert_eq!(beaten, shown().filter(|_| excepted), "{case}");
            }
        }
    }

    #[test]
    fn one_host_decides_about_the_proxy_of_a_kind_of_call() {
        const BEDROCK: &str = "bedrock.us-east-1.amazonaws.com";
        const STS: &str = "sts.us-east-1.amazonaws.com";
        const OWN: &str = "https://ep.example.com";
        let base = ("ANTHROPIC_BEDROCK_BASE_URL", "https://gw.example.com/x");
        let all = ("AWS_ENDPOINT_URL", OWN);
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        for (plane, set, decides, does_not) in [
            (
                Plane::Listing,
                fips,
                BEDROCK,
                "bedrock-fips.us-east-1.amazonaws.com",
            ),
            (Plane::Listing, all, BEDROCK, "ep.example.com"),
            (
                Plane::Listing,
                ("AWS_ENDPOINT_URL_BEDROCK", OWN),
                BEDROCK,
                "ep.example.com",
            ),
            (Plane::Listing, base, "gw.example.com", BEDROCK),
            (
                Plane::Credentials,
                fips,
                STS,
                "sts-fips.us-east-1.amazonaws.com",
            ),
            (Plane::Credentials, all, "ep.example.com", STS),
            (
                Plane::Credentials,
                ("AWS_ENDPOINT_URL_STS", OWN),
                "ep.example.com",
                STS,
            ),
            (
                Plane::Credentials,
                ("AWS_ENDPOINT_URL_SSO", OWN),
                STS,
                "ep.example.com",
            ),
            (
                Plane::Runtime,
                base,
                "gw.example.com",
                "bedrock-runtime.us-east-1.amazonaws.com",
            ),
        ] {
            for (list, is_used) in [(decides, false), (does_not, true)] {
                let proxy = ("HTTPS_PROXY", "http://proxy.example.com:3128");
                let routing = routing(plane, &[set, proxy, ("no_proxy", list)]);
                let asked = match plane {
                    Plane::Credentials => "https://portal.sso.eu-west-1.amazonaws.com".to_owned(),
                    _ => routing.bedrock("us-east-1").value,
                };
                let used = routing.proxy_of(&asked).value.is_some();
                assert_eq!(used, is_used, "{plane:?} {set:?} {list}");
            }
        }
    }

    #[test]
    fn either_no_proxy_counts_for_the_sdk_s_clients() {
        let proxy = ("HTTPS_PROXY", "http://proxy.example.com:3128");
        let lists = [("no_proxy", "x.org"), ("NO_PROXY", ".amazonaws.com")];
        for (plane, lower, is_used) in [
            (Plane::Listing, lists[0], false),
            (Plane::Credentials, lists[0], false),
            // The lower-case one wins.
            (Plane::Runtime, lists[0], true),
            (Plane::Runtime, ("no_proxy", ""), false),
        ] {
            let route = routing(plane, &[proxy, lower, lists[1]]).route("us-east-1");
            assert_eq!(route.proxy.value.is_some(), is_used, "{plane:?} {lower:?}");
        }
    }

    #[test]
    fn the_sdk_lists_nothing_where_it_refuses_the_endpoint_or_cannot_send_the_key() {
        const KEY: &str = "AWS_BEARER_TOKEN_BEDROCK";
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        let own = ("AWS_ENDPOINT_URL", "https://gw.example.com");
        let base = ("ANTHROPIC_BEDROCK_BASE_URL", "https://gw.example.com");
        let (region, old_name) = ("us-east-1", "fips-us-east-1");
        let dual_stack = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
        for (shell, region, refused) in [
            (vec![fips], region, false),
            (vec![own], region, false),
            (vec![fips, own], region, true),
            (vec![fips, base], region, true),
            (vec![dual_stack, own], region, true),
            (vec![], old_name, false),
            (vec![own], old_name, true),
            (vec![own], "us-east-1-fips", true),
            (vec![(KEY, " ABSK key ")], region, false),
            (vec![(KEY, "\tABSKü")], region, false),
            (vec![(KEY, "\n")], region, false),
            (vec![(KEY, "ABSK\n")], region, true),
            (vec![(KEY, "\rABSK")], region, true),
            (vec![(KEY, "ABSK\u{7f}")], region, true),
            (vec![(KEY, "ABSK€")], region, true),
        ] {
            let routing = routing(Plane::Listing, &shell);
            assert_eq!(
                routing.listing_refusal(region).is_some(),
                refused,
                "{shell:?} {region}"
            );
        }
    }

    #[test]
    fn the_stores_of_authorities_follow_the_variable_and_the_version() {
        for (named, version, stores) in [
            (None, "2.1.330", (true, true)),
            (Some(""), "2.1.330", (true, true)),
            (Some("keychain"), "2.1.330", (true, true)),
            (Some("bundled"), "2.1.330", (true, false)),
            (Some(" System "), "2.1.330", (false, true)),
            (Some("system,bundled"), "2.1.330", (true, true)),
            (None, "2.1.100", (true, false)),
            (Some("system"), "2.1.100", (true, false)),
        ] {
            let set = named.map(|text| ("CLAUDE_CODE_CERT_STORE".to_owned(), text.to_owned()));
            let environment = Environment::merge(&set.into_iter().collect(), &[]);
            let rules = Rules::of(Version::parse(version));
            let of = CertificateStores::of(&environment, rules);
            assert_eq!((of.bundled, of.system), stores, "{named:?} {version}");
        }
    }

    #[test]
    fn shown_urls_carry_no_credentials() {
        assert_eq!(
            shown_url("http://me:secret@proxy:8080/x?token=1"),
            "http://proxy:8080/x"
        );
        assert_eq!(shown_url("me:secret@proxy:8080"), "proxy:8080");
        assert_eq!(shown_url("me:sec://ret@proxy:8080"), "proxy:8080");
        for raw in ["/", "#", "?", "@", ":", "%", "//", "@/", "a/@"] {
            let url = format!("http://me:sec{raw}ret@proxy.example.com:8080/x");
            assert_eq!(shown_url(&url), "http://proxy.example.com:8080/x");
        }
        assert_eq!(
            shown_url("https://gw.example.com:8443/@scope/x"),
            "https://gw.example.com:8443/@scope/x"
        );
        assert_eq!(
            shown_url("https://gw.example.com/bedrock"),
            "https://gw.example.com/bedrock"
        );
        assert_eq!(
            host_of("https://u:p@gw.example.com:8443/b"),
            "gw.example.com"
        );
        assert_eq!(host_of("http://[::1]:80/"), "::1");
        assert_eq!(host_of("me@gw.example.com://x@y"), "gw.example.com");
    }
}
