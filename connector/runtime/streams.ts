/** Gives listeners the streams of the session manager. */
import { isSameInstance } from "../../protocol/instance-id.ts";
import { DEFAULT_ENCRYPTION } from "../../protocol/uplink/messages.ts";
import type { Streams } from "../listeners/stream-opener.ts";
import type { SessionManager } from "../session/manager.ts";

export function streamsOf(manager: SessionManager): Streams {
  return {
    open: (service, { encryption, ...peer }, request) =>
      manager.open(service, peer, { ...request, encryption }),
    streamsTo: ({ encryption = DEFAULT_ENCRYPTION, ...peer }) => {
      const held = manager
        .sessions()
        .some((session) => isSameInstance(session.peer, peer) && session.encryption === encryption);
      return held ? manager.openStreamsTo(peer) : null;
    },
    life: ({ encryption, ...peer }) => manager.liveness(peer, encryption),
  };
}
