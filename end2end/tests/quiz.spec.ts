import { readFileSync } from "node:fs";
import { accessible, expect, fits, test, walk } from "./support";
import type { Page } from "@playwright/test";

const question = (id: string) => `#quiz-${id}`;

/** A question of /guide/tcp once its part of the wasm is here: before, its form is posted to a page of its own. */
async function asked(site: Page, id: string) {
  await site.goto("/guide/tcp");
  const box = site.locator(question(id));
  await box.scrollIntoViewIfNeeded();
  await site.waitForLoadState("networkidle");
  return box;
}

test.describe("questions", () => {
  test("a single choice: wrong, again, right; the source does not say which", async ({ site }) => {
    const source = await (await site.request.get("/guide/tcp")).text();
    expect(source).not.toContain("握手就是内核的事");
    const box = await asked(site, "who-shakes-hands");
    await box.getByRole("radio").nth(0).check();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("✕ 还不对")).toBeVisible();
    await box.getByRole("radio").nth(1).check();
    await expect(box.getByText("✕ 还不对")).toBeHidden();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("✓ 答对了")).toBeVisible();
    await expect(box.getByText("✓ 正确答案")).toBeVisible();
    await expect(box.getByText("握手就是内核的事")).toBeVisible();
    await site.reload();
    await expect(box.getByText("✓ 已答对")).toBeVisible();
  });

  test("several, and being told", async ({ site }) => {
    const box = await asked(site, "write-all-means");
    await box.getByRole("checkbox").nth(1).check();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("还没有选全")).toBeVisible();
    await box.getByRole("button", { name: "看答案" }).click();
    await expect(box.getByText("✓ 正确答案")).toHaveCount(3);
    await box.getByRole("button", { name: "再做一次" }).click();
    await expect(box.getByRole("button", { name: "回答" })).toBeVisible();
  });

  test("a short answer in full-width letters", async ({ site }) => {
    const box = await asked(site, "end-of-stream");
    await box.getByRole("textbox").fill(" ０ ");
    await box.getByRole("textbox").press("Enter");
    await expect(box.getByText("✓ 答对了")).toBeVisible();
  });

  test("an order, by keyboard alone", async ({ site }) => {
    const box = await asked(site, "four-segments");
    const right = ["客户端的内核发出 FIN", "服务器的 read 返回 0", "服务器的内核发出 FIN", "客户端回复最后一个 ACK"];
    await expect(box.getByRole("button", { name: "第 2 项上移" })).toBeVisible();
    for (const [place, text] of right.entries()) {
      const items = await box.locator(".quiz-item").allInnerTexts();
      let at = items.findIndex((item) => item.startsWith(text));
      expect(at).toBeGreaterThanOrEqual(place);
      if (at > place) await box.getByRole("button", { name: `第 ${at + 1} 项上移` }).focus();
      for (; at > place; at--) await site.keyboard.press(at === 1 ? "Enter" : "Space");
    }
    await box.getByRole("button", { name: "回答" }).focus();
    await site.keyboard.press("Enter");
    await expect(box.getByText("✓ 答对了")).toBeVisible();
  });

  test("predict, then a real run decides", async ({ site }) => {
    const box = await asked(site, "read-calls");
    await box.getByRole("spinbutton").fill("3");
    await box.getByRole("button", { name: "就猜这个，运行" }).click();
    await expect(box.getByText("✕ 没有猜中")).toBeVisible({ timeout: 30_000 });
    await expect(box.getByText("运行的结果是 2")).toBeVisible();
    const trace = box.getByRole("link", { name: "看这次运行的轨迹" });
    await expect(trace).toHaveAttribute("href", /^\/traces\/.+/);
    expect((await site.request.get((await trace.getAttribute("href"))!)).ok()).toBe(true);
    await box.getByRole("button", { name: "再做一次" }).click();
    await box.getByRole("spinbutton").fill("2");
    await box.getByRole("button", { name: "就猜这个，运行" }).click();
    await expect(box.getByText("✓ 猜中了")).toBeVisible({ timeout: 30_000 });
  });

  test("without the server the question says so and can be tried again", async ({ browser }) => {
    // Its own page: the refused request is an error on the console, as it should be.
    const page = await browser.newPage({ baseURL: process.env.BASE_URL });
    await page.goto("/guide/tcp");
    const box = page.locator(question("who-shakes-hands"));
    const order = page.locator(question("four-segments"));
    await order.scrollIntoViewIfNeeded();
    await expect(order.getByRole("button", { name: "第 2 项上移" })).toBeVisible();
    await page.route("**/quiz/**", (route) => route.abort());
    await box.getByRole("radio").nth(1).check();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("连不上服务器")).toBeVisible();
    await page.unroute("**/quiz/**");
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("✓ 答对了")).toBeVisible();
    await page.close();
  });

  test("without scripts the form posts and is answered", async ({ browser }) => {
    const page = await browser.newPage({ baseURL: process.env.BASE_URL, javaScriptEnabled: false });
    await page.goto("/guide/tcp");
    const box = page.locator(question("who-shakes-hands"));
    await box.getByRole("radio").nth(1).check();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(page.getByRole("heading", { name: "答对了" })).toBeVisible();
    await page.getByRole("link", { name: "回到这道题" }).click();
    await expect(page).toHaveURL(/\/guide\/tcp#quiz-who-shakes-hands$/);
    await page.close();
  });
});

test.describe("progress", () => {
  test("questions and runs count, leave as a file, come back, and can be forgotten", async ({ site }, info) => {
    await site.goto("/guide/tcp");
    const box = site.locator(question("who-shakes-hands"));
    await box.getByRole("radio").nth(1).check();
    await box.getByRole("button", { name: "回答" }).click();
    await expect(box.getByText("✓ 答对了")).toBeVisible();
    const mark = site.locator('#contents a[href="/guide/tcp"] .progress-mark');
    await expect(mark).toHaveAttribute("data-state", "begun");

    await site.goto("/progress");
    const row = site.getByRole("row", { name: /TCP 编程/ });
    await expect(row.getByRole("cell").nth(2)).toHaveText(/^1\/\d+$/);
    const download = site.waitForEvent("download");
    await site.getByRole("link", { name: "导出为文件" }).click();
    const file = info.outputPath("progress.json");
    await (await download).saveAs(file);
    expect(JSON.parse(readFileSync(file, "utf8")).chapters["guide/tcp"].quizzes).toEqual({ "who-shakes-hands": true });

    site.on("dialog", (dialog) => dialog.accept());
    await row.getByRole("button", { name: /重置/ }).click();
    await expect(row.getByRole("cell").nth(2)).toHaveText(/^0\/\d+$/);
    await site.locator('input[type="file"]').setInputFiles(file);
    await expect(site.getByText("已导入")).toBeVisible();
    await expect(row.getByRole("cell").nth(2)).toHaveText(/^1\/\d+$/);
    await site.locator('input[type="file"]').setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from("{") });
    await expect(site.getByText("什么也没有改")).toBeVisible();
    await site.getByRole("button", { name: "全部清除" }).click();
    await expect(row.getByRole("cell").nth(2)).toHaveText(/^0\/\d+$/);
    expect(await site.context().cookies()).toEqual([]);
  });

  test("garbage in the storage is no obstacle", async ({ site }) => {
    await site.goto("/progress");
    await site.evaluate(() => localStorage.setItem("wirebook-progress", "{{{"));
    await site.reload();
    await expect(site.getByRole("row", { name: /TCP 编程/ }).getByRole("cell").nth(2)).toHaveText(/^0\/\d+$/);
  });

  test("a section is read when its end was seen and some time has passed", async ({ site }) => {
    await site.goto("/guide/udp");
    await site.locator("#server").scrollIntoViewIfNeeded();
    const stored = () => site.evaluate(() => localStorage.getItem("wirebook-progress") ?? "");
    await site.waitForTimeout(9_500);
    await expect.poll(stored, { timeout: 15_000 }).toContain('"compare"');
    expect(await stored()).not.toContain('"one-to-many"');
  });
});

for (const path of ["/guide/tcp", "/progress"]) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${path} in ${colorScheme} is accessible and fits, with its questions and marks`, async ({ site }) => {
      await site.emulateMedia({ colorScheme });
      await site.setViewportSize({ width: 1280, height: 900 });
      await site.goto(path);
      await walk(site);
      await accessible(site);
      await site.setViewportSize({ width: 390, height: 844 });
      await fits(site);
      await accessible(site);
    });
  }
}
