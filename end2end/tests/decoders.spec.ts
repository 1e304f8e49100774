// Decoders that few traces need come when one does, and the frames that are on show are told anew.
import { expect, test } from "./support";
import type { Page } from "@playwright/test";

/** Opens the frames of a lab's recording; returns the parts of the wasm that the page fetched for it. */
async function frames(page: Page, slug: string): Promise<string[]> {
  const parts = new Set<string>();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.endsWith(".wasm")) parts.add(pathname);
  });
  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.goto(`/labs/${slug}`);
  const bench = page.locator("div.bench").first();
  await bench.scrollIntoViewIfNeeded();
  await expect(bench.locator(".sequence-body [role=option]").first()).toBeVisible({ timeout: 60_000 });
  const tab = bench.getByRole("tab", { name: "报文" });
  if (await tab.count()) await tab.click();
  await expect(bench.locator(".frames-table [role=row]").nth(2)).toBeVisible();
  await page.waitForLoadState("networkidle");
  return [...parts];
}

test("HTTP/2 and gRPC are told by decoders that only their traces fetch", async ({ site, browser }) => {
  const plain = await frames(site, "tcp-echo");
  await expect(site.locator(".frames-protocol").filter({ hasText: "TCP" }).first()).toBeVisible();

  // A page of its own, with nothing in its cache.
  const context = await browser.newContext({ baseURL: process.env.BASE_URL });
  const page = await context.newPage();
  const more = await frames(page, "grpc-greeter");
  expect(more.length).toBeGreaterThan(plain.length);
  expect(plain.filter((part) => !more.includes(part))).toEqual([]);
  const row = page.locator(".frames-table [role=row]").filter({ has: page.locator(".frames-protocol", { hasText: "gRPC" }) }).first();
  await row.click();
  await expect(page.getByRole("treeitem").filter({ hasText: "gRPC /wirebook.greeter.v1.Greeter/Greet" }).first()).toBeVisible();
  await expect(page.getByRole("treeitem").filter({ hasText: "wirebook.greeter.v1.GreetRe" }).first()).toBeVisible();
  // In the diagram too.
  await expect(page.locator(".sequence-body").getByText(/gRPC|HTTP2/).first()).toBeVisible();
  await context.close();
});
