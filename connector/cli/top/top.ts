import type { Context } from "../framework/context.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { someText } from "../framework/values.ts";

/** The lines of a terminal that does not tell its height. */
const LINES = 24;
/** Lines beside the rows of the table. */
const OTHER_LINES = 4;

export const top = command({
  path: ["top"],
  summary: "Show the traffic of a network live: by service and pair of sites.",
  details:
    "NEW/S are streams, and REQ/S requests, that began or ended in a second. P50 and P99 are durations of requests, or the time to the first byte of streams. UP is towards the target. q or Ctrl-C ends it. On an output that is no terminal, and with --once, the table is printed once.",
  options: {
    once: flag("--once", "Print the table once and end."),
    service: value("--service <NAME>", "Show this service alone.", someText),
    site: value("--site <SITE>", "Show traffic from or to this site alone.", someText),
    network: networkOption,
  },
  examples: [
    { command: "fairlead top", says: "Shows the traffic of the network, until q." },
    { command: "fairlead top --site west", says: "Shows the traffic from and to west." },
    { command: "fairlead top --once --json", says: "Writes the traffic as a list of JSON." },
  ],
  async run(context, input) {
    const network = await context.network(input.network);
    const { service, site } = input;
    const query = {
      window: "15m" as const,
      ...(service === undefined ? {} : { service }),
      ...(site === undefined ? {} : { site }),
    };
    const isLive = !input.once && !context.json && context.io.stdout.isTTY;
    if (isLive) await live(context, network, query);
    else await once(context, network, query);
  },
});

type Query = { readonly window: "15m"; readonly service?: string; readonly site?: string };

async function once(context: Context, network: string, query: Query): Promise<void> {
  const [{ getTraffic }, { TrafficRates }, { printTraffic }] = await Promise.all([
    import("../../operator/edge-api.ts"),
    import("./traffic-rates.ts"),
    import("./screen.ts"),
  ]);
  const rates = new TrafficRates();
  rates.take({ type: "traffic", traffic: await getTraffic(await context.edge(), network, query) });
  const rows = rates.rows();
  context.answer(rows, (out) => {
    if (rows.length === 0) out.line(`No traffic was counted in network "${network}".`);
    else printTraffic(out, rows, context.io.stdout.columns);
  });
}

async function live(context: Context, network: string, query: Query): Promise<void> {
  const [{ whileLive }, { TrafficRates }, { printTraffic, Screen }] = await Promise.all([
    import("../flows/follow.ts"),
    import("./traffic-rates.ts"),
    import("./screen.ts"),
  ]);
  const { out, io } = context;
  const screen = new Screen(out);
  const interrupted = AbortSignal.any([io.untilInterrupted(), screen.ended]);
  try {
    await whileLive(context, network, interrupted, async (channel) => {
      const rates = new TrafficRates();
      channel.send({ type: "traffic", query });
      for await (const message of channel.messages(interrupted)) {
        if (message.type === "records") continue;
        rates.take(message);
        const rows = rates.rows();
        screen.clear();
        out.line(`${out.paint("bold", network)}  ${new Date(io.now()).toISOString().slice(11, 19)}  q ends`);
        out.line();
        if (rows.length === 0) out.line("No traffic was counted.");
        else
          printTraffic(
            out,
            rows,
            io.stdout.columns,
            Math.max(1, (process.stdout.rows || LINES) - OTHER_LINES),
          );
      }
    });
  } finally {
    screen.close();
  }
}
