// Chapter 7: the reader's browser as a gRPC-Web client, and the labs of the chapter on their page.
import { accessible, expect, fits, test } from "./support";
import type { Page } from "@playwright/test";

/** The chapter with the island ready. */
async function open(page: Page) {
  await page.goto(`${process.env.BASE_URL}/guide/advanced`);
  await page.locator(".grpc").scrollIntoViewIfNeeded();
  await expect(button(page, "一问多答")).toBeEnabled();
}

const messages = (page: Page) => page.locator(".grpc-message");
const button = (page: Page, name: string) => page.locator(".grpc").getByRole("button", { name });

/** Everything the page shows of a call from now on, one entry for each change. */
const changes = (site: Page) =>
  site.evaluateHandle(() => {
    const seen: { messages: number; trailers: number; canBeCancelled: boolean }[] = [];
    const count = (selector: string) => document.querySelectorAll(selector).length;
    new MutationObserver(() => {
      const cancel = [...document.querySelectorAll("button")].find((button) => button.textContent?.trim() === "取消");
      seen.push({
        messages: count(".grpc-message"),
        trailers: count(".grpc-trailers"),
        canBeCancelled: cancel !== undefined && !cancel.disabled,
      });
    }).observe(document.body, { childList: true, subtree: true, attributes: true });
    return seen;
  });

test("messages of a stream appear one by one, then the trailers", async ({ site }) => {
  await open(site);
  await site.locator("#grpc-name").fill("ada");
  await site.locator("#grpc-times").fill("4");
  await site.locator("#grpc-pause").fill("400");
  await site.locator("#grpc-pause").blur();
  const seen = await changes(site);
  const [request] = await Promise.all([
    site.waitForRequest((request) => request.url().endsWith("/peer/grpc/wirebook.greeter.v1.Greeter/GreetOften")),
    button(site, "一问多答").click(),
  ]);
  // Frame, then field 1 "ada", field 2 = 4, field 3 = 400.
  const sent = [0, 0, 0, 0, 10, 0x0a, 3, 0x61, 0x64, 0x61, 0x10, 4, 0x18, 0x90, 3];
  expect([...request.postDataBuffer()!]).toEqual(sent);
  expect(request.headers()["content-type"]).toBe("application/grpc-web+proto");
  await expect(messages(site)).toHaveCount(4);
  await expect(site.locator(".grpc-trailers")).toContainText("grpc-status: 0 OK");
  await expect(site.locator(".grpc-trailers code")).toHaveText(/^80 00 00 00 [0-9a-f]{2}$/);
  await expect(site.locator(".grpc-end")).toContainText("4 条消息，状态 0 OK");
  // What was on the page while the call was under way.
  expect(await seen.evaluate((seen) => seen)).toEqual(
    expect.arrayContaining([1, 2, 3].map((messages) => ({ messages, trailers: 0, canBeCancelled: true }))),
  );
  const times = await messages(site).locator("td:first-child").allTextContents();
  // Three pauses of 400 ms; a busy machine may see the first message late.
  expect(Number(times.at(-1)) - Number(times[0])).toBeGreaterThan(700);
  await expect(messages(site).first()).toContainText("第 1 次你好，ada！（number = 1）");
  await accessible(site);
});

test("a mistake is HTTP 200 with a status of its own, and a call can be cancelled", async ({ site }) => {
  await open(site);
  await button(site, "名字留空").click();
  await expect(site.locator(".grpc-head")).toContainText("HTTP 200");
  await expect(site.locator(".grpc-end")).toContainText("0 条消息，状态 3 INVALID_ARGUMENT");

  await button(site, "一问一答").click();
  await expect(site.locator(".grpc-end")).toContainText("1 条消息，状态 0 OK");

  // Long enough that a busy machine cancels in the midst of it.
  await site.locator("#grpc-times").fill("20");
  await site.locator("#grpc-pause").fill("500");
  await button(site, "一问多答").click();
  await expect(messages(site)).toHaveCount(2);
  await button(site, "取消").click();
  await expect(site.locator(".grpc-end")).toContainText("没有走完");
  await expect(button(site, "一问多答")).toBeEnabled();
  const count = await messages(site).count();
  await site.waitForTimeout(1_500);
  expect(await messages(site).count()).toBe(count);
});

test("it works by keyboard and fits a phone", async ({ site }) => {
  await site.setViewportSize({ width: 390, height: 844 });
  await open(site);
  await fits(site);
  await button(site, "一问一答").focus();
  await site.keyboard.press("Enter");
  await expect(site.locator(".grpc-end")).toContainText("状态 0 OK");
  await fits(site);
  await accessible(site);
});
