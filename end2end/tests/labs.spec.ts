// Every lab, as a reader meets it: run it, look at every view, step, share, reload, on a phone.
import { accessible, bench, expect, fits, run, slugs, test, view } from "./support";

/** All of them: a test holds this list to the site's. */
const LABS = [
  "tcp-echo", "tcp-chat-threads", "tcp-vs-udp", "udp-echo", "udp-broadcast", "udp-multicast", "icmp-ping", "serial-mock",
  "blocking-vs-async", "bind-addr", "tokio-tcp", "tokio-udp",
  "http-client", "axum-basic", "axum-middleware", "axum-routing",
  "ws-echo", "ws-chat",
  "framed", "h2-frames", "grpc-greeter", "grpc-web", "quic-streams", "http3", "head-of-line",
  "zero-copy", "conn-pool", "load-balancer",
  "pitfall-close", "pitfall-bounds", "pitfall-blocking", "pitfall-timeout", "pitfall-errors",
  "graceful-shutdown", "observe", "rate-limit",
];

test("the list names every lab", async ({ site }) => {
  expect((await slugs(site)).sort()).toEqual([...LABS].sort());
});

for (const slug of LABS) {
  test(`${slug}: runs, shows rows in every view, steps by keyboard, replays when reloaded`, async ({ site }) => {
    await site.setViewportSize({ width: 1280, height: 1000 });
    await site.goto(`/labs/${slug}`);
    const here = await run(site);
    const wired = slug !== "serial-mock"; // a serial line has no frames and no sockets

    if (wired) {
      await expect(here.locator(".sequence-body [role=option]").first()).toBeVisible();
      await view(here, "报文");
      await expect(here.locator(".frames-table [role=row]").nth(2)).toBeVisible();
      await here.locator(".frames-table [role=row]").nth(1).click();
      await expect(here.getByRole("treeitem").first()).toBeVisible();
      if (slug !== "icmp-ping") { // a raw socket is neither TCP nor UDP
        await view(here, "内核");
        await expect(here.locator(".kernel [role=option]").first()).toBeVisible();
      }
    } else {
      await expect(here.locator(".waveform svg").first()).toBeVisible();
    }
    await expect(here.locator(".code-line").first()).toBeVisible();
    await view(here, "日志");
    await expect(here.locator(".log-table tbody tr").nth(2)).toBeVisible();

    // Step by keyboard: the cursor goes to the first event and on from there.
    await here.getByRole("button", { name: "第一个事件" }).focus();
    await site.keyboard.press("Home");
    const clock = here.getByRole("slider", { name: "时间游标" });
    const first = await clock.inputValue();
    for (let step = 0; step < 12; step++) await site.keyboard.press("ArrowRight");
    await expect.poll(() => clock.inputValue()).not.toBe(first);
    await accessible(site);

    // The saved trace replays without running anything.
    const link = await here.getByRole("link", { name: "打开这条轨迹" }).getAttribute("href");
    await site.goto(link!);
    await expect(bench(site).locator(wired ? ".sequence-body [role=option]" : ".waveform svg").first()).toBeVisible();
    await site.reload();
    await expect(bench(site).locator(wired ? ".sequence-body [role=option]" : ".waveform svg").first()).toBeVisible();
    const trace = await site.request.get(`${link}.json`);
    expect((await trace.json()).lab).toBe(slug);
    expect((await site.request.get(`${link}.pcapng`)).headers()["content-type"]).toContain("pcap");

    await site.setViewportSize({ width: 390, height: 844 });
    await site.goto(`/labs/${slug}`);
    await fits(site);
    await run(site);
    await fits(site);
  });
}

test("a list names its current mark only while that is in the document", async ({ site }) => {
  await site.setViewportSize({ width: 1280, height: 1000 });
  await site.goto("/labs/tcp-chat-threads");
  const here = bench(site);
  await view(here, "报文");
  await here.locator(".frames-row").first().click();
  await site.keyboard.press("Home"); // the recording stands at its end
  for (const [list, scroller] of [[".frames-table", ".frames-scroll"], [".sequence-body", ".sequence-scroll"]]) {
    const current = () => here.locator(list!).getAttribute("aria-activedescendant");
    const to = (top: number) => here.locator(scroller!).evaluate((element, top) => element.scrollTo(0, top), top);
    await to(0);
    await expect.poll(current, `${list} at its top`).toMatch(/./);
    await expect(site.locator(`[id="${await current()}"]`)).toHaveCount(1);
    await to(1_000_000);
    await expect.poll(current, `${list} at its end`).toBe(null);
  }
});

test("typed lines reach a running lab", async ({ site }) => {
  await site.goto("/labs/tcp-chat-threads");
  const here = bench(site);
  await here.scrollIntoViewIfNeeded();
  await here.getByLabel("等待输入（秒）").fill("20"); // a slow browser types late
  await here.getByRole("button", { name: "运行", exact: true }).click();
  const input = here.locator(".bench-input input");
  await expect(input).toBeEnabled();
  await input.fill("有人在吗");
  await input.press("Enter");
  await view(here, "日志");
  await expect(here.locator(".log-table").getByText("有人在吗").first()).toBeVisible({ timeout: 30_000 });
  await here.getByRole("button", { name: "停止" }).click();
  await expect(here.getByText("已停止")).toBeVisible();
});

test("a parameter out of bounds is refused at its field", async ({ site }) => {
  await site.goto("/labs/tcp-echo");
  const here = bench(site);
  await here.scrollIntoViewIfNeeded();
  const rounds = here.getByLabel("往返次数");
  await rounds.fill("999");
  await here.getByRole("button", { name: "运行", exact: true }).click();
  await expect(rounds).toHaveAttribute("aria-invalid", "true");
});
