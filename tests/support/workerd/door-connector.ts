/** The connector's side of a door's session, as a test writes it: it answers exchanges with a function. */
import { Carrier, encodePreface, readPreface } from "../../../protocol/carrier/index.ts";
import { encodeBase64Url } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Fields, RequestHead } from "../../../protocol/exchange/head.ts";
import { RequestDecoder } from "../../../protocol/exchange/message-decoder.ts";
import { ResponseEncoder } from "../../../protocol/exchange/message-encoder.ts";
import { compareInstances, type InstanceId } from "../../../protocol/instance-id.ts";
import { DOOR_WEBSOCKET_FEATURE, SESSION_FEATURES } from "../../../protocol/streams/features.ts";
import { Multiplexer } from "../../../protocol/streams/multiplexer.ts";
import type { Stream, StreamHandler } from "../../../protocol/streams/stream.ts";
import type { DoorInvitation } from "../../../protocol/uplink/messages.ts";
import { dialTicket } from "./lane.ts";
import { Line, type TestUplink } from "./member.ts";

/** One request that a door sent, and the means to answer it. */
export class TestExchange implements StreamHandler {
  readonly stream: Stream;
  readonly encoder: ResponseEncoder;
  readonly content: Uint8Array[] = [];
  trailers: Fields = [];
  readonly #head = Promise.withResolvers<RequestHead>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #reset = Promise.withResolvers<string>();
  #drained = Promise.withResolvers<void>();
  /** Whether received content is consumed at once. */
  consumes = true;
  readonly #decoder: RequestDecoder;

  constructor(stream: Stream) {
    this.stream = stream;
    this.encoder = new ResponseEncoder((bytes) => {
      this.full = !stream.write(bytes);
    });
    this.#ended.promise.catch(() => undefined);
    this.#head.promise.catch(() => undefined);
    this.#decoder = new RequestDecoder({
      onHead: (head) => this.#head.resolve(head),
      onContent: (bytes) => void this.content.push(bytes.slice()),
      onTrailers: (fields) => {
        this.trailers = fields;
      },
      onEnd: () => this.#ended.resolve(),
    });
  }

  full = false;

  /** The head of the request. */
  get head(): Promise<RequestHead> {
    return this.#head.promise;
  }
  /** Resolves when the whole request has arrived. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }
  /** Resolves with the code with which the door reset the stream. */
  get wasReset(): Promise<string> {
    return this.#reset.promise;
  }
  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.content.flatMap((bytes) => [...bytes])));
  }
  get received(): number {
    return this.content.reduce((sum, { length }) => sum + length, 0);
  }

  /** Accepts the stream and sends a whole response. */
  respond(status: number, fields: Fields = [], body: string | null = "", trailers: Fields = []): void {
    this.stream.accept();
    this.encoder.head({ status, fields });
    if (body !== null) this.encoder.content(new TextEncoder().encode(body));
    this.encoder.end(trailers);
    this.stream.finish();
  }

  /** Writes content, and waits where the door exerts backpressure. */
  async write(bytes: Uint8Array): Promise<void> {
    this.encoder.content(bytes);
    if (this.full) await this.#drained.promise;
  }

  peerAccepted(): void {}
  data(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    if (this.consumes) this.stream.consumed(bytes.length);
  }
  peerFinished(): void {}
  drained(): void {
    this.full = false;
    this.#drained.resolve();
    this.#drained = Promise.withResolvers<void>();
  }
  finished(): void {}
  reset(error: FairleadError): void {
    this.#reset.resolve(error.code);
    this.#ended.reject(error);
    this.#head.reject(error);
    this.#drained.resolve();
  }
}

/** A session with a door. */
export class DoorConnector {
  readonly line: Line;
  readonly streams: Multiplexer;
  readonly carrier: Carrier;
  readonly invitation: DoorInvitation;
  /** Exchanges, the newest last. */
  readonly exchanges: TestExchange[] = [];
  readonly ended = Promise.withResolvers<FairleadError>();

  private constructor(
    line: Line,
    invitation: DoorInvitation,
    uplink: { readonly member: { readonly siteId: string }; readonly boot: string },
    serve: (exchange: TestExchange) => void,
  ) {
    this.line = line;
    this.invitation = invitation;
    const { session, door } = invitation;
    const self = { site: uplink.member.siteId, boot: uplink.boot };
    const peer = { site: door.id, boot: door.boot };
    let alarm: ReturnType<typeof setTimeout> | null = null;
    this.carrier = new Carrier({
      now: () => performance.now(),
      alarm: (ms) => {
        clearTimeout(alarm);
        if (ms !== null) alarm = setTimeout(() => this.carrier.tick(), ms);
      },
      send: (_, pieces) => {
        this.send(new Uint8Array(pieces.flatMap((piece) => [...piece])));
        return true;
      },
      deliver: (bytes) => {
        this.streams.receive(bytes);
        return true;
      },
      drained: () => this.streams.drained(),
      pause: () => undefined,
      lanesNeeded: () => undefined,
      close: () => undefined,
      terminate: () => undefined,
      idle: () => false,
      stateChanged: () => undefined,
      roundTripMeasured: () => undefined,
      ended: () => undefined,
    });
    this.streams = new Multiplexer({
      ids: compareInstances(self, peer) < 0 ? "even" : "odd",
      software: "test",
      features: [...SESSION_FEATURES, DOOR_WEBSOCKET_FEATURE],
      resumeKey: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))),
      effects: {
        send: (chunks) => this.carrier.write(chunks),
        schedule: () => queueMicrotask(() => this.streams.flush()),
      },
      events: {
        ready: () => undefined,
        opened: (stream) => {
          const exchange = new TestExchange(stream);
          this.exchanges.push(exchange);
          queueMicrotask(() => serve(exchange));
          return exchange;
        },
        busy: () => undefined,
        goaway: () => undefined,
        ended: (error) => this.ended.resolve(error),
      },
    });
    void line.closed.then(() => {
      clearTimeout(alarm);
      this.streams.lost(new FairleadError("session.lost"));
    });
    const take = (data: unknown): void => {
      if (typeof data === "string") {
        const { preface } = readPreface(data, { session, generation: 1, ...peer });
        this.carrier.laneJoined(1, 1, preface);
        this.carrier.proven();
      } else if (data instanceof ArrayBuffer) this.carrier.receive(1, new Uint8Array(data));
    };
    for (const data of line.received.splice(0)) take(data);
    line.socket.addEventListener("message", ({ data }) => take(data));
    this.send(encodePreface({ carrier: { min: 1, max: 2 }, session, generation: 1, ...self }));
  }

  /**
   * Answers the next invitation of an uplink. A test that does not wait for it may end before there is one, and the next
   * tests run in the same worker.
   */
  static join(
    uplink: TestUplink,
    serve: (exchange: TestExchange) => void = () => undefined,
  ): Promise<DoorConnector> {
    const joined = DoorConnector.#answer(uplink, serve);
    joined.catch(() => undefined);
    return joined;
  }

  static async #answer(uplink: TestUplink, serve: (exchange: TestExchange) => void): Promise<DoorConnector> {
    const { invitation } = await uplink.next("door.offer");
    const line = new Line(await dialTicket(uplink, invitation.ticket));
    return new DoorConnector(line, invitation, uplink, serve);
  }

  /** The connector's side of a session that a test made itself, on an end of its WebSocket. */
  static over(
    socket: WebSocket,
    invitation: DoorInvitation,
    self: InstanceId,
    serve: (exchange: TestExchange) => void,
  ): DoorConnector {
    const line = new Line(new Response(null, { status: 101, webSocket: socket }));
    return new DoorConnector(line, invitation, { member: { siteId: self.site }, boot: self.boot }, serve);
  }

  send(message: string | Uint8Array): void {
    try {
      this.line.socket.send(message);
    } catch {
      // The door closed it.
    }
  }
}
