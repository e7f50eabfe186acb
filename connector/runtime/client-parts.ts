/** What serves the clients of a connector's listeners: their TLS, and a server for each way to speak to a service. */

import type { HopPolicy } from "../config/hop-policy.ts";
import type { RetryPolicy } from "../config/retry-policy.ts";
import type { TrustedProxies } from "../config/trusted-proxies.ts";
import { Retries } from "../http/retry/retries.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import { Clients } from "../listeners/clients.ts";
import { StreamOpener } from "../listeners/stream-opener.ts";
import { ListenerTls } from "../listeners/tls/listener-tls.ts";
import { partLog } from "../log-levels.ts";
import { UdpClients } from "../udp/udp-clients.ts";
import type { EdgeParts } from "./edge-parts.ts";
import type { ConnectorEvents } from "./events.ts";
import type { FlowParts } from "./flow-parts.ts";
import { type HttpListeners, makeHttpListeners } from "./http-listeners.ts";
import type { MachineParts } from "./machine-parts.ts";
import type { PartOptions } from "./options.ts";
import type { PeerParts } from "./peer-parts.ts";
import { certificateIssuer } from "./service-certificates.ts";
import type { TargetParts } from "./target-parts.ts";

export interface ClientParts {
  readonly listenerTls: ListenerTls;
  readonly opener: StreamOpener;
  /** Clients of TCP. */
  readonly clients: Clients;
  readonly httpListeners: HttpListeners;
  readonly udpClients: UdpClients;
}

export interface ClientPartsOptions
  extends Pick<MachineParts, "dials">,
    Pick<TargetParts, "udpStreams">,
    Pick<FlowParts, "relay" | "observers">,
    Pick<EdgeParts, "uplink">,
    Pick<PeerParts, "ownStreams" | "streams"> {
  readonly events: ConnectorEvents;
  readonly hop: HopPolicy;
  readonly retryPolicy: RetryPolicy;
  readonly trustedProxies: TrustedProxies;
  readonly catalogue: Catalogue;
  /** The domain of the network's services in DNS. */
  readonly dns: { readonly domain: string };
}

export function makeClientParts({ config, log }: PartOptions, parts: ClientPartsOptions): ClientParts {
  const { events, hop, retryPolicy, trustedProxies, catalogue, dns, dials, udpStreams, relay, observers } =
    parts;
  const { uplink, ownStreams, streams } = parts;
  const listenerTls = new ListenerTls({
    services: config.listenTls,
    issue: certificateIssuer(uplink, () => dns.domain),
    onChange: (service) => events.emit("listenerCertificateChanged", service),
    log: partLog(log, "listeners"),
  });
  const opener = new StreamOpener({
    ...{ catalogue, streams, hop },
    own: (service) => ownStreams.offer(service),
    edgeRoundTrip: () => uplink.lastRtt,
    edgeUpForMs: () => uplink.upForMs,
  });
  const onLoop = (at: { readonly service: string; readonly port?: number | undefined }) =>
    events.emit("clientLooped", at);
  const clients = new Clients({ opener, dials, relay, observe: (flow) => observers.of(flow), onLoop });
  const retries = new Retries(retryPolicy);
  const httpListeners = makeHttpListeners({
    ...{ catalogue, hop, opener, retries, relay, dials, onLoop },
    isTrusted: (service, address) => trustedProxies.isTrusted(service, address),
  });
  const udpClients = new UdpClients({ opener, relay, own: udpStreams, onLoop });
  return { listenerTls, opener, clients, httpListeners, udpClients };
}
