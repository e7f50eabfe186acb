/**
 * A strict stand-in for the edge's API over real HTTPS. The schemas of protocol/api/ validate its requests, and it
 * answers calls of the API only. It keeps the state that the commands need.
 */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import { RevokeAccess } from "../../../protocol/api/access.ts";
import {
  type EventPage,
  headersOf,
  type NetworkEvent,
  NetworkEventQuery,
} from "../../../protocol/api/events.ts";
import { type ApiKey, CreateKey } from "../../../protocol/api/keys.ts";
import type { Link } from "../../../protocol/api/links.ts";
import { CreateNetwork, type Network, Network as NetworkSchema } from "../../../protocol/api/networks.ts";
import { DEFAULT_QUOTAS, type Quotas, SetQuotas } from "../../../protocol/api/quotas.ts";
import type { Service } from "../../../protocol/api/services.ts";
import { CreateSite, type Site, UpdateSite } from "../../../protocol/api/sites.ts";
import { CreateToken, type Token } from "../../../protocol/api/tokens.ts";
import { ERRORS, type ErrorCode, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import { type Certificates, makeCertificates } from "../authority/server-certificates.ts";

export const KEY = "flk_admin_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
const AT = "2026-11-20T10:00:00.000Z";

/** Returns an id of a kind that is the same in every run. */
export const id = (letter: string, number: number) => `${letter}${String(number).padStart(26, "0")}`;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export class FakeEdge {
  readonly networks: Network[] = [];
  readonly keys: ApiKey[] = [];
  readonly tokens: Token[] = [];
  readonly sites: Site[] = [];
  readonly links: Link[] = [];
  readonly services: Service[] = [];
  readonly events: NetworkEvent[] = [];
  /** Events of the edge itself. */
  readonly edgeEvents: NetworkEvent[] = [];
  /** When the event logs began. */
  began = AT;
  quotas: Quotas = DEFAULT_QUOTAS;
  /** Restored texts, by "directory" or the id of a network. */
  readonly restored = new Map<string, string>();
  /** Bearer token that requests must have. */
  bearer = KEY;
  version = "0.1.0";
  /** `METHOD path` of every request, oldest first. */
  readonly log: string[] = [];
  readonly tls: Certificates;
  /** Answers in place of the API when set. */
  override: ((request: Request) => { status: number; text: string } | "hang" | null) | null = null;
  readonly #server: Server;
  #next = 1;

  /** Resets the state to that of the start. */
  clear(): void {
    const { networks, keys, tokens, sites, links, services, events, edgeEvents, log } = this;
    for (const list of [networks, keys, tokens, sites, links, services, events, edgeEvents, log])
      list.length = 0;
    this.restored.clear();
    this.quotas = DEFAULT_QUOTAS;
    this.bearer = KEY;
    this.began = AT;
    this.version = "0.1.0";
    this.override = null;
  }

  private constructor(tls: Certificates) {
    this.tls = tls;
    this.#server = createServer({ key: tls.key, cert: tls.certificate }, (request, response) => {
      const url = new URL(request.url ?? "/", "https://edge");
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => {
        text += chunk;
      });
      request.on("end", () => {
        const { status, body, headers } = this.#answer({
          method: request.method ?? "",
          path: url.pathname,
          query: url.searchParams,
          body: text === "" ? undefined : JSON.parse(text),
          authorization: request.headers.authorization,
        });
        if (status === 0) return;
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
      });
    });
  }

  static async start(tls?: Certificates): Promise<FakeEdge> {
    const edge = new FakeEdge(tls ?? (await makeCertificates()));
    await new Promise<void>((resolve) => edge.#server.listen(0, "127.0.0.1", resolve));
    return edge;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  addNetwork(name: string): Network {
    const network = { id: id("n", this.#next++), name, createdAt: AT };
    this.networks.push(network);
    return network;
  }

  addSite(name: string, state: Site["state"] = "up"): Site {
    const number = this.#next++;
    const site: Site = {
      id: id("s", number),
      name,
      state,
      since: AT,
      createdAt: AT,
      certificateExpiresAt: state === "new" ? null : "2026-11-21T10:00:00.000Z",
      mayOffer: null,
      instances: [{ boot: id("b", number), since: AT, software: "fairlead/0.1.0" }],
      services: ["api"],
      listeners: [],
    };
    this.sites.push(site);
    return site;
  }

  addEvent(event: Omit<NetworkEvent, "id" | "at">, at = AT): void {
    this.events.push({ ...event, id: this.events.length + 1, at });
  }

  addLink(link: Pick<Link, "name" | "joiner" | "issuer"> & Partial<Link>): Link {
    const made: Link = {
      id: id("l", this.#next++),
      cost: 1,
      state: "up",
      since: AT,
      rtt: null,
      createdAt: AT,
      ...link,
    };
    this.links.push(made);
    return made;
  }

  #answer(request: Request): { status: number; body: string; headers?: Record<string, string> } {
    this.log.push(`${request.method} ${request.path}${request.query.size > 0 ? `?${request.query}` : ""}`);
    const special = this.override?.(request);
    if (special === "hang") return { status: 0, body: "" };
    if (special) return { status: special.status, body: special.text };
    try {
      if (request.authorization === undefined) throw new FairleadError("key.missing");
      if (request.authorization !== `Bearer ${this.bearer}`) throw new FairleadError("key.invalid");
      const value = this.#route(request);
      if (value instanceof PageAnswer) {
        return { status: 200, body: JSON.stringify(value.page.events), headers: headersOf(value.page) };
      }
      const status =
        request.method === "POST" && /\/(networks|keys|tokens|sites)$/.test(request.path) ? 201 : 200;
      return { status, body: JSON.stringify(value) };
    } catch (thrown) {
      const error =
        thrown instanceof FairleadError ? thrown : new FairleadError("edge.internal", String(thrown));
      const body = JSON.stringify({ error: toErrorBody(error), requestId: "r1" });
      return { status: ERRORS[error.code].status, body };
    }
  }

  #route({ method, path, query, body }: Request): unknown {
    const [, version, ...rest] = path.split("/").map(decodeURIComponent);
    if (version !== "v1") throw new FairleadError("route.unknown");
    const [top, first, second, third, fourth] = rest;
    if (top === "backup" || top === "restore") return this.#backup(method, null, body);
    if (top === "health" && method === "GET") return { status: "ok", version: this.version };
    if (top === "events" && method === "GET") return choose(this.edgeEvents, query, this.began);
    const is = (wanted: string, length: number) => method === wanted && rest.length === length;
    if (top === "networks") {
      if (is("GET", 1)) return this.networks;
      if (is("POST", 1)) {
        const { name } = read(CreateNetwork, body);
        if (this.networks.some((each) => each.name === name)) throw new FairleadError("network.taken");
        return this.addNetwork(name);
      }
      const network = find(this.networks, first, "network.unknown");
      if (is("DELETE", 2)) return this.#remove(this.networks, network);
      if (second === "backup" || second === "restore") return this.#backup(method, network, body);
      if (is("POST", 3) && second === "revoke-access") return this.#revokeAccess(read(RevokeAccess, body));
      if (is("PATCH", 3) && second === "quotas") {
        this.quotas = { ...this.quotas, ...read(SetQuotas, body) };
        return this.#slice(network, second, query);
      }
      if (is("POST", 3) && second === "sites") return this.#createSite(read(CreateSite, body));
      if (is("GET", 3)) return this.#slice(network, second ?? "", query);
      if (second === "tokens") {
        if (is("POST", 3)) return this.#createToken(read(CreateToken, body));
        if (is("DELETE", 4)) {
          const token = find(this.tokens, third, "token.unknown");
          token.state = "revoked";
          return token;
        }
      }
      if (second === "sites") {
        const site = find(this.sites, third, "site.unknown");
        if (is("GET", 4)) return site;
        if (is("DELETE", 4)) return this.#remove(this.sites, site);
        if (is("PATCH", 4)) {
          const { name, mayOffer } = read(UpdateSite, body);
          if (name !== undefined && this.sites.some((each) => each !== site && each.name === name)) {
            throw new FairleadError("site.name_taken");
          }
          if (name !== undefined) site.name = name;
          if (mayOffer !== undefined) site.mayOffer = mayOffer;
          return site;
        }
        if (is("POST", 5) && fourth === "revoke") {
          site.state = "revoked";
          return site;
        }
      }
      if (second === "links" && is("DELETE", 4)) {
        return this.#remove(this.links, find(this.links, third, "link.unknown"));
      }
    }
    if (top === "keys") {
      if (is("GET", 1)) return this.keys;
      if (is("POST", 1)) {
        const { networks, ...key } = read(CreateKey, body);
        const ids = networks?.map((name) => find(this.networks, name, "network.unknown").id) ?? null;
        const made = { ...key, id: id("k", this.#next++), networks: ids, createdAt: AT, lastUsedAt: null };
        this.keys.push(made);
        return { ...made, key: `flk_${made.id}_secret` };
      }
      if (is("DELETE", 2)) return this.#remove(this.keys, find(this.keys, first, "key.unknown"));
    }
    throw new FairleadError("route.unknown", `${method} ${path}`);
  }

  #slice(network: Network, noun: string, query: URLSearchParams): unknown {
    const { sites, links, services, tokens } = this;
    if (noun === "status") return { network, sites, links, services };
    if (noun === "events") return choose(this.events, query, this.began);
    if (noun === "quotas") {
      const used = { sites: sites.length, services: services.length, tokens: tokens.length, sessions: 0 };
      return { limits: this.quotas, used: { ...used, events: this.events.length, uplinks: 0 } };
    }
    const all: Record<string, unknown> = { sites, links, services, tokens };
    if (noun in all) return all[noun];
    throw new FairleadError("route.unknown");
  }

  #createToken(
    { issuer = "network", uses, expirySeconds }: z.infer<typeof CreateToken>,
    site?: string,
  ): Token & { file: string } {
    if (issuer !== "network") find(this.sites, issuer, "site.unknown");
    const token: Token = {
      id: id("t", this.#next++),
      issuer,
      ...(site === undefined ? {} : { site }),
      uses,
      used: 0,
      state: "good",
      createdAt: AT,
      expiresAt: new Date(Date.parse(AT) + expirySeconds * 1000).toISOString(),
    };
    this.tokens.push(token);
    return { ...token, file: `apiVersion: fairlead/v1\nkind: Token\n# ${token.id}\n` };
  }

  #createSite({ name, mayOffer, expirySeconds }: CreateSite): unknown {
    const known = this.sites.find((site) => site.name === name);
    if (known !== undefined && known.state !== "new") throw new FairleadError("site.name_taken");
    const site = known ?? this.addSite(name, "new");
    Object.assign(site, { mayOffer, instances: [], services: [] });
    for (const token of this.tokens) if (token.site === name) token.state = "revoked";
    return { site, token: this.#createToken({ uses: 1, expirySeconds }, name) };
  }

  #revokeAccess({ issuer, all }: RevokeAccess): unknown {
    const issuers = all ? ["network", ...this.sites.map(({ name }) => name)] : [issuer ?? "network"];
    if (issuer !== undefined && issuer !== "network") find(this.sites, issuer, "site.unknown");
    const tokens = this.tokens.filter((token) => token.state === "good" && issuers.includes(token.issuer));
    for (const token of tokens) token.state = "revoked";
    const links = this.links.filter((link) => issuers.includes(link.issuer));
    return {
      issuers,
      tokens: tokens.map((token) => token.id),
      links: links.map(({ id, name, joiner, issuer }) => ({ id, name, joiner, issuer })),
      sessions: links.length,
    };
  }

  /** Restores a directory and then its networks, as the edge does. It overwrites nothing. */
  #backup(method: string, network: Network | null, body: unknown): unknown {
    if (method === "GET") {
      if (network !== null) return { kind: "fairlead/network", version: 1, network };
      return { kind: "fairlead/directory", version: 1, networks: this.networks, keys: this.keys, events: [] };
    }
    const [place, held] = network === null ? ["directory", this.networks.length] : [network.id, 0];
    if (held > 0 || this.restored.has(place)) throw new FairleadError("backup.not_empty");
    const kind = network === null ? "fairlead/directory" : "fairlead/network";
    const document = z
      .looseObject({ kind: z.literal(kind), networks: z.array(NetworkSchema).optional() })
      .parse(body);
    if (network === null) this.networks.push(...(document.networks ?? []));
    this.restored.set(place, JSON.stringify(body));
    return network ?? this.networks;
  }

  #remove<T>(list: T[], each: T): T {
    list.splice(list.indexOf(each), 1);
    return each;
  }
}

/** An answer with headers of its own. */
class PageAnswer {
  readonly page: EventPage;

  constructor(page: EventPage) {
    this.page = page;
  }
}

/** Selects a page of events by a query. */
function choose(all: readonly NetworkEvent[], query: URLSearchParams, began: string): PageAnswer {
  const { after, before, type, since, site, limit } = read(NetworkEventQuery, Object.fromEntries(query));
  const events = all.filter(
    (each) =>
      each.id > (after ?? 0) &&
      each.id < (before ?? Number.POSITIVE_INFINITY) &&
      (type === undefined || each.type === type || each.type.startsWith(`${type}.`)) &&
      (site === undefined || each.site === site) &&
      (since === undefined || each.at >= since),
  );
  const chosen = after === undefined ? events.slice(-limit) : events.slice(0, limit);
  const newest = all.at(-1)?.id ?? 0;
  return new PageAnswer({ events: chosen, more: events.length > limit, newest, began });
}

/** Parses by a schema. @throws FairleadError request.invalid as the API does */
function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FairleadError("request.invalid", parsed.error.issues[0]?.message);
}

function find<T extends { id: string; name?: string }>(
  list: T[],
  key: string | undefined,
  code: ErrorCode,
): T {
  const found = list.find((each) => each.id === key || each.name === key);
  if (found === undefined) throw new FairleadError(code, `there is no "${key}"`);
  return found;
}
