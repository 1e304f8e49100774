// Starts the server under test on a free port with an empty data folder; ends it afterwards.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "..");

export default async function start() {
  if (process.env.BASE_URL) return; // somebody else's server
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const binary = process.env.WIREBOOK ?? join(target, "debug", "wirebook");
  const data = mkdtempSync(join(tmpdir(), "wirebook-e2e-"));
  const server = spawn(binary, ["serve", "--addr", "127.0.0.1:0", "--data", data], {
    cwd: root,
    env: {
      ...process.env,
      LEPTOS_OUTPUT_NAME: "wirebook",
      LEPTOS_SITE_ROOT: join(root, "target/site"),
      LEPTOS_HASH_FILES: "true",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const url = await new Promise<string>((found, failed) => {
    const seen: string[] = [];
    const look = (line: string) => {
      seen.push(line);
      const match = line.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (match) found(match[0]);
    };
    createInterface({ input: server.stdout! }).on("line", look);
    createInterface({ input: server.stderr! }).on("line", look);
    server.on("exit", (code) => failed(new Error(`the server ended with ${code}:\n${seen.join("\n")}`)));
  });
  process.env.BASE_URL = url;
  return async () => {
    server.removeAllListeners("exit");
    const ended = new Promise((done) => server.on("exit", done));
    server.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
}
