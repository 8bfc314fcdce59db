//! Roles assumed through STS, from other credentials or with an OIDC token.

use bedrock_doctor_checks::claude_code::credential_plan::{AssumeRole, Base, WebIdentity};
use bedrock_doctor_checks::facts::{Failure, FailureKind};
use jiff::Timestamp;

use super::{Chain, Delivered, Outcome, Refused, Signer, endpoint, keys, profile};
use crate::aws;
use crate::world::FileText;

/// A role assumed from other credentials.
pub(super) async fn assume(chain: &Chain<'_>, role: &AssumeRole) -> Outcome {
    let AssumeRole {
        profile, role_arn, ..
    } = role;
    let base = match &role.base {
        Base::Profile(source) => profile::provide(chain, source).await,
        Base::Environment => profile::environment(chain),
        Base::Container => endpoint::container(chain).await,
        Base::InstanceMetadata => endpoint::instance_metadata(chain).await,
    }?;
    chain.remember(&base.keys);
    let signer = Signer::Keys(base.keys.clone());
    let (client, host) = sts(chain, &signer, role.region.as_deref())?;
    let request = client
        .assume_role()
        .role_arn(role_arn)
        .role_session_name(session_name(chain, role.session_name.as_deref()))
        .set_external_id(role.external_id.clone())
        .duration_seconds(role.duration_seconds.unwrap_or(3_600));
    let answer = super::within(chain, chain.for_answer(), &host, "sts", request.send())
        .await?
        .map_err(|error| refused(role_arn, aws::failure("sts", &host, chain.secrets, &error)))?;
    let mut role_arns = base.role_arns.clone();
    role_arns.push(role_arn.clone());
    let reason = format!(
        "role `{role_arn}` of profile `{profile}`, assumed from {}",
        base.reason
    );
    Ok(Delivered {
        not_saved: base.not_saved,
        ..delivered(answer.credentials(), profile, role_arns, reason)?
    })
}

fn refused(role_arn: &str, failure: Failure) -> Refused {
    let reason = format!("role `{role_arn}` was refused: {}", failure.words());
    Refused::new("assume-role-refused", reason)
        .printing(failure.message.clone())
        .with(failure)
}

/// The OIDC token in its file.
pub(super) fn token(chain: &Chain<'_>, identity: &WebIdentity) -> Result<String, Refused> {
    // The SDK takes the path as it stands: `~` is a folder like any other.
    let path = chain.world.working_folder().join(&identity.token_file);
    let unreadable = |why: &str| {
        let reason = format!("the token file `{}` {why}", identity.token_file);
        Refused::new("web-identity-token-unreadable", reason.clone())
            .stopping()
            .with(Failure::new(FailureKind::File, reason))
    };
    match chain.world.read(&path) {
        FileText::Text(token) => Ok(token),
        FileText::Absent => {
            let printed = format!(
                "ENOENT: no such file or directory, open '{}'",
                identity.token_file
            );
            Err(unreadable("does not exist").printing(printed))
        }
        FileText::Unreadable(why) => Err(unreadable(&format!("cannot be read: {why}"))),
    }
}

/// A role assumed with an OIDC token from a file.
pub(super) async fn web_identity(
    chain: &Chain<'_>,
    identity: &WebIdentity,
    profile: Option<&str>,
) -> Outcome {
    let token = token(chain, identity)?;
    chain.secrets.remember(&token);
    let session = identity
        .session_name
        .as_deref()
        .or_else(|| chain.variable("AWS_ROLE_SESSION_NAME"));
    let (client, host) = sts(chain, &Signer::Nobody, None)?;
    let request = client
        .assume_role_with_web_identity()
        .role_arn(&identity.role_arn)
        .role_session_name(session_name(chain, session))
        .web_identity_token(token);
    let answer = super::within(chain, chain.for_answer(), &host, "sts", request.send())
        .await?
        .map_err(|error| {
            let failure = aws::failure("sts", &host, chain.secrets, &error);
            refused(&identity.role_arn, failure)
        })?;
    let reason = format!(
        "role `{}` with the web identity token in `{}`",
        identity.role_arn, identity.token_file
    );
    delivered(
        answer.credentials(),
        profile.unwrap_or_default(),
        vec![identity.role_arn.clone()],
        reason,
    )
}

/// A client of STS in a Region, or in that of the checkup; and its host. The SDK may refuse to ask it.
pub(super) fn sts(
    chain: &Chain<'_>,
    signer: &Signer,
    region: Option<&str>,
) -> Result<(aws_sdk_sts::Client, String), Refused> {
    let region = region.unwrap_or(&chain.resolved.configuration.region.value);
    let endpoint = chain.resolved.credentials.service("sts", "STS", region);
    let (config, host) = chain.client(endpoint, region, signer)?;
    Ok((aws_sdk_sts::Client::new(&config), host))
}

fn session_name(chain: &Chain<'_>, configured: Option<&str>) -> String {
    configured.map_or_else(
        || format!("bedrock-doctor-{}", chain.now().as_millisecond()),
        str::to_owned,
    )
}

fn delivered(
    found: Option<&aws_sdk_sts::types::Credentials>,
    profile: &str,
    role_arns: Vec<String>,
    reason: String,
) -> Outcome {
    let Some(found) = found else {
        return Err(Refused::new("assume-role-refused", "STS returned no credentials").stopping());
    };
    Ok(Delivered {
        expires_at: Timestamp::from_second(found.expiration().secs()).ok(),
        renewable: true,
        profile: (!profile.is_empty()).then(|| profile.to_owned()),
        role_arns,
        ..Delivered::new(
            keys(
                found.access_key_id(),
                found.secret_access_key(),
                Some(found.session_token()),
            ),
            reason,
        )
    })
}
