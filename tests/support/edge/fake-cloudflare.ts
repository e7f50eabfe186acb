/**
 * A strict stand-in for the calls of Cloudflare's API that `edge deploy` makes. Schemas check method, path, query,
 * authorization and body. It refuses unknown calls as the API does.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";

export const TOKEN = "a-token-of-Cloudflare_0123456789";
export const ACCOUNT = "0123456789abcdef0123456789abcdef";
const ZONE_ID = /^[0-9a-f]{32}$/;

export interface FakeZone {
  readonly id: string;
  readonly name: string;
  status: "active" | "pending";
  account: string;
  /** Hostnames for which client certificates are on. */
  hostnames: string[];
  /** Custom rules, or null when the zone has none. */
  rules: { action: string; expression: string; enabled?: boolean; description?: string }[] | null;
  dns: { name: string; type: string; content: string }[];
}

interface Answer {
  readonly status: number;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code: number; readonly message: string }[];
}

const refusal = (status: number, code: number, message: string): Answer => ({
  status,
  errors: [{ code, message }],
});

const Hostname = z.string().regex(/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/);

export class FakeCloudflare {
  readonly zones: FakeZone[] = [];
  /** Custom domains, from hostname to Worker. */
  readonly domains = new Map<string, string>();
  /** Permissions that the API token lacks. */
  readonly lacking = new Set<"zone" | "workers" | "dns" | "waf" | "ssl">();
  /** `METHOD path?query` of each request, oldest first. */
  readonly log: string[] = [];
  /** Faults of requests. Empty when every request was valid. */
  readonly complaints: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => {
        text += chunk;
      });
      request.on("end", () => {
        const { status, result, errors = [] } = this.#answer(request, text);
        const body = { success: errors.length === 0, errors, messages: [], result: result ?? null };
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<FakeCloudflare> {
    const fake = new FakeCloudflare();
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/client/v4`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Clears the state. */
  reset(): void {
    this.zones.length = 0;
    this.log.length = 0;
    this.complaints.length = 0;
    this.domains.clear();
    this.lacking.clear();
  }

  addZone(name: string, more: Partial<FakeZone> = {}): FakeZone {
    const id = (this.zones.length + 1).toString(16).padStart(32, "a");
    const zone = {
      id,
      name,
      status: "active",
      account: ACCOUNT,
      hostnames: [],
      rules: null,
      dns: [],
      ...more,
    };
    this.zones.push(zone as FakeZone);
    return zone as FakeZone;
  }

  #complain(what: string, answer: Answer): Answer {
    this.complaints.push(what);
    return answer;
  }

  #answer(request: IncomingMessage, text: string): Answer {
    const url = new URL(request.url ?? "/", "http://fake");
    const method = request.method ?? "";
    const line = `${method} ${url.pathname}${url.search}`;
    this.log.push(line.replace("/client/v4", ""));
    const unknown = () => this.#complain(line, refusal(404, 7003, `Could not route to ${url.pathname}`));
    if (!url.pathname.startsWith("/client/v4/")) return unknown();
    const authorization = request.headers.authorization ?? "";
    if (!/^Bearer [A-Za-z0-9_-]{20,}$/.test(authorization)) {
      return refusal(400, 6003, "Invalid request headers");
    }
    if (authorization !== `Bearer ${TOKEN}`) return refusal(401, 10_000, "Authentication error");
    const path = url.pathname.slice("/client/v4/".length).split("/").map(decodeURIComponent);
    const query = Object.fromEntries(url.searchParams);
    if (method === "GET" && text !== "")
      return this.#complain(`${line} with a body`, refusal(400, 1000, "body"));
    if (path[0] === "accounts") return method === "GET" ? this.#account(path, query, unknown) : unknown();
    if (path[0] !== "zones") return unknown();
    if (path.length === 1) return method === "GET" ? this.#listZones(query, line) : unknown();
    return this.#zone({ method, path, query, text, type: request.headers["content-type"] }, unknown);
  }

  #listZones(query: Record<string, string>, line: string): Answer {
    const { success, data } = z.strictObject({ name: Hostname }).safeParse(query);
    if (!success) return this.#complain(line, refusal(400, 1010, "Invalid query"));
    if (this.lacking.has("zone")) return { status: 200, result: [] };
    const found = this.zones.filter(({ name }) => name === data.name);
    const describe = ({ id, name, status, account }: FakeZone) => ({
      ...{ id, name, status, paused: false, type: "full" },
      account: { id: account, name: "An account" },
    });
    return { status: 200, result: found.map(describe) };
  }

  #account(path: string[], query: Record<string, string>, unknown: () => Answer): Answer {
    const [, account, workers, domains, ...rest] = path;
    if (workers !== "workers" || domains !== "domains" || rest.length > 0) return unknown();
    if (this.lacking.has("workers") || account !== ACCOUNT)
      return refusal(403, 10_000, "Authentication error");
    const { success, data } = z.strictObject({ hostname: Hostname }).safeParse(query);
    if (!success) return this.#complain("the query of workers/domains", refusal(400, 1010, "Invalid query"));
    const service = this.domains.get(data.hostname);
    const domain = { id: "d1", hostname: data.hostname, service, environment: "production" };
    return { status: 200, result: service === undefined ? [] : [domain] };
  }

  #zone(
    request: {
      readonly method: string;
      readonly path: readonly string[];
      readonly query: Record<string, string>;
      readonly text: string;
      readonly type: string | undefined;
    },
    unknown: () => Answer,
  ): Answer {
    const { method, path, query } = request;
    const [, id = "", ...rest] = path;
    const zone = this.zones.find((each) => each.id === id);
    if (!ZONE_ID.test(id)) return unknown();
    if (zone === undefined) return refusal(403, 9109, "Unauthorized to access requested resource");
    const place = `${method} ${rest.join("/")}`;
    const without = Object.keys(query).length === 0;
    if (place === "GET dns_records") {
      if (this.lacking.has("dns")) return refusal(403, 10_000, "Authentication error");
      const { success, data } = z.strictObject({ name: Hostname }).safeParse(query);
      if (!success) return this.#complain("the query of dns_records", refusal(400, 1004, "Invalid query"));
      return { status: 200, result: zone.dns.filter(({ name }) => name === data.name) };
    }
    if (place === "GET rulesets/phases/http_request_firewall_custom/entrypoint" && without) {
      if (this.lacking.has("waf")) return refusal(403, 10_000, "request is not authorized");
      if (zone.rules === null) return refusal(404, 10_003, "could not find entrypoint ruleset");
      return { status: 200, result: { id: "r1", phase: "http_request_firewall_custom", rules: zone.rules } };
    }
    if (rest.join("/") !== "certificate_authorities/hostname_associations" || !without) return unknown();
    if (this.lacking.has("ssl")) return refusal(403, 10_000, "Authentication error");
    if (method === "GET") return { status: 200, result: { hostnames: zone.hostnames } };
    return method === "PUT" ? this.#replace(zone, request) : unknown();
  }

  /** Of Cloudflare's own CA, as no certificate of ours is named. */
  #replace(
    zone: FakeZone,
    { text, type }: { readonly text: string; readonly type: string | undefined },
  ): Answer {
    const Body = z.strictObject({ hostnames: z.array(Hostname).min(1) });
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = undefined;
    }
    const parsed = Body.safeParse(body);
    const ours = parsed.data?.hostnames.every((name) => name === zone.name || name.endsWith(`.${zone.name}`));
    if (type !== "application/json" || !parsed.success || !ours) {
      return this.#complain(`the body of hostname_associations: ${text}`, refusal(400, 1400, "Invalid body"));
    }
    zone.hostnames = parsed.data.hostnames;
    return { status: 200, result: { hostnames: zone.hostnames } };
  }
}
