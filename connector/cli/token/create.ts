import { TOKEN_DEFAULTS, TOKEN_LIMITS } from "../../../protocol/api/tokens.ts";
import { command, value, valueOr } from "../framework/definition.ts";
import { formatDuration } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { someText, wholeNumber } from "../framework/values.ts";
import { expiryOption, tokenOutputOption } from "./options.ts";

export const tokenCreate = command({
  path: ["token", "create"],
  summary: "make a token, which invites sites to a network",
  details:
    "A site that joins with it gets a link to its issuer: the network, or the site that --issuer names. A site that is a member already gets one more link. The token file is a secret: whoever has it can join, as often as --uses says and until it expires. Without -o it goes to standard output.",
  options: {
    issuer: value(
      "--issuer <SITE>",
      "site on whose behalf it is made; the network itself if none is given",
      someText,
    ),
    uses: valueOr(
      "--uses <N>",
      "sites it admits",
      wholeNumber(1, TOKEN_LIMITS.uses),
      TOKEN_DEFAULTS.uses,
      "1",
    ),
    expiry: expiryOption,
    output: tokenOutputOption,
    network: networkOption,
  },
  examples: [
    { command: "fairlead token create -o token.yaml", says: "invites one site within 15 minutes" },
    {
      command: "fairlead token create --uses 2 --expiry 2h -o token.yaml",
      says: "invites two sites within two hours",
    },
    {
      command: "fairlead token create --issuer public1 -o token.yaml",
      says: "invites a site to link to public1, which can take the link back with `revoke-access`",
    },
    {
      command: "fairlead token create | ssh east fairlead connector run --site east --token -",
      says: "hands the token to another machine without a file",
    },
  ],
  async run(context, input) {
    const { createToken } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const request = {
      uses: input.uses,
      expirySeconds: input.expiry,
      ...(input.issuer === undefined ? {} : { issuer: input.issuer }),
    };
    const { output } = input;
    if (output === undefined) {
      const token = await createToken(edge, network, request);
      context.answer(token, (out) => out.raw(token.file));
      return;
    }
    const token = await intoSecretFile(output, async () => {
      const { file, ...made } = await createToken(edge, network, request);
      return { text: file, made };
    });
    context.answer({ ...token, path: output }, (out) => {
      out.line(`Token written to ${output}`);
      const sites = token.uses === 1 ? "one site" : `${token.uses} sites`;
      const linked = token.issuer === "network" ? "" : `, linked to site "${token.issuer}",`;
      out.line(`It admits ${sites} to network "${network}"${linked} within ${formatDuration(input.expiry)}:`);
      out.line(`  fairlead connector run --site NAME --token ${output}`);
    });
  },
});
