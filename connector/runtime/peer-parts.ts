/** The peers of a connector: sessions with other sites and with doors, and the connector as a peer of itself. */

import { MemoryBudget } from "../../protocol/memory-budget.ts";
import type { HopPolicy } from "../config/hop-policy.ts";
import type { IngressPolicy } from "../config/ingress.ts";
import { DoorSessions } from "../door/door-sessions.ts";
import { DoorWebSockets } from "../door/door-websockets.ts";
import { DOOR_SOCKET_OPTIONS } from "../door/websocket-joint.ts";
import type { Streams } from "../listeners/stream-opener.ts";
import { partLog } from "../log-levels.ts";
import { memoryLimit } from "../resources/memory-limit.ts";
import type { SessionManager } from "../session/manager.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { EdgeParts } from "./edge-parts.ts";
import type { MachineParts } from "./machine-parts.ts";
import type { PartOptions } from "./options.ts";
import { OwnStreams } from "./own-streams.ts";
import { laneDialler, makeSessions, type SessionParts, sessionIdentity } from "./sessions.ts";
import { streamsOf } from "./streams.ts";
import type { TargetParts } from "./target-parts.ts";

export interface PeerParts {
  readonly manager: SessionManager;
  readonly doors: DoorSessions;
  readonly webSockets: DoorWebSockets;
  readonly ownStreams: OwnStreams;
  /** Streams to peers, this connector among them. */
  readonly streams: Streams;
}

export interface PeerPartsOptions
  extends Pick<MachineParts, "descriptors" | "offers">,
    Pick<TargetParts, "targetStreams" | "health" | "kinds">,
    Pick<EdgeParts, "lanes" | "uplink">,
    Pick<SessionParts, "zones"> {
  readonly hop: HopPolicy;
  readonly ingress: IngressPolicy;
  readonly refusedOffers: RefusedOffers;
}

export function makePeerParts(options: PartOptions, parts: PeerPartsOptions): PeerParts {
  const { site, boot, software, config, log, limits } = options;
  const { descriptors, offers, targetStreams, health, kinds, lanes, uplink, ingress } = parts;
  const memory = new MemoryBudget(config.memory ?? memoryLimit());
  const manager = makeSessions(options, { ...parts, memory });
  const laneParts = { descriptors, lanes, uplink };
  const webSockets = new DoorWebSockets({
    ...{ ingress, memory },
    dial: laneDialler(options, laneParts, DOOR_SOCKET_OPTIONS),
  });
  const doors = new DoorSessions({
    ...{ boot, software, ingress, memory, webSockets, limits },
    log: partLog(log, "door"),
    identity: () => sessionIdentity(options),
    dial: laneDialler(options, laneParts),
    opened: (stream, origin) => void targetStreams.serve(stream, origin),
    edgeRoundTrip: () => uplink.lastRtt,
  });
  const { id } = site.membership.site;
  const ownStreams = new OwnStreams({
    ...{ offers, targetStreams, kinds, refused: parts.refusedOffers },
    withdrawn: (service) => health.withdrawn(service),
    instance: () => ({ site: id, siteName: site.membership.site.name, boot }),
  });
  return { manager, doors, webSockets, ownStreams, streams: streamsOf(manager, ownStreams) };
}
