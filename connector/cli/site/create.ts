import { NamePattern, SiteName } from "../../../protocol/names.ts";
import { argument, command, values } from "../framework/definition.ts";
import { formatDuration } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { accepting } from "../framework/values.ts";
import { expiryOption, tokenOutputOption } from "../token/options.ts";

export const mayOfferOption = values(
  "--may-offer <NAME>",
  "name of a service that the site may offer, or the beginning of names and `*`; any if none is given",
  accepting(NamePattern),
);

export const siteCreate = command({
  path: ["site", "create"],
  summary: "make a site without links, and a token that admits exactly that site, once",
  details:
    "The site is a member that reaches nobody until it redeems another token, as `skupper init` makes one; others can link to it with tokens of `token create --issuer NAME`. Again for a site that has not joined yet: its former token dies and another is made. The token is a secret; without -o it goes to standard output.",
  arguments: { name: argument("NAME", "name of the site, a DNS label", accepting(SiteName)) },
  options: {
    mayOffer: mayOfferOption,
    expiry: expiryOption,
    output: tokenOutputOption,
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead site create public1 -o public1.yaml",
      says: "makes public1; `fairlead connector run --site public1 --token public1.yaml` joins as it",
    },
    {
      command: "fairlead site create shop-east --may-offer api --may-offer 'web-*' -o east.yaml",
      says: "a site that may offer api and what begins with web-, and nothing else",
    },
  ],
  async run(context, input) {
    const { createSite } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const request = {
      name: input.name,
      mayOffer: input.mayOffer.length === 0 ? null : [...input.mayOffer],
      expirySeconds: input.expiry,
    };
    const { output } = input;
    if (output === undefined) {
      const made = await createSite(edge, network, request);
      context.answer(made, (out) => out.raw(made.token.file));
      return;
    }
    const made = await intoSecretFile(output, async () => {
      const { site, token } = await createSite(edge, network, request);
      const { file, ...rest } = token;
      return { text: file, made: { site, token: { ...rest, path: output } } };
    });
    context.answer(made, (out) => {
      out.line(`Site "${made.site.name}" made in network "${network}". Its token is in ${output}.`);
      out.line(`It joins within ${formatDuration(input.expiry)}:`);
      out.line(`  fairlead connector run --site ${made.site.name} --token ${output}`);
    });
  },
});
