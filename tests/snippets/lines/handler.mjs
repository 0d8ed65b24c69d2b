
// The reader's own lines below the handler of the complete guide.
function processIncomingMessage(session, message) {
  console.log("processed:", JSON.stringify({ session, message }));
}

app.listen(0, "127.0.0.1", function () {
  console.log("listening:", this.address().port);
});
