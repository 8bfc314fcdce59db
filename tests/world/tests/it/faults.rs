//! What a rule, a proxy or a certificate can spoil.

use std::{
    io::{ErrorKind, Read},
    time::{Duration, Instant},
};

use bedrock_doctor_world::{ProxyBehaviour, Rule, Tls, World};

use crate::client::{
    Answer, IMPATIENCE, PATIENCE, connect, connect_within, exchange, signed, tunnel, tunnel_within,
};

const HOST: &str = "bedrock.us-east-1.amazonaws.com";

fn list(world: &World) -> std::io::Result<Answer> {
    list_within(world, PATIENCE)
}

fn list_within(world: &World, patience: Duration) -> std::io::Result<Answer> {
    let headers = signed("AKIAENV", "us-east-1", "bedrock");
    let mut tunnel = tunnel_within(world, HOST, patience)?;
    exchange(&mut tunnel, "GET /inference-profiles", &headers, "")
}

#[test]
fn the_newest_rule_that_matches_decides_as_often_as_it_may() {
    let world = World::healthy();
    world
        .rule(Rule::new("bedrock", "/inference").aws_error(500, "InternalServerException", "old"))
        .rule(
            Rule::new("bedrock", "/inference")
                .aws_error(429, "ThrottlingException", "new")
                .times(2),
        )
        .rule(Rule::new("bedrock-runtime", "").hang())
        .rule(
            Rule::new("bedrock", "/inference")
                .signed_by("AKIAOTHER")
                .hang(),
        );
    let statuses = [(); 3].map(|()| list(&world).unwrap().status);
    assert_eq!(statuses, [429, 429, 500]);
}

#[test]
fn a_rule_without_effect_shields_from_older_ones() {
    let world = World::healthy();
    let start = Instant::now();
    world
        .rule(Rule::new("", "").reset())
        .rule(Rule::new("", "").delay(Duration::from_millis(150)));
    assert_eq!(list(&world).unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn errors_have_the_form_of_the_service() {
    let world = World::healthy();
    world.rule(Rule::new("", "").aws_error(403, "AccessDeniedException", "no <way>"));
    let answer = list(&world).unwrap();
    assert_eq!(answer.json()["message"], "no <way>");
    assert!(
        answer
            .header("x-amzn-errortype")
            .unwrap()
            .starts_with("AccessDeniedException:")
    );

    world.rule(Rule::new("sts", "").body("Action=AssumeRole&").aws_error(
        403,
        "AccessDenied",
        "no <way>",
    ));
    let mut sts = tunnel(&world, "sts.amazonaws.com").unwrap();
    let answer = exchange(&mut sts, "POST /", "", "Action=AssumeRole&Version=1").unwrap();
    let text = answer.text();
    assert!(text.contains("<Code>AccessDenied</Code>"), "{text}");
    assert!(text.contains("<Message>no &lt;way&gt;</Message>"), "{text}");

    let mut oidc = tunnel(&world, "oidc.us-east-1.amazonaws.com").unwrap();
    world.rule(Rule::new("oidc", "/token").aws_error(400, "InvalidGrantException", "gone"));
    let answer = exchange(&mut oidc, "POST /token", "", "{}").unwrap();
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[test]
fn a_request_that_hangs_is_recorded_and_never_answered() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "").hang());
    let error = list_within(&world, IMPATIENCE * 4).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    let requests = world.requests();
    assert_eq!(requests[0].operation, "bedrock:ListInferenceProfiles");
    assert_eq!(requests[0].status, None);
}

#[test]
fn a_reset_is_a_reset() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "").reset());
    assert_eq!(list(&world).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_answer_can_end_early_or_stall() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "").truncate_after(10));
    let start = Instant::now();
    let answer = list(&world).unwrap();
    assert_eq!(
        (answer.status, answer.body.len(), answer.whole),
        (200, 10, false)
    );
    assert!(start.elapsed() < PATIENCE);

    world.rule(Rule::new("bedrock", "").stall_after(10));
    let start = Instant::now();
    let answer = list_within(&world, IMPATIENCE * 4).unwrap();
    assert_eq!((answer.body.len(), answer.whole), (10, false));
    assert!(start.elapsed() >= IMPATIENCE * 4);
}

#[test]
fn an_answer_can_come_byte_by_byte_or_be_reset() {
    let world = World::healthy();
    let pause = Duration::from_millis(20);
    world.rule(
        Rule::new("bedrock", "")
            .respond(200, &[], "12345")
            .drip(pause),
    );
    let start = Instant::now();
    let answer = list(&world).unwrap();
    assert_eq!((answer.text().as_str(), answer.whole), ("12345", true));
    assert!(start.elapsed() >= pause * 5);

    world.rule(Rule::new("bedrock", "").reset_after(10));
    match list(&world) {
        Ok(answer) => assert!(!answer.whole),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn the_proxy_can_be_slow_or_want_a_sign_in() {
    let world = World::healthy();
    let delay = Duration::from_millis(150);
    world.proxy(ProxyBehaviour::Slow(delay));
    let start = Instant::now();
    assert_eq!(connect(&world, HOST).unwrap().1, 200);
    assert!(start.elapsed() >= delay);
    world.proxy(ProxyBehaviour::Challenge(vec!["NTLM".to_owned()]));
    assert_eq!(connect(&world, HOST).unwrap().1, 407);
}

#[test]
fn the_proxy_answers_what_it_is_told() {
    let world = World::healthy();
    world.proxy(ProxyBehaviour::Status(403));
    assert_eq!(connect(&world, HOST).unwrap().1, 403);
    world.proxy(ProxyBehaviour::Login("user:pass".to_owned()));
    assert_eq!(connect(&world, HOST).unwrap().1, 407);
    world.proxy(ProxyBehaviour::StatusWithBody(
        502,
        "<h1>blocked</h1>".to_owned(),
    ));
    let (mut stream, status) = connect(&world, HOST).unwrap();
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    assert_eq!((status, body.as_str()), (502, "<h1>blocked</h1>"));
    world.proxy(ProxyBehaviour::CloseAtOnce);
    assert_eq!(
        connect(&world, HOST).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    world.proxy(ProxyBehaviour::HangOnConnect);
    assert!(connect_within(&world, HOST, IMPATIENCE).is_err());
    assert_eq!(world.connects().len(), 5);
    assert_eq!(world.requests(), []);
}

#[test]
fn names_fail_to_resolve_by_label_and_unknown_hosts_always() {
    let world = World::healthy();
    world.dns_failure("bedrock");
    assert_eq!(connect(&world, HOST).unwrap().1, 503);
    assert_eq!(
        connect(&world, "bedrock-runtime.us-east-1.amazonaws.com")
            .unwrap()
            .1,
        200
    );
    assert_eq!(
        connect(&world, "bedrock.us-east1.amazonaws.com").unwrap().1,
        503
    );
    assert_eq!(
        connect(&world, "sts.us-east1.amazonaws.com").unwrap().1,
        502
    );
    assert_eq!(connect(&world, "llm.example.com").unwrap().1, 502);
    world.gateway("llm.example.com");
    assert_eq!(connect(&world, "llm.example.com").unwrap().1, 200);
}

#[test]
fn certificates_can_be_bad_in_several_ways() {
    let world = World::healthy();
    let complaint = |tls: Tls| {
        world.tls(tls);
        list(&world).unwrap_err().to_string()
    };
    let other = Tls::OtherAuthority("Acme Corp TLS Inspection CA".to_owned());
    assert!(complaint(other).contains("UnknownIssuer"));
    assert!(complaint(Tls::Expired).contains("expired"));
    assert!(complaint(Tls::WrongName).contains("not valid for name"));
    world.tls(Tls::Hang);
    assert!(list_within(&world, IMPATIENCE).is_err());
    assert!(!complaint(Tls::Close).is_empty());
    assert!(complaint(Tls::Plain).contains("corrupt message"));
    let delay = Duration::from_millis(150);
    world.tls(Tls::Slow(delay));
    let start = Instant::now();
    assert_eq!(list(&world).unwrap().status, 200);
    assert!(start.elapsed() >= delay);
    world.tls(Tls::Trusted);
    assert_eq!(list(&world).unwrap().status, 200);
    assert!(world.failed_handshakes()[0].starts_with(HOST));
}

#[test]
fn dropping_a_world_ends_what_hangs_in_it() {
    let world = World::healthy();
    world.rule(Rule::new("", "").hang());
    list_within(&world, IMPATIENCE).unwrap_err();
    let start = Instant::now();
    let address = world.proxy_url().replace("http://", "");
    drop(world);
    assert!(start.elapsed() < Duration::from_secs(5));
    // The listener goes with its task, shortly after.
    while start.elapsed() < PATIENCE && std::net::TcpStream::connect(&address).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(start.elapsed() < PATIENCE);
}
