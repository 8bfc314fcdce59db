//! How far the requests to each host came.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CaFile;

/// What a request waits for, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The address of the host, or of its proxy.
    Dns,
    /// The TCP connection to the host, or to its proxy.
    Tcp,
    /// The proxy's word on the tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The head of the answer.
    Answer,
    /// The rest of the answer.
    Body,
}

impl Stage {
    /// The words in "… while waiting for …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Dns => "the DNS answer",
            Self::Tcp => "the TCP connection",
            Self::Proxy => "the proxy's answer to CONNECT",
            Self::Tls => "the TLS handshake",
            Self::Answer => "the answer",
            Self::Body => "the rest of the answer",
        }
    }

    /// The name before a duration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Proxy => "proxy",
            Self::Tls => "TLS",
            Self::Answer => "answer",
            Self::Body => "body",
        }
    }
}

/// The connection to one host that came least far, or the first one when all were answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The host of the request.
    pub host: String,
    /// The proxy it went through, without credentials. Name and address are then the proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Where the name led; of several addresses the one that answered, else the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The stages that were begun, in order.
    pub stages: Vec<StageTime>,
    /// The certificate that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Connection {
    /// `DNS 3 ms, TCP 11 ms, TLS 14 ms, answer 80 ms`; what did not come to a good end says so.
    pub fn times(&self) -> String {
        let all: Vec<String> = self
            .stages
            .iter()
            .map(|time| {
                let end = if time.complete { "" } else { " and no end" };
                format!("{} {} ms{end}", time.stage.name(), time.milliseconds)
            })
            .collect();
        all.join(", ")
    }

    /// Whether an answer began to arrive.
    pub fn was_answered(&self) -> bool {
        self.stages
            .iter()
            .any(|time| time.stage == Stage::Answer && time.complete)
    }
}

/// How long one stage took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// From its begin to its end, or to the moment at which it was given up.
    pub milliseconds: u64,
    /// Whether it came to a good end.
    pub complete: bool,
}

/// An address that a name led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// What kind of network it belongs to.
    pub kind: AddressKind,
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        let kind = match ip.to_canonical() {
            // 0.0.0.0 and :: lead to the machine itself; DNS filters answer with them.
            ip if ip.is_loopback() || ip.is_unspecified() => AddressKind::Loopback,
            IpAddr::V4(ip) if ip.is_link_local() => AddressKind::LinkLocal,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => AddressKind::LinkLocal,
            // 100.64.0.0/10 is shared address space: private, too, as far as AWS is concerned.
            IpAddr::V4(ip)
                if ip.is_private() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64) =>
            {
                AddressKind::Private
            }
            IpAddr::V6(ip) if ip.is_unique_local() => AddressKind::Private,
            _ => AddressKind::Public,
        };
        Self { ip, kind }
    }
}

/// What kind of network an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressKind {
    /// The internet.
    Public,
    /// A network of one's own. For a host of AWS: a VPC endpoint with private DNS, or another entry of one's own.
    Private,
    /// This machine.
    Loopback,
    /// This link, such as instance metadata.
    LinkLocal,
}

/// A certificate that a server showed, and who vouches for it here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whom it is for, as `CN=…,O=…`; empty when it could not be read.
    pub subject: String,
    /// Who signed it, and who signed that, as far as the server showed it.
    pub issuers: Vec<String>,
    /// The names it is for.
    pub names: Vec<String>,
    /// From when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Where the authority behind it is known from. None: nobody here knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<CaSource>,
    /// Why Claude Code does not accept it. None: it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<CertificateProblem>,
}

/// A place that authorities are known from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaSource {
    /// The authorities that come with Claude Code: Mozilla's.
    Bundled,
    /// The store of the operating system.
    System,
    /// A file that a variable or a setting names.
    File(CaFile),
}

impl CaSource {
    /// The words in "vouched for by …".
    pub fn words(&self) -> String {
        match self {
            Self::Bundled => "the authorities that come with Claude Code".to_owned(),
            Self::System => "the certificate store of this system".to_owned(),
            Self::File(file) => format!("`{}` ({})", file.path.value, file.path.source.words()),
        }
    }
}

/// The message of a failure when the server wants to see a certificate of this machine.
pub const WANTS_CERTIFICATE: &str = "the server wants a certificate of this machine (mTLS)";

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateProblem {
    /// Claude Code does not know the authority behind it.
    UnknownIssuer,
    /// It is over.
    Expired,
    /// It has not begun.
    NotYetValid,
    /// It is for other names.
    OtherName,
    /// Anything else, in words.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_the_network_they_belong_to() {
        for (ip, kind) in [
            ("52.94.133.131", AddressKind::Public),
            ("2600:1f18::1", AddressKind::Public),
            ("100.128.0.1", AddressKind::Public),
            ("10.20.30.40", AddressKind::Private),
            ("172.31.255.1", AddressKind::Private),
            ("192.168.0.1", AddressKind::Private),
            ("100.64.0.1", AddressKind::Private),
            ("fd12::1", AddressKind::Private),
            ("::ffff:10.0.0.1", AddressKind::Private),
            ("127.0.0.1", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("0.0.0.0", AddressKind::Loopback),
            ("169.254.169.254", AddressKind::LinkLocal),
            ("fe80::1", AddressKind::LinkLocal),
        ] {
            assert_eq!(
                Address::from(ip.parse::<IpAddr>().unwrap()).kind,
                kind,
                "{ip}"
            );
        }
    }
}
