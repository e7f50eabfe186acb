/**
 * Serves the built console with a network that does not exist:
 * `node tests/support/console-stand-in/main.ts [--port 8790] [--sites 12] [--changes 1] [--role admin|operator|viewer|none] [--mode
 * internal|oidc|unsecured] [--whole] [--extreme]`.
 */
import { parseArgs } from "node:util";
import { ConsoleMode } from "../../../protocol/api/console.ts";
import { Role } from "../../../protocol/api/keys.ts";
import { ConsoleStandIn } from "./stand-in.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8790" },
    sites: { type: "string", default: "12" },
    changes: { type: "string", default: "1" },
    role: { type: "string", default: "admin" },
    mode: { type: "string", default: "internal" },
    whole: { type: "boolean", default: false },
    extreme: { type: "boolean", default: false },
  },
});
const standIn = await ConsoleStandIn.start({
  port: Number(values.port),
  sites: Number(values.sites),
  changes: Number(values.changes),
  role: values.role === "none" ? null : Role.parse(values.role),
  mode: ConsoleMode.parse(values.mode),
  broken: !values.whole,
  extreme: values.extreme,
});
console.log(standIn.url);
