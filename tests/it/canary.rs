//! No planted secret appears in any output; identifiers appear only where they were asked for.
//!
//! Longer than 400 lines: one subject, whose parts make sense together only.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bedrock_doctor_checks::parse::login_token;
use bedrock_doctor_world::{Machine, ProxyBehaviour, Rule, World};

use crate::harness::{DOCTOR, bare};

/// The arguments of the runs, each made with every format.
const RUNS: [&[&str]; 6] = [
    &[],
    &["-v"],
    &["--show-identifiers"],
    &["-v", "--show-identifiers", "--offline"],
    &["--offline"],
    &["-v", "--invoke", "--thorough"],
];

const FORMATS: [&str; 3] = ["table", "json", "markdown"];

/// The secrets of one machine by where they were planted. All differ, and begin with words that nothing else has.
#[derive(Default)]
struct Canaries(BTreeMap<&'static str, String>);

impl Canaries {
    /// A secret in words: only who knows it can find it.
    fn word(&mut self, place: &'static str) -> String {
        let secret = format!("vogel{:02}-kanarien-singt", self.0.len());
        self.0.insert(place, secret.clone());
        secret
    }

    /// A secret with the characters that are escaped in URLs and in JSON.
    fn awkward(&mut self, place: &'static str) -> String {
        let secret = format!("vogel{:02}/kanarien+=\\\"singt&", self.0.len());
        self.0.insert(place, secret.clone());
        secret
    }

    /// A secret that has the form of an AWS secret key.
    fn key(&mut self, place: &'static str) -> String {
        let secret = format!("wJalrXUtnKANARIEN/K7MDENG/bPxRf{:02}EXAMPLE", self.0.len());
        self.0.insert(place, secret.clone());
        secret
    }

    /// Asserts that no secret is in a text, in any form.
    #[track_caller]
    fn absent(&self, from: &str, text: &str) {
        for (place, secret) in &self.0 {
            for form in forms(secret) {
                let at = text.find(&form);
                if let Some(at) = at {
                    let start = text[..at]
                        .char_indices()
                        .rev()
                        .nth(200)
                        .map_or(0, |(at, _)| at);
                    panic!(
                        "{from}: the secret in {place} shows as `{form}`: …{}",
                        &text[start..at + form.len()]
                    );
                }
            }
        }
    }
}

/// A secret and what it looks like in other writing.
fn forms(secret: &str) -> Vec<String> {
    let percent: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let json = serde_json::to_string(secret).unwrap();
    let mut forms = vec![
        secret.to_owned(),
        percent,
        json.trim_matches('"').to_owned(),
    ];
    if secret.starts_with("vogel") {
        // Half of a secret is half too much.
        forms.push(secret[..14].to_owned());
    }
    // In base64 at any of the three offsets, without the characters that depend on what stands around it.
    for offset in 0..3 {
        let padded = format!("{}{secret}", "x".repeat(offset));
        for encoded in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let encoded = encoded.trim_end_matches('=');
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// Runs a machine in every way and hands each output to `look`, with words about where it is from.
fn outputs(machine: &Machine, mut look: impl FnMut(&str, &str, &[&str], &str)) {
    for format in FORMATS {
        for run in RUNS {
            let mut arguments = vec!["check", "--format", format];
            arguments.extend(run);
            let done = machine.run(DOCTOR, &arguments);
            assert!((0..=3).contains(&done.code), "{arguments:?}: {done:#?}");
            look("stdout", format, run, &done.stdout);
            look("stderr", format, run, &done.stderr);
        }
        let file = machine.cwd().join("report");
        let arguments = ["check", "-v", "--format", format, "--output", "report"];
        let done = machine.run(DOCTOR, &arguments);
        assert_eq!(done.stdout, "");
        look("stderr", format, &["--output"], &done.stderr);
        look(
            "file",
            format,
            &["--output"],
            &fs::read_to_string(&file).unwrap(),
        );
        fs::remove_file(file).unwrap();
    }
}

/// Asserts that no output of a machine holds one of its secrets.
#[track_caller]
fn check(machine: &Machine, canaries: &Canaries) {
    outputs(machine, |stream, format, run, text| {
        canaries.absent(&format!("{stream} of {format} {run:?}"), text);
    });
    for format in ["table", "json"] {
        for run in ["-v", "--show-identifiers", "--offline"] {
            let done = machine.run(DOCTOR, &["resolve", "--format", format, run]);
            assert_eq!(done.code, 0, "resolve {format} {run}: {done:#?}");
            canaries.absent(&format!("resolve {format} {run}"), &done.stdout);
            canaries.absent(&format!("resolve {format} {run}"), &done.stderr);
        }
    }
    for arguments in [
        &["policy", "--for-checkup"][..],
        &["policy", "--format", "terraform"],
        &["policy", "--offline"],
    ] {
        let done = machine.run(DOCTOR, arguments);
        canaries.absent(&format!("stdout of {arguments:?}"), &done.stdout);
        canaries.absent(&format!("stderr of {arguments:?}"), &done.stderr);
    }
}

/// Secrets that every machine has: in variables, settings and files that are not used, but read.
fn planted(world: &World) -> (Machine, Canaries) {
    let mut machine = bare(world);
    let mut canaries = Canaries::default();
    for name in [
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_KEY",
        "AWS_BEDROCK_API_KEY",
        "AWS_SECRET_ACESS_KEY",
        "GITHUB_TOKEN",
        "DB_PASSWORD",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ] {
        machine.env(name, &canaries.word(name));
    }
    let headers = format!(
        "X-Api-Key: {}\nAuthorization: Bearer {}",
        canaries.word("header"),
        canaries.word("header with scheme")
    );
    machine.env("ANTHROPIC_CUSTOM_HEADERS", &headers);
    let proxy = world.proxy_url().replace(
        "http://",
        &format!("http://claude:{}@", canaries.word("proxy password")),
    );
    machine.env("HTTPS_PROXY", &proxy);
    machine.env(
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        &format!(
            "https://me:{}@example.com/?token={}",
            canaries.word("endpoint userinfo"),
            canaries.word("endpoint query")
        ),
    );
    let settings = serde_json::json!({
        "apiKeyHelper": format!("echo {}", canaries.word("apiKeyHelper")),
        "awsAuthRefresh": format!("login --password {}", canaries.awkward("awsAuthRefresh")),
        "env": {
            "MY_SECRET": canaries.word("env block"),
            "AWS_SESION_TOKEN": canaries.word("misspelt in the env block"),
            "ANTHROPIC_AUTH_TOKEN": canaries.awkward("auth token in the env block"),
        },
    });
    machine.file("~/.claude/settings.json", &settings.to_string());
    let broken = format!(
        "{{\n  \"env\": {{\n    \"ANTHROPIC_AUTH_TOKEN\": \"{}\n  }}\n}}\n",
        canaries.word("broken settings")
    );
    machine.file(".claude/settings.json", &broken);
    let local = format!(
        "{{\"env\": [\"{}\"], \"apiKeyHelper\": {{\"{}\": 1}}, {} }}",
        canaries.word("wrong type"),
        canaries.word("wrong type, key"),
        canaries.word("bare word")
    );
    machine.file(".claude/settings.local.json", &local);
    let state = serde_json::json!({
        "primaryApiKey": canaries.word("state file"),
        "oauthAccount": {"accessToken": canaries.word("state file, account")},
        "env": {"AWS_SECRET_ACCESS_KEY_2": canaries.word("state file, env")},
    });
    machine.file("~/.claude.json", &state.to_string());
    let credentials =
        serde_json::json!({"claudeAiOauth": {"accessToken": canaries.word("Claude credentials")}});
    machine.file("~/.claude/.credentials.json", &credentials.to_string());
    machine.file(
        "~/.aws/sso/cache/0000000000000000000000000000000000000001.json",
        &format!(
            "{{\"accessToken\": \"{}",
            canaries.word("junk in the cache")
        ),
    );
    machine.file(
        "~/.aws/sso/cache/botocore-client-id-us-east-1.json",
        &serde_json::json!({"clientId": "client", "clientSecret": canaries.word("client registration"), "expiresAt": "2099-01-01T00:00:00Z"}).to_string(),
    );
    (machine, canaries)
}

/// A file with AWS profiles: the text given, and others with secrets of their own.
fn profiles(machine: &mut Machine, canaries: &mut Canaries, config: &str) {
    let other = format!(
        "{config}\n[profile other]\naws_access_key_id = AKIAOTHER00000000001\naws_secret_access_key = {}\naws_session_token = {}\n\
         [profile helper]\ncredential_process = /usr/bin/env TOKEN={} helper --password {}\n{}\n",
        canaries.awkward("config file, secret key"),
        canaries.word("config file, session token"),
        canaries.word("credential_process, variable"),
        canaries.word("credential_process, argument"),
        canaries.word("config file, junk line"),
    );
    machine.file("~/.aws/config", &other);
    machine.file(
        "~/.aws/credentials",
        &format!(
            "{}\n[other]\nAWS_SECRET_ACCESS_KEY = {}\n[{}]\n",
            canaries.word("credentials file, before the first section"),
            canaries.word("credentials file, upper case"),
            "x",
        ),
    );
}

#[test]
fn keys_in_the_environment() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    profiles(&mut machine, &mut canaries, "");
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", &canaries.awkward("secret key"))
        .env("AWS_SESSION_TOKEN", &canaries.word("session token"));
    check(&machine, &canaries);
}

/// The secret key and the id were swapped, as people do.
#[test]
fn swapped_keys() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    machine
        .env("AWS_ACCESS_KEY_ID", &canaries.key("access key id"))
        .env("AWS_SECRET_ACCESS_KEY", &canaries.word("secret key"));
    check(&machine, &canaries);
    machine.env(
        "AWS_ACCESS_KEY_ID",
        &canaries.word("access key id, in words"),
    );
    check(&machine, &canaries);
}

#[test]
fn an_api_key() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let url = format!(
        "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAAPIKEY0000000001%2F20261122%2Feu-west-1%2Fbedrock%2Faws4_request&X-Amz-Date=20261122T060000Z&X-Amz-Expires=43200&X-Amz-Security-Token={}&X-Amz-Signature={}&Version=1",
        canaries.word("API key, session token"),
        canaries.word("API key, signature"),
    );
    let key = format!("bedrock-api-key-{}", STANDARD.encode(url));
    canaries.0.insert("API key", key.clone());
    machine.env("AWS_BEARER_TOKEN_BEDROCK", &key);
    check(&machine, &canaries);
    let pasted = canaries.word("API key with a line end");
    machine.env("AWS_BEARER_TOKEN_BEDROCK", &format!(" \"ABSK{pasted}\n\""));
    check(&machine, &canaries);
}

#[test]
fn a_static_profile_and_an_assumed_role() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let config = format!(
        "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\nexternal_id = {}\n\
         [profile base]\naws_access_key_id = AKIABASE000000000001\naws_secret_access_key = {}\n",
        canaries.word("external id"),
        canaries.awkward("secret key of the source profile"),
    );
    profiles(&mut machine, &mut canaries, &config);
    canaries
        .0
        .insert("STS answer", "session-token-from-sts".to_owned());
    machine.env("AWS_PROFILE", "dev");
    check(&machine, &canaries);
    machine.env("AWS_PROFILE", "base");
    check(&machine, &canaries);
    // AWS refuses the role, and quotes what it was sent.
    let id = canaries.0["external id"].clone();
    world.rule(Rule::new("sts", "").body("Action=AssumeRole").aws_error(
        403,
        "AccessDenied",
        &format!("not authorized to perform sts:AssumeRole with externalId {id} SECRET={id}"),
    ));
    machine.env("AWS_PROFILE", "dev");
    check(&machine, &canaries);
}

#[test]
fn identity_center() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let config = "[profile dev]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
                  [sso-session my-sso]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n";
    profiles(&mut machine, &mut canaries, config);
    canaries
        .0
        .insert("portal answer", "session-token-from-sso".to_owned());
    machine.env("AWS_PROFILE", "dev");
    let token = canaries.word("access token");
    let mut body = serde_json::json!({
        "startUrl": "https://example.awsapps.com/start",
        "region": "us-east-1",
        "accessToken": token,
        "refreshToken": canaries.word("refresh token"),
        "clientId": "client",
        "clientSecret": canaries.word("client secret"),
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "expiresAt": "2099-01-01T00:00:00Z",
    });
    // The name is the SHA-1 of the session's.
    let file = "~/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
    machine.file(file, &body.to_string());
    check(&machine, &canaries);
    world.rule(Rule::new("portal.sso", "").aws_error(
        401,
        "UnauthorizedException",
        &format!("Session token not found or invalid: {token}"),
    ));
    check(&machine, &canaries);
    body["expiresAt"] = "2026-01-01T00:00:00Z".into();
    machine.file(file, &body.to_string());
    check(&machine, &canaries);
    machine.file(file, &body.to_string()[..150]);
    check(&machine, &canaries);
}

#[test]
fn a_login() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let session = "arn:aws:iam::123456789012:user/alice";
    profiles(
        &mut machine,
        &mut canaries,
        &format!("[profile dev]\nlogin_session = {session}\n"),
    );
    machine.env("AWS_PROFILE", "dev");
    let name = login_token::cache_file_name(session);
    let body = serde_json::json!({
        "accessToken": {
            "accessKeyId": "ASIALOGIN00000000001",
            "secretAccessKey": canaries.word("login, secret key"),
            "sessionToken": canaries.word("login, session token"),
            "accountId": "123456789012",
            "expiresAt": "2099-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "refreshToken": canaries.word("login, refresh token"),
        "idToken": canaries.word("login, id token"),
        "dpopKey": format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", canaries.word("login, private key")),
    });
    machine.file(&format!("~/.aws/login/cache/{name}"), &body.to_string());
    check(&machine, &canaries);
    machine.file(
        &format!("~/.aws/login/cache/{name}"),
        &body.to_string()[..200],
    );
    check(&machine, &canaries);
}

#[test]
fn a_web_identity() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let token = canaries.word("web identity token");
    machine
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Dev")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/token")
        .file("~/token", &token);
    check(&machine, &canaries);
    world.rule(Rule::new("sts", "").body("WebIdentity").aws_error(
        400,
        "InvalidIdentityToken",
        &format!("The ID Token provided, {token}, is not a valid JWT"),
    ));
    check(&machine, &canaries);
}

#[test]
fn helpers() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let argument = canaries.word("argument of the helper");
    let config =
        format!("[profile dev]\ncredential_process = @HOME@/helper.sh --password {argument}\n");
    profiles(&mut machine, &mut canaries, &config);
    machine.env("AWS_PROFILE", "dev");
    let secret = canaries.word("secret key of the helper");
    let token = canaries.word("session token of the helper");
    let noise = canaries.word("noise of the helper");
    let good = format!(
        r#"{{"Version": 1, "AccessKeyId": "ASIAHELPER0000000001", "SecretAccessKey": "{secret}", "SessionToken": "{token}"}}"#
    );
    for script in [
        // Good, with noise beside it.
        format!("echo 'token={noise}' >&2\necho '{good}'\n"),
        // Noise before the document, a broken document, none.
        format!("echo '{noise}'\necho '{good}'\n"),
        format!("echo '{}'\n", &good[..good.len() - 20]),
        format!("echo 'export AWS_SECRET_ACCESS_KEY={secret}'\n"),
        good.replace("\"Version\": 1", &format!("\"Version\": \"{noise}\"")),
        // It complains, and quotes what it was given.
        format!("echo \"usage: helper $*\" >&2\necho 'the secret is {noise}' >/dev/null\nexit 2\n"),
        format!("echo 'login failed: password={noise} token: {token}' >&2\nexit 1\n"),
        format!("echo '{good}' >&2\nexit 1\n"),
        format!(
            "echo '{}' >&2\nexit 1\n",
            good.replace(": ", ":").replace(", ", ",")
        ),
    ] {
        let script = if script.starts_with('{') {
            format!("echo '{script}'\n")
        } else {
            script
        };
        machine.executable("~/helper.sh", &format!("#!/bin/sh\n{script}"));
        check(&machine, &canaries);
    }
    // The same from the settings.
    let settings =
        serde_json::json!({"awsCredentialExport": format!("@HOME@/helper.sh --token {argument}")});
    machine.file("~/.claude/settings.json", &settings.to_string());
    let good = format!(
        r#"{{"Credentials": {{"AccessKeyId": "ASIAHELPER0000000001", "SecretAccessKey": "{secret}", "SessionToken": "{token}"}}}}"#
    );
    for script in [
        format!("echo '{good}'\n"),
        format!("echo '{noise} {good}'\n"),
        "echo \"usage: $*\" >&2\nexit 3\n".to_owned(),
    ] {
        machine.executable("~/helper.sh", &format!("#!/bin/sh\n{script}"));
        check(&machine, &canaries);
    }
}

#[test]
fn a_container() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let url = world.container_url();
    canaries
        .0
        .insert("container answer", "session-token-from-metadata".to_owned());
    machine.env(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{url}?token={}", canaries.word("query of the endpoint")),
    );
    check(&machine, &canaries);
    world.rule(Rule::new("container", "").respond(500, &[], canaries.word("page of the endpoint")));
    check(&machine, &canaries);
}

/// What AWS, a proxy or a gateway says may hold what it was sent.
#[test]
fn answers_that_echo() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let secret = canaries.word("secret key");
    let token = canaries.awkward("session token");
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", &secret)
        .env("AWS_SESSION_TOKEN", &token);
    let foreign = canaries.key("a key that is not of this machine");
    let jwt = format!(
        "eyJhbGciOiJub25lIn0.{}.sig",
        STANDARD.encode(format!("{{\"sub\":\"{}\"}}", canaries.word("JWT")))
    );
    let base64 = STANDARD.encode(format!(
        "{secret}:{token} and some more of it, as tokens are long"
    ));
    let percent = token
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let json = serde_json::to_string(&token).unwrap();
    // The quota is for a model in use, and all of its name is shown.
    let name = "Cross-region model inference tokens per minute for Anthropic Claude Opus 5.5";
    world.quota(&format!("{name} ({token})"), &secret, 5.0, 9.0);
    check(&machine, &canaries);
    for service in ["iam", "servicequotas"] {
        let message = format!("User: x is not authorized with {token} and {secret}");
        world.rule(Rule::new(service, "").aws_error(403, "AccessDeniedException", &message));
    }
    check(&machine, &canaries);
    for message in [
        format!(
            "The request signature we calculated does not match. The Canonical String for this request should have been\n'GET\n/\nx-amz-security-token:{token}\n' The String-to-Sign should have been 'AWS4 {token}'"
        ),
        format!("The security token {token} is invalid"),
        format!("token {percent} or {json} is invalid"),
        format!(
            "User: arn:aws:iam::123456789012:user/x (secret {secret}, key {foreign}) is not authorized to perform: bedrock:InvokeModel"
        ),
        format!(
            "Authorization: Bearer {jwt} was refused; X-Amz-Security-Token={token}&X-Amz-Signature={foreign}"
        ),
        format!("cannot decode {base64}"),
    ] {
        for (code, status) in [
            ("AccessDeniedException", 403),
            ("ValidationException", 400),
            ("SignatureDoesNotMatch", 403),
            ("InternalFailure", 500),
        ] {
            let everywhere = Rule::new("", "").aws_error(status, code, &message);
            world.rule(everywhere);
            for format in FORMATS {
                let run = machine.run(
                    DOCTOR,
                    &["check", "-v", "--show-identifiers", "--format", format],
                );
                canaries.absent(&format!("{code}: {message}"), &run.stdout);
                canaries.absent(&format!("{code}: {message}"), &run.stderr);
            }
        }
    }
    let page = format!("<html><title>{token}</title><body>{secret} {foreign}</body></html>");
    for status in [200, 302, 403, 407, 502] {
        world.rule(Rule::new("", "").respond(
            status,
            &[
                ("content-type", "text/html"),
                ("location", &format!("https://login/?t={secret}")),
            ],
            page.clone(),
        ));
        check(&machine, &canaries);
    }
    world.rule(Rule::new("", "").respond(
        403,
        &[("content-type", &format!("text/html; {secret}"))],
        page.clone(),
    ));
    check(&machine, &canaries);
    world.proxy(ProxyBehaviour::StatusWithBody(403, page));
    check(&machine, &canaries);
}

/// Not only in sentences: error codes, request ids and the ids of a list may hold what was sent, too.
#[test]
fn answers_that_echo_in_codes_and_ids() {
    let world = World::healthy();
    let (mut machine, mut canaries) = planted(&world);
    let token = canaries.word("session token");
    machine
        .env("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", &canaries.word("secret key"))
        .env("AWS_SESSION_TOKEN", &token)
        .env(
            "ANTHROPIC_DEFAULT_HAIKU_MODEL",
            "anthropic.claude-haiku-4-5",
        )
        .env("CLAUDE_CODE_USE_MANTLE", "1");
    let json = ("content-type", "application/json");
    let profiles = serde_json::json!({"inferenceProfileSummaries": [{
        "inferenceProfileId": format!("us.anthropic.{token}"),
        "inferenceProfileArn": "arn:aws:bedrock:us-east-1::inference-profile/x",
        "inferenceProfileName": "x",
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "models": [{"modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{token}")}],
    }]});
    let availability = serde_json::json!({
        "modelId": "x",
        "agreementAvailability": {"status": token},
        "authorizationStatus": token,
        "entitlementAvailability": token,
        "regionAvailability": token,
    });
    let refused = serde_json::json!({"type": "error", "error": {"type": token, "message": "no"}});
    let models = serde_json::json!({"data": [{"id": format!("anthropic.{token}")}]});
    let coded = [json, ("x-amzn-errortype", &token)];
    let identified = [
        json,
        ("x-amzn-errortype", "AccessDeniedException"),
        ("x-amzn-requestid", &token),
        ("request-id", &token),
    ];
    let no = "{\"message\":\"no\"}";
    for rule in [
        Rule::new("bedrock", "/inference-profiles").respond(200, &[json], profiles.to_string()),
        Rule::new("bedrock", "/foundation-model-availability").respond(
            200,
            &[json],
            availability.to_string(),
        ),
        Rule::new("bedrock-mantle", "/v1/models").respond(200, &[json], models.to_string()),
        Rule::new("bedrock-mantle", "/v1/models").respond(403, &[json], refused.to_string()),
        Rule::new("", "").respond(403, &coded, no),
        Rule::new("", "")
            .respond(403, &identified, no)
            .not_from_aws(),
    ] {
        world.rule(rule);
        for format in FORMATS {
            let arguments = ["check", "-v", "--show-identifiers", "--format", format];
            let run = machine.run(DOCTOR, &arguments);
            canaries.absent(format, &run.stdout);
            canaries.absent(format, &run.stderr);
        }
    }
}

/// Passwords with characters that should have been encoded: the URL then has other parts than meant.
#[test]
fn urls_with_raw_characters() {
    for (index, raw) in ["/", "#", "?", "@", ":", "%", " ", "//", "@/"]
        .iter()
        .enumerate()
    {
        let world = World::healthy();
        let mut machine = bare(&world);
        let mut canaries = Canaries::default();
        let mut part = |place| canaries.word(place);
        machine
            .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
            .env("AWS_SECRET_ACCESS_KEY", &part("secret key"));
        let (head, tail) = (part("before the character"), part("after the character"));
        let url = format!("http://me:{head}{raw}{tail}@127.0.0.1:1");
        let variable = [
            "HTTPS_PROXY",
            "ANTHROPIC_BEDROCK_BASE_URL",
            "AWS_ENDPOINT_URL",
        ][index % 3];
        for variable in [variable, "HTTPS_PROXY"] {
            machine.env(variable, &url);
            for arguments in [
                &["check", "--format", "json", "--offline"][..],
                &["check", "--format", "markdown", "--offline"],
                // Some of these hosts do not exist, and it may take long to hear so.
                &["check", "-v", "--show-identifiers", "--timeout", "0.5"],
            ] {
                let run = machine.run(DOCTOR, arguments);
                canaries.absent(&format!("{variable} with `{raw}`"), &run.stdout);
                canaries.absent(&format!("{variable} with `{raw}`"), &run.stderr);
            }
        }
    }
}

/// Identifiers of a machine, as a ticket must not show them.
struct Identities {
    home: String,
}

/// A machine whose owner, accounts and gateway can be recognised.
fn recognisable(world: &World) -> (Machine, Identities) {
    let mut machine = bare(world);
    world.caller(
        "210987654321",
        "assumed-role/AWSReservedSSO_Dev_0123456789abcdef/zacharias@firma.example",
    );
    world.gateway("gw.firma.example");
    machine
        .env("HOME", "@HOME@/users/zacharias")
        .env("AWS_PROFILE", "dev")
        .env("ANTHROPIC_BEDROCK_BASE_URL", "https://gw.firma.example")
        .env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://unused.firma.example")
        .env("HTTPS_PROXY", "http://beaten.firma.example:3128")
        .env("NO_PROXY", ".intern.firma.example,host.firma.example")
        .file(
            "~/users/zacharias/.aws/config",
            "[profile dev]\nrole_arn = arn:aws:iam::210987654321:role/zacharias\nsource_profile = base\nregion = us-east-1\n\
             [profile far]\nrole_arn = arn:aws:iam::135791357913:role/Far\nsource_profile = base\n\
             [profile base]\naws_access_key_id = AKIAZACHARIAS0000001\naws_secret_access_key = secret-of-zacharias-1\n",
        )
        .file("~/users/zacharias/.claude/settings.json", "{\"env\": {\"HTTPS_PROXY\": \"@PROXY@\", \"ANTHROPIC_MODEL\": \"arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/abc123\"}}");
    let home = machine.home().display().to_string();
    (machine, Identities { home })
}

/// Asserts that nobody can be recognised in a text.
#[track_caller]
fn anonymous(identities: &Identities, from: &str, text: &str) {
    for identity in [
        "210987654321",
        "135791357913",
        "2109-8765-4321",
        "zacharias",
        "firma.example",
        "AKIAZACHARIAS",
        "ASIAFROMSTSASSUMEROLE",
        identities.home.as_str(),
    ] {
        let at = text.find(identity);
        let start = at.map_or(0, |at| {
            text[..at]
                .char_indices()
                .rev()
                .nth(200)
                .map_or(0, |(at, _)| at)
        });
        assert!(
            at.is_none(),
            "{from}: `{identity}` shows: …{}",
            &text[start..at.unwrap_or(0) + identity.len()]
        );
    }
}

#[test]
fn nobody_is_recognised_in_what_is_passed_on() {
    let world = World::healthy();
    let (machine, identities) = recognisable(&world);
    let look = |stream: &str, format: &str, run: &[&str], text: &str| {
        let shown = run.contains(&"--show-identifiers");
        if format != "table" && !shown && stream != "stderr" {
            anonymous(&identities, &format!("{stream} of {format} {run:?}"), text);
        }
        if stream == "stdout" && shown && !run.contains(&"--offline") {
            assert!(
                text.contains("zacharias"),
                "identifiers were asked for: {text}"
            );
        }
    };
    outputs(&machine, look);
    world.rule(Rule::new("", "").aws_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::210987654321:assumed-role/zacharias/zacharias@firma.example is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:135791357913:inference-profile/x with an explicit deny in a service control policy",
    ));
    outputs(&machine, look);
    world.dns_failure("gw.firma.example");
    outputs(&machine, look);
}

/// Endpoints of one's own for services that Claude Code does not invoke models with.
#[test]
fn the_hosts_of_every_question_are_replaced() {
    let world = World::healthy();
    for (variable, host) in [
        ("AWS_ENDPOINT_URL_IAM", "iam.firma.example"),
        ("AWS_ENDPOINT_URL_SERVICE_QUOTAS", "quotas.firma.example"),
        ("AWS_ENDPOINT_URL_STS", "sts.firma.example"),
        ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", "mantle.firma.example"),
    ] {
        world.dns_failure(host);
        let mut machine = crate::harness::machine(&world);
        machine
            .env("CLAUDE_CODE_USE_MANTLE", "1")
            .env(variable, &format!("https://{host}"));
        for format in ["json", "markdown"] {
            let arguments = ["check", "-v", "--thorough", "--format", format];
            let run = machine.run(DOCTOR, &arguments);
            assert!(
                !run.stdout.contains("firma.example"),
                "{variable}: {}",
                run.stdout
            );
        }
    }
}

/// The same account has the same pseudonym, another one has another: what a ticket is about stays visible.
#[test]
fn relations_are_kept() {
    let world = World::healthy();
    let (mut machine, _) = recognisable(&world);
    let pseudonyms = |machine: &Machine| {
        let run = machine.run(DOCTOR, &["check", "--format", "json"]);
        let report = run.json();
        let account = |text: &str| {
            let at = text
                .find("account-")
                .unwrap_or_else(|| panic!("no account in {text}"));
            text[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect::<String>()
        };
        let caller = report["facts"]["caller_identity"]["value"]["account"]
            .as_str()
            .unwrap()
            .to_owned();
        let role = report["facts"]["credentials"]["value"]["role_arns"][0]
            .as_str()
            .unwrap()
            .to_owned();
        (account(&caller), account(&role))
    };
    let (caller, role) = pseudonyms(&machine);
    assert_eq!(caller, role);
    machine.env("AWS_PROFILE", "far");
    let (caller, role) = pseudonyms(&machine);
    assert_ne!(caller, role);
}
