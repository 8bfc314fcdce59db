//! The endpoints that are reached without a proxy.

use std::net::TcpStream;

use bedrock_doctor_world::{Machine, Rule, World};

use crate::client::{Answer, exchange, signed};

fn ask(url: &str, line: &str, headers: &str, body: &str) -> Answer {
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    exchange(&mut stream, line, headers, body).unwrap()
}

#[test]
fn the_metadata_service_hands_out_credentials_of_the_role() {
    let world = World::healthy();
    world.metadata_v2_only();
    let url = world.metadata_url();
    let roles = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(ask(&url, &format!("GET {roles}"), "", "").status, 401);
    let ttl = "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";
    let token = ask(&url, "PUT /latest/api/token", ttl, "").text();
    let token = format!("X-aws-ec2-metadata-token: {token}\r\n");
    let role = ask(&url, &format!("GET {roles}"), &token, "").text();
    let credentials = ask(&url, &format!("GET {roles}{role}"), &token, "").json();
    assert_eq!(credentials["AccessKeyId"], "ASIAFROMIMDS");
    assert_eq!(
        world.operations(),
        [
            "imds:ListRoles",
            "imds:GetToken",
            "imds:ListRoles",
            "imds:GetRoleCredentials"
        ]
    );
}

#[test]
fn the_container_endpoint_records_the_authorization() {
    let world = World::healthy();
    let answer = ask(
        &world.container_url(),
        "GET /creds",
        "Authorization: secret-token\r\n",
        "",
    );
    assert_eq!(answer.json()["AccessKeyId"], "ASIAFROMCONTAINER");
    assert_eq!(world.requests()[0].headers["authorization"], "secret-token");
}

#[test]
fn the_plain_endpoint_tells_services_apart_and_obeys_rules() {
    let world = World::healthy();
    let url = world.plain_url();
    assert_eq!(url, world.plain_url());
    let identity = ask(
        &url,
        "POST /",
        &signed("AKIA", "eu-west-1", "sts"),
        "Action=GetCallerIdentity",
    );
    assert!(identity.text().contains("assumed-role/Dev/alice"));
    assert_eq!(ask(&url, "GET /inference-profiles", "", "").status, 200);
    world.rule(Rule::new("bedrock-runtime", "").model("a:b").aws_error(
        404,
        "ResourceNotFoundException",
        "",
    ));
    assert_eq!(ask(&url, "POST /model/a%3Ab/invoke", "", "{}").status, 404);
    assert_eq!(ask(&url, "POST /model/a%3Ac/invoke", "", "{}").status, 400);
    assert_eq!(world.requests()[0].region, "eu-west-1");
}

#[test]
fn a_machine_knows_the_way_to_its_world() {
    let world = World::healthy();
    let machine = Machine::new(&world);
    let run = machine.run(
        "/bin/sh",
        &["-c", "echo $HTTPS_PROXY; head -n 1 $NODE_EXTRA_CA_CERTS"],
    );
    assert_eq!(
        run.stdout,
        format!("{}\n-----BEGIN CERTIFICATE-----\n", world.proxy_url())
    );
}
