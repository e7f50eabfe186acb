import { TOKEN_DEFAULTS, TOKEN_LIMITS } from "../../../protocol/api/tokens.ts";
import { command, value, valueOr } from "../framework/definition.ts";
import { formatDuration } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { someText, wholeNumber } from "../framework/values.ts";
import { expiryOption, tokenOutputOption } from "./options.ts";

export const tokenCreate = command({
  path: ["token", "create"],
  summary: "Create a token, which invites sites to a network.",
  details:
    "A site that joins with the token gets a link to the issuer: the network, or the site of --issuer. A site that is already a member gets one more link. The token file is a secret: its holder can join as often as --uses says, until the token expires. Without -o the token is written to standard output.",
  options: {
    issuer: value(
      "--issuer <SITE>",
      "Site that issues the token. The default is the network itself.",
      someText,
    ),
    uses: valueOr(
      "--uses <N>",
      "Number of sites that the token admits.",
      wholeNumber(1, TOKEN_LIMITS.uses),
      TOKEN_DEFAULTS.uses,
      "1",
    ),
    expiry: expiryOption,
    output: tokenOutputOption,
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead token create -o token.yaml",
      says: "Invites one site, which must join within 15 minutes.",
    },
    {
      command: "fairlead token create --uses 2 --expiry 2h -o token.yaml",
      says: "Invites two sites, which must join within two hours.",
    },
    {
      command: "fairlead token create --issuer public1 -o token.yaml",
      says: "Invites a site to link to public1; `revoke-access` revokes the link.",
    },
    {
      command: "fairlead token create | ssh east fairlead connector run --site east --token -",
      says: "Passes the token to another machine without a file.",
    },
  ],
  async run(context, input) {
    const { createToken } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const request = {
      uses: input.uses,
      expirySeconds: input.expiry,
      issuer: input.issuer,
    };
    const { output } = input;
    if (output === undefined) {
      const token = await createToken(edge, network, request);
      const undo = `fairlead token revoke ${token.id} --yes`;
      context.answerSecret(token, (out) => out.raw(token.file), undo);
      return;
    }
    const token = await intoSecretFile(output, async () => {
      const { file, ...made } = await createToken(edge, network, request);
      return { text: file, made };
    });
    context.answer({ ...token, path: output }, (out) => {
      out.line(`Token written to ${output}.`);
      const sites = token.uses === 1 ? "one site" : `${token.uses} sites`;
      const linked = token.issuer === "network" ? "" : `, linked to site "${token.issuer}",`;
      out.line(`It admits ${sites} to network "${network}"${linked} within ${formatDuration(input.expiry)}:`);
      out.command(`fairlead connector run --site NAME --token ${output}`);
    });
  },
});
