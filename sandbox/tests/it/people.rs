//! Who is there: usync as the client asks it.

use wacore_binary::Jid;

use crate::harness::{ALICE, BOB, Field};

#[tokio::test]
async fn a_client_learns_who_is_on_whatsapp_and_under_which_lid() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let asked: Vec<Jid> = [BOB, "491700000000"]
        .iter()
        .map(|number| format!("{number}@s.whatsapp.net").parse().unwrap())
        .collect();
    let found = desk
        .client()
        .contacts()
        .is_on_whatsapp(&asked)
        .await
        .unwrap();
    let bob = found.iter().find(|r| r.jid.user == BOB).unwrap();
    assert!(bob.is_registered);
    let phone = field
        .post("/phones", serde_json::json!({ "number": BOB }))
        .await;
    assert_eq!(phone["lid"], bob.lid.as_ref().unwrap().to_string());
    let nobody = found.iter().find(|r| r.jid.user == "491700000000");
    assert!(nobody.is_none_or(|r| !r.is_registered));
}
