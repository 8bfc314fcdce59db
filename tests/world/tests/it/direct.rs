//! The way in without a proxy.

use std::net::TcpStream;

use bedrock_doctor_world::World;

use crate::client::{exchange, handshake, signed};

#[test]
fn every_host_is_behind_the_direct_door_over_tls() {
    let world = World::healthy();
    for host in ["sts.eu-west-1.amazonaws.com", "gw.example.com"] {
        let stream = TcpStream::connect(world.direct()).unwrap();
        let mut stream = handshake(&world, stream, host).unwrap();
        let headers = signed("AKIA", "eu-west-1", "sts");
        let answer = exchange(&mut stream, "POST /", &headers, "Action=GetCallerIdentity").unwrap();
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        let asked = world.requests().pop().unwrap();
        assert_eq!(
            (asked.host.as_str(), asked.region.as_str()),
            (host, "eu-west-1")
        );
    }
}

#[test]
fn mantle_and_claude_platform_answer_a_message() {
    let world = World::healthy();
    for (host, path) in [
        ("bedrock-mantle.us-east-1.api.aws", "/anthropic/v1/messages"),
        ("aws-external-anthropic.us-east-1.api.aws", "/v1/messages"),
    ] {
        for (stream, kind) in [(false, "application/json"), (true, "text/event-stream")] {
            let connection = TcpStream::connect(world.direct()).unwrap();
            let mut connection = handshake(&world, connection, host).unwrap();
            let body = format!(r#"{{"model": "anthropic.claude-opus-5-5", "stream": {stream}}}"#);
            let answer = exchange(&mut connection, &format!("POST {path}"), "", &body).unwrap();
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, Some(kind))
            );
            assert!(answer.text().contains("pong"), "{}", answer.text());
        }
    }
    assert_eq!(
        world.operations().first().unwrap(),
        "bedrock-mantle:CreateInference"
    );
}
