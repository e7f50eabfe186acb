import { FairleadError } from "../../../protocol/errors.ts";
import { LinkCost, LinkName, SiteName } from "../../../protocol/names.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";

const parseCost = (text: string): number => {
  const cost = LinkCost.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (cost.success) return cost.data;
  throw new FairleadError("request.invalid", `"${text}" is no cost: a whole number from 1 to 1000000`);
};

export const linkList = command({
  path: ["link", "list"],
  summary: "list a network's links",
  options: { network: networkOption },
  examples: [
    { command: "fairlead link list", says: "lists who is linked to whom, and whether the link is up" },
  ],
  async run(context, input) {
    const { listLinks } = await import("../../operator/edge-api.ts");
    const { relativeTime } = await import("../framework/duration.ts");
    const network = await context.network(input.network);
    const links = await listLinks(await context.edge(), network);
    context.answer(links, (out) => {
      if (links.length === 0) {
        return out.line(`No links in network "${network}". A site that joins with a token makes one.`);
      }
      out.table(
        ["LINK", "FROM", "TO", "COST", "STATE", "SINCE", "ROUND TRIP", "WHY"],
        links.map((link) => [
          link.name,
          link.joiner,
          link.issuer,
          String(link.cost),
          out.state(link.state),
          relativeTime(link.since, context.io.now()),
          link.rtt === null ? "" : `${Math.round(link.rtt)} ms`,
          link.code ?? "",
        ]),
      );
    });
  },
});

export const linkCreate = command({
  path: ["link", "create"],
  summary: "link this site to another with a token",
  details:
    "The site's connector redeems the token with the site's key and brings the link up at once, without disturbing anything that is connected. A link that was revoked by its issuer is replaced: nothing needs to be deleted first. The way with the lowest sum of link costs is preferred, until the connections over it outweigh the difference.",
  arguments: {
    token: argument("TOKEN", "token file; - is standard input", someText),
  },
  options: {
    name: value(
      "--name <NAME>",
      "name of the link; the next of link1, link2, … unless given",
      accepting(LinkName),
    ),
    cost: value("--cost <N>", "cost of going over it; 1 unless given", parseCost),
    state: siteStateOption,
  },
  examples: [
    {
      command: "fairlead link create public1-token.yaml",
      says: "links this site to the one that issued the token",
    },
    {
      command: "fairlead link create - --state ./private1",
      says: "reads the token from standard input, for the site whose connector runs in ./private1",
    },
    {
      command: "fairlead link create backup.yaml --name backup --cost 10",
      says: "adds a way that is used when there is no cheaper one",
    },
  ],
  async run(context, { token, name, cost, state }) {
    const stateDir = await siteState(context.io, state);
    const { ControlClient } = await import("../../control/client.ts");
    const link = await new ControlClient(stateDir).link({
      token: await tokenText(token, context.io),
      ...(name === undefined ? {} : { name }),
      ...(cost === undefined ? {} : { cost }),
    });
    context.answer(link, (out) => {
      out.line(`Site configured to link to ${link.issuer} through ${link.edge} (name=${link.name})`);
      out.line("Check the status of the link using `fairlead link status`.");
    });
  },
});

export const linkDelete = command({
  path: ["link", "delete"],
  summary: "delete a link",
  details:
    "What only this link connected is cut at once; sites that are still connected by another way notice nothing. Without any link a site stays a member of its network. At the site that made the link its connector does it; with --site an operator does it from anywhere.",
  arguments: { link: argument("NAME", "name of the link", accepting(LinkName)) },
  options: {
    site: value(
      "--site <SITE>",
      "the site that made the link, through the edge; the site on this machine unless given",
      accepting(SiteName),
    ),
    state: siteStateOption,
    network: networkOption,
  },
  examples: [
    { command: "fairlead link delete link1", says: "deletes this site's link1" },
    {
      command: "fairlead link delete link1 --site private1 --network shop",
      says: "deletes link1 of private1, for who is logged in to the edge",
    },
  ],
  async run(context, { link, site, state, network: named }) {
    if (site === undefined) {
      const { ControlClient } = await import("../../control/client.ts");
      await new ControlClient(await siteState(context.io, state)).unlink(link);
      context.answer({ deleted: link }, (out) => out.line(`Link ${link} has been deleted.`));
      return;
    }
    const { deleteLink, listLinks } = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const edge = await context.edge();
    const found = (await listLinks(edge, network)).find(
      ({ name, joiner }) => name === link && joiner === site,
    );
    if (found === undefined) throw new FairleadError("link.unknown", `site ${site} has no link ${link}`);
    const deleted = await deleteLink(edge, network, found.id);
    context.answer(deleted, (out) =>
      out.line(`Link ${link} of ${site} to ${found.issuer} has been deleted.`),
    );
  },
});

/** A token file's content, which is a token's. @throws FairleadError `token.malformed`. */
async function tokenText(source: string, io: Io): Promise<string> {
  const { parseToken, readTokenText } = await import("../../site/token.ts");
  if (source !== "-") return await readTokenText(source);
  const content = await io.readInput();
  parseToken(content, "standard input");
  return content;
}
