use super::desk::{Desk, new_endpoint};
#[tokio::test]
async fn measure_enqueue() {
    for n in [0, 1, 3] {
        let mut desk = Desk::start().await;
        for _ in 0..n {
            desk.webhooks
                .create(&desk.ctx, new_endpoint("http://127.0.0.1:9/"))
                .await
                .unwrap();
        }
        for _ in 0..50 {
            desk.event().await;
        }
        let t = std::time::Instant::now();
        for _ in 0..500 {
            desk.event().await;
        }
        let with = t.elapsed();
        let t = std::time::Instant::now();
        for _ in 0..500 {
            desk.bare_event().await;
        }
        println!(
            "endpoints {n}: with enqueue {:?}/event, bare {:?}/event",
            with / 500,
            t.elapsed() / 500
        );
    }
}
