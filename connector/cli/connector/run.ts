import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import type { FollowedFile } from "../../config/config-reload.ts";
import { type ConfigSource, mergeConfig } from "../../config/connector-config.ts";
import { parseDuration } from "../../config/duration.ts";
import { parseHop } from "../../config/hop-policy.ts";
import { parseDrain, parseKeepAlive, parseLanes, parseMemory } from "../../config/option-values.ts";
import { parseBind, parseExpose, parseListen, parseTo } from "../../config/service-options.ts";
import { command, value, values } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { makeLog } from "../framework/log.ts";
import { logLevel } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";
import { usualState } from "./state.ts";

export const connectorRun = command({
  path: ["connector", "run"],
  summary: "run the connector of a site, in the foreground",
  details:
    "The first start joins a network with a token; later starts need only the state directory. Each further token is one more link. A token that was redeemed before is skipped, so the same options can be given at every start; a token that is refused is logged, and the connector runs without its link. A site that was renamed can be started under its former names. The connector follows the file of --config: it reads the file again when it changes and at SIGHUP, and applies services, scopes, listeners, tokens and the log level without touching a connection. Logs go to standard output: readable on a terminal, JSON lines otherwise or with --json. The connector reaches the edge through HTTPS_PROXY, unless NO_PROXY excludes the edge.",
  options: {
    site: value(
      "--site <NAME>",
      "name of the site; not needed with --state once it has joined, or with a token of `site create`",
      accepting(SiteName),
    ),
    state: value(
      "--state <DIR>",
      "state directory; else FAIRLEAD_STATE, or `fairlead/sites/NAME` in XDG_STATE_HOME or ~/.local/state",
      someText,
    ),
    tokens: values(
      "--token <FILE>",
      "token file to join or link with, in this order; - is standard input",
      someText,
    ),
    config: value(
      "--config <FILE>",
      "YAML file with these options, followed while the connector runs; docs/operations.md describes it",
      someText,
    ),
    expose: values(
      "--expose <NAME=[HOST:]PORT[/PROTOCOL]>",
      "offer a server of this site as a service; the host is 127.0.0.1, the protocol (tcp, http or http2) tcp unless given",
      parseExpose,
    ),
    to: values(
      "--to <NAME=SITE,…>",
      "offer a service of --expose to these sites only, by name or id; without it every site may use the service",
      parseTo,
    ),
    listen: values("--listen <NAME=[HOST:]PORT>", "local address of a service's listener", parseListen),
    bind: value(
      "--bind <ADDRESS|CIDR>",
      "address for listeners, or a range that gives each service an address of its own; 127.0.0.1 unless given",
      parseBind,
    ),
    hop: values(
      "--hop <NAME>",
      "offer this service for hop encryption: less work for both connectors, and the edge can read it",
      parseHop,
    ),
    allowHop: values(
      "--allow-hop <NAME|all>",
      "use this service, or all, with hop encryption where it is offered so: the edge can read it; others are used end-to-end encrypted or not at all",
      parseHop,
    ),
    lanes: value(
      "--lanes <N>",
      "lanes of each session, 1 (the default) to 8; more help where one connection to the edge is the limit",
      parseLanes,
    ),
    sessionTimeout: value(
      "--session-timeout <DURATION>",
      "how long connections wait for a way to the other site before they are reset; 60s unless given",
      parseDuration,
    ),
    drain: value(
      "--drain <DURATION>",
      "how long connections may continue after SIGTERM or Ctrl-C before they are reset; 30s unless given. 0s, or a second signal, resets them at once",
      parseDrain,
    ),
    keepalive: value(
      "--keepalive <DURATION|off>",
      "how long a connection to a client or target here is idle before the kernel probes it; 15s unless given",
      parseKeepAlive,
    ),
    memory: value(
      "--memory <SIZE>",
      "how much memory other sites may make this connector hold, such as 512M or 2G; unless given a quarter of what the machine or container has, 4G at most",
      parseMemory,
    ),
    logLevel: value("--log-level <LEVEL>", "debug, info, warn or error; info unless given", logLevel),
  },
  examples: [
    {
      command: "fairlead connector run --site west --token token.yaml",
      says: "joins as west; services of other sites are reached at 127.0.0.1",
    },
    {
      command: "fairlead connector run --site east --token token.yaml --expose api=127.0.0.1:9000/http",
      says: "joins as east and offers the server on port 9000 as the service api",
    },
    {
      command: "fairlead connector run --site east --expose db=5432 --to db=west,north",
      says: "offers db to the sites west and north only",
    },
    {
      command: "fairlead connector run --site private1 --token public1.yaml --token public2.yaml",
      says: "joins with the first token and links to the issuers of both",
    },
    {
      command: "fairlead connector run --site west --bind 127.2.0.0/16 --listen db=127.0.0.1:5432",
      says: "starts again without a token; each service gets an address, db a fixed one",
    },
    {
      command: "fairlead connector run --state ./west --config west.yaml",
      says: "takes its options from west.yaml, and follows the file",
    },
  ],
  async run(context, input) {
    const { io } = context;
    const file = input.config === undefined ? undefined : await followed(io, input.config, input);
    const config = file === undefined ? mergeConfig({}, input) : await file.parse(file.text);
    const stateDir = config.state ?? (io.env.FAIRLEAD_STATE || (await usualState(io, config.site)));
    if (stateDir === undefined) {
      throw new FairleadError(
        "request.invalid",
        "Give --site NAME, or --state DIR of a site that has joined.",
      );
    }
    const { runConnector } = await import("../../runtime/run.ts");
    const log = await makeLog({ io, output: io.stdout, level: config.logLevel, json: context.json });
    await runConnector({ config, file, stateDir, log, signal: io.untilInterrupted() });
  },
});

/** The file of --config, under the options of the command. @throws FairleadError `request.invalid`. */
async function followed(io: Io, path: string, options: ConfigSource): Promise<FollowedFile> {
  const { parseConfigFile, readConfigFile } = await import("../../config/config-file.ts");
  return {
    path,
    text: await readConfigFile(path),
    read: () => readConfigFile(path),
    parse: async (text) => mergeConfig(await parseConfigFile(text, path), options),
    onHangup: io.onHangup,
  };
}
