import { FairleadError } from "../../../protocol/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import { parseLanes } from "../../config/option-values.ts";
import type { Workload } from "../../operator/cost/workload.ts";
import { command, needed, value, valueOr } from "../framework/definition.ts";
import { wholeNumber } from "../framework/values.ts";

const MOST = 1_000_000_000;

/** Most sites of an estimate: as many as the quota of a network can allow. */
const MOST_SITES = 100_000;

const parsePairs = (text: string): number | "all" =>
  text === "all" ? text : wholeNumber(0, MOST * 10)(text);

export const cost = command({
  path: ["cost"],
  summary: "Estimate what a network costs on Cloudflare.",
  details:
    "The estimate is computed from the code and from documented prices; nothing is asked over the network. The command shows each billed item, the share of the free plan that it uses, its price on Workers Paid, and what to do next. An idle pair of sites costs nothing; a pair with a connection open keeps an object awake.",
  options: {
    sites: needed("--sites <N>", "Number of sites.", wholeNumber(1, MOST_SITES)),
    pairs: valueOr(
      "--pairs <N>",
      "Pairs of sites with a connection open all day, or `all`.",
      parsePairs,
      0,
      "0",
    ),
    connections: value(
      "--connections <N>",
      "Connections a day between all other pairs. The default is 0.",
      wholeNumber(0, MOST),
    ),
    connectionTime: value(
      "--connection-time <DURATION>",
      "How long each of these connections is open. The default is 1s.",
      parseDuration,
    ),
    lanes: value("--lanes <N>", "Lanes of each session, 1 (the default) to 8.", parseLanes),
    messages: value(
      "--messages <N>",
      "Messages a second that each open pair relays, in both directions. The default is 0.",
      wholeNumber(0, MOST),
    ),
    bytes: value(
      "--bytes <N>",
      "Bytes a second that each open pair relays, instead of --messages, in messages of 64 KiB.",
      wholeNumber(0, MOST * 1000),
    ),
    trafficTime: value(
      "--traffic-time <DURATION>",
      "How long in a day there is traffic to count, 24h at most. The default is none.",
      parseDuration,
    ),
    keepalive: value(
      "--keepalive <DURATION>",
      "Interval of the keep-alive of uplinks. The default is 20s.",
      parseDuration,
    ),
    reconnects: value(
      "--reconnects <N>",
      "How often a day each uplink and each lane is lost. The default is 1.",
      wholeNumber(0, 10_000),
    ),
    calls: value(
      "--calls <N>",
      "Calls of the API a day. The default is 100; `events --follow` makes up to 86400.",
      wholeNumber(0, MOST),
    ),
    tokens: value(
      "--tokens <N>",
      "Tokens created and redeemed a day. The default is 1.",
      wholeNumber(0, MOST),
    ),
  },
  examples: [
    { command: "fairlead cost --sites 10", says: "Estimates an idle network of ten sites." },
    {
      command: "fairlead cost --sites 10 --pairs 5 --bytes 100000",
      says: "Keeps connections open between five pairs, which relay 100 KB a second each.",
    },
    {
      command: "fairlead cost --sites 100 --pairs all",
      says: "Keeps connections open between all pairs.",
    },
    {
      command: "fairlead cost --sites 50 --pairs 100 --traffic-time 10h",
      says: "Adds what it costs to count the traffic of ten hours a day.",
    },
    {
      command: "fairlead cost --sites 20 --connections 2000 --connection-time 30s --json",
      says: "Opens 2000 short connections a day, and prints JSON.",
    },
  ],
  async run(context, input) {
    const { DAY_S, DEFAULT_WORKLOAD, messagesFor, pairsOf } = await import("../../operator/cost/workload.ts");
    const { estimate } = await import("../../operator/cost/estimate.ts");
    const { adviceOn } = await import("../../operator/cost/advice.ts");
    const { amountCells } = await import("../../operator/cost/format.ts");
    const { READ_ON, SOURCES } = await import("../../operator/cost/prices.ts");
    const { sites } = input;
    if (input.messages !== undefined && input.bytes !== undefined) {
      throw new FairleadError("request.invalid", "--messages and --bytes exclude each other.");
    }
    if ((input.trafficTime ?? 0) > DAY_S) {
      throw new FairleadError("request.invalid", "--traffic-time: a day has 24h.");
    }
    const pairs = pairsOf(sites);
    const openPairs = input.pairs === "all" ? pairs : input.pairs;
    if (openPairs > pairs) {
      throw new FairleadError(
        "request.invalid",
        `--pairs ${openPairs}: ${sites} ${sites === 1 ? "site makes" : "sites make"} ${pairs} ${pairs === 1 ? "pair" : "pairs"}.`,
      );
    }
    const load = DEFAULT_WORKLOAD;
    const workload: Workload = {
      sites,
      openPairs,
      connections: input.connections ?? load.connections,
      connectionSeconds: input.connectionTime ?? load.connectionSeconds,
      lanes: input.lanes ?? load.lanes,
      messagesPerSecond: input.messages ?? messagesFor(input.bytes ?? 0),
      trafficSeconds: input.trafficTime ?? load.trafficSeconds,
      keepaliveSeconds: input.keepalive ?? load.keepaliveSeconds,
      reconnects: input.reconnects ?? load.reconnects,
      calls: input.calls ?? load.calls,
      tokens: input.tokens ?? load.tokens,
    };
    const result = estimate(workload);
    const advice = adviceOn(result);
    context.answer({ pricesReadOn: READ_ON, sources: SOURCES, ...result, advice }, (out) => {
      const named = `${sites} ${sites === 1 ? "site" : "sites"}, ${openPairs} of ${pairs} ${pairs === 1 ? "pair" : "pairs"} always open`;
      out.line(`${named}. Prices of ${READ_ON}; never run on Cloudflare.`);
      out.line();
      out.table(
        ["ITEM", "A DAY", "OF FREE", "A MONTH", "PRICE"],
        result.documented.amounts.map((amount) => {
          const [title, daily, share, monthly, price] = amountCells(amount);
          const passed = amount.freeShare !== null && amount.freeShare > 1;
          return [title, daily, passed ? out.paint("red", share) : share, monthly, price];
        }),
      );
      out.line();
      for (const sentence of advice) out.line(sentence);
      out.line("On the free plan each request may also take 10 ms of CPU time at most: see docs/cost.md.");
    });
  },
});
