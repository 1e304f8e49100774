// Parts of the wasm come when a reader needs them, and not before.
import { bench, expect, run, test, view } from "./support";
import type { Page } from "@playwright/test";

/** The parts that a page fetches, as they come. */
function fetched(page: Page): () => string[] {
  const parts = new Set<string>();
  page.on("request", (request) => {
    const name = new URL(request.url()).pathname.split("/").pop()!;
    if (name.endsWith(".wasm")) parts.add(name.replace(/(_\d{6,})?\..*/, ""));
  });
  return () => [...parts].sort();
}

test("who only reads fetches one part; who presses a key gets the rest", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 700 });
  const parts = fetched(site);
  await site.goto("/guide/tcp");
  await expect.poll(parts).toHaveLength(1);
  await site.waitForLoadState("networkidle");
  expect(parts()).toHaveLength(1);
  // The first key may come before there is anything that hears it.
  await expect.poll(async () => {
    await site.keyboard.press("Tab");
    return parts().length;
  }).toBeGreaterThan(1);
  await expect(bench(site).getByRole("button", { name: "运行", exact: true })).toBeEnabled();
});

test("HTTP/2 and gRPC are told by decoders that only their traces fetch", async ({ site, browser }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  const plain = fetched(site);
  await site.goto("/labs/tcp-echo");
  await run(site);

  // A page of its own, with nothing in its cache.
  const context = await browser.newContext({ baseURL: process.env.BASE_URL, viewport: { width: 1280, height: 1000 } });
  const page = await context.newPage();
  const more = fetched(page);
  await page.goto("/labs/grpc-greeter");
  await run(page);
  // Once they have come, the frames on show are told anew.
  await expect.poll(more).toContain("split_decoders");
  await expect(page.locator(".sequence-body").getByText(/gRPC|HTTP2/).first()).toBeAttached();
  expect(plain()).not.toContain("split_decoders");
  await context.close();
});

test("a part that does not come is asked for again, and the page lives on", async ({ browser }) => {
  // Its own page: the refused request is an error on the console, as it should be.
  const page = await browser.newPage({ baseURL: process.env.BASE_URL, viewport: { width: 1280, height: 1000 } });
  await page.route(/split_make_seldom/, (route) => route.abort());
  await page.goto("/labs/tcp-echo");
  const here = await run(page);
  await view(here, "对照");
  await expect(here.getByText("正在载入这个视图")).toBeVisible();
  await view(here, "日志");
  await expect(here.locator(".log-table tbody tr").nth(2)).toBeVisible();
  await view(here, "对照");
  await page.unroute(/split_make_seldom/);
  await expect(here.getByText("正在载入这个视图")).toBeHidden();
  await expect(here.locator(".compare")).toBeVisible();
  await page.close();
});
