#!/usr/bin/env node
// The official Solidity compiler (wasm, from npm) behind the command line that forge expects of a native one:
// `--version` in solc's own two lines, and `--standard-json` from stdin to stdout. Imports are inlined by forge, so no
// import callback is needed. Set FOUNDRY_SOLC to use a native compiler of the same version instead.
"use strict";
const path = require("path");
const fs = require("fs");

const solc = require(path.join(__dirname, "..", "node_modules", "solc"));

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write("usage: solc.js --version | --standard-json\n");
  process.exit(1);
}
