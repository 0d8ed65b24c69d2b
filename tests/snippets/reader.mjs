// What the guides leave to their reader: what a page or an application has around the code that they print.
//
// `node --import` runs it before a block. A block that shows a code shows it here: `shown: <code>`. Ends with its stdin.
// TEST_SNIPPETS names the folder that express and the like are installed in.

import { createRequire } from "node:module";
import { codeIn } from "./qr.mjs";

const require = createRequire(`${process.env.TEST_SNIPPETS}/node/package.json`);

process.stdin.resume().on("end", () => process.exit());

globalThis.express = require("express");
globalThis.app = globalThis.express();
// Node has one of its own from version 22 on.
globalThis.WebSocket ??= require("ws");

// The guides' own page is served by the service, so its paths begin there.
const fetchOf = globalThis.fetch;
globalThis.fetch = (url, options) => fetchOf(new URL(url, "http://localhost:8080"), options);

const shown = (code) => console.log("shown:", code);

const image = {
  set src(url) {
    shown(new URL(url).searchParams.get("data"));
  },
};

const canvas = {
  getContext: () => ({
    clearRect() {},
    createImageData: (width, height) => ({
      width,
      height,
      data: new Uint8ClampedArray(4 * width * height),
    }),
    putImageData: (drawn) => shown(codeIn(drawn)),
  }),
};

globalThis.document = {
  getElementById: (id) => ({ "qr-image": image, "qr-canvas": canvas })[id],
};
