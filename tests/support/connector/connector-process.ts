/** Runs a connector with session limits that no option sets: `node connector-process.ts OPTIONS-AS-JSON`. */
import pino from "pino";
import { mergeConfig } from "../../../connector/config/connector-config.ts";
import { parseBind, parseExpose, parseListen } from "../../../connector/config/service-options.ts";
import { LeveledLog } from "../../../connector/log.ts";
import { runConnector } from "../../../connector/runtime/run.ts";

/** Options of the command, and session limits. */
const { stateDir, limits, expose = [], listen = [], bind, ...options } = JSON.parse(process.argv[2] ?? "{}");
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
await runConnector({
  config: mergeConfig(
    {},
    {
      ...options,
      expose: expose.map(parseExpose),
      listen: listen.map(parseListen),
      bind: bind === undefined ? undefined : parseBind(bind),
    },
  ),
  stateDir,
  limits,
  log: new LeveledLog(pino({ level: "debug" }), "debug"),
  signal: stop.signal,
});
