/** What a connector is given. */

import type { HopRules } from "../config/hop-policy.ts";
import type { Bind, Exposure, ListenAt } from "../config/service-options.ts";
import type { Log } from "../log.ts";
import type { SessionLimits } from "../session/limits.ts";
import type { RenewerOptions } from "../site/renewer.ts";
import type { Site } from "../site/site.ts";
import type { StateDirectory } from "../state/directory.ts";
import type { UplinkOptions } from "../uplink/uplink.ts";

export interface ConnectorOptions {
  readonly state: StateDirectory;
  readonly site: Site;
  readonly boot: string;
  readonly software: string;
  readonly expose: readonly Exposure[];
  readonly listen: readonly ListenAt[];
  readonly bind: Bind;
  /** Idle time before the kernel probes a local connection, ms; null probes none; 15 s unless given. */
  readonly localKeepAliveMs?: number | null | undefined;
  /** What this site offers and uses with hop encryption; nothing unless given. */
  readonly hop?: HopRules;
  /** Lanes of each session, how long one may be without any, and so on; those that differ from the usual. */
  readonly sessions?: Partial<SessionLimits>;
  /** When certificates are renewed, and how often the uplink is asked whether it lives; tests have other clocks. */
  readonly renewal?: Partial<Pick<RenewerOptions, "now" | "random">>;
  readonly keepalive?: UplinkOptions["keepalive"];
  /** What other sites may make this process hold, bytes; see {@link memoryLimit} unless given. */
  readonly memory?: number | undefined;
  readonly log: Log;
}
