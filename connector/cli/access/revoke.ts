import type { RevokedAccess } from "../../../protocol/api/access.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";

export const revokeAccess = command({
  path: ["revoke-access"],
  summary: "Revoke every token and link of an issuer at once.",
  details:
    "The issuer's tokens are revoked. The links that they made end, together with the sessions that have no other path. The issuer's CA is replaced. Sites stay members, and sites with another link are not affected. A new token links a site again; nothing needs to be deleted first.",
  options: {
    issuer: value(
      "--issuer <SITE>",
      "Site whose tokens and links are revoked. The default is the network itself.",
      someText,
    ),
    all: flag("--all", "Revoke the tokens and links of the network and of every site."),
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead revoke-access --issuer public1",
      says: "Revokes every token and link of public1; other links stay.",
    },
    {
      command: "fairlead revoke-access",
      says: "Revokes every token and link of the network itself.",
    },
    { command: "fairlead revoke-access --all", says: "Revokes every token and every link." },
  ],
  async run(context, { issuer, all, network: named }) {
    if (issuer !== undefined && all) {
      throw new FairleadError("request.invalid", "--issuer and --all exclude each other.");
    }
    const api = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const whose = issuer === undefined ? { all } : { issuer, all };
    const revoked = await api.revokeAccess(await context.edge(), network, whose);
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
