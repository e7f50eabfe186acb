/** A network that changes by itself, for pages of the console at sizes that no test can start. */
import * as z from "zod";
import type { NetworkEvent } from "../../../protocol/api/events.ts";
import type { Link } from "../../../protocol/api/links.ts";
import type { LiveStatus, SilentSite } from "../../../protocol/api/live.ts";
import type { Service } from "../../../protocol/api/services.ts";
import type { Site } from "../../../protocol/api/sites.ts";
import { NetworkStatus } from "../../../protocol/api/status.ts";
import { Token } from "../../../protocol/api/tokens.ts";
import type { Traffic, TrafficGroup, TrafficPoint } from "../../../protocol/api/traffic.ts";
import { encodeBase32 } from "../../../protocol/encoding.ts";
import type { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";

/** What a network is made with. */
export interface StandInOptions {
  readonly sites: number;
  /** Whether something is broken. */
  readonly broken: boolean;
  /** Whether names are as long as they may be, and every state occurs. */
  readonly extreme?: boolean;
  /** The time of its start, ms since 1970. */
  readonly now: number;
}

const MINUTE = 60_000;
const PLACES = ["berlin", "dublin", "lyon", "osaka", "oslo", "quito", "tunis", "turin", "lagos", "porto"];
const SERVICES = ["orders", "postgres", "search", "payments", "metrics", "mail", "auth", "cache"];
/** How busy services are, in turn. */
const SCALES = [4, 1, 0.2, 12, 0.05];
const PROCESSES = ["web/node", "worker/python3", "10.0.4.17", "api-7f9c"];

/** The first sites listen for the first services. */
const LISTENING_SITES = 40;
const LISTENED_SERVICES = 12;

/** Random numbers from 0 to 1 that are the same at each start. */
function random(): () => number {
  let state = 7;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

type Delta = Extract<LiveStatus, { type: "delta" }>;
/** A change, without its number. */
export type Change = Omit<Delta, "type" | "seq" | "at">;

export class StandInNetwork {
  readonly name = "prod";
  readonly id: string;
  sites: Site[] = [];
  links: Link[] = [];
  services: Service[] = [];
  events: NetworkEvent[] = [];
  tokens: Token[] = [];
  silent: SilentSite[] = [];
  /** Names of sites that {@link change} neither takes down nor brings up. */
  readonly steady = new Set<string>();
  readonly #random = random();
  readonly #started: number;
  #ids = 0;

  constructor({ sites, broken, extreme = false, now }: StandInOptions) {
    this.#started = now;
    this.id = this.#newId("n");
    for (let index = 0; index < sites; index += 1) this.sites.push(this.#site(index, now));
    for (const [index, site] of this.sites.entries()) {
      if (index > 0)
        this.links.push(this.#link(site, this.sites[index % 7 === 0 ? 0 : index >> 1] ?? site, now));
    }
    const services = Math.max(sites > 0 ? 2 : 0, Math.round(sites / 3));
    for (let index = 0; index < services; index += 1) this.#addService(index);
    this.tokens.push(this.#token("good", now), this.#token("used_up", now), this.#token("expired", now));
    if (broken && sites > 2) this.#breakSomething(now);
    if (extreme) this.#addExtremes(now);
    for (const site of this.sites.slice(0, 12)) {
      if (site.state === "up")
        this.#event(
          now - 40 * MINUTE + this.events.length * MINUTE,
          "site.up",
          `Site ${site.name} is up.`,
          site.name,
        );
    }
    this.events.sort((a, b) => a.at.localeCompare(b.at));
    this.events.forEach((event, index) => {
      this.events[index] = { ...event, id: index + 1 };
    });
  }

  status(): NetworkStatus {
    return NetworkStatus.parse({
      network: { id: this.id, name: this.name, createdAt: iso(this.#started - 30 * 24 * 60 * MINUTE) },
      sites: this.sites,
      links: this.links,
      services: this.services,
    });
  }

  /** Changes something small: the round trip of a link, or now and then the state of a site. */
  change(now: number): Change {
    const site = this.#pick(this.sites.filter(({ name }) => !this.steady.has(name)));
    const down = this.sites.filter(({ state }) => state === "down").length;
    if (site?.state === "down" && this.#random() < 0.5) return this.setSite(site.name, true, now);
    if (site?.state === "up" && down <= this.sites.length / 20 && this.#random() < 0.1)
      return this.setSite(site.name, false, now);
    const link = this.#pick(this.links);
    if (link === undefined) return {};
    const next = { ...link, rtt: Math.round((2 + this.#random() * 90) * 10) / 10 };
    this.links = this.links.map((each) => (each.id === next.id ? next : each));
    return { links: { put: [next], gone: [] } };
  }

  /** Takes a site down or up. */
  setSite(name: string, isUp: boolean, now: number): Change {
    const found = this.sites.find((each) => each.name === name);
    if (found === undefined) return {};
    const site: Site = {
      ...found,
      state: isUp ? "up" : "down",
      since: iso(now),
      instances: isUp
        ? [{ boot: this.#newId("b"), since: iso(now), software: "fairlead/0.1.0", rtt: 8 }]
        : [],
    };
    this.sites = this.sites.map((each) => (each.id === site.id ? site : each));
    const links = this.links
      .filter(({ joiner, issuer }) => joiner === name || issuer === name)
      .map(
        (link): Link => ({
          ...link,
          state: isUp ? "up" : "down",
          since: iso(now),
          ...(isUp ? { code: undefined } : { code: "uplink.lost" }),
        }),
      );
    const changed = new Map(links.map((link) => [link.id, link]));
    this.links = this.links.map((each) => changed.get(each.id) ?? each);
    const services = this.services
      .filter((service) => service.sites.some((each) => each.name === name))
      .map((service) => ({
        ...service,
        sites: service.sites.map((each) =>
          each.name === name ? { ...each, state: isUp ? ("up" as const) : ("down" as const) } : each,
        ),
      }));
    const put = new Map(services.map((service) => [service.name, service]));
    this.services = this.services.map((each) => put.get(each.name) ?? each);
    const event = this.#event(
      now,
      isUp ? "site.up" : "site.down",
      isUp ? `Site ${name} is up.` : `Site ${name} is down: its uplink was lost.`,
      name,
      isUp ? undefined : "uplink.lost",
    );
    return {
      sites: { put: [site], gone: [] },
      links: { put: links, gone: [] },
      services: { put: services, gone: [] },
      events: [event],
    };
  }

  addToken(uses: number, seconds: number, now: number): Token {
    const token = { ...this.#token("good", now), uses, expiresAt: iso(now + seconds * 1000) };
    this.tokens = [...this.tokens, token];
    return token;
  }

  revokeToken(id: string): void {
    this.tokens = this.tokens.map((token) => (token.id === id ? { ...token, state: "revoked" } : token));
  }

  /** @param by labels that split the groups further, as a query names them */
  traffic(
    windowSeconds: number,
    stepSeconds: number,
    now: number,
    by: ReadonlySet<string> = new Set(),
  ): Traffic {
    const steps = Math.ceil(windowSeconds / stepSeconds);
    const from = Math.floor(now / 1000 / stepSeconds) * stepSeconds * 1000 - (steps - 1) * stepSeconds * 1000;
    return {
      at: iso(now),
      from: iso(from),
      stepSeconds,
      since: iso(this.#started - 3 * 24 * 60 * MINUTE),
      groups: this.#pairs().flatMap((pair) => {
        const parts = split(pair, by);
        const isUp = this.#isUp(pair.to?.name);
        if (!this.#isUp(pair.from?.name)) return [];
        const { opened, closed, requests, ...others } = pair.totals;
        const since = Math.round((now - this.#started) / 1000);
        const grown = { opened: opened + since, closed: closed + since, requests: requests + since };
        return parts.map(({ part, share }) => ({
          ...part,
          totals: { ...others, ...grown },
          points: Array.from({ length: steps }, (_, step) =>
            this.#point(
              part,
              share,
              isUp,
              step < steps - 1 ? stepSeconds : (now - from) / 1000 - step * stepSeconds,
            ),
          ),
        }));
      }),
      reporters: this.sites
        .filter(({ state }) => state === "up")
        .slice(0, 40)
        .map(({ id, name }) => ({ site: { id, name }, ageMs: Math.round(this.#random() * 4000) })),
    };
  }

  record(now: number): SiteFlowRecord | null {
    const pair = this.#pick(this.#pairs());
    if (pair === undefined || pair.from === null || pair.to === null) return null;
    if (!this.#isUp(pair.from.name)) return null;
    const isDown = !this.#isUp(pair.to.name);
    const failed = isDown || this.#random() < 0.04;
    const ms = Math.round(this.#random() ** 4 * 900 * 10) / 10 + 0.4;
    const isRequest = pair.protocol === "http1";
    return {
      kind: isRequest ? "request" : "stream",
      state: "ended",
      at: now - Math.round(ms),
      side: "listener",
      service: pair.service,
      protocol: pair.protocol ?? "tcp",
      peer: { site: pair.to.id, name: pair.to.name },
      client: "10.0.4.17:51514",
      process: this.#pick(PROCESSES) ?? null,
      target: null,
      session: this.#newId("x"),
      stream: Math.round(this.#random() * 4000),
      bytesToTarget: isDown ? 0 : Math.round(this.#random() * 4000),
      bytesToClient: isDown ? 0 : Math.round(this.#random() * 90_000),
      ms,
      firstByteMs: isDown ? null : ms * 0.8,
      outcome: isDown ? "service.unavailable" : failed ? "target.refused" : "completed",
      ...(isRequest
        ? {
            method: this.#pick(["GET", "GET", "POST", "PUT"]) ?? "GET",
            authority: `${pair.service}.prod.internal`,
            path: `/v2/items/${Math.round(this.#random() * 10_000)}`,
            status: isDown ? 503 : failed ? 502 : 200,
          }
        : {}),
      site: { site: pair.from.id, name: pair.from.name },
    };
  }

  #pairs(): Omit<TrafficGroup, "points">[] {
    return this.services.slice(0, 40).flatMap((service, index) => {
      const [target] = service.sites;
      const to = this.sites.find(({ name }) => name === target?.name);
      const callers = [
        this.sites[(index * 3 + 1) % this.sites.length],
        this.sites[(index * 5 + 2) % this.sites.length],
      ];
      if (to === undefined) return [];
      return [...new Set(callers)].flatMap((from, place) =>
        from === undefined || from === to
          ? []
          : [
              {
                from: { id: from.id, name: from.name },
                to: { id: to.id, name: to.name },
                service: service.name,
                protocol: service.protocol === "http" ? ("http1" as const) : ("tcp" as const),
                process: null,
                target: null,
                method: null,
                code: null,
                totals: {
                  opened: 4100 * (index + 1) + place,
                  closed: 4080 * (index + 1),
                  failed: 12 * index,
                  requests: service.protocol === "http" ? 90_000 * (index + 1) : 0,
                  requestsFailed: 30 * index,
                  bytesToTarget: 2_000_000 * (index + 1),
                  bytesToClient: 86_000_000 * (index + 1),
                  latency: [
                    [8, 400],
                    [10, 900],
                    [13, 120],
                    [18, 9],
                  ] as [number, number][],
                },
              },
            ],
      );
    });
  }

  #isUp(name: string | undefined): boolean {
    return this.sites.find((site) => site.name === name)?.state === "up";
  }

  #point(
    { service, protocol, code }: Omit<TrafficGroup, "points">,
    share: number,
    isUp: boolean,
    seconds: number,
  ): TrafficPoint | null {
    if (this.#random() < 0.01) return null;
    const index = this.services.findIndex(({ name }) => name === service);
    const rate = (20 + this.#random() * 15) * (SCALES[index % SCALES.length] ?? 1) * share;
    const isHttp = protocol === "http1";
    const opened = Math.max(1, Math.round(seconds * rate * (isHttp ? 0.1 : 0.4)));
    if (!isUp) return { opened, closed: opened, failed: opened };
    const requests = Math.max(1, Math.round(rate * seconds));
    const ended = isHttp ? requests : opened;
    return {
      opened,
      closed: opened,
      ...(isHttp ? { requests } : {}),
      ...(isHttp && code === "5xx" ? { requestsFailed: requests } : {}),
      bytesToTarget: Math.round(rate * 600 * seconds),
      bytesToClient: Math.round(rate * 14_000 * seconds),
      latency: [
        [9, Math.ceil(ended * 0.6)],
        [12, Math.ceil(ended * 0.38)],
        [17, Math.ceil(ended * 0.02)],
      ],
    };
  }

  #site(index: number, now: number): Site {
    const place = PLACES[index % PLACES.length] ?? "site";
    const name = index < PLACES.length ? place : `${place}-${Math.floor(index / PLACES.length)}`;
    const since = iso(now - (index + 1) * 7 * MINUTE);
    return {
      id: this.#newId("s"),
      name,
      state: "up",
      since,
      createdAt: iso(now - 20 * 24 * 60 * MINUTE),
      certificateExpiresAt: iso(now + (10 + (index % 9)) * 60 * MINUTE),
      mayOffer: index % 5 === 0 ? ["orders*", "search"] : null,
      instances: [
        { boot: this.#newId("b"), since, software: "fairlead/0.1.0", rtt: 4 + index },
        ...(index % 4 === 0
          ? [{ boot: this.#newId("b"), since, software: "fairlead/0.1.0", rtt: 5 + index }]
          : []),
      ],
      services: [],
      listeners: [],
    };
  }

  #link(joiner: Site, issuer: Site, now: number): Link {
    return {
      id: this.#newId("l"),
      name: "link1",
      joiner: joiner.name,
      issuer: issuer.name,
      cost: 1 + (this.links.length % 3),
      state: "up",
      since: iso(now - 50 * MINUTE),
      rtt: Math.round((2 + this.#random() * 60) * 10) / 10,
      createdAt: iso(now - 20 * 24 * 60 * MINUTE),
    };
  }

  #addService(index: number): void {
    const word = SERVICES[index % SERVICES.length] ?? "service";
    const name = index < SERVICES.length ? word : `${word}-${Math.floor(index / SERVICES.length)}`;
    const at = [this.sites[index % this.sites.length], this.sites[(index * 2 + 1) % this.sites.length]];
    const offering = [...new Set(at)].filter((site) => site !== undefined).slice(0, index % 3 === 0 ? 2 : 1);
    const isHttp = index % 2 === 0;
    const service: Service = {
      name,
      protocol: isHttp ? "http" : "tcp",
      port: isHttp ? 8080 : 5432,
      ports: [{ port: isHttp ? 8080 : 5432, protocol: isHttp ? "http" : "tcp" }],
      balance: { mode: "cost", isSet: false },
      sites: offering.map((site) => ({ name: site.name, state: "up" })),
    };
    this.services.push(service);
    for (const site of offering) site.services.push(name);
    for (const site of this.sites.slice(0, LISTENING_SITES)) {
      if (offering.includes(site) || index >= LISTENED_SERVICES) continue;
      site.listeners.push({ service: name, address: `127.0.0.1:${10_000 + index}`, state: "listening" });
    }
  }

  #token(state: Token["state"], now: number): Token {
    return Token.parse({
      id: this.#newId("t"),
      issuer: "network",
      uses: 1,
      used: state === "used_up" ? 1 : 0,
      state,
      createdAt: iso(now - 3 * 60 * MINUTE),
      expiresAt: iso(state === "good" ? now + 12 * MINUTE : now - 60 * MINUTE),
    });
  }

  #breakSomething(now: number): void {
    const [, second, third] = this.sites;
    if (second === undefined || third === undefined) return;
    this.setSite(second.name, false, now - 9 * MINUTE);
    third.listeners = third.listeners.filter(
      ({ service }) => service !== (this.services[0]?.name ?? "orders"),
    );
    third.listeners.push({
      service: this.services[0]?.name ?? "orders",
      address: "127.0.0.1:8080",
      state: "failed",
      code: "listener.port_taken",
      message: "Another program listens at 127.0.0.1:8080.",
    });
    const site = this.sites[3];
    const boot = site?.instances[0]?.boot;
    if (site !== undefined && boot !== undefined)
      this.silent = [{ site: site.id, boot, heardAt: iso(now - 27_000) }];
  }

  /** A site in each state that others lack, with names of 63 characters. */
  #addExtremes(now: number): void {
    const long = (name: string) => `${name}-`.repeat(20).slice(0, 62).concat("x");
    const made = this.sites.length;
    const [stopped, created, revoked, full] = [made, made + 1, made + 2, made + 3].map((index) =>
      this.#site(index, now),
    );
    if (stopped === undefined || created === undefined || revoked === undefined || full === undefined) return;
    const services = Array.from({ length: 9 }, (_, index) => `${long("warehouse").slice(0, 60)}${index}`);
    this.sites.push(
      { ...stopped, name: "stopped", state: "down", stopped: true, instances: [] },
      { ...created, name: "created", state: "new", certificateExpiresAt: null, instances: [] },
      { ...revoked, name: "revoked", state: "revoked", instances: [] },
      {
        ...full,
        name: long("factory-floor"),
        services,
        mayOffer: ["warehouse*"],
        refused: [
          {
            name: "telemetry",
            code: "offer.not_permitted",
            message: "The site may offer no service of this name.",
          },
        ],
        listeners: [
          { service: services[0] ?? "orders", address: "[fd00:1234:5678:9abc::1]:10001", state: "listening" },
          {
            service: "orders",
            address: "127.0.0.1:80",
            state: "failed",
            code: "listener.not_permitted",
            message: "Only root may listen at a port below 1024.",
          },
        ],
      },
    );
    for (const name of services) {
      this.services.push({
        name,
        protocol: "tcp",
        port: 5432,
        ports: [{ port: 5432, protocol: "tcp" }],
        balance: { mode: "weighted", isSet: true },
        sites: [{ name: long("factory-floor"), state: "up" }],
      });
    }
    this.links.push({
      ...this.#link(full, stopped, now),
      name: long("backup"),
      joiner: long("factory-floor"),
      issuer: "network",
    });
    this.links.push({
      ...this.#link(stopped, full, now),
      joiner: "stopped",
      issuer: long("factory-floor"),
      state: "down",
      code: "uplink.stopped",
      rtt: null,
    });
    this.tokens.push({ ...this.#token("good", now), issuer: long("factory-floor"), uses: 10_000 });
    this.#event(now - MINUTE, "site.up", `Site ${long("factory-floor")} is up.`, long("factory-floor"));
  }

  #event(at: number, type: NetworkEvent["type"], text: string, site: string, code?: string): NetworkEvent {
    const id = (this.events.at(-1)?.id ?? 0) + 1;
    const event: NetworkEvent = {
      id,
      at: iso(at),
      type,
      site,
      text,
      actor: site,
      ...(code === undefined ? {} : { code }),
    };
    this.events.push(event);
    return event;
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }

  #newId(letter: string): string {
    this.#ids += 1;
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(12, this.#ids);
    for (let index = 0; index < 12; index += 1) bytes[index] = Math.floor(this.#random() * 256);
    return letter + encodeBase32(bytes);
  }
}

type Pair = Omit<TrafficGroup, "points">;

/** A pair split by the labels of a query, each with its share of the whole. */
function split(pair: Pair, by: ReadonlySet<string>): { part: Pair; share: number }[] {
  const process = by.has("process") ? (PROCESSES[pair.service.length % PROCESSES.length] ?? null) : null;
  const target = by.has("target") ? `10.4.${pair.service.length}.8:8080` : null;
  const part = { ...pair, process, target };
  if (pair.protocol !== "http1" || !by.has("method")) return [{ part, share: 1 }];
  return [
    { part: { ...part, method: "GET", code: "2xx" }, share: 0.8 },
    { part: { ...part, method: "POST", code: "2xx" }, share: 0.19 },
    { part: { ...part, method: "GET", code: "5xx" }, share: 0.01 },
  ];
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Lists that the API answers with. */
export const Tokens = z.array(Token);
