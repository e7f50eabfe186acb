/** The reactions of a connector's parts to its events, and to a change of its configuration. */
import { type ConfigChange, isUnchanged } from "../config/config-change.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { applicationProtocols } from "../listeners/tls/application-protocols.ts";
import type { ConnectorParts } from "./connector.ts";

/** Subscribes the parts to the events that concern them. */
export function react(parts: ConnectorParts): void {
  const { events, offers, ownTargets, machine, dials, listeners, localTargets, targetStreams } = parts;
  const { dns, listenerTls, health, catalogue, clients, httpListeners, udpClients, notices } = parts;
  const { reports, renewer, uplink, telemetry } = parts;
  offers.onChange((what) => events.emit(what === "offers" ? "offersChanged" : "targetsChanged"));
  ownTargets.onChange(() => events.emit("targetsMoved"));
  machine.onChange(() => events.emit("neighboursChanged"));
  machine.onAsk((address, port) => dials.hopsOf(address, port));
  events.on("healthChanged", () => health.review());
  events.on("withdrawalsChanged", () => reports.sendOffers());
  events.on("offersChanged", () => {
    health.configure();
    reports.sendOffers();
    targetStreams.review();
    localTargets.review();
  });
  events.on("targetsChanged", () => {
    health.configure();
    localTargets.planReview();
  });
  events.on("targetsMoved", () => localTargets.review());
  events.on("neighboursChanged", () => listeners.review());
  events.on("catalogueChanged", () => {
    const services = catalogue.reachable();
    listeners.set(services);
    listenerTls.setServices(services.map(({ name }) => name));
  });
  events.on("listenerCertificateChanged", (service) => {
    listeners.noteTrouble(service, listenerTls.troubleOf(service));
  });
  events.on("connection", (at, socket) => {
    listenerTls.accept(at.service, socket, applicationProtocols(catalogue.lookupPort(at.service, at.port)), {
      onClient: (client) => events.emit("client", at, client),
      onRefused: (client, error) => events.emit("clientRefused", at, client, error),
    });
  });
  events.on("descriptorsShort", () => parts.exchanges.closeIdle());
  events.on("listenersChanged", () => reports.planListeners());
  events.on("client", (at, socket) => {
    if (httpListeners.takes(at)) httpListeners.server.serve(at, socket);
    else clients.serve(at, socket);
  });
  events.on("udpListening", (at, socket) => udpClients.serve(at, socket));
  events.on("clientRefused", (at, socket, error) => clients.refuse(at, socket, error));
  events.on("clientLooped", (at) => listeners.noteLoop(at));
  events.on("welcome", (welcome, skewMs) => {
    notices.welcome(welcome, skewMs);
    reports.welcome(welcome);
    reports.planListeners();
    telemetry.edgeReturned();
  });
  events.on("notice", (notice) => {
    notices.notice(notice);
    if (notice.type === "offers.refused") reports.reviewWithdrawals();
  });
  events.on("revoked", () => notices.revoked());
  events.on("certificatesRenewed", () => renewer.plan());
  for (const event of NAMING_EVENTS) events.on(event, () => dns.changed());
  events.on("edgeMoved", () => {
    renewer.plan();
    telemetry.edgeMoved();
    uplink.dialSoon();
    void uplink.replace();
  });
  events.on("certificatesMissing", () => renewer.soon());
}

/** Events upon which names of services may have other addresses. The other parts react to them first. */
const NAMING_EVENTS = [
  ...([
    "catalogueChanged",
    "listenersChanged",
    "offersChanged",
    "targetsChanged",
    "targetsMoved",
    "withdrawalsChanged",
    "notice",
    "welcome",
  ] as const),
];

/**
 * Takes a changed configuration over. Streams of an offer or a listener that is gone continue until they close.
 * The function throws FairleadError `request.invalid` before it changes anything.
 */
export function applyConfig(parts: ConnectorParts) {
  const {
    retryPolicy,
    trustedProxies,
    offers,
    health,
    listeners,
    localTargets,
    redeemer,
    moves,
    events,
    requestLog,
    observers,
    dns,
    reports,
    listenerTls,
    preambles,
  } = parts;
  const { ingress, doors, telemetry } = parts;
  return (next: ConnectorConfig, change: ConfigChange): void => {
    const { exposures, ingress: published, hop, allowHop, listeners: moved, bind, tokens } = change;
    if (change.dns) dns.check(next);
    if (!isUnchanged(exposures, hop, allowHop)) offers.configure(next.exposures, next);
    if (!isUnchanged(change.health)) health.configure(next.health);
    if (!isUnchanged(published)) {
      ingress.set(next.ingress);
      reports.sendIngress();
      doors.review();
    }
    if (!isUnchanged(change.balance)) offers.setBalances(next.balance);
    if (bind || !isUnchanged(moved)) {
      listeners.configure(next);
      localTargets.review();
    }
    if (tokens.length > 0) {
      moves.add(tokens);
      void moves.attempt().then((moved) => moved && events.emit("edgeMoved"));
    }
    redeemer.redeem(tokens);
    if (change.targetConnections) preambles.configure(next);
    if (change.dns || bind) dns.configure(next);
    if (change.dns) reports.sendOffers();
    if (!isUnchanged(change.retry)) retryPolicy.set(next.retry);
    if (!isUnchanged(change.trustProxies)) trustedProxies.set(next.trustProxies);
    if (!isUnchanged(change.listenTls)) listenerTls.configure(next.listenTls);
    if (change.dns) listenerTls.renew();
    if (!isUnchanged(change.observe)) observers.set(next.observe);
    if (change.telemetry) telemetry.set(next.telemetry);
    if (change.requestLog) requestLog.set(next.log.includes("requests"));
  };
}
