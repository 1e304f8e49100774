// Light, dark or as the system says. Loaded before the page is drawn, so that the wrong theme never flashes.
(() => {
  const root = document.documentElement;
  const themes = { auto: "自动", light: "浅色", dark: "深色" };
  const names = Object.keys(themes);

  function stored() {
    try {
      const theme = localStorage.getItem("theme");
      return theme in themes ? theme : "auto";
    } catch {
      return "auto"; // storage is forbidden: the choice holds for this page only
    }
  }

  function apply(theme) {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  let theme = stored();
  apply(theme);

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    const label = () => {
      button.dataset.choice = theme;
      button.querySelector(".header-theme-word").textContent = themes[theme];
      button.setAttribute("aria-label", `配色：${themes[theme]}，按下切换`);
    };
    label();
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = names[(names.indexOf(theme) + 1) % names.length];
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // as above
      }
      apply(theme);
      label();
    });
    // Another tab changed it.
    window.addEventListener("storage", (event) => {
      if (event.key !== "theme") return;
      theme = stored();
      apply(theme);
      label();
    });
  });
})();
