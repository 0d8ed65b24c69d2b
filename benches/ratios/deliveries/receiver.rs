//! Receivers: one in a process of its own that only answers, one that takes the time, one that never answers.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, routing::post};
use tokio::{net::TcpListener, task::JoinSet};

/// The part that answers 200 to everything; says where, and goes on until it is ended.
pub(crate) async fn receive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(async |_: Bytes| ()));
    axum::serve(listener, router).await.unwrap();
}

/// Microseconds since 1970.
pub(super) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Takes the time from what an event says of its commit to its arrival.
pub(super) struct Timing {
    address: std::net::SocketAddr,
    times: Arc<Mutex<Vec<f64>>>,
    _tasks: JoinSet<()>,
}

impl Timing {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let times = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&times);
        let take = move |body: Bytes| {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let took = now_us() - body["data"]["sent_us"].as_i64().unwrap();
            taken.lock().unwrap().push(took as f64 / 1_000.0);
            async {}
        };
        let router = Router::new()
            .route("/hook", post(take))
            .route("/unmeasured", post(async |_: Bytes| ()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            times,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn unmeasured(&self) -> String {
        format!("http://{}/unmeasured", self.address)
    }

    pub(super) fn times(&self) -> Vec<f64> {
        self.times.lock().unwrap().clone()
    }
}

/// Accepts, and never answers.
pub(super) struct Silent {
    address: std::net::SocketAddr,
    _tasks: JoinSet<()>,
}

impl Silent {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await.unwrap());
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}
