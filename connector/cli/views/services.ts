/** Services, for people: the services of a network, and the services that a site sees and offers. */
import type { Service } from "../../../protocol/api/services.ts";
import { ERRORS, isErrorCode } from "../../../protocol/errors.ts";
import type { Services } from "../../control/schema.ts";
import type { Printer } from "../framework/printer.ts";

/** Prints the services of a network as a table. */
export function printServices(out: Printer, services: readonly Service[]): void {
  out.table(
    ["SERVICE", "PROTOCOL", "PORT", "OFFERED BY"],
    services.map((service) => [
      service.name,
      service.protocol,
      String(service.port),
      service.sites.map(({ name, state }) => (state === "up" ? name : `${name} (down)`)).join(", ") || "-",
    ]),
  );
}

/** Prints the services that a site sees, and the services that it offers. */
export function printSiteServices(out: Printer, { services, offers }: Services): void {
  if (services.length === 0) {
    out.line(
      "This site sees no services of other sites. `fairlead expose NAME=PORT` at another site offers one.",
    );
  } else {
    out.table(
      ["SERVICE", "REACHED AT", "STATE", "PROTOCOL", "OFFERED BY", "WHY"],
      services.map(({ name, listener, protocol, sites, encryption, code }) => [
        name,
        listener?.address ?? "-",
        listener === null ? out.paint("dim", "starting") : out.state(listener.state),
        encryption === "hop" ? `${protocol}, hop` : protocol,
        sites.join(", "),
        code ?? listener?.message ?? listener?.code ?? "",
      ]),
    );
    for (const { name, listener } of services) {
      if (listener?.state !== "failed" || listener.code === undefined || !isErrorCode(listener.code))
        continue;
      out.line(`The listener for ${name} failed: ${listener.code}.`);
      out.line(`  do: ${ERRORS[listener.code].action}`);
    }
  }
  if (offers.length === 0) return;
  const hasOwnPorts = offers.some(
    ({ port, servicePort, networkPort = servicePort ?? port }) => networkPort !== port,
  );
  out.line();
  out.table(
    ["OFFERED HERE", "PORT", "TARGET", "PROTOCOL", "TO", "WHY NOT"],
    offers.map(({ name, host, port, protocol, servicePort, networkPort, encryption, to, refused }) => [
      name,
      hasOwnPorts ? String(networkPort ?? servicePort ?? port) : "",
      `${host.includes(":") ? `[${host}]` : host}:${port}`,
      encryption === "hop" ? `${protocol}, hop` : protocol,
      offers.some((offer) => offer.to !== undefined) ? (to?.join(", ") ?? "all sites") : "",
      refused === undefined ? "" : out.paint("red", refused.code),
    ]),
  );
  for (const { name, refused } of offers) {
    if (refused === undefined) continue;
    out.line(`The network refused the offer of ${name}: ${refused.message ?? `${refused.code}.`}`);
    if (refused.action !== undefined) out.line(`  do: ${refused.action}`);
  }
}
