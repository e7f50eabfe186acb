import { FairleadError } from "../../../protocol/errors.ts";
import { command, flag } from "../framework/definition.ts";

export const consoleOpen = command({
  path: ["console"],
  summary: "Open the console in a browser, signed in.",
  details:
    "The command makes a link with your login, which signs its holder in once and within a minute, with the role of your key. At an edge on this machine, the link leads to the console's listener on loopback.",
  options: {
    open: flag("--no-open", "Print the link and open no browser."),
  },
  examples: [
    { command: "fairlead console", says: "Opens the console." },
    {
      command: "fairlead console --no-open",
      says: "Prints the link, for a browser on another machine.",
    },
  ],
  async run(context, { open }) {
    const { createSignInLink } = await import("../../operator/edge-api.ts");
    const link = await createSignInLink(await context.edge());
    const opened = open && !context.json && (await openBrowser(link.url, context.io.env));
    context.answer({ ...link, opened }, (out) => {
      if (opened) {
        out.line("The console opens in the browser. If it does not, open this within a minute:");
      } else {
        out.line("Open this within a minute; it works once:");
      }
      out.line();
      out.verbatim(`  ${link.url}`);
    });
  },
});

/** The programs that open a URL in the browser of a desktop, by system. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", linux: "xdg-open" };

/**
 * Opens a URL in the browser. Other users of the machine see the words of a program while it runs; the link in them
 * works once, and the browser uses it up.
 * @returns whether a program for it was started
 */
async function openBrowser(url: string, env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  if (!/^https?:\/\/[^\s"']+$/.test(url)) {
    throw new FairleadError("edge.internal", "The edge's link to the console has an unknown form.");
  }
  const opener = OPENERS[process.platform];
  const hasDesktop = process.platform === "darwin" || env.DISPLAY || env.WAYLAND_DISPLAY;
  if (opener === undefined || !hasDesktop) return false;
  const { spawn } = await import("node:child_process");
  const child = spawn(opener, [url], { stdio: "ignore", detached: true });
  return await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}
