//! What devices ask about channels over `w:mex`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use wacore::iq::mex_operations::{
    create_newsletter, delete_newsletter, fetch_all_newsletters_metadata, fetch_newsletter,
    join_newsletter, leave_newsletter, update_newsletter, update_newsletter_user_setting,
};
use wacore_binary::{Jid, Server};

use super::change::{self, Changes};
use super::jid_of;
use crate::areas::mex::Data;
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

/// The answer to a query, if it is one about channels.
pub(crate) fn queried(world: &mut World, me: Pn, query: &str, variables: &Value) -> Option<Data> {
    Some(match query {
        create_newsletter::DOC_ID => create(world, me, variables),
        fetch_newsletter::DOC_ID => fetch(world, me, variables),
        fetch_all_newsletters_metadata::DOC_ID => Ok(all(world, me)),
        join_newsletter::DOC_ID => about(world, variables, |world, id| {
            change::follow(world, id, me)?;
            Ok(json!({ "xwa2_newsletter_join_v2": view(world, id, me) }))
        }),
        leave_newsletter::DOC_ID => about(world, variables, |world, id| {
            change::leave(world, id, me)?;
            Ok(json!({ "xwa2_newsletter_leave_v2": gone(id) }))
        }),
        delete_newsletter::DOC_ID => about(world, variables, |world, id| {
            change::delete(world, id, me)?;
            Ok(json!({ "xwa2_newsletter_delete_v2": gone(id) }))
        }),
        update_newsletter::DOC_ID => about(world, variables, |world, id| {
            let changes = changes(&variables["updates"])?;
            change::update(world, id, me, changes)?;
            Ok(json!({ "xwa2_newsletter_update": view(world, id, me) }))
        }),
        update_newsletter_user_setting::DOC_ID => {
            let input = &variables["input"];
            about(world, input, |world, id| {
                let setting = input["type"].as_str().unwrap_or_default();
                let muted = input["value"] == "ON";
                change::mute(world, id, me, (setting, muted))?;
                Ok(json!({ "xwa2_newsletter_update_user_setting": gone(id) }))
            })
        }
        _ => return None,
    })
}

/// Something about the channel that `variables` name.
fn about(
    world: &mut World,
    variables: &Value,
    what: impl FnOnce(&mut World, &str) -> Data,
) -> Data {
    let id = named(&variables["newsletter_id"])?;
    what(world, &id)
}

fn named(address: &Value) -> Result<String, Refusal> {
    let jid: Option<Jid> = address.as_str().and_then(|text| text.parse().ok());
    let jid = jid.filter(|jid| jid.server == Server::Newsletter);
    jid.map(|jid| jid.user.to_string())
        .ok_or(Refusal::BAD_REQUEST)
}

fn changes(from: &Value) -> Result<Changes, Refusal> {
    let text = |name: &str| from[name].as_str().map(str::to_owned);
    let picture = from["picture"]
        .as_str()
        .map(|text| BASE64_STANDARD.decode(text));
    Ok(Changes {
        name: text("name"),
        description: text("description"),
        picture: picture.transpose().map_err(|_| Refusal::BAD_REQUEST)?,
    })
}

fn create(world: &mut World, me: Pn, variables: &Value) -> Data {
    let changes = changes(&variables["input"])?;
    let id = change::create(world, me, changes)?;
    Ok(json!({ "xwa2_newsletter_create": view(world, &id, me) }))
}

fn fetch(world: &mut World, me: Pn, variables: &Value) -> Data {
    let input = &variables["input"];
    let id = match input["type"].as_str() {
        Some("INVITE") => {
            let code = input["key"].as_str().unwrap_or_default();
            change::invited(world, code)?
        }
        _ => named(&input["key"])?,
    };
    change::find(world, &id)?;
    Ok(json!({ "xwa2_newsletter": view(world, &id, me) }))
}

fn all(world: &World, me: Pn) -> Value {
    let channels = world.areas.channels.channels.iter();
    let own = channels.filter(|(_, channel)| channel.reads(me));
    let own: Vec<Value> = own.map(|(id, _)| view(world, id, me)).collect();
    json!({ "xwa2_newsletter_subscribed": own })
}

fn gone(id: &str) -> Value {
    json!({ "id": jid_of(id).to_string(), "state": { "type": "active" } })
}

/// A channel as one person sees it. Numbers are texts there.
fn view(world: &World, id: &str, me: Pn) -> Value {
    let Ok(channel) = change::find(world, id) else {
        return Value::Null;
    };
    let text = |text: &str| json!({ "id": "1", "text": text, "update_time": "0" });
    let role = channel.role(me);
    let setting = if role == "owner" {
        "MUTE_ADMIN_ACTIVITY"
    } else {
        "MUTE_FOLLOWER_ACTIVITY"
    };
    let muted = if channel.is_muted(me) { "ON" } else { "OFF" };
    let picture = channel.picture.as_ref().map(|picture| {
        let path = format!("/pps/{id}/{}", picture.id);
        json!({ "id": picture.id, "type": "IMAGE", "direct_path": path })
    });
    json!({
        "id": jid_of(id).to_string(),
        "state": { "type": "active" },
        "thread_metadata": {
            "name": text(&channel.name),
            "description": text(channel.description.as_deref().unwrap_or_default()),
            "picture": picture,
            "invite": channel.invite,
            "subscribers_count": channel.followers.len().to_string(),
            "creation_time": channel.created_s.to_string(),
            "verification": "UNVERIFIED",
            "settings": { "reaction_codes": { "value": "ALL" } },
        },
        "viewer_metadata": {
            "role": role,
            "settings": [{ "type": setting, "value": muted }],
        },
    })
}
