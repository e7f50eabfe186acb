/** A lane that sends any preface, any message of carrier version 2, and any bytes. */
import type { RawData, WebSocket } from "ws";
import {
  encodeAck,
  encodeDataHeader,
  encodeEnd,
  encodePark,
  encodePing,
  nextNumber,
} from "../../../protocol/carrier/index.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { type Closed, closing, type RawSite } from "./raw-site.ts";

export class RawLane {
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  /** Received binary messages, oldest first. */
  readonly messages: Buffer[] = [];
  readonly #texts: string[] = [];
  #number = 0;
  #look: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = closing(socket);
    socket.on("message", (data: RawData, binary: boolean) => {
      if (binary) this.messages.push(Buffer.from(data as Buffer));
      else this.#texts.push(data.toString());
      this.#look();
    });
    socket.on("close", () => this.#look());
  }

  /** Dials with a ticket. @throws Error when it is refused */
  static async open(site: RawSite, ticket: string, assertion?: string): Promise<RawLane> {
    const dialled = await site.dialLane(ticket, assertion === undefined ? {} : { assertion });
    if (dialled.kind !== "open") throw new Error(`no lane: ${JSON.stringify(dialled)}`);
    return new RawLane(dialled.socket);
  }

  /** Sends the preface of the invitation with changes. */
  preface(
    { session, generation, lane }: Pick<Invitation, "session" | "generation" | "lane">,
    changes: Readonly<Record<string, unknown>> & { readonly site: string; readonly boot: string },
  ): void {
    this.send(JSON.stringify({ carrier: { min: 1, max: 2 }, session, generation, lane, ...changes }));
  }

  /**
   * Returns the next text message: the peer's preface or the edge's refusal. @throws Error when the lane closes first
   */
  async text(): Promise<string> {
    for (;;) {
      const text = this.#texts.shift();
      if (text !== undefined) return text;
      if (this.socket.readyState !== this.socket.OPEN) throw new Error("The lane has closed.");
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  /** Sends a text or binary message unchanged. */
  send(message: string | Uint8Array): void {
    this.socket.send(message);
  }

  /** Sends DATA of the carrier at any offset, with the next number. */
  data(offset: number, bytes: Uint8Array): void {
    this.send(Buffer.concat([encodeDataHeader(this.#next(), offset), bytes]));
  }

  ack(received: number): void {
    this.send(encodeAck(this.#next(), received));
  }

  ping(id: number, received = 0): void {
    this.send(encodePing(this.#next(), id, received));
  }

  park(sent: number, received: number): void {
    this.send(encodePark(this.#next(), sent, received));
  }

  end(sent: number, code: string): void {
    this.send(encodeEnd(this.#next(), sent, code));
  }

  #next(): number {
    const number = this.#number;
    this.#number = nextNumber(number);
    return number;
  }
}
