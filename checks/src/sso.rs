//! IAM Identity Center: the session, its token, the role.

mod sso_profile_complete;
mod sso_role_assigned;
mod sso_token_fresh;
mod sso_token_present;

pub(crate) use self::sso_profile_complete::SsoProfileComplete;
pub(crate) use self::sso_role_assigned::SsoRoleAssigned;
pub(crate) use self::sso_token_fresh::SsoTokenFresh;
pub(crate) use self::sso_token_present::SsoTokenPresent;
use crate::credentials::renew;
use crate::facts::{Configuration, Observed, Request};
use crate::finding::{Finding, Status};

/// A token that is missing or has expired, where Claude Code has a command of its own for that: it runs the command first.
fn unless_refreshed(
    finding: Finding,
    configuration: &Observed<Configuration>,
    request: &Request,
) -> Finding {
    let command = configuration.known();
    let command = command.and_then(|configuration| configuration.aws_auth_refresh.as_ref());
    let Some(command) = command.filter(|_| finding.status == Status::Fail && !request.refresh)
    else {
        return finding;
    };
    let shown = &command.value.shown;
    let sign_in = finding.fix.clone();
    let finding = Finding {
        fix: Vec::new(),
        ..finding
    };
    let finding = finding.why(format!(
        "Claude Code first runs `awsAuthRefresh` (`{shown}`) and looks again; this checkup runs it with --refresh only"
    ));
    let mut finding = renew(finding, "to see whether that helps", request);
    finding.fix.extend(sign_in);
    finding
}
