/** The events by which a part of the connector reports to the others. `reactions.ts` handles them. */
import type { Socket as UdpSocket } from "node:dgram";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { FairleadError } from "../../protocol/errors.ts";
import type { Welcome } from "../../protocol/uplink/messages.ts";
import type { ListenerPort } from "../listeners/listener-set.ts";
import type { Notice } from "../uplink/connection.ts";

export interface ConnectorEventMap {
  /** The registry answered a hello. `skewMs`: how much the edge's clock is ahead. */
  welcome: [welcome: Welcome, skewMs: number];
  /** The registry sent something unasked. */
  notice: [notice: Notice];
  /** The edge refused the uplink: the site is revoked. */
  revoked: [];
  /** The certificates were renewed over the API. */
  certificatesRenewed: [];
  /** The site has another address of its edge. */
  edgeMoved: [];
  /** The registry reported the links of the site, or one was deleted. */
  linksChanged: [];
  /** Certificates of links are missing. */
  certificatesMissing: [];
  /** The services of other sites changed. */
  catalogueChanged: [];
  /** The services that this site offers changed. */
  offersChanged: [];
  /** The network refuses other offers of this site than before: of these services, or of them no longer. */
  refusedOffersChanged: [services: readonly string[]];
  /** Services that this site offers have other targets, and nothing that other sites see changed. */
  targetsChanged: [];
  /** A target of this site went up or down, or is to be checked at another time. */
  healthChanged: [];
  /** Ports of services were withdrawn because all their targets are down, or came back. */
  withdrawalsChanged: [];
  /** A target of this site has other addresses. */
  targetsMoved: [];
  /** Another connector on this machine has other targets. */
  neighboursChanged: [];
  /** A listener has another state, or all have: the connector ran out of descriptors, or has some again. */
  listenersChanged: [];
  /** Descriptors run short: connections without a use are given up. */
  descriptorsShort: [];
  /** The certificate of a service's listeners changed, or why there is none. */
  listenerCertificateChanged: [service: string];
  /** A client connected to a listener. Its TLS, where the listener offers it, is still to come. */
  connection: [at: ListenerPort, socket: Socket];
  /** A client of a listener is to be served: its TLS, if there is any, is established. */
  client: [at: ListenerPort, socket: Socket];
  /** A UDP listener is bound. */
  udpListening: [at: ListenerPort, socket: UdpSocket];
  /** A listener could not take a client, whose connection is to be reset. */
  clientRefused: [at: ListenerPort, socket: Socket, error: FairleadError];
  /** A client of a listener turned out to be a connector's own connection to a target. */
  clientLooped: [at: { readonly service: string; readonly port?: number | undefined }];
}

export class ConnectorEvents extends EventEmitter<ConnectorEventMap> {}
