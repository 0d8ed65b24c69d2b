
// The reader's own lines below the functions of the complete guide: what it leaves out, and a use of each.
async function refreshToken() {
  const body = JSON.stringify({ username: "admin", password: "admin" });
  const response = await fetch("/api/login", { method: "POST", body });
  globalThis.token = (await response.json()).token;
}

async function sendMessage(sessionId, recipient, message) {
  const response = await fetch(`/api/sessions/${sessionId}/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify({ recipient, message }),
  });
  if (!response.ok) throw new Error(await response.text());
}

const { FRIEND, NOBODY } = process.env;
const session = "1234567890";
await refreshToken();
await sendBulkMessages(session, [FRIEND, NOBODY], "To whoever is there");
await broadcastToGroups(session, "To every group");
await broadcastToGroups(session, "To my own group", true);

const routed = [];
for (const department of ["sales", "support", "billing"]) {
  routed.push((await routeMessage(department, FRIEND, `From ${department}`)).status);
}

const tenant = new WhatsAppTenant("tenant", token);
const made = await tenant.createSession("Tenant", "https://myapp.com/webhook");
const byTenant = (await tenant.sendMessage(session, FRIEND, "From the tenant")).status;

const headers = { Authorization: `Bearer ${token}` };
const all = await (await fetch("/api/sessions", { headers })).json();
const linked = all.filter((one) => one.logged_in);
const balancer = new MessageBalancer(linked, token);
const balanced = [];
for (const one of linked) {
  const response = await balancer.sendBalanced(FRIEND, `Balanced by ${one.id}`);
  balanced.push((await response.json()).session_id);
}

globalThis.token = "a token that has expired";
const retried = await sendMessageWithRetry(session, FRIEND, "After a new token");
const refused = await sendMessageWithRetry(made.id, FRIEND, "Never", 1).catch((error) => error.message);
const stats = await monitorSessions();
console.log("told:", JSON.stringify({ routed, made, byTenant, balanced, retried, refused, stats }));
// The guide looks at the sessions each minute, for ever.
process.exit();
