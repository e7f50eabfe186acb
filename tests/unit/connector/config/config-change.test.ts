import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  configTransition,
  describeChange,
  FIXED_FIELDS,
} from "../../../../connector/config/config-change.ts";
import { type ConfigSource, mergeConfig } from "../../../../connector/config/connector-config.ts";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import { parseListenTls } from "../../../../connector/config/listener-tls-options.ts";
import { parseMetricsAddress } from "../../../../connector/config/metrics-address.ts";
import { parseRetry } from "../../../../connector/config/retry-policy.ts";
import { parseObserve } from "../../../../connector/config/service-observation.ts";
import {
  parseBind,
  parseExpose,
  parseListen,
  parseTo,
} from "../../../../connector/config/service-options.ts";
import { parseProxyProtocol, parseTargetTls } from "../../../../connector/config/target-options.ts";
import { parseTrustedProxies } from "../../../../connector/config/trusted-proxies.ts";
import { parseConnectorLogLevels } from "../../../../connector/log-levels.ts";
import { configSchema } from "../../../../scripts/config-schema.ts";

const config = (source: ConfigSource) => mergeConfig({}, source);
const change = (before: ConfigSource, after: ConfigSource) =>
  configTransition(config(before), config(after)).change;
const described = (before: ConfigSource, after: ConfigSource) => describeChange(change(before, after));

const api = parseExpose("api=80");

describe("configTransition", () => {
  it("finds exposures that are added and removed", () => {
    expect(described({ expose: [api] }, { expose: [parseExpose("db=5432"), parseExpose("a=1")] })).toEqual({
      exposures: { added: ["a", "db"], removed: ["api"] },
    });
  });

  it.each([
    ["port", "api=81", undefined],
    ["host", "api=10.0.0.1:80", undefined],
    ["protocol", "api=80/http", undefined],
    ["scope", "api=80", "api=east"],
  ])("finds an exposure with another %s", (_what, expose, to) => {
    const after = { expose: [parseExpose(expose)], to: to === undefined ? [] : [parseTo(to)] };
    expect(described({ expose: [api] }, after)).toEqual({ exposures: { changed: ["api"] } });
  });

  it("takes the sites of a scope in any order", () => {
    const scoped = (to: string) => ({ expose: [api], to: [parseTo(to)] });
    expect(described(scoped("api=east,west"), scoped("api=west,east"))).toEqual({});
  });

  it("finds listeners at other addresses, and another bind", () => {
    expect(
      described(
        { listen: [parseListen("api=80"), parseListen("db=5432")] },
        {
          listen: [parseListen("api=127.0.0.5:80"), parseListen("web=443")],
          bind: parseBind("127.2.0.0/16"),
        },
      ),
    ).toEqual({ listeners: { added: ["web"], removed: ["db"], changed: ["api"] }, bind: true });
    expect(described({ bind: parseBind("127.2.0.1/16") }, { bind: parseBind("127.2.0.0/16") })).toEqual({});
  });

  it("finds services that are offered or used with hop encryption", () => {
    expect(described({ hop: ["a"], allowHop: ["all"] }, { hop: ["b"], allowHop: [] })).toEqual({
      hop: { added: ["b"], removed: ["a"] },
      allowHop: { removed: ["all"] },
    });
  });

  it("finds listeners with another certificate", () => {
    const tls = (...texts: string[]) => ({ listenTls: texts.map(parseListenTls) });
    expect(described(tls("a=network", "b=x,y", "c=x,y"), tls("a=x,y", "b=x,y", "d=network"))).toEqual({
      listenTls: { added: ["d"], removed: ["c"], changed: ["a"] },
    });
  });

  it("names the services whose trusted proxies differ", () => {
    const before = { trustProxies: ["api=10.0.0.1", "10.0.0.0/8"].map(parseTrustedProxies) };
    const after = { trustProxies: ["api=10.0.0.2", "10.0.0.0/8"].map(parseTrustedProxies) };
    expect(described(before, after)).toEqual({ trustProxies: { changed: ["api"] } });
  });

  it("finds services whose requests may be sent again in another way", () => {
    const before = { retry: [parseRetry("api=PUT"), parseRetry("db=off")] };
    const after = { retry: [parseRetry("api=DELETE"), parseRetry("web=off")] };
    expect(described(before, after)).toEqual({
      retry: { added: ["web"], removed: ["db"], changed: ["api"] },
    });
  });

  it("finds that traffic is counted no longer", () => {
    expect(described({}, { telemetry: false })).toEqual({ telemetry: true });
    expect(described({}, { telemetry: true })).toEqual({});
  });

  it("finds services that are observed or no longer", () => {
    const before = { observe: [parseObserve("api=on"), parseObserve("db=off")] };
    const after = { observe: [parseObserve("api=off"), parseObserve("web=off")] };
    expect(described(before, after)).toEqual({
      observe: { added: ["web"], removed: ["db"], changed: ["api"] },
    });
  });

  it("finds health checks of services and of ports that are new, changed or gone", () => {
    const checks = (...texts: string[]) => ({ health: texts.map(parseHealth) });
    expect(described(checks("a=tcp", "b=tcp", "c:1=tcp"), checks("a=tcp", "b=grpc", "c:2=tcp"))).toEqual({
      health: { added: ["c:2"], removed: ["c:1"], changed: ["b"] },
    });
  });

  it("finds connections to targets that begin in another way", () => {
    const tls = (text: string) => ({ targetTls: [parseTargetTls(text)] });
    expect(described(tls("api=on"), tls("api=on"))).toEqual({});
    expect(described(tls("api=on"), tls("api=insecure"))).toEqual({ targetConnections: true });
    expect(described({}, { proxyProtocol: [parseProxyProtocol("api=v1")] })).toEqual({
      targetConnections: true,
    });
  });

  it("finds another log level, a log of requests, an address of metrics, another drain time and tokens that were added", () => {
    const metrics = parseMetricsAddress("127.0.0.1:9464");
    const after: ConfigSource = {
      ...{
        tokens: ["b", "a"],
        logLevel: parseConnectorLogLevels("info,session=debug"),
        log: ["requests"],
        drain: 5,
        metrics,
      },
    };
    expect(described({ tokens: ["a"] }, after)).toEqual({
      tokens: ["b"],
      logLevel: true,
      requestLog: true,
      metrics: true,
      drain: true,
    });
  });

  it.each([
    ["site", { site: "east" }],
    ["state", { state: "/elsewhere" }],
    ["lanes", { lanes: 2 }],
    ["session-timeout", { sessionTimeout: 5 }],
    ["keepalive", { keepalive: null }],
    ["memory", { memory: 1 }],
  ])("keeps %s, and says so", (field, source: ConfigSource) => {
    const running = config({ site: "west", expose: [api] });
    const { change, next } = configTransition(running, config({ site: "west", ...source }));
    expect(change.fixed).toEqual([field]);
    expect(next).toEqual({ ...running, exposures: [] });
    expect(describeChange(change)).toEqual({ exposures: { removed: ["api"] } });
  });

  it("keeps saying what a restart is needed for until the file has the running value again", () => {
    const running = config({ lanes: 1 });
    const first = configTransition(running, config({ lanes: 2 }));
    expect(configTransition(first.next, config({ lanes: 2 })).change.fixed).toEqual(["lanes"]);
    expect(configTransition(first.next, config({ lanes: 1 })).change.fixed).toEqual([]);
  });

  it("reaches the wanted configuration in one step, apart from the fixed fields", () => {
    const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"));
    const source = fc.record(
      {
        expose: names.map((list) => list.map((name) => parseExpose(`${name}=80`))),
        listen: names.map((list) => list.map((name) => parseListen(`${name}=90`))),
        hop: names,
        health: names.map((list) => list.map((name) => parseHealth(`${name}=tcp`))),
        logLevel: fc.constantFrom(...["debug", "info", "info,dns=warn"].map(parseConnectorLogLevels)),
        bind: fc.constantFrom(parseBind("127.0.0.2"), parseBind("127.3.0.0/16")),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(source, source, (before, after) => {
        const { next } = configTransition(config(before), config(after));
        expect(next).toEqual(config(after));
        const again = configTransition(next, config(after)).change;
        expect(describeChange(again)).toEqual({});
        expect(again.fixed).toEqual([]);
      }),
    );
  });
});

describe("FIXED_FIELDS", () => {
  it("are the fields whose description says that they take effect at the next start", () => {
    const { properties } = JSON.parse(configSchema());
    const fixed = Object.keys(properties).filter((field) =>
      properties[field].description.endsWith("Takes effect at the next start."),
    );
    expect(fixed.sort()).toEqual([...FIXED_FIELDS].sort());
  });
});
