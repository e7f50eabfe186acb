import { FairleadError, isErrorCode } from "../../../protocol/errors.ts";
import { LinkName } from "../../../protocol/names.ts";
import { sleep } from "../../async/sleep.ts";
import { parseDuration } from "../../config/duration.ts";
import type { Links } from "../../control/schema.ts";
import { siteState } from "../framework/context.ts";
import { command, optionalArgument, value } from "../framework/definition.ts";
import { siteStateOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";
import { printLinks } from "../views/links.ts";

/** The time between two requests of --wait, ms. */
const LOOK_MS = 200;

/** A duration, or a bare number of seconds as in Skupper. */
const parseWait = (text: string) => parseDuration(/^\d+$/.test(text) ? `${text}s` : text);

export const linkStatus = command({
  path: ["link", "status"],
  summary: "Show the links of this site, and the links of other sites to it.",
  details:
    "The state of a link follows its connection: a closed connection shows within a second, and a connection that was lost without a close shows within a minute.",
  arguments: {
    name: optionalArgument("NAME", "Show the link of this name alone.", accepting(LinkName)),
  },
  options: {
    state: siteStateOption,
    wait: value(
      "--wait <DURATION>",
      "Wait until the links of this site are up, at most for this time. A bare number is in seconds.",
      parseWait,
    ),
  },
  examples: [
    {
      command: "fairlead link status",
      says: "Shows whether the links of this site are up, and which sites are linked to it.",
    },
    { command: "fairlead link status link1 --wait 60", says: "Waits until link1 is up." },
    { command: "fairlead link status --wait 1m", says: "Waits until every link is up." },
  ],
  async run(context, input) {
    const { ControlClient } = await import("../../control/client.ts");
    const connector = new ControlClient(await siteState(context.io, input.state), context.progress.during);
    const deadline = context.io.now() + (input.wait ?? 0) * 1000;
    let shown = ofName(await connector.links(), input.name);
    await context.progress.during("Waiting until the links of this site are up.", async () => {
      while (mayComeUp(shown) && context.io.now() < deadline) {
        await sleep(LOOK_MS);
        shown = ofName(await connector.links(), input.name);
      }
    });
    if (input.name !== undefined && shown.links.length + shown.incoming.length === 0) {
      throw new FairleadError("link.unknown", `This site has no link ${input.name}.`, {
        action: "`fairlead link status` without a name shows the links of this site.",
      });
    }
    if (input.wait !== undefined && !allUp(shown)) throw notUp(shown);
    context.answer(shown, (out) => printLinks(out, shown, context.io.now()));
  },
});

/** The links with a name; every link without a name. */
function ofName(all: Links, name: string | undefined): Links {
  if (name === undefined) return all;
  const { links, incoming } = all;
  const own = links.filter((link) => link.name === name);
  // Links of other sites may have the same name: they are shown if this site has no link of that name.
  return { links: own, incoming: own.length > 0 ? [] : incoming.filter((link) => link.name === name) };
}

const allUp = ({ links }: Links) => links.length > 0 && links.every(({ state }) => state === "up");

/** Whether waiting may help. A revoked link stays down. */
function mayComeUp(shown: Links): boolean {
  return !allUp(shown) && !shown.links.some(({ code }) => code === "link.revoked");
}

function notUp({ links }: Links): FairleadError {
  const down =
    links.find(({ code }) => code === "link.revoked") ?? links.find(({ state }) => state === "down");
  if (down === undefined) {
    return new FairleadError("link.unknown", "No link was created in time.", {
      action: "Create a link with `fairlead link create FILE`, or give --wait a longer time.",
    });
  }
  const why = down.code === undefined ? "" : ` (${down.code})`;
  const code = down.code !== undefined && isErrorCode(down.code) ? down.code : "uplink.lost";
  const { action } = down;
  return new FairleadError(code, `Link ${down.name} did not come up in time${why}.`, { action });
}
