// Loaded before Azurite (node --require): stops it when the parent's end of standard input closes.
// See local/processes.py. Azurite's own SIGTERM handler saves its data and closes its servers; if it
// is not installed yet, or does not finish, the process ends after two seconds.
"use strict";

process.stdin.on("error", () => {});
process.stdin.on("end", () => {
  setTimeout(() => process.exit(1), 2000).unref();
  if (!process.emit("SIGTERM")) process.exit(1);
});
process.stdin.resume();
process.stdin.unref();
