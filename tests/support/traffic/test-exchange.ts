/** Requests of a peer to an exchange server, through a stream without a session. */
import type { Duplex } from "node:stream";
import { firstPort, parseExpose } from "../../../connector/config/service-options.ts";
import type { ClientLimits } from "../../../connector/http/client/client-limits.ts";
import { CLIENT_LIMITS } from "../../../connector/http/client/client-limits.ts";
import { ExchangeServer } from "../../../connector/http/client/exchange-server.ts";
import { TargetClients } from "../../../connector/http/client/target-clients.ts";
import { dialTarget } from "../../../connector/targets/dial-target.ts";
import type { PeerStream } from "../../../connector/targets/stream-server.ts";
import type { TargetPreambles } from "../../../connector/targets/target-preamble.ts";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import type { Fields, RequestHead, ResponseHead } from "../../../protocol/exchange/head.ts";
import { ResponseDecoder } from "../../../protocol/exchange/message-decoder.ts";
import { RequestEncoder } from "../../../protocol/exchange/message-encoder.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import { peerStream, testRelay } from "../connector/test-relay.ts";

export interface TestAnswer {
  readonly informational: readonly ResponseHead[];
  readonly status: number;
  readonly fields: Fields;
  readonly content: string;
  readonly trailers: Fields;
}

export interface TestTargetOptions {
  readonly port: number;
  readonly protocol?: ServiceProtocol;
  readonly limits?: Partial<ClientLimits>;
  /** What precedes the requests. */
  readonly preambles?: TargetPreambles;
}

const PEER = { site: "site_west", siteName: "west", boot: "boot_west" } as const;

/** One request of the peer. */
export class TestExchange {
  readonly far: Duplex;
  readonly stream: PeerStream;
  /** Resolves at ACCEPT; rejects with the error of a refusal. */
  readonly accepted: Promise<void>;
  /** The whole response. Rejects with the error that the stream was reset with. */
  readonly answer: Promise<TestAnswer>;
  /** Resolves with the head of the response. */
  readonly head: Promise<ResponseHead>;
  readonly encoder: RequestEncoder;
  readonly informational: ResponseHead[] = [];
  /** Content of the response so far, latin1. */
  content = "";

  /** @param ended whether the request has no content; "partial" sends the first bytes of its head alone */
  constructor(server: ExchangeServer, request: RequestHead, ended: boolean | "partial") {
    const { stream, far, accepted } = peerStream("api", { kind: "exchange" });
    this.stream = stream;
    this.far = far;
    this.accepted = accepted;
    this.encoder = new RequestEncoder((bytes) => void far.write(bytes));
    const answer = Promise.withResolvers<TestAnswer>();
    const head = Promise.withResolvers<ResponseHead>();
    this.answer = answer.promise;
    this.head = head.promise;
    for (const each of [this.answer, this.head]) each.catch(() => {});
    let trailers: Fields = [];
    let final: ResponseHead = { status: 0, fields: [] };
    const decoder = new ResponseDecoder(request, {
      onInformational: (each) => void this.informational.push(each),
      onHead: (each) => {
        final = each;
        head.resolve(each);
      },
      onContent: (bytes) => {
        this.content += Buffer.from(bytes).toString("latin1");
      },
      onTrailers: (each) => {
        trailers = each;
      },
      onEnd: () =>
        answer.resolve({ informational: this.informational, ...final, content: this.content, trailers }),
    });
    far.on("data", (bytes: Buffer) => {
      try {
        decoder.push(bytes);
      } catch (error) {
        answer.reject(error);
      }
    });
    const fail = () => {
      const error = asFairleadError(
        stream.errored ?? new FairleadError("stream.cancelled"),
        "stream.internal",
      );
      answer.reject(error);
      head.reject(error);
    };
    stream.on("close", fail);
    const exposure = parseExpose("api=1");
    const origin = { exposure, port: firstPort(exposure), peer: PEER, encryption: "end-to-end" } as const;
    const flow = testRelay().start({ side: "target", service: "api", peer: PEER, stream });
    const leave = new AbortController();
    stream.on("close", () => leave.abort());
    void server.serve(stream, { ...origin, flow, signal: leave.signal }).catch((error: unknown) => {
      stream.destroy(asFairleadError(error, "stream.internal"));
    });
    if (ended === "partial") far.write(Buffer.from([2, 3, 0x47]));
    else this.encoder.head(request, ended);
    if (ended === true) far.end();
  }

  /** Sends content. */
  write(text: string): void {
    this.encoder.content(Buffer.from(text, "latin1"));
  }

  /** Ends the request. */
  end(trailers: Fields = []): void {
    this.encoder.end(trailers);
    this.far.end();
  }
}

/** An exchange server whose only service is at a port of 127.0.0.1. */
export class TestTarget {
  readonly #server: ExchangeServer;
  readonly clients: TargetClients<{ name: string; port: { protocol: ServiceProtocol } }, { port: number }>;
  /** Connections that were dialled. */
  dials = 0;

  constructor({ port, protocol = "http", limits = {}, preambles }: TestTargetOptions) {
    const all = { ...CLIENT_LIMITS, ...limits };
    const target = { port };
    this.clients = new TargetClients({
      targets: {
        lease: async (_port, _signal, tried) => {
          if (tried.has(target)) throw new FairleadError("service.unreachable", "No target is left.");
          return {
            target,
            connect: async ({ signal, prepare }) => {
              this.dials++;
              const socket = await dialTarget({ host: "127.0.0.1", port }, { signal });
              return (await prepare?.(socket, all.connectMs)) ?? socket;
            },
            answered: () => {},
            failed: () => {},
            end: () => {},
          };
        },
      },
      keyOf: (each) => String(each.port),
      addressOf: (each) => `127.0.0.1:${each.port}`,
      hostOf: () => "127.0.0.1",
      preambleOf: ({ port: { name } }) => preambles?.of(name, null) ?? null,
      limits: all,
    });
    this.#server = new ExchangeServer({
      find: ({ stream, use, request, isGrpc }) =>
        this.clients.find({
          port: { name: "api", port: { protocol } },
          servicePort: stream.port,
          ...{ request, isGrpc, peer: use.peer, hops: stream.hops, signal: use.signal },
        }),
      relay: testRelay(),
      limits: all,
    });
  }

  /** Opens a request whose content follows. */
  open(head: Partial<RequestHead> = {}): TestExchange {
    return new TestExchange(this.#server, requestHead({ method: "POST", ...head }), false);
  }

  /** Sends the beginning of a head. */
  partial(): TestExchange {
    return new TestExchange(this.#server, requestHead(), "partial");
  }

  /** Sends a request without content. */
  get(head: Partial<RequestHead> = {}): TestExchange {
    return new TestExchange(this.#server, requestHead(head), true);
  }

  /** Sends a request with content. */
  post(content: string, head: Partial<RequestHead> = {}, trailers: Fields = []): TestExchange {
    const exchange = this.open(head);
    if (content !== "") exchange.write(content);
    exchange.end(trailers);
    return exchange;
  }
}

export function requestHead(head: Partial<RequestHead> = {}): RequestHead {
  return { method: "GET", scheme: "http", authority: "api.example", path: "/", fields: [], ...head };
}
