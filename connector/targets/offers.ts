/**
 * The services that this site offers: those of its configuration, those exposed while the connector runs, and those of a
 * controller.
 */
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName, ServiceProtocol, type Transport, transportOf } from "../../protocol/names.ts";
import { type Encryption, MAX_OFFERS, type Offer } from "../../protocol/uplink/messages.ts";
import type { OfferBalance } from "../config/balance-option.ts";
import { HealthTexts } from "../config/health-options.ts";
import { HopPolicy, type HopServices } from "../config/hop-policy.ts";
import { isExportedTo, type Peer, Scope } from "../config/scope.ts";
import {
  DEFAULT_PROTOCOL,
  type ExposedPort,
  type ExposeRequest,
  type Exposure,
  firstPort,
  firstTarget,
  keepPort,
  proposedPort,
  sameExposure,
  samePorts,
  type TargetHost,
  targetsOf,
} from "../config/service-options.ts";
import { type Log, silent } from "../log.ts";
import type { StateReader, StateStore } from "../state/store.ts";
import { changeBetween, type LeftOut, type ManagedExposure, selectManaged } from "./managed-exposures.ts";

export const OFFERS_FILE = "offers.json";

const TargetHostSchema = z.object({ host: z.string().min(1).max(253), port: Port });

/** An exposed port, in the control socket and in the file. */
export const ExposedPortSchema = z.object({
  servicePort: Port.optional(),
  firstPort: Port.optional(),
  protocol: ServiceProtocol,
  grpc: z.literal(true).optional(),
  targets: z.array(TargetHostSchema).min(1),
});

/**
 * An exposure as the file has it: the first port with its first target, which an older connector reads, and all ports
 * where there is more.
 */
const StoredExposure = z.object({
  name: ServiceName,
  ...TargetHostSchema.shape,
  ...ExposedPortSchema.omit({ targets: true }).shape,
  ports: z.array(ExposedPortSchema).min(1).optional(),
  to: Scope,
  health: HealthTexts.optional(),
});
type StoredExposure = z.infer<typeof StoredExposure>;

const OffersFile = z.object({ offers: z.array(StoredExposure) });

function fromStored({ name, ports, to, health, host, port, ...first }: StoredExposure): Exposure {
  const all = ports ?? [{ ...first, targets: [{ host, port }] }];
  return { name, ports: all, to, ...(health === undefined ? {} : { health }) };
}

function toStored(exposure: Exposure): StoredExposure {
  const { name, ports, to, health } = exposure;
  const { targets, ...port } = firstPort(exposure);
  const isSimple = ports.length === 1 && targets.length === 1;
  const all = isSimple ? undefined : ports.map((each) => ({ ...each, targets: [...each.targets] }));
  return { name, ...firstTarget({ targets }), ...port, ports: all, to, health: health && [...health] };
}

/** The content of the file with the added offers. */
const textOf = (added: ReadonlyMap<string, Exposure>): string =>
  `${JSON.stringify({ offers: [...added.values()].map(toStored) }, null, 2)}\n`;

const addedBy = (file: z.infer<typeof OffersFile> | null): Map<string, Exposure> =>
  new Map(file?.offers.map((exposure) => [exposure.name, fromStored(exposure)]));

/** The effect of offering a service. */
export interface Offering {
  readonly exposure: Exposure;
  /** The former targets that the service no longer has. */
  readonly movedFrom: readonly TargetHost[];
  /** Whether the configuration has the service too, which then has its configured target at the next start. */
  readonly configured: boolean;
}

/** A service that this site offers now. */
export interface OfferedService extends Exposure {
  readonly encryption?: Encryption;
  /** What a controller offers by it; undefined for one of the configuration or of a command. */
  readonly source?: string;
}

/** A target of an offered service. */
export interface OfferedTarget extends TargetHost {
  /** The service. */
  readonly name: string;
  readonly transport: Transport;
}

/** What changed: what other sites are told, or the targets alone. */
export type OffersChange = "offers" | "targets";

const NOTHING_MANAGED: ReturnType<typeof selectManaged> = { offered: new Map(), leftOut: [] };

export class Offers {
  readonly #state: StateStore;
  readonly #hop: HopPolicy;
  /** As the configuration has them. Never stored: a start without the option ends the offer. */
  #configured: ReadonlyMap<string, Exposure>;
  /** The configured offers as they are now: a command may have changed a scope, or withdrawn a service. */
  readonly #current: Map<string, Exposure>;
  /** Offers that a command added. Stored; a configured one of the same name hides it. */
  readonly #added: Map<string, Exposure>;
  /** The added offers as they were stored last. */
  #stored: string;
  #storing: Promise<unknown> = Promise.resolve();
  /** By service. */
  #balances: ReadonlyMap<string, OfferBalance> = new Map();
  /** As a controller gave them, and which of them are offered. Never stored; any other offer of the same name hides one. */
  #managed: readonly ManagedExposure[] = [];
  #selected = NOTHING_MANAGED;
  /** The offered services, sorted by name; null after a change. */
  #list: readonly OfferedService[] | null = null;
  #targets: readonly OfferedTarget[] | null = null;
  #onChange: (what: OffersChange) => void = () => {};

  private constructor(
    state: StateStore,
    configured: ReadonlyMap<string, Exposure>,
    added: Map<string, Exposure>,
    hop: HopPolicy,
  ) {
    this.#state = state;
    this.#hop = hop;
    this.#configured = configured;
    this.#current = new Map(configured);
    this.#added = added;
    this.#stored = textOf(added);
  }

  /**
   * Loads the offers of a site. `hop` applies to configured and added ones. A damaged file is set aside.
   * @throws FairleadError `request.invalid` when a name is given twice; `state.unwritable`.
   */
  static async load(
    state: StateStore,
    configured: readonly Exposure[],
    hop: HopPolicy = new HopPolicy(),
    log: Log = silent,
  ): Promise<Offers> {
    const loss = "Expose the services again that were exposed while the connector ran.";
    const stored = await state.readOrSetAside(OFFERS_FILE, OffersFile, { loss, log });
    return new Offers(state, byName(configured), addedBy(stored), hop);
  }

  /** Checks the stored offers of a site. @throws FairleadError `state.corrupt` */
  static async check(state: StateReader): Promise<void> {
    await state.readJson(OFFERS_FILE, OffersFile);
  }

  /** Takes over what another connector of this site stored. @throws FairleadError `state.*` */
  async reload(): Promise<void> {
    // What a command has just added is not stored yet.
    await this.#storing.catch(() => {});
    const stored = addedBy(await this.#state.readJson(OFFERS_FILE, OffersFile));
    const text = textOf(stored);
    if (text === this.#stored) return;
    this.#stored = text;
    this.#added.clear();
    for (const [name, exposure] of stored) this.#added.set(name, exposure);
    this.#changed();
  }

  /**
   * Takes over another configuration, the hop policy included. An offer whose entry is the same keeps what commands
   * have made of it.
   * @throws FairleadError `request.invalid`; then nothing has changed.
   */
  configure(exposures: readonly Exposure[], hop: HopServices = {}): void {
    const next = byName(exposures);
    const total = new Set([...next.keys(), ...this.#added.keys()]).size;
    if (total > MAX_OFFERS) throw tooMany();
    this.#hop.set(hop);
    for (const name of new Set([...this.#configured.keys(), ...next.keys()])) {
      const before = this.#configured.get(name);
      const after = next.get(name);
      if (after === undefined) this.#current.delete(name);
      else if (before === undefined || !sameExposure(before, after)) {
        this.#current.set(name, keepPort(this.find(name), after));
      }
    }
    this.#configured = next;
    this.#changed();
  }

  /**
   * Replaces the services of a controller. One whose name the configuration or a command has is left out until that ends,
   * and so is one beyond the most that a site offers: see {@link leftOut}. Streams to other targets stay as they are.
   */
  setManaged(exposures: readonly ManagedExposure[]): void {
    this.#managed = exposures;
    const before = this.#selected.offered;
    this.#select();
    const change = changeBetween(before, this.#selected.offered);
    if (change !== null) this.#onChange(change);
  }

  /** The services of a controller that are not offered, and why. */
  get leftOut(): readonly LeftOut[] {
    return this.#selected.leftOut;
  }

  /** Takes over the balances of services, offered or not. */
  setBalances(balances: readonly OfferBalance[]): void {
    this.#balances = new Map(balances.map((balance) => [balance.name, balance]));
    this.#changed();
  }

  /** The balance of a service by this site's configuration, or else by a controller; undefined without any. */
  balanceOf(name: string): Omit<OfferBalance, "name"> | undefined {
    return this.#balances.get(name) ?? this.#selected.offered.get(name)?.balance;
  }

  /** Called when the offers have changed. */
  onChange(listener: (what: OffersChange) => void): void {
    this.#onChange = listener;
  }

  /** Services with their targets, sorted by name. The same array until the offers change. */
  list(): readonly OfferedService[] {
    this.#list ??= [...new Map<string, Exposure>([...this.#selected.offered, ...this.#own()]).values()]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .map((exposure) => (this.#hop.offers(exposure.name) ? { ...exposure, encryption: "hop" } : exposure));
    return this.#list;
  }

  /** Whether any service is offered for hop encryption now. */
  get anyHop(): boolean {
    return this.list().some(({ encryption }) => encryption === "hop");
  }

  /**
   * The offers as the registry gets them, without their targets.
   * @param edge whether the edge knows UDP. Otherwise it gets no offer of a UDP port
   */
  forRegistry({ udp = true }: { readonly udp?: boolean } = {}): Offer[] {
    return this.list().flatMap(({ encryption, ...exposure }) => {
      const { name, to } = exposure;
      const managed = this.#selected.offered.get(name);
      const ports = udp ? exposure.ports : exposure.ports.filter(({ protocol }) => protocol !== "udp");
      const [first] = ports;
      if (first === undefined) return [];
      const balance = this.balanceOf(name);
      // A UDP port is always asked for: only `ports` can say its protocol such that every edge can read the offer.
      const asked = ports.flatMap((port) =>
        port.servicePort === undefined && port.protocol !== "udp"
          ? []
          : [{ port: proposedPort(port), protocol: port.protocol }],
      );
      return {
        ...{ name, protocol: first.protocol === "udp" ? "tcp" : first.protocol, port: proposedPort(first) },
        ...{ ports: asked.length === 0 ? undefined : asked, encryption, to },
        ...{ balance: balance?.mode, weight: balance?.weight, rank: balance?.rank },
        ...{ export: managed?.export, headless: managed?.headless },
        ...(managed === undefined ? {} : { stays: true as const }),
      };
    });
  }

  /** Whether any port of a service is for UDP. */
  get anyUdp(): boolean {
    return this.list().some(({ ports }) => ports.some(({ protocol }) => protocol === "udp"));
  }

  /** The targets of all offered services. The same array until the offers change. */
  targets(): readonly OfferedTarget[] {
    this.#targets ??= this.list().flatMap(({ name, ports }) =>
      ports.flatMap(({ targets, protocol }) =>
        targets.map((target) => ({ ...target, name, transport: transportOf(protocol) })),
      ),
    );
    return this.#targets;
  }

  /** Whether a peer may keep its streams to a service. The streams of a withdrawn service may finish. */
  mayStay(name: string, peer: Peer): boolean {
    return isExportedTo(this.find(name)?.to, peer);
  }

  /**
   * The exposure of an offered service, for a stream of `peer` in a session of that encryption; null is this site. A
   * service offered with hop encryption may also be used with end-to-end encryption, which is stronger; never the other
   * way round.
   * @throws FairleadError `service.unknown`, `service.not_exported`, `service.hop_not_allowed`.
   */
  target(name: string, peer: Peer | null, encryption: Encryption = "end-to-end"): Exposure {
    const exposure = this.#offered(name);
    if (peer !== null && !isExportedTo(exposure.to, peer)) {
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

  /** The exposure of an offered service, for a door. @throws FairleadError `service.unknown`. */
  published(name: string): Exposure {
    return this.#offered(name);
  }

  /** Whether a service is offered for a controller. */
  isManaged(name: string): boolean {
    return this.#selected.offered.has(name);
  }

  /** Whether a service is offered. */
  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /**
   * Offers a service from now on, also after a restart. A service that is offered already moves to the target, or gets
   * another scope or port: see {@link revised}. A configured service is as configured again after a restart. A service
   * of a controller is hidden.
   * @throws FairleadError request.invalid, state.*.
   */
  async add(request: ExposeRequest): Promise<Offering> {
    const { name } = request;
    const before = this.find(name);
    if (before === undefined && this.list().length >= MAX_OFFERS) throw tooMany();
    const exposure = before === undefined ? withProtocols(request) : revised(before, request);
    const configured = this.#current.has(name);
    const offering = { exposure, movedFrom: formerTargets(before, exposure), configured };
    const added = this.#added.get(name);
    const isKnown = configured || added !== undefined;
    if (before !== undefined && isKnown && sameExposure(before, exposure)) return offering;
    if (configured) {
      this.#current.set(name, exposure);
      this.#changed();
      return offering;
    }
    this.#added.set(name, exposure);
    await this.#store(() => {
      if (added === undefined) this.#added.delete(name);
      else this.#added.set(name, added);
    });
    return offering;
  }

  /**
   * Withdraws a service. A configured one comes back with the next start, or when its entry in the file changes.
   * @throws FairleadError service.unknown, request.invalid for a service of a controller, state.*.
   */
  async remove(name: string): Promise<void> {
    this.#offered(name);
    const managed = this.#selected.offered.get(name);
    if (managed !== undefined) {
      throw new FairleadError("request.invalid", `The service ${name} is offered for ${managed.source}.`, {
        action: `Withdraw it there: end the export of ${managed.source}, or remove its annotation.`,
      });
    }
    const current = this.#current.get(name);
    const added = this.#added.get(name);
    this.#current.delete(name);
    if (added === undefined) {
      this.#changed();
      return;
    }
    this.#added.delete(name);
    await this.#store(() => {
      if (current !== undefined) this.#current.set(name, current);
      this.#added.set(name, added);
    });
  }

  /** The exposure of a service; undefined when the site does not offer it. */
  find(name: string): Exposure | undefined {
    return this.#current.get(name) ?? this.#added.get(name) ?? this.#selected.offered.get(name);
  }

  /** The configured and the added offers. */
  #own(): Map<string, Exposure> {
    return new Map([...this.#added, ...this.#current]);
  }

  /** Chooses those of the controller's services again that are offered. */
  #select(): void {
    const own = this.#own();
    const room = MAX_OFFERS - own.size;
    this.#selected = selectManaged(this.#managed, { has: (name) => own.has(name), room });
    this.#list = null;
    this.#targets = null;
  }

  #changed(): void {
    this.#select();
    this.#onChange("offers");
  }

  #offered(name: string): Exposure {
    const exposure = this.find(name);
    if (exposure === undefined)
      throw new FairleadError("service.unknown", `This site does not offer ${name}.`, {
        action: "`fairlead service status` shows what this site offers.",
      });
    return exposure;
  }

  /** Stores the added offers. On failure the change is undone, so that memory and disk agree. */
  async #store(undo: () => void): Promise<void> {
    try {
      const text = textOf(this.#added);
      const storing = this.#state.replace({ [OFFERS_FILE]: text }, { [OFFERS_FILE]: this.#stored });
      this.#storing = storing;
      if (!(await storing)) return await this.reload();
      this.#stored = text;
    } catch (error) {
      undo();
      this.#select();
      throw error;
    }
    this.#changed();
  }
}

/**
 * The exposed port that a stream asks for; the first unless given. A port that the site did not ask for has the number
 * that the network gave it, which the site may not know yet.
 * @throws FairleadError `service.unknown_port`.
 */
export function exposedPort({ name, ports }: Exposure, port: number | null): ExposedPort {
  const found = ports.find(
    ({ servicePort }, at) => (at === 0 && port === null) || servicePort === undefined || servicePort === port,
  );
  if (found !== undefined) return found;
  throw new FairleadError("service.unknown_port", `This site does not offer port ${port} of ${name}.`);
}

function withProtocols({ ports, ...request }: ExposeRequest): Exposure {
  return {
    ...request,
    ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? DEFAULT_PROTOCOL })),
  };
}

/**
 * The exposure of an offered service after another request. The request changes what it names: ports, targets,
 * protocols and scope; ports that it does not name end. A request without a scope keeps the former sites if it changes
 * the ports; otherwise it is for every site. A request without checks keeps the former ones.
 * @throws FairleadError `request.invalid` when the service has several ports, and the request does not say which.
 */
function revised(
  before: Exposure,
  { to, ports, health = before.health, ...request }: ExposeRequest,
): Exposure {
  const [port] = ports;
  if (before.ports.length > 1 && ports.length === 1 && port?.servicePort === undefined) {
    const all = before.ports.map(({ servicePort }) => servicePort).join(", ");
    throw new FairleadError("request.invalid", `The service ${before.name} has the ports ${all}.`, {
      action: `Name every port that it is to have, as in \`fairlead expose ${before.name}:PORT=TARGET,PORT=TARGET\`.`,
    });
  }
  const after = keepPort(before, {
    ...request,
    ports: ports.map((port, at) => {
      const former =
        before.ports.find(
          ({ servicePort }) => servicePort !== undefined && servicePort === port.servicePort,
        ) ?? (before.ports.length === 1 && at === 0 ? before.ports[0] : undefined);
      const { protocol, grpc } = port.protocol === undefined && former !== undefined ? former : port;
      return {
        ...port,
        ...(grpc === undefined ? {} : { grpc }),
        protocol: protocol ?? DEFAULT_PROTOCOL,
        servicePort: port.servicePort ?? former?.servicePort,
      };
    }),
    to,
    ...(health === undefined ? {} : { health }),
  });
  return samePorts(before, after) ? after : { ...after, to: to ?? before.to };
}

/** The targets of `before` that `after` does not have. */
function formerTargets(before: Exposure | undefined, after: Exposure): readonly TargetHost[] {
  if (before === undefined) return [];
  const kept = new Set(targetsOf(after).map(({ host, port }) => `${host} ${port}`));
  return targetsOf(before).filter(({ host, port }) => !kept.has(`${host} ${port}`));
}

/** @throws FairleadError `request.invalid` when a name occurs twice. */
function byName(exposures: readonly Exposure[]): Map<string, Exposure> {
  const names = new Map<string, Exposure>();
  for (const exposure of exposures) {
    if (names.has(exposure.name)) {
      throw new FairleadError("request.invalid", `"${exposure.name}" is exposed twice.`);
    }
    names.set(exposure.name, exposure);
  }
  return names;
}

const tooMany = () => new FairleadError("request.invalid", `A site offers at most ${MAX_OFFERS} services.`);
