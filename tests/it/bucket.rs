//! Files in a bucket: a real S3 server, asked as in production, with signatures and parts.

use std::{
    io::Read as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use bytes::Bytes;
use entity::ids::{MediaId, SessionId};
use futures_util::{TryStreamExt as _, stream};
use wharf::media::{Intake, IntakeError, Place, S3, Store, StoreError};

use crate::harness::{
    http_client,
    processes::{DEADLINE, POLL, Process},
};

const BUCKET: &str = "wharf-files";

struct Server {
    _process: Process,
    url: String,
}

impl Server {
    /// It takes a port itself and says which: nobody else can have it.
    async fn start() -> Self {
        let home = std::env::var_os("TEST_S3").expect(
            "TEST_S3 is not set: `make test` installs the server and sets it (scripts/s3.sh)",
        );
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let process = Process::start(
            Command::new("python3")
                .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
                .env("PYTHONPATH", PathBuf::from(home).join("python"))
                .env("PYTHONUNBUFFERED", "1")
                .stdout(Stdio::null())
                .stderr(log.reopen().unwrap()),
        );
        let mut said = String::new();
        let begun = Instant::now();
        let url = loop {
            log.read_to_string(&mut said).unwrap();
            let line = said.lines().find_map(|line| line.split_once("Running on "));
            if let Some((_, url)) = line.filter(|_| said.ends_with('\n')) {
                break url.trim_end().to_owned();
            }
            assert!(begun.elapsed() < DEADLINE, "no S3 server: {said}");
            tokio::time::sleep(POLL).await;
        };
        let server = Self {
            _process: process,
            url,
        };
        server.make_the_bucket().await;
        server
    }

    async fn make_the_bucket(&self) {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = http_client().build().unwrap();
        let made = client.put(format!("{}/{BUCKET}", self.url)).send().await;
        made.unwrap().error_for_status().unwrap();
    }

    fn store(&self, bucket: &str) -> Store {
        let s3 = S3 {
            bucket: bucket.to_owned(),
            prefix: "some/where".to_owned(),
            endpoint: Some(self.url.clone()),
            region: "eu-west-1".to_owned(),
            key_id: Some("wharf".to_owned()),
            secret: Some("not much of a secret".into()),
        };
        Store::open(&Place::S3(s3)).unwrap()
    }
}

fn pieces(bytes: &[u8]) -> impl futures_util::Stream<Item = Result<Bytes, String>> + Send + use<> {
    let pieces: Vec<_> = bytes
        .chunks(100_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}

#[tokio::test]
async fn a_file_of_many_parts_is_kept_in_a_bucket_read_in_ranges_and_taken_out() {
    let server = Server::start().await;
    let store = server.store(BUCKET);
    let key = (SessionId::new(), MediaId::new());
    // More than two of the parts that S3 takes.
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let taken = Intake::take(&store, key, u64::MAX, pieces(&bytes))
        .await
        .unwrap();
    assert_eq!(taken.size, bytes.len() as u64);
    let read = |range| {
        let store = store.clone();
        async move {
            let found = store.read(key.0, key.1, range).await.unwrap();
            found.try_collect::<Vec<Bytes>>().await.unwrap().concat()
        }
    };
    assert!(read(None).await == bytes);
    assert_eq!(
        read(Some(5_999_000..6_000_100)).await,
        bytes[5_999_000..6_000_100]
    );
    store.remove(key.0, key.1).await.unwrap();
    let gone = store.read(key.0, key.1, None).await.err().unwrap();
    assert!(matches!(gone, StoreError::Missing), "{gone}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_in_the_bucket_and_a_bucket_that_is_not_there_says_so() {
    let server = Server::start().await;
    let store = server.store(BUCKET);
    let key = (SessionId::new(), MediaId::new());
    let bytes = vec![7; 7_000_000];
    let large = Intake::take(&store, key, 6_000_000, pieces(&bytes)).await;
    assert!(matches!(large, Err(IntakeError::TooLarge { .. })));
    assert!(store.read(key.0, key.1, None).await.is_err());
    let nowhere = server.store("no-such-bucket");
    let refused = Intake::take(&nowhere, key, u64::MAX, pieces(&bytes)).await;
    assert!(matches!(refused, Err(IntakeError::Store(_))), "{refused:?}");
}
