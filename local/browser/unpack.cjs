// Unpack a brotli file: node unpack.cjs FROM TO. Python's standard library has no brotli, Node's has.
const { createReadStream, createWriteStream } = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { createBrotliDecompress } = require("node:zlib");

const [, , from, to] = process.argv;
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to, { mode: 0o755 })).catch((error) => {
  console.error(`${from}: ${error.message}`);
  process.exitCode = 1;
});
