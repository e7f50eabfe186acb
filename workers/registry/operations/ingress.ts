/**
 * Services that are published by hostnames: what instances declare, the hostnames of the network, and the invitations
 * to the sessions of doors.
 */
import type * as z from "zod";
import type { PublishedService } from "../../../protocol/api/hostnames.ts";
import { ERRORS, FairleadError } from "../../../protocol/errors.ts";
import { type InstanceId, instanceKey, isSameInstance } from "../../../protocol/instance-id.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import { timeLimit } from "../../../protocol/time-limits.ts";
import type { Ingress, RefusedIngress } from "../../../protocol/uplink/messages.ts";
import { issueDoorTicket } from "../../authority/door-ticket.ts";
import type { Context } from "../context/context.ts";
import { type DecidedIngress, decideIngress, type Published, publishedOf } from "../policy/ingress.ts";
import { roundTripOf } from "./invitations.ts";

/** Everything that instances publish, accepted or refused. */
function decided({ store }: Context): DecidedIngress[] {
  return decideIngress(
    store.ingress.declared(),
    store.ingress.hostnames(),
    (instance, service) => store.offers.find(instance, service) !== null,
  );
}

/** What is published by a hostname; null when nothing is. */
export function publishedBy(context: Context, hostname: string): Published | null {
  return publishedOf(decided(context)).find((each) => each.hostname === hostname) ?? null;
}

/** What the Worker needs to know of a hostname. */
export interface PublishedHostname extends Pick<Published, "service" | "access"> {
  readonly protocol: ServiceProtocol;
}

/** What is published by a hostname, with the protocol of the service; null when nothing is. */
export function describeHostname(context: Context, hostname: string): PublishedHostname | null {
  const published = publishedBy(context, hostname);
  const [first] = published?.instances ?? [];
  if (published === null || first === undefined) return null;
  const { service, access } = published;
  const offer = context.store.offers.find(first, service);
  return { service, access, protocol: offer?.ports[0]?.protocol ?? "http" };
}

/** The published services with the names of their sites. */
export function describePublished(context: Context): z.infer<typeof PublishedService>[] {
  return publishedOf(decided(context)).map(({ instances, ...published }) => ({
    ...published,
    sites: [...new Set(instances.map(({ site }) => siteName(context, site)))].sort(),
  }));
}

/**
 * Replaces what an instance publishes, and notifies the instances whose refusals changed.
 * @param isHello whether the instance says hello; it then gets its whole list
 */
export function declareIngress(
  context: Context,
  instance: InstanceId,
  ingress: readonly Ingress[],
  isHello = false,
): void {
  const { store, uplinks } = context;
  if (ingress.length === 0 && !store.ingress.has(instance)) return;
  const offered = new Set(store.offers.stored().map((offer) => instanceKey(offer.instance)));
  review(
    context,
    () => {
      store.ingress.prune(
        (other) => !offered.has(instanceKey(other)) && uplinks.ofInstance(other).length === 0,
      );
      store.ingress.replace(instance, ingress, context.now());
    },
    isHello ? instance : null,
  );
}

/**
 * Replaces the hostnames of the network. The doors of hostnames that the network has no longer end.
 * @returns a promise that resolves when these doors have ended
 */
export async function setHostnames(
  context: Context,
  patterns: readonly string[],
  actor: string,
): Promise<void> {
  const { store } = context;
  const before = store.ingress.hostnames();
  const published = publishedOf(decided(context));
  review(context, () => store.ingress.setHostnames(patterns));
  for (const pattern of patterns.filter((each) => !before.includes(each))) {
    context.event("hostname.granted", `The network has the hostname ${pattern}.`, { actor });
  }
  for (const pattern of before.filter((each) => !patterns.includes(each))) {
    context.event("hostname.withdrawn", `The network no longer has the hostname ${pattern}.`, { actor });
  }
  const after = new Set(publishedOf(decided(context)).map(({ hostname }) => hostname));
  await closeDoors(
    context,
    published.map(({ hostname }) => hostname).filter((hostname) => !after.has(hostname)),
    null,
  );
}

/** Ends the sessions that the doors of the network have with a site, or with all sites when `site` is null. */
export async function closeDoorsOf(context: Context, site: string | null): Promise<void> {
  const declared = context.store.ingress.declared();
  const hostnames = declared.filter(({ instance }) => site === null || instance.site === site);
  await closeDoors(context, [...new Set(hostnames.map(({ hostname }) => hostname))], site);
}

async function closeDoors(
  context: Context,
  hostnames: readonly string[],
  site: string | null,
): Promise<void> {
  const network = context.store.network.get();
  if (network === null || hostnames.length === 0) return;
  const declared = context.store.ingress.declared();
  const sitesOf = (hostname: string) =>
    new Set(declared.filter((each) => each.hostname === hostname).map(({ instance }) => instance.site));
  await Promise.all(
    hostnames.flatMap((hostname) => [
      context.doors.close(network.id, hostname, site),
      ...[...sitesOf(hostname)]
        .filter((each) => site === null || each === site)
        .map((each) => context.doors.cutSockets(network.id, hostname, each)),
    ]),
  );
}

/**
 * Applies a change, records what it opens, closes and refuses, and notifies instances whose refusals changed.
 * @param greeted an instance that gets its refusals in any case, where it has some
 */
function review(context: Context, change: () => void, greeted: InstanceId | null = null): void {
  const before = decided(context);
  context.store.transaction(change);
  const after = decided(context);
  recordChanges(context, before, after);
  const refusedBefore = refusalsOf(before);
  const refusedAfter = refusalsOf(after);
  for (const [key, { instance }] of new Map([...refusedBefore, ...refusedAfter])) {
    const [left, right] = [refusedBefore.get(key)?.refused ?? [], refusedAfter.get(key)?.refused ?? []];
    const isGreeted = greeted !== null && isSameInstance(greeted, instance) && right.length > 0;
    if (!isGreeted && JSON.stringify(left) === JSON.stringify(right)) continue;
    const uplink = context.uplinks.newestOf(instance);
    if (uplink !== null) {
      context.uplinks.send(uplink, {
        type: "ingress.refused",
        refused: refusedAfter.get(key)?.refused ?? [],
      });
    }
  }
}

interface Refusals {
  readonly instance: InstanceId;
  readonly refused: RefusedIngress[];
}

function refusalsOf(decisions: readonly DecidedIngress[]): Map<string, Refusals> {
  const refusals = new Map<string, Refusals>();
  for (const { instance, hostname, service, refused: code } of decisions) {
    if (code === null) continue;
    const key = instanceKey(instance);
    const known = refusals.get(key) ?? { instance, refused: [] };
    known.refused.push({ hostname, service, code, message: ERRORS[code].meaning });
    refusals.set(key, known);
  }
  return refusals;
}

/** Records which hostnames opened and closed, and new refusals, once for each site. */
function recordChanges(
  context: Context,
  before: readonly DecidedIngress[],
  after: readonly DecidedIngress[],
): void {
  const [open, opened] = [publishedOf(before), publishedOf(after)];
  const has = (list: readonly Published[], { hostname, service, access }: Published) =>
    list.some((each) => each.hostname === hostname && each.service === service && each.access === access);
  for (const each of opened) {
    if (has(open, each)) continue;
    const [first] = each.instances;
    const owner = first?.site;
    const site = owner === undefined ? undefined : siteName(context, owner);
    const text = `Service ${each.service} is published by ${each.hostname} (access: ${each.access}).`;
    context.event("ingress.opened", text, { site, actor: site ?? "edge", owner });
  }
  for (const each of open) {
    if (has(opened, each)) continue;
    const [first] = each.instances;
    const owner = first?.site;
    const site = owner === undefined ? undefined : siteName(context, owner);
    const text = `Service ${each.service} is no longer published by ${each.hostname}.`;
    context.event("ingress.closed", text, { site, actor: site ?? "edge", owner });
  }
  const keyOf = ({ instance, hostname, refused }: DecidedIngress) =>
    `${instance.site} ${hostname} ${refused}`;
  const known = new Set(before.map(keyOf));
  for (const each of after) {
    if (each.refused === null || known.has(keyOf(each))) continue;
    known.add(keyOf(each));
    const site = siteName(context, each.instance.site);
    const text = `Site ${site} may not publish ${each.service} by ${each.hostname}: ${ERRORS[each.refused].meaning}`;
    const facts = { site, code: each.refused, actor: site, owner: each.instance.site };
    context.event("ingress.refused", text, facts);
  }
}

/** An instance that a door has a session with, or was invited to. */
export interface DoorInstance extends InstanceId {
  readonly siteName: string;
  /** Id of the session that the instance was invited to now; null for one that the door knows already. */
  readonly session: string | null;
  /** The instance's round trip to the edge, ms; null if it has not reported one. */
  readonly rtt: number | null;
}

/** What a door asks for. */
export interface DoorRequest {
  readonly hostname: string;
  /** Id and boot id of the door. */
  readonly id: string;
  readonly boot: string;
  /** Instances that the door has a session with, or waits for. */
  readonly known: readonly InstanceId[];
}

/** The service that a door serves, and the instances that requests may go to. */
export interface DoorView {
  readonly service: string;
  readonly access: Published["access"];
  readonly instances: readonly DoorInstance[];
}

/**
 * Invites the connected instances that publish a hostname to sessions with its door, except those that the door knows.
 * @throws FairleadError `door.unavailable` when no instance publishes it
 */
export async function inviteToDoor(context: Context, request: DoorRequest): Promise<DoorView> {
  const { hostname, id, boot, known } = request;
  const { store, uplinks, settings } = context;
  const network = store.network.get();
  const published = publishedBy(context, hostname);
  if (network === null || published === null) throw new FairleadError("door.unavailable");
  const now = context.now();
  const invited = await Promise.all(
    published.instances.map(async (instance): Promise<DoorInstance | null> => {
      const site = store.sites.get(instance.site);
      const uplink = uplinks.newestOf(instance);
      if (site === null || site.state === "revoked" || uplink === null || !uplinks.isAlive(uplink, now)) {
        return null;
      }
      const rtt = roundTripOf(context, instance);
      const about = { site: instance.site, boot: instance.boot, siteName: site.name, rtt };
      if (known.some((other) => isSameInstance(other, instance))) return { ...about, session: null };
      const session = context.newId("session");
      const expires = Math.ceil(now + timeLimit("ticket", rtt));
      const claims = { network: network.id, hostname, door: boot, session, site: instance.site } as const;
      const ticket = await issueDoorTicket(
        { ...claims, purpose: "lane", boot: instance.boot, expires },
        settings.deploymentCaKey,
      );
      // Looked up after the await: the instance may have replaced its uplink meanwhile.
      const current = uplinks.newestOf(instance);
      if (current === null) return null;
      const door = { kind: "door", hostname, id, boot } as const;
      uplinks.send(current, { type: "door.offer", invitation: { session, door, ticket } });
      return { ...about, session };
    }),
  );
  const instances = invited.filter((each) => each !== null);
  return { service: published.service, access: published.access, instances };
}

/** The end of a client's WebSocket that an instance is to join. */
export interface SocketRequest extends InstanceId {
  readonly hostname: string;
  readonly door: string;
  /** Id of the WebSocket in its object. */
  readonly socket: string;
}

/** Issues the ticket for an end of a client's WebSocket. @throws FairleadError `door.unavailable` */
export async function issueSocketTicket(context: Context, request: SocketRequest): Promise<string> {
  const { hostname, door, socket, site, boot } = request;
  const network = context.store.network.get();
  const published = publishedBy(context, hostname);
  if (network === null || !published?.instances.some((each) => isSameInstance(each, request))) {
    throw new FairleadError("door.unavailable");
  }
  const expires = Math.ceil(context.now() + timeLimit("ticket", roundTripOf(context, request)));
  const claims = {
    purpose: "socket",
    network: network.id,
    hostname,
    door,
    site,
    boot,
    socket,
    expires,
  } as const;
  return issueDoorTicket(claims, context.settings.deploymentCaKey);
}

const siteName = (context: Context, site: string): string => context.store.sites.get(site)?.name ?? site;
