/** What counts the traffic of a connector and reports it to the edge. */
import { partLog } from "../log-levels.ts";
import type { Relay } from "../relay/relay.ts";
import { ClientProcesses } from "../telemetry/client-processes.ts";
import { procSockets } from "../telemetry/proc-sockets.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { dialTelemetry } from "../uplink/dial.ts";
import type { EdgeParts } from "./edge-parts.ts";
import type { PartOptions } from "./options.ts";

export interface TelemetryParts {
  readonly telemetry: Telemetry;
}

export interface TelemetryPartsOptions extends Pick<EdgeParts, "uplink"> {
  readonly relay: Relay;
}

export function makeTelemetryParts(
  { site, config, boot, software, keepalive, log }: PartOptions,
  { relay, uplink }: TelemetryPartsOptions,
): TelemetryParts {
  const telemetry = new Telemetry({
    ...{ relay, boot, software, keepalive },
    log: partLog(log, "telemetry"),
    names: new ClientProcesses({ find: procSockets() }),
    site: () => ({ site: site.membership.site.id, name: site.membership.site.name }),
    dial: (signal) => dialTelemetry(site, signal, uplink.lastRtt),
    isAvailable: () => uplink.isOpen && uplink.has("telemetry"),
  });
  telemetry.set(config.telemetry);
  return { telemetry };
}
