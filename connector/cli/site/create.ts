import { NamePattern, SiteName } from "../../../protocol/names.ts";
import { argument, command, values } from "../framework/definition.ts";
import { formatDuration } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { accepting } from "../framework/values.ts";
import { expiryOption, tokenOutputOption } from "../token/options.ts";

export const mayOfferOption = values(
  "--may-offer <NAME>",
  "Name of a service that the site may offer, or the beginning of names and `*`. The default is every service.",
  accepting(NamePattern),
);

export const siteCreate = command({
  path: ["site", "create"],
  summary: "Create a site without links, and a token that admits this site alone, once.",
  details:
    "The site reaches no other site until it redeems another token; other sites can link to it with tokens of `token create --issuer NAME`. For a site that has not joined yet, the command revokes the former token and creates another. The token is a secret; without -o it is written to standard output.",
  arguments: { name: argument("NAME", "Name of the site, a DNS label.", accepting(SiteName)) },
  options: {
    mayOffer: mayOfferOption,
    expiry: expiryOption,
    output: tokenOutputOption,
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead site create public1 -o public1.yaml",
      says: "Creates public1; `fairlead connector run --site public1 --token public1.yaml` joins as that site.",
    },
    {
      command: "fairlead site create shop-east --may-offer api --may-offer 'web-*' -o east.yaml",
      says: "Creates a site that may offer api and services whose names begin with web-.",
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
      const undo = `fairlead token revoke ${made.token.id} --yes`;
      context.answerSecret(made, (out) => out.raw(made.token.file), undo);
      return;
    }
    const made = await intoSecretFile(output, async () => {
      const { site, token } = await createSite(edge, network, request);
      const { file, ...rest } = token;
      return { text: file, made: { site, token: { ...rest, path: output } } };
    });
    context.answer(made, (out) => {
      out.line(`Site "${made.site.name}" created in network "${network}". Its token is in ${output}.`);
      out.line(`To join within ${formatDuration(input.expiry)}:`);
      out.command(`fairlead connector run --site ${made.site.name} --token ${output}`);
    });
  },
});
