/**
 * The services that a controller offers, as the one of a cluster does, beside those of the configuration and of commands.
 * They are never stored: the controller finds them again after a restart.
 */
import { describeIssues } from "../../protocol/parse.ts";
import type { HeadlessPod, ServiceExportDetails } from "../../protocol/uplink/export-details.ts";
import { MAX_DETAILS, Offer } from "../../protocol/uplink/messages.ts";
import type { OfferBalance } from "../config/balance-option.ts";
import { HealthTexts } from "../config/health-options.ts";
import { sameScope } from "../config/scope.ts";
import {
  type ExposedPort,
  type Exposure,
  firstPort,
  proposedPort,
  samePorts,
} from "../config/service-options.ts";

/** A port of a managed service. Without targets, it is down. */
export interface ManagedPort extends ExposedPort {
  readonly servicePort: number;
}

export interface ManagedExposure extends Exposure {
  readonly ports: readonly ManagedPort[];
  /** What the controller offers, as the status shows it: `Service shop/frontend`. */
  readonly source: string;
  readonly export?: ServiceExportDetails | undefined;
  readonly headless?: HeadlessPod | undefined;
  /** The configuration's balance of the service replaces it. */
  readonly balance?: Omit<OfferBalance, "name"> | undefined;
}

/** A managed exposure that is not offered. */
export interface LeftOut {
  readonly name: string;
  readonly source: string;
  /**
   * `taken`: the configuration or a command offers a service of that name. `repeated`: the name was given before.
   * `invalid`: the network would not read it. `full`: the site offers as much as it may.
   */
  readonly reason: "taken" | "repeated" | "invalid" | "full";
  /** A sentence that says why. */
  readonly message: string;
}

/** The managed exposures that are offered, by name, and the others. */
export interface ManagedSelection {
  readonly offered: ReadonlyMap<string, ManagedExposure>;
  readonly leftOut: readonly LeftOut[];
}

/** The site's own offers, which come first. */
export interface OwnOffers {
  has(name: string): boolean;
  /** How many more services the site may offer. */
  readonly room: number;
}

/** Chooses the managed exposures that are offered, in the order given. */
export function selectManaged(exposures: readonly ManagedExposure[], own: OwnOffers): ManagedSelection {
  const offered = new Map<string, ManagedExposure>();
  const leftOut: LeftOut[] = [];
  let room = MAX_DETAILS;
  for (const exposure of exposures) {
    const { name, source } = exposure;
    const why = whyNot(exposure, { own, offered, room });
    if (why !== null) leftOut.push({ name, source, ...why });
    else {
      offered.set(name, exposure);
      room -= lengthOfDetails(exposure);
    }
  }
  return { offered, leftOut };
}

/** What is chosen so far, beside the site's own offers. */
interface Chosen {
  readonly own: OwnOffers;
  readonly offered: ReadonlyMap<string, ManagedExposure>;
  /** How many characters of details there is still room for. */
  readonly room: number;
}

function whyNot(
  exposure: ManagedExposure,
  { own, offered, room }: Chosen,
): Pick<LeftOut, "reason" | "message"> | null {
  const { name } = exposure;
  const problem = problemOf(exposure);
  if (problem !== null) {
    return { reason: "invalid", message: `The service "${name}" cannot be offered: ${problem}.` };
  }
  if (own.has(name)) {
    const message = `The configuration of the connector, or \`fairlead expose\`, already offers a service "${name}".`;
    return { reason: "taken", message };
  }
  const other = offered.get(name);
  if (other !== undefined) {
    return { reason: "repeated", message: `${other.source} is already offered as "${name}".` };
  }
  if (offered.size >= own.room) {
    return {
      reason: "full",
      message: `The site offers as many services as it may, and "${name}" is one more.`,
    };
  }
  if (lengthOfDetails(exposure) > room) {
    const message = `The labels, annotations and ports of the site's exported services have at most ${MAX_DETAILS} characters together, and "${name}" has too many.`;
    return { reason: "full", message };
  }
  return null;
}

/** The lengths of details as JSON. An exposure never changes. */
const lengths = new WeakMap<ManagedExposure, number>();

function lengthOfDetails(exposure: ManagedExposure): number {
  const { export: exported, headless } = exposure;
  if (exported === undefined && headless === undefined) return 0;
  const length = lengths.get(exposure) ?? JSON.stringify({ export: exported, headless }).length;
  lengths.set(exposure, length);
  return length;
}

/** Exposures that the network can read. */
const readable = new WeakSet<ManagedExposure>();

/** Why the network could not read an offer, which would end the uplink; null if it can. */
function problemOf(exposure: ManagedExposure): string | null {
  if (readable.has(exposure)) return null;
  const { name, ports, to, headless, balance, health = [] } = exposure;
  if (ports.length === 0) return "it has no port";
  if (new Set(ports.map(({ servicePort }) => servicePort)).size < ports.length) return "it has a port twice";
  const { protocol, ...first } = firstPort(exposure);
  const asked = ports.map((port) => ({ port: port.servicePort, protocol: port.protocol }));
  const offer = { name, protocol, port: proposedPort({ protocol, ...first }), ports: asked, to, headless };
  const { error } = ManagedOffer.safeParse({ ...offer, ...balance, export: exposure.export, health });
  if (error !== undefined) return describeIssues(error.issues);
  readable.add(exposure);
  return null;
}

const ManagedOffer = Offer.extend({ health: HealthTexts });

/**
 * What changed between two selections: `targets` if nothing did that other sites see, null if nothing did at all. An
 * exposure that is the same object is not looked into.
 */
export function changeBetween(
  before: ReadonlyMap<string, ManagedExposure>,
  after: ReadonlyMap<string, ManagedExposure>,
): "offers" | "targets" | null {
  if (before.size !== after.size) return "offers";
  let hasOtherTargets = false;
  for (const [name, exposure] of after) {
    const former = before.get(name);
    if (former === exposure) continue;
    if (former === undefined || !sameFacts(former, exposure)) return "offers";
    hasOtherTargets ||= !samePorts(former, exposure);
  }
  return hasOtherTargets ? "targets" : null;
}

/** Whether two exposures of one name differ in nothing but their targets. */
function sameFacts(left: ManagedExposure, right: ManagedExposure): boolean {
  return sameScope(left.to, right.to) && factsOf(left) === factsOf(right);
}

/** What an exposure is beside its scope and its targets, as one comparable text. */
function factsOf({ source, ports, health, balance, headless, ...exposure }: ManagedExposure): string {
  const asked = ports.map(({ servicePort, protocol, grpc }) => [servicePort, protocol, grpc]);
  return JSON.stringify([source, asked, health, balance, headless, exposure.export]);
}
