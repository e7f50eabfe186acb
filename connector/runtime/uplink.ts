/** Builds the uplink of a connector. Its messages become events. Expired certificates are renewed before a dial. */
import type { Site } from "../site/site.ts";
import type { TokenMoves } from "../site/token-moves.ts";
import { dialUplink } from "../uplink/dial.ts";
import { Uplink } from "../uplink/uplink.ts";
import type { ConnectorEvents } from "./events.ts";
import type { PartOptions } from "./options.ts";

export function makeUplink(
  { site, keepalive, log }: PartOptions,
  moves: TokenMoves,
  events: ConnectorEvents,
): Uplink {
  return new Uplink({
    dial: async (signal, rtt) => {
      // Beside the dial, which may succeed where the token's address does not answer.
      void moves.attempt().then((moved) => moved && events.emit("edgeMoved"));
      if (await isRenewed(site)) events.emit("certificatesRenewed");
      return await dialUplink(site, signal, rtt);
    },
    onExpired: async () => {
      await site.renewOverApi();
      events.emit("certificatesRenewed");
    },
    onRevoked: () => events.emit("revoked"),
    onWelcome: (welcome, skewMs) => events.emit("welcome", welcome, skewMs),
    onNotice: (notice) => events.emit("notice", notice),
    keepalive,
    log,
  });
}

/** Renews an expired certificate over the API. Returns whether it was. */
async function isRenewed(site: Site): Promise<boolean> {
  const before = site.membership;
  await site.ensureFresh();
  return site.membership !== before;
}
