/** Gives listeners the streams of the session manager. */
import type { Streams } from "../listeners/stream-opener.ts";
import type { SessionManager } from "../session/manager.ts";

export function streamsOf(manager: SessionManager): Streams {
  return {
    open: (service, { encryption, ...peer }, request) =>
      manager.open(service, peer, { ...request, encryption }),
    life: ({ encryption, ...peer }) => manager.liveness(peer, encryption),
  };
}
