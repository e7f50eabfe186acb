import { FairleadError } from "../../../protocol/errors.ts";
import { NUMBER_FIELDS, parseFlowFilter, TEXT_FIELDS } from "../../../protocol/telemetry/flow-filter.ts";
import { isoOf, parseMoment } from "../events/options.ts";
import type { Context } from "../framework/context.ts";
import { command, flag, optionalArgument, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { someText, wholeNumber } from "../framework/values.ts";
import { printFlow, printFlows } from "./print.ts";

const NEWEST = 50;

/** A filter that can be parsed, as it was given. */
function filterText(text: string): string {
  parseFlowFilter(text);
  return text;
}

export const flows = command({
  path: ["flows"],
  summary: "Show streams and requests: those that the edge keeps, or all of them as they happen.",
  details: `The edge keeps notable ones: failures, and the slowest of each minute. --follow shows every one that matches, beginning with the last minute; with --json, each is one line of JSON. A filter has terms that must all hold: FIELD:VALUE, FIELD>NUMBER, FIELD<NUMBER, or a word that is searched; ! before a term negates it, and * at the end of a value stands for any rest. Fields with a text are ${TEXT_FIELDS.join(", ")}; fields with a number are ${NUMBER_FIELDS.join(", ")}. status:5xx and outcome:failed stand for all of their kind.`,
  arguments: {
    filter: optionalArgument("FILTER", "Which to show, as one text in quotes; all unless given.", filterText),
  },
  options: {
    follow: flag("-f, --follow", "Keep showing them as they happen, until Ctrl-C."),
    since: value("--since <TIME>", "Show those since a time: 10m, or 2026-11-20T10:00:00Z.", parseMoment),
    limit: value(
      "--limit <N>",
      `The most that are shown, the newest. The default is ${NEWEST}.`,
      wholeNumber(1, 1000),
    ),
    fromSite: value("--from-site <SITE>", "Show those whose clients are at this site.", someText),
    state: value(
      "--state <DIR>",
      "Ask the connector of this state directory, which remembers its last 10,000, instead of the edge.",
      someText,
    ),
    network: networkOption,
  },
  examples: [
    { command: "fairlead flows", says: "Shows the newest failures and slow requests." },
    { command: "fairlead flows --follow service:db", says: "Shows the use of db as it happens." },
    {
      command: "fairlead flows --follow status:5xx",
      says: "Shows requests that fail at their target, as they happen.",
    },
    {
      command: "fairlead flows outcome:failed --from-site west --since 1h",
      says: "Shows what failed for clients of west in the last hour.",
    },
    {
      command: "fairlead flows --state /var/lib/fairlead/west --limit 200",
      says: "Shows what the connector on this machine carried last, without the edge.",
    },
  ],
  async run(context, input) {
    if (input.state !== undefined && (input.follow || input.network !== undefined)) {
      const other = input.follow ? "--follow" : "--network";
      throw new FairleadError("request.invalid", `--state and ${other} exclude each other.`);
    }
    const from = input.fromSite === undefined ? [] : [`from:"${input.fromSite.replaceAll('"', "")}"`];
    const filter = filterText([input.filter ?? "", ...from].join(" ").trim());
    const since = input.since && isoOf(input.since, context.io.now());
    const limit = input.limit ?? NEWEST;
    if (input.follow) {
      const { followFlows } = await import("./follow.ts");
      await followFlows(context, await context.network(input.network), filter, (flow) => {
        if (context.json) context.out.verbatim(JSON.stringify(flow));
        else printFlow(context.out, flow);
      });
      return;
    }
    const page =
      input.state === undefined
        ? await kept(context, input.network, { filter, since, limit })
        : await remembered(context, input.state, { filter, since, limit });
    context.answer(page.flows, (out) => {
      if (page.flows.length === 0) {
        out.line("No stream or request that is kept matches.");
        if (input.state === undefined) out.line("`fairlead flows --follow` shows every one as it happens.");
      } else printFlows(out, page.flows);
    });
    if (page.more && !context.json)
      context.aside.line("There are more: narrow the filter, or raise --limit.");
  },
});

interface Selection {
  readonly filter: string;
  readonly since: string | undefined;
  readonly limit: number;
}

async function kept(context: Context, network: string | undefined, selection: Selection) {
  const { listFlows } = await import("../../operator/edge-api.ts");
  return await listFlows(await context.edge(), await context.network(network), selection);
}

async function remembered(context: Context, state: string, selection: Selection) {
  const { ControlClient } = await import("../../control/client.ts");
  return await new ControlClient(state, context.progress.during).flows(selection);
}
