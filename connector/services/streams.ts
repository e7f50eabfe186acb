/** Streams to other sites, as serving clients needs them, from the session manager. */
import { DEFAULT_ENCRYPTION } from "../../protocol/messages.ts";
import { joinStreams, type SessionManager } from "../session/manager.ts";
import type { Streams } from "./clients.ts";

export function streamsOf(manager: SessionManager): Streams {
  return {
    open: (service, { encryption, ...peer }) => manager.open(service, peer, encryption),
    streamsTo: ({ boot, encryption = DEFAULT_ENCRYPTION }) => {
      const held = manager
        .sessions()
        .some((session) => session.peer.boot === boot && session.encryption === encryption);
      return held ? manager.openStreamsTo({ boot }) : null;
    },
    life: ({ encryption, ...peer }) => manager.life(peer, encryption),
    join: joinStreams,
  };
}
