/**
 * The targets of one port of a service: the addresses of the configured hosts, which follow DNS, each with its health and
 * its load. The port is up while any of its addresses is.
 */
import { isIP } from "node:net";
import type { ServiceProtocol } from "../../protocol/names.ts";
import type { HealthCheck, HealthRules } from "../config/health-options.ts";
import { sameTargets, type TargetHost } from "../config/service-options.ts";
import { NameError, type NameResolver } from "../net/name-resolver.ts";
import { type Failure, TargetHealth } from "./health/target-health.ts";
import { selectTarget } from "./select-target.ts";
import { TargetEndpoint } from "./target-endpoint.ts";

/** How the targets of a port are checked. */
export interface GroupCheck extends HealthRules {
  readonly check: HealthCheck;
  /** Whether a healthy target is checked at each interval. */
  readonly periodic: boolean;
  /** Whether a new target is up without a check, as somebody else checked it. */
  readonly isVouchedFor?: true;
}

export interface TargetGroupOptions {
  /** The service. */
  readonly name: string;
  readonly protocol: ServiceProtocol;
  /** Whether the port is offered for gRPC. */
  readonly isGrpc: boolean;
  /** The port of the service, by which its options about connections to targets name it. */
  readonly preamblePort: number;
  readonly targets: readonly TargetHost[];
  /** Whether a controller names the targets. */
  readonly isManaged: boolean;
  readonly check: GroupCheck;
  readonly names: Pick<NameResolver, "resolve">;
  /** Called when the port went up or down, a target did, or a check is due at another time. */
  readonly onChange: (group: TargetGroup) => void;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  readonly random: () => number;
}

/** Codes of look-ups that say that a name has no address. After others, a name keeps the addresses that it had. */
const ABSENT: readonly string[] = ["ENOTFOUND", "ENODATA"];

interface EndpointFacts {
  readonly rank?: number;
  readonly problem?: NameError | null;
  /** Whether the address begins as up; as the port is unless given. */
  readonly isUp?: boolean;
}

export class TargetGroup {
  readonly #options: TargetGroupOptions;
  #targets: readonly TargetHost[] = [];
  #preamblePort: number;
  #endpoints: readonly TargetEndpoint[] = [];
  /** Hosts that are names. */
  #named: readonly TargetHost[] = [];
  #isUp = true;
  #since: number;

  constructor(options: TargetGroupOptions) {
    const { targets, preamblePort } = options;
    this.#options = options;
    this.#preamblePort = preamblePort;
    this.#since = options.now();
    this.#set(targets);
  }

  /**
   * Replaces the targets. One that stays keeps its health and its load, and connections to one that goes stay open. If
   * none stays, the new ones begin as up.
   */
  setTargets(targets: readonly TargetHost[], preamblePort: number): void {
    this.#preamblePort = preamblePort;
    if (!sameTargets(targets, this.#targets)) this.#set(targets);
  }

  /** The service. */
  get name(): string {
    return this.#options.name;
  }

  get protocol(): ServiceProtocol {
    return this.#options.protocol;
  }

  get isGrpc(): boolean {
    return this.#options.isGrpc;
  }

  /** The port of the service, by which its options about connections to targets name it. */
  get preamblePort(): number {
    return this.#preamblePort;
  }

  get check(): GroupCheck {
    return this.#options.check;
  }

  /** Whether a controller names the targets. */
  get isManaged(): boolean {
    return this.#options.isManaged;
  }

  /** Whether any host has to be looked up. */
  get hasNames(): boolean {
    return this.#named.length > 0;
  }

  /** Empty until {@link refresh} if every host is a name. */
  get endpoints(): readonly TargetEndpoint[] {
    return this.#endpoints;
  }

  /** Whether any address is up, or none is known yet. A port without targets is down. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** When the state began, by the clock, ms. */
  get since(): number {
    return this.#since;
  }

  /** The last failure of an address that is down; null while the port is up. */
  get failure(): Failure | null {
    if (this.#isUp) return null;
    return this.#endpoints.find(({ health }) => health?.failure)?.health?.failure ?? null;
  }

  /** Chooses an address; null if none is left. */
  choose(tried: ReadonlySet<TargetEndpoint>): TargetEndpoint | null {
    return selectTarget(this.#endpoints, tried, this.#options.random);
  }

  /** Looks the names of hosts up, and follows the answers. Never throws. */
  async refresh(): Promise<void> {
    const found = await Promise.all(
      this.#named.map(async (target) => {
        const { host } = target;
        try {
          return { target, addresses: await this.#options.names.resolve(host), problem: null };
        } catch (thrown) {
          const problem = thrown instanceof NameError ? thrown : new NameError(host, "ENOTFOUND");
          return { target, addresses: [], problem };
        }
      }),
    );
    for (const { target, addresses, problem } of found) this.#follow(target, addresses, problem);
  }

  /** Takes the result of a check. @param failure null for success */
  noteCheck(endpoint: TargetEndpoint, failure: Failure | null): void {
    const { health } = endpoint;
    if (health === null) return;
    if (failure === null) endpoint.isProven = true;
    if (health.noteCheck(failure, this.#options.now())) this.#changed(endpoint, true);
  }

  /** A check said nothing about the target. */
  postpone({ health }: TargetEndpoint): void {
    health?.postpone(this.#options.now());
  }

  connected(endpoint: TargetEndpoint): void {
    endpoint.isProven = true;
    endpoint.health?.connectionSucceeded();
  }

  connectionFailed(endpoint: TargetEndpoint, failure: Failure): void {
    const { health } = endpoint;
    if (health === null) return;
    const dueAt = health.nextCheckAt;
    const isOther = health.connectionFailed(failure, this.#options.now());
    if (isOther || health.nextCheckAt !== dueAt) this.#changed(endpoint, isOther);
  }

  /**
   * A client gave a connection to the address up. After the time limit of a check, a check is due.
   * @param ms how long the address did not answer
   */
  connectionAbandoned({ health }: TargetEndpoint, ms: number): void {
    if (health === null || ms < this.#options.check.timeoutMs) return;
    const dueAt = health.nextCheckAt;
    health.doubt(this.#options.now());
    if (health.nextCheckAt !== dueAt) this.#options.onChange(this);
  }

  requestFailed(endpoint: TargetEndpoint, failure: Failure): void {
    const { health } = endpoint;
    if (health?.requestFailed(failure, this.#options.now())) this.#changed(endpoint, true);
  }

  requestSucceeded(endpoint: TargetEndpoint): void {
    endpoint.health?.requestSucceeded();
  }

  #changed(endpoint: TargetEndpoint, isOther: boolean): void {
    if (isOther) endpoint.since = this.#options.now();
    this.#review();
    this.#options.onChange(this);
  }

  #set(targets: readonly TargetHost[]): void {
    const known = Map.groupBy(this.#endpoints, placeOf);
    const isOther = !targets.some((target) => known.has(placeOf(target)));
    const isNewUp = isOther || this.#isUp || this.#options.check.isVouchedFor === true;
    this.#targets = targets;
    this.#named = targets.filter(({ host }) => isIP(host) === 0);
    this.#endpoints = targets.flatMap(
      (target) =>
        known.get(placeOf(target)) ??
        (isIP(target.host) === 0 ? [] : this.#endpoint(target, target.host, { isUp: isNewUp })),
    );
    this.#review();
  }

  /** Decides whether the port is up. */
  #review(): void {
    const isUp =
      this.#targets.length > 0 && (this.#endpoints.length === 0 || this.#endpoints.some((each) => each.isUp));
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#since = this.#options.now();
  }

  /** Replaces the addresses of a host. An address that stays keeps its health and its load. */
  #follow(
    target: TargetHost,
    addresses: readonly { readonly address: string; readonly family: 4 | 6 }[],
    problem: NameError | null,
  ): void {
    const isOf = ({ host, port }: TargetHost) => host === target.host && port === target.port;
    const before = this.#endpoints.filter(isOf);
    const isKnown = before.some(({ address }) => address !== null);
    if (problem !== null && isKnown && !ABSENT.includes(problem.code)) return;
    const families = [...new Set(addresses.map(({ family }) => family))];
    const wanted =
      problem === null
        ? addresses.map(({ address, family }) => ({ address, rank: families.indexOf(family) }))
        : [{ address: null, rank: 0 }];
    const after = wanted.map(({ address, rank }) => {
      const same = before.find((each) => each.address === address);
      const endpoint = same ?? this.#endpoint(target, address, { rank, problem });
      endpoint.rank = rank;
      endpoint.hasOtherFamily = families.length > 1;
      return endpoint;
    });
    if (after.length === before.length && after.every((each) => before.includes(each))) return;
    const others = this.#endpoints.filter((each) => !isOf(each));
    this.#endpoints = [...others, ...after];
    this.#review();
    this.#options.onChange(this);
  }

  #endpoint(
    target: TargetHost,
    address: string | null,
    { rank = 0, problem = null, isUp = this.#isUp }: EndpointFacts = {},
  ): TargetEndpoint {
    const { check, now, random } = this.#options;
    const { kind } = check.check;
    const health =
      kind === "off"
        ? null
        : new TargetHealth(
            {
              rules: check,
              periodic: check.periodic,
              connectsOnly: kind === "tcp",
              // An address that appears while all others are down has to pass its checks before clients come back.
              isUp,
              random,
            },
            check.isVouchedFor === true && isUp ? null : now(),
          );
    return new TargetEndpoint(target, address, { rank, problem, health, since: now() });
  }
}

/** The host and port of a target as one key. A host has no space. */
const placeOf = ({ host, port }: TargetHost): string => `${host} ${port}`;
