/** A zone that other sites offer and this site accepts. */
import type { Duplex } from "node:stream";
import { RCODE } from "../../protocol/dns/constants.ts";
import { type ExtendedError, unreachableError } from "../../protocol/dns/extended-error.ts";
import type { Passages } from "../../protocol/dns/passages.ts";
import { keepAnswer } from "../../protocol/dns/response.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";
import type { ForwardedAnswer, ForwardedZone } from "./answerer.ts";
import type { Asked } from "./upstream.ts";
import type { ZoneCache } from "./zone-cache.ts";
import { ZoneConnection } from "./zone-connection.ts";

/** What resolves zones of other sites. */
export interface RemoteZoneSources {
  /** The offers of a zone that this site may use, now. */
  readonly offers: (domain: string) => readonly VisibleOffer[];
  /** Opens a stream for the zone's queries. */
  readonly open: (domain: string, peer: VisibleOffer) => Promise<Duplex>;
  readonly cache: ZoneCache;
  /** The passage of this connector. */
  readonly passage?: string | undefined;
  /** How long one site may take, ms; tests have less. */
  readonly siteMs?: number;
}

/** How long one site may take: two attempts of its own, and the set-up of a session, ms. */
const SITE_MS = 5000;

/** Most sites that are asked for one answer. */
const MAX_SITES = 3;

export class RemoteZone implements ForwardedZone {
  readonly origin: string;
  readonly #sources: RemoteZoneSources;
  /** By site and boot id. */
  readonly #connections = new Map<string, ZoneConnection>();
  /** Questions whose answers are awaited. */
  readonly #asked = new Map<string, Promise<ForwardedAnswer | ExtendedError>>();
  #isClosed = false;

  constructor(origin: string, sources: RemoteZoneSources) {
    this.origin = origin;
    this.#sources = sources;
  }

  forward(
    { name, type }: Asked,
    passages: Passages,
  ): ForwardedAnswer | Promise<ForwardedAnswer | ExtendedError> {
    // The origin: zones within each other have different answers.
    const key = `${this.origin} ${type} ${name}`;
    const known = this.#sources.cache.get(key);
    if (known !== null) return known;
    // Passages can be invented: they may fail the question of the client alone that sent them.
    const shared = [key, ...passages].join(" ");
    const asked =
      this.#asked.get(shared) ??
      this.#ask(key, { name, type }, passages).finally(() => this.#asked.delete(shared));
    this.#asked.set(shared, asked);
    return asked;
  }

  /** Ends the streams. Questions that wait get no answer. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections.values()) connection.close();
  }

  /** The answer of the nearest site that gives any, or why none does. */
  async #ask(key: string, asked: Asked, before: Passages): Promise<ForwardedAnswer | ExtendedError> {
    const { cache, offers, passage, siteMs = SITE_MS } = this.#sources;
    const passages = passage === undefined ? before : [...before, passage];
    let failure = unreachableError(this.origin);
    const byCost = [...offers(this.origin)].sort((left, right) => (left.cost ?? 1) - (right.cost ?? 1));
    for (const peer of byCost.slice(0, MAX_SITES)) {
      if (this.#isClosed) break;
      const response = await this.#connection(peer).ask(asked, siteMs, passages);
      const answer = response === null ? null : keepAnswer(response, asked, this.origin);
      failure = response?.error ?? failure;
      if (answer === null) continue;
      // A site without an SOA record for its zone has not said for how long.
      const ttl = answer.negative && answer.ttl === 0 && answer.rcode === RCODE.NXDOMAIN ? 1 : answer.ttl;
      cache.put(key, { ...answer, ttl });
      return { answer, age: 0 };
    }
    return failure;
  }

  #connection(peer: VisibleOffer): ZoneConnection {
    const key = `${peer.site} ${peer.boot}`;
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    const made: ZoneConnection = new ZoneConnection({
      open: () => this.#sources.open(this.origin, peer),
      onEnd: () => {
        if (this.#connections.get(key) === made) this.#connections.delete(key);
      },
    });
    this.#connections.set(key, made);
    return made;
  }
}
