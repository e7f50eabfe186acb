import type { Token } from "../../../protocol/api/tokens.ts";
import { TokenId } from "../../../protocol/ids.ts";
import { argument, command } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";

/** How often a token still admits. */
const usesLeft = ({ state, uses, used }: Token) => (state === "good" ? uses - used : 0);

export const tokenList = command({
  path: ["token", "list"],
  summary: "list a network's tokens",
  details: "LEFT is how often a token still admits. One made with `site create` admits one site only.",
  options: { network: networkOption },
  examples: [{ command: "fairlead token list", says: "lists tokens with the uses that are left" }],
  async run(context, input) {
    const { listTokens } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const tokens = await listTokens(await context.edge(), network);
    const now = context.io.now();
    context.answer(tokens, (out) => {
      if (tokens.length === 0) {
        return out.line(`No tokens in network "${network}". \`fairlead token create\` makes one.`);
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
  summary: "make a token worthless",
  details: "Sites that it admitted stay members; `fairlead site revoke` expels one.",
  arguments: { id: argument("ID", "id of the token; `fairlead token list` shows it", accepting(TokenId)) },
  options: { network: networkOption },
  examples: [
    {
      command: "fairlead token revoke t0123456789abcdefghjkmnpqrs",
      says: "nobody is admitted with that token any more",
    },
  ],
  async run(context, input) {
    const { revokeToken } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const token = await revokeToken(await context.edge(), network, input.id);
    context.answer(token, (out) => out.line(`Token ${token.id} revoked.`));
  },
});
