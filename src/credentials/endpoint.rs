//! Credentials from an endpoint next to the machine: ECS and EKS containers, EC2 instance metadata.

use std::net::Ipv4Addr;
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of, shown_url};
use bedrock_doctor_checks::facts::{Failure, FailureKind, Stage};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request};
use jiff::Timestamp;
use serde_json::Value;

use super::{Chain, Delivered, Outcome, Refused, keys};
use crate::world::FileText;

/// The SDK's patience with instance metadata.
const METADATA_PATIENCE: Duration = Duration::from_secs(1);

/// The hosts in a full URI that the SDK asks a second time, with an older client of its own.
const SECOND_TRY: [&str; 2] = ["localhost", "127.0.0.1"];

/// The hosts that may be asked over plain HTTP.
const LOCAL_HOSTS: [&str; 5] = [
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::23",
    "localhost",
    "::1",
];

/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`.
pub(super) async fn container(chain: &Chain<'_>) -> Outcome {
    let refused = |why: String| Refused::new("container-refused", why);
    let relative = chain.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let url = match (
        relative,
        chain.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ) {
        (Some(path), _) => format!("http://169.254.170.2{path}"),
        (None, Some(url)) => url.to_owned(),
        (None, None) => return Err(refused("no container endpoint is configured".to_owned())),
    };
    if !url.contains(':') {
        return Err(refused(format!("`{}` is no URL", shown_url(&url))).printing("Invalid URL"));
    }
    let host = host_of(&url);
    let is_loopback = |host: &str| {
        // Not by its beginning: `127.example.com` is a name like any other.
        host.parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
    };
    let allowed =
        url.starts_with("https://") || is_loopback(&host) || LOCAL_HOSTS.contains(&host.as_str());
    if !allowed {
        return Err(refused(format!(
            "`{}` is not accepted: plain HTTP is only for addresses of the machine itself",
            shown_url(&url)
        )));
    }
    let asked_again = relative.is_some() || SECOND_TRY.contains(&host.as_str());
    // Where the second try does not accept the host, its complaint is the one that people read.
    let failed = |why: String| {
        let refused = refused(why);
        if asked_again {
            return refused;
        }
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        refused.printing(format!(
            "{host} is not a valid container metadata service hostname"
        ))
    };
    let variable = chain.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let token = match chain.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        // The SDK takes the path as it stands: `~` is a folder like any other.
        Some(file) => match chain.world.read(&chain.world.working_folder().join(file)) {
            FileText::Text(token) => Some(token),
            FileText::Absent => {
                let printed = format!("ENOENT: no such file or directory, open '{file}'");
                let why = format!("the token file `{file}` does not exist");
                return Err(refused(why).printing(printed));
            }
            FileText::Unreadable(why) => {
                let why = format!("the token file `{file}` cannot be read: {why}");
                return Err(refused(why).stopping());
            }
        },
        None => variable.map(str::to_owned),
    };
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(&url)
        .header("accept", "application/json");
    if let Some(token) = token {
        chain.secrets.remember(&token);
        match HeaderValue::from_str(&token) {
            Ok(token) => request = request.header(AUTHORIZATION, token),
            // A line end, for example. The second try does not read the file.
            Err(_) if asked_again => {
                if let Some(token) = variable.and_then(|token| HeaderValue::from_str(token).ok()) {
                    request = request.header(AUTHORIZATION, token);
                }
            }
            Err(_) => {
                let why = "the authorization token holds a line end or another control character";
                return Err(failed(why.to_owned()));
            }
        }
    }
    let request = request
        .body(SdkBody::empty())
        .map_err(|_| refused(format!("`{}` is no usable URL", shown_url(&url))))?;
    let body = bytes(chain, &host, chain.patience(), request)
        .await
        .map_err(|failure| failed(failure.message.clone()).with(failure))?;
    let document = json(&body, &host).map_err(|(failure, printed)| {
        refused(failure.message.clone())
            .printing(printed)
            .with(failure)
    })?;
    delivered(
        &document,
        format!("the container endpoint `{}`", shown_url(&url)),
    )
    .ok_or_else(|| failed(format!("`{}` returned no credentials", shown_url(&url))))
}

/// EC2 instance metadata, version 2 first, then version 1 as the SDK for JavaScript does.
pub(super) async fn instance_metadata(chain: &Chain<'_>) -> Outcome {
    let base = metadata_endpoint(chain)?.trim_end_matches('/');
    let host = host_of(base);
    let unreachable = |failure: Failure| {
        Refused::new("metadata-unreachable", failure.message.clone()).with(failure)
    };
    let request = |method: Method, path: &str, token: Option<&str>| {
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{base}{path}"));
        if method == Method::PUT {
            request = request.header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        }
        if let Some(token) = token {
            request = request.header("x-aws-ec2-metadata-token", token);
        }
        request.body(SdkBody::empty()).map_err(|_| {
            unreachable(Failure::new(
                FailureKind::Configuration,
                format!("`{}` is no usable URL", shown_url(base)),
            ))
        })
    };
    let token = match text(
        chain,
        &host,
        request(Method::PUT, "/latest/api/token", None)?,
    )
    .await
    {
        Ok(token) => Some(token),
        Err(failure) if failure.status == Some(400) => return Err(unreachable(failure)),
        // Version 1 needs no token. The answer to the request for one does not reach a container whose instance allows
        // one hop; where nobody even took the connection there is no EC2 instance, and a second wait tells nothing.
        Err(failure) => {
            let connected =
                failure.status.is_some() || chain.http.stage(&host) >= Some(Stage::Answer);
            if !connected || version_1_disabled(chain) {
                return Err(unreachable(failure));
            }
            None
        }
    };
    let token = token.as_deref();
    chain.secrets.remember(token.unwrap_or_default());
    let roles = "/latest/meta-data/iam/security-credentials/";
    let role = text(chain, &host, request(Method::GET, roles, token)?)
        .await
        .map_err(unreachable)?;
    let role = role.lines().next().unwrap_or_default().trim().to_owned();
    let of_role = request(Method::GET, &format!("{roles}{role}"), token)?;
    let body = bytes(chain, &host, METADATA_PATIENCE, of_role)
        .await
        .map_err(unreachable)?;
    let document =
        json(&body, &host).map_err(|(failure, printed)| unreachable(failure).printing(printed))?;
    delivered(&document, format!("role `{role}` of the EC2 instance")).ok_or_else(|| {
        unreachable(Failure::new(
            FailureKind::Http,
            "instance metadata returned no credentials",
        ))
    })
}

/// A setting of instance metadata: a variable, or a key of the active profile.
fn setting<'a>(chain: &Chain<'a>, variable: &str, key: &str) -> Option<&'a str> {
    let resolved = chain.resolved;
    let profile = &resolved.configuration.profile.value;
    let of_profile = || resolved.inputs.profiles.get(profile, key);
    resolved
        .inputs
        .environment
        .get(variable)
        .or_else(of_profile)
}

fn metadata_endpoint<'a>(chain: &Chain<'a>) -> Result<&'a str, Refused> {
    let endpoint = setting(
        chain,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "ec2_metadata_service_endpoint",
    );
    let mode = setting(
        chain,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "ec2_metadata_service_endpoint_mode",
    );
    match (endpoint, mode) {
        (Some(endpoint), _) => Ok(endpoint),
        (None, None | Some("IPv4")) => Ok("http://169.254.169.254"),
        (None, Some("IPv6")) => Ok("http://[fd00:ec2::254]"),
        (None, Some(other)) => Err(Refused::new(
            "metadata-unreachable",
            format!("Unsupported endpoint mode: {other}. Select from IPv4,IPv6"),
        )
        .stopping()),
    }
}

fn version_1_disabled(chain: &Chain<'_>) -> bool {
    setting(
        chain,
        "AWS_EC2_METADATA_V1_DISABLED",
        "ec2_metadata_v1_disabled",
    )
    .is_some_and(|value| value != "false")
}

async fn bytes(
    chain: &Chain<'_>,
    host: &str,
    patience: Duration,
    request: Request<SdkBody>,
) -> Result<Vec<u8>, Failure> {
    let patience = patience.min(chain.patience());
    let answer = tokio::time::timeout(patience, chain.http.send(Plane::Credentials, request))
        .await
        .unwrap_or_else(|_| {
            let waited_for = chain.http.stage(host);
            let stage = waited_for.map_or("its turn", Stage::words);
            Err(Failure {
                host: Some(host.to_owned()),
                waited_for,
                ..Failure::new(
                    FailureKind::TimedOut,
                    format!(
                        "`{host}` timed out: no answer within {} s while waiting for {stage}",
                        patience.as_secs()
                    ),
                )
            })
        })?;
    match answer {
        (200, body) => Ok(body),
        (status, _) => Err(Failure {
            host: Some(host.to_owned()),
            status: Some(status),
            ..Failure::new(
                FailureKind::Http,
                format!("`{host}` answered with HTTP {status}"),
            )
        }),
    }
}

async fn text(chain: &Chain<'_>, host: &str, request: Request<SdkBody>) -> Result<String, Failure> {
    let body = bytes(chain, host, METADATA_PATIENCE, request).await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The document in an answer; where there is none, the failure and the words of Claude Code's engine, which end the chain.
fn json(body: &[u8], host: &str) -> Result<Value, (Failure, &'static str)> {
    serde_json::from_slice(body).map_err(|_| {
        let failure = Failure {
            host: Some(host.to_owned()),
            ..Failure::new(
                FailureKind::Http,
                format!("`{host}` did not answer with JSON"),
            )
        };
        let printed = match body.trim_ascii_start().first() {
            None => "JSON Parse error: Unexpected EOF",
            Some(b'<') => "JSON Parse error: Unrecognized token '<'",
            Some(_) => "JSON Parse error",
        };
        (failure, printed)
    })
}

fn delivered(document: &Value, reason: String) -> Option<Delivered> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    // The SDK requires all four.
    let (token, expiration) = (text("Token")?, text("Expiration")?);
    let keys = keys(text("AccessKeyId")?, text("SecretAccessKey")?, Some(token));
    Some(Delivered {
        expires_at: expiration.parse::<Timestamp>().ok(),
        renewable: true,
        ..Delivered::new(keys, reason)
    })
}
