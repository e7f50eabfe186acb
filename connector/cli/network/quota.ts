import { Quotas, type QuotaUse, type SetQuotas } from "../../../protocol/api/quotas.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { argument, command, value } from "../framework/definition.ts";
import { someText } from "../framework/values.ts";

/** The things that each quota counts. */
const COUNTS = {
  sites: "Sites, including sites that have not joined yet.",
  services: "Names of services that are offered.",
  tokens: "Tokens that can still be redeemed.",
  sessions: "Sessions between connectors.",
  events: "Events that are kept; the oldest are dropped.",
  uplinks: "Connector processes of one site at a time.",
} as const satisfies Record<keyof Quotas, string>;

/** An option whose number the schema of the quota checks. */
const quota = (name: keyof Quotas) =>
  value(`--${name} <N>`, COUNTS[name], (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return parseWith(Quotas.shape[name], number, { code: "request.invalid", what: `"${text}"` });
  });

export const networkQuota = command({
  path: ["network", "quota"],
  summary: "Show the quotas of a network and their use, or set them.",
  details:
    "What exceeds a lowered quota stays. New things are refused, with a code that starts with `quota.`. Setting a quota needs the role admin.",
  arguments: { name: argument("NAME", "Name or id of the network.", someText) },
  options: {
    sites: quota("sites"),
    services: quota("services"),
    tokens: quota("tokens"),
    sessions: quota("sessions"),
    events: quota("events"),
    uplinks: quota("uplinks"),
  },
  examples: [
    { command: "fairlead network quota shop", says: "Shows the quotas of shop and their use." },
    {
      command: "fairlead network quota shop --sites 50 --tokens 10",
      says: "Limits shop to 50 sites and ten usable tokens.",
    },
  ],
  async run(context, { name, ...given }) {
    const { getQuotas, setQuotas } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const changes: SetQuotas = Object.fromEntries(
      Object.entries(given).filter(([, number]) => number !== undefined),
    );
    const changed = Object.keys(changes).length > 0;
    const use: QuotaUse = changed ? await setQuotas(edge, name, changes) : await getQuotas(edge, name);
    context.answer(use, (out) => {
      out.table(
        ["QUOTA", "USED", "LIMIT", "COUNTS"],
        Quotas.keyof().options.map((each) => {
          const [used, limit] = [use.used[each], use.limits[each]];
          // A full event log drops its oldest events. Any other full quota refuses new things.
          const full = each !== "events" && used >= limit;
          return [each, full ? out.paint("yellow", String(used)) : String(used), String(limit), COUNTS[each]];
        }),
      );
      if (changed) out.line("The quotas are changed.");
    });
  },
});
