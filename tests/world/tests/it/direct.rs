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
    for (service, path) in [
        ("bedrock-mantle", "/anthropic/v1/messages"),
        ("aws-external-anthropic", "/v1/messages"),
    ] {
        let host = format!("{service}.us-east-1.api.aws");
        let ask = |headers: &str, body: &str| {
            let connection = TcpStream::connect(world.direct()).unwrap();
            let mut connection = handshake(&world, connection, &host).unwrap();
            exchange(&mut connection, &format!("POST {path}"), headers, body).unwrap()
        };
        let headers = signed("AKIA", "us-east-1", service);
        let empty = r#"{"model": "anthropic.claude-opus-5-5", "messages": []}"#;
        assert_eq!(ask(&headers, empty).status, 400);
        assert_eq!(ask("", empty).status, 403);
        assert_eq!(
            ask(&signed("AKIA", "us-east-1", "bedrock"), empty).status,
            403
        );
        for (stream, kind) in [(false, "application/json"), (true, "text/event-stream")] {
            let body = format!(
                r#"{{"model": "anthropic.claude-opus-5-5", "stream": {stream}, "messages": [{{}}]}}"#
            );
            let answer = ask(&headers, &body);
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
