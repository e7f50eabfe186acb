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

/** How often --wait looks, in ms. */
const LOOK_MS = 200;

/** A duration, or a bare number of seconds, as Skupper takes it. */
const parseWait = (text: string) => parseDuration(/^\d+$/.test(text) ? `${text}s` : text);

export const linkStatus = command({
  path: ["link", "status"],
  summary: "show the links of this site, and those of others to it",
  details:
    "A link's state is that of the sockets at this moment: what is shown is true one second after a connection was closed, and a minute after one was lost without a word.",
  arguments: {
    name: optionalArgument("NAME", "only the link of this name", accepting(LinkName)),
  },
  options: {
    state: siteStateOption,
    wait: value(
      "--wait <DURATION>",
      "wait until the links of this site are up, at the most this long; a bare number is seconds",
      parseWait,
    ),
  },
  examples: [
    {
      command: "fairlead link status",
      says: "shows whether this site's links are up, and who is linked to it",
    },
    { command: "fairlead link status link1 --wait 60", says: "waits until link1 is up" },
    { command: "fairlead link status --wait 1m", says: "waits until all are" },
  ],
  async run(context, input) {
    const { ControlClient } = await import("../../control/client.ts");
    const connector = new ControlClient(await siteState(context.io, input.state));
    const deadline = context.io.now() + (input.wait ?? 0) * 1000;
    let shown = ofName(await connector.links(), input.name);
    while (mayComeUp(shown) && context.io.now() < deadline) {
      await sleep(LOOK_MS);
      shown = ofName(await connector.links(), input.name);
    }
    if (input.name !== undefined && shown.links.length + shown.incoming.length === 0) {
      throw new FairleadError("link.unknown", `this site has no link ${input.name}`);
    }
    if (input.wait !== undefined && !allUp(shown)) throw notUp(shown);
    context.answer(shown, (out) => printLinks(out, shown, context.io.now()));
  },
});

/** The links of a name; all without one. */
function ofName(all: Links, name: string | undefined): Links {
  if (name === undefined) return all;
  const { links, incoming } = all;
  const own = links.filter((link) => link.name === name);
  // Others' links have names of their own: they are meant only where this site has none of the name.
  return { links: own, incoming: own.length > 0 ? [] : incoming.filter((link) => link.name === name) };
}

const allUp = ({ links }: Links) => links.length > 0 && links.every(({ state }) => state === "up");

/** Whether waiting may help: what was revoked stays down. */
function mayComeUp(shown: Links): boolean {
  return !allUp(shown) && !shown.links.some(({ code }) => code === "link.revoked");
}

function notUp({ links }: Links): FairleadError {
  const down =
    links.find(({ code }) => code === "link.revoked") ?? links.find(({ state }) => state === "down");
  if (down === undefined) return new FairleadError("link.unknown", "no link was made in time");
  const why = down.code === undefined ? "" : ` (${down.code})`;
  const code = down.code !== undefined && isErrorCode(down.code) ? down.code : "uplink.lost";
  return new FairleadError(code, `not every link came up in time: ${down.name}${why}`);
}
