import { existsSync } from "node:fs";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import type { MovedSite, MoveRequest } from "../../control/schema.ts";
import { type Context, siteState } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import { makeLog } from "../framework/log.ts";
import { siteStateOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";

export const siteMove = command({
  path: ["site", "move"],
  summary: "Point the site of this machine to another address of its edge.",
  details:
    "For an edge that was started under another name or with other ports. The edge at the new address must prove that it is the edge of the site: it renews the certificate of the site there, under the CA that the site trusts. Otherwise nothing changes. The site keeps its key, its name, its links and its network. The command works with a connector that runs, whose open connections continue, and with one that is stopped. A new token of the same network moves a site as well: `fairlead connector run --token FILE`.",
  arguments: {
    url: argument("URL", "New address of the edge's API, https://HOST[:PORT].", accepting(EdgeOrigin)),
  },
  options: {
    gateway: value(
      "--gateway <URL>",
      "New address of the gateway, https://HOST[:PORT]. The default is what the edge at URL says.",
      accepting(EdgeOrigin),
    ),
    state: siteStateOption,
  },
  examples: [
    {
      command: "fairlead site move https://edge.example:8443",
      says: "Moves the only site of this machine to the edge at edge.example.",
    },
    {
      command: "fairlead site move https://edge.example --gateway https://edge.example:8444 --state ./west",
      says: "Moves the site in ./west, and names the gateway too.",
    },
  ],
  async run(context, { url, gateway, state }) {
    const { io } = context;
    const stateDir = await siteState(io, state);
    const to = { api: url, gateway };
    const running = await moveRunning(context, stateDir, to);
    const log = await makeLog({ io, output: io.stderr, level: "warn", json: context.json });
    const line = `Waiting for the edge at ${url}.`;
    const moved = running ?? (await context.progress.during(line, () => moveStopped(stateDir, to, log)));
    context.answer({ ...moved, running: running !== null }, (out) => {
      out.line(`Site "${moved.site}" now has its edge at ${moved.edge}, with the gateway ${moved.gateway}.`);
      out.line(
        running === null
          ? "Start its connector as before: it uses the new address."
          : "Its connector uses the new address now; `fairlead status` shows it.",
      );
    });
  },
});

/** Moves the site by its connector; null if none runs. */
async function moveRunning(context: Context, stateDir: string, to: MoveRequest): Promise<MovedSite | null> {
  const { ControlClient } = await import("../../control/client.ts");
  try {
    return await new ControlClient(stateDir, context.progress.during).move(to);
  } catch (thrown) {
    const isStopped = thrown instanceof FairleadError && thrown.code === "connector.unreachable";
    if (isStopped && existsSync(join(stateDir, "site.json"))) return null;
    throw thrown;
  }
}

async function moveStopped(...request: Parameters<typeof import("../../runtime/move-site.ts").moveSite>) {
  const { moveSite } = await import("../../runtime/move-site.ts");
  return await moveSite(...request);
}
