//! V6, authentication: who guesses passwords gains nothing, and keeps nobody out.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::served;
use crate::harness::http_client;

const GUESSES: u32 = 10_000;
const ADDRESSES: u8 = 100;
/// The first part, after which the memory has its size.
const FIRST: u32 = 2_000;
/// How much more the process may hold after the rest, in KiB: what an allocator keeps is not all alike.
const MORE_KIB: u64 = 8 * 1024;

/// The memory of a process of its own, in KiB.
fn anonymous(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_guesses_from_a_hundred_addresses_keep_the_owner_out_of_nothing() {
    let (_folder, wharf) = served().await;
    let url = wharf.url("/v1/auth/login");
    let clients: Vec<_> = (0..ADDRESSES)
        .map(|number| {
            let from = Ipv4Addr::new(127, 0, 9, number);
            let client = http_client().local_address(IpAddr::V4(from));
            client.build().unwrap()
        })
        .collect();
    let guess = async |number: u32| {
        let client = &clients[number as usize % clients.len()];
        let body = json!({"username": "admin", "password": format!("guess {number}")});
        let answer = client.post(&url).json(&body).send().await.unwrap();
        answer.status().as_u16()
    };
    let guesses = async |numbers: std::ops::Range<u32>| {
        let answers: Vec<u16> = stream::iter(numbers)
            .map(&guess)
            .buffer_unordered(50)
            .collect()
            .await;
        answers
    };
    let mut answers = guesses(0..FIRST).await;
    let before = anonymous(wharf.id());
    let owner = async {
        for _ in 0..100 {
            wharf.call("GET", "/v1/me", Value::Null).await;
        }
        let right = json!({"username": "admin", "password": "admin123"});
        wharf.call("POST", "/v1/auth/login", right).await
    };
    let (rest, signed_in) = tokio::join!(guesses(FIRST..GUESSES), owner);
    assert!(signed_in["access_token"].is_string());
    answers.extend(rest);
    assert_eq!(answers.len(), GUESSES as usize);
    let tried = answers.iter().filter(|status| **status == 401).count();
    assert!(answers.iter().all(|status| matches!(status, 401 | 429)));
    // Each address has its few; a password that is looked at costs the attacker's time, not ours.
    assert!(
        tried <= usize::from(ADDRESSES) * 6,
        "{tried} were looked at"
    );
    let after = anonymous(wharf.id());
    assert!(after <= before + MORE_KIB, "{before} KiB, then {after} KiB");
}
