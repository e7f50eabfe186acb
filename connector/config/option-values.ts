/** Values of single options of `connector run`. Each parser throws FairleadError `request.invalid`. */
import { FairleadError } from "../../protocol/errors.ts";
import { MAX_LANES } from "../../protocol/uplink/messages.ts";
import { MAX_KEEPALIVE_SECONDS } from "../net/local-socket.ts";
import { parseDuration } from "./duration.ts";

const UNITS = { M: 1024 ** 2, G: 1024 ** 3 } as const;

/** The least that `--memory` takes, bytes. */
const MIN_MEMORY = 16 * UNITS.M;

/** Lanes of each session. */
export function parseLanes(text: string): number {
  const lanes = Number(text);
  if (Number.isInteger(lanes) && lanes >= 1 && lanes <= MAX_LANES) return lanes;
  throw new FairleadError("request.invalid", `"${text}" is not a number of lanes from 1 to ${MAX_LANES}.`);
}

/** Seconds for streams to finish; 0 for none. */
export function parseDrain(text: string): number {
  return text === "0s" ? 0 : parseDuration(text);
}

/** Seconds before the kernel probes an idle local connection; null for `off`. */
export function parseKeepAlive(text: string): number | null {
  if (text === "off") return null;
  const seconds = parseDuration(text);
  if (seconds <= MAX_KEEPALIVE_SECONDS) return seconds;
  throw new FairleadError("request.invalid", `"${text}" is longer than ${MAX_KEEPALIVE_SECONDS}s.`);
}

/** Bytes, from a size such as `512M` or `2G`. */
export function parseMemory(text: string): number {
  const [, number, unit] = /^([0-9]{1,6})([MG])$/.exec(text) ?? [];
  const bytes = Number(number) * UNITS[unit === "G" ? "G" : "M"];
  if (bytes >= MIN_MEMORY) return bytes;
  throw new FairleadError("request.invalid", `"${text}" is not a size such as 512M or 2G, of 16M at least.`);
}

/** Whether traffic is counted and reported. @throws FairleadError `request.invalid` */
export function parseTelemetry(text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new FairleadError("request.invalid", `"${text}" is neither on nor off.`);
}

/** What `--log` adds to the log of a connector. */
export const LOG_TOPICS = ["requests"] as const;
export type LogTopic = (typeof LOG_TOPICS)[number];

export function parseLogTopic(text: string): LogTopic {
  const topic = LOG_TOPICS.find((each) => each === text);
  if (topic !== undefined) return topic;
  throw new FairleadError(
    "request.invalid",
    `"${text}" is not a value of --log, which is ${LOG_TOPICS.join(" or ")}.`,
  );
}
