import type { UpdateSite } from "../../../protocol/api/sites.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { argument, command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";
import { mayOfferOption } from "./create.ts";

export const siteUpdate = command({
  path: ["site", "update"],
  summary: "rename a site, or say which services it may offer",
  details:
    "Both take effect at once. A site that runs keeps running under its new name; services that it may no longer offer are withdrawn, those that it may again come back by themselves.",
  arguments: { name: argument("NAME", "name or id of the site", someText) },
  options: {
    newName: value("--name <NEW>", "what it is called from now on", accepting(SiteName)),
    mayOffer: {
      ...mayOfferOption,
      description:
        "name of a service that it may offer, or the beginning of names and `*`; in place of what it might",
    },
    any: flag("--may-offer-any", "it may offer every service"),
    none: flag("--may-offer-none", "it may offer nothing"),
    network: networkOption,
  },
  examples: [
    { command: "fairlead site update west --name oldwest", says: "renames west" },
    { command: "fairlead site update west --may-offer api", says: "west may offer api and nothing else" },
    { command: "fairlead site update west --may-offer-any", says: "west may offer everything again" },
  ],
  async run(context, input) {
    const changes = changesOf(input);
    const api = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const site = await api.updateSite(await context.edge(), network, input.name, changes);
    context.answer(site, (out) => {
      if (changes.name !== undefined) out.line(`The site is called "${site.name}" now.`);
      if (changes.mayOffer !== undefined) {
        out.line(`Site "${site.name}" may offer ${describeMayOffer(site.mayOffer)}.`);
      }
    });
  },
});

/** What was asked for. @throws FairleadError `request.invalid` when that is nothing, or contradicts itself */
function changesOf(input: {
  readonly newName: string | undefined;
  readonly mayOffer: readonly string[];
  readonly any: boolean;
  readonly none: boolean;
}): UpdateSite {
  const ways = [input.mayOffer.length > 0, input.any, input.none].filter((given) => given).length;
  if (ways > 1) {
    throw new FairleadError(
      "request.invalid",
      "--may-offer, --may-offer-any and --may-offer-none exclude each other",
    );
  }
  if (ways === 0 && input.newName === undefined) {
    throw new FairleadError(
      "request.invalid",
      "nothing to change: give --name, --may-offer, --may-offer-any or --may-offer-none",
    );
  }
  return {
    ...(input.newName === undefined ? {} : { name: input.newName }),
    ...(ways === 0 ? {} : { mayOffer: input.any ? null : [...input.mayOffer] }),
  };
}

/** Which services a site may offer, in words. */
export function describeMayOffer(patterns: readonly string[] | null): string {
  if (patterns === null) return "any service";
  return patterns.length === 0 ? "nothing" : patterns.join(", ");
}
