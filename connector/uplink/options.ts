/** Options of the uplink. */
import type { WebSocket } from "ws";
import type { Welcome } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import type { Notice } from "./connection.ts";
import type { LivenessTimes } from "./liveness-probe.ts";

export interface UplinkOptions {
  /**
   * Opens the WebSocket with a fresh assertion; renews an expired certificate first. `rtt` is the last
   * measured round trip to the edge, ms; null before the first measurement.
   */
  readonly dial: (signal: AbortSignal, rtt: number | null) => Promise<WebSocket>;
  /** The edge refused the certificate as expired. This site's clock may disagree. */
  readonly onExpired: () => Promise<void>;
  /** The edge refused the site as revoked. Called at each attempt. */
  readonly onRevoked?: () => void;
  /** `skewMs` is positive when the edge's clock is ahead. */
  readonly onWelcome: (welcome: Welcome, skewMs: number) => void;
  readonly onNotice: (notice: Notice) => void;
  readonly log: Log;
  /** Monotonic clock for waits and limits, ms; the process's unless given. */
  readonly now?: () => number;
  /**
   * Wall clock for times that are shown or compared with the edge's, ms since 1970; the system's unless
   * given.
   */
  readonly wallClock?: () => number;
  readonly random?: () => number;
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number };
  /** Times after which an unanswered request leads to a probe and a replacement. */
  readonly liveness?: LivenessTimes;
}
