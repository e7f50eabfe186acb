/** Services, for people: the services of a network, and the services that a site sees and offers. */
import type { Service } from "../../../protocol/api/services.ts";
import type { Traffic } from "../../../protocol/api/traffic.ts";
import { DEFAULT_BALANCE, DEFAULT_WEIGHT } from "../../../protocol/balance.ts";
import { ERRORS, isErrorCode } from "../../../protocol/errors.ts";
import type { IngressLine, OfferLine, PortHealthLine, Services, TargetLine } from "../../control/schema.ts";
import { formatAddress } from "../../net/local-socket.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { trafficCells } from "./traffic.ts";

/** Prints the services of a network as a table. */
export function printServices(out: Printer, services: readonly Service[], traffic?: Traffic): void {
  out.table(
    ["SERVICE", "PROTOCOL", "PORT", "BALANCE", "OFFERED BY", "HEALTH", "CONNECTIONS", "FAILED", "BYTES"],
    services.flatMap((service) => {
      const { name, port, protocol, ports = [{ port, protocol }] } = service;
      return ports.map((each, at) => [
        name,
        each.protocol,
        String(each.port),
        services.some((other) => isBalanced(other)) ? balanceText(service) : "",
        service.sites.flatMap((site) => sitePlace(site, each.port)).join(", ") || "-",
        healthText(out, service, each.port),
        ...(at === 0 ? trafficCells(name, traffic) : []),
      ]);
    }),
  );
}

/** How many of the sites that serve a port are up, with a target that is. */
function healthText(out: Printer, { sites }: Service, port: number): string {
  const serving = sites.filter(({ ports }) => ports?.includes(port) !== false);
  const up = serving.filter(({ state, down }) => state === "up" && down?.includes(port) !== true).length;
  if (up === 0) return out.state("down");
  return up === serving.length ? out.state("up") : out.paint("yellow", `${up} of ${serving.length} up`);
}

const isBalanced = ({ balance }: Service): boolean =>
  balance !== undefined && (balance.isSet || balance.mode !== DEFAULT_BALANCE);

/** How a service is balanced, with the ranks or weights of its sites. */
function balanceText({ balance, sites }: Service): string {
  const mode = balance?.mode ?? DEFAULT_BALANCE;
  if (mode === "priority") {
    const ranked = sites.toSorted((left, right) => (left.rank ?? 0) - (right.rank ?? 0));
    return `priority: ${ranked.map(({ name }) => name).join(", ")}`;
  }
  if (mode === "weighted") {
    return `weighted: ${sites.map(({ name, weight = DEFAULT_WEIGHT }) => `${name} ${weight}`).join(", ")}`;
  }
  return mode;
}

/** A site in the row of a port; empty if the site does not serve the port. */
function sitePlace({ name, state, ports, down }: Service["sites"][number], port: number): string[] {
  if (ports?.includes(port) === false) return [];
  if (state !== "up") return [`${name} (down)`];
  return [down?.includes(port) === true ? `${name} (targets down)` : name];
}

/** A port of an offered service, for people. */
interface ShownPort {
  readonly networkPort: number | undefined;
  readonly health?: PortHealthLine | undefined;
  readonly targets: string;
  readonly protocol: string;
}

/** The ports of an offered service. A connector of 0.1.0 names the first target alone. */
export function portsOf({
  ports,
  host,
  port,
  protocol,
  grpc,
  servicePort,
  networkPort,
}: OfferLine): ShownPort[] {
  const all = ports ?? [{ protocol, grpc, servicePort, networkPort, targets: [{ host, port }] }];
  return all.map((each) => ({
    networkPort: each.networkPort ?? each.servicePort,
    health: "health" in each ? each.health : undefined,
    targets: targetsText(each.targets),
    protocol: each.grpc === true ? "grpc" : each.protocol,
  }));
}

/** Most targets of a port that are named: a service of a cluster may have thousands. */
const MAX_NAMED = 8;

function targetsText(targets: readonly { readonly host: string; readonly port: number }[]): string {
  if (targets.length === 0) return "none";
  const named = targets.slice(0, MAX_NAMED).map(({ host, port }) => formatAddress(host, port));
  const more = targets.length - named.length;
  return more === 0 ? named.join(", ") : `${named.join(", ")} and ${more} more`;
}

/** Prints the services that a site sees, and the services that it offers. */
export function printSiteServices(out: Printer, { services, offers, ingress }: Services, now: number): void {
  if (services.length === 0) {
    out.line(
      "This site sees no services of other sites. `fairlead expose NAME=PORT` at another site offers one.",
    );
  } else {
    const rows = services.flatMap(({ ports, ...service }) =>
      (ports ?? [service]).map((port) => ({ ...service, ...port, code: port.code ?? service.code })),
    );
    out.table(
      ["SERVICE", "REACHED AT", "STATE", "PROTOCOL", "OFFERED BY", "WHY"],
      rows.map(({ name, listener, protocol, sites, down, encryption, code }) => [
        name,
        listener?.address ?? "-",
        listener === null
          ? out.paint("dim", code === "service.unhealthy" ? "closed" : "starting")
          : out.state(listener.state),
        encryption === "hop" ? `${protocol}, hop` : protocol,
        sites.map((site) => (down?.includes(site) ? `${site} (targets down)` : site)).join(", "),
        code ?? listener?.message ?? listener?.code ?? "",
      ]),
    );
    for (const { name, listener } of rows) {
      if (listener?.state !== "failed" || listener.code === undefined || !isErrorCode(listener.code))
        continue;
      out.line(`The listener for ${name} failed: ${listener.code}.`);
      out.line(`  do: ${ERRORS[listener.code].action}`);
    }
  }
  if (offers.length > 0) printOffers(out, offers, now);
  if (ingress !== undefined) printIngress(out, ingress);
}

/** Prints the services that a site publishes by hostnames. */
function printIngress(out: Printer, ingress: readonly IngressLine[]): void {
  out.line();
  out.table(
    ["PUBLISHED AT", "SERVICE", "ACCESS", "STATE", "WHY NOT"],
    ingress.map(({ hostname, service, access, state, code }) => [
      hostname,
      service,
      access,
      state === "published"
        ? out.paint("green", state)
        : out.paint(state === "refused" ? "red" : "dim", state),
      code ?? "",
    ]),
  );
  for (const { hostname, state, message, action } of ingress) {
    if (state === "published") continue;
    out.line(`${hostname} is not published: ${message ?? "the network refuses it."}`);
    if (action !== undefined) out.line(`  do: ${action}`);
  }
}

function printOffers(out: Printer, offers: readonly OfferLine[], now: number): void {
  const rows = offers.flatMap((offer) => portsOf(offer).map((port) => ({ ...offer, ...port })));
  const hasOwnPorts = rows.some(
    ({ networkPort, targets }) => networkPort !== undefined && !targets.endsWith(`:${networkPort}`),
  );
  out.line();
  out.table(
    ["OFFERED HERE", "FOR", "PORT", "TARGET", "STATE", "PROTOCOL", "TO", "WHY NOT"],
    rows.map(({ name, source, port, networkPort, targets, health, protocol, encryption, to, refused }) => [
      name,
      source ?? "",
      hasOwnPorts ? String(networkPort ?? port) : "",
      targets,
      targetState(out, health),
      encryption === "hop" ? `${protocol}, hop` : protocol,
      offers.some((offer) => offer.to !== undefined) ? (to?.join(", ") ?? "all sites") : "",
      refused === undefined ? "" : out.paint("red", refused.code),
    ]),
  );
  for (const { name, networkPort, health } of rows) {
    if (health !== undefined) printTrouble(out, { service: name, port: networkPort, health, now });
  }
  for (const { name, refused } of offers) {
    if (refused === undefined) continue;
    out.line(`The network refused the offer of ${name}: ${refused.message ?? `${refused.code}.`}`);
    if (refused.action !== undefined) out.line(`  do: ${refused.action}`);
  }
}

/** The state of a port's targets in one cell; empty for a connector of 0.1.0. */
function targetState(out: Printer, health: PortHealthLine | undefined): string {
  if (health === undefined) return "";
  const { state, targets } = health;
  const up = targets.filter((target) => target.state === "up").length;
  if (state === "down" || up === targets.length || isReachedOtherwise(targets)) return out.state(state);
  return out.paint("yellow", `${up} of ${targets.length} up`);
}

/** Whether a server answers at each host, if only at one family of its addresses. */
function isReachedOtherwise(targets: readonly TargetLine[]): boolean {
  const familyOf = ({ address = "" }: TargetLine) => address.includes(":");
  return targets
    .filter(({ state }) => state === "down")
    .every((down) =>
      targets.some(
        (other) => other.target === down.target && other.state === "up" && familyOf(other) !== familyOf(down),
      ),
    );
}

/** Says which targets of a port are down, since when and why, and what to do. */
function printTrouble(
  out: Printer,
  {
    service,
    port,
    health: { withdrawn, targets },
    now,
  }: { service: string; port: number | undefined; health: PortHealthLine; now: number },
): void {
  if (isReachedOtherwise(targets)) return;
  for (const { target, address, state, since, message, code, action } of targets) {
    if (state !== "down") continue;
    const where = address === undefined ? target : `${target} (${address})`;
    const why = message === undefined ? "" : `: ${message} (${code})`;
    out.line(`The target ${where} of ${service} is down since ${relativeTime(since, now)}${why}`);
    if (action !== undefined) out.line(`  do: ${action}`);
  }
  if (withdrawn !== true) return;
  const what = port === undefined ? service : `${service} at port ${port}`;
  out.line(`Other sites do not use ${what} here until a target is up.`);
}
