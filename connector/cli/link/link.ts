import { FairleadError } from "../../../protocol/errors.ts";
import { LinkCost, LinkName, SiteName } from "../../../protocol/names.ts";
import { confirm, yesOption } from "../framework/confirmation.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";
import { linkEnding } from "../views/endings.ts";
import { printNetworkLinks } from "../views/network-links.ts";

const parseCost = (text: string): number => {
  const cost = LinkCost.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (cost.success) return cost.data;
  throw new FairleadError(
    "request.invalid",
    `"${text}" is not a cost: a cost is a whole number from 1 to 1000000.`,
  );
};

export const linkList = command({
  path: ["link", "list"],
  summary: "List the links of a network.",
  options: { network: networkOption },
  examples: [
    { command: "fairlead link list", says: "Lists each link with its two ends, and whether it is up." },
  ],
  async run(context, input) {
    const { listLinks } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const links = await listLinks(await context.edge(), network);
    context.answer(links, (out) => {
      if (links.length === 0) {
        return out.line(
          `There are no links in network "${network}". A site that joins with a token creates one.`,
        );
      }
      printNetworkLinks(out, links, context.io.now());
    });
  },
});

export const linkCreate = command({
  path: ["link", "create"],
  summary: "Link this site to another site with a token.",
  details:
    "The site's connector redeems the token with the site's key and brings the link up at once; open connections continue. A link that its issuer revoked is replaced and need not be deleted first. Connections take the path with the lowest sum of link costs, until its load outweighs the difference.",
  arguments: {
    token: argument("TOKEN", "Token file. `-` is standard input.", someText),
  },
  options: {
    name: value(
      "--name <NAME>",
      "Name of the link. The default is the next of link1, link2, ….",
      accepting(LinkName),
    ),
    cost: value("--cost <N>", "Cost of the link. The default is 1.", parseCost),
    state: siteStateOption,
  },
  examples: [
    {
      command: "fairlead link create public1-token.yaml",
      says: "Links this site to the site that issued the token.",
    },
    {
      command: "fairlead link create - --state ./private1",
      says: "Reads the token from standard input, for the site with the state directory ./private1.",
    },
    {
      command: "fairlead link create backup.yaml --name backup --cost 10",
      says: "Adds a path for the case that no cheaper path exists.",
    },
  ],
  async run(context, { token, name, cost, state }) {
    const stateDir = await siteState(context.io, state);
    const { ControlClient } = await import("../../control/client.ts");
    const link = await new ControlClient(stateDir, context.progress.during).link({
      token: await tokenText(token, context.io),
      name,
      cost,
    });
    context.answer(link, (out) => {
      out.line(`Site configured to link to ${link.issuer} through ${link.edge} (name=${link.name}).`);
      out.line("Check the status of the link using `fairlead link status`.");
    });
  },
});

export const linkDelete = command({
  path: ["link", "delete"],
  summary: "Delete a link.",
  details:
    "Sessions between sites that only this link connected are ended at once; sites with another path are not affected. A site without links stays a member of its network. At the site that created the link, the connector deletes it. With --site, an operator deletes it through the edge; the command then says what would end and asks first, unless --yes is given.",
  arguments: { link: argument("NAME", "Name of the link.", accepting(LinkName)) },
  options: {
    site: value(
      "--site <SITE>",
      "Site that created the link, which is then deleted through the edge. The default is the site on this machine.",
      accepting(SiteName),
    ),
    state: siteStateOption,
    network: networkOption,
    yes: yesOption,
  },
  examples: [
    { command: "fairlead link delete link1", says: "Deletes link1 of this site." },
    {
      command: "fairlead link delete link1 --site private1 --network shop",
      says: "Deletes link1 of private1 through the edge, after asking.",
    },
  ],
  async run(context, { link, site, state, network: named, yes }) {
    if (site === undefined) {
      const { ControlClient } = await import("../../control/client.ts");
      await new ControlClient(await siteState(context.io, state), context.progress.during).unlink(link);
      context.answer({ deleted: link }, (out) => out.line(`Link ${link} deleted.`));
      return;
    }
    const { deleteLink, networkStatus } = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const edge = await context.edge();
    const status = await networkStatus(edge, network);
    const found = status.links.find(({ name, joiner }) => name === link && joiner === site);
    if (found === undefined) {
      const own = status.links.filter(({ joiner }) => joiner === site).map(({ name }) => name);
      const has = own.length === 0 ? "" : ` Its links: ${own.join(", ")}.`;
      throw new FairleadError("link.unknown", `Site ${site} has no link ${link}.${has}`, {
        action: "`fairlead link list` shows the links of the network, with the sites that created them.",
      });
    }
    await confirm(context, yes, async () => linkEnding(status, found.id));
    const deleted = await deleteLink(edge, network, found.id);
    context.answer(deleted, (out) => out.line(`Link ${link} of ${site} to ${found.issuer} deleted.`));
  },
});

/** The content of a token file, checked to be a token. @throws FairleadError `token.malformed`. */
async function tokenText(source: string, io: Io): Promise<string> {
  const { parseToken, readTokenText } = await import("../../site/token.ts");
  if (source !== "-") return await readTokenText(source);
  const content = await io.readInput();
  parseToken(content, "standard input");
  return content;
}
