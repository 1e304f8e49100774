import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";

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
  const all = await new AxeBuilder({ page }).disableRules([rule]).analyze();
  const names = await new AxeBuilder({ page }).withRules([rule]).exclude("svg [role=option]").analyze();
  const violations = [...all.violations, ...names.violations];
  expect(violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.target).join(" · ")}`)).toEqual([]);
}

/** True if nothing makes the page scroll sideways. */
export async function fits(page: Page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(over, "pixels of horizontal overflow").toBeLessThanOrEqual(0);
}
