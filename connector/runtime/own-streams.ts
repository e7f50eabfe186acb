/**
 * This connector as an instance of the services that it offers: a client of its own listeners is served by its own
 * targets, without a session, as long as they are the best choice.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { Instance, VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { OpeningStream, OwnOffer } from "../listeners/open-stream.ts";
import type { StreamRequest } from "../listeners/stream-opener.ts";
import { type OwnStream, ownStream } from "../relay/own-stream.ts";
import type { Offers } from "../targets/offers.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { TargetStreams } from "../targets/target-streams.ts";
import type { Part } from "./part.ts";

export interface OwnStreamsOptions {
  readonly offers: Offers;
  /** An offer that the network refuses serves nobody. */
  readonly refused: Pick<RefusedOffers, "of">;
  /** The places of a service's ports whose targets are all down; null if there are none. */
  readonly withdrawn: (service: string) => { readonly down: readonly number[] } | null;
  readonly targetStreams: TargetStreams;
  /** This connector. */
  readonly instance: () => Instance;
  /** Kinds of streams, besides `tcp`, that the targets are served with. */
  readonly kinds: readonly string[];
}

export class OwnStreams implements Part {
  readonly #options: OwnStreamsOptions;
  readonly #open = new Set<OwnStream>();
  #onEmpty: (() => void) | null = null;

  constructor(options: OwnStreamsOptions) {
    this.#options = options;
  }

  /** This connector's offer of a service that other sites offer too; null without any. */
  offer({ name, port: first }: VisibleService): OwnOffer | null {
    const { offers, refused, withdrawn, instance, kinds } = this.#options;
    const exposure = offers.find(name);
    if (exposure === undefined || refused.of(name) !== undefined) return null;
    // A port that the site did not ask for has the number of the service's first.
    const ports = exposure.ports.map(({ servicePort = first }) => servicePort);
    const down = withdrawn(name)?.down.flatMap((place) => ports[place] ?? []);
    const { weight, rank } = offers.balanceOf(name) ?? {};
    return { ...instance(), own: true, cost: 0, ports, down, kinds: [...kinds], weight, rank };
  }

  /** Whether the instance is this connector. */
  isOwn({ site, boot }: VisibleOffer): boolean {
    const own = this.#options.instance();
    return own.site === site && own.boot === boot;
  }

  /** Opens a stream to a target of this connector. */
  open(service: string, request: StreamRequest): OpeningStream {
    const { targetStreams, instance } = this.#options;
    const { near, far } = ownStream({ service, ...request });
    this.#open.add(near);
    near.once("close", () => {
      this.#open.delete(near);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
    const origin = { peer: instance(), own: true, encryption: "end-to-end", draining: false } as const;
    void targetStreams.serve(far, origin);
    return near;
  }

  /** Resolves when no stream is open, or after `ms`. */
  async drain(ms: number): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    await resolvesWithin(promise, ms);
  }

  close(): void {
    for (const stream of this.#open) stream.destroy(new FairleadError("session.closed"));
  }
}
