//! How long a browser waits for its first QR code.

use std::time::Instant;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    report::{Bound, Report, median},
    rig::Rig,
};

const ROUNDS: usize = 21;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        let session = rig.wharf.call("POST", "/v1/sessions", json!({})).await;
        let id = session["id"].as_str().unwrap();
        let mut socket = rig.wharf.socket(&format!("/ws/{id}")).await;
        let asked = Instant::now();
        let connect = format!("/v1/sessions/{id}/connect");
        let connecting = rig.wharf.call("POST", &connect, Value::Null);
        let showing = async {
            loop {
                let frame = socket.next().await.unwrap().unwrap();
                if frame
                    .to_text()
                    .is_ok_and(|text| text.contains(r#""type":"qr""#))
                {
                    break asked.elapsed().as_secs_f64() * 1000.0;
                }
            }
        };
        let (_, waited) = tokio::join!(connecting, showing);
        waits.push(waited);
        let remove = format!("/v1/sessions/{id}");
        rig.wharf.call("DELETE", &remove, Value::Null).await;
    }
    report.add(
        "`connect` to the first QR frame on the socket, ms",
        median(waits),
        Bound::AtMost(300.0),
        &format!("median of {ROUNDS}"),
    );
}
