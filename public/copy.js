// A copy button for every code listing; closes the contents when one of its links is followed.
(() => {
  const status = document.createElement("span");
  status.className = "unseen";
  status.setAttribute("role", "status");
  document.body.append(status);

  for (const listing of document.querySelectorAll("[data-copy]")) {
    const code = listing.querySelector("code");
    if (!code || !navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "listing-copy";
    button.textContent = "复制";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "✓ 已复制";
      } catch {
        button.textContent = "没有复制成";
      }
      status.textContent = button.textContent;
      setTimeout(() => {
        button.textContent = "复制";
        status.textContent = "";
      }, 2000);
    });
    listing.append(button);
  }

  const contents = document.getElementById("contents");
  contents?.addEventListener("click", (event) => {
    if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
  });
})();
