//! The token cache of IAM Identity Center. It is read, never changed here.

use bedrock_doctor_checks::claude_code::credential_plan::Sso;
use bedrock_doctor_checks::facts::{
    Credentials, FileProblem, SsoCache, SsoSession, SsoToken, Step,
};
use bedrock_doctor_checks::parse::Expiry;
use bedrock_doctor_checks::parse::sso_token::{self, TokenProblem};

use crate::world::{FileText, World};

/// More files than any real cache has.
const MOST_FILES: usize = 200;

/// Looks through the cache folder. What the chain learnt about the active token, when it was to renew it, is noted.
pub(super) fn observe(
    world: &World,
    active: Option<&Sso>,
    walked: Option<&Credentials>,
) -> SsoCache {
    let told = |causes: &[&str]| {
        let steps = walked.map_or(&[][..], |walked| &walked.steps);
        let is_told = |step: &&Step| step.cause.as_deref().is_some_and(|it| causes.contains(&it));
        steps.iter().find(is_told)?.failure.clone()
    };
    let refused = told(&["sso-refresh-rejected"]);
    let failed = told(&["sso-renewal-failed", "sso-not-renewed"]);
    let folder = world.expand("~/.aws/sso/cache");
    let active = active.map(|role| SsoSession {
        profile: role.profile.clone(),
        session: role.session.clone(),
        start_url: role.start_url.clone(),
        region: role.region.clone(),
        account_id: role.account_id.clone(),
        role_name: role.role_name.clone(),
        cache_file: role.cache_file(),
    });
    let mut names = match world.list(&folder) {
        Ok(names) => names,
        Err(why) => {
            let problem = format!("the folder cannot be listed: {why}");
            // Where no profile needs the cache, it does not matter.
            let problems = active.iter().map(|session| FileProblem {
                file: session.cache_file.clone(),
                problem: problem.clone(),
            });
            return SsoCache {
                path: world.shown(&folder),
                problems: problems.collect(),
                active,
                tokens: Vec::new(),
            };
        }
    };
    names.retain(|name| name.strip_suffix(".json").is_some());
    // The file that decides is looked at however many others there are.
    if let Some(session) = &active {
        names.sort_by_key(|name| *name != session.cache_file);
    }
    let mut cache = SsoCache {
        path: world.shown(&folder),
        active,
        tokens: Vec::new(),
        problems: Vec::new(),
    };
    for name in names.into_iter().take(MOST_FILES) {
        let text = match world.read(&folder.join(&name)) {
            FileText::Text(text) => text,
            FileText::Absent => continue,
            FileText::Unreadable(problem) => {
                cache.problems.push(FileProblem {
                    file: name,
                    problem,
                });
                continue;
            }
        };
        let active = cache.active.as_ref();
        let is_active = active.is_some_and(|session| session.cache_file == name);
        match sso_token::parse(&text) {
            Ok(token) => cache.tokens.push(SsoToken {
                renewal_refused: refused.clone().filter(|_| is_active),
                renewal_failed: failed.clone().filter(|_| is_active),
                file: name,
                expires_at: token.expires_at.moment(),
                renewable: token.can_try_renewal(),
                registration_expires_at: token
                    .registration_expires_at
                    .as_ref()
                    .and_then(Expiry::moment),
                start_url: token.start_url,
                region: token.region,
            }),
            // A client registration is no token and belongs here.
            Err(TokenProblem::ClientRegistration | TokenProblem::LoginToken) => {}
            Err(TokenProblem::NoAccessToken) => cache.problems.push(FileProblem {
                file: name,
                problem: "it holds no access token".to_owned(),
            }),
            Err(TokenProblem::Json(_)) => cache.problems.push(FileProblem {
                file: name,
                problem: "it is not valid JSON".to_owned(),
            }),
        }
    }
    cache
}
