/** Members of a network in workerd: sites with certificates, and their uplinks. */
import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as z from "zod";
import { Admission } from "../../../protocol/api/admission.ts";
import { type EventType, NetworkEvent } from "../../../protocol/api/events.ts";
import { NetworkStatus } from "../../../protocol/api/status.ts";
import { decodeBase64, encodeBase64 } from "../../../protocol/encoding.ts";
import type { Encryption, Hello, Invitation } from "../../../protocol/uplink/messages.ts";
import { RegistryMessage } from "../../../protocol/uplink/messages.ts";
import type { KeyPair } from "../../../workers/authority/keys.ts";
import { readCertificate } from "../../../workers/authority/x509.ts";
import { bootIdOf, newKeys, type TestSite } from "../authority/test-site.ts";
import { call, claimIn, createToken, dial, expectAnswer, redeem } from "./client.ts";

export const derOf = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = decodeBase64(text);
  if (bytes === null) throw new Error("The text is not base64.");
  return bytes;
};

/** A joined site with its keys and admission. */
export interface Member extends TestSite {
  readonly name: string;
  readonly admission: Admission;
}

/** Returns the link of an admission. @throws Error when it has none */
export function linkIn({ link }: Admission): NonNullable<Admission["link"]> {
  if (link === null) throw new Error("The admission has no link.");
  return link;
}

export function memberFrom(admission: Admission, keys: KeyPair): Member {
  const certificate = derOf(admission.certificate);
  const leaf = readCertificate(certificate);
  if (leaf === null) throw new Error("The certificate cannot be read.");
  return {
    name: admission.site.name,
    admission,
    networkId: admission.network.id,
    siteId: admission.site.id,
    keys,
    certificate: { certificate, serial: leaf.serial, notAfter: leaf.notAfter },
    authority: { certificate: derOf(admission.authority), privateKey: new Uint8Array() },
  };
}

/** Joins a site. */
export async function admit(network: string, name: string, keys?: KeyPair): Promise<Member> {
  const pair = keys ?? (await newKeys());
  const { file } = await createToken(network);
  return memberFrom(await expectAnswer(Admission, redeem(claimIn(file), name, pair)), pair);
}

export const registryOf = (network: { networkId: string }) => env.REGISTRY.getByName(network.networkId);

export const events = (network: string, type?: EventType) =>
  expectAnswer(
    z.array(NetworkEvent),
    call("GET", `/v1/networks/${network}/events?limit=1000${type ? `&type=${type}` : ""}`),
  );

/** Returns the types of the newest events, without those of joining. */
export async function eventTypes(network: string): Promise<string[]> {
  const types = (await events(network)).map(({ type }) => type);
  return types.slice(types.lastIndexOf("token.redeemed") + 1);
}

export const status = (network: string) =>
  expectAnswer(NetworkStatus, call("GET", `/v1/networks/${network}/status`));

/** Whether an object of that name runs or is stored. */
export async function exists(namespace: DurableObjectNamespace, name: string): Promise<boolean> {
  const ids = await listDurableObjectIds(namespace);
  return ids.some((id) => id.equals(namespace.idFromName(name)));
}

type Sent<T> = Extract<RegistryMessage, { type: T }>;
/** Deadline for a message that never arrives, also on a busy machine. */
const PATIENCE_MS = 60_000;
/** The same deadline for conditions: `vi.waitFor(condition, PATIENCE)`. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 10 } as const;
const open = new Set<WebSocket>();
let lastCounter = 0;

/** Closes every socket that a test left open. */
export function hangUpAll(): void {
  for (const socket of open) {
    try {
      socket.close(1000);
    } catch {
      // The socket is closed already.
    }
  }
  open.clear();
}

/** The test's end of a WebSocket, with received messages and its close. */
export class Line {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly received: (string | ArrayBuffer)[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(answer: Response) {
    const socket = answer.webSocket;
    if (!socket) throw new Error(`no upgrade: ${answer.status}`);
    this.socket = socket;
    open.add(socket);
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      this.received.push(data as string | ArrayBuffer);
      for (const wake of this.#waiting) wake();
    });
    socket.binaryType = "arraybuffer";
    socket.accept();
  }

  /** Waits for the first message that `pick` accepts, and takes it out. */
  async take<T>(what: string, pick: (data: string | ArrayBuffer) => T | null): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      for (const [index, data] of this.received.entries()) {
        const picked = pick(data);
        if (picked === null) continue;
        this.received.splice(index, 1);
        return picked;
      }
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`${what} did not come; instead: ${this.received.map(String).join("\n")}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
  }
}

/** An uplink of a connector. */
export class TestUplink extends Line {
  readonly member: Member;
  readonly boot: string;
  #request = 0;

  private constructor(answer: Response, member: Member, boot: string) {
    super(answer);
    this.member = member;
    this.boot = boot;
  }

  /** Dials without HELLO. Counters of assertions rise unless one is given. */
  static async dial(
    member: Member,
    boot: string = bootIdOf(),
    counter: number = ++lastCounter,
  ): Promise<TestUplink> {
    return new TestUplink(await dial(member, { assertion: { jti: `${boot}.${counter}` } }), member, boot);
  }

  /** Dials, sends HELLO and waits for the welcome. */
  static async open(
    member: Member,
    hello: Partial<Hello> = {},
    boot?: string,
    counter?: number,
  ): Promise<TestUplink> {
    const uplink = await TestUplink.dial(member, boot, counter);
    await uplink.greet(hello);
    return uplink;
  }

  hello(parts: Partial<Hello> = {}): Hello {
    return {
      type: "hello",
      versions: { min: 1, max: 1 },
      boot: this.boot,
      software: "test",
      links: this.member.admission.link ? [this.member.admission.link.certificate] : [],
      offers: [],
      sessions: [],
      listeners: [],
      ...parts,
    };
  }

  greet(parts: Partial<Hello> = {}): Promise<Sent<"welcome">> {
    this.send(this.hello(parts));
    return this.next("welcome");
  }

  send(message: object | string): void {
    this.socket.send(
      typeof message === "string" || message instanceof ArrayBuffer ? message : JSON.stringify(message),
    );
  }

  /** Returns the next message of a type. Others stay for later. */
  next<T extends RegistryMessage["type"]>(type: T): Promise<Sent<T>> {
    return this.take(`"${type}" to ${this.member.name}`, (data) => {
      if (typeof data !== "string" || data === "P") return null;
      const message = RegistryMessage.parse(JSON.parse(data));
      return message.type === type ? (message as Sent<T>) : null;
    });
  }

  /** Waits until every message sent before is handled. The registry handles messages of an uplink in order. */
  async settle(): Promise<void> {
    this.#request += 1;
    this.send({ type: "status.request", id: 1_000_000 + this.#request });
    await this.next("status");
  }

  /** Returns received messages of a type that no call has taken. */
  waiting<T extends RegistryMessage["type"]>(type: T): Sent<T>[] {
    return this.received
      .filter((data) => typeof data === "string" && data !== "P")
      .map((data) => RegistryMessage.parse(JSON.parse(String(data))))
      .filter((message): message is Sent<T> => message.type === type);
  }

  /** Requests a session with another uplink's instance. Returns the grant, or the code of the refusal. */
  request(
    peer: TestUplink,
    service: string,
    options: { lanes?: number; encryption?: Encryption } = {},
  ): Promise<Invitation | string> {
    const { siteId: site } = peer.member;
    return this.#ask({ type: "session.request", service, peer: { site, boot: peer.boot }, ...options });
  }

  /** Requests new lanes of a session. Returns the grant, or the code of the refusal. */
  resume(
    { session, generation }: Pick<Invitation, "session" | "generation">,
    options: { lanes?: number } = {},
  ): Promise<Invitation | string> {
    return this.#ask({ type: "session.resume", session, generation, ...options });
  }

  /** Requests a certificate for a service. Returns it as DER, or the code of the refusal. */
  async certificate(service: string, csr: Uint8Array, domain?: string): Promise<Uint8Array | string> {
    this.#request += 1;
    const id = this.#request;
    this.send({ type: "certificate.request", id, service, csr: encodeBase64(csr), domain });
    return this.take(`a certificate for ${this.member.name}`, (data) => {
      if (typeof data !== "string" || data === "P") return null;
      const message = RegistryMessage.parse(JSON.parse(data));
      if (message.type === "certificate" && message.id === id) return derOf(message.certificate);
      return message.type === "error" && message.id === id ? message.error.code : null;
    });
  }

  async #ask(message: object): Promise<Invitation | string> {
    this.#request += 1;
    const id = this.#request;
    this.send({ ...message, id });
    return this.take(`an answer to ${this.member.name}`, (data) => {
      if (typeof data !== "string" || data === "P") return null;
      const message = RegistryMessage.parse(JSON.parse(data));
      if (message.type === "session.grant" && message.id === id) return message.invitation;
      return message.type === "error" && message.id === id ? message.error.code : null;
    });
  }
}

/** Returns the invitation of a grant. @throws Error when the answer is a refusal */
export async function granted(answer: Promise<Invitation | string>): Promise<Invitation> {
  const invitation = await answer;
  if (typeof invitation === "string") throw new Error(invitation);
  return invitation;
}

export const offer = (name: string, port = 80) => ({ name, protocol: "tcp" as const, port });

/** An offer whose site asks for the port. */
export const asking = (name: string, port: number) => ({ ...offer(name, port), ports: [{ port }] });
