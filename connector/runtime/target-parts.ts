/** What serves the targets of a connector: connections to them, their health, and a server for each kind of stream. */

import { DATAGRAM_KIND } from "../../protocol/datagrams/framing.ts";
import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import { toMilliseconds } from "../config/duration.ts";
import type { IngressPolicy } from "../config/ingress.ts";
import type { DoorWebSockets } from "../door/door-websockets.ts";
import { partLog } from "../log-levels.ts";
import type { Relay } from "../relay/relay.ts";
import { ServiceHealth } from "../targets/service-health.ts";
import type { SiteNames } from "../targets/site-names.ts";
import type { StreamServer } from "../targets/stream-server.ts";
import { TargetPool } from "../targets/target-pool.ts";
import { TargetPreambles } from "../targets/target-preamble.ts";
import { TargetStreams } from "../targets/target-streams.ts";
import { TcpStreams } from "../targets/tcp-streams.ts";
import { UdpStreams } from "../udp/udp-streams.ts";
import type { ConnectorEvents } from "./events.ts";
import { type Exchanges, makeExchanges } from "./exchanges.ts";
import type { MachineParts } from "./machine-parts.ts";
import type { PartOptions } from "./options.ts";

export interface TargetParts {
  readonly health: ServiceHealth;
  readonly preambles: TargetPreambles;
  readonly exchanges: Exchanges;
  readonly udpStreams: UdpStreams;
  readonly targetStreams: TargetStreams;
  /** Kinds of streams, besides `tcp`, that the targets are served with. */
  readonly kinds: readonly string[];
}

export interface TargetPartsOptions extends Pick<MachineParts, "descriptors" | "offers" | "dials"> {
  readonly events: ConnectorEvents;
  readonly names: SiteNames;
  readonly ingress: IngressPolicy;
  readonly relay: Relay;
  /** The WebSockets of doors' clients, which need the edge. */
  readonly webSockets: () => DoorWebSockets;
}

export function makeTargetParts({ config, log: whole }: PartOptions, parts: TargetPartsOptions): TargetParts {
  const log = partLog(whole, "targets");
  const { events, names, ingress, relay, descriptors, offers, dials } = parts;
  const preambles = new TargetPreambles(config, log);
  const pool = new TargetPool({
    ...{ keepAliveMs: toMilliseconds(config.keepalive), descriptors, dials, preambles },
    onChange: () => events.emit("healthChanged"),
  });
  const health = new ServiceHealth({
    ...{ pool, health: config.health, log },
    offers: () => offers.list(),
    onWithdrawal: () => events.emit("withdrawalsChanged"),
  });
  health.configure();
  const exchanges = makeExchanges({ pool, relay, preambles, webSockets: parts.webSockets });
  const udpStreams = new UdpStreams({ pool, relay, descriptors, log: partLog(whole, "udp") });
  const servers = new Map<string, StreamServer>([
    [DEFAULT_KIND, new TcpStreams({ pool, relay, preambles })],
    [EXCHANGE_KIND, exchanges.server],
    [DATAGRAM_KIND, udpStreams],
  ]);
  const targetStreams = new TargetStreams({ offers, servers, relay, ingress, names, log });
  const kinds = [...servers.keys()].filter((kind) => kind !== DEFAULT_KIND);
  return { health, preambles, exchanges, udpStreams, targetStreams, kinds };
}
