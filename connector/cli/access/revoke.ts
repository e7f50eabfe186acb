import type { RevokedAccess } from "../../../protocol/api/access.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";

export const revokeAccess = command({
  path: ["revoke-access"],
  summary: "take back every token and link of an issuer at once",
  details:
    "The issuer's tokens are worthless from now on, the links that they made are cut with the sessions that have no other way, and its CA is made anew. Sites stay members; those with another link notice nothing. A new token links again, with nothing to clean up before.",
  options: {
    issuer: value(
      "--issuer <SITE>",
      "site whose tokens and links die; the network's own if none is given",
      someText,
    ),
    all: flag("--all", "those of the network and of every site"),
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead revoke-access --issuer public1",
      says: "whoever linked to public1 has to be invited again; other links stay",
    },
    {
      command: "fairlead revoke-access",
      says: "the same for everybody who joined with a token of the network",
    },
    { command: "fairlead revoke-access --all", says: "cuts every link there is" },
  ],
  async run(context, { issuer, all, network: named }) {
    if (issuer !== undefined && all) {
      throw new FairleadError("request.invalid", "--issuer and --all exclude each other");
    }
    const api = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const whose = issuer === undefined ? { all } : { issuer, all };
    const died = await api.revokeAccess(await context.edge(), network, whose);
    context.answer(died, (out) => printDied(out, died));
  },
});

/** What died, in a sentence and a table. */
function printDied(out: Printer, { issuers, tokens, links, sessions }: RevokedAccess): void {
  out.line(`Access given by ${issuers.join(", ")} revoked; new CAs are in place.`);
  out.line(
    `${count(tokens.length, "token")}, ${count(links.length, "link")} and ${count(sessions, "session")} died.`,
  );
  if (tokens.length > 0) out.details(tokens.map((id) => ["token", id]));
  if (links.length === 0) return;
  out.line();
  out.table(
    ["LINK", "FROM", "TO"],
    links.map(({ name, joiner, issuer }) => [name, joiner, issuer]),
  );
}
