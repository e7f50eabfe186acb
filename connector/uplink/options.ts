/** What an uplink is given. */
import type { WebSocket } from "ws";
import type { Hello, Welcome } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import type { Notice } from "./connection.ts";
import type { DoubtTimes } from "./liveness-probe.ts";

export interface UplinkOptions {
  /**
   * Opens the WebSocket with an assertion of its own; renews an expired certificate first. `roundTrip` to the edge as
   * it was last measured, ms; null before that.
   */
  readonly dial: (signal: AbortSignal, roundTrip: number | null) => Promise<WebSocket>;
  /** The edge called the certificate expired, whatever this site's clock says. */
  readonly onExpired: () => Promise<void>;
  /** The edge says that the site is a member no more. May come again at each attempt. */
  readonly onRevoked?: () => void;
  readonly hello: () => Hello;
  /** `skewMs`: how much the edge's clock is ahead. */
  readonly onWelcome: (welcome: Welcome, skewMs: number) => void;
  readonly onNotice: (notice: Notice) => void;
  readonly log: Log;
  /** A clock that never goes back, ms, for waits and limits; the process's own unless given. */
  readonly now?: () => number;
  /** The wall clock, ms since 1970, for times that are shown or compared with the edge's; the system's unless given. */
  readonly wallClock?: () => number;
  readonly random?: () => number;
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number };
  /** How long an answer is waited for before the uplink is doubted. */
  readonly doubts?: DoubtTimes;
}
