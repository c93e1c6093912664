//! What a client of the PostgreSQL protocol sends: refused, or messages that the codec reads without a panic.
#![no_main]
#![allow(dead_code)]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use pgwire::messages::{DecodeContext, PgWireFrontendMessage, ProtocolVersion};

#[path = "../../../crates/postgres/src/messages.rs"]
mod messages;

fuzz_target!(|data: &[u8]| {
    let mut messages = messages::Messages::new(1 << 20);
    // In pieces, as a network brings them: that must not matter.
    let (mut whole, cut) = (messages::Messages::new(1 << 20), data.len() / 3);
    let one = whole.take(data).is_ok();
    let parts = messages.take(&data[..cut]).and_then(|()| messages.take(&data[cut..])).is_ok();
    assert_eq!((one, &whole.good), (parts, &messages.good));
    let mut bytes = BytesMut::from(&whole.good[..]);
    let mut context = DecodeContext::new(ProtocolVersion::PROTOCOL3_0);
    while let Ok(Some(message)) = PgWireFrontendMessage::decode(&mut bytes, &mut context) {
        if matches!(message, PgWireFrontendMessage::Startup(_)) {
            context.awaiting_frontend_startup = false;
        }
    }
});
