/** Builds the session manager of a connector: its sessions prove the site, and are arranged over its uplink. */

import type { ClientOptions, WebSocket } from "ws";
import { DNS_KIND } from "../../protocol/dns/zone-service.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { MemoryBudget } from "../../protocol/memory-budget.ts";
import { toMilliseconds } from "../config/duration.ts";
import type { HopPolicy } from "../config/hop-policy.ts";
import { partLog } from "../log-levels.ts";
import type { DescriptorWatch } from "../resources/descriptor-watch.ts";
import { DEFAULT_LIMITS } from "../session/limits.ts";
import { type SessionIdentity, SessionManager } from "../session/manager.ts";
import type { Offers } from "../targets/offers.ts";
import type { PeerStream, PeerStreamOrigin } from "../targets/stream-server.ts";
import type { TargetStreams } from "../targets/target-streams.ts";
import { dialLane } from "../uplink/dial.ts";
import type { LaneAddress } from "../uplink/lane-address.ts";
import type { Uplink } from "../uplink/uplink.ts";
import type { PartOptions } from "./options.ts";

export interface LaneParts {
  readonly descriptors: DescriptorWatch;
  readonly lanes: LaneAddress;
  readonly uplink: Uplink;
}

/**
 * Dials lanes with tickets, each with a descriptor of the watch.
 * @param webSocket options of their WebSockets; those of a session's lane unless given
 */
export function laneDialler(
  { site }: Pick<PartOptions, "site">,
  { descriptors, lanes, uplink }: LaneParts,
  webSocket?: ClientOptions,
) {
  return async (ticket: string, signal: AbortSignal): Promise<WebSocket> => {
    if (!descriptors.takeForLane()) throw new FairleadError("connector.descriptors");
    try {
      const lane = await lanes.dial((origin) =>
        dialLane(site, ticket, signal, origin, uplink.lastRtt, webSocket),
      );
      if (lane.readyState === lane.CLOSED) descriptors.release();
      else lane.once("close", descriptors.release);
      return lane;
    } catch (error) {
      descriptors.release();
      throw error;
    }
  };
}

/** What a session proves of this site. */
export function sessionIdentity({ site }: Pick<PartOptions, "site">): SessionIdentity {
  return {
    network: site.membership.network.id,
    site: site.membership.site.id,
    certificate: site.membership.chain,
    key: site.keyPem,
    authority: site.membership.authority,
  };
}

export interface SessionParts extends LaneParts {
  readonly memory: MemoryBudget;
  readonly targetStreams: TargetStreams;
  /** Serves the queries of other sites for zones of this one. */
  readonly zones: { serve(stream: PeerStream, origin: PeerStreamOrigin): Promise<void> };
  readonly hop: HopPolicy;
  readonly offers: Offers;
}

export function makeSessions(options: PartOptions, parts: SessionParts): SessionManager {
  const { site, boot, software, config, log } = options;
  const { targetStreams, zones, hop, offers, uplink, memory } = parts;
  return new SessionManager({
    boot,
    software,
    identity: () => sessionIdentity(options),
    signalling: {
      request: async (service, peer, lanes, encryption) => {
        const invitation = await uplink.requestSession(service, peer, lanes, encryption);
        targetStreams.note([invitation.peer]);
        return invitation;
      },
      resume: (session, generation, lanes) => uplink.requestResume(session, generation, lanes),
      ended: (session, generation, code) => uplink.send({ type: "session.ended", session, generation, code }),
    },
    dial: laneDialler(options, parts),
    edgeRoundTrip: () => uplink.lastRtt,
    opened: (stream, origin) => {
      void (stream.kind === DNS_KIND ? zones : targetStreams).serve(stream, origin);
    },
    allowsHop: () => hop.allowsAny || offers.anyHop,
    memory,
    limits: {
      lanes: config.lanes ?? DEFAULT_LIMITS.lanes,
      sessionTimeoutMs: toMilliseconds(config.sessionTimeout) ?? DEFAULT_LIMITS.sessionTimeoutMs,
      ...options.limits,
    },
    log: partLog(log, "session").child({
      network: site.membership.network.id,
      site: site.membership.site.id,
    }),
  });
}
