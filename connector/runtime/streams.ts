/** Gives listeners the streams of the session manager, and those to this connector's own targets. */
import type { Streams } from "../listeners/stream-opener.ts";
import type { SessionManager } from "../session/manager.ts";
import type { OwnStreams } from "./own-streams.ts";

const ALIVE = { silentMs: null, roundTripMs: 0 };

export function streamsOf(manager: SessionManager, own: OwnStreams): Streams {
  return {
    open: (service, peer, request) => {
      if (own.isOwn(peer)) return own.open(service, request);
      const { site, siteName, boot, encryption } = peer;
      const instance = { site, siteName, boot };
      const how = { ...request, encryption };
      return manager.openNow(service, instance, how) ?? manager.open(service, instance, how);
    },
    // Nothing between this connector and its targets can fall silent.
    life: (peer) => (own.isOwn(peer) ? ALIVE : manager.liveness(peer, peer.encryption)),
  };
}
