#!/usr/bin/env node
// `make bench`: every figure is measured now, in this run, and set against its target. Never a test: machines differ.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = resolve(import.meta.dirname, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const site = join(root, "target/site");
const env = { ...process.env, LEPTOS_OUTPUT_NAME: "wirebook", LEPTOS_SITE_ROOT: site, LEPTOS_HASH_FILES: "true" };
const run = (command, ...args) =>
  execFileSync(command, args, { cwd: root, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 });
const note = (text) => process.stderr.write(`\x1b[2mwirebook:\x1b[0m ${text}\n`);

note("building the two measuring programs");
// With the server in the same call, so that its dependencies are taken as they are and not compiled with fewer features.
run("cargo", "build", "--release", "--quiet", ...["server", "lan", "measure"].flatMap((name) => ["--package", name]), "--bins", "--example", "lan_bench");

note("measuring the virtual network");
// Every run keeps to one processor. Free to move, hosts wake each other on processors that have gone to sleep, which takes
// a virtual machine up to 0.2 ms each time, four times in a round trip.
const measureLan = (...options) => JSON.parse(run(join(target, "release/examples/lan_bench"), ...options));
const lan = measureLan();
const lanFree = measureLan("--free");
note("measuring the site (about a minute)");
const web = JSON.parse(run(join(target, "release/measure"), join(target, "release/wirebook")));

const pkg = readdirSync(join(site, "pkg"));
const size = (data) => brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } }).length;
const file = (begin, end) => readFileSync(join(site, "pkg", pkg.find((name) => name.startsWith(begin) && name.endsWith(end))));
const css = gzipSync(file("wirebook.", ".css"), { level: 9 }).length;
const page = size(file("wirebook.", ".wasm")) + size(file("wirebook.", ".js"));
// What a page has fetched by then is not fetched again.
const parts = JSON.parse(file("__wasm_split_manifest", ".json"));
const fetched = new Set();
const later = (part) => {
  const more = parts[Object.keys(parts).find((name) => name.startsWith(part))].filter((chunk) => !fetched.has(chunk));
  more.forEach((chunk) => fetched.add(chunk));
  return more.map((chunk) => size(file(chunk, ".wasm"))).reduce((all, one) => all + one, 0);
};

const rows = [];
/** `bound`: the largest (or, with ≥, the smallest) value that meets the target. */
function row(name, value, unit, bound, least = false) {
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
  const verdict = bound === undefined ? "" : (least ? value >= bound : value <= bound) ? "met" : "MISSED";
  rows.push([name, `${shown} ${unit}`, bound === undefined ? "" : `${least ? "≥" : "≤"} ${bound} ${unit}`, verdict]);
}
row("LAN of two hosts ready, p50", lan.setup_ms, "ms", 10);
row("LAN of two hosts ready, p95", lan.setup_p95_ms, "ms");
row("UDP round trip over the LAN ÷ loopback", lan.udp_ratio, "×", 3);
row("  if it were free to move between processors", lanFree.udp_ratio, "×");
row("TCP round trip over the LAN ÷ loopback", lan.tcp_ratio, "×", 3);
row("  if it were free to move between processors", lanFree.tcp_ratio, "×");
row("TCP bulk over the LAN, every frame recorded", lan.tcp_gbit_per_s, "Gbit/s");
row("start message → first event, p50", web.first_event.p50_ms, "ms");
row("start message → first event, p95", web.first_event.p95_ms, "ms", 40);
row(`idle live socket (${web.idle_sockets.sockets} open)`, web.idle_sockets.bytes_each / 1000, "kB", 16);
row(`event → ${web.fan_out.readers} readers, p50`, web.fan_out.p50_ms, "ms");
row(`event → ${web.fan_out.readers} readers, p99`, web.fan_out.p99_ms, "ms");
row("processor time of the site meanwhile", web.fan_out.cpu_of_a_core, "cores");
row("chapter page", web.page.requests_per_second, "requests/s");
row("chapter page ÷ axum serving the same bytes", web.page.ratio, "×", 0.7, true);
row("chapter page: HTML and CSS, gzip", (web.page.html_gzip_bytes + css) / 1000, "kB", 84);
row("wasm and js of a page, brotli", page / 1000, "kB", 180);
row("  more near a bench", (later("bench") + size(file("__wasm_split.", ".js"))) / 1000, "kB");
row("  more near a question or another widget", later("widget") / 1000, "kB");
row("  more for views that few traces have", later("make_seldom") / 1000, "kB");
row("  more for TLS, QUIC, HTTP/2, HTTP/3, gRPC", later("decoders") / 1000, "kB");

const widths = [0, 1, 2].map((at) => Math.max(...rows.map((cells) => [...cells[at]].length)));
for (const [name, value, bound, verdict] of rows) {
  console.log(`${name.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${bound.padStart(widths[2])}  ${verdict}`);
}
