import type { Token } from "../../../protocol/api/tokens.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { TokenId } from "../../../protocol/ids.ts";
import { confirm, yesOption } from "../framework/confirmation.ts";
import { argument, command } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";
import { tokenEnding } from "../views/endings.ts";

/** The number of sites that a token can still admit. */
const usesLeft = ({ state, uses, used }: Token) => (state === "good" ? uses - used : 0);

export const tokenList = command({
  path: ["token", "list"],
  summary: "List the tokens of a network.",
  details:
    "LEFT is the number of sites that a token can still admit. A token of `site create` admits one site.",
  options: { network: networkOption },
  examples: [{ command: "fairlead token list", says: "Lists the tokens with the uses that are left." }],
  async run(context, input) {
    const { listTokens } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const tokens = await listTokens(await context.edge(), network);
    const now = context.io.now();
    context.answer(tokens, (out) => {
      if (tokens.length === 0) {
        return out.line(
          `There are no tokens in network "${network}". \`fairlead token create\` creates one.`,
        );
      }
      out.table(
        ["ID", "ISSUER", "ONLY FOR", "STATE", "LEFT", "ENDS"],
        tokens.map((token) => [
          token.id,
          token.issuer,
          token.site ?? "",
          out.state(token.state.replace("_", " ")),
          `${usesLeft(token)} of ${token.uses}`,
          relativeTime(token.expiresAt, now),
        ]),
      );
    });
  },
});

export const tokenRevoke = command({
  path: ["token", "revoke"],
  summary: "Revoke a token.",
  details:
    "Sites that it admitted stay members; `fairlead site revoke` revokes a site. The command asks first, unless --yes is given.",
  arguments: { id: argument("ID", "Id of the token; `fairlead token list` shows it.", accepting(TokenId)) },
  options: { network: networkOption, yes: yesOption },
  examples: [
    {
      command: "fairlead token revoke t0123456789abcdefghjkmnpqrs --yes",
      says: "Revokes the token without asking: it admits no further site.",
    },
  ],
  async run(context, input) {
    const { listTokens, revokeToken } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    await confirm(context, input.yes, async () => {
      const token = (await listTokens(edge, network)).find(({ id }) => id === input.id);
      if (token === undefined) throw new FairleadError("token.unknown");
      return tokenEnding(token);
    });
    const token = await revokeToken(edge, network, input.id);
    context.answer(token, (out) => out.line(`Token ${token.id} revoked.`));
  },
});
