//! V12, communication: with a certificate of its own the service speaks TLS and nothing else.

use std::path::Path;

use super::NOWHERE;
use crate::harness::processes::{DEADLINE, POLL, Wharf};

fn certificate(folder: &Path) -> (String, String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    (path(&certificate), path(&key), made.cert.pem().into_bytes())
}

#[tokio::test]
async fn a_service_with_a_certificate_answers_over_tls_is_healthy_and_says_nothing_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, root) = certificate(folder.path());
    let mut wharf = Wharf::at(folder.path(), NOWHERE)
        .env("WHARF_HTTP__TLS_CERTIFICATE", &certificate)
        .env("WHARF_HTTP__TLS_KEY", &key);
    wharf.launch();
    let root = reqwest::Certificate::from_pem(&root).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/readyz", wharf.port());
    let started = std::time::Instant::now();
    while client.get(&url).send().await.is_err() {
        assert!(
            started.elapsed() < DEADLINE,
            "it does not answer: {}",
            wharf.said()
        );
        tokio::time::sleep(POLL).await;
    }
    let ready = client.get(&url).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let plain = format!("http://localhost:{}/readyz", wharf.port());
    assert!(client.get(plain).send().await.is_err());
    let health = std::process::Command::new(env!("CARGO_BIN_EXE_wharf"))
        .arg("healthcheck")
        .env("WHARF_HTTP__PORT", wharf.port().to_string())
        .env("WHARF_HTTP__TLS_CERTIFICATE", &certificate)
        .env("WHARF_HTTP__TLS_KEY", &key)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        health.status.success(),
        "{}",
        String::from_utf8_lossy(&health.stderr)
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_shown_refuses_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = certificate(folder.path());
    std::fs::write(&key, "no key").unwrap();
    let mut wharf = Wharf::at(folder.path(), NOWHERE)
        .env("WHARF_HTTP__TLS_CERTIFICATE", &certificate)
        .env("WHARF_HTTP__TLS_KEY", &key);
    wharf.launch();
    assert!(!wharf.until_exit().await.success());
    assert!(wharf.said().contains("tls.key"), "{}", wharf.said());

    let mut half = Wharf::at(folder.path(), NOWHERE).env("WHARF_HTTP__TLS_KEY", &key);
    half.launch();
    assert!(!half.until_exit().await.success());
    assert!(
        half.said().contains("http.tls_certificate"),
        "{}",
        half.said()
    );
}
