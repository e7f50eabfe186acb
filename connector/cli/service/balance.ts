import type { ServiceBalance } from "../../../protocol/api/services.ts";
import { BalanceMode, Weight } from "../../../protocol/balance.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { ServiceName, SiteNameOrId } from "../../../protocol/names.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { parseSites } from "../../config/scope.ts";
import { argument, command, flag, value, values } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { accepting } from "../framework/values.ts";

/** Parses SITE=N. @throws FairleadError `request.invalid`. */
function parseWeight(text: string): readonly [site: string, weight: number] {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid("the form is SITE=N");
  const digits = text.slice(equals + 1);
  const weight = Weight.safeParse(/^\d{1,4}$/.test(digits) ? Number(digits) : Number.NaN);
  if (!weight.success) throw invalid("a weight is a number from 0 to 1000");
  return [parseWith(SiteNameOrId, text.slice(0, equals), invalid), weight.data];
}

export const serviceBalance = command({
  path: ["service", "balance"],
  summary: "Set how clients choose between the sites that offer a service, or show it.",
  details:
    "The setting takes effect at once at every site, and replaces what the offering sites say with --balance. With cost, each new connection or request goes to the instance with the lowest cost of links and the fewest open ones. With priority, all go to the first site in the order that can be reached; sites that the order does not name come last. With weighted, they are spread in proportion to weights, of which the default is 100; a site with weight 0 is used only if no other can be reached. The setting stays when the service is offered by no site. Setting it needs the role operator.",
  arguments: { name: argument("NAME", "Name of the service.", accepting(ServiceName)) },
  options: {
    mode: value("--mode <MODE>", "One of cost, priority and weighted.", accepting(BalanceMode)),
    order: value("--order <SITE,…>", "Names or ids of sites, the first to be used first.", parseSites),
    weights: values("--weight <SITE=N>", "Share of a site, 0 to 1000.", parseWeight),
    reset: flag("--reset", "Leave the balance to the sites that offer the service."),
    network: networkOption,
  },
  examples: [
    { command: "fairlead service balance db", says: "Shows how db is balanced." },
    {
      command: "fairlead service balance db --mode priority --order east,west",
      says: "Sends everything to east, and to west while east cannot be reached.",
    },
    {
      command: "fairlead service balance web --mode weighted --weight east=90 --weight west=10",
      says: "Sends a tenth to west.",
    },
    { command: "fairlead service balance db --reset", says: "Leaves the balance to the sites again." },
  ],
  async run(context, { name, mode, order, weights, reset, network }) {
    const { getBalance, resetBalance, setBalance } = await import("../../operator/edge-api.ts");
    if (mode === undefined && (order !== undefined || weights.length > 0)) {
      throw new FairleadError("request.invalid", "An order or a weight needs --mode.");
    }
    if (mode !== undefined && reset) {
      throw new FairleadError("request.invalid", "Give either --mode or --reset.");
    }
    const [edge, of] = [await context.edge(), await context.network(network)];
    const wanted = mode && { mode, order, weights: Object.fromEntries(weights) };
    const balance =
      wanted !== undefined
        ? await setBalance(edge, of, name, wanted)
        : await (reset ? resetBalance : getBalance)(edge, of, name);
    context.answer(balance, (out) => printBalance(out, balance));
  },
});

function printBalance(out: Printer, { service, mode, order, weights }: ServiceBalance): void {
  if (mode === null) {
    out.line(`The sites that offer "${service}" decide how it is balanced.`);
    out.line("`fairlead service list` shows the balance, and `--mode` sets it.");
    return;
  }
  out.line(`Service "${service}" is balanced by ${mode}.`);
  if (order.length > 0) out.line(`  order: ${order.join(", ")}`);
  for (const [site, weight] of Object.entries(weights)) out.line(`  weight of ${site}: ${weight}`);
}
