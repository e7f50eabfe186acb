/** A connector with settings that the command does not have: `node connector-process.ts OPTIONS-AS-JSON`. */
import pino from "pino";
import { runConnector } from "../../../connector/runtime/run.ts";

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
await runConnector({
  tokens: [],
  expose: [],
  listen: [],
  ...JSON.parse(process.argv[2] ?? "{}"),
  log: pino({ level: "debug" }),
  signal: stop.signal,
});
