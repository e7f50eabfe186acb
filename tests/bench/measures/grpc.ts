/** gRPC: unary calls, and messages in one stream. */
import { writeFile } from "node:fs/promises";
import { framed, MESSAGE_BYTES, receiveMessages, UNARY_PATH, unaryCalls } from "../clients/grpc.ts";
import type { Ground } from "../ground.ts";
import { parseH2load } from "../parse/h2load.ts";
import type { System } from "../systems/system.ts";
import type { Measure } from "./measure.ts";
import { servesRequests } from "./requests.ts";

/** Channels, and calls at a time on each. */
const CHANNELS = 4;
const PARALLEL = 10;

/** The calls of h2load's own warm-up are not in its count, but would be in what is used for each call. */
const UNARY_WARM_UP_MS = 1000;

const UNARY: Measure = {
  id: "grpc-unary",
  title: `gRPC, unary calls, ${CHANNELS} channels, ${PARALLEL} calls each`,
  metrics: [
    { key: "perSecond", title: "", unit: "calls/s", better: "higher" },
    { key: "mean", title: "mean", unit: "ms", better: "lower" },
  ],
  work: "call",
  on: servesRequests,
  async prepare(system: System, ground: Ground) {
    await unary(system, ground, UNARY_WARM_UP_MS);
  },
  async run(system: System, ground: Ground) {
    const { calls, perSecond, meanMs } = await unary(system, ground, ground.ms);
    return {
      figures: { perSecond, mean: meanMs },
      work: { unit: "call", amount: calls } as const,
    };
  },
};

async function unary(
  system: System,
  ground: Ground,
  ms: number,
): Promise<{ calls: number; perSecond: number; meanMs: number }> {
  const { host, port } = system.at.grpc;
  const { h2load } = ground.tools;
  if (h2load === null) {
    return await unaryCalls({ host, port }, { channels: CHANNELS, parallel: PARALLEL, ms });
  }
  const body = ground.cluster.path("call");
  await writeFile(body, framed(MESSAGE_BYTES));
  const output = await ground.program(
    "h2load",
    h2load,
    [
      ...["-c", String(CHANNELS), "-m", String(PARALLEL), "-t", "1", "-d", body],
      ...["-D", String(Math.ceil(ms / 1000))],
      ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
      `http://${host}:${port}${UNARY_PATH}`,
    ],
    ms + 30_000,
  );
  return parseH2load(output);
}

const WARM_UP_MS = 500;

const MESSAGES: Measure = {
  id: "grpc-stream",
  title: `gRPC, messages of ${MESSAGE_BYTES} bytes in one stream`,
  metrics: [{ key: "perSecond", title: "", unit: "messages/s", better: "higher" }],
  work: "message",
  on: servesRequests,
  async run(system: System, ground: Ground) {
    const options = { ms: ground.ms, warmUpMs: WARM_UP_MS };
    const { messages, perSecond } = await receiveMessages(system.at.messages, options);
    return { figures: { perSecond }, work: { unit: "message", amount: messages } as const };
  },
};

export const GRPC: readonly Measure[] = [UNARY, MESSAGES];
