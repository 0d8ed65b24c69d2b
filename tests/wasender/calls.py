"""Every call of the Wasender client of Python, one line of JSON for each: {"call","ok","said"}.

tests/it/compat/wasender/clients.rs has set the stage that STAGE describes, as calls.mjs says.
"""

import json
import os
import sys

sys.path.insert(0, f"{os.environ['TEST_WASENDER']}/python")

from wasenderapi import create_sync_wasender
from wasenderapi.groups import UpdateGroupSettingsPayload
from wasenderapi.sessions import CreateWhatsAppSessionPayload, UpdateWhatsAppSessionPayload

stage = json.loads(os.environ["STAGE"])
own = create_sync_wasender(
    stage["key"],
    base_url=stage["url"],
    webhook_secret=stage["secret"],
    personal_access_token=stage["token"],
)


def call(name, run, check=lambda response: True):
    try:
        got = run()
        response = getattr(got, "response", got)
        limits = getattr(got, "rate_limit", None)
        ok = bool(check(response)) and (limits is None or limits.limit is not None)
        print(json.dumps({"call": name, "ok": ok, "said": repr(got)[:2000]}), flush=True)
        return response
    except Exception as error:
        print(json.dumps({"call": name, "ok": False, "said": f"{type(error).__name__}: {error}"[:2000]}), flush=True)
        return None


def sent(response):
    return response.data.message_id > 0


to, file, group, person = stage["to"], stage["file"], stage["group"], stage["person"]

text = call("send_text", lambda: own.send_text(to, "from python"), sent)
call("send_image", lambda: own.send_image(to, file, "a picture"), sent)
call("send_video", lambda: own.send_video(to, stage["video"], "a film"), sent)
call("send_document", lambda: own.send_document(to, file, "python.png"), sent)
call("send_audio", lambda: own.send_audio(to, stage["audio"]), sent)
call("send_sticker", lambda: own.send_sticker(to, stage["sticker"]), sent)
call("send_contact", lambda: own.send_contact(to, "Python", "+15550002"), sent)
call("send_location", lambda: own.send_location(to, 1.5, 2.5, "there"), sent)
call("send_poll", lambda: own.send_poll(to, "Which?", ["one", "two"]), sent)
call("send_message_with_mentions", lambda: own.send_message_with_mentions(group, f"@{person}", [person]), sent)
number = text.data.message_id if text is not None else 0
call("send_quoted_message", lambda: own.send_quoted_message(to, number, text="an answer"), sent)
call("get_message_info", lambda: own.get_message_info(number))
call("edit_message", lambda: own.edit_message(number, "another wording"))
call("delete_message", lambda: own.delete_message(number))
call("send_presence_update", lambda: own.send_presence_update(f"{person}@s.whatsapp.net", "composing", 100))
call("upload_media_file of base64", lambda: own.upload_media_file(base64_data=stage["base64"]))
call("upload_media_file of bytes", lambda: own.upload_media_file(file_bytes=b"%PDF-1.4 x", filename="x.pdf"))
call("decrypt_media_file", lambda: own.decrypt_media_file(stage["media"]))
call("check_if_on_whatsapp", lambda: own.check_if_on_whatsapp(person), lambda it: it.data["exists"])
call("get_contacts", lambda: own.get_contacts())
call("get_contact_info", lambda: own.get_contact_info(person))
call("get_contact_profile_picture", lambda: own.get_contact_profile_picture(person))
call("block_contact", lambda: own.block_contact(person))
call("unblock_contact", lambda: own.unblock_contact(person))
call("get_groups", lambda: own.get_groups(), lambda it: any(one.id == group for one in it.data))
call("get_group_metadata", lambda: own.get_group_metadata(group))
call("get_group_participants", lambda: own.get_group_participants(group), lambda it: len(it.data) > 1)
call("add_group_participants", lambda: own.add_group_participants(group, [stage["third"]]))
call("update_group_participants", lambda: own.update_group_participants(group, "promote", [stage["third"]]))
call("remove_group_participants", lambda: own.remove_group_participants(group, [stage["third"]]))
call("update_group_settings", lambda: own.update_group_settings(group, UpdateGroupSettingsPayload(subject="From python")))
call("get_group_profile_picture", lambda: own.get_group_profile_picture(group))
call("get_group_invite_link", lambda: own.get_group_invite_link(group))
call("get_group_invite_info", lambda: own.get_group_invite_info(stage["another"]))
call("accept_group_invite", lambda: own.accept_group_invite(stage["another"]))
made = call("create_group", lambda: own.create_group("Python", [person]))
call("leave_group", lambda: own.leave_group(made.data["id"]))
call("get_session_status", lambda: own.get_session_status(str(stage["id"])), lambda it: it.status == "connected")
call("get_session_user_info", lambda: own.get_session_user_info())

new = CreateWhatsAppSessionPayload(
    name="python", phone_number="+12345000002", account_protection=True, log_messages=True
)
made = call("create_whatsapp_session", lambda: own.create_whatsapp_session(new))
own_id = made.data.id if made is not None else 0
call("get_all_whatsapp_sessions", lambda: own.get_all_whatsapp_sessions())
call("get_whatsapp_session_details", lambda: own.get_whatsapp_session_details(own_id))
change = UpdateWhatsAppSessionPayload(name="renamed")
call("update_whatsapp_session", lambda: own.update_whatsapp_session(own_id, change))
call("connect_whatsapp_session", lambda: own.connect_whatsapp_session(own_id, True))
call("get_whatsapp_session_qr_code", lambda: own.get_whatsapp_session_qr_code(own_id))
call("disconnect_whatsapp_session", lambda: own.disconnect_whatsapp_session(own_id))
call("regenerate_api_key", lambda: own.regenerate_api_key(own_id))
call("delete_whatsapp_session", lambda: own.delete_whatsapp_session(own_id))

body = stage["webhook"]["body"].encode()
call("handle_webhook_event", lambda: own.handle_webhook_event(body, stage["webhook"]["signature"]))


def refuses():
    try:
        own.handle_webhook_event(body, "wrong")
    except Exception as error:
        return getattr(error, "status_code", None) == 400
    return False


call("handle_webhook_event refuses a wrong signature", refuses, lambda it: it)
