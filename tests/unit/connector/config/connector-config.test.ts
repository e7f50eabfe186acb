import { describe, expect, it } from "vitest";
import { type ConfigSource, mergeConfig } from "../../../../connector/config/connector-config.ts";
import { parseDnsZone } from "../../../../connector/config/dns-options.ts";
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
import { parseTrustedProxies } from "../../../../connector/config/trusted-proxies.ts";

const FILE: ConfigSource = {
  site: "west",
  tokens: ["token.yaml"],
  expose: [parseExpose("api=9000/http"), parseExpose("db=10.0.0.7:5432")],
  to: [parseTo("db=east")],
  hop: ["db"],
  allowHop: ["all"],
  observe: [parseObserve("db=off"), parseObserve("web=off")],
  listenTls: [parseListenTls("web=c.pem,d.pem"), parseListenTls("db=a.pem,b.pem")],
  health: [parseHealth("api=tcp"), parseHealth("db=tcp")],
  bind: parseBind("127.2.0.0/16"),
  keepalive: 60,
  retry: [parseRetry("api=PUT"), parseRetry("db=DELETE")],
  trustProxies: [parseTrustedProxies("api=10.0.0.9"), parseTrustedProxies("10.1.0.0/16")],
};

describe("mergeConfig", () => {
  it("has a default bind and log level, and nothing else, when nothing is given", () => {
    expect(mergeConfig({}, {})).toEqual({
      tokens: [],
      exposures: [],
      balance: [],
      listen: [],
      bind: { kind: "address", address: "127.0.0.1" },
      hop: [],
      allowHop: [],
      dns: [],
      health: [],
      dnsZones: [],
      dnsAccept: [],
      ingress: [],
      logLevel: { level: "info", parts: {} },
      metrics: null,
      log: [],
      telemetry: true,
      observe: [],
      listenTls: [],
      targetTls: [],
      proxyProtocol: [],
      retry: [],
      trustProxies: [],
    });
  });

  it("puts options before the file: a single value replaces, and lists add up or replace by name", () => {
    const options: ConfigSource = {
      telemetry: false,
      site: "east",
      hop: ["api"],
      tokens: ["other.yaml"],
      expose: [parseExpose("api=9001")],
      to: [parseTo("db=west"), parseTo("api=west")],
      listen: [parseListen("db=15432")],
      health: [parseHealth("api=http:/up"), parseHealth("db:5432=off")],
      logLevel: { level: "warn", parts: {} },
      log: ["requests"],
      observe: [parseObserve("api=off"), parseObserve("db=on")],
      listenTls: [parseListenTls("web=network")],
      targetTls: [],
      proxyProtocol: [],
      retry: [parseRetry("api=off")],
      trustProxies: ["10.2.0.0/16", "::1"].map(parseTrustedProxies),
    };
    expect(mergeConfig(FILE, options)).toEqual({
      site: "east",
      telemetry: false,
      bind: FILE.bind,
      tokens: ["other.yaml", "token.yaml"],
      exposures: [
        { ...parseExpose("db=10.0.0.7:5432"), to: ["west"] },
        { ...parseExpose("api=9001"), to: ["west"] },
      ],
      balance: [],
      listen: [parseListen("db=15432")],
      hop: ["db", "api"],
      allowHop: ["all"],
      health: [parseHealth("db=tcp"), parseHealth("api=http:/up"), parseHealth("db:5432=off")],
      keepalive: 60,
      dns: [],
      dnsZones: [],
      dnsAccept: [],
      ingress: [],
      metrics: null,
      logLevel: { level: "warn", parts: {} },
      log: ["requests"],
      retry: [parseRetry("db=DELETE"), parseRetry("api=off")],
      trustProxies: [
        { name: "api", ranges: ["10.0.0.9"] },
        { name: "*", ranges: ["10.2.0.0/16", "::1"] },
      ],
      observe: [parseObserve("web=off"), parseObserve("api=off"), parseObserve("db=on")],
      listenTls: [parseListenTls("db=a.pem,b.pem"), parseListenTls("web=network")],
      targetTls: [],
      proxyProtocol: [],
    });
  });

  it("takes a default where neither the options nor the file have a value", () => {
    const defaults = { drain: 5 };
    expect(mergeConfig({}, {}, defaults).drain).toBe(5);
    expect(mergeConfig({ drain: 30 }, {}, defaults).drain).toBe(30);
    expect(mergeConfig({ drain: 30 }, { drain: 0 }, defaults).drain).toBe(0);
  });

  it("takes null, which turns the keepalive off, as a value", () => {
    expect(mergeConfig(FILE, { keepalive: null }).keepalive).toBeNull();
    expect(mergeConfig({ keepalive: null }, {}).keepalive).toBeNull();
  });

  it("gives a zone its scope", () => {
    const zones = [parseDnsZone("corp.internal=10.0.0.2"), parseDnsZone("lab.internal=10.0.0.3")];
    const { dnsZones } = mergeConfig({ dnsZones: zones }, { to: [parseTo("Corp.Internal=west,north")] });
    expect(dnsZones.map(({ domain, to }) => [domain, to])).toEqual([
      ["corp.internal", ["west", "north"]],
      ["lab.internal", undefined],
    ]);
  });

  it("refuses a service that one source exposes twice, and a scope for no exposed service", () => {
    const twice = { expose: [parseExpose("api=1"), parseExpose("api=2")] };
    expect(() => mergeConfig(twice, {})).toThrow('"api" is exposed twice.');
    expect(mergeConfig(twice, { expose: [parseExpose("api=3")] }).exposures).toHaveLength(1);
    expect(() => mergeConfig(FILE, { to: [parseTo("web=east")] })).toThrow("a scope needs `expose` for web");
    expect(() => mergeConfig(FILE, { to: [parseTo("x.internal=east")] })).toThrow(
      "a scope needs `dns-zone` for x.internal",
    );
  });

  it("refuses two health checks of a service, or of one of its ports", () => {
    const twice = { health: [parseHealth("api:1=tcp"), parseHealth("api=tcp"), parseHealth("api:1=off")] };
    expect(() => mergeConfig(twice, {})).toThrow('"api:1" has two health checks.');
  });

  it("serves metrics where the nearest source says, and nowhere if that says off", () => {
    const [near, far] = ["127.0.0.1:9464", "*:9464"].map(parseMetricsAddress);
    expect(mergeConfig({ metrics: far }, { metrics: near }).metrics).toEqual(near);
    expect(mergeConfig({}, {}, { metrics: far }).metrics).toEqual(far);
    expect(mergeConfig({ metrics: null }, {}, { metrics: far }).metrics).toBeNull();
  });
});
