import { Quotas, type QuotaUse, type SetQuotas } from "../../../protocol/api/quotas.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { argument, command, value } from "../framework/definition.ts";
import { someText } from "../framework/values.ts";

/** What each quota counts. */
const COUNTS = {
  sites: "sites, those made but not yet joined included",
  services: "names of services offered",
  tokens: "tokens that still admit",
  sessions: "sessions between connectors",
  events: "events kept; the oldest are dropped",
  uplinks: "connector processes of one site at a time",
} as const satisfies Record<keyof Quotas, string>;

/** A number that the quota's own schema accepts. */
const quota = (name: keyof Quotas) =>
  value(`--${name} <N>`, COUNTS[name], (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return parseWith(Quotas.shape[name], number, { code: "request.invalid", what: `"${text}"` });
  });

export const networkQuota = command({
  path: ["network", "quota"],
  summary: "show how much a network may have and how much it has, or set it",
  details:
    "What is over a quota that was lowered stays; only what is new is refused, with a code that starts with `quota.`. Setting needs the role admin.",
  arguments: { name: argument("NAME", "name or id of the network", someText) },
  options: {
    sites: quota("sites"),
    services: quota("services"),
    tokens: quota("tokens"),
    sessions: quota("sessions"),
    events: quota("events"),
    uplinks: quota("uplinks"),
  },
  examples: [
    { command: "fairlead network quota shop", says: "shows the quotas of shop and their use" },
    {
      command: "fairlead network quota shop --sites 50 --tokens 10",
      says: "no more than 50 sites and ten usable tokens from now on",
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
          // Events fill up in the course of things and are dropped; the others refuse what is new.
          const full = each !== "events" && used >= limit;
          return [each, full ? out.paint("yellow", String(used)) : String(used), String(limit), COUNTS[each]];
        }),
      );
      if (changed) out.line("The quotas were changed.");
    });
  },
});
