// The reader's own browser as a peer: the echo, and a room shared by two readers.
import { accessible, expect, fits, test } from "./support";
import type { Locator, Page } from "@playwright/test";

const chapter = "/guide/websocket";
const echo = (page: Page) => page.locator(".peer", { hasText: "WebSocket 回显：另一端就是这个页面" });
const chat = (page: Page) => page.locator(".peer", { hasText: "聊天室：和正在读这一页的人说话" });

async function enter(page: Page, name: string, room: string): Promise<Locator> {
  await page.goto(chapter);
  const here = chat(page);
  await here.scrollIntoViewIfNeeded();
  await expect(here.getByRole("button", { name: "进房间" })).toBeEnabled();
  await here.getByLabel("你的名字").fill(name);
  await here.getByLabel("房间").fill(room);
  await here.getByRole("button", { name: "进房间" }).click();
  await expect(here.getByLabel("说一句话")).toBeEnabled();
  return here;
}

async function say(here: Locator, text: string) {
  await here.getByLabel("说一句话").fill(text);
  await here.getByRole("button", { name: "发送" }).click();
}

test("echo: both sides on one timeline, close codes, a message that is too long", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  await site.goto(chapter);
  const here = echo(site);
  await here.scrollIntoViewIfNeeded();
  await here.getByRole("button", { name: "连接", exact: true }).click();
  await expect(here.getByRole("status")).toHaveText("已连接");
  await here.getByLabel("要发送的文字").fill("你好");
  await here.getByRole("button", { name: "发送" }).click();
  // Four events and two arrows: sent here, received there, sent there, received here.
  for (const words of ["send：6 字节文本", "收到 6 字节文本", "发回 6 字节文本", "message：6 字节文本"]) {
    await expect(here.locator(".log-message", { hasText: words })).toHaveCount(1);
  }
  await expect(here.locator(".sequence-body .sequence-frame")).toHaveCount(2);
  await expect(here.locator(".sequence-body .sequence-travelling")).toHaveCount(0);
  await expect(here.getByText(/取五次对时中往返最短的一次（[\d.]+ 毫秒）/)).toBeVisible();

  await here.getByRole("button", { name: "关闭（4000）" }).click();
  await expect(here.getByRole("status")).toHaveText(/已断开：4000（应用自己规定的码），“换一间房”$/);
  await expect(here.locator(".log-message", { hasText: "对方要关闭：4000" })).toHaveCount(1);

  await here.getByRole("button", { name: "连接", exact: true }).click();
  await expect(here.getByRole("status")).toHaveText("已连接");
  await here.getByRole("button", { name: "发一条太长的" }).click();
  // The server closes while the rest of the message is still arriving, and yet its reason gets here.
  await expect(here.getByRole("status")).toHaveText(/已断开：1009/);
});

test("echo: who sends faster than the server reads sees it in bufferedAmount, and loses nothing", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  await site.goto(chapter);
  const here = echo(site);
  await here.scrollIntoViewIfNeeded();
  await here.getByRole("button", { name: "连接", exact: true }).click();
  await expect(here.getByRole("status")).toHaveText("已连接");
  // On a fast machine what is waiting is gone within a moment: remember everything that was shown.
  await here.locator(".bench-count").evaluate((count) => {
    const shown: string[] = ((window as any).shown = []);
    new MutationObserver(() => shown.push(count.textContent!)).observe(count, { childList: true, characterData: true, subtree: true });
  });
  await here.getByRole("button", { name: /一口气发/ }).click();
  await expect
    .poll(() => site.evaluate(() => (window as any).shown.filter((text: string) => /：[1-9]\d* 字节/.test(text)).length))
    .toBeGreaterThan(0);
  await expect(here.locator(".bench-count")).toHaveText("bufferedAmount：0 字节");
  await expect(here.locator(".sequence-empty")).toHaveCount(0);
  await here.getByRole("button", { name: "关闭（1000）" }).click();
  await expect(here.getByRole("status")).toHaveText(/已断开：1000/);
});

test("chat: two readers hear each other, text stays text, and who leaves is seen to leave", async ({ site, browser }) => {
  const room = `测试 ${Date.now() % 1_000_000}`;
  const here = await enter(site, "小明", room);
  const context = await browser.newContext({ baseURL: process.env.BASE_URL });
  const other = await context.newPage();
  await say(here, "有人吗");
  await expect(here.locator(".peer-said")).toHaveText(["小明：有人吗"]);

  const there = await enter(other, "小红", room);
  await expect(there.locator(".peer-said")).toHaveText(["小明：有人吗"]); // the history
  await expect(here.locator(".peer-names")).toContainText("小明、小红");
  await say(there, "<img src=x onerror=alert(1)> <b>我在</b>");
  await expect(here.locator(".peer-said")).toHaveText(["小明：有人吗", "小红：<img src=x onerror=alert(1)> <b>我在</b>"]);
  await expect(here.locator(".peer-lines img")).toHaveCount(0);

  // Both sides of this page's own socket.
  await expect(here.locator(".log-message", { hasText: "放进广播通道，房间里有 1 人" })).toHaveCount(1);
  await expect(here.locator(".sequence-body .sequence-frame").first()).toBeVisible();

  await there.getByRole("button", { name: "离开" }).click();
  await expect(there.getByRole("status")).toHaveText(/已断开：1000/);
  await expect(here.locator(".peer-note", { hasText: "小红 走了" })).toHaveCount(1);
  // A name that is taken is refused; the socket stays and another name will do.
  await there.getByLabel("你的名字").fill("小明");
  await there.getByRole("button", { name: "进房间" }).click();
  await expect(there.locator(".peer-refused")).toContainText("请换一个名字");
  await there.getByLabel("你的名字").fill("小红");
  await there.getByRole("button", { name: "进房间" }).click();
  await expect(there.getByLabel("说一句话")).toBeEnabled();
  // Or the page just goes.
  await context.close();
  await expect(here.locator(".peer-note", { hasText: "小红 走了" })).toHaveCount(2);
});

for (const [width, scheme] of [[390, "light"], [1280, "dark"]] as const) {
  test(`chat: accessible and within ${width} pixels, ${scheme}`, async ({ site }, info) => {
    await site.emulateMedia({ colorScheme: scheme });
    await site.setViewportSize({ width, height: 900 });
    const here = await enter(site, "小明", `测试 ${width}`);
    await say(here, "大家好");
    await expect(here.locator(".peer-said")).toHaveCount(1);
    await fits(site);
    await accessible(site);
    await info.attach("chat", { body: await here.screenshot(), contentType: "image/png" });
  });
}
