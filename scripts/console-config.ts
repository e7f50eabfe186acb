/** How Vite builds and serves the console's application (workers/console/app). */
import { join, resolve } from "node:path";
import react from "@vitejs/plugin-react";
import type { InlineConfig, Plugin } from "vite";

const ROOT = resolve(import.meta.dirname, "..");

/** The faces that the pages use. PatternFly's base has italic ones and a font of icons as well. */
const USED_FACES = /RedHat(?:Text|Display|Mono)VF\.woff2/;

/** Removes from PatternFly's base what no page uses: faces of fonts, and the classes of its font of icons. */
export function withoutUnusedFonts(css: string): string {
  return css
    .replace(/@font-face\s*\{[^}]*\}/g, (face) => (USED_FACES.test(face) ? face : ""))
    .replace(/(?:\.pf-v6-pficon-[\w-]+:{1,2}before,?\s*)+\{[^}]*\}/g, "");
}

const unusedFonts: Plugin = {
  name: "fairlead:unused-fonts",
  enforce: "pre",
  transform(code, id) {
    return /react-core[\\/]dist[\\/]styles[\\/]base\.css$/.test(id) ? withoutUnusedFonts(code) : undefined;
  },
};

/**
 * The configuration of Vite.
 *
 * @param outDir where the build goes
 */
export function consoleConfig(outDir: string): InlineConfig {
  return {
    configFile: false,
    root: join(ROOT, "workers", "console", "app"),
    base: "/console/",
    cacheDir: join(ROOT, "node_modules", ".cache", "fairlead", "vite"),
    plugins: [react(), unusedFonts],
    // Vite warns of before.js, which is no module so that it runs before the page is painted.
    logLevel: "error",
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2023",
      // The content security policy lets fonts and images of this origin pass, and no data in place of them.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2000,
    },
  };
}
