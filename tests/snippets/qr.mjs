// Reads the code in a picture. As a program: in the PNG of this name.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(`${process.env.TEST_SNIPPETS}/node/package.json`);
const jsqr = require("jsqr");
const { PNG } = require("pngjs");

export function codeIn({ data, width, height }) {
  return jsqr(new Uint8ClampedArray(data), width, height)?.data;
}

export function codeOf(png) {
  return codeIn(PNG.sync.read(png));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(codeOf(readFileSync(process.argv[2])));
}
