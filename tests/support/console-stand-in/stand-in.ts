/**
 * A stand-in for an edge with a console: it serves dist/console, and what the console asks for of a network that changes
 * by itself. Everything that it sends is checked by the schemas of the API.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { type WebSocket, WebSocketServer } from "ws";
import * as z from "zod";
import { type ConsoleMode, ConsoleSession } from "../../../protocol/api/console.ts";
import type { Role } from "../../../protocol/api/keys.ts";
import { LiveRequest, LiveStatus, LiveTraffic } from "../../../protocol/api/live.ts";
import { DEFAULT_QUOTAS, QuotaUse } from "../../../protocol/api/quotas.ts";
import { CreatedToken, CreateToken } from "../../../protocol/api/tokens.ts";
import { FlowPage, Traffic, TrafficQuery, WINDOWS } from "../../../protocol/api/traffic.ts";
import { matchesNetworkFlow, parseFlowFilter } from "../../../protocol/telemetry/flow-filter.ts";
import type { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";
import { ROOT } from "../run/repository-files.ts";
import { StandInAdministration } from "./administration.ts";
import { type Change, StandInNetwork, type StandInOptions, Tokens } from "./network.ts";

/** The policy with which the edge serves the console. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const Files = z.object({ files: z.record(z.string(), z.object({ type: z.string() })) });

const PASSWORD = "correct horse battery";

/** How the stand-in starts. */
export interface ConsoleStandInOptions extends Omit<StandInOptions, "now"> {
  readonly port: number;
  /** The role of the user; nobody is signed in without it. */
  readonly role: Role | null;
  /** Changes a second. */
  readonly changes: number;
  /** How people sign in; by user and password unless given. */
  readonly mode?: ConsoleMode;
}

interface Viewer {
  readonly socket: WebSocket;
  seq: number;
}

interface TrafficViewer {
  readonly socket: WebSocket;
  query: TrafficQuery | null;
  filter: ReturnType<typeof parseFlowFilter> | null;
}

export class ConsoleStandIn {
  readonly network: StandInNetwork;
  readonly #administration: StandInAdministration;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #viewers = new Set<Viewer>();
  readonly #trafficViewers = new Set<TrafficViewer>();
  readonly #options: ConsoleStandInOptions;
  #role: Role | null;
  #timers: ReturnType<typeof setInterval>[] = [];

  private constructor(options: ConsoleStandInOptions) {
    this.#options = options;
    this.#role = options.role;
    this.network = new StandInNetwork({ ...options, now: Date.now() });
    this.#administration = new StandInAdministration(this.network, Date.now());
  }

  static async start(options: ConsoleStandInOptions): Promise<ConsoleStandIn> {
    const standIn = new ConsoleStandIn(options);
    standIn.#server.on("upgrade", (request, socket, head) => {
      standIn.#sockets.handleUpgrade(request, socket, head, (ws) => standIn.#accept(request.url ?? "", ws));
    });
    standIn.#server.listen(options.port, "127.0.0.1");
    await once(standIn.#server, "listening");
    if (options.changes > 0)
      standIn.#every(1000 / options.changes, () => standIn.tell(standIn.network.change(Date.now())));
    standIn.#every(1000, () => standIn.#tick());
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}/console/`;
  }

  /** Tells all viewers of a change. */
  tell(change: Change): void {
    for (const viewer of this.#viewers) {
      viewer.seq += 1;
      send(viewer.socket, LiveStatus.parse({ type: "delta", seq: viewer.seq, at: now(), ...change }));
    }
  }

  /** Ends the channels, as an edge that restarts does. */
  dropChannels(): void {
    for (const { socket } of [...this.#viewers, ...this.#trafficViewers]) socket.terminate();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.dropChannels();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #every(ms: number, action: () => void): void {
    this.#timers.push(setInterval(action, ms));
  }

  #accept(url: string, socket: WebSocket): void {
    if (this.#role === null) socket.close(4401, "Nobody is signed in.");
    else if (url.endsWith("/live")) this.#acceptViewer(socket);
    else this.#acceptTrafficViewer(socket);
  }

  #acceptViewer(socket: WebSocket): void {
    const viewer: Viewer = { socket, seq: 1 };
    this.#viewers.add(viewer);
    socket.on("close", () => this.#viewers.delete(viewer));
    socket.on("message", (data) => {
      const text = String(data);
      if (text === "p") socket.send("P");
      else LiveRequest.parse(JSON.parse(text));
    });
    const { events, silent } = this.network;
    const status = this.network.status();
    send(
      socket,
      LiveStatus.parse({ type: "snapshot", seq: 1, at: now(), status, events: events.slice(-100), silent }),
    );
  }

  #acceptTrafficViewer(socket: WebSocket): void {
    const viewer: TrafficViewer = { socket, query: null, filter: null };
    this.#trafficViewers.add(viewer);
    socket.on("close", () => this.#trafficViewers.delete(viewer));
    socket.on("message", (data) => {
      const text = String(data);
      if (text === "p") return socket.send("P");
      const request = LiveRequest.parse(JSON.parse(text));
      if (request.type === "traffic") {
        viewer.query = request.query;
        send(socket, LiveTraffic.parse({ type: "traffic", traffic: this.#traffic(request.query) }));
      }
      if (request.type === "tail") viewer.filter = parseFlowFilter(request.filter);
      if (request.type === "untail") viewer.filter = null;
    });
  }

  #traffic({ window, service, site, by = "" }: TrafficQuery): Traffic {
    const { seconds, stepSeconds } = WINDOWS[window];
    const traffic = this.network.traffic(seconds, stepSeconds, Date.now(), new Set(by.split(",")));
    const isWanted = (each: { id: string; name: string } | null) => each?.id === site || each?.name === site;
    return Traffic.parse({
      ...traffic,
      groups: traffic.groups.filter(
        (group) =>
          (service === undefined || group.service === service) &&
          (site === undefined || isWanted(group.from) || isWanted(group.to)),
      ),
    });
  }

  #tick(): void {
    const records = this.#records(5);
    for (const { socket, query, filter } of this.#trafficViewers) {
      if (query !== null) {
        const { at, groups, reporters } = this.#traffic(query);
        const newest = groups.map((group) => ({ ...group, points: group.points.slice(-1) }));
        send(socket, LiveTraffic.parse({ type: "tick", at, groups: newest, reporters }));
      }
      if (filter !== null) {
        const matching = records.filter((record) => matchesNetworkFlow(filter, record));
        send(socket, LiveTraffic.parse({ type: "records", records: matching, left: 0 }));
      }
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stand-in");
    try {
      if (!pathname.startsWith("/v1/")) return await this.#serveFile(pathname, response);
      const body = request.method === "POST" ? await json(request) : null;
      const answer = this.#answer(`${request.method} ${pathname}`, body, searchParams);
      const [status, content] = answer ?? [404, refused("route.unknown", "Nothing is served at this path.")];
      response.writeHead(status, {
        "content-type": "application/json",
        "fairlead-more": "false",
        "fairlead-newest": "0",
      });
      response.end(JSON.stringify(content));
    } catch (thrown) {
      response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify(refused("edge.internal", String(thrown))));
    }
  }

  async #serveFile(pathname: string, response: ServerResponse): Promise<void> {
    if (!pathname.startsWith("/console/")) {
      response.writeHead(302, { location: "/console/" }).end();
      return;
    }
    const folder = join(ROOT, "dist", "console");
    const { files } = Files.parse(JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")));
    const asked = pathname.slice("/console/".length);
    const name = asked in files ? asked : "index.html";
    if (asked.startsWith("assets/") && name === "index.html") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": files[name]?.type ?? "text/html",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
    });
    response.end(await readFile(join(folder, name)));
  }

  #answer(operation: string, body: unknown, search: URLSearchParams): [number, unknown] | null {
    const base = `/v1/networks/${this.network.name}`;
    if (operation === "GET /v1/session") return [200, this.#session()];
    if (operation === "POST /v1/session") return this.#signIn(body);
    if (operation === "DELETE /v1/session") {
      this.#role = null;
      return [200, this.#session()];
    }
    if (this.#role === null) return [401, refused("key.missing", "Nobody is signed in.")];
    switch (operation) {
      case "GET /v1/networks":
        return [200, [this.network.status().network]];
      case `GET ${base}/status`:
        return [200, this.network.status()];
      case `GET ${base}/tokens`:
        return [200, Tokens.parse(this.network.tokens)];
      case `POST ${base}/tokens`: {
        const { uses, expirySeconds } = CreateToken.parse(body);
        const token = this.network.addToken(uses, expirySeconds, Date.now());
        return [201, CreatedToken.parse({ ...token, file: `# fairlead token\nclaim: ${token.id}\n` })];
      }
      case `GET ${base}/quotas`:
        return [200, QuotaUse.parse({ limits: DEFAULT_QUOTAS, used: this.#use() })];
      case `GET ${base}/hostnames`:
        return [200, this.#administration.hostnames()];
      case `GET ${base}/events`: {
        const before = Number(search.get("before") ?? Number.MAX_SAFE_INTEGER);
        return [200, this.network.events.filter(({ id }) => id < before).slice(-200)];
      }
      case `GET ${base}/traffic`:
        return [200, this.#traffic(TrafficQuery.parse(Object.fromEntries(search)))];
      case `GET ${base}/flows`:
        return [200, this.#kept(search.get("filter") ?? "")];
      case "GET /v1/keys":
        return [200, this.#administration.keys()];
      case "POST /v1/keys":
        return [201, this.#administration.create(body)];
      case "GET /v1/console-users":
        return [200, this.#administration.users()];
      default:
        return this.#remove(operation);
    }
  }

  #remove(operation: string): [number, unknown] | null {
    const [method, path = ""] = operation.split(" ");
    const id = path.split("/").at(-1) ?? "";
    if (method !== "DELETE") return null;
    if (path.includes("/keys/")) this.#administration.revoke(id);
    else if (path.includes("/tokens/")) this.network.revokeToken(id);
    else return null;
    return [200, null];
  }

  #kept(filter: string): FlowPage {
    const isWanted = parseFlowFilter(filter);
    const flows = this.#records(200).filter(
      (record) => (record.outcome !== "completed" || record.ms > 500) && matchesNetworkFlow(isWanted, record),
    );
    return FlowPage.parse({ flows, more: false });
  }

  #records(count: number): SiteFlowRecord[] {
    return Array.from({ length: count }, () => this.network.record(Date.now())).filter(
      (record): record is SiteFlowRecord => record !== null,
    );
  }

  #use() {
    const { sites, services, tokens, events } = this.network;
    return {
      sites: sites.length,
      services: services.length,
      tokens: tokens.length,
      sessions: 12,
      events: events.length,
      uplinks: 2,
    };
  }

  #session(): ConsoleSession {
    const user =
      this.#role === null
        ? null
        : { name: "admin", grants: [{ role: this.#role, networks: null }], expiresAt: null };
    return ConsoleSession.parse({
      mode: this.#options.mode ?? "internal",
      url: this.url,
      user,
      version: "0.1.0",
    });
  }

  #signIn(body: unknown): [number, unknown] {
    const proof = z.object({ user: z.string(), password: z.string() }).safeParse(body);
    if (proof.data?.password !== PASSWORD)
      return [401, refused("key.invalid", "The user or the password is wrong.")];
    this.#role = "admin";
    return [200, this.#session()];
  }
}

const now = (): string => new Date().toISOString();

const send = (socket: WebSocket, message: object): void => socket.send(JSON.stringify(message));

const refused = (code: string, message: string) => ({
  error: { code, message, action: "Try again." },
  requestId: "stand-in",
});
