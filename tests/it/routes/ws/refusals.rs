//! What a client may not say, and what it is told then.

use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::harness::app::{TestApp, closed, frame};

/// One more than is taken.
const TOO_LARGE: usize = 64 * 1024 + 1;

fn text(payload: &'static [u8]) -> Frame {
    Frame::message(payload, OpCode::Data(Data::Text), true)
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_code_of_the_rfc() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let mut reserved = text(b"hello");
    reserved.header_mut().rsv2 = true;
    let large = Message::Binary(vec![0; TOO_LARGE].into());
    for (message, code, reason) in [
        (large, 1009, "a message has more than 65536 bytes"),
        (Message::Frame(text(b"\xff")), 1007, "a text is not UTF-8"),
        (Message::Frame(reserved), 1002, "not the WebSocket protocol"),
    ] {
        let mut socket = ann.socket("/ws").await.unwrap();
        frame(&mut socket).await;
        // The other end may have gone before all of it has left.
        drop(socket.send(message).await);
        assert_eq!(closed(&mut socket).await, (code, reason.to_owned()));
    }
}
