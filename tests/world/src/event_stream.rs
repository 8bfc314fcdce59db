//! Frames of `application/vnd.amazon.eventstream`, as Bedrock sends them.
//!
//! A frame is: its length, the length of its headers, a checksum of these two, the headers, the payload, and a checksum of everything before.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The media type of a stream of frames.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// A frame that carries one event of the Messages API.
pub(crate) fn chunk(event: &Value) -> Vec<u8> {
    let payload = json!({"bytes": STANDARD.encode(event.to_string()), "p": "abcdefghijklm"});
    frame(
        &[
            (":event-type", "chunk"),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ],
        payload.to_string().as_bytes(),
    )
}

/// A frame that ends the stream with an error, such as `throttlingException`.
pub(crate) fn exception(code: &str, message: &str) -> Vec<u8> {
    frame(
        &[
            (":exception-type", code),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ],
        json!({"message": message}).to_string().as_bytes(),
    )
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    const STRING: u8 = 7;
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.extend(name.as_bytes());
        block.push(STRING);
        block.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        block.extend(value.as_bytes());
    }
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend(size(16 + block.len() + payload.len()));
    out.extend(size(block.len()));
    out.extend(crc32(&out).to_be_bytes());
    out.extend(&block);
    out.extend(payload);
    out.extend(crc32(&out).to_be_bytes());
    out
}

/// CRC-32 as in zlib. Answers are short, so there is no table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn an_empty_frame_is_the_one_in_the_specification() {
        let want = [
            0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
        ];
        assert_eq!(frame(&[], &[]), want);
    }
}
