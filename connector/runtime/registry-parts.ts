/** The conversation of a connector with the registry: what it is told, what it reports, and tokens that it redeems. */

import type { IngressPolicy } from "../config/ingress.ts";
import { partLog } from "../log-levels.ts";
import type { EdgeParts } from "./edge-parts.ts";
import type { MachineParts } from "./machine-parts.ts";
import type { NetworkView } from "./network-view.ts";
import type { PartOptions } from "./options.ts";
import type { PeerParts } from "./peer-parts.ts";
import { RegistryNotices } from "./registry-notices.ts";
import { RegistryReports, type RegistryReportsOptions } from "./registry-reports.ts";
import type { TargetParts } from "./target-parts.ts";
import { TokenRedeemer } from "./token-redeemer.ts";

export interface RegistryParts {
  readonly notices: RegistryNotices;
  readonly redeemer: TokenRedeemer;
  readonly reports: RegistryReports;
}

export interface RegistryPartsOptions
  extends NetworkView,
    Pick<MachineParts, "offers" | "listeners">,
    Pick<TargetParts, "targetStreams" | "health">,
    Pick<EdgeParts, "clock" | "lanes" | "uplink" | "book">,
    Pick<PeerParts, "manager" | "doors"> {
  readonly ingress: IngressPolicy;
  /** The zones that this site offers. */
  readonly dns: RegistryReportsOptions["zones"];
  readonly ready: RegistryReportsOptions["ready"];
}

export function makeRegistryParts(options: PartOptions, parts: RegistryPartsOptions): RegistryParts {
  const { site, boot, software, config, readToken, log } = options;
  const { dns, book } = parts;
  const notices = new RegistryNotices({ ...parts, site, log: partLog(log, "uplink") });
  const { tokens } = config;
  const { welcomed } = notices;
  return {
    notices,
    redeemer: new TokenRedeemer({ tokens, readToken, site, book, welcomed, log: partLog(log, "site") }),
    reports: new RegistryReports({ ...parts, zones: dns, boot, software, log: partLog(log, "uplink") }),
  };
}
