//! The ten kinds of receivers, and what each of them must have got.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use entity::ids::EndpointId;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use super::{Receiver, Reply, endpoint_id};

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Well,
    Fails,
    Busy,
    ResetsInBody,
    Drips,
    TakesThenResets,
    BlackHole,
    Redirects,
    TurnsPrivate,
    Expired,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Well,
        Self::Fails,
        Self::Busy,
        Self::ResetsInBody,
        Self::Drips,
        Self::TakesThenResets,
        Self::BlackHole,
        Self::Redirects,
        Self::TurnsPrivate,
        Self::Expired,
    ];

    /// Whether it takes everything in the end.
    pub(super) const fn is_well(self) -> bool {
        matches!(self, Self::Well | Self::TakesThenResets)
    }

    /// Whether nothing may ever reach it.
    const fn is_forbidden(self) -> bool {
        matches!(self, Self::TurnsPrivate | Self::Expired)
    }
}

/// A receiver and its file.
pub(super) struct Stand {
    pub(super) kind: Kind,
    receiver: Receiver,
    /// Where a redirect leads, which nobody may follow.
    trap: Receiver,
    /// The address of a receiver with a certificate, and what answers there.
    tls: Option<(u16, JoinSet<()>)>,
    file: PathBuf,
    endpoint: Option<EndpointId>,
}

impl Stand {
    pub(super) async fn start(kind: Kind, folder: &Path) -> Self {
        let trap = Receiver::start().await;
        let file = folder.join(format!("{kind:?}.log"));
        let reply = match kind {
            Kind::Well | Kind::TurnsPrivate | Kind::Expired => Reply::Status(200),
            Kind::Fails => Reply::Status(500),
            Kind::Busy => Reply::Header(429, "retry-after", "1".to_owned()),
            Kind::ResetsInBody => Reply::ResetInBody,
            Kind::Drips => Reply::Drip,
            Kind::TakesThenResets => Reply::ThenReset,
            Kind::BlackHole => Reply::Silence,
            Kind::Redirects => Reply::Header(302, "location", trap.url()),
        };
        let receiver = Receiver::start().await.always(reply).keeping(&file);
        let tls = if kind == Kind::Expired {
            Some(expired().await)
        } else {
            None
        };
        Self {
            kind,
            receiver,
            trap,
            tls,
            file,
            endpoint: None,
        }
    }

    pub(super) fn url(&self) -> String {
        match &self.tls {
            Some((port, _)) => format!("https://127.0.0.1:{port}/hook"),
            None => self.receiver.url(),
        }
    }

    pub(super) fn known_as(self, id: &str) -> Self {
        Self {
            endpoint: Some(endpoint_id(id)),
            ..self
        }
    }

    pub(super) fn endpoint(&self) -> EndpointId {
        self.endpoint.unwrap()
    }

    /// Holds what it has on its disk against the `events` of the logs.
    pub(super) fn judge(&self, events: &HashMap<String, String>, most_doubles: usize) {
        let kind = self.kind;
        assert!(self.trap.seen().is_empty(), "nobody follows a redirect");
        let kept = std::fs::read_to_string(&self.file).unwrap();
        assert!(!kind.is_forbidden() || kept.is_empty(), "{kind:?}");
        let mut seen = HashSet::new();
        let mut last: HashMap<String, i64> = HashMap::new();
        let mut requests = 0;
        for line in kept.lines() {
            requests += 1;
            let (id, body) = line.split_once('\t').unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            let data = &body["data"];
            let text = data["text"]["body"].as_str().unwrap();
            assert_eq!(
                events.get(id).map(String::as_str),
                Some(text),
                "{kind:?}: one id each"
            );
            if !seen.insert(id.to_owned()) {
                continue;
            }
            let session = data["session"].as_str().unwrap().to_owned();
            let seq = data["seq"].as_i64().unwrap();
            let before = last.insert(session, seq).unwrap_or(0);
            assert!(before < seq, "{kind:?}: {seq} came after {before}");
        }
        if kind.is_well() {
            assert_eq!(
                seen.len(),
                events.len(),
                "{kind:?}: every event at least once"
            );
            let doubles = requests - seen.len();
            assert!(doubles <= most_doubles, "{kind:?}: {doubles} doubles");
        }
    }
}

/// A port where every handshake shows a certificate that expired years ago.
async fn expired() -> (u16, JoinSet<()>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut handshakes = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            handshakes.spawn(async move {
                let done = acceptor.accept(stream).await;
                assert!(done.is_err(), "the service refuses the certificate");
            });
        }
    });
    (port, tasks)
}
