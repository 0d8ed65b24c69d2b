//! Every way in which a source can be wrong, and the order of the sources.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::ExposeSecret;

use super::*;

fn sources(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        env: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        flags: Flags::default(),
    }
}

fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().display().to_string();
    (file, path)
}

fn faults(sources: &Sources) -> String {
    Config::load(sources).unwrap_err().to_string()
}

#[test]
fn later_sources_win_over_earlier_ones() {
    let (_file, path) = file("[http]\nport = 1000\nmax_connections = 7\n[data]\ndir = \"/file\"\n");
    let mut from = sources(&[
        ("WHARF_CONFIG", &path),
        ("PORT", "2000"),
        ("DATA_DIR", "/env"),
    ]);
    from.flags.values = vec![("http.port", "3000".to_owned())];
    let config = Config::load(&from).unwrap();
    assert_eq!(config.http.port, 3000);
    assert_eq!(config.data.dir, Path::new("/env"));
    assert_eq!(config.http.max_connections, 7);
    assert_eq!(config.http.host, IpAddr::V4(Ipv4Addr::LOCALHOST));
}

#[test]
fn the_long_name_wins_over_the_short_one_and_an_empty_one_counts_as_none() {
    let config = Config::load(&sources(&[
        ("HOST", "0.0.0.0"),
        ("WHARF_HTTP__HOST", "localhost"),
        ("WHARF_HTTP__PORT", ""),
    ]))
    .unwrap();
    assert_eq!(config.http.host, IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(config.http.port, 8080);
}

#[test]
fn all_faults_are_told_at_once() {
    let (_file, path) = file("[http]\nprot = 1\nport = \"many\"\n[htpp]\nx = 1\n");
    let told = faults(&sources(&[
        ("WHARF_CONFIG", &path),
        ("DB_TYPE", "oracle"),
        ("WHARF_WEBHOOKS__CONCURENCY", "3"),
        ("WHARF_WEBHOOKS__TIMEOUT_MS", "0"),
    ]));
    for expected in [
        "http.prot: unknown key; did you mean http.port?",
        "http.port: expected a whole number from 0 to 65535",
        "[htpp]: unknown section; did you mean http?",
        "DB_TYPE: expected sqlite, postgres or mysql",
        "unknown variable; did you mean WHARF_WEBHOOKS__CONCURRENCY?",
        "webhooks.timeout_ms: must be at least 1",
    ] {
        assert!(told.contains(expected), "{expected} is missing in: {told}");
    }
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let (_file, path) = file("[http]\nport = = 3\n");
    let told = faults(&sources(&[("WHARF_CONFIG", &path)]));
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn a_named_file_must_be_there() {
    let told = faults(&sources(&[("WHARF_CONFIG", "/nowhere/wharf.toml")]));
    assert!(
        told.contains("/nowhere/wharf.toml: cannot be read"),
        "{told}"
    );
}

#[test]
fn a_secret_may_come_from_a_file_and_not_from_two_places() {
    let (_file, path) = file("a secret of thirty-two characters\n");
    let config = Config::load(&sources(&[("JWT_SECRET_FILE", &path)])).unwrap();
    let secret = config.auth.jwt_secret.unwrap();
    assert_eq!(secret.expose_secret(), "a secret of thirty-two characters");

    let told = faults(&sources(&[("JWT_SECRET_FILE", &path), ("JWT_SECRET", "x")]));
    assert!(told.contains("JWT_SECRET_FILE is set as well"), "{told}");
    let told = faults(&sources(&[("WHARF_AUTH__MASTER_KEY_FILE", "/nowhere")]));
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn only_secrets_have_a_file_variant() {
    let told = faults(&sources(&[("WHARF_HTTP__PORT_FILE", "/etc/hostname")]));
    assert!(told.contains("did you mean WHARF_HTTP__PORT?"), "{told}");
}

#[test]
fn a_list_is_an_array_in_the_file_and_commas_in_the_environment() {
    let (_file, path) = file("[egress]\nallow = [\"10.0.0.0/8\", \"::1\"]\n");
    let config = Config::load(&sources(&[("WHARF_CONFIG", &path)])).unwrap();
    assert_eq!(config.egress.allow.len(), 2);
    let config = Config::load(&sources(&[(
        "WHARF_EGRESS__ALLOW",
        "10.0.0.0/8, 192.168.1.1",
    )]));
    assert_eq!(
        config.unwrap().egress.allow[1].to_string(),
        "192.168.1.1/32"
    );
    let told = faults(&sources(&[("WHARF_EGRESS__ALLOW", "10.0.0.0/8,office")]));
    assert!(told.contains("not \"office\""), "{told}");
}

#[test]
fn a_fault_never_repeats_the_secret_that_it_is_about() {
    let told = faults(&sources(&[("WHARF_AUTH__MASTER_KEY", "hunter2")]));
    assert!(told.contains("64 hexadecimal digits"), "{told}");
    assert!(!told.contains("hunter2"));
}
