import type { Site } from "../../../protocol/api/sites.ts";
import { confirm, yesOption } from "../framework/confirmation.ts";
import type { Context } from "../framework/context.ts";
import { argument, command } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { someText } from "../framework/values.ts";
import { siteEnding } from "../views/endings.ts";
import { printSites, siteState } from "../views/sites.ts";
import { describeMayOffer } from "./update.ts";

const name = argument("NAME", "Name or id of the site.", someText);

/** When the site's certificate ends; for a site that has not joined yet, how it joins. */
function certificateEnd({ name, certificateExpiresAt }: Site, now: number): string {
  return certificateExpiresAt === null
    ? `it has not joined yet: \`fairlead site create ${name}\` creates another token for it`
    : relativeTime(certificateExpiresAt, now);
}

export const siteList = command({
  path: ["site", "list"],
  summary: "List the sites of a network.",
  options: { network: networkOption },
  examples: [
    {
      command: "fairlead site list",
      says: "Lists the sites, whether each is up, and the services that it offers.",
    },
  ],
  async run(context, input) {
    const { listSites } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const sites = await listSites(await context.edge(), network);
    context.answer(sites, (out) => {
      if (sites.length > 0) return printSites(out, sites, context.io.now());
      out.line(`There are no sites in network "${network}". To add one:`);
      out.command("fairlead token create -o token.yaml");
      out.command("fairlead connector run --site NAME --token token.yaml");
    });
  },
});

export const siteStatus = command({
  path: ["site", "status"],
  summary: "Show everything about one site.",
  arguments: { name },
  options: { network: networkOption },
  examples: [
    { command: "fairlead site status west", says: "Shows the connectors, services and listeners of west." },
  ],
  async run(context, input) {
    const { getSite } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const site = await getSite(await context.edge(), network, input.name);
    const now = context.io.now();
    context.answer(site, (out) => {
      out.line(`Site "${site.name}" of network "${network}" is ${out.state(siteState(site))}.`);
      out.details([
        ["since", relativeTime(site.since, now)],
        ["created", relativeTime(site.createdAt, now)],
        ["certificate ends", certificateEnd(site, now)],
        ["offers", site.services.join(", ") || "nothing; `fairlead expose` at the site offers a service"],
        ["may offer", site.mayOffer === null ? undefined : describeMayOffer(site.mayOffer)],
        ["id", site.id],
      ]);
      if (site.instances.length > 0) {
        out.line();
        out.table(
          ["CONNECTOR", "SINCE", "SOFTWARE"],
          site.instances.map((each) => [each.boot, relativeTime(each.since, now), each.software]),
        );
      }
      if (site.listeners.length > 0) {
        out.line();
        out.table(
          ["LISTENER", "ADDRESS", "STATE", "WHY"],
          site.listeners.map((each) => [
            each.service,
            each.address,
            out.state(each.state),
            each.message ?? each.code ?? "",
          ]),
        );
      }
    });
  },
});

export const siteRevoke = command({
  path: ["site", "revoke"],
  summary: "Revoke a site at once.",
  details:
    "Its uplinks, links and sessions end within a second; sessions between other sites are not affected. The command says what would end and asks first, unless --yes is given.",
  arguments: { name },
  options: { network: networkOption, yes: yesOption },
  examples: [
    {
      command: "fairlead site revoke west",
      says: "Revokes west, after asking; its name stays taken until the site is deleted.",
    },
    { command: "fairlead site revoke west --yes", says: "Revokes west without asking." },
  ],
  async run(context, input) {
    const { revokeSite } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    await confirm(context, input.yes, () => endingOf(context, "Revoke", network, input.name));
    const site = await revokeSite(await context.edge(), network, input.name);
    context.answer(site, (out) => {
      out.line(`Site "${site.name}" revoked.`);
      out.line(`\`fairlead site delete ${site.name}\` frees its name.`);
    });
  },
});

export const siteDelete = command({
  path: ["site", "delete"],
  summary: "Delete a site and free its name.",
  details:
    "A site that is still a member is revoked first, as with `fairlead site revoke`. The command says what would end and asks first, unless --yes is given.",
  arguments: { name },
  options: { network: networkOption, yes: yesOption },
  examples: [
    { command: "fairlead site delete west", says: "Deletes west from the network, after asking." },
    { command: "fairlead site delete west --yes", says: "Deletes west without asking." },
  ],
  async run(context, input) {
    const { deleteSite } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    await confirm(context, input.yes, () => endingOf(context, "Delete", network, input.name));
    const site = await deleteSite(await context.edge(), network, input.name);
    context.answer(site, (out) => out.line(`Site "${site.name}" deleted.`));
  },
});

/** What ends with a site. @throws FairleadError `site.unknown` */
async function endingOf(context: Context, act: "Revoke" | "Delete", network: string, site: string) {
  const { getSite, listTokens, networkStatus } = await import("../../operator/edge-api.ts");
  const edge = await context.edge();
  const [{ name }, status, tokens] = await Promise.all([
    getSite(edge, network, site),
    networkStatus(edge, network),
    listTokens(edge, network),
  ]);
  return siteEnding(act, status, tokens, name);
}
