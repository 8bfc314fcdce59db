//! `aws login`: short-lived keys in `~/.aws/login/cache`. They are read, never renewed behind the user's back.

use bedrock_doctor_checks::parse::login_token;
use bedrock_doctor_checks::text::{list, relative};

use super::{Chain, Delivered, Outcome, Refused, keys};
use crate::world::FileText;

/// The keys of a sign-in.
pub(super) fn session(chain: &Chain<'_>, profile: &str, session: &str) -> Outcome {
    let folder = chain
        .variable("AWS_LOGIN_CACHE_DIRECTORY")
        .unwrap_or("~/.aws/login/cache");
    let path = chain
        .world
        .expand(folder)
        .join(login_token::cache_file_name(session));
    let shown = chain.world.shown(&path);
    let missing = |why: String| Refused::new("login-missing", why).stopping();
    let text = match chain.world.read(&path) {
        FileText::Text(text) => text,
        FileText::Absent => {
            return Err(missing(format!(
                "profile `{profile}` is not signed in: there is no `{shown}`"
            )));
        }
        FileText::Unreadable(why) => {
            return Err(missing(format!("`{shown}` cannot be read: {why}")));
        }
    };
    let token = login_token::parse(&text)
        .map_err(|_| missing(format!("`{shown}` holds no usable sign-in")))?;
    let (Some(id), Some(secret), Some(session_token)) = (
        &token.access_key_id,
        &token.secret_access_key,
        &token.session_token,
    ) else {
        return Err(missing(format!("`{shown}` holds no usable sign-in")));
    };
    // The SDK refuses the whole file without the parts of a renewal, even while the keys are good.
    if !token.missing.is_empty() {
        return Err(missing(format!("`{shown}` lacks {}", list(&token.missing))));
    }
    let expires_at = token.expires_at.moment();
    let when = expires_at.map_or_else(
        || "at no readable date".to_owned(),
        |at| relative(at, chain.now()),
    );
    if expires_at.is_none_or(|at| at <= chain.now()) {
        let mut refused = Refused::new(
            "login-not-renewed",
            format!(
                "the sign-in of profile `{profile}` expired {when}; Claude Code would renew it, this checkup changes no file"
            ),
        );
        refused.not_tried = true;
        return Err(refused);
    }
    Ok(Delivered {
        expires_at,
        renewable: true,
        profile: Some(profile.to_owned()),
        ..Delivered::new(
            keys(id, secret.expose(), Some(session_token.expose())),
            format!("profile `{profile}` is signed in with aws login"),
        )
    })
}
