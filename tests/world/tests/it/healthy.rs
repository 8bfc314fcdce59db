//! An AWS where everything works.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use bedrock_doctor_world::World;
use serde_json::{Value, json};

use crate::client::{Answer, exchange, signed, tunnel};

const MODEL: &str = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
const PING: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":"ping"}]}"#;

fn ask(world: &World, service: &str, region: &str, line: &str, body: &str) -> Answer {
    let mut tunnel = tunnel(world, &format!("{service}.{region}.amazonaws.com")).unwrap();
    let signer = if service == "sts" { "sts" } else { "bedrock" };
    exchange(&mut tunnel, line, &signed("AKIAENV", region, signer), body).unwrap()
}

#[test]
fn real_host_names_have_certificates_and_connections_are_kept() {
    let world = World::healthy();
    let mut tunnel = tunnel(&world, "sts.us-east-1.amazonaws.com").unwrap();
    let headers = signed("AKIAENV", "us-east-1", "sts");
    for _ in 0..2 {
        let answer = exchange(&mut tunnel, "POST /", &headers, "Action=GetCallerIdentity").unwrap();
        assert_eq!(answer.status, 200);
        assert!(
            answer
                .text()
                .contains("<Arn>arn:aws:sts::123456789012:assumed-role/Dev/alice</Arn>")
        );
        let id = answer.header("x-amzn-requestid").unwrap();
        assert!(
            answer
                .text()
                .contains(&format!("<RequestId>{id}</RequestId>"))
        );
    }
    assert_eq!(world.connects(), ["sts.us-east-1.amazonaws.com:443"]);
}

#[test]
fn the_arn_follows_the_partition_and_the_caller() {
    let world = World::healthy();
    world.caller("210987654321", "user/bob");
    let answer = ask(
        &world,
        "sts",
        "us-gov-west-1",
        "POST /",
        "Action=GetCallerIdentity",
    );
    assert!(
        answer
            .text()
            .contains("<Arn>arn:aws-us-gov:iam::210987654321:user/bob</Arn>")
    );
}

#[test]
fn records_what_was_asked_and_who_signed() {
    let world = World::healthy();
    ask(
        &world,
        "bedrock-runtime",
        "eu-west-1",
        &format!("POST {MODEL}/invoke"),
        PING,
    );
    let [request] = world.requests().try_into().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.host, "bedrock-runtime.eu-west-1.amazonaws.com");
    assert_eq!(request.path, format!("{MODEL}/invoke"));
    assert_eq!(request.body, PING);
    assert_eq!(request.operation, "bedrock:InvokeModel");
    assert_eq!(
        request.model.unwrap(),
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    );
    assert_eq!(request.access_key_id.unwrap(), "AKIAENV");
    assert_eq!(request.signing_region.unwrap(), "eu-west-1");
    assert_eq!(request.signing_service.unwrap(), "bedrock");
    assert_eq!(request.bearer, None);
    assert_eq!(request.status, Some(200));
}

#[test]
fn bedrock_takes_a_bearer_token() {
    let world = World::healthy();
    let mut tunnel = tunnel(&world, "bedrock-runtime.us-east-1.amazonaws.com").unwrap();
    let headers = "Authorization: Bearer bedrock-api-key-abc\r\n";
    let answer = exchange(&mut tunnel, &format!("POST {MODEL}/invoke"), headers, PING).unwrap();
    assert_eq!(answer.json()["content"][0]["text"], "pong");
    assert_eq!(
        world.requests()[0].bearer.as_deref(),
        Some("bedrock-api-key-abc")
    );
}

#[test]
fn refuses_no_signature_and_one_for_another_region() {
    let world = World::healthy();
    let mut tunnel = tunnel(&world, "bedrock.us-east-1.amazonaws.com").unwrap();
    let line = "GET /inference-profiles";
    let answer = exchange(&mut tunnel, line, "", "").unwrap();
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .header("x-amzn-errortype")
            .unwrap()
            .starts_with("MissingAuthenticationTokenException:")
    );
    let elsewhere = signed("AKIAENV", "us-west-2", "bedrock");
    let answer = exchange(&mut tunnel, line, &elsewhere, "").unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.json()["message"],
        "Credential should be scoped to a valid region."
    );
}

#[test]
fn a_clock_that_is_off_shows_in_the_date_and_spoils_signatures() {
    let world = World::healthy();
    world.clock_offset(-366 * 86_400 * 30);
    let mut tunnel = tunnel(&world, "sts.us-east-1.amazonaws.com").unwrap();
    let mut headers = signed("AKIAENV", "us-east-1", "sts");
    let answer = exchange(&mut tunnel, "POST /", &headers, "Action=GetCallerIdentity").unwrap();
    assert_eq!(answer.status, 200);
    let year: i32 = answer.header("date").unwrap()[12..16].parse().unwrap();
    assert!(year < 2020, "{year}");
    headers.push_str("X-Amz-Date: 20261122T120000Z\r\n");
    let answer = exchange(&mut tunnel, "POST /", &headers, "Action=GetCallerIdentity").unwrap();
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"));
    assert!(
        answer
            .text()
            .contains("Signature not yet current: 20261122T120000Z")
    );
}

#[test]
fn lists_profiles_page_by_page() {
    let world = World::healthy();
    world.page_size(10);
    let page = ask(
        &world,
        "bedrock",
        "us-east-1",
        "GET /inference-profiles?type=SYSTEM_DEFINED",
        "",
    );
    let page = page.json();
    let summaries = page["inferenceProfileSummaries"].as_array().unwrap();
    assert_eq!(summaries.len(), 10);
    assert_eq!(
        summaries[0]["models"][2]["modelArn"],
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"
    );
    let rest = format!(
        "GET /inference-profiles?nextToken={}",
        page["nextToken"].as_str().unwrap()
    );
    let rest = ask(&world, "bedrock", "us-east-1", &rest, "").json();
    assert_eq!(rest.get("nextToken"), None);
    let last = &rest["inferenceProfileSummaries"][0];
    assert_eq!(
        last["inferenceProfileId"],
        "global.anthropic.claude-opus-5-5"
    );
    assert_eq!(
        last["models"][1]["modelArn"],
        "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5-5"
    );
}

#[test]
fn knows_application_profiles_by_arn_and_no_others() {
    let world = World::healthy();
    let get = |id: &str| {
        ask(
            &world,
            "bedrock",
            "us-east-1",
            &format!("GET /inference-profiles/{id}"),
            "",
        )
    };
    let arn =
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab12";
    let profile = get(arn).json();
    assert_eq!(profile["type"], "APPLICATION");
    assert!(
        profile["models"][0]["modelArn"]
            .as_str()
            .unwrap()
            .contains("claude-sonnet-4-5")
    );
    let missing = get("us.anthropic.claude-9");
    assert_eq!(missing.status, 404);
    assert!(
        missing
            .header("x-amzn-errortype")
            .unwrap()
            .starts_with("ResourceNotFoundException")
    );
}

#[test]
fn streams_frames_with_good_checksums() {
    let world = World::healthy();
    let line = format!("POST {MODEL}/invoke-with-response-stream");
    let answer = ask(&world, "bedrock-runtime", "us-east-1", &line, PING);
    assert_eq!(
        answer.header("content-type"),
        Some("application/vnd.amazon.eventstream")
    );
    let kinds: Vec<Value> = events(&answer.body)
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        json!(kinds),
        json!([
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ])
    );
}

#[test]
fn a_body_without_messages_is_refused_in_the_words_of_aws() {
    let world = World::healthy();
    let line = format!("POST {MODEL}/invoke");
    let body = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]}"#;
    let answer = ask(&world, "bedrock-runtime", "us-east-1", &line, body);
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["message"],
        "messages: at least one message is required"
    );
}

#[test]
fn an_unknown_path_is_named_and_recorded() {
    let world = World::healthy();
    let answer = ask(&world, "bedrock", "us-east-1", "GET /nothing", "");
    assert_eq!(answer.status, 404);
    let name = "unknown:GET bedrock.us-east-1.amazonaws.com /nothing";
    assert_eq!(world.operations(), [name]);
}

#[test]
fn latency_holds_for_every_answer() {
    let world = World::healthy();
    world.latency(Duration::from_millis(200));
    let start = Instant::now();
    ask(&world, "bedrock", "us-east-1", "GET /foundation-models", "");
    assert!(start.elapsed() >= Duration::from_millis(200));
}

/// Takes a stream apart, with a table-driven checksum of its own.
fn events(mut stream: &[u8]) -> Vec<Value> {
    let mut table = [0_u32; 256];
    for (index, entry) in (0_u32..).zip(table.iter_mut()) {
        *entry = (0..8).fold(index, |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        });
    }
    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xFF) as usize]
        })
    };
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let mut out = Vec::new();
    while !stream.is_empty() {
        let (frame, rest) = stream.split_at(number(&stream[..4]) as usize);
        let headers = number(&frame[4..8]) as usize;
        let end = frame.len() - 4;
        assert_eq!(number(&frame[8..12]), crc(&frame[..8]));
        assert_eq!(number(&frame[end..]), crc(&frame[..end]));
        let payload: Value = serde_json::from_slice(&frame[12 + headers..end]).unwrap();
        let bytes = STANDARD.decode(payload["bytes"].as_str().unwrap()).unwrap();
        out.push(serde_json::from_slice(&bytes).unwrap());
        stream = rest;
    }
    out
}
