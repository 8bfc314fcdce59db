//! What an AWS host name says: the service and the region.

/// An AWS endpoint, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The first labels, without `-fips`: `bedrock-runtime`, `portal.sso`.
    pub(crate) service: String,
    pub(crate) region: String,
}

/// Returns the endpoint behind `host`; `None` where no such AWS host can exist.
pub(crate) fn parse(host: &str) -> Option<Endpoint> {
    let endpoint = |service: &str, region: &str| {
        is_region(region).then(|| Endpoint {
            service: service.strip_suffix("-fips").unwrap_or(service).to_owned(),
            region: region.to_owned(),
        })
    };
    for suffix in [
        ".signin.aws.amazon.com",
        ".signin.amazonaws-us-gov.com",
        ".signin.amazonaws.cn",
    ] {
        if let Some(region) = host.strip_suffix(suffix) {
            return endpoint("signin", region);
        }
    }
    if let Some(rest) = host.strip_suffix(".vpce.amazonaws.com") {
        let (_, rest) = rest.split_once('.')?;
        let (service, region) = rest.rsplit_once('.')?;
        return endpoint(service, region);
    }
    let rest = [
        ".amazonaws.com.cn",
        ".amazonaws.com",
        ".api.aws",
        ".api.amazonwebservices.com.cn",
    ]
    .iter()
    .find_map(|suffix| host.strip_suffix(suffix))?;
    match rest.rsplit_once('.') {
        Some((service, region)) => endpoint(service, region),
        // Global endpoints, such as `sts.amazonaws.com`.
        None => endpoint(rest, "us-east-1"),
    }
}

/// Returns the partition that appears in the ARNs of `region`.
pub(crate) fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

/// Tells whether `host` is `pattern` or begins with its labels; an empty pattern fits every host.
pub(crate) fn begins_with(host: &str, pattern: &str) -> bool {
    match host.strip_prefix(pattern) {
        Some(rest) => pattern.is_empty() || rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

fn is_region(text: &str) -> bool {
    let labels: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = labels.as_slice() else {
        return false;
    };
    let letters =
        |label: &&str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase());
    first.len() == 2
        && letters(first)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && last.len() == 1
        && last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, want: Option<(&str, &str)>) {
        let got = parse(host);
        let got = got
            .as_ref()
            .map(|it| (it.service.as_str(), it.region.as_str()));
        assert_eq!(got, want, "{host}");
    }

    #[test]
    fn takes_host_names_apart() {
        check("sts.amazonaws.com", Some(("sts", "us-east-1")));
        check(
            "sts.cn-north-1.amazonaws.com.cn",
            Some(("sts", "cn-north-1")),
        );
        check(
            "portal.sso.eu-west-1.amazonaws.com",
            Some(("portal.sso", "eu-west-1")),
        );
        check(
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            Some(("bedrock-runtime", "us-gov-west-1")),
        );
        check(
            "vpce-0a1b-2c3d.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            Some(("bedrock-runtime", "us-east-1")),
        );
        check("bedrock.us-east-1.api.aws", Some(("bedrock", "us-east-1")));
        check(
            "us-east-1.signin.aws.amazon.com",
            Some(("signin", "us-east-1")),
        );
    }

    #[test]
    fn knows_no_host_for_a_mistyped_region() {
        check("bedrock.us-east1.amazonaws.com", None);
        check("bedrock.useast1.amazonaws.com", None);
        check("bedrock.us-east-1a.amazonaws.com", None);
        check("example.com", None);
    }

    #[test]
    fn prefixes_end_at_a_label() {
        assert!(begins_with("bedrock.us-east-1.amazonaws.com", "bedrock"));
        assert!(!begins_with(
            "bedrock-runtime.us-east-1.amazonaws.com",
            "bedrock"
        ));
        assert!(begins_with("bedrock-runtime.us-east-1.amazonaws.com", ""));
    }
}
