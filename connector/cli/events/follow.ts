/** Follows an event log until the user interrupts. */
import { FairleadError } from "../../../protocol/errors.ts";
import { sleep } from "../../async/sleep.ts";
import type { ListedPage } from "../../operator/edge-api.ts";
import type { EventLog, EventPosition } from "../../operator/event-log.ts";
import type { Context } from "../framework/context.ts";
import { printEvent } from "./print.ts";

/**
 * The time between two requests of --follow, ms. It starts anew after an event and grows without events, because each
 * request wakes the network's registry.
 */
const LOOK_MS = { first: 1000, last: 5000, growth: 1.5 } as const;

/** The time for which a refused identity token waits for its renewal before it is tried again, ms. */
const RENEWAL_MS = 60_000;

export interface Followed {
  readonly log: EventLog;
  readonly position: EventPosition;
  /** The earliest time of events, as the user gave it. */
  readonly since: string | undefined;
  readonly interrupted: AbortSignal;
}

/**
 * Prints each later event once. Waits for an edge that does not answer, and for the renewal of an identity token in a
 * file.
 */
export async function follow(context: Context, followed: Followed): Promise<void> {
  const { log, position, interrupted } = followed;
  let complained = false;
  let wait: number = LOOK_MS.first;
  let isBehind = false;
  while (isBehind || (await sleep(wait, interrupted))) {
    wait = Math.min(wait * LOOK_MS.growth, LOOK_MS.last);
    isBehind = false;
    try {
      const { after, since = followed.since } = position.next;
      const page = await log.page({ after, since: later(since, followed.since) }, interrupted);
      complained = false;
      isBehind = page.more;
      if (position.take(page)) for (const event of page.events) printEvent(context, event);
      else {
        printBeginning(context, page);
        isBehind = true;
      }
      if (page.events.length > 0) wait = LOOK_MS.first;
    } catch (thrown) {
      if (interrupted.aborted) return;
      if (!(thrown instanceof FairleadError)) throw thrown;
      const { readKey } = await context.login();
      const isRefused = thrown.entry.status === 401 && readKey !== undefined;
      if (!thrown.entry.retry && !isRefused) throw thrown;
      const next = isRefused ? "Waiting for another identity token in the file." : "Trying again.";
      if (!complained) context.aside.line(`${thrown.message} ${next}`);
      complained = true;
      if (isRefused) await untilRenewed(context, interrupted);
    }
    if (interrupted.aborted) return;
  }
}

const later = (one: string | undefined, other: string | undefined) =>
  one !== undefined && other !== undefined && Date.parse(one) < Date.parse(other) ? other : one;

/** Says that the log began anew. With --json, a line without an id says so, too. */
function printBeginning(context: Context, { began }: ListedPage): void {
  const when = began === undefined || Date.parse(began) === 0 ? "" : ` at ${began}`;
  const text = `The event log began anew${when}: it was restored from a backup, or created again.`;
  context.aside.line(`${context.aside.paint("yellow", "warning:")} ${text} Its events follow from there.`);
  if (!context.json) return;
  context.out.verbatim(JSON.stringify({ type: "log.began", at: began, text }));
}

/** Waits until the identity token in the file is another one, for at most {@link RENEWAL_MS}. */
async function untilRenewed(context: Context, interrupted: AbortSignal): Promise<void> {
  const edge = await context.edge();
  const deadline = performance.now() + RENEWAL_MS;
  while (performance.now() < deadline && (await sleep(LOOK_MS.first, interrupted))) {
    if (await edge.refreshKey()) return;
  }
}
