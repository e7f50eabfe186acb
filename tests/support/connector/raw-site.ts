/** A member of a network whose messages a test chooses, valid or not. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { SignJWT } from "jose";
import { type RawData, WebSocket } from "ws";
import type { EdgeClient } from "../../../connector/net/edge-client.ts";
import { makeCsr } from "../../../connector/site/csr.ts";
import { pemToBase64, toPem } from "../../../connector/site/pem.ts";
import { readToken } from "../../../connector/site/token.ts";
import { Admission } from "../../../protocol/api/admission.ts";
import { ErrorResponse } from "../../../protocol/api/envelope.ts";
import { ID_BYTES, makeId } from "../../../protocol/ids.ts";
import { siteUri } from "../../../protocol/names.ts";
import { TELEMETRY_PATH } from "../../../protocol/telemetry/messages.ts";
import {
  audienceFor,
  LANE_PATH,
  type Purpose,
  TICKET_HEADER,
  UPLINK_PATH,
} from "../../../protocol/uplink/assertions.ts";
import { type Hello, KEEPALIVE, type Offer, RegistryMessage } from "../../../protocol/uplink/messages.ts";
import { UPLINK_VERSIONS } from "../../../protocol/versions.ts";
import type { Edge } from "../process/cluster.ts";

export type Headers = Readonly<Record<string, string>>;

/** The result of an attempt to open a WebSocket. */
export type Attempt =
  | { readonly kind: "open"; readonly socket: WebSocket }
  /** Another status than 101. `code` is that of the body, and `retryAfter` that of the header, s. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string;
      readonly retryAfter?: number;
    }
  /** Failure in TLS or below. The code is Node's. */
  | { readonly kind: "failed"; readonly code: string };

/** Client key and certificate chain for TLS, PEM. */
export interface Proof {
  readonly key: string;
  readonly cert: string;
}

/** Sockets of all attempts, which closeSockets() terminates. */
const opened = new Set<WebSocket>();

export function closeSockets(): void {
  for (const socket of opened) socket.terminate();
  opened.clear();
}

/** Tries to open a WebSocket at `url` on this edge. */
export function attempt(
  edge: Edge,
  url: string,
  options: { proof?: Proof; headers?: Headers } = {},
): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace(/^http/, "ws"), {
      ca: edge.ca,
      headers: { ...options.headers },
      perMessageDeflate: false,
      ...options.proof,
    });
    opened.add(socket);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      resolve({ kind: "failed", code: error.code ?? error.message });
    });
    socket.once("unexpected-response", (_, response: IncomingMessage) => {
      void text(response).then((body) => {
        const code = ErrorResponse.safeParse(parse(body)).data?.error.code ?? body;
        const after = response.headers["retry-after"];
        const later = after === undefined ? {} : { retryAfter: Number(after) };
        resolve({ kind: "refused", status: response.statusCode ?? 0, code, ...later });
      });
    });
    socket.once("open", () => {
      // Messages that came with the answer wait until the caller has its listeners.
      socket.pause();
      setImmediate(() => socket.resume());
      resolve({ kind: "open", socket });
    });
  });
}

export interface AssertionChanges {
  readonly purpose?: Purpose;
  readonly audience?: string;
  readonly issuer?: string;
  /** Signing key. */
  readonly key?: KeyObject;
  /** PEM chain for `x5c`. */
  readonly chain?: string;
  /** Time of issue, ms since 1970. */
  readonly now?: number;
  readonly jti?: string;
}

export class RawSite {
  readonly edge: Edge;
  readonly admission: Admission;
  readonly key: KeyObject;
  /** PEM */
  readonly keyPem: string;
  /** Site certificate and network CA, PEM. */
  readonly chain: string;
  readonly boot = makeId("boot", randomBytes(ID_BYTES));
  #counter = 0;

  constructor(edge: Edge, key: KeyObject, admission: Admission) {
    this.edge = edge;
    this.key = key;
    this.keyPem = key.export({ type: "pkcs8", format: "pem" }).toString();
    this.admission = admission;
    this.chain = toPem(admission.certificate) + toPem(admission.authority);
  }

  /** Joins with a token file and a new key. */
  static async join<T extends RawSite>(
    this: new (
      edge: Edge,
      key: KeyObject,
      admission: Admission,
    ) => T,
    edge: Edge,
    token: string,
    name: string,
    client: EdgeClient = edge.client,
  ): Promise<T> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { claim } = (await readToken(token, process.stdin)).spec;
    const csr = await makeCsr(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })), name);
    const admission = await client.request("POST", "/v1/redeem", Admission, { claim, site: name, csr });
    return new this(edge, privateKey, admission);
  }

  /** Makes another process of a site with the key and certificate in a connector's state directory. */
  static async like<T extends RawSite>(
    this: new (
      edge: Edge,
      key: KeyObject,
      admission: Admission,
    ) => T,
    edge: Edge,
    stateDir: string,
  ): Promise<T> {
    const read = (name: string) => readFile(join(stateDir, name), "utf8");
    const [certificate, authority] = pemToBase64(await read("certificate.pem"));
    const { links } = JSON.parse(await read("links.json"));
    const link = links[0] ?? null;
    const admission = Admission.parse({
      ...JSON.parse(await read("site.json")),
      certificate,
      authority,
      link,
    });
    return new this(edge, createPrivateKey(await read("key.pem")), admission);
  }

  /** Redeems a further token, which gives a further link. */
  async redeem(token: string): Promise<Admission> {
    const { claim } = (await readToken(token, process.stdin)).spec;
    const { name } = this.admission.site;
    const csr = await makeCsr(createPrivateKey(this.keyPem), name);
    return await this.edge.client.request("POST", "/v1/redeem", Admission, { claim, site: name, csr });
  }

  get proof(): Proof {
    return { key: this.keyPem, cert: this.chain };
  }

  get id(): string {
    return this.admission.site.id;
  }

  /** Makes an assertion: valid apart from the changes. */
  async assertion(changes: AssertionChanges = {}): Promise<string> {
    const { network, site, edge } = this.admission;
    const seconds = Math.floor((changes.now ?? Date.now()) / 1000);
    this.#counter += 1;
    return await new SignJWT()
      .setProtectedHeader({ alg: "ES256", x5c: pemToBase64(changes.chain ?? this.chain) })
      .setIssuer(changes.issuer ?? siteUri(network.id, site.id))
      .setAudience(changes.audience ?? audienceFor(edge.audience, changes.purpose ?? "uplink"))
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 60)
      .setJti(changes.jti ?? `${this.boot}.${this.#counter}`)
      .sign(changes.key ?? this.key);
  }

  /** Tries to open an uplink: valid apart from the changes. */
  async dialUplink({ assertion, proof = this.proof, headers = {} }: UplinkChanges = {}): Promise<Attempt> {
    const proven: Record<string, string> = {};
    if (assertion !== null) proven.authorization = `Bearer ${assertion ?? (await this.assertion())}`;
    return await attempt(this.edge, this.edge.gatewayUrl + UPLINK_PATH, {
      proof,
      headers: { ...proven, ...headers },
    });
  }

  /** Tries to open a telemetry connection. */
  async dialTelemetry(): Promise<Attempt> {
    const assertion = await this.assertion({ purpose: "telemetry" });
    const headers = { authorization: `Bearer ${assertion}` };
    return await attempt(this.edge, this.edge.gatewayUrl + TELEMETRY_PATH, { proof: this.proof, headers });
  }

  /** Tries to open a lane with a ticket; null sends none. */
  async dialLane(
    ticket: string | null,
    { assertion, proof = this.proof, headers = {} }: UplinkChanges = {},
  ): Promise<Attempt> {
    const proven = assertion ?? (await this.assertion({ purpose: "lane" }));
    return await attempt(this.edge, this.edge.gatewayUrl + LANE_PATH, {
      proof,
      headers: {
        authorization: `Bearer ${proven}`,
        ...(ticket === null ? {} : { [TICKET_HEADER]: ticket }),
        ...headers,
      },
    });
  }

  /** Opens an uplink without HELLO. */
  async open(changes: UplinkChanges = {}): Promise<RawUplink> {
    const result = await this.dialUplink(changes);
    if (result.kind !== "open") throw new Error(`The uplink did not open: ${JSON.stringify(result)}.`);
    return new RawUplink(result.socket);
  }

  /** Opens an uplink, sends HELLO and waits for the welcome. */
  async connect(offers: readonly Offer[] = []): Promise<RawUplink> {
    const uplink = await this.open();
    uplink.send(this.hello({ offers: [...offers] }));
    await uplink.next("welcome");
    return uplink;
  }

  hello(changes: Partial<Hello> = {}): Hello {
    return {
      type: "hello",
      versions: UPLINK_VERSIONS,
      boot: this.boot,
      software: "test",
      links: this.admission.link === null ? [] : [this.admission.link.certificate],
      offers: [],
      sessions: [],
      listeners: [],
      ...changes,
    };
  }
}

export interface UplinkChanges {
  /** Assertion to send; null sends none. */
  readonly assertion?: string | null;
  readonly proof?: Proof;
  readonly headers?: Headers;
}

type MessageOf<T extends RegistryMessage["type"]> = Extract<RegistryMessage, { type: T }>;

/** Code and reason with which the other side closed a WebSocket. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** An open uplink. */
export class RawUplink {
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  readonly #messages: RegistryMessage[] = [];
  /** Texts that are not parsed yet: many uplinks in one process receive far more than a test looks at. */
  readonly #unread: string[] = [];
  /** Callbacks that wait for the next message. */
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = closing(socket);
    socket.on("message", (data: RawData) => {
      this.#unread.push(data.toString());
      this.#wake();
    });
    socket.on("close", () => this.#wake());
  }

  /** Sends a message as JSON, and other text or bytes unchanged. */
  send(message: object | string | Buffer): void {
    const raw = typeof message === "string" || Buffer.isBuffer(message);
    this.socket.send(raw ? message : JSON.stringify(message));
  }

  /** Sends keep-alives until it is closed, as connectors do. */
  keepAlive(): void {
    const timer = setInterval(() => this.send(KEEPALIVE.ping), KEEPALIVE.everyMs);
    this.socket.once("close", () => clearInterval(timer));
  }

  /** Returns the next message of a type and drops those before it. @throws Error when the uplink closes first */
  async next<T extends RegistryMessage["type"]>(type: T): Promise<MessageOf<T>> {
    for (;;) {
      this.#read();
      const found = this.#messages.findIndex((message) => message.type === type);
      const [message] = found < 0 ? [] : this.#messages.splice(0, found + 1).slice(-1);
      if (message) return message as MessageOf<T>;
      if (this.socket.readyState !== WebSocket.OPEN) throw new Error(`The uplink closed before ${type}.`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #read(): void {
    for (const text of this.#unread.splice(0)) {
      const message = RegistryMessage.safeParse(parse(text));
      if (message.success) this.#messages.push(message.data);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Resolves when the socket is closed. */
export function closing(socket: WebSocket): Promise<Closed> {
  return new Promise((resolve) => {
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
