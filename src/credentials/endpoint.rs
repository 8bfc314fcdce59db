//! Credentials from an endpoint next to the machine: ECS and EKS containers, EC2 instance metadata.

use std::net::Ipv4Addr;
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bedrock_doctor_checks::claude_code::network::{Plane, host_of, shown_url};
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::Value;

use super::{Chain, Delivered, Outcome, Refused, keys};
use crate::world::FileText;

/// The SDK's patience with instance metadata.
const METADATA_PATIENCE: Duration = Duration::from_secs(1);

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
    let url = match (
        chain.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        chain.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ) {
        (Some(path), _) => format!("http://169.254.170.2{path}"),
        (None, Some(url)) => url.to_owned(),
        (None, None) => return Err(refused("no container endpoint is configured".to_owned())),
    };
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
    let token = match chain.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => match chain.world.read(&chain.world.expand(file)) {
            FileText::Text(token) => Some(token.trim().to_owned()),
            _ => return Err(refused(format!("the token file `{file}` cannot be read"))),
        },
        None => chain
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(str::to_owned),
    };
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(&url)
        .header("accept", "application/json");
    if let Some(token) = token {
        chain.secrets.remember(&token);
        request = request.header("authorization", token);
    }
    let request = request
        .body(SdkBody::empty())
        .map_err(|_| refused(format!("`{}` is no usable URL", shown_url(&url))))?;
    let document = ask(chain, &host, chain.patience(), request)
        .await
        .map_err(|failure| refused(failure.message.clone()).with(failure))?;
    delivered(
        &document,
        format!("the container endpoint `{}`", shown_url(&url)),
    )
    .ok_or_else(|| refused(format!("`{}` returned no credentials", shown_url(&url))))
}

/// EC2 instance metadata, version 2 first, then version 1 as the SDK for JavaScript does.
pub(super) async fn instance_metadata(chain: &Chain<'_>) -> Outcome {
    let base = chain
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .unwrap_or("http://169.254.169.254")
        .trim_end_matches('/');
    let host = host_of(base);
    let unreachable = |failure: Failure| {
        Refused::new("metadata-unreachable", failure.message.clone()).with(failure)
    };
    let request = |method: Method, path: &str, token: Option<&str>| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"));
        request = match token {
            Some(token) => request.header("x-aws-ec2-metadata-token", token),
            None => request.header("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
        };
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
        Ok(token) => token,
        // Only an answer lets version 1 be tried: silence means that this is no EC2 instance.
        Err(failure) if failure.status.is_some_and(|status| status != 400) => String::new(),
        Err(failure) => return Err(unreachable(failure)),
    };
    chain.secrets.remember(&token);
    let roles = "/latest/meta-data/iam/security-credentials/";
    let role = text(chain, &host, request(Method::GET, roles, Some(&token))?)
        .await
        .map_err(unreachable)?;
    let role = role.lines().next().unwrap_or_default().trim().to_owned();
    let document = ask(
        chain,
        &host,
        METADATA_PATIENCE,
        request(Method::GET, &format!("{roles}{role}"), Some(&token))?,
    )
    .await
    .map_err(unreachable)?;
    delivered(&document, format!("role `{role}` of the EC2 instance")).ok_or_else(|| {
        unreachable(Failure::new(
            FailureKind::Http,
            "instance metadata returned no credentials",
        ))
    })
}

async fn bytes(
    chain: &Chain<'_>,
    host: &str,
    patience: Duration,
    request: Request<SdkBody>,
) -> Result<Vec<u8>, Failure> {
    let patience = patience.min(chain.patience());
    let answer = tokio::time::timeout(patience, chain.http.send(Plane::Control, request))
        .await
        .unwrap_or_else(|_| {
            Err(Failure {
                host: Some(host.to_owned()),
                ..Failure::new(
                    FailureKind::TimedOut,
                    format!(
                        "`{host}` timed out: no answer within {} s",
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

async fn ask(
    chain: &Chain<'_>,
    host: &str,
    patience: Duration,
    request: Request<SdkBody>,
) -> Result<Value, Failure> {
    let body = bytes(chain, host, patience, request).await?;
    serde_json::from_slice(&body).map_err(|_| Failure {
        host: Some(host.to_owned()),
        ..Failure::new(
            FailureKind::Http,
            format!("`{host}` did not answer with JSON"),
        )
    })
}

fn delivered(document: &Value, reason: String) -> Option<Delivered> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let keys = keys(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("Token"),
    );
    let expires_at = text("Expiration").and_then(|text| text.parse::<Timestamp>().ok());
    Some(Delivered {
        expires_at,
        renewable: true,
        ..Delivered::new(keys, reason)
    })
}
