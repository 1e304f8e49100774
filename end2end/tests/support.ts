import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect, type Locator, type Page } from "@playwright/test";

/** A page that fails the test when its console reports an error. */
export const test = base.extend<{ site: Page }>({
  site: async ({ browser }, use, info) => {
    const context = await browser.newContext({ baseURL: process.env.BASE_URL, ...info.project.use });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    await use(page);
    expect(errors, "console errors").toEqual([]);
    await context.close();
  },
});

export { expect };

/** Slugs of all labs, as the site lists them. */
export async function slugs(page: Page): Promise<string[]> {
  await page.goto("/labs");
  const links = await page.locator('main a[href^="/labs/"]').evaluateAll((all) =>
    all.map((link) => link.getAttribute("href")!.split("/")[2]!.split(/[?#]/)[0]!));
  return [...new Set(links)];
}

export async function accessible(page: Page) {
  // Marks of a diagram are spoken as whole sentences; what is drawn beside them is often cut short and thus no part of those.
  const rule = "label-content-name-mismatch";
  // To name all that is well takes most of the time otherwise; and so does going through frames, of which there are none.
  const only = { resultTypes: ["violations" as const] };
  const all = await new AxeBuilder({ page }).setLegacyMode().options({ ...only, rules: { [rule]: { enabled: false } } }).analyze();
  const names = await new AxeBuilder({ page }).setLegacyMode().options({ ...only, runOnly: [rule] }).exclude("svg [role=option]").analyze();
  const violations = [...all.violations, ...names.violations];
  expect(violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.target).join(" · ")}`)).toEqual([]);
}

/** True if nothing makes the page scroll sideways. */
export async function fits(page: Page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(over, "pixels of horizontal overflow").toBeLessThanOrEqual(0);
}

/** Goes through a page from top to end, so that all comes that comes when a reader is near, and back. */
export async function walk(page: Page) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  for (let at = 0; at < height; at += 500) {
    await page.evaluate((to) => scrollTo(0, to), at);
    await page.waitForTimeout(20);
  }
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForLoadState("networkidle");
}

/** The first bench of a page. */
export const bench = (page: Page) => page.locator("div.bench").first();

/** Runs the lab of a page's first bench to its end. */
export async function run(page: Page): Promise<Locator> {
  const here = bench(page);
  await here.scrollIntoViewIfNeeded();
  await again(here);
  return here;
}

/** Presses 运行 and waits until the run has ended well. */
export async function again(here: Locator) {
  const button = here.getByRole("button", { name: "运行", exact: true });
  await expect(button).toBeEnabled();
  await button.click();
  await expect(here.getByRole("status").filter({ hasText: "运行结束" })).toBeVisible({ timeout: 45_000 });
  await expect(here.locator(".bench-bad")).toHaveCount(0);
}

/** Opens a view by its tab; where views stand side by side, it is there already. */
export async function view(here: Locator, name: string) {
  const tab = here.getByRole("tab", { name });
  if (await tab.count()) await tab.click();
}
