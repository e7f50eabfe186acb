import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { command, value, valueOr, values } from "../framework/definition.ts";
import { parseDuration } from "../framework/duration.ts";
import { makeLog } from "../framework/log.ts";
import { logLevel } from "../framework/options.ts";
import { accepting, someText } from "../framework/values.ts";
import {
  allowHopText,
  bindText,
  exposeText,
  hopText,
  listenText,
  mergeConfig,
  parseDrain,
  parseKeepAlive,
  parseLanes,
  parseMemory,
  readConfig,
  toText,
} from "./config.ts";
import { usualState } from "./state.ts";

export const connectorRun = command({
  path: ["connector", "run"],
  summary: "run the connector of a site, in the foreground",
  details:
    "The first start joins a network with a token; later ones need only the state directory. Each further token is one more link; one that was redeemed before is skipped, so the same options can be given at every start, and one that is refused is logged and costs nothing else. A site that was renamed can be started under its former names. Logs go to standard output: readable on a terminal, JSON lines otherwise or with --json. The connector reaches the edge through HTTPS_PROXY, where that is set and NO_PROXY does not say otherwise.",
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
      "YAML file with these options: site, state, token, expose, to, listen, bind, hop, allow-hop, lanes, session-timeout, drain, keepalive, memory",
      someText,
    ),
    expose: values(
      "--expose <NAME=[HOST:]PORT[/PROTOCOL]>",
      "offer a server of this site as a service; the host is 127.0.0.1, the protocol (tcp, http or http2) tcp unless given",
      exposeText,
    ),
    to: values(
      "--to <NAME=SITE,…>",
      "offer a service of --expose to these sites only, by name or id; without it every site may use the service",
      toText,
    ),
    listen: values("--listen <NAME=[HOST:]PORT>", "where a service is reached at this site", listenText),
    bind: value(
      "--bind <ADDRESS|CIDR>",
      "address for listeners, or a range that gives each service an address of its own",
      bindText,
    ),
    hop: values(
      "--hop <NAME>",
      "offer this service for hop encryption: less work for both connectors, and the edge can read it",
      hopText,
    ),
    allowHop: values(
      "--allow-hop <NAME|all>",
      "use this service, or all, with hop encryption where it is offered so: the edge can read it; others are used end-to-end encrypted or not at all",
      allowHopText,
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
      "how long connections may go on after SIGTERM or Ctrl-C before they are reset; 30s unless given, 0s ends them at once, and so does a second signal",
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
    logLevel: valueOr("--log-level <LEVEL>", "debug, info, warn or error", logLevel, "info", "info"),
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
  ],
  async run(context, input) {
    const { io } = context;
    const file =
      input.config === undefined ? { tokens: [], expose: [], listen: [] } : await readConfig(input.config);
    const config = mergeConfig(file, input);
    const stateDir = config.state ?? (io.env.FAIRLEAD_STATE || (await usualState(io, config.site)));
    if (stateDir === undefined) {
      throw new FairleadError(
        "request.invalid",
        "give --site NAME, or --state DIR of a site that has joined",
      );
    }
    const { runConnector } = await import("../../runtime/run.ts");
    const log = await makeLog({ io, output: io.stdout, level: input.logLevel, json: context.json });
    await runConnector({
      site: config.site,
      stateDir,
      tokens: config.tokens,
      expose: config.expose,
      to: config.to ?? [],
      listen: config.listen,
      hop: config.hop ?? [],
      allowHop: config.allowHop ?? [],
      ...(config.bind === undefined ? {} : { bind: config.bind }),
      sessions: {
        ...(config.lanes === undefined ? {} : { lanes: config.lanes }),
        ...(config.sessionTimeout === undefined ? {} : { sessionTimeoutMs: config.sessionTimeout * 1000 }),
      },
      ...(config.drain === undefined ? {} : { drainMs: config.drain * 1000 }),
      ...(config.keepalive === undefined
        ? {}
        : { keepAliveMs: config.keepalive === null ? null : config.keepalive * 1000 }),
      ...(config.memory === undefined ? {} : { memory: config.memory }),
      log,
      signal: io.untilInterrupted(),
    });
  },
});
