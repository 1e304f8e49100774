// Chapter 5: the reader's browser as an HTTP client of a lab's router, and middleware drawn as an onion.
import { accessible, expect, fits, test } from "./support";
import { AxeBuilder } from "@axe-core/playwright";
import { execFileSync } from "node:child_process";
import type { Page } from "@playwright/test";

const json = "Content-Type: application/json";
const order = '{"book": 2, "copies": 3}';

/** Method, path, query, headers, body, status, who refused. */
const requests: [string, string, string, string, string, number, string][] = [
  ["GET", "/books/1", "", "", "", 200, ""],
  ["GET", "/me", "", "Authorization: Bearer sesame", "", 200, ""],
  ["POST", "/orders", "", json, order, 201, ""],
  ["GET", "/books/abc", "", "", "", 400, "Path 提取器"],
  ["GET", "/books", "page=x", "", "", 400, "Query 提取器"],
  ["POST", "/orders", "", json, '{"book":', 400, "Json 提取器"],
  ["GET", "/me", "", "", "", 401, "Bearer 提取器"],
  ["GET", "/books/99", "", "", "", 404, "处理函数"],
  ["GET", "/nowhere", "", "", "", 404, "路由"],
  ["DELETE", "/books/1", "", "", "", 405, "路由"],
  ["POST", "/orders", "", json, " ".repeat(1025), 413, "Json 提取器"],
  ["POST", "/orders", "", "Content-Type: text/plain", order, 415, "Json 提取器"],
  ["POST", "/orders", "", json, '{"book": 2, "copies": "three"}', 422, "Json 提取器"],
];

/** The chapter, ready. A refusal is an error in the browser's console, so this page may have some. */
async function open(page: Page) {
  await page.goto(`${process.env.BASE_URL}/guide/axum`);
  await page.locator(".fetch").scrollIntoViewIfNeeded();
  await expect(page.getByRole("button", { name: "发送" })).toBeEnabled();
}

/** Status and body as curl gets them. */
function curl(method: string, url: string, headers: string, body: string) {
  const header = headers ? ["-H", headers] : [];
  const data = body ? ["--data-raw", body] : [];
  const out = execFileSync("curl", ["-s", "-m", "5", "-X", method, ...header, ...data, "-w", "\n%{http_code}", url]);
  const [, text, status] = /^([^]*)\n(\d+)$/.exec(out.toString())!;
  return { status: Number(status), text };
}

test("fetch and curl get the same answers to the same requests, and the page says who refused", async ({ page }) => {
  test.slow();
  await open(page);
  for (const [method, path, query, headers, body, status, by] of requests) {
    await page.getByLabel("方法").last().selectOption(method);
    await page.locator("#fetch-path").fill(path);
    await page.locator("#fetch-query").fill(query);
    await page.locator("#fetch-headers").fill(headers);
    await page.locator("#fetch-body").fill(body);
    const url = `/peer/axum${path}${query && "?"}${query}`;
    const [response] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith(url)),
      page.getByRole("button", { name: "发送" }).click(),
    ]);
    await expect(page.locator(".fetch-request")).toHaveText(`${method} ${url}`);
    await expect(page.locator(".fetch-status strong")).toHaveText(String(status));
    if (by) await expect(page.locator(".fetch-why")).toContainText(`${by}拒绝了请求`);
    expect(response.headers()["content-security-policy"]).toContain("default-src 'none'");
    const said = curl(method, `${process.env.BASE_URL}${url}`, headers, body);
    expect(said.status).toBe(status);
    const shown = await page.locator(".fetch-body").textContent();
    // Only the number of an order differs from one to the next.
    const plain = (text: string) => text.replace(/"order":\d+/, '"order":0');
    expect(plain(shown!)).toBe(plain(said.text));
  }
  await accessible(page);
});

test("the form says what a browser cannot send, works by keyboard and fits a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page);
  await fits(page);
  const send = page.getByRole("button", { name: "发送" });
  await page.getByRole("button", { name: "没有令牌" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("#fetch-path")).toHaveValue("/me");
  await page.locator("#fetch-path").press("Enter");
  await expect(page.locator(".fetch-status strong")).toHaveText("401");
  await fits(page);
  for (const [field, text] of [["headers", "Host: a.example"], ["body", "x"], ["path", "/../live"], ["query", "a#b"]]) {
    const input = page.locator(`#fetch-${field}`);
    const before = await input.inputValue();
    await input.fill(text!);
    await expect(input).toHaveAttribute("aria-invalid", "true");
    await expect(send).toBeDisabled();
    await input.fill(before);
    await expect(send).toBeEnabled();
  }
  await accessible(page);
});

test("middleware is drawn as an onion from the run's own events", async ({ site }) => {
  await site.goto("/labs/axum-middleware");
  const here = site.locator("div.bench").first();
  await here.getByRole("button", { name: "运行", exact: true }).click();
  await expect(here.getByRole("status").filter({ hasText: "运行结束" })).toBeVisible({ timeout: 45_000 });
  await here.getByRole("tab", { name: "洋葱" }).click();
  const drawn = here.locator(".onion-request");
  await expect(drawn).toHaveCount(6);
  const depths = await drawn.evaluateAll((all) => all.map((one) => one.querySelectorAll(".onion-layer").length));
  expect(depths).toEqual([6, 2, 2, 3, 6, 5]);
  await expect(here.locator(".onion-dropped")).toHaveCount(2);
  const edge = here.locator(".onion-edge").nth(3);
  await edge.click();
  await expect(edge).toHaveAttribute("aria-current", "true");
  expect((await new AxeBuilder({ page: site }).include(".onion").analyze()).violations).toEqual([]);
  await site.setViewportSize({ width: 390, height: 844 });
  await fits(site);
});
