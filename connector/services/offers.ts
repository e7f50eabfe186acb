/** What this site offers: services given at start, and those exposed while it runs. */
import { z } from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import type { Encryption, Offer } from "../../protocol/messages.ts";
import { Port, ServiceName, ServiceProtocol } from "../../protocol/names.ts";
import type { StateDirectory } from "../state/directory.ts";
import { HopRules } from "./hop.ts";
import type { Exposure } from "./options.ts";

const OFFERS_FILE = "offers.json";

/** As many as one hello carries. */
const MAX_OFFERS = 1000;

export const ExposureSchema = z.object({
  name: ServiceName,
  host: z.string().min(1).max(253),
  port: Port,
  protocol: ServiceProtocol,
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
    return this.list().map(({ name, protocol, port, encryption }) => ({
      ...{ name, protocol, port },
      ...(encryption === undefined ? {} : { encryption }),
    }));
  }

  /**
   * The target of a service that is offered here, for a stream of a session of that mode. One that is offered for
   * hop encryption may be used with end-to-end encryption, which is more; never the other way around.
   * @throws FairleadError `service.unknown`, `service.hop_not_allowed`.
   */
  target(name: string, encryption: Encryption = "end-to-end"): Exposure {
    const exposure = this.#given.get(name) ?? this.#added.get(name);
    if (!exposure) throw new FairleadError("service.unknown", `this site does not offer ${name}`);
    if (encryption === "hop" && !this.#hop.offers(name)) {
      throw new FairleadError(
        "service.hop_not_allowed",
        `this site offers ${name} with end-to-end encryption`,
      );
    }
    return exposure;
  }

  /** Offers a service from now on, also after a restart. @throws FairleadError service.taken, request.invalid, state.*. */
  async add(exposure: Exposure): Promise<void> {
    const { name } = exposure;
    if (this.#given.has(name) || this.#added.has(name)) {
      throw new FairleadError("service.taken", `this site offers ${name} already`);
    }
    if (this.#given.size + this.#added.size >= MAX_OFFERS) {
      throw new FairleadError("request.invalid", `a site offers ${MAX_OFFERS} services at the most`);
    }
    this.#added.set(name, exposure);
    await this.#store(() => this.#added.delete(name));
  }

  /** Offers a service no more; one given at start comes back with the next start. @throws FairleadError service.unknown, state.*. */
  async remove(name: string): Promise<void> {
    const exposure = this.target(name);
    if (this.#given.delete(name)) this.#onChange();
    else {
      this.#added.delete(name);
      await this.#store(() => this.#added.set(name, exposure));
    }
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
