/** Names the functions that take the time of a stack, by V8's CPU profiler. */

import type { Profiler, Runtime } from "node:inspector";
import { Session } from "node:inspector/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { plain } from "../report/text.ts";
import { PollPhase } from "./loop.ts";
import type { Exchange } from "./measure.ts";
import { repeat } from "./run.ts";
import { makeGround, type StackKind } from "./stack.ts";

const MESSAGES = 10_000;
const WARM_UP = 2000;
const INTERVAL_US = 50;
const SHOWN = 15;

/** A function's share of the time in which messages were on their way. */
export interface SelfTime {
  readonly name: string;
  readonly share: number;
}

/** Profiles requests through a stack. Returns a table for the terminal. */
export async function profileStack(kind: StackKind): Promise<string> {
  const poll = await PollPhase.open();
  const stack = await kind.open(await makeGround());
  await repeat(stack, WARM_UP, "request", { isCold: false, poll });
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await session.post("Profiler.start");
  const exchanges = await repeat(stack, MESSAGES, "request", { isCold: false, poll });
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  stack.close();
  poll.close();
  const rows = selfTimes(profile, exchanges, profileClockOrigin())
    .slice(0, SHOWN)
    .map(({ name, share }) => [(share * 100).toFixed(1), name]);
  return plain({ heading: ["%", `self time of ${kind.id}, warm requests`], rows });
}

/** The clock of profiles, µs, when that of `performance.now()` is at zero. */
function profileClockOrigin(): number {
  return Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;
}

/** A function's place in the code: its name, file and line. */
function nameOf({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  // V8 calls the poll phase idle, in which libuv waits, reads and decrypts.
  if (functionName === "(idle)") return "(poll phase, without its callbacks)";
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  const file = url.startsWith("file:") ? relative(process.cwd(), fileURLToPath(url)) : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}

/**
 * The self times of functions within the timed parts of exchanges, most first. Only these parts count: the far end of
 * the path runs the same functions in the same process.
 * @param origin the clock of the profile when that of the exchanges is at zero, µs
 */
export function selfTimes(
  { nodes, samples = [], timeDeltas = [], startTime }: Profiler.Profile,
  exchanges: readonly Exchange[],
  origin: number,
): SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const parts = exchanges.flatMap(({ out, back }) => [out, back]);
  const counts = new Map<string, number>();
  let all = 0;
  let part = 0;
  let at = startTime - origin;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    while (part < parts.length && at > (parts[part]?.to ?? 0) * 1000) part++;
    const current = parts[part];
    if (current === undefined) break;
    if (at < current.from * 1000) continue;
    const name = names.get(id) ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
    all++;
  }
  return [...counts]
    .map(([name, count]) => ({ name, share: count / all }))
    .toSorted((left, right) => right.share - left.share);
}
