/**
 * A session that a test drives by hand: TLS over one lane of carrier version 1. The test sends frames of
 * protocol/streams/frames.ts or any other bytes.
 */
import type { TLSSocket } from "node:tls";
import { CarrierV1 } from "../../../connector/session/carrier-v1.ts";
import { LaneHandshake } from "../../../connector/session/lane-handshake.ts";
import { openTls } from "../../../connector/session/tls.ts";
import { toPem } from "../../../connector/site/pem.ts";
import { compareInstances } from "../../../protocol/instance-id.ts";
import { FrameDecoder } from "../../../protocol/streams/frame-decoder.ts";
import { encodeHello, FRAME } from "../../../protocol/streams/frames.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { SESSION_VERSIONS } from "../../../protocol/versions.ts";
import type { RawSite } from "./raw-site.ts";

export interface RawSessionOptions {
  /** The boot id to claim in the preface. */
  readonly boot: string;
  /** Assertion for the lane. */
  readonly assertion: string;
  /** TLS role. The default follows from the instances, as at an honest connector. */
  readonly role?: "client" | "server";
  readonly timeoutMs?: number;
}

export interface RawFrame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PATIENCE_MS = 60_000;

export class RawSession {
  readonly socket: TLSSocket;
  /** Received frames that `next` has not taken, oldest first. DATA is in pieces as received. */
  readonly frames: RawFrame[] = [];
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  #look: () => void = () => {};

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    const decoder = new FrameDecoder({
      frame: (type, stream, payload) => this.#took(type, stream, payload),
      data: (stream, piece) => this.#took(FRAME.data, stream, piece),
    });
    socket.on("data", (chunk: Buffer) => decoder.push(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      socket.once("close", () => {
        this.#look();
        resolve();
      }),
    );
  }

  static async open(site: RawSite, invitation: Invitation, options: RawSessionOptions): Promise<RawSession> {
    const { session, generation, peer, ticket } = invitation;
    const { boot, assertion, timeoutMs = PATIENCE_MS } = options;
    const self = { site: site.id, boot };
    const dialled = await site.dialLane(ticket, { assertion });
    if (dialled.kind !== "open") throw new Error(`no lane: ${JSON.stringify(dialled)}`);
    const handshake = LaneHandshake.overSocket(dialled.socket, {
      expected: { session, generation, site: peer.site, boot: peer.boot },
      preface: () => ({ carrier: { min: 1, max: 1 }, session, generation, ...self }),
      timeoutMs,
    });
    await handshake.done;
    const server = compareInstances(self, peer) < 0;
    const socket = await openTls(new CarrierV1(handshake), {
      role: options.role ?? (server ? "server" : "client"),
      identity: {
        network: site.admission.network.id,
        site: site.id,
        certificate: site.chain,
        key: site.keyPem,
        authority: toPem(site.admission.authority),
      },
      peerSite: peer.site,
    });
    return new RawSession(socket);
  }

  /** Exchanges HELLO, after which streams can be opened. @throws Error as {@link next} */
  async greet(changes: Partial<Parameters<typeof encodeHello>[0]> = {}): Promise<RawFrame> {
    const hello = { versions: SESSION_VERSIONS, window: 1 << 20, maxStreams: 1000, software: "raw" };
    this.send(encodeHello({ ...hello, ...changes }));
    return await this.next(FRAME.hello);
  }

  /** Sends a frame or any bytes unchanged. */
  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Takes out the next frame of a type; others stay. @throws Error when the session ends or no frame comes in time */
  async next(type: number, within = PATIENCE_MS): Promise<RawFrame> {
    const deadline = performance.now() + within;
    for (;;) {
      const found = this.frames.findIndex((frame) => frame.type === type);
      const [frame] = found < 0 ? [] : this.frames.splice(found, 1);
      if (frame !== undefined) return frame;
      const left = deadline - performance.now();
      if (this.socket.destroyed) throw new Error(`The session ended before a frame of type ${type}.`);
      if (left <= 0) throw new Error(`No frame of type ${type} arrived within ${within} ms.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#look = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #took(type: number, stream: number, payload: Uint8Array): void {
    this.frames.push({ type, stream, payload: Buffer.from(payload) });
    this.#look();
  }
}
