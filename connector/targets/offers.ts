/** What this site offers: services given at start, and those exposed while it runs. */
import { z } from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName, ServiceProtocol } from "../../protocol/names.ts";
import type { Encryption, Offer } from "../../protocol/uplink/messages.ts";
import { HopRules } from "../config/hop-policy.ts";
import { isExportedTo, type Peer, Scope, sameScope } from "../config/scope.ts";
import type { Exposure } from "../config/service-options.ts";
import type { StateDirectory } from "../state/directory.ts";

const OFFERS_FILE = "offers.json";

/** As many as one hello carries. */
const MAX_OFFERS = 1000;

export const ExposureSchema = z.object({
  name: ServiceName,
  host: z.string().min(1).max(253),
  port: Port,
  protocol: ServiceProtocol,
  to: Scope,
});
const OffersFile = z.object({ offers: z.array(ExposureSchema) });

export class Offers {
  readonly #state: StateDirectory;
  /** Given at start; never stored, so that a start without the option ends it. */
  readonly #given: Map<string, Exposure>;
  readonly #added: Map<string, Exposure>;
  readonly #hop: HopRules;
  #onChange: () => void = () => {};

  private constructor(
    state: StateDirectory,
    given: Map<string, Exposure>,
    added: Map<string, Exposure>,
    hop: HopRules,
  ) {
    this.#state = state;
    this.#hop = hop;
    this.#given = given;
    this.#added = added;
  }

  /**
   * The offers of a site. One given at start hides a stored one of the same name; `hop` holds for both.
   * @throws FairleadError `request.invalid` when a name is given twice; `state.corrupt`.
   */
  static async load(
    state: StateDirectory,
    given: readonly Exposure[],
    hop: HopRules = new HopRules(),
  ): Promise<Offers> {
    const names = new Map<string, Exposure>();
    for (const exposure of given) {
      if (names.has(exposure.name)) {
        throw new FairleadError("request.invalid", `--expose names ${exposure.name} twice`);
      }
      names.set(exposure.name, exposure);
    }
    const stored = await state.readJson(OFFERS_FILE, OffersFile);
    const added = stored?.offers.filter((exposure) => !names.has(exposure.name)) ?? [];
    return new Offers(state, names, new Map(added.map((exposure) => [exposure.name, exposure])), hop);
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Services and targets, by name. */
  list(): (Exposure & { readonly encryption?: Encryption })[] {
    return [...this.#given.values(), ...this.#added.values()]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .map((exposure) => (this.#hop.offers(exposure.name) ? { ...exposure, encryption: "hop" } : exposure));
  }

  /** Whether any service is offered for hop encryption now. */
  get anyHop(): boolean {
    return this.list().some(({ encryption }) => encryption === "hop");
  }

  /** What the registry is told; targets stay here. */
  forRegistry(): Offer[] {
    return this.list().map(({ name, protocol, port, encryption, to }) => ({
      ...{ name, protocol, port },
      ...(encryption === undefined ? {} : { encryption }),
      ...(to === undefined ? {} : { to }),
    }));
  }

  /** Whether a peer may go on using a service: one that is offered no more lets its streams finish. */
  mayStay(name: string, peer: Peer): boolean {
    return isExportedTo(this.#find(name)?.to, peer);
  }

  /**
   * The target of a service that is offered here, for a stream of `peer` in a session of that mode. One that is
   * offered for hop encryption may be used with end-to-end encryption, which is more; never the other way around.
   * @throws FairleadError `service.unknown`, `service.not_exported`, `service.hop_not_allowed`.
   */
  target(name: string, peer: Peer, encryption: Encryption = "end-to-end"): Exposure {
    const exposure = this.#offered(name);
    if (!isExportedTo(exposure.to, peer)) {
      throw new FairleadError("service.not_exported", `${name} is not exported to site ${peer.siteName}`);
    }
    if (encryption === "hop" && !this.#hop.offers(name)) {
      throw new FairleadError(
        "service.hop_not_allowed",
        `this site offers ${name} with end-to-end encryption`,
      );
    }
    return exposure;
  }

  /**
   * Offers a service from now on, also after a restart. One that is offered already, from the same target, gets
   * another scope; one that was given at start has the scope of its options again after a restart.
   * @throws FairleadError service.taken, request.invalid, state.*.
   */
  async add(exposure: Exposure): Promise<void> {
    const { name } = exposure;
    const before = this.#find(name);
    if (before !== undefined && !isRescoped(before, exposure)) {
      throw new FairleadError("service.taken", `this site offers ${name} already`);
    }
    if (before === undefined && this.#given.size + this.#added.size >= MAX_OFFERS) {
      throw new FairleadError("request.invalid", `a site offers ${MAX_OFFERS} services at the most`);
    }
    if (this.#given.has(name)) {
      this.#given.set(name, exposure);
      this.#onChange();
      return;
    }
    this.#added.set(name, exposure);
    await this.#store(() => {
      if (before === undefined) this.#added.delete(name);
      else this.#added.set(name, before);
    });
  }

  /** Offers a service no more; one given at start comes back with the next start. @throws FairleadError service.unknown, state.*. */
  async remove(name: string): Promise<void> {
    const exposure = this.#offered(name);
    if (this.#given.delete(name)) this.#onChange();
    else {
      this.#added.delete(name);
      await this.#store(() => this.#added.set(name, exposure));
    }
  }

  #find(name: string): Exposure | undefined {
    return this.#given.get(name) ?? this.#added.get(name);
  }

  #offered(name: string): Exposure {
    const exposure = this.#find(name);
    if (exposure === undefined)
      throw new FairleadError("service.unknown", `this site does not offer ${name}`);
    return exposure;
  }

  /** What could not be stored is undone, so that memory and disk agree. */
  async #store(undo: () => void): Promise<void> {
    try {
      const offers = [...this.#added.values()];
      await this.#state.writeAtomic(OFFERS_FILE, `${JSON.stringify({ offers }, null, 2)}\n`);
    } catch (error) {
      undo();
      throw error;
    }
    this.#onChange();
  }
}

/** Whether nothing differs but the sites that it is for. */
function isRescoped(before: Exposure, after: Exposure): boolean {
  const { host, port, protocol } = after;
  const same = before.host === host && before.port === port && before.protocol === protocol;
  return same && !sameScope(before.to, after.to);
}
