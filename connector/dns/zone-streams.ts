/** Serves the streams by which other sites ask for names of this site's zones. */
import type { Duplex } from "node:stream";
import { RCODE } from "../../protocol/dns/constants.ts";
import { isWithin } from "../../protocol/dns/domain-name.ts";
import { circleError, type ExtendedError, unreachableError } from "../../protocol/dns/extended-error.ts";
import { writeForwarded } from "../../protocol/dns/forwarded-answer.ts";
import { isCircle, NO_PASSAGES } from "../../protocol/dns/passages.ts";
import { readQuery } from "../../protocol/dns/query.ts";
import { bareAnswer, failedAnswer } from "../../protocol/dns/record.ts";
import { keepAnswer } from "../../protocol/dns/response.ts";
import { writeResponse } from "../../protocol/dns/response-writer.ts";
import { zoneService } from "../../protocol/dns/zone-service.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { OfferedZone } from "../config/dns-options.ts";
import { isExportedTo, type Peer, type Scope } from "../config/scope.ts";
import { FramedMessages, framed } from "./framed-messages.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

/** A stream that a peer opened. */
export interface ZoneStream extends Duplex {
  readonly service: string;
  accept(): void;
}

/** Most queries of one stream whose answers are awaited. */
const MAX_PENDING = 200;

const MAX_BYTES = 65_535;

interface ServedZone {
  readonly domain: string;
  readonly upstream: Upstream;
  readonly to: Scope;
}

export interface ZoneStreamsOptions extends Pick<UpstreamOptions, "attemptMs" | "maxPending"> {
  /** The peer under its newest name; a session keeps the name that its peer had first. */
  readonly current?: ((peer: Peer) => Peer) | undefined;
  /** The passage of this connector. */
  readonly passage?: string | undefined;
}

export class ZoneStreams {
  readonly #options: ZoneStreamsOptions;
  #zones: ReadonlyMap<string, ServedZone> = new Map();
  #forbidden: ReadonlySet<string> = new Set();
  readonly #open = new Map<ZoneStream, Peer>();
  #isDraining = false;

  constructor(zones: readonly OfferedZone[], options: ZoneStreamsOptions = {}) {
    this.#options = options;
    this.setZones(zones);
  }

  /** Replaces the zones. Streams for other zones are reset. */
  setZones(zones: readonly OfferedZone[]): void {
    this.#zones = new Map(
      zones.map(({ domain, servers, to }) => [
        zoneService(domain),
        { domain, to, upstream: new Upstream({ servers, ...this.#options }) },
      ]),
    );
    this.#review();
  }

  /**
   * Replaces the names of the services that the network does not let this site offer. Call this also when sites may
   * have other names.
   */
  forbid(services: Iterable<string>): void {
    this.#forbidden = new Set(services);
    this.#review();
  }

  /** Serves a stream until it ends. @throws FairleadError service.*, with which the stream was reset. */
  async serve(stream: ZoneStream, peer: Peer): Promise<void> {
    const refusal = this.#refusal(stream.service, peer);
    stream.on("error", () => {});
    if (refusal !== null) {
      stream.destroy(refusal);
      throw refusal;
    }
    this.#open.set(stream, peer);
    const closed = new Promise<void>((resolve) => stream.once("close", resolve));
    stream.accept();
    this.#read(stream);
    await closed;
    this.#open.delete(stream);
    if (stream.errored !== null && stream.errored instanceof FairleadError) throw stream.errored;
  }

  /** Ends the streams: whoever has a question asks another site. */
  drain(): void {
    this.#isDraining = true;
    this.#review();
  }

  #refusal(service: string, peer: Peer): FairleadError | null {
    if (this.#isDraining) return new FairleadError("service.draining");
    if (this.#forbidden.has(service)) return new FairleadError("service.forbidden");
    const zone = this.#zones.get(service);
    if (zone === undefined) return new FairleadError("service.unknown");
    const current = this.#options.current?.(peer) ?? peer;
    return isExportedTo(zone.to, current) ? null : new FairleadError("service.not_exported");
  }

  #review(): void {
    for (const [stream, peer] of this.#open) {
      const refusal = this.#refusal(stream.service, peer);
      if (refusal !== null) stream.destroy(refusal);
    }
  }

  #read(stream: ZoneStream): void {
    const messages = new FramedMessages();
    let pending = 0;
    let isEnding = false;
    const read = (): void => {
      while (pending < MAX_PENDING && !stream.destroyed) {
        const message = messages.next();
        if (message === "malformed") stream.destroy(new FairleadError("stream.cancelled"));
        if (message === null || message === "malformed") break;
        pending++;
        void this.#answer(stream.service, message).then((answer) => {
          pending--;
          if (answer !== null && !stream.destroyed) stream.write(framed(answer));
          if (isEnding && pending === 0) stream.end();
          read();
        });
      }
      if (pending >= MAX_PENDING) stream.pause();
      else if (stream.isPaused()) stream.resume();
    };
    stream.on("data", (chunk: Uint8Array) => {
      messages.add(chunk);
      read();
    });
    stream.on("end", () => {
      isEnding = true;
      if (pending === 0) stream.end();
    });
  }

  async #answer(service: string, message: Uint8Array): Promise<Uint8Array | null> {
    const query = readQuery(message);
    if (query === null) return null;
    const { question, refusal } = query;
    const bare = (rcode: number) => writeResponse(message, query, bareAnswer(rcode), MAX_BYTES);
    const failed = (error: ExtendedError) => writeResponse(message, query, failedAnswer(error), MAX_BYTES);
    if (question === null || refusal !== null) return bare(refusal ?? RCODE.FORMERR);
    const zone = this.#zones.get(service);
    if (zone === undefined || !isWithin(question.name, zone.domain)) return bare(RCODE.REFUSED);
    const { name, type } = question;
    const { passage } = this.#options;
    const passages = query.edns?.passages ?? NO_PASSAGES;
    if (passage !== undefined && isCircle(passages, passage)) return failed(circleError(zone.domain));
    const own = passage === undefined ? passages : [...passages, passage];
    const response = await zone.upstream.ask({ name, type }, own);
    const answer = response === null ? null : keepAnswer(response, { name, type }, zone.domain);
    if (answer === null) return failed(response?.error ?? unreachableError(zone.domain));
    return writeForwarded(message, { ...query, question }, { answer, age: 0, zone: zone.domain }, MAX_BYTES);
  }
}
