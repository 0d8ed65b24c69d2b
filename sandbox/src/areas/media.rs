//! Media: an opaque store of ciphertexts, and the phones that encrypt and decrypt what is in it.
//!
//! The server's part knows names and sizes only: a blob is named by the hash of its ciphertext, and nothing that does
//! not hash to its name is taken. What a blob means is known to whoever has the key in the message.

mod again;
mod attach;
mod http;
mod opened;
mod routes;
mod shelf;

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use wacore::download::MediaType;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::dispatch::{Answer, Client, HandlerTable};
use crate::hub::Hub;
use crate::stanza::Refusal;
use crate::world::World;

pub(crate) use again::asked;
pub(crate) use attach::{AttachFault, Attachment, File, Kind, attach, attach_open};
pub(crate) use http::router;
pub(crate) use opened::{Sealed, handle_of, opened, sealed, seen, shown};
pub(crate) use routes::routes;
pub(crate) use shelf::{Shelf, ShelfFault};

/// A client asks for a new token after this time.
const AUTH_TTL_S: u32 = 3600;

/// Where media lives during this run. Not kept: a client whose token is from an earlier run is told to ask again.
#[derive(Debug, Default)]
pub(crate) struct Door {
    host: String,
    auth: String,
    dropped: again::Dropped,
}

pub(crate) fn register(table: &mut HandlerTable) {
    table.iq("w:m", "media_conn", media_conn);
}

/// Called once, when the listener is bound.
pub(crate) fn open_door(world: &mut World, addr: SocketAddr) {
    let ip = if addr.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        addr.ip().to_string()
    };
    let auth = hex::encode(world.random::<24>());
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip
    };
    world.areas.media = Door {
        host: format!("{host}:{}", addr.port()),
        auth,
        dropped: again::Dropped::default(),
    };
}

fn media_conn(world: &mut World, _: Client, _: &Node) -> Result<Answer, Refusal> {
    let door = &world.areas.media;
    let host = NodeBuilder::new("host")
        .attr("hostname", door.host.as_str())
        .attr("type", "primary")
        .children([
            NodeBuilder::new("upload").build(),
            NodeBuilder::new("download").build(),
        ])
        .build();
    let conn = NodeBuilder::new("media_conn")
        .attr("auth", door.auth.as_str())
        .attr("ttl", AUTH_TTL_S.to_string())
        .attr("auth_ttl", AUTH_TTL_S.to_string())
        .attr("max_buckets", "12")
        .children([host])
        .build();
    Answer::node(conn)
}

/// Puts an encrypted file on the shelf; gives where it is.
pub(crate) async fn shelve(
    hub: &Hub,
    kind: MediaType,
    hash: &[u8; 32],
    sealed: Vec<u8>,
) -> Result<String, ShelfFault> {
    let token = shelf::token_of(hash);
    let whole = stream::iter([Ok::<_, std::io::Error>(Bytes::from(sealed))]);
    hub.shelf().put(&token, whole).await?;
    Ok(direct_path(kind.mms_type(), &token))
}

/// Puts a file of a channel on the shelf, as it is; gives where it is.
pub(crate) async fn shelve_open(
    hub: &Hub,
    kind: MediaType,
    hash: &[u8; 32],
    plain: Vec<u8>,
) -> Result<String, ShelfFault> {
    let token = shelf::token_of(hash);
    let whole = stream::iter([Ok::<_, std::io::Error>(Bytes::from(plain))]);
    hub.shelf().put(&token, whole).await?;
    let kind = format!("newsletter-{}", kind.mms_type());
    Ok(open_path(&kind, &token))
}

/// The path of a blob, for upload and download.
fn direct_path(kind: &str, token: &str) -> String {
    format!("/mms/{kind}/{token}")
}

/// The same for a file of a channel.
fn open_path(kind: &str, token: &str) -> String {
    format!("/newsletter/{kind}/{token}")
}

fn url(door: &Door, path: &str) -> String {
    format!("https://{}{path}", door.host)
}

/// Where a client finds something else that this listener serves.
pub(crate) fn public_url(world: &World, path: &str) -> String {
    url(&world.areas.media, path)
}
