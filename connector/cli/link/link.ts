import { FairleadError, isErrorCode } from "../../../protocol/errors.ts";
import { siteState } from "../context.ts";
import { command, value } from "../definition.ts";
import { parseDuration } from "../duration.ts";
import { networkOption, siteStateOption } from "../options.ts";
import { printLinks } from "../site-views.ts";

/** How often --wait looks, in ms. */
const LOOK_MS = 200;

export const linkList = command({
  path: ["link", "list"],
  summary: "list a network's links",
  options: { network: networkOption },
  examples: [
    { command: "fairlead link list", says: "lists who is linked to whom, and whether the link is up" },
  ],
  async run(context, input) {
    const { listLinks } = await import("../../api/calls.ts");
    const network = await context.network(input.network);
    const links = await listLinks(await context.edge(), network);
    context.answer(links, (out) => {
      if (links.length === 0) {
        return out.line(`No links in network "${network}". A site that joins with a token makes one.`);
      }
      out.table(
        ["LINK", "FROM", "TO", "COST", "STATE", "WHY"],
        links.map((link) => [
          link.name,
          link.joiner,
          link.issuer,
          String(link.cost),
          out.state(link.state),
          link.code ?? "",
        ]),
      );
    });
  },
});

export const linkStatus = command({
  path: ["link", "status"],
  summary: "show the links of this site",
  options: {
    state: siteStateOption,
    wait: value("--wait <DURATION>", "wait until all are up, at the most this long", parseDuration),
  },
  examples: [
    { command: "fairlead link status", says: "shows whether this site's links are up" },
    { command: "fairlead link status --wait 1m", says: "waits until they are" },
  ],
  async run(context, input) {
    const { ControlClient } = await import("../../control/client.ts");
    const connector = new ControlClient(await siteState(context.io, input.state));
    const deadline = context.io.now() + (input.wait ?? 0) * 1000;
    let { links } = await connector.links();
    const allUp = () => links.length > 0 && links.every(({ state }) => state === "up");
    while (!allUp() && context.io.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      ({ links } = await connector.links());
    }
    if (input.wait !== undefined && !allUp()) {
      const down = links.find(({ state }) => state === "down");
      const why = down?.code === undefined ? "" : ` (${down.code})`;
      const code = down?.code !== undefined && isErrorCode(down.code) ? down.code : "uplink.lost";
      throw new FairleadError(code, `not every link came up in time${down ? `: ${down.name}${why}` : ""}`);
    }
    context.answer({ links }, (out) => printLinks(out, links));
  },
});
