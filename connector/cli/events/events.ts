import { EventGroup, EventType } from "../../../protocol/api/events.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { ListedPage } from "../../operator/edge-api.ts";
import type { EventLog } from "../../operator/event-log.ts";
import type { Context } from "../framework/context.ts";
import { command, flag, value } from "../framework/definition.ts";
import { networkOption } from "../framework/options.ts";
import { someText, wholeNumber } from "../framework/values.ts";
import { follow } from "./follow.ts";
import { eventType, isoOf, parseMoment } from "./options.ts";
import { printEvent } from "./print.ts";

const NEWEST = 50;
const eventId = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const events = command({
  path: ["events"],
  summary: "Show the events of a network, or of the edge itself.",
  details: `With --follow --json, each event is one line of JSON. A line of the type log.began has no id: the log was restored from a backup or created again, and the ids that follow belong to the new log. The types of events are ${EventType.options.join(", ")}.`,
  options: {
    follow: flag("-f, --follow", "Keep showing events as they happen, until Ctrl-C."),
    since: value("--since <TIME>", "Show events since a time: 1h, or 2026-11-20T10:00:00Z.", parseMoment),
    type: value(
      "--type <TYPE>",
      `Show events of one type, or of one group: ${EventGroup.options.join(", ")}.`,
      eventType,
    ),
    site: value(
      "--site <SITE>",
      "Show events about one site. With its id, those that it caused under a former name as well.",
      someText,
    ),
    limit: value(
      "--limit <N>",
      `The most events, which are the newest; the oldest with --after. The default is ${NEWEST}, and all with --since or --after.`,
      wholeNumber(1, 1_000_000),
    ),
    all: flag("--all", "Show all events that are kept."),
    before: value("--before <ID>", "Show events before the one with this id.", eventId),
    after: value("--after <ID>", "Show events after the one with this id, the oldest first.", eventId),
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
      says: "Shows every site that is lost, as it happens. A site that was stopped has site.stopped.",
    },
    {
      command: "fairlead events --all --json",
      says: "Writes all events that are kept, as a list of JSON.",
    },
    {
      command: "fairlead events --follow --json --after 1200",
      says: "Continues after the event 1200, which a program has read last.",
    },
    {
      command: "fairlead events --edge --since 1d",
      says: "Shows which keys were created, misused and revoked since yesterday.",
    },
  ],
  async run(context, input) {
    checkOptions(input);
    const { EventLog, EventPosition } = await import("../../operator/event-log.ts");
    const network = input.edge ? null : await context.network(input.network);
    const since = input.since && isoOf(input.since, context.io.now());
    const { type, site } = input;
    const log = new EventLog(await context.edge(), network, { type, site, since });
    const first = await readFirst(log, input);
    if (!input.follow) {
      const which = `${site ? ` of ${site}` : ""}${type ? " of that type" : ""}${since ? ` since ${since}` : ""}`;
      const where = network === null ? "at the edge" : `in network "${network}"`;
      context.answer(first.events, (out) => {
        for (const event of first.events) printEvent(context, event);
        if (first.events.length === 0) out.line(`No events${which} ${where}.`);
      });
      if (!context.json) sayMore(context, first, input);
      return;
    }
    // Handle signals before printing: a program that reads the first line may interrupt the command at once.
    const interrupted = context.io.untilInterrupted();
    for (const event of first.events) printEvent(context, event);
    const position = new EventPosition(first, input.after);
    await follow(context, { log, position, since, interrupted });
  },
});

interface Range {
  readonly since?: unknown;
  readonly limit?: number | undefined;
  readonly all: boolean;
  readonly before?: number | undefined;
  readonly after?: number | undefined;
}

/** @throws FairleadError `request.invalid` for options that exclude each other */
function checkOptions(
  input: Range & {
    readonly edge: boolean;
    readonly follow: boolean;
    readonly network: string | undefined;
    readonly site: string | undefined;
  },
): void {
  const refuse = (one: string, other: string) => {
    throw new FairleadError("request.invalid", `${one} and ${other} exclude each other.`);
  };
  if (input.edge && input.network !== undefined) refuse("--edge", "--network");
  if (input.edge && input.site !== undefined) refuse("--edge", "--site");
  if (input.all && input.limit !== undefined) refuse("--all", "--limit");
  if (input.follow && input.before !== undefined) refuse("--follow", "--before");
  if (input.before !== undefined && input.after !== undefined) refuse("--before", "--after");
  if (input.follow && input.after !== undefined && input.limit !== undefined)
    refuse("--follow with --after", "--limit");
}

/** Reads the events that are there already. */
async function readFirst(log: EventLog, { since, limit, all, before, after }: Range): Promise<ListedPage> {
  if (after !== undefined) return await log.after(after, limit ?? Number.MAX_SAFE_INTEGER);
  const isWhole = all || (since !== undefined && before === undefined);
  return await log.newest(limit ?? (isWhole ? Number.MAX_SAFE_INTEGER : NEWEST), before);
}

/** Says how to read the events that were left out. */
function sayMore({ aside }: Context, { events, more, newest }: ListedPage, { after }: Range): void {
  if (after !== undefined && newest !== undefined && newest < after) {
    aside.line(
      `The newest event has the id ${newest}: the log was restored from a backup, or created again.`,
    );
  }
  if (!more) return;
  if (after !== undefined) aside.line(`There are newer events: continue with --after ${events.at(-1)?.id}.`);
  else aside.line(`There are older events: continue with --before ${events[0]?.id}, or show --all.`);
}
