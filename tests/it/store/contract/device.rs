//! The device itself.

use wacore::store::Device;

use super::{Store, expectations};

expectations!(
    a_created_device_exists,
    a_saved_device_comes_back_whole,
    a_device_that_is_saved_needs_no_creation,
);

async fn a_created_device_exists(store: Store) {
    assert!(!store.exists().await.unwrap());
    assert!(store.load().await.unwrap().is_none());
    assert!(store.create().await.unwrap() > 0);
    assert!(store.exists().await.unwrap());
    let first = store.load().await.unwrap().unwrap();
    store.create().await.unwrap();
    let second = store.load().await.unwrap().unwrap();
    assert_eq!(first.registration_id, second.registration_id);
    store.snapshot_db("name", Some(b"content")).await.unwrap();
}

async fn a_saved_device_comes_back_whole(store: Store) {
    let mut device = Device::new();
    device.pn = Some("5511987650001:5@s.whatsapp.net".parse().unwrap());
    device.lid = Some("100000012345678:5@lid".parse().unwrap());
    device.push_name = String::from("Ærlig 🐙");
    device.next_pre_key_id = 813;
    device.nct_salt = Some(vec![1, 2, 3]);
    store.save(&device).await.unwrap();
    let kept = store.load().await.unwrap().unwrap();
    assert_eq!(kept.pn, device.pn);
    assert_eq!(kept.lid, device.lid);
    assert_eq!(kept.push_name, device.push_name);
    assert_eq!(kept.registration_id, device.registration_id);
    assert_eq!(kept.adv_secret_key, device.adv_secret_key);
    assert_eq!(
        kept.signed_pre_key_signature,
        device.signed_pre_key_signature
    );
    assert_eq!(kept.next_pre_key_id, 813);
    assert_eq!(kept.nct_salt, device.nct_salt);
    for (kept, made) in [
        (&kept.noise_key, &device.noise_key),
        (&kept.identity_key, &device.identity_key),
        (&kept.signed_pre_key, &device.signed_pre_key),
    ] {
        assert_eq!(kept.private_key.serialize(), made.private_key.serialize());
        assert_eq!(kept.public_key, made.public_key);
    }
}

async fn a_device_that_is_saved_needs_no_creation(store: Store) {
    let mut device = Device::new();
    for name in ["one", "two"] {
        device.push_name = name.to_owned();
        store.save(&device).await.unwrap();
    }
    assert!(store.exists().await.unwrap());
    assert_eq!(store.load().await.unwrap().unwrap().push_name, "two");
}
