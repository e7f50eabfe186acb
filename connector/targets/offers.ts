/** The services that this site offers: those given at start, and those exposed while the connector runs. */
import { z } from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName, ServiceProtocol } from "../../protocol/names.ts";
import type { Encryption, Offer } from "../../protocol/uplink/messages.ts";
import { HopRules } from "../config/hop-policy.ts";
import { isExportedTo, type Peer, Scope, sameScope } from "../config/scope.ts";
import type { Exposure } from "../config/service-options.ts";
import type { StateDirectory } from "../state/directory.ts";

const OFFERS_FILE = "offers.json";

/** Most offers that one hello carries. */
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
  /** Given at start. Never stored, so that a start without the option ends the offer. */
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
   * Loads the offers of a site. An offer given at start hides a stored one of the same name. `hop` applies to both.
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
        throw new FairleadError("request.invalid", `--expose names ${exposure.name} twice.`);
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

  /** Services with their targets, sorted by name. */
  list(): (Exposure & { readonly encryption?: Encryption })[] {
    return [...this.#given.values(), ...this.#added.values()]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .map((exposure) => (this.#hop.offers(exposure.name) ? { ...exposure, encryption: "hop" } : exposure));
  }

  /** Whether any service is offered for hop encryption now. */
  get anyHop(): boolean {
    return this.list().some(({ encryption }) => encryption === "hop");
  }

  /** The offers as the registry gets them, without their targets. */
  forRegistry(): Offer[] {
    return this.list().map(({ name, protocol, port, encryption, to }) => ({
      ...{ name, protocol, port },
      ...(encryption === undefined ? {} : { encryption }),
      ...(to === undefined ? {} : { to }),
    }));
  }

  /** Whether a peer may keep its streams to a service. The streams of a withdrawn service may finish. */
  mayStay(name: string, peer: Peer): boolean {
    return isExportedTo(this.#find(name)?.to, peer);
  }

  /**
   * The exposure of an offered service, for a stream of `peer` in a session of that encryption. A service offered with
   * hop encryption may also be used with end-to-end encryption, which is stronger; never the other way round.
   * @throws FairleadError `service.unknown`, `service.not_exported`, `service.hop_not_allowed`.
   */
  target(name: string, peer: Peer, encryption: Encryption = "end-to-end"): Exposure {
    const exposure = this.#offered(name);
    if (!isExportedTo(exposure.to, peer)) {
      throw new FairleadError("service.not_exported", `${name} is not exported to site ${peer.siteName}.`);
    }
    if (encryption === "hop" && !this.#hop.offers(name)) {
      throw new FairleadError(
        "service.hop_not_allowed",
        `This site offers ${name} with end-to-end encryption.`,
      );
    }
    return exposure;
  }

  /**
   * Offers a service from now on, also after a restart. Naming an offered service with the same target changes its
   * scope; the scope of a service given at start is that of its options again after a restart.
   * @throws FairleadError service.taken, request.invalid, state.*.
   */
  async add(exposure: Exposure): Promise<void> {
    const { name } = exposure;
    const before = this.#find(name);
    if (before !== undefined && !isRescoped(before, exposure)) {
      throw new FairleadError("service.taken", `This site offers ${name} already.`);
    }
    if (before === undefined && this.#given.size + this.#added.size >= MAX_OFFERS) {
      throw new FairleadError("request.invalid", `A site offers at most ${MAX_OFFERS} services.`);
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

  /** Withdraws a service. A service given at start returns at the next start. @throws FairleadError service.unknown, state.*. */
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
      throw new FairleadError("service.unknown", `This site does not offer ${name}.`);
    return exposure;
  }

  /** Stores the added offers. On failure the change is undone, so that memory and disk agree. */
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

/** Whether only the scopes differ. */
function isRescoped(before: Exposure, after: Exposure): boolean {
  const { host, port, protocol } = after;
  const same = before.host === host && before.port === port && before.protocol === protocol;
  return same && !sameScope(before.to, after.to);
}
