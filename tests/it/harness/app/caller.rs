//! Who calls the API, over HTTP and over sockets, and what is answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use super::DEADLINE;
use crate::harness::http_client;

/// Somebody who calls the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    addr: SocketAddr,
    from: IpAddr,
    headers: HeaderMap,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// When it says to come back, in seconds.
    #[track_caller]
    pub(crate) fn retry_after(&self) -> u64 {
        let said = self.headers["retry-after"].to_str().unwrap();
        said.parse().unwrap()
    }

    /// The body, after a look at the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.json());
        self.json()
    }

    /// A fault in its documented shape, with this status and this word.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(self.status.as_u16(), status, "{body}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(
            body["request_id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
        assert_eq!(body["type"], format!("urn:wharf:error:{code}"));
        body
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Caller {
    /// Without a credential.
    pub(super) fn stranger(addr: SocketAddr) -> Self {
        Self {
            addr,
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            headers: HeaderMap::new(),
        }
    }

    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(name, value.parse().unwrap());
        other
    }

    /// The same caller from another loopback address.
    pub(crate) fn from(&self, last: u8) -> Self {
        Self {
            from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)),
            ..self.clone()
        }
    }

    pub(crate) fn token(&self) -> String {
        let value = self.headers["authorization"].to_str().unwrap();
        value.strip_prefix("Bearer ").unwrap().to_owned()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let client = http_client().local_address(self.from).build().unwrap();
        let mut request = client
            .request(method, format!("http://{}{path}", self.addr))
            .headers(self.headers.clone());
        if let Some(body) = body {
            if !self.headers.contains_key("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            bytes: response.bytes().await.unwrap().into(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        self.send(Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.send(Method::DELETE, path, Some(body.to_string()))
            .await
    }

    /// The caller's own id.
    pub(crate) async fn id(&self) -> String {
        let me = self.get("/v1/me").await.expect(200);
        me["id"].as_str().unwrap().to_owned()
    }

    /// A session of the caller's; gives its id.
    pub(crate) async fn session(&self, handle: &str) -> String {
        let made = self.post("/v1/sessions", json!({"handle": handle})).await;
        made.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Opens a socket that has been greeted.
    pub(crate) async fn open(&self, path: &str) -> Socket {
        let mut socket = self.socket(path).await.unwrap();
        assert_eq!(frame(&mut socket).await["type"], "hello");
        socket
    }

    /// Opens a socket, or gives the HTTP refusal.
    pub(crate) async fn socket(&self, path: &str) -> Result<Socket, Answer> {
        let url = format!("ws://{}{path}", self.addr);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(Answer {
                status: response.status(),
                headers: response.headers().clone(),
                bytes: response.into_body().unwrap_or_default(),
            }),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The next text frame.
pub(crate) async fn frame(socket: &mut Socket) -> Value {
    let next = tokio::time::timeout(DEADLINE, text(socket));
    next.await.expect("a frame comes in time")
}

/// Reads on until a frame of this type; what comes meanwhile does not lengthen the wait.
pub(crate) async fn frame_of(socket: &mut Socket, kind: &str) -> Value {
    let wanted = async {
        loop {
            let frame = text(socket).await;
            if frame["type"] == kind {
                return frame;
            }
        }
    };
    let Ok(frame) = tokio::time::timeout(DEADLINE, wanted).await else {
        panic!("no {kind} comes in time")
    };
    frame
}

async fn text(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The code and the reason of the close that comes next, whatever comes before it.
pub(crate) async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        let next = tokio::time::timeout(DEADLINE, socket.next());
        match next.await.expect("a close comes in time") {
            Some(Ok(Message::Close(Some(close)))) => {
                return (close.code.into(), close.reason.to_string());
            }
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}
