// Pages: readable without wasm, accessible in light and dark, narrow enough for a phone.
import { accessible, expect, fits, test } from "./support";

/** All of them: a test holds this list to the site's. */
const chapters = [
  "/guide/std", "/guide/tcp", "/guide/udp", "/guide/tokio", "/guide/axum", "/guide/websocket",
  "/guide/advanced", "/guide/performance", "/guide/pitfalls", "/guide/practices", "/guide/resources",
  "/reference/physical", "/reference/network",
];
const pages = ["/", "/labs", "/labs/tcp-echo", "/glossary", "/progress", ...chapters];

test("the list names every chapter", async ({ site }) => {
  await site.goto("/");
  const links = await site.locator("nav a[href]").evaluateAll((all) => all.map((a) => new URL((a as HTMLAnchorElement).href).pathname));
  const linked = links.filter((path) => path.startsWith("/guide/") || path.startsWith("/reference/"));
  expect([...new Set(linked)].sort()).toEqual([...chapters].sort());
});

for (const path of pages) {
  for (const scheme of ["light", "dark"] as const) {
    test(`${path} in ${scheme}`, async ({ site }) => {
      await site.emulateMedia({ colorScheme: scheme });
      await site.setViewportSize({ width: 1280, height: 900 });
      const answer = await site.goto(path);
      expect(answer!.status()).toBe(200);
      await expect(site.locator("h1")).toHaveCount(1);
      await accessible(site);
      await site.setViewportSize({ width: 390, height: 844 });
      await fits(site);
      await accessible(site);
    });
  }
}

test("a chapter is complete without scripts", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: process.env.BASE_URL, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/guide/tcp");
  await expect(page.getByText("TIME_WAIT").first()).toBeVisible();
  await expect(page.getByText("录制").first()).toBeVisible();
  await expect(page.locator("div.bench").first()).toContainText("ARP");
  await context.close();
});

test("an unknown page says so with status 404", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: process.env.BASE_URL });
  const page = await context.newPage();
  const answer = await page.goto("/guide/nothing-here");
  expect(answer!.status()).toBe(404);
  await expect(page.locator("h1")).toBeVisible();
  await accessible(page);
  await context.close();
});

test("the theme a reader chose survives a reload", async ({ site }) => {
  await site.goto("/guide/tcp");
  const before = await site.evaluate(() => getComputedStyle(document.body).backgroundColor);
  // 自动 → 浅色 → 深色
  const theme = site.getByRole("button", { name: /配色/ });
  await theme.click();
  await theme.click();
  await expect(theme).toHaveAccessibleName(/深色/);
  await expect.poll(() => site.evaluate(() => getComputedStyle(document.body).backgroundColor)).not.toBe(before);
  const after = await site.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await site.reload();
  expect(await site.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(after);
});

test("the policy forbids inline styles and foreign sources", async ({ site }) => {
  const answer = await site.goto("/guide/tcp");
  const policy = answer!.headers()["content-security-policy"]!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe-inline");
  expect(policy).not.toContain("'unsafe-eval'");
});
