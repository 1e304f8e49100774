// Pieces of a chapter that run in the reader's browser alone.
import { accessible, expect, fits, test } from "./support";

test("addr-parse reads what is typed, explains what is wrong, and is there without scripts", async ({ site, browser }) => {
  await site.goto("/guide/std");
  const widget = site.locator(".addr-widget");
  const field = widget.getByRole("textbox", { name: "地址，或者地址加端口" });
  await widget.scrollIntoViewIfNeeded();
  await expect(field).toBeEditable();
  await expect(widget.locator(".addr-results")).toContainText("Ok([fe80::1%3]:8080)");

  await field.fill("10.0.0.1:80");
  await expect(widget.locator(".addr-results")).toContainText("Err(invalid IP address syntax)");
  await expect(widget.locator(".addr-results")).toContainText("Ok(10.0.0.1:80)");
  await expect(widget).toContainText("RFC 1918");
  await expect(widget.locator(".addr-bits tbody tr")).toHaveCount(4);

  await field.fill("127.0.0.01");
  await expect(widget.locator(".addr-why")).toContainText("八进制");
  await expect(widget.locator(".addr-bits")).toHaveCount(0);

  // By keyboard alone.
  await widget.getByRole("button", { name: "::ffff:10.0.0.1" }).focus();
  await site.keyboard.press("Enter");
  await expect(field).toHaveValue("::ffff:10.0.0.1");
  await expect(widget).toContainText("里面的 IPv4");
  await expect(widget.locator(".addr-bits tbody tr")).toHaveCount(8);

  for (const scheme of ["light", "dark"] as const) {
    await site.emulateMedia({ colorScheme: scheme });
    await site.setViewportSize({ width: 390, height: 844 });
    await fits(site);
    await accessible(site);
  }

  const context = await browser.newContext({ baseURL: process.env.BASE_URL, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/guide/std");
  await page.getByText("十二个例子").click();
  await expect(page.locator(".addr-examples")).toContainText("if_nametoindex");
  await context.close();
});
