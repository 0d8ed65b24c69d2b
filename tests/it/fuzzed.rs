//! Plays the seeds of the fuzz targets, and whatever they once failed on, with their own bodies.

use std::path::Path;

#[path = "../../fuzz/bodies.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets use the same file")]
mod bodies;

fn plays(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let seeds = std::fs::read_dir(&folder).unwrap();
    let mut played = 0;
    for seed in seeds.map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&seed).unwrap();
        let passed = std::panic::catch_unwind(|| body(&bytes)).is_ok();
        assert!(passed, "{} fails", seed.display());
        played += 1;
    }
    assert!(played > 0, "{} is empty", folder.display());
}

#[test]
fn every_address_that_was_tried_is_shown_in_one_form() {
    plays("addresses", bodies::addresses);
}

#[test]
fn every_message_that_was_tried_can_be_told_stored_and_read() {
    plays("incoming", bodies::incoming);
}

#[test]
fn every_card_that_was_tried_can_be_read() {
    plays("vcards", bodies::vcards);
}

#[test]
fn every_filter_that_was_tried_is_the_same_after_it_was_stored() {
    plays("filters", bodies::filters);
}
