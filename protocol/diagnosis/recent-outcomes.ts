/** How the newest connections and requests of a service ended, by the counts of a network's traffic. Pure. */
import type { Traffic, TrafficGroup, TrafficPoint } from "../api/traffic.ts";
import type { Remedy } from "./finding.ts";
import { countOf, listOf } from "./words.ts";

/** The time that is looked at, s, as long as enough ended in it. */
const RECENT_SECONDS = 30;
/** Connections or requests that have to have ended, or more time is looked at. */
const ENOUGH = 5;

/** How the newest connections and requests of some groups ended. */
export interface RecentOutcomes {
  /** Connections that ended, and those of them that ended with an error. */
  readonly ended: number;
  readonly failed: number;
  /** Requests that ended, and those of them that had no response or one that blames the server. */
  readonly requests: number;
  readonly requestsFailed: number;
  /** Failed requests that had no response. */
  readonly unanswered: number;
  /** The time that is looked at, s. */
  readonly seconds: number;
  /** Whether at least half failed. Connections that carried bytes to their clients were of use, however they ended. */
  readonly isFailing: boolean;
  /** Since when at least half failed in each step of the traffic, as ISO 8601; null while {@link isFailing} is false. */
  readonly since: string | null;
}

type Counts = Record<"ended" | "failed" | "requests" | "requestsFailed" | "unanswered" | "bytes", number>;

/** The newest outcomes of groups of a network's traffic. */
export function recentOutcomes(
  { from, at, stepSeconds }: Pick<Traffic, "from" | "at" | "stepSeconds">,
  groups: readonly TrafficGroup[],
): RecentOutcomes {
  const steps = groups.reduce((most, { points }) => Math.max(most, points.length), 0);
  const total: Counts = { ended: 0, failed: 0, requests: 0, requestsFailed: 0, unanswered: 0, bytes: 0 };
  let first = steps;
  while (first > 0 && !isEnough(total, (steps - first) * stepSeconds)) {
    first -= 1;
    addStep(total, groups, first);
  }
  const isFailing = mostFailed(total);
  const start = Date.parse(from);
  const { bytes: _, ...counts } = total;
  return {
    ...counts,
    seconds: Math.max(0, Math.round((Date.parse(at) - start) / 1000) - first * stepSeconds),
    isFailing,
    since: isFailing ? new Date(start + failingFrom(groups, first) * stepSeconds * 1000).toISOString() : null,
  };
}

const isEnough = ({ ended, requests }: Counts, seconds: number) =>
  seconds >= RECENT_SECONDS && Math.max(ended, requests) >= ENOUGH;

function addStep(counts: Counts, groups: readonly TrafficGroup[], step: number): void {
  for (const group of groups) {
    const point = group.points[step];
    if (point !== null && point !== undefined) addPoint(counts, group, point);
  }
}

function addPoint(counts: Counts, { protocol, code }: TrafficGroup, point: TrafficPoint): void {
  counts.ended += point.closed ?? 0;
  counts.failed += point.failed ?? 0;
  counts.bytes += point.bytesToClient ?? 0;
  counts.requests += point.requests ?? 0;
  // A client that leaves during a response fails the request, and blames nobody. A gRPC call has its status at its end.
  const blames = code === null || code === "none" || code === "5xx" || protocol === "grpc";
  if (blames) counts.requestsFailed += point.requestsFailed ?? 0;
  if (code === "none") counts.unanswered += point.requestsFailed ?? 0;
}

function mostFailed({ ended, failed, requests, requestsFailed, bytes }: Counts): boolean {
  if (requestsFailed > 0 && requestsFailed * 2 >= requests) return true;
  return failed > 0 && failed * 2 >= ended && bytes === 0;
}

/** The oldest of the steps before `step` in each of which most failed. Steps in which nothing ended do not count. */
function failingFrom(groups: readonly TrafficGroup[], step: number): number {
  let oldest = step;
  for (let before = step - 1; before >= 0; before--) {
    const counts: Counts = { ended: 0, failed: 0, requests: 0, requestsFailed: 0, unanswered: 0, bytes: 0 };
    addStep(counts, groups, before);
    if (counts.ended + counts.requests === 0) continue;
    if (!mostFailed(counts)) break;
    oldest = before;
  }
  return oldest;
}

/** What failed, as a sentence: `In the last 30 seconds, 12 of 12 requests failed without a response.` */
export function outcomesText(outcomes: RecentOutcomes): string {
  const { ended, failed, requests, requestsFailed, seconds } = outcomes;
  const parts = [
    ...(ended === 0 || (failed === 0 && requests > 0)
      ? []
      : [`${failed} of ${countOf(ended, "connection")}`]),
    ...(requests === 0 ? [] : [`${requestsFailed} of ${countOf(requests, "request")}`]),
  ];
  const time = seconds < 120 ? countOf(seconds, "second") : countOf(Math.round(seconds / 60), "minute");
  return `In the last ${time}, ${listOf(parts)} failed${causeText(outcomes)}.`;
}

/** Whether most failed requests had a response, and their streams did not fail: the server itself gave it. */
const serverAnswered = ({ failed, requestsFailed, unanswered }: RecentOutcomes) =>
  requestsFailed > 0 && unanswered * 2 < requestsFailed && failed * 2 < requestsFailed;

function causeText(outcomes: RecentOutcomes): string {
  if (!outcomes.isFailing) return "";
  if (serverAnswered(outcomes)) return ": the server answers with errors";
  const { unanswered, requestsFailed } = outcomes;
  return requestsFailed > 0 && unanswered * 2 >= requestsFailed ? ": the server does not answer" : "";
}

/** What to do about a service whose newest connections or requests fail. @param site the site of the clients */
export function failureRemedy(outcomes: RecentOutcomes, service: string, site?: string): Remedy {
  const { requestsFailed, unanswered } = outcomes;
  const from = site === undefined ? "" : ` --from-site ${site}`;
  if (serverAnswered(outcomes)) {
    return {
      action: "The path works. Look at the log of the server: its status is 500 or above, or blames it.",
      command: `fairlead flows "service:${service} status:5xx"${from}`,
    };
  }
  if (requestsFailed > 0 && unanswered * 2 >= requestsFailed) {
    return {
      action:
        "Check whether the server hangs or is overloaded, and start it again if it does: clients leave before it has answered.",
      command: `fairlead flows "service:${service} outcome:failed"${from}`,
    };
  }
  return {
    action: "Look at the connections of the service that failed: each says why it ended.",
    command: `fairlead flows "service:${service} outcome:failed"${from}`,
  };
}
