/**
 * The Kubernetes API server of the tests: HTTPS with a CA of its own, everything that a connector, `kubectl apply` and
 * helm need of a real one, and as strict. A suite takes its cluster from `openCluster` in `test-cluster.ts`, which is
 * this server, or a real one where KUBECONFIG is set, so that laxness here is found there.
 *
 * How it is built:
 * - `registry.ts` and `resources/` say what is served, as data: names, schemas, defaults, faults, columns.
 * - `storage.ts` keeps objects with revisions and a bounded log, `watch.ts` sends them.
 * - `resource-store.ts` is every read and write: decoding along a schema (`schema.ts`, `built-in-schemas.ts`),
 *   metadata, patches (`patch/`), admission, field managers.
 * - `authentication.ts`, `authorization.ts` and `reviews.ts` say who asks and what they may.
 * - `controllers.ts` does what a cluster's controllers do that a client notices.
 * - `faults.ts` are faults that a test orders.
 * - `gaps.ts` lists what the real server does and this one does not.
 */
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../connector/edge/credentials/certificates.ts";
import { freePort } from "../free-port.ts";
import { Authenticator, type IssuedToken } from "./authentication.ts";
import { Authorizer } from "./authorization.ts";
import { bootstrap } from "./bootstrap.ts";
import { Controllers } from "./controllers.ts";
import { Faults } from "./faults.ts";
import { keyOf } from "./metadata.ts";
import { Registry } from "./registry.ts";
import { RequestHandler } from "./request-handler.ts";
import { ResourceStore } from "./resource-store.ts";
import { Storage } from "./storage.ts";

export interface ApiServerOptions {
  /** Range of the addresses of Services. A range on loopback makes them addresses that a test can listen at. */
  readonly serviceRange?: string;
}

const HOST = "127.0.0.1";
const LIFETIME = 24 * 3_600_000;

export class ApiServer {
  readonly storage: Storage;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly controllers: Controllers;
  readonly faults = new Faults();
  readonly handler: RequestHandler;
  /** The certificate that clients trust, PEM. */
  readonly ca: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #open = 0;

  private constructor(parts: {
    storage: Storage;
    authenticator: Authenticator;
    ca: string;
    certificate: string;
    key: string;
    serviceRange: string;
  }) {
    const { storage, authenticator, ca, serviceRange } = parts;
    this.storage = storage;
    this.authenticator = authenticator;
    this.authorizer = new Authorizer(storage);
    this.ca = ca;
    const registry = new Registry(storage, { serviceRange });
    this.controllers = new Controllers(storage, registry, ca);
    this.handler = new RequestHandler({
      storage,
      registry,
      store: new ResourceStore(storage, this.authorizer),
      authenticator,
      authorizer: this.authorizer,
      faults: this.faults,
    });
    this.#server = createServer({ cert: parts.certificate, key: parts.key }, (request, response) => {
      this.#open += 1;
      response.on("close", () => {
        this.#open -= 1;
      });
      void this.handler.handle(request, response);
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start({ serviceRange = "10.96.0.0/16" }: ApiServerOptions = {}): Promise<ApiServer> {
    const now = Date.now();
    const authority = await makeDeploymentAuthority(now);
    const { certificate, privateKey } = await makeServerCertificate({
      names: [HOST, "localhost", "kubernetes.default.svc"],
      authority,
      now,
      lifetime: LIFETIME,
    });
    const storage = new Storage();
    const server = new ApiServer({
      storage,
      authenticator: await Authenticator.create(storage),
      ca: authority.certificate,
      certificate: `${certificate}\n${authority.certificate}`,
      key: privateKey,
      serviceRange,
    });
    bootstrap(storage);
    server.controllers.start();
    await server.comeBack();
    return server;
  }

  get url(): string {
    return `https://${HOST}:${this.#port}`;
  }

  /** Requests without a whole answer, watches left out. */
  get openRequests(): number {
    return this.#open - this.handler.openWatches;
  }

  get port(): number {
    return this.#port;
  }

  get adminToken(): string {
    return this.authenticator.adminToken;
  }

  /** Goes away: connections are cut, and new ones refused. What is stored stays. */
  async goAway(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.handler.endWatches();
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }

  /** Listens, at the port of before. No outgoing connection takes it meanwhile. */
  async comeBack(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort(HOST);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(this.#port, HOST, resolve);
    await promise;
    this.#server.off("error", reject);
  }

  /** Makes a token of a ServiceAccount, as the kubelet asks for one. @param seconds its lifetime */
  async tokenOf(namespace: string, name: string, seconds = 3600): Promise<IssuedToken> {
    const account = this.storage.collection("serviceaccounts").get(keyOf(namespace, name));
    if (account === undefined) throw new Error(`There is no ServiceAccount ${namespace}/${name}.`);
    return await this.authenticator.issue(account, seconds);
  }

  /** A kubeconfig file. */
  kubeconfig(token = this.adminToken): string {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "tests",
          cluster: {
            server: this.url,
            "certificate-authority-data": Buffer.from(this.ca).toString("base64"),
          },
        },
      ],
      users: [{ name: "tests", user: { token } }],
      contexts: [{ name: "tests", context: { cluster: "tests", user: "tests" } }],
      "current-context": "tests",
    });
  }

  async close(): Promise<void> {
    this.controllers.stop();
    this.faults.thaw();
    if (this.#server.listening) await this.goAway();
  }
}
