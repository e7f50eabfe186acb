/** Asks the DNS servers of a zone, for other sites. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { RCODE } from "../../protocol/dns/constants.ts";
import { writeQuery } from "../../protocol/dns/forwarded-answer.ts";
import { NO_PASSAGES, type Passages } from "../../protocol/dns/passages.ts";
import { type DnsResponse, readResponse } from "../../protocol/dns/response.ts";
import type { DnsAddress } from "../config/dns-options.ts";
import { FramedMessages, framed } from "./framed-messages.ts";

export interface UpstreamOptions {
  /** Asked in this order, each attempt at the next one. */
  readonly servers: readonly DnsAddress[];
  /** How long one attempt waits, ms; tests have others. */
  readonly attemptMs?: number | undefined;
  readonly maxPending?: number | undefined;
}

export interface Asked {
  readonly name: string;
  readonly type: number;
}

/** How long an attempt waits for its answer, ms, and how many attempts there are. */
const ATTEMPT_MS = 2000;
const ATTEMPTS = 2;

/** Most questions that wait for an answer. */
const MAX_PENDING = 1000;

const IDS = 65_536;

export class Upstream {
  readonly #options: UpstreamOptions;
  #pending = 0;
  /** Servers that answered a query with EDNS by FORMERR or NOTIMP. */
  readonly #plain = new Set<DnsAddress>();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /**
   * The answer of the first server that gives any. Null if none does in time. Never rejects.
   *
   * @param passages what the queries say. Some servers drop queries with options that they do not know, so a server that
   *   was silent is asked without.
   */
  async ask(asked: Asked, passages: Passages = NO_PASSAGES): Promise<DnsResponse | null> {
    const { servers, maxPending = MAX_PENDING } = this.#options;
    if (this.#pending >= maxPending || servers.length === 0) return null;
    this.#pending++;
    try {
      let last: DnsResponse | null = null;
      const silent = new Set<DnsAddress>();
      for (
        let attempt = 0;
        attempt < Math.max(ATTEMPTS, servers.length) && attempt < MAX_ATTEMPTS;
        attempt++
      ) {
        const server = servers[attempt % servers.length];
        if (server === undefined) break;
        const answer = await this.#askServer(server, asked, silent.has(server) ? NO_PASSAGES : passages);
        if (answer === null) silent.add(server);
        // Another server may know what this one failed to find.
        if (answer?.rcode === RCODE.NOERROR || answer?.rcode === RCODE.NXDOMAIN) return answer;
        last = answer ?? last;
      }
      return last;
    } finally {
      this.#pending--;
    }
  }

  async #askServer(server: DnsAddress, asked: Asked, passages: Passages): Promise<DnsResponse | null> {
    const { attemptMs = ATTEMPT_MS } = this.#options;
    const edns = !this.#plain.has(server);
    const answer = await overUdp(
      server,
      (id) => writeQuery(id, asked, edns, edns ? passages : NO_PASSAGES),
      asked,
      attemptMs,
    );
    if (answer?.truncated) return await overTcp(server, asked, attemptMs);
    if (!edns || (answer?.rcode !== RCODE.FORMERR && answer?.rcode !== RCODE.NOTIMP)) return answer;
    this.#plain.add(server);
    const plain = await overUdp(server, (id) => writeQuery(id, asked, false), asked, attemptMs);
    return plain?.truncated ? await overTcp(server, asked, attemptMs) : plain;
  }
}

/** Most attempts, however many servers there are: the client has given up by then. */
const MAX_ATTEMPTS = 4;

/**
 * Whether an answer is that to the question. A server that does not understand a query may leave the question out of
 * its error.
 */
function answers({ id, question, rcode }: DnsResponse, asked: Asked, askedId: number): boolean {
  if (id !== askedId) return false;
  if (question === null) return rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN;
  return question.name === asked.name && question.type === asked.type;
}

/** Asks from a port and with an id that nobody can guess. What does not answer the question is ignored. */
function overUdp(
  { host, port }: DnsAddress,
  query: (id: number) => Uint8Array,
  asked: Asked,
  ms: number,
): Promise<DnsResponse | null> {
  return new Promise((resolve) => {
    const id = randomInt(IDS);
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const end = (answer: DnsResponse | null): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), ms);
    // The port is closed: no answer will come.
    socket.on("error", () => end(null));
    socket.on("message", (bytes) => {
      const answer = readResponse(bytes);
      if (answer !== null && answers(answer, asked, id)) end(answer);
    });
    // The kernel drops what comes from another address than the one that the socket is connected to.
    socket.connect(port, host, () => socket.send(query(id)));
  });
}

function overTcp({ host, port }: DnsAddress, asked: Asked, ms: number): Promise<DnsResponse | null> {
  return new Promise((resolve) => {
    const id = randomInt(IDS);
    const socket = connect({ host, port, noDelay: true });
    const messages = new FramedMessages();
    const end = (answer: DnsResponse | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), ms);
    socket.on("error", () => end(null));
    socket.on("close", () => end(null));
    socket.on("connect", () => socket.write(framed(writeQuery(id, asked, false))));
    socket.on("data", (chunk: Buffer) => {
      messages.add(chunk);
      for (;;) {
        const message = messages.next();
        if (message === null) return;
        const answer = message === "malformed" ? null : readResponse(message);
        if (message === "malformed" || (answer !== null && answers(answer, asked, id))) {
          end(answer);
          return;
        }
      }
    });
  });
}
