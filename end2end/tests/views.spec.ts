// Views that chapters share: curves and bars of what a lab sampled, streams, two traces on one time axis.
// What they say is compared with the downloaded trace, counted here anew.
import * as support from "./support";
import { accessible, bench, expect, fits, test } from "./support";
import type { Locator, Page } from "@playwright/test";

type Line = { time: number; body: Record<string, any> };

const clock = (here: Locator) => here.getByRole("slider", { name: "时间游标" });
const tab = (here: Locator, name: string) => here.getByRole("tab", { name, exact: true });
const spaces = (text: string) => text.replace(/[\u2009\u00a0]/g, "");

/** Opens a page and runs its lab to the end; gives back the bench and the path of the saved trace. */
async function run(page: Page, path: string): Promise<{ here: Locator; saved: string }> {
  await page.goto(path);
  const here = await support.run(page);
  return { here, saved: await link(here) };
}

async function again(here: Locator): Promise<string> {
  await support.again(here);
  return link(here);
}

/** The path of the trace on show. */
async function link(here: Locator): Promise<string> {
  return (await here.getByRole("link", { name: "打开这条轨迹" }).getAttribute("href"))!;
}

async function events(page: Page, saved: string): Promise<Line[]> {
  return (await (await page.request.get(`${saved}.json`)).json()).events;
}

const lifecycles = (all: Line[], kind: string) =>
  all.filter(({ body }) => body.lifecycle?.[kind]).map(({ time, body }) => ({ time, ...body.lifecycle[kind] }));

/** A table by its caption, as texts: rows of cells, without the head. */
async function rows(here: Locator, caption: string): Promise<string[][]> {
  const table = here.locator("table.told").filter({ has: here.page().locator("caption", { hasText: new RegExp(`^${caption}$`) }) });
  return table.locator("tbody tr").evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent!.replace(/[\u2009\u00a0]/g, ""))));
}

/** At any width and in both colour schemes nothing sticks out and nothing is silent. */
async function everywhere(page: Page, shown: Locator) {
  for (const [width, height] of [[390, 844], [1280, 1000]] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expect(shown.first()).toBeVisible();
      await fits(page);
      // Each width and each scheme once: axe reads the whole page.
      if ((width === 390) === (colorScheme === "light")) await accessible(page);
      if (process.env.SHOTS) {
        await shown.first().scrollIntoViewIfNeeded();
        const name = test.info().title.split(/[:：]/)[0]!.replace(/\W+/g, "-");
        await page.screenshot({ path: `${process.env.SHOTS}/${name}-${width}-${colorScheme}.png` });
      }
    }
  }
}

test("chart: samples as curves, stepped through by keyboard, as bars, as tables; the address says which", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const { here, saved } = await run(site, "/labs/load-balancer");
  const sampled = lifecycles(await events(site, saved), "sampled");
  const series = new Set(sampled.map(({ host, series, unit }) => `${host} ${series} ${unit}`));
  const units = new Set(sampled.map(({ unit }) => unit));
  expect(series.size).toBeGreaterThan(3);

  await tab(here, "图表").click();
  const chart = here.getByRole("slider", { name: /^采样随时间的变化/ });
  await expect(chart.locator("path.chart-line")).toHaveCount(series.size);
  await expect(chart.locator(".chart-unit")).toHaveText([...units]);
  await expect(here.locator(".chart-legend dt")).toHaveCount(series.size);

  // One cursor and one selection for all views: the chart moves the bench's own.
  await chart.focus();
  await site.keyboard.press("Home");
  const first = sampled[0]!;
  const millis = (time: number) => (Math.floor((time + 500) / 1_000) / 1_000).toFixed(3);
  await expect(chart).toHaveAttribute("aria-valuetext", new RegExp(`^${millis(first.time)} ms：`));
  await expect(chart.locator(".chart-ring")).toHaveCount(1);
  await expect(clock(here)).toHaveAttribute("aria-valuetext", new RegExp(`^${millis(first.time)}`));
  const moments = [...new Set(sampled.map(({ time }) => time))];
  await site.keyboard.press("ArrowRight");
  await expect(chart).toHaveAttribute("aria-valuetext", new RegExp(`^${millis(moments[1]!)} ms：`));
  await expect(here.locator(".chart-legend dd").first()).not.toHaveText("—");

  // The text form has all samples, in the order of the trace.
  await here.getByText("文字形式：各序列的统计和采样").click();
  const told = await rows(here, "采样");
  expect(told.length).toBe(Math.min(sampled.length, 600));
  expect(told.map(([time]) => Number(time).toFixed(3))).toEqual(sampled.slice(0, 600).map(({ time }) => millis(time)));
  expect(told.map(([, , value]) => Number(value!.split(" ")[0]))).toEqual(sampled.slice(0, 600).map(({ value }) => value));

  await here.getByRole("button", { name: "柱形" }).click();
  await here.locator(".metrics-statistic select").selectOption({ label: "最大值" });
  await site.keyboard.press("Tab");
  await expect(here.locator(".metrics-bar").nth(series.size)).toBeVisible(); // series in several sections
  await clock(here).focus();
  await site.keyboard.press("End");
  const greatest = Math.max(...sampled.filter(({ unit }) => unit === first.unit).map(({ value }) => value));
  await expect(here.locator(".metrics-value", { hasText: `${greatest} ${first.unit}` }).first()).toBeVisible();
  await expect(site).toHaveURL(/view=chart/);
  await expect(site).toHaveURL(/bars=max/);
  await site.reload();
  await expect(bench(site).locator(".metrics-statistic select")).toHaveValue("max", { timeout: 60_000 });
  await expect(bench(site).locator(".metrics-bar").first()).toBeVisible();
  await everywhere(site, bench(site).locator(".metrics-bar"));
  await bench(site).getByRole("button", { name: "曲线" }).click();
  await expect(site).not.toHaveURL(/bars=/);
  await test.step("curves", () => everywhere(site, bench(site).locator(".chart-area")));
});

test("results: what a lab measured, as bars beside each other", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const { here, saved } = await run(site, "/labs/tcp-vs-udp?lab=tcp-vs-udp&seed=7");
  const measured = lifecycles(await events(site, saved), "measured").filter(({ unit }) => unit);
  // Its frames are still what opens first.
  await expect(here.locator(".bench-below").getByRole("tab", { selected: true })).toHaveText("报文");
  await tab(here, "图表").click();
  await expect(here.getByRole("button", { name: "曲线" })).toHaveCount(0);
  await expect(here.locator(".metrics-bar")).toHaveCount(measured.length);
  const bars = (await here.locator(".metrics-value").allTextContents()).map(spaces);
  for (const { value, unit } of measured.filter(({ value }) => Number.isInteger(value))) {
    expect(bars).toContain(`${value} ${unit}`);
  }
  await here.getByText("文字形式：测得的各个量").click();
  expect((await rows(here, "测得")).length).toBe(measured.length);
  await everywhere(site, here.locator(".metrics-bar"));
});

/** Payload bytes of the TCP segments in a trace: first byte after the headers to the end of the IPv4 packet. */
function payloads(all: Line[]): number[] {
  return all.filter(({ body }) => body.frame).flatMap(({ body }) => {
    const bytes = Buffer.from(body.frame.bytes, "base64");
    if (bytes.readUInt16BE(12) !== 0x0800 || bytes[23] !== 6) return [];
    const header = (bytes[14]! & 15) * 4;
    return [bytes.readUInt16BE(16) - header - (bytes[14 + header + 12]! >> 4) * 4];
  });
}

test("streams: every byte on the wire has its stream, block by block", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const { here, saved } = await run(site, "/labs/tcp-chat-threads");
  const all = await events(site, saved);
  await tab(here, "流").click();
  const list = here.getByRole("listbox", { name: /^各个流的字节/ });
  const blocks = list.getByRole("option");
  await expect(blocks.first()).toBeVisible();

  await here.getByText("文字形式：各个流和每一块").click();
  const lanes = await rows(here, "各个流");
  const told = await rows(here, "按时间");
  expect(told.length).toBe(await blocks.count());
  const connections = all.filter(({ body }) => {
    const bytes = body.frame && Buffer.from(body.frame.bytes, "base64");
    return bytes && bytes.readUInt16BE(12) === 0x0800 && bytes[23] === 6 && (bytes[47]! & 0x12) === 2;
  });
  expect(lanes.length).toBe(connections.length); // one SYN each
  const sum = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0);
  expect(sum(payloads(all))).toBeGreaterThan(100);
  expect(sum(told.map((row) => Number(row[4])))).toBe(sum(payloads(all)));

  // By keyboard: block by block, the other views follow.
  await list.focus();
  await site.keyboard.press("Home");
  await expect(blocks.first()).toHaveAttribute("aria-selected", "true");
  await expect(blocks.first()).toHaveAccessibleName(/，TCP 连接 0，.* 到 .*SYN$/);
  await site.keyboard.press("End");
  await expect(blocks.last()).toHaveAttribute("aria-selected", "true");
  await expect(list).toHaveAttribute("aria-activedescendant", (await blocks.last().getAttribute("id"))!);
  await expect(site).toHaveURL(/view=streams/);
  await expect(site).toHaveURL(/at=\d+/);
  await expect(here.locator(".sequence-body [role=option][aria-selected=true]")).toHaveCount(1);
  await site.reload();
  await expect(bench(site).getByRole("listbox", { name: /^各个流的字节/ }).getByRole("option", { selected: true })).toHaveCount(1);
  await everywhere(site, bench(site).locator(".streams-area"));
});

test("inner streams: HTTP/2 streams take turns in one connection", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const { here } = await run(site, "/labs/h2-frames");
  await tab(here, "流").click();
  const list = here.getByRole("listbox", { name: /^各个流的字节/ });
  await expect(list.getByRole("option").first()).toBeVisible();
  // Until the decoder is here, the connection's own bytes are all there is.
  await expect(here.locator(".streams-names")).toContainText("HTTP/2 流 1");
  await here.getByText("文字形式：各个流和每一块").click();
  const lanes = (await rows(here, "各个流")).map(([name]) => name!);
  expect(lanes.filter((name) => /^HTTP\/2 流 \d*[13579]$/.test(name)).length).toBeGreaterThan(3);
  // What the streams of a connection own together is not more than what the connection carried.
  const told = await rows(here, "按时间");
  const length = (of: RegExp) => told.filter((row) => of.test(row[1]!)).reduce((sum, row) => sum + Number(row[4]), 0);
  expect(length(/^HTTP\/2/)).toBeGreaterThan(1_000);
  expect(length(/^HTTP\/2/)).toBeLessThanOrEqual(length(/^TCP/));
  // The lab makes DATA frames of two streams alternate.
  const data = told.filter((row) => row[5]!.includes("DATA")).map((row) => row[1]!);
  const switches = data.filter((name, at) => at > 0 && name !== data[at - 1]).length;
  expect(switches).toBeGreaterThan(2);
  await everywhere(site, here.locator(".streams-area"));
});

test("comparison: two saved traces on one time axis, by their address", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const first = (await run(site, "/labs/udp-echo?lab=udp-echo&seed=7&l.client=d5")).saved;
  const second = (await run(site, "/labs/udp-echo?lab=udp-echo&seed=7&l.client=d5l20")).saved;
  const counted = async (saved: string) => {
    const all = await events(site, saved);
    const lost = all.filter(({ body }) => body.delivery?.fate === "lost").length;
    return { frames: all.filter(({ body }) => body.frame).length, lost };
  };
  const [whole, lossy] = [await counted(first), await counted(second)];
  expect(whole.lost).toBe(0);
  expect(lossy.lost).toBeGreaterThan(0);

  await site.goto(`${first}?with=${second.split("/").pop()}`);
  const here = bench(site);
  await expect(tab(here, "对照")).toHaveAttribute("aria-selected", "true");
  await expect(here.locator(".compare-numbers tbody tr").first()).toBeVisible();
  const told = await rows(here, "测得的和数出来的");
  const row = (name: string) => told.find(([label]) => label!.startsWith(name))!;
  expect(row("丢失的帧").slice(1, 3)).toEqual([String(whole.lost), String(lossy.lost)]);
  expect(row("线上的帧").slice(1, 3)).toEqual([String(whole.frames), String(lossy.frames)]);
  expect(row("丢失的帧")[3]).toBe(`+${lossy.lost}`);

  // Both sides in one diagram; what is selected on this trace's side is selected everywhere.
  const both = here.locator(".compare .sequence-body");
  await expect(both).toHaveCount(1);
  const hosts = here.locator(".compare .sequence");
  for (const name of ["① client", "① server", "② client", "② server"]) {
    await expect(hosts.getByText(name, { exact: true }).first()).toBeVisible();
  }
  const chosen = both.locator("[aria-selected=true]");
  await both.focus();
  await site.keyboard.press("Home");
  await expect(chosen).toHaveCount(1);
  const name = async () => (await chosen.getAttribute("aria-label"))!;
  for (let step = 0; step < 20 && !(await name()).includes("① client 到 ① server"); step++) {
    await site.keyboard.press("ArrowDown");
  }
  const words = (await name()).split("，").slice(1).join("，"); // each diagram tells its own time
  expect(words).toContain("① client 到 ① server");
  await expect(here.locator(".bench-main .sequence-body [aria-selected=true]"))
    .toHaveAccessibleName(new RegExp(`${words.replaceAll("① ", "").replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
  await expect(site).toHaveURL(new RegExp(`with=${second.split("/").pop()}`));
  await site.reload();
  await expect(bench(site).locator(".compare-numbers tbody tr").first()).toBeVisible();
  await everywhere(site, bench(site).locator(".compare-numbers"));
  // Below each other where there is no room for both.
  await site.setViewportSize({ width: 390, height: 844 });
  await expect(bench(site).locator(".compare .sequence-body")).toHaveCount(2);

  // An address of nothing says so.
  await site.setViewportSize({ width: 1280, height: 1000 });
  await bench(site).getByLabel("另一条轨迹的链接或编号").fill("../../etc/passwd?");
  await bench(site).getByRole("button", { name: "取来" }).click();
  await expect(bench(site).locator(".compare-complaint")).toHaveText("这不是轨迹的链接或编号。");
});

test("sections: wrong and right side by side, and this run with the one before", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const { here } = await run(site, "/labs/pitfall-timeout");
  await tab(here, "对照").click();
  await expect(here.locator(".compare-title")).toHaveText([/① 错误：没有期限/, /② 正确：一份期限/]);
  await here.getByRole("combobox", { name: "右边" }).selectOption({ label: "错误：每一步各有期限" });
  await expect(here.locator(".compare-title").last()).toHaveText(/② 错误：每一步各有期限/);
  await expect(site).toHaveURL(/parts=a0\.a2/);
  await everywhere(site, here.locator(".compare-titles, .compare-title"));

  await again(here);
  await here.locator(".bench-share").getByRole("button", { name: "与上一次运行对照" }).click();
  await expect(here.locator(".compare-title")).toHaveText([/① 这次运行/, /② 上一次运行/]);
});
