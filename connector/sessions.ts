/** The sessions of a connector, wired to its site, its uplink and what it offers. */
import type { ConnectorOptions } from "./options.ts";
import type { HopRules } from "./services/hop.ts";
import type { Hosting } from "./services/hosting.ts";
import type { Offers } from "./services/offers.ts";
import { SessionManager } from "./session/manager.ts";
import { dialLane } from "./uplink/edge.ts";
import type { Uplink } from "./uplink/uplink.ts";

export interface SessionParts {
  readonly hosting: Hosting;
  readonly hop: HopRules;
  readonly offers: Offers;
  /** Asked when it is needed: the uplink is made later. */
  readonly uplink: () => Uplink;
}

export function makeSessions(options: ConnectorOptions, parts: SessionParts): SessionManager {
  const { site, boot, software, log, sessions } = options;
  const { hosting, hop, offers, uplink } = parts;
  return new SessionManager({
    boot,
    software,
    identity: () => ({
      network: site.membership.network.id,
      site: site.membership.site.id,
      certificate: site.membership.chain,
      key: site.keyPem,
      authority: site.membership.authority,
    }),
    signalling: {
      request: async (service, peer, lanes, encryption) => {
        const invitation = await uplink().requestSession(service, peer, lanes, encryption);
        hosting.note([invitation.peer]);
        return invitation;
      },
      resume: (session, generation, lanes) => uplink().requestResume(session, generation, lanes),
      ended: (session, generation, code) =>
        uplink().send({ type: "session.ended", session, generation, code }),
    },
    dial: (ticket, signal) => dialLane(site, ticket, signal),
    accept: (stream, info) => hosting.accept(stream, info),
    allowsHop: () => hop.allowsAny || offers.anyHop,
    ...(sessions === undefined ? {} : { limits: sessions }),
    log,
  });
}
