/**
 * Routers in a workerd of their own, which can be asked whether they were started anew: the way to see whether an object
 * slept. Asking wakes the object, so each is asked before and after a rest.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { WebSocket } from "ws";
import { findBundle } from "../../../connector/edge/workerd/bundle.ts";
import { Workerd } from "../../../connector/edge/workerd/workerd.ts";
import { silent } from "../../../connector/log.ts";
import { type Ticket, VERIFIED_TICKET_HEADER } from "../../../workers/authority/ticket.ts";
import { ROOT } from "../run/repository-files.ts";

/** The router, which names the run of its constructor. */
const WORKER = `
import { Router } from "./workers/router/router.ts";
export class Probe extends Router {
  run = crypto.randomUUID();
  fetch(request) {
    return new URL(request.url).pathname === "/run" ? new Response(this.run) : super.fetch(request);
  }
}
export default {
  fetch(request, env) {
    return env.ROUTER.getByName(new URL(request.url).searchParams.get("name")).fetch(request);
  },
};
`;

/** The module's file, beside the configuration. */
const MODULE = "index.js";

const configFor = (socket: string, date: string) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "probe", worker = (
    modules = [(name = "index.js", esModule = embed ${JSON.stringify(MODULE)})],
    compatibilityDate = ${JSON.stringify(date)},
    bindings = [(name = "ROUTER", durableObjectNamespace = (className = "Probe"))],
    durableObjectNamespaces = [(className = "Probe", uniqueKey = "probe", enableSql = true)],
    durableObjectStorage = (inMemory = void)
  ))],
  sockets = [(name = "probe", address = ${JSON.stringify(`unix:${socket}`)}, http = (), service = "probe")]
);
`;

export class RouterProbe {
  readonly #workerd: Workerd;
  readonly #directory: string;
  readonly #socket: string;
  readonly #open: WebSocket[] = [];

  private constructor(workerd: Workerd, directory: string, socket: string) {
    this.#workerd = workerd;
    this.#directory = directory;
    this.#socket = socket;
  }

  /** Starts workerd with the Worker's own compatibility date. */
  static async start(): Promise<RouterProbe> {
    const { compatibilityDate } = await findBundle();
    const directory = await mkdtemp(join(tmpdir(), "fl-probe-"));
    await build({
      stdin: { contents: WORKER, resolveDir: ROOT, loader: "ts" },
      outfile: join(directory, MODULE),
      bundle: true,
      format: "esm",
      external: ["cloudflare:workers"],
      conditions: ["workerd", "worker"],
      logLevel: "error",
    });
    const socket = join(directory, "socket");
    const config = join(directory, "workerd.capnp");
    await writeFile(config, configFor(socket, compatibilityDate));
    const workerd = new Workerd({
      ...{ config, environment: {}, sockets: ["probe"] },
      log: silent,
    });
    await workerd.listening;
    return new RouterProbe(workerd, directory, socket);
  }

  /** The run of a router's constructor. Wakes the router. */
  run(router: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#socket, path: `/run?name=${router}` }, (answer) => {
        text(answer).then(resolve, reject);
      });
      asked.on("error", reject).end();
    });
  }

  /** Dials a lane; resolves with the socket, or with null when the router refuses. */
  dial(router: string, ticket: Ticket): Promise<WebSocket | null> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`ws+unix:${this.#socket}:/lane?name=${router}`, {
        headers: { [VERIFIED_TICKET_HEADER]: JSON.stringify(ticket) },
        perMessageDeflate: false,
      });
      this.#open.push(socket);
      socket.once("open", () => resolve(socket));
      socket.once("unexpected-response", () => resolve(null));
      socket.on("error", () => resolve(null));
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.terminate();
    await this.#workerd.end(0);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
