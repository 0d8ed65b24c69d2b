// Every call of the Wasender client of Node, one line of JSON for each: {"call","ok","said"}.
//
// tests/it/compat/wasender/clients.rs has set the stage that STAGE describes: a session that is linked, one that is not, a
// group, an invite, the address of a file, and the message of a webhook.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TEST_WASENDER}/node/`);
const { createWasender, WEBHOOK_SIGNATURE_HEADER } = require("wasenderapi");
const stage = JSON.parse(process.env.STAGE);

const own = createWasender(stage.key, stage.token, stage.url, undefined, undefined, stage.secret);

async function call(name, run, check = (response) => response.success === true) {
  try {
    const got = await run();
    const ok = check(got.response ?? got);
    const limit = got.rateLimit ? Number.isInteger(got.rateLimit.limit) : true;
    console.log(JSON.stringify({ call: name, ok: Boolean(ok && limit), said: JSON.stringify(got) }));
    return got.response ?? got;
  } catch (error) {
    console.log(JSON.stringify({ call: name, ok: false, said: String(error) }));
    return undefined;
  }
}

const sent = (response) => Number.isInteger(response.data.msgId) && response.data.msgId > 0;
const { to, file, group, person } = stage;

const text = await call("sendText", () => own.sendText({ to, text: "from node" }), sent);
await call("sendImage", () => own.sendImage({ to, imageUrl: file, text: "a picture" }), sent);
await call("sendVideo", () => own.sendVideo({ to, videoUrl: stage.video, text: "a film" }), sent);
await call("sendDocument", () => own.sendDocument({ to, documentUrl: file, fileName: "node.png" }), sent);
await call("sendAudio", () => own.sendAudio({ to, audioUrl: stage.audio }), sent);
await call("sendSticker", () => own.sendSticker({ to, stickerUrl: stage.sticker }), sent);
await call("sendContact", () => own.sendContact({ to, contact: { name: "Node", phone: "+15550001" } }), sent);
await call("sendLocation", () => own.sendLocation({ to, location: { latitude: "1.5", longitude: "2.5" } }), sent);
const number = text?.data.msgId;
await call("sendMessageWithMentions", () => own.sendMessageWithMentions(group, `@${person}`, [`${person}@s.whatsapp.net`]), sent);
await call("sendQuotedMessage", () => own.sendQuotedMessage({ to, text: "an answer", replyTo: number }), sent);
await call("getMessageInfo", () => own.getMessageInfo(number), (it) => it.data.msgId === number);
await call("editMessage", () => own.editMessage(number, "another wording"), (it) => it.data.msgId === number);
await call("deleteMessage", () => own.deleteMessage(number));
await call("sendPresenceUpdate", () => own.sendPresenceUpdate(`${person}@s.whatsapp.net`, "composing", 100));
await call("checkIfOnWhatsapp", () => own.checkIfOnWhatsapp(`+${person}`), (it) => it.data.exists === true);
await call("uploadMediaFile of base64", () => own.uploadMediaFile({ base64: stage.base64, mimetype: "image/png" }), (it) => it.publicUrl.length > 0);
const form = new FormData();
form.append("file", new Blob(["%PDF-1.4 x"], { type: "application/pdf" }), "x.pdf");
await call("uploadMediaFile of a form", () => own.uploadMediaFile(form, true), (it) => it.publicUrl.length > 0);
await call("decryptMediaFile", () => own.decryptMediaFile(stage.media.data), (it) => it.publicUrl.length > 0);
await call("getContacts", () => own.getContacts(), (it) => Array.isArray(it.data));
await call("getContactInfo", () => own.getContactInfo(person), (it) => it.data.id.startsWith(person));
await call("getContactProfilePicture", () => own.getContactProfilePicture(person), (it) => "imgUrl" in it.data);
await call("blockContact", () => own.blockContact(person));
await call("unblockContact", () => own.unblockContact(person));
await call("getGroups", () => own.getGroups(), (it) => it.data.some((one) => one.id === group));
await call("getGroupMetadata", () => own.getGroupMetadata(group), (it) => it.data.subject.length > 0);
await call("getGroupParticipants", () => own.getGroupParticipants(group), (it) => it.data.length > 1);
await call("addGroupParticipants", () => own.addGroupParticipants(group, [stage.third]), (it) => it.data[0].id);
await call("removeGroupParticipants", () => own.removeGroupParticipants(group, [stage.third]), (it) => it.data[0].status === 200);
await call("updateGroupSettings", () => own.updateGroupSettings(group, { subject: "From node" }), (it) => it.data.subject === "From node");
await call("updateGroupParticipants", () => own.updateGroupParticipants(group, "promote", [person]), (it) => it.data[0].status === 200);
await call("getGroupProfilePicture", () => own.getGroupProfilePicture(group));
await call("getGroupInviteLink", () => own.getGroupInviteLink(group), (it) => it.data.link.startsWith("https://chat.whatsapp.com/"));
await call("getGroupInviteInfo", () => own.getGroupInviteInfo(stage.invite), (it) => it.data.subject.length > 0);
await call("acceptGroupInvite", () => own.acceptGroupInvite(stage.invite), (it) => it.data.groupJid.endsWith("@g.us"));
const crew = await call("createGroup", () => own.createGroup("Node", [person]), (it) => it.data.id.endsWith("@g.us"));
await call("leaveGroup", () => own.leaveGroup(crew.data.id));
await call("getSessionStatus", () => own.getSessionStatus(), (it) => it.status === "connected");

const made = await call(
  "createWhatsAppSession",
  () => own.createWhatsAppSession({ name: "node", phone_number: "+12345000001", account_protection: true, log_messages: true }),
  (it) => Number.isInteger(it.data.id),
);
const id = made?.data.id;
await call("getAllWhatsAppSessions", () => own.getAllWhatsAppSessions(), (it) => it.data.some((one) => one.id === id));
await call("getWhatsAppSessionDetails", () => own.getWhatsAppSessionDetails(id), (it) => it.data.id === id);
await call("updateWhatsAppSession", () => own.updateWhatsAppSession(id, { name: "renamed" }), (it) => it.data.name === "renamed");
await call("connectWhatsAppSession", () => own.connectWhatsAppSession(id, true), (it) => it.data.qrCode.startsWith("data:image/png"));
await call("getWhatsAppSessionQRCode", () => own.getWhatsAppSessionQRCode(id), (it) => it.data.qrCode.startsWith("2@"));
await call("disconnectWhatsAppSession", () => own.disconnectWhatsAppSession(id), (it) => it.data.status === "disconnected");
await call("regenerateApiKey", () => own.regenerateApiKey(id), (it) => it.api_key.length === 64);
await call("deleteWhatsAppSession", () => own.deleteWhatsAppSession(id), (it) => it.data === null);

const request = (signature) => ({
  getHeader: (name) => (name === WEBHOOK_SIGNATURE_HEADER ? signature : undefined),
  getRawBody: () => stage.webhook.body,
});
await call("handleWebhookEvent", () => own.handleWebhookEvent(request(stage.webhook.signature)), (it) => it.event === "messages.upsert");
await call(
  "handleWebhookEvent refuses a wrong signature",
  () => own.handleWebhookEvent(request("wrong")).then(() => ({ success: false }), (error) => ({ success: error.statusCode === 401 })),
);
