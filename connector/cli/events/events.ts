import { EventType, type NetworkEvent } from "../../../protocol/api.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Context } from "../context.ts";
import { command, flag, value, valueOr } from "../definition.ts";
import { networkOption } from "../options.ts";
import { oneOf, wholeNumber } from "../values.ts";

/** How often --follow looks for more, in ms. */
const POLL_MS = 1000;
/** Types are padded to this, so that texts stand below each other. */
const LONGEST_TYPE = Math.max(...EventType.options.map((type) => type.length));
/** Most events that one answer holds. */
const PAGE = 1000;

export const events = command({
  path: ["events"],
  summary: "show what happened in a network",
  details: "With --follow --json, each event is one line of JSON.",
  options: {
    follow: flag("-f, --follow", "keep showing events as they happen, until Ctrl-C"),
    type: value(
      "--type <TYPE>",
      `only events of one type: ${EventType.options.join(", ")}`,
      oneOf(...EventType.options),
    ),
    limit: valueOr("--limit <N>", "how many of the newest", wholeNumber(1, PAGE), 50, "50"),
    network: networkOption,
  },
  examples: [
    { command: "fairlead events", says: "shows the newest events" },
    { command: "fairlead events --follow --type site.down", says: "waits for sites that go down" },
  ],
  async run(context, input) {
    const { listEvents } = await import("../../api/calls.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const first = await listEvents(edge, network, { type: input.type, limit: input.limit });
    if (!input.follow) {
      context.answer(first, (out) => {
        if (first.length === 0)
          out.line(`No events${input.type ? " of that type" : ""} in network "${network}".`);
        for (const event of first) printEvent(context, event);
      });
      return;
    }
    for (const event of first) printEvent(context, event);
    const interrupted = context.io.untilInterrupted();
    let after = first.at(-1)?.id ?? 0;
    let complained = false;
    while (await pause(POLL_MS, interrupted)) {
      try {
        const more = await listEvents(
          edge,
          network,
          { after, type: input.type, limit: PAGE },
          { signal: interrupted },
        );
        for (const event of more) printEvent(context, event);
        after = more.at(-1)?.id ?? after;
        complained = false;
      } catch (thrown) {
        if (interrupted.aborted) return;
        if (!(thrown instanceof FairleadError) || !thrown.entry.retry) throw thrown;
        if (!complained) context.aside.line(`${thrown.message}; trying again`);
        complained = true;
      }
    }
  },
});

function printEvent(context: Context, event: NetworkEvent): void {
  const { out } = context;
  if (context.json) {
    out.line(JSON.stringify(event));
    return;
  }
  const about = event.code === undefined ? event.text : `${event.text} (${event.code})`;
  const padded = event.type.padEnd(LONGEST_TYPE);
  const type = event.code === undefined ? padded : out.paint("yellow", padded);
  out.line(
    `${out.paint("dim", event.at.replace(/\.\d+Z$/, "Z"))}  ${type}  ${about}  ${out.paint("dim", `by ${event.actor}`)}`,
  );
}

/** Waits; false when the signal aborted instead. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const done = (went: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(went);
    };
    const onAbort = () => done(false);
    const timer = setTimeout(() => done(true), ms);
    signal.addEventListener("abort", onAbort);
  });
}
