import type { RevokedAccess } from "../../../protocol/api/access.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { confirm, yesOption } from "../framework/confirmation.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";
import { accessEnding, NETWORK_ISSUER } from "../views/endings.ts";

export const revokeAccess = command({
  path: ["revoke-access"],
  summary: "Revoke every token and link of an issuer at once.",
  details:
    "The issuer's tokens are revoked. The links that they made end, together with the sessions that have no other path. The issuer's CA is replaced. Sites stay members, and sites with another link are not affected. A new token links a site again; nothing needs to be deleted first. The command says what would end and asks first, unless --yes is given.",
  options: {
    issuer: value(
      "--issuer <SITE>",
      "Site whose tokens and links are revoked. `network` means the network itself, which most sites join through.",
      someText,
    ),
    all: flag("--all", "Revoke the tokens and links of the network and of every site."),
    network: networkOption,
    yes: yesOption,
  },
  examples: [
    {
      command: "fairlead revoke-access --issuer public1",
      says: "Revokes every token and link of public1, after asking; other links stay.",
    },
    {
      command: "fairlead revoke-access --issuer network --yes",
      says: "Revokes every token and link of the network itself, without asking.",
    },
    { command: "fairlead revoke-access --all", says: "Revokes every token and every link, after asking." },
  ],
  async run(context, { issuer, all, network: named, yes }) {
    if ((issuer !== undefined) === all) {
      throw new FairleadError(
        "request.invalid",
        all
          ? "--issuer and --all exclude each other."
          : "Name the issuer: --issuer SITE, --issuer network for the network itself, or --all.",
      );
    }
    const api = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const edge = await context.edge();
    await confirm(context, yes, async () => {
      const isSite = issuer !== undefined && issuer !== NETWORK_ISSUER;
      const [status, tokens, site] = await Promise.all([
        api.networkStatus(edge, network),
        api.listTokens(edge, network),
        isSite ? api.getSite(edge, network, issuer) : null,
      ]);
      return accessEnding(status, tokens, site?.name ?? issuer ?? null);
    });
    const revoked = await api.revokeAccess(edge, network, { issuer, all });
    context.answer(revoked, (out) => printRevoked(out, revoked));
  },
});

/** The tokens, links and sessions that ended, in a sentence and a table. */
function printRevoked(out: Printer, { issuers, tokens, links, sessions }: RevokedAccess): void {
  out.line(`Access given by ${issuers.join(", ")} is revoked, and their CAs are replaced.`);
  out.line(
    `${count(tokens.length, "token")}, ${count(links.length, "link")} and ${count(sessions, "session")} ended.`,
  );
  if (tokens.length > 0) out.details(tokens.map((id) => ["token", id]));
  if (links.length === 0) return;
  out.line();
  out.table(
    ["LINK", "FROM", "TO"],
    links.map(({ name, joiner, issuer }) => [name, joiner, issuer]),
  );
}
