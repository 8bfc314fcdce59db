//! `--refresh`: tokens are renewed as the AWS SDK for JavaScript renews them, and only when somebody said so.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bedrock_doctor_world::{Machine, Request, Rule, TokenSpec, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::harness::{Checkup, DOCTOR, assert_fix, bare, checkup, checkup_with, machine};

/// Where the token of the session `acme` is cached.
const SSO: &str = "~/.aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json";

/// Where the sign-in of `arn:aws:iam::123456789012:user/me` is cached.
const LOGIN: &str =
    "~/.aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json";

/// The time from now that a text of `tests/data/renewal` does not have, as the AWS CLI writes it.
fn from_now(seconds: i64) -> String {
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    let at = now + SignedDuration::from_secs(seconds);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is cached before, expiring so many seconds from now.
fn before(name: &str, expires_in: i64) -> String {
    data(&format!("{name}-before.json")).replace("2026-01-01T00:00:00Z", &from_now(expires_in))
}

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/renewal");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A machine whose profile `dev` uses the session `acme`, with the token of `tests/data/renewal`.
fn with_session(world: &World, expires_in: i64) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = us-east-1\n\
             [profile role]\nrole_arn = arn:aws:iam::123456789012:role/R\nsource_profile = dev\n",
        )
        .file(SSO, &before("sso", expires_in));
    machine
}

/// A machine whose profile `dev` is signed in with `aws login`, with the token of `tests/data/renewal`.
fn with_login(world: &World, expires_in: i64) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nlogin_session = arn:aws:iam::123456789012:user/me\n",
        )
        .file(LOGIN, &before("login", expires_in));
    machine
}

fn path(machine: &Machine, name: &str) -> PathBuf {
    machine.home().join(name.trim_start_matches("~/"))
}

fn read(machine: &Machine, name: &str) -> String {
    fs::read_to_string(path(machine, name)).unwrap()
}

/// The names in a cache's folder: nothing may be left beside the file.
fn names_beside(machine: &Machine, name: &str) -> usize {
    let path = path(machine, name);
    fs::read_dir(path.parent().unwrap()).unwrap().count()
}

/// Asserts that the file is what the SDK writes, but for when the token expires and what AWS called the new ones.
#[track_caller]
fn assert_as_the_sdk(text: &str, golden: &str, expires_at: &str, lasts: i64, new: &[(&str, &str)]) {
    let at: Timestamp = expires_at.parse().unwrap();
    let left = at.duration_since(Timestamp::try_from(SystemTime::now()).unwrap());
    assert!(
        (lasts - 60..=lasts).contains(&left.as_secs()),
        "{expires_at}"
    );
    assert_eq!(expires_at.len(), "2026-11-23T20:00:00.007Z".len());
    let mut want = data(golden);
    for (theirs, ours) in new {
        assert!(want.contains(theirs), "{theirs}");
        want = want.replace(theirs, ours);
    }
    let theirs = if golden.starts_with("sso") {
        "2026-11-23T20:00:00.007Z"
    } else {
        "2026-11-23T12:15:00.007Z"
    };
    assert_eq!(text, want.replace(theirs, expires_at));
}

fn kind(told: &Checkup) -> &Value {
    &told.report["facts"]["credentials"]["value"]["kind"]
}

fn of<'r>(requests: &'r [Request], operation: &str) -> Vec<&'r Request> {
    let wanted = requests.iter().filter(|it| it.operation == operation);
    wanted.collect()
}

#[test]
fn an_expired_token_is_renewed_as_the_sdk_does() {
    let world = World::healthy();
    let machine = with_session(&world, -7_200);
    let told = checkup_with(&machine, &["--refresh"]);
    told.healthy();
    assert_eq!(kind(&told), "sso");
    told.finding("sso-token-fresh", "pass");
    let requests = world.requests();
    let renewals = of(&requests, "sso-oidc:CreateToken");
    assert_eq!(renewals.len(), 1);
    assert_eq!(renewals[0].host, "oidc.us-east-1.amazonaws.com");
    assert_eq!(
        serde_json::from_str::<Value>(&renewals[0].body).unwrap(),
        serde_json::json!({"clientId": "client-id", "clientSecret": "client-secret",
            "grantType": "refresh_token", "refreshToken": "old-refresh-token"})
    );
    let text = read(&machine, SSO);
    let file: Value = serde_json::from_str(&text).unwrap();
    let token = file["accessToken"].as_str().unwrap();
    let portal = of(&requests, "sso:GetRoleCredentials");
    assert_eq!(portal[0].headers["x-amz-sso_bearer_token"], token);
    assert_as_the_sdk(
        &text,
        "sso-after.json",
        file["expiresAt"].as_str().unwrap(),
        28_800,
        &[
            ("newaccess", token),
            ("new-refresh-token", file["refreshToken"].as_str().unwrap()),
        ],
    );
    assert_eq!(names_beside(&machine, SSO), 1);
    // The refresh token was kept: the next renewal works, too.
    let text = text.replace(file["expiresAt"].as_str().unwrap(), "2026-01-01T00:00:00Z");
    fs::write(path(&machine, SSO), text).unwrap();
    checkup_with(&machine, &["--refresh"]).healthy();
}

#[test]
fn without_the_flag_it_is_predicted_and_nothing_changes() {
    let world = World::healthy();
    let machine = with_session(&world, -7_200);
    let text = read(&machine, SSO);
    let told = checkup(&machine);
    assert_eq!(told.run.code, 3);
    let credentials = &told.report["facts"]["credentials"]["value"];
    assert_eq!(credentials["kind"], "sso");
    assert_eq!(credentials["profile"], "dev");
    assert_eq!(credentials["renewable"], true);
    assert!(credentials["access_key_id"].is_null() && credentials["error"].is_null());
    let last = credentials["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["outcome"], "not-tried");
    let reason = last["reason"].as_str().unwrap();
    assert!(
        reason.contains("expired 2 h ago")
            && reason.ends_with("; Claude Code will renew it by itself"),
        "{reason}"
    );
    assert_fix(
        told.finding("sso-token-fresh", "warn"),
        "bedrock-doctor check --refresh",
    );
    assert_eq!(read(&machine, SSO), text);
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_role_that_starts_from_an_expired_token() {
    let world = World::healthy();
    let mut machine = with_session(&world, -60);
    machine.env("AWS_PROFILE", "role");
    let told = checkup(&machine);
    assert_eq!((told.run.code, kind(&told)), (3, &"assume-role".into()));
    assert_eq!(world.operations(), [""; 0]);
    let told = checkup_with(&machine, &["--refresh"]);
    told.healthy();
    assert_eq!(kind(&told), "assume-role");
    assert_eq!(
        world.operations()[..3],
        [
            "sso-oidc:CreateToken",
            "sso:GetRoleCredentials",
            "sts:AssumeRole"
        ]
    );
}

#[test]
fn a_token_with_three_minutes_left_is_renewed_already() {
    let world = World::healthy();
    let machine = with_session(&world, 180);
    let text = read(&machine, SSO);
    checkup_with(&machine, &["--refresh"]).healthy();
    assert_eq!(of(&world.requests(), "sso-oidc:CreateToken").len(), 1);
    assert_ne!(read(&machine, SSO), text);
}

#[test]
fn a_token_with_time_left_is_left_alone() {
    let world = World::healthy();
    let machine = with_session(&world, 3_600);
    let text = read(&machine, SSO);
    checkup_with(&machine, &["--refresh"]).healthy();
    assert!(of(&world.requests(), "sso-oidc:CreateToken").is_empty());
    assert_eq!(read(&machine, SSO), text);
}

#[test]
fn a_renewal_that_fails_while_time_is_left_keeps_the_token() {
    let world = World::healthy();
    world.rule(Rule::new("oidc", "/token").aws_error(400, "InvalidGrantException", "No"));
    let machine = with_session(&world, 180);
    let text = read(&machine, SSO);
    let told = checkup_with(&machine, &["--refresh"]);
    assert_eq!(kind(&told), "sso");
    let portal = of(&world.requests(), "sso:GetRoleCredentials")[0].clone();
    assert_eq!(portal.headers["x-amz-sso_bearer_token"], "old-access-token");
    assert_eq!(read(&machine, SSO), text);
}

#[test]
fn a_refused_renewal_is_the_cause() {
    // As recorded: without the header that names the error.
    let plain = Rule::new("oidc", "/token").respond(
        400,
        &[("content-type", "application/json")],
        r#"{"error": "invalid_grant", "error_description": "Invalid refresh token provided"}"#,
    );
    let named = Rule::new("oidc", "/token").aws_error(
        400,
        "InvalidGrantException",
        "Invalid refresh token provided",
    );
    for rule in [plain, named] {
        let world = World::healthy();
        world.rule(rule);
        let machine = with_session(&world, -60);
        let text = read(&machine, SSO);
        let told = checkup_with(&machine, &["--refresh"]);
        let root = told.one_root(1, "sso-token-fresh", "sso-refresh-token-rejected");
        let what = root["what"].as_str().unwrap();
        assert!(what.contains("Invalid refresh token provided"), "{what}");
        assert_fix(root, "aws sso login --profile dev");
        let credentials = &told.report["facts"]["credentials"]["value"];
        assert_eq!(
            credentials["error"],
            "Token is expired. To refresh this SSO session run 'aws sso login' with the corresponding profile."
        );
        assert_eq!(credentials["kind"], "none");
        assert_eq!(read(&machine, SSO), text);
        assert_eq!(world.operations(), ["sso-oidc:CreateToken"]);
    }
}

#[test]
fn a_service_that_is_not_reached_refuses_nothing() {
    let world = World::healthy();
    world.rule(Rule::new("oidc", "/token").reset());
    let machine = with_session(&world, -60);
    let told = checkup_with(&machine, &["--refresh"]);
    for check in ["sso-role-assigned", "sso-token-fresh"] {
        let finding = told.finding(check, "blocked");
        assert_eq!(finding["blocked_by"], "endpoints-reachable");
        // It was done, and did not help.
        assert!(!finding.to_string().contains("--refresh"), "{finding}");
    }
}

/// Makes a cache file a link to one that nothing can be made beside: any longer name is too long.
#[cfg(unix)]
fn with_no_room_beside(mut machine: Machine, name: &str) -> Machine {
    let target = format!("~/shared/{}.json", "a".repeat(250));
    let text = read(&machine, name);
    fs::remove_file(path(&machine, name)).unwrap();
    machine.file(&target, &text).link(name, &target);
    machine
}

#[test]
#[cfg(unix)]
fn a_token_that_could_not_be_kept_is_not_renewed() {
    let of_session: fn(&World, i64) -> Machine = with_session;
    for (make, name, command) in [
        (of_session, SSO, "aws sso login --profile dev"),
        (with_login, LOGIN, "aws login --profile dev"),
    ] {
        for (expires_in, code) in [(-60, 3), (200, 0)] {
            let world = World::healthy();
            let machine = with_no_room_beside(make(&world, expires_in), name);
            let text = read(&machine, name);
            let told = checkup_with(&machine, &["--refresh"]);
            assert_eq!(told.run.code, code, "{}", told.open());
            let steps = &told.report["facts"]["credentials"]["value"]["steps"];
            let reason = steps.as_array().unwrap().last().unwrap()["reason"].as_str();
            let reason = reason.unwrap();
            assert!(reason.contains("; not renewed: `~/.aws/"), "{reason}");
            assert!(reason.contains(".json` cannot be written: "), "{reason}");
            assert_eq!(read(&machine, name), text);
            let operations = world.operations();
            assert!(
                !operations.iter().any(|it| it.contains("Token")),
                "{operations:?}"
            );
            if expires_in < 0 {
                let finding = told.finding("credential-source-found", "cannot-tell");
                assert_fix(finding, command);
                assert!(!finding.to_string().contains("--refresh"), "{finding}");
            }
        }
    }
}

#[test]
fn a_renewal_that_the_run_could_not_wait_for_is_not_begun() {
    let world = World::healthy();
    let told = checkup_with(&with_session(&world, -60), &["--refresh", "--timeout", "5"]);
    assert_eq!(told.run.code, 3);
    assert_eq!(world.operations(), [""; 0]);
    let finding = told.finding("sso-token-fresh", "cannot-tell");
    let what = finding["what"].as_str().unwrap();
    assert!(
        what.ends_with("less is left of the run (--timeout)"),
        "{what}"
    );
}

#[test]
fn a_slow_renewal_is_waited_for() {
    for (make, host) in [
        (with_session as fn(&World, i64) -> Machine, "oidc"),
        (with_login, "eu-west-1.signin"),
    ] {
        let world = World::healthy();
        world.rule(Rule::new(host, "").delay(Duration::from_secs(7)));
        checkup_with(&make(&world, -60), &["--refresh"]).healthy();
    }
}

#[test]
fn a_sign_in_from_meanwhile_is_left_as_it_is() {
    for (make, name, host) in [
        (with_session as fn(&World, i64) -> Machine, SSO, "oidc"),
        (with_login, LOGIN, "eu-west-1.signin"),
    ] {
        let world = World::healthy();
        world.rule(Rule::new(host, "").delay(Duration::from_secs(2)));
        let machine = make(&world, -60);
        let theirs = read(&machine, name).replace("refresh-token", "newer-token");
        let told = std::thread::scope(|scope| {
            scope.spawn(|| {
                while world.operations().is_empty() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                fs::write(path(&machine, name), &theirs).unwrap();
            });
            checkup_with(&machine, &["--refresh"])
        });
        assert_eq!(read(&machine, name), theirs);
        assert_eq!(names_beside(&machine, name), 1);
        let report = told.report.to_string();
        assert!(
            report.contains("was renewed, and `~/.aws/"),
            "{}",
            told.open()
        );
        assert!(
            report.contains(".json` was changed meanwhile"),
            "{}",
            told.open()
        );
        if name == SSO {
            // The SDK goes on with what it has, unlike for `aws login`.
            assert_eq!(kind(&told), "sso");
            told.finding("credentials-not-expired", "warn");
        }
    }
}

#[test]
fn a_role_tells_that_the_token_below_it_was_not_saved() {
    let world = World::healthy();
    world.rule(Rule::new("oidc", "").delay(Duration::from_secs(1)));
    let mut machine = with_session(&world, -60);
    machine.env("AWS_PROFILE", "role");
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            while world.operations().is_empty() {
                std::thread::sleep(Duration::from_millis(20));
            }
            fs::write(path(&machine, SSO), "{}").unwrap();
        });
        checkup_with(&machine, &["--refresh"])
    });
    let warning = told.finding("credentials-not-expired", "warn");
    assert_eq!(warning["code"], "renewed-token-not-saved");
}

#[test]
fn the_renewal_that_is_advised_has_the_flags_of_this_run() {
    let world = World::healthy();
    let mut machine = with_session(&world, -60);
    machine.env_remove("AWS_PROFILE");
    let told = checkup_with(&machine, &["--profile", "dev"]);
    let command = "bedrock-doctor check --refresh --profile dev";
    for (check, status) in [
        ("sso-token-fresh", "warn"),
        ("credential-source-found", "cannot-tell"),
    ] {
        assert_fix(told.finding(check, status), command);
    }
    let told = checkup_with(&machine, &["--env", "AWS_PROFILE=dev"]);
    let finding = told.finding("sso-token-fresh", "warn").to_string();
    assert!(
        finding.contains("with the same flags and `--refresh`"),
        "{finding}"
    );
    assert!(!finding.contains("bedrock-doctor check"), "{finding}");
}

#[test]
#[cfg(unix)]
fn a_cache_that_cannot_be_written_is_no_obstacle_and_keeps_the_old_token() {
    let world = World::healthy();
    let machine = with_session(&world, -60);
    let text = read(&machine, SSO);
    // No file can grow; what is printed goes through a pipe.
    let script = format!(
        "trap '' XFSZ; (ulimit -f 0; {DOCTOR} check --refresh --format json --show-identifiers; echo $? >&3) 3>&2 | cat"
    );
    let run = machine.run("/bin/sh", &["-c", &script]);
    let told = Checkup {
        report: run.json(),
        run,
    };
    assert_eq!(kind(&told), "sso");
    let warning = told.finding("credentials-not-expired", "warn");
    assert_eq!(warning["code"], "renewed-token-not-saved");
    assert_eq!(of(&world.requests(), "sso:GetRoleCredentials").len(), 1);
    assert_eq!(read(&machine, SSO), text);
    assert_eq!(names_beside(&machine, SSO), 1);
}

#[test]
#[cfg(unix)]
fn a_link_is_followed_and_the_mode_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::healthy();
    let mut machine = with_session(&world, -60);
    machine.file("~/shared/token.json", &before("sso", -60));
    fs::remove_file(path(&machine, SSO)).unwrap();
    machine.link(SSO, "~/shared/token.json");
    let target = path(&machine, "~/shared/token.json");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    let text = fs::read_to_string(&target).unwrap();
    checkup_with(&machine, &["--refresh"]).healthy();
    assert!(
        fs::symlink_metadata(path(&machine, SSO))
            .unwrap()
            .is_symlink()
    );
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_ne!(fs::read_to_string(&target).unwrap(), text);
}

/// As root only: nobody else can show it.
#[test]
#[cfg(target_os = "linux")]
fn a_file_of_somebody_else_stays_theirs_and_is_written_in_place() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let world = World::healthy();
    let machine = with_session(&world, -60);
    let (file, setpriv) = (path(&machine, SSO), Path::new("/usr/bin/setpriv"));
    if std::os::unix::fs::chown(&file, Some(65_533), None).is_err() || !setpriv.exists() {
        return;
    }
    let open = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    };
    let text = read(&machine, SSO);
    let doctor = machine.home().join("doctor");
    fs::copy(DOCTOR, &doctor).unwrap();
    let folders = file
        .ancestors()
        .take_while(|it| *it != std::env::temp_dir());
    folders.for_each(open);
    let ca = machine.variables()["NODE_EXTRA_CA_CERTS"].clone();
    open(Path::new(&ca).parent().unwrap());
    let before = fs::metadata(&file).unwrap();
    let of = |it: &fs::Metadata| (it.ino(), it.uid(), it.mode());
    let doctor = doctor.to_str().unwrap();
    let args = ["--reuid=65534", "--regid=65534", "--clear-groups", doctor];
    let run = machine.run(setpriv, &[&args[..], &["check", "--refresh"]].concat());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_ne!(read(&machine, SSO), text);
    assert_eq!(of(&fs::metadata(&file).unwrap()), of(&before));
    assert_eq!(names_beside(&machine, SSO), 1);
    // Root keeps the owner in its own way.
    machine_expires(&machine, SSO);
    checkup_with(&machine, &["--refresh"]).healthy();
    let after = fs::metadata(&file).unwrap();
    assert_eq!((after.uid(), after.mode()), (before.uid(), before.mode()));
    assert_ne!(after.ino(), before.ino());
}

#[test]
fn an_expired_sign_in_is_renewed_as_the_sdk_does() {
    let world = World::healthy();
    let machine = with_login(&world, -60);
    let told = checkup_with(&machine, &["--refresh"]);
    told.healthy();
    assert_eq!(kind(&told), "login");
    let requests = world.requests();
    let renewals = of(&requests, "signin:CreateOAuth2Token");
    assert_eq!(renewals.len(), 1);
    assert_eq!(renewals[0].host, "eu-west-1.signin.aws.amazon.com");
    assert_eq!(
        renewals[0].body,
        r#"{"clientId":"arn:aws:signin:::devtools/same-device","grantType":"refresh_token","refreshToken":"old-login-refresh-token"}"#
    );
    let text = read(&machine, LOGIN);
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_as_the_sdk(
        &text,
        "login-after.json",
        file["accessToken"]["expiresAt"].as_str().unwrap(),
        900,
        &[(
            "new-login-refresh-token",
            file["refreshToken"].as_str().unwrap(),
        )],
    );
    assert_eq!(names_beside(&machine, LOGIN), 1);
}

#[test]
fn a_sign_in_without_the_flag_is_predicted() {
    let world = World::healthy();
    let machine = with_login(&world, -60);
    let text = read(&machine, LOGIN);
    let told = checkup(&machine);
    assert_eq!((told.run.code, kind(&told)), (3, &"login".into()));
    assert_eq!(read(&machine, LOGIN), text);
    assert_eq!(world.operations(), [""; 0]);
}

#[test]
fn a_refused_sign_in_ends_in_the_words_of_the_sdk() {
    for (error, words) in [
        (
            "TOKEN_EXPIRED",
            "Your session has expired. Please reauthenticate.",
        ),
        (
            "USER_CREDENTIALS_CHANGED",
            "Unable to refresh credentials because of a change in your password. Please reauthenticate with your new password.",
        ),
        (
            "INSUFFICIENT_PERMISSIONS",
            "Unable to refresh credentials due to insufficient permissions. You may be missing permission for the 'CreateOAuth2Token' action.",
        ),
        (
            "AUTHCODE_EXPIRED",
            "Failed to refresh token: AccessDeniedException: m. Please re-authenticate using `aws login`",
        ),
    ] {
        // Time that is left does not help: this refusal ends the chain.
        for expires_in in [-60, 100] {
            let world = World::healthy();
            world.rule(Rule::new("eu-west-1.signin", "").respond(
                403,
                &[
                    ("content-type", "application/json"),
                    ("x-amzn-errortype", "AccessDeniedException"),
                ],
                format!(r#"{{"error": "{error}", "message": "m"}}"#),
            ));
            let machine = with_login(&world, expires_in);
            let told = checkup_with(&machine, &["--refresh"]);
            let credentials = &told.report["facts"]["credentials"]["value"];
            assert_eq!(credentials["error"], words);
            let code = match error {
                "INSUFFICIENT_PERMISSIONS" => "login-renewal-denied",
                _ => "login-session-expired",
            };
            let root = told.one_root(1, "credential-source-found", code);
            assert_fix(root, "aws login --profile dev");
        }
    }
}

#[test]
fn a_sign_in_that_cannot_be_renewed_lasts_until_it_expires() {
    for (expires_in, kind_then) in [(100, "login"), (-60, "none")] {
        let world = World::healthy();
        world.rule(Rule::new("eu-west-1.signin", "").aws_error(
            500,
            "InternalServerException",
            "boom",
        ));
        let machine = with_login(&world, expires_in);
        let told = checkup_with(&machine, &["--refresh"]);
        assert_eq!(kind(&told), kind_then, "{}", told.open());
    }
}

#[test]
fn a_sign_in_service_that_is_not_reached_refuses_nothing() {
    let world = World::healthy();
    world.rule(Rule::new("eu-west-1.signin", "").reset());
    let told = checkup_with(&with_login(&world, -60), &["--refresh"]);
    let finding = told.finding("credential-source-found", "blocked");
    assert_eq!(finding["blocked_by"], "endpoints-reachable");
}

#[test]
fn a_sign_in_whose_expiry_is_no_date_is_used_as_it_is() {
    let world = World::healthy();
    let mut machine = with_login(&world, -60);
    let text = data("login-before.json").replace("2026-01-01T00:00:00Z", "yesterday");
    machine.file(LOGIN, &text);
    let told = checkup_with(&machine, &["--refresh"]);
    assert_eq!(kind(&told), "login");
    assert!(of(&world.requests(), "signin:CreateOAuth2Token").is_empty());
}

/// A machine whose settings name `awsAuthRefresh`, a program that notes that it ran and then does this.
fn with_auth_refresh(mut machine: Machine, script: &str) -> Machine {
    machine
        .executable(
            "~/refresh.sh",
            &format!("#!/bin/sh\necho ran >> @HOME@/ran\n{script}\n"),
        )
        .file(
            "~/.claude/settings.json",
            "{\"awsAuthRefresh\": \"@HOME@/refresh.sh\"}",
        );
    machine
}

/// How often the program of `awsAuthRefresh` ran.
fn ran(machine: &Machine) -> usize {
    fs::read_to_string(machine.home().join("ran")).map_or(0, |text| text.lines().count())
}

#[test]
fn aws_auth_refresh_runs_once_when_there_are_no_credentials() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "late");
    let script = "printf '[late]\\naws_access_key_id = AKIALATE000000000001\\naws_secret_access_key = late-secret-0001\\n' > @HOME@/.aws/credentials";
    machine.file("~/.aws/config", "[profile late]\nregion = us-east-1\n");
    let machine = with_auth_refresh(machine, script);
    let told = checkup(&machine);
    assert_eq!((told.run.code, ran(&machine)), (1, 0));
    let told = checkup_with(&machine, &["--refresh"]);
    told.healthy();
    assert_eq!(ran(&machine), 1);
    let credentials = &told.report["facts"]["credentials"]["value"];
    assert_eq!(credentials["access_key_id"], "AKIALATE000000000001");
    assert_eq!(
        credentials["auth_refresh"]["because"],
        "Could not load credentials from any providers"
    );
    // Now they are good: it is not run again.
    checkup_with(&machine, &["--refresh"]).healthy();
    assert_eq!(ran(&machine), 1);
}

#[test]
fn aws_auth_refresh_runs_when_sts_refuses() {
    let world = World::healthy();
    world.rule(
        Rule::new("sts", "")
            .aws_error(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            )
            .times(1),
    );
    let machine = with_auth_refresh(machine(&world), "");
    let told = checkup_with(&machine, &["--refresh"]);
    told.healthy();
    assert_eq!(ran(&machine), 1);
    assert_eq!(world.operations()[0], "sts:GetCallerIdentity");
}

#[test]
fn aws_auth_refresh_comes_before_the_export_and_looks_at_the_chain_alone() {
    let world = World::healthy();
    world.rule(
        Rule::new("sts", "")
            .signed_by("AKIAENVIRONMENT00001")
            .aws_error(403, "ExpiredToken", "expired"),
    );
    let mut machine = machine(&world);
    let export = "#!/bin/sh\necho exported >> @HOME@/ran\necho '{\"Credentials\": {\"AccessKeyId\": \"ASIAEXPORT0000000001\", \"SecretAccessKey\": \"export-secret-01\", \"SessionToken\": \"export-token-01\"}}'\n";
    machine
        .executable("~/refresh.sh", "#!/bin/sh\necho refreshed >> @HOME@/ran\n")
        .executable("~/export.sh", export)
        .file(
            "~/.claude/settings.json",
            "{\"awsAuthRefresh\": \"@HOME@/refresh.sh\", \"awsCredentialExport\": \"@HOME@/export.sh\"}",
        );
    let told = checkup_with(&machine, &["--refresh"]);
    assert_eq!(kind(&told), "export");
    assert_eq!(read(&machine, "~/ran"), "refreshed\nexported\n");
}

#[test]
fn aws_auth_refresh_that_fails_is_reported_with_its_last_words() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_PROFILE", "late");
    machine.file("~/.aws/config", "[profile late]\nregion = us-east-1\n");
    let machine = with_auth_refresh(machine, "echo first >&2; echo no browser >&2; exit 4");
    let told = checkup_with(&machine, &["--refresh"]);
    let finding = told.finding("credential-helper-works", "warn");
    assert_eq!(finding["code"], "auth-refresh-fails");
    let what = finding["what"].as_str().unwrap();
    assert!(
        what.contains("exit code 4; its last words: no browser"),
        "{what}"
    );
    assert_eq!(ran(&machine), 1);
}

#[test]
fn aws_auth_refresh_has_a_time_of_its_own_and_its_words_are_shown() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "late")
        .env("MY_PASSWORD", "secret-of-mine-0001")
        .file("~/.aws/config", "[profile late]\nregion = us-east-1\n");
    let script = "echo 'Open https://device.sso.us-east-1.amazonaws.com/?user_code=ABCD-EFGH'\n\
        echo \"it is $MY_PASSWORD\" >&2\nsleep 5\n\
        printf '[late]\\naws_access_key_id = AKIALATE000000000001\\naws_secret_access_key = late-secret-0001\\n' > @HOME@/.aws/credentials";
    let machine = with_auth_refresh(machine, script);
    let told = checkup_with(&machine, &["--refresh", "--timeout", "4"]);
    told.healthy();
    let lines: Vec<&str> = told.run.stderr.lines().collect();
    assert!(
        lines[0].starts_with("--refresh: awsAuthRefresh (`"),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("runs now, for at most 3 min"),
        "{lines:?}"
    );
    let mut words = lines[1..].to_vec();
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "Open https://device.sso.us-east-1.amazonaws.com/?user_code=ABCD-EFGH",
            "it is [removed]"
        ]
    );
    // What the AWS CLI would use was looked up again, too.
    let theirs = &told.report["facts"]["aws_cli"];
    assert_eq!(*theirs, checkup(&machine).report["facts"]["aws_cli"]);
    assert!(
        theirs.to_string().contains("AKIALATE000000000001"),
        "{theirs}"
    );
    fs::remove_file(path(&machine, "~/.aws/credentials")).unwrap();
    let told = checkup_with(&machine, &["--refresh", "--timeout", "4", "--quiet"]);
    told.healthy();
    assert_eq!(told.run.stderr, "");
}

#[test]
fn nothing_is_asked_for_twice_where_aws_auth_refresh_is_not_needed() {
    let world = World::healthy();
    let machine = with_auth_refresh(with_session(&world, -60), "");
    checkup_with(&machine, &["--refresh"]).healthy();
    let requests = world.requests();
    for operation in ["sso-oidc:CreateToken", "sso:GetRoleCredentials"] {
        assert_eq!(of(&requests, operation).len(), 1, "{operation}");
    }
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "helper")
        .file("~/.aws/config", "[profile helper]\ncredential_process = @HOME@/helper.sh\n")
        .executable("~/helper.sh", "#!/bin/sh\necho helped >> @HOME@/helped\necho '{\"Version\": 1, \"AccessKeyId\": \"AKIAHELPER0000000001\", \"SecretAccessKey\": \"helper-secret-01\"}'\n");
    let machine = with_auth_refresh(machine, "");
    checkup_with(&machine, &["--refresh"]).healthy();
    assert_eq!(read(&machine, "~/helped"), "helped\n");
    assert_eq!(ran(&machine), 0);
}

#[test]
fn aws_auth_refresh_is_named_where_it_gets_a_new_sign_in() {
    let world = World::healthy();
    let mut machine = bare(&world);
    let url = "https://acme.awsapps.com/start";
    machine
        .env("AWS_PROFILE", "dev")
        .env("COLUMNS", "120")
        .file(
            "~/.aws/config",
            &format!("[profile dev]\nsso_start_url = {url}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n"),
        )
        .sso_token(url, &TokenSpec::default());
    let machine = with_auth_refresh(machine, "");
    // The line breaks where the times before it end.
    let told = |table: &str| {
        let words: Vec<&str> = table.split_whitespace().collect();
        words.join(" ").contains("`awsAuthRefresh` gets a new one")
    };
    let table = machine.run(DOCTOR, &["resolve"]).stdout;
    assert!(told(&table), "{table}");
    let json = machine.run(DOCTOR, &["resolve", "--format", "json"]).json();
    let breaks = &json["forecast"]["breaks"];
    assert_eq!(breaks["layer"], "sso-token", "{json}");
    assert_eq!(breaks["renewed_by"], "auth-refresh");
    let table = machine.run(DOCTOR, &["check"]).stdout;
    assert!(told(&table), "{table}");
}

#[test]
fn aws_auth_refresh_has_no_say_over_api_keys() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_BEARER_TOKEN_BEDROCK", "ABSKsomething");
    let machine = with_auth_refresh(machine, "");
    checkup_with(&machine, &["--refresh"]).healthy();
    assert_eq!(ran(&machine), 0);
}

/// Runs a table checkup on a terminal and answers its question; returns what the terminal showed and the exit code.
#[cfg(unix)]
fn on_a_terminal(machine: &Machine, answer: &str) -> (String, i32) {
    const SCRIPT: &str = r"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], 'check', '--color', 'never'])
shown = b''
answered = False
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    shown += more
    if not answered and b'[y/N] ' in shown:
        answered = True
        os.write(terminal, sys.argv[2].encode() + b'\n')
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(shown.decode('utf-8', 'replace'))
sys.exit(code)
";
    let run = machine.run("/usr/bin/env", &["python3", "-c", SCRIPT, DOCTOR, answer]);
    (run.stdout, run.code)
}

#[test]
#[cfg(unix)]
fn on_a_terminal_it_asks() {
    for (answer, code, renewals) in [("n", 3, 0), ("", 3, 0), ("y", 0, 1), ("YES", 0, 1)] {
        let world = World::healthy();
        let mut machine = with_session(&world, -60);
        machine.env("PATH", &std::env::var("PATH").unwrap());
        let text = read(&machine, SSO);
        let (shown, exit) = on_a_terminal(&machine, answer);
        assert_eq!(shown.matches("Renew it now?").count(), 1, "{shown}");
        assert_eq!(exit, code, "{shown}");
        let renewed = of(&world.requests(), "sso-oidc:CreateToken").len();
        assert_eq!(renewed, renewals, "{shown}");
        assert_eq!(read(&machine, SSO) == text, renewals == 0);
    }
}

#[test]
#[cfg(unix)]
fn a_yes_on_a_terminal_is_none_to_aws_auth_refresh() {
    let world = World::healthy();
    world.rule(Rule::new("oidc", "/token").aws_error(400, "InvalidGrantException", "No"));
    let mut machine = with_auth_refresh(with_session(&world, -60), "");
    machine.env("PATH", &std::env::var("PATH").unwrap());
    let (shown, _) = on_a_terminal(&machine, "y");
    assert_eq!(
        of(&world.requests(), "sso-oidc:CreateToken").len(),
        1,
        "{shown}"
    );
    assert_eq!(ran(&machine), 0);
    checkup_with(&machine, &["--refresh"]);
    assert_eq!(ran(&machine), 1);
}

#[test]
fn no_secret_of_a_renewal_is_ever_shown() {
    let world = World::healthy();
    let secrets = |text: &str| -> Vec<String> {
        let file: Value = serde_json::from_str(text).unwrap();
        let key = file["dpopKey"].as_str().unwrap_or_default();
        [
            &file["accessToken"],
            &file["accessToken"]["secretAccessKey"],
            &file["accessToken"]["sessionToken"],
            &file["refreshToken"],
            &file["clientSecret"],
            &file["idToken"],
        ]
        .into_iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .chain(key.lines().skip(1).take(2).map(str::to_owned))
        .collect()
    };
    for refused in [false, true] {
        for (machine, file) in [
            (with_session(&world, -60), SSO),
            (with_login(&world, -60), LOGIN),
        ] {
            let mut all = secrets(&read(&machine, file));
            if refused {
                // AWS repeats what it was sent.
                let words = all.join(" ");
                for host in ["oidc", "eu-west-1.signin"] {
                    world.rule(Rule::new(host, "").aws_error(400, "InvalidGrantException", &words));
                }
            }
            for format in ["json", "table", "markdown"] {
                let run = machine.run(
                    DOCTOR,
                    &[
                        "check",
                        "-v",
                        "--refresh",
                        "--show-identifiers",
                        "--format",
                        format,
                    ],
                );
                all.extend(secrets(&read(&machine, file)));
                for secret in &all {
                    assert!(!run.stdout.contains(secret.as_str()), "{format}: {secret}");
                    assert!(!run.stderr.contains(secret.as_str()), "{format}: {secret}");
                }
                machine_expires(&machine, file);
            }
        }
    }
}

/// Makes a token expire again.
fn machine_expires(machine: &Machine, file: &str) {
    let path = path(machine, file);
    let mut text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let at = Value::from("2026-01-01T00:00:00Z");
    if text["accessToken"].is_object() {
        text["accessToken"]["expiresAt"] = at;
    } else {
        text["expiresAt"] = at;
    }
    fs::write(path, text.to_string()).unwrap();
}
