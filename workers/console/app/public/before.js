// What has to happen before the modules of the page: their order is the bundler's.
(() => {
  // Zod compiles schemas with `new Function` where it may. The content security policy forbids it, and reports an attempt.
  globalThis.__zod_globalConfig = { jitless: true };

  // The theme is set before the page is painted, so that a dark page never flashes white.
  let chosen = "system";
  try {
    chosen = localStorage.getItem("fairlead-theme") ?? "system";
  } catch {
    // Storage is off: the system's theme is used.
  }
  const dark =
    chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", dark);
})();
