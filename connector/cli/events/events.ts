import { EventGroup, EventType, type NetworkEvent } from "../../../protocol/api/events.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { sleep } from "../../async/sleep.ts";
import type { Context } from "../framework/context.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { wholeNumber } from "../framework/values.ts";
import { eventType, isoOf, parseMoment } from "./options.ts";

/**
 * The time between two requests of --follow, ms. It starts anew after an event and grows without events, because each
 * request wakes the network's registry.
 */
const LOOK_MS = { first: 1000, last: 5000, growth: 1.5 } as const;
/** Types are padded to this length, so that the texts are aligned. */
const LONGEST_TYPE = Math.max(...EventType.options.map((type) => type.length));
/** The most events in one answer of the API. */
const PAGE = 1000;
const NEWEST = 50;

export const events = command({
  path: ["events"],
  summary: "Show the events of a network, or of the edge itself.",
  details: `With --follow --json, each event is one line of JSON. The types are ${EventType.options.join(", ")}.`,
  options: {
    follow: flag("-f, --follow", "Keep showing events as they happen, until Ctrl-C."),
    since: value("--since <TIME>", "Show events since a time: 1h, or 2026-11-20T10:00:00Z.", parseMoment),
    type: value(
      "--type <TYPE>",
      `Show events of one type, or of one group: ${EventGroup.options.join(", ")}.`,
      eventType,
    ),
    limit: value(
      "--limit <N>",
      `Number of events, the newest ones. The default is ${NEWEST}, or ${PAGE} with --since.`,
      wholeNumber(1, PAGE),
    ),
    edge: flag(
      "--edge",
      "Show the edge's own events: API keys, and networks created and deleted. Needs the role admin.",
    ),
    network: networkOption,
  },
  examples: [
    { command: "fairlead events", says: "Shows the newest events." },
    {
      command: "fairlead events --since 1h --type link",
      says: "Shows what happened to links in the last hour.",
    },
    {
      command: "fairlead events --follow --type site.down",
      says: "Shows every site that goes down, as it happens.",
    },
    {
      command: "fairlead events --edge --since 1d",
      says: "Shows which keys were created, misused and revoked since yesterday.",
    },
  ],
  async run(context, input) {
    if (input.edge && input.network !== undefined) {
      throw new FairleadError("request.invalid", "--edge and --network exclude each other.");
    }
    const { listEvents } = await import("../../operator/edge-api.ts");
    const network = input.edge ? null : await context.network(input.network);
    const edge = await context.edge();
    const { type } = input;
    const since = input.since && isoOf(input.since, context.io.now());
    const limit = input.limit ?? (since === undefined ? NEWEST : PAGE);
    const first = await listEvents(edge, network, { type, since, limit });
    if (!input.follow) {
      context.answer(first, (out) => {
        for (const event of first) printEvent(context, event);
        if (first.length > 0) return;
        const which = `${type ? " of that type" : ""}${since ? ` since ${since}` : ""}`;
        out.line(
          network === null ? `No events${which} at the edge.` : `No events${which} in network "${network}".`,
        );
      });
      return;
    }
    await follow(context, first, (after, signal) =>
      listEvents(edge, network, { after, type, since, limit: PAGE }, { signal }),
    );
  },
});

/** Prints the first events, then later events until the user interrupts. Waits for an edge that does not answer. */
async function follow(
  context: Context,
  first: readonly NetworkEvent[],
  list: (after: number, signal: AbortSignal) => Promise<readonly NetworkEvent[]>,
): Promise<void> {
  // Handle signals before printing: a program that reads the first line may interrupt the command at once.
  const interrupted = context.io.untilInterrupted();
  for (const event of first) printEvent(context, event);
  let after = first.at(-1)?.id ?? 0;
  let complained = false;
  let wait: number = LOOK_MS.first;
  while (await sleep(wait, interrupted)) {
    wait = Math.min(wait * LOOK_MS.growth, LOOK_MS.last);
    try {
      const more = await list(after, interrupted);
      for (const event of more) printEvent(context, event);
      if (more.length > 0) wait = LOOK_MS.first;
      after = more.at(-1)?.id ?? after;
      complained = false;
    } catch (thrown) {
      if (interrupted.aborted) return;
      if (!(thrown instanceof FairleadError) || !thrown.entry.retry) throw thrown;
      if (!complained) context.aside.line(`${thrown.message} Trying again.`);
      complained = true;
    }
  }
}

function printEvent(context: Context, event: NetworkEvent): void {
  const { out } = context;
  if (context.json) {
    out.line(JSON.stringify(event));
    return;
  }
  const times = event.count === undefined ? "" : ` ×${event.count}`;
  const about = `${event.text}${event.code === undefined ? "" : ` (${event.code})`}${times}`;
  const padded = event.type.padEnd(LONGEST_TYPE);
  const type = event.code === undefined ? padded : out.paint("yellow", padded);
  out.line(
    `${out.paint("dim", event.at.replace(/\.\d+Z$/, "Z"))}  ${type}  ${about}  ${out.paint("dim", `by ${event.actor}`)}`,
  );
}
