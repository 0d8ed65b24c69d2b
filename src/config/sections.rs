//! The sections of the configuration and their defaults.
//!
//! Owns the names: they are what operators write, so that a rename is a breaking change. The comments become
//! `docs/config.md`. Must never decide anything.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::key::{Setting, quoted, section};

section! {
    /// Where the process keeps what is its own.
    pub struct Data = "data" {
        /// Folder of the embedded database, generated secrets and, in a sandbox build, the sandbox's people.
        /// One process at a time holds it.
        dir: PathBuf = PathBuf::from("./data"), env "DATA_DIR";
    }
}

section! {
    /// Where the service listens and what it lets in.
    pub struct Http = "http" {
        /// Address to listen on. Anything but loopback needs secrets and passwords of your own.
        host: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST), env "HOST";
        /// Port to listen on; 0 takes a free one.
        port: u16 = 8080, env "PORT";
        /// How the service is reached from outside, for the links it hands out. Default: the address it listens on.
        public_url: Option<Url> = None;
        /// The certificate that the service shows itself, with those that lead to a root, PEM; it goes with `tls_key`. A new one
        /// is taken up within half a minute. Without it the service speaks plain HTTP: put it behind a proxy that has one.
        tls_certificate: Option<PathBuf> = None;
        /// The key of that certificate, PEM.
        tls_key: Option<PathBuf> = None;
        /// Proxies whose `X-Forwarded-For` is believed. They are exempt from the limit per address.
        trusted_proxies: Vec<IpNet> = Vec::new();
        /// Origins whose pages may use the API from a browser, `https://shop.example` for instance; `*` allows all.
        cors_origins: Vec<String> = Vec::new();
        /// Connections at the same time. One more is answered 503.
        max_connections: u32 = 10_000;
        /// Connections at the same time from one address (IPv6: from one /64).
        max_connections_per_address: u32 = 2_500;
        /// How long a client may take to send the head of a request, and rest between two requests.
        header_timeout_ms: u64 = 10_000;
        /// How long a client may take to send the body of a request.
        body_timeout_ms: u64 = 30_000;
        /// Requests that one account, with its members and keys, may make at once; as many are given back each minute. One more is
        /// answered 429.
        requests_per_minute: u32 = 1_200;
        /// The same for each key, each link token and each user who has signed in. What is too fast for it uses up nothing of the
        /// account's. Default: no limit but that of the account.
        requests_per_minute_per_key: Option<u32> = None;
        /// The same for each address (IPv6: each /64), on every path that wants a credential, before that is looked at. Behind
        /// `trusted_proxies` it is the address that they tell.
        requests_per_minute_per_address: u32 = 60_000;
        /// Requests that are worked on at the same time; further ones wait, each tenant's in turn. One tenant has three places in four
        /// at most.
        requests_at_once: u32 = 64;
        /// Live sockets and streams of one token at the same time. One more is answered 429.
        sockets_per_token: u32 = 20;
        /// Live sockets and streams from one address at the same time (IPv6: from one /64). A tenth of it, and no less
        /// than 10, is how many sockets the address may open in a second, after a burst of half of it.
        sockets_per_address: u32 = 100;
    }
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// The embedded default: one file in the data folder.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl Setting for DatabaseKind {
    const KIND: &'static str = "`sqlite`, `postgres` or `mysql`";

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "sqlite" | "sqlite3" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mysql" | "mariadb" => Ok(Self::Mysql),
            _ => Err("expected sqlite, postgres or mysql".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }))
    }
}

section! {
    /// The one database of the service.
    pub struct Database = "database" {
        /// `sqlite://…`, `postgres://…` or `mysql://…`. It wins over the parts below.
        url: Option<SecretString> = None, env "DATABASE_URL";
        /// Which database, when there is no `url`.
        kind: DatabaseKind = DatabaseKind::Sqlite, env "DB_TYPE";
        /// Its host.
        host: String = "localhost".to_owned(), env "DB_HOST";
        /// Its port. Default: 5432 for PostgreSQL, 3306 for MySQL.
        port: Option<u16> = None, env "DB_PORT";
        /// Its user.
        user: Option<String> = None, env "DB_USER";
        /// The password of that user.
        password: Option<SecretString> = None, env "DB_PASS";
        /// Its name; for SQLite the name of the file in the data folder, without `.db`. Default there: `wharf`.
        name: Option<String> = None, env "DB_NAME";
        /// Connections of the pool.
        max_connections: u32 = 10;
    }
}

section! {
    /// Who may come in.
    pub struct Auth = "auth" {
        /// Signs access tokens. Default: 32 random bytes, generated into `jwt.secret` of the data folder.
        jwt_secret: Option<SecretString> = None, env "JWT_SECRET";
        /// The secret before this one, while it is changed: tokens that it has signed are taken for as long as they live.
        previous_jwt_secret: Option<SecretString> = None;
        /// Wraps every key at rest: 64 hexadecimal digits. Default: generated into `master.key` of the data folder.
        /// Without it the sessions in the database are lost: keep a copy apart from the database.
        master_key: Option<SecretString> = None;
        /// Another master key, 64 hexadecimal digits, while it is changed. It opens, and never seals; what it has sealed is sealed
        /// anew after the start, which the log tells, and then it can go. With several nodes give the new key to all of them
        /// here first, then let the two change places.
        other_master_key: Option<SecretString> = None;
        /// Name of the first administrator.
        admin_username: String = "admin".to_owned(), env "ADMIN_USERNAME";
        /// Password of the first administrator. Default: a one-time setup link in the log; a sandbox build on
        /// loopback takes `admin123`.
        admin_password: Option<SecretString> = None, env "ADMIN_PASSWORD";
        /// An outer issuer whose tokens are taken besides our own, as they name it in `iss`; it goes with `issuer_keys`. Its tokens
        /// act for a user of this service, who has to be there.
        issuer: Option<String> = None;
        /// Where that issuer publishes its keys (a JWK set).
        issuer_keys: Option<Url> = None;
        /// What its tokens for this service say in `aud`.
        issuer_audience: String = "wharf".to_owned();
        /// The claim that holds the name of the user: `sub`, or `preferred_username` for instance.
        issuer_claim: String = "sub".to_owned();
        /// How long the audit log keeps a change, in days.
        audit_days: u32 = 365;
        /// One static token for the whole service, for scripts of the X-Session-Id service (`header_session`). It acts
        /// for the first administrator, on the paths of that dialect alone.
        token: Option<SecretString> = None, env "AUTH_TOKEN";
    }
}

section! {
    /// The WhatsApp sessions of this process.
    pub struct Sessions = "sessions" {
        /// The name that the phone shows under "Linked devices".
        device_name: String = "Wharf".to_owned();
        /// How many days back messages are taken over that a phone tells of when it links, in sessions with `sync_history`.
        history_days: u32 = 365;
    }
}

section! {
    /// How fast a session sends whose owner has switched `account_protection` on. Others send as fast as they can.
    pub struct Pacing = "pacing" {
        /// Messages a minute. What is more waits, stored, in the order in which it was asked for.
        messages_per_minute: u32 = 20;
        /// Messages that go out one after the other after a rest.
        burst: u32 = 3;
        /// How long typing is shown for each character of a text before it is sent; 0 shows none.
        typing_ms_per_character: u64 = 50;
        /// How long typing is shown at most.
        typing_max_ms: u64 = 4_000;
    }
}

section! {
    /// The event log of each session. What is taken from it is told to readers as a gap.
    pub struct Events = "events" {
        /// How many days an event can be read again. One that a delivery still waits for stays longer.
        retention_days: u32 = 30;
        /// How many events the log of one session holds; the oldest go first.
        retention_count: u32 = 100_000;
    }
}

section! {
    /// The delivery of webhooks.
    pub struct Webhooks = "webhooks" {
        /// Posts under way at the same time.
        concurrency: u32 = 256;
        /// How long one post may take, the answer's body included.
        timeout_ms: u64 = 15_000;
        /// How many days a delivery that has ended, and an attempt, can be looked up and delivered again.
        retention_days: u32 = 30;
    }
}

section! {
    /// The files that are sent and received.
    pub struct Media = "media" {
        /// Folder of the files. Default: `media` in the data folder.
        dir: Option<PathBuf> = None;
        /// How many days a file stays that nobody sends or reads. What WhatsApp still has is fetched again.
        retention_days: u32 = 90;
        /// Name of an S3 bucket. With it the files are kept there and not in a folder.
        s3_bucket: Option<String> = None;
        /// What the names of the objects begin with.
        s3_prefix: String = String::new();
        /// Where the bucket is, `https://minio.example:9000` for instance. Default: Amazon's.
        s3_endpoint: Option<Url> = None;
        /// The bucket's region.
        s3_region: String = "us-east-1".to_owned();
        /// Who asks for objects. Default: what an Amazon machine says of itself.
        s3_access_key_id: Option<String> = None;
        /// The secret of that.
        s3_secret_access_key: Option<SecretString> = None;
    }
}

section! {
    /// Where the service itself may connect to when a user names the address (webhooks, media by URL).
    pub struct Egress = "egress" {
        /// Ranges that are allowed although they are private, loopback or link-local. A sandbox build that listens
        /// on loopback allows loopback when this is empty.
        allow: Vec<IpNet> = Vec::new();
    }
}

section! {
    /// The dialect of the X-Session-Id service: `/qr`, `/send`, `/status` and `/health`.
    pub struct HeaderSession = "header_session" {
        /// Whether its paths answer.
        enabled: bool = true;
        /// Whether it takes requests without an `Authorization` header, for the first administrator. On loopback only.
        open: bool = false;
    }
}

section! {
    /// The dialect of the WhatsApp Multi-Session API: `/api/…`.
    pub struct Multisession = "multisession" {
        /// Whether its paths answer.
        enabled: bool = true;
        /// Origins whose pages may use it from a browser; `*` allows all, a page from a file too. Nothing here hangs on a
        /// cookie: a page needs a token.
        origins: Vec<String> = vec!["*".to_owned()], env "CORS_ALLOWED_ORIGINS";
    }
}

section! {
    /// The dialect of the Wasender API: `/api/whatsapp-sessions`, `/api/send-message`, …
    pub struct Wasender = "wasender" {
        /// Whether its paths answer.
        enabled: bool = true;
        /// Origins whose pages may use it from a browser; `*` allows all. Nothing here hangs on a cookie: a page needs a token.
        origins: Vec<String> = vec!["*".to_owned()];
    }
}

section! {
    /// Several nodes on one database.
    pub struct Cluster = "cluster" {
        /// A NATS server that carries hints between nodes. This version runs as one node and says so at the start.
        nats_url: Option<SecretString> = None, env "NATS_URL";
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One object per line.
    Json,
}

impl Setting for LogFormat {
    const KIND: &'static str = "`auto`, `pretty` or `json`";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("expected auto, pretty or json".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(match self {
            Self::Auto => "auto",
            Self::Pretty => "pretty",
            Self::Json => "json",
        }))
    }
}

section! {
    /// What the process writes to its standard error.
    pub struct Log = "log" {
        /// Level of Wharf's own lines: `error`, `warn`, `info`, `debug` or `trace`. Libraries stay at `warn`.
        level: String = "info".to_owned();
        /// Directives such as `warn,wharf::webhook=debug` in place of `level`.
        filter: Option<String> = None, env "RUST_LOG";
        /// `auto` is `pretty` on a terminal and `json` otherwise.
        format: LogFormat = LogFormat::Auto;
    }
}

section! {
    /// The WhatsApp that a sandbox build plays. A live build has none.
    pub struct Sandbox = "sandbox" {
        /// Where the embedded sandbox listens: WhatsApp socket, media and control API.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);
        /// A sandbox in another process, `ws://host:port/ws/chat`, instead of the embedded one. A live build that is
        /// pointed there refuses what it meets: that server cannot prove to be WhatsApp.
        url: Option<Url> = None;
    }
}
