import type { UpdateSite } from "../../../protocol/api/sites.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { argument, command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";
import { mayOfferOption } from "./create.ts";

export const siteUpdate = command({
  path: ["site", "update"],
  summary: "Rename a site, or set which services it may offer.",
  details:
    "Changes take effect at once. A running site continues under its new name. Services that the site may no longer offer are withdrawn; services that it may offer again return by themselves.",
  arguments: { name: argument("NAME", "Name or id of the site.", someText) },
  options: {
    newName: value("--name <NEW>", "New name of the site.", accepting(SiteName)),
    mayOffer: {
      ...mayOfferOption,
      description:
        "Name of a service that the site may offer, or the beginning of names and `*`. Replaces the services set before.",
    },
    any: flag("--may-offer-any", "Let the site offer every service."),
    none: flag("--may-offer-none", "Let the site offer no service."),
    network: networkOption,
  },
  examples: [
    { command: "fairlead site update west --name oldwest", says: "Renames west to oldwest." },
    { command: "fairlead site update west --may-offer api", says: "Lets west offer api alone." },
    { command: "fairlead site update west --may-offer-any", says: "Lets west offer every service again." },
  ],
  async run(context, input) {
    const changes = changesOf(input);
    const api = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const site = await api.updateSite(await context.edge(), network, input.name, changes);
    context.answer(site, (out) => {
      if (changes.name !== undefined) out.line(`The site is now called "${site.name}".`);
      if (changes.mayOffer !== undefined) {
        out.line(`Site "${site.name}" may offer ${describeMayOffer(site.mayOffer)}.`);
      }
    });
  },
});

/** The changes that the options ask for. @throws FairleadError `request.invalid` without a change, or if options exclude each other */
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
      "--may-offer, --may-offer-any and --may-offer-none exclude each other.",
    );
  }
  if (ways === 0 && input.newName === undefined) {
    throw new FairleadError(
      "request.invalid",
      "There is nothing to change: give --name, --may-offer, --may-offer-any or --may-offer-none.",
    );
  }
  return {
    name: input.newName,
    mayOffer: ways === 0 ? undefined : input.any ? null : [...input.mayOffer],
  };
}

/** The services that a site may offer, in words. */
export function describeMayOffer(patterns: readonly string[] | null): string {
  if (patterns === null) return "any service";
  return patterns.length === 0 ? "nothing" : patterns.join(", ");
}
