/** The address at which a connector serves its metrics and its health. */
import { isIP } from "node:net";
import { FairleadError } from "../../protocol/errors.ts";
import { Port } from "../../protocol/names.ts";

export interface MetricsAddress {
  /** An IP address; null for every address of the machine. */
  readonly host: string | null;
  readonly port: number;
}

/** Parses a value of `--metrics`; null for `off`. @throws FairleadError `request.invalid`. */
export function parseMetricsAddress(text: string): MetricsAddress | null {
  if (text === "off") return null;
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const isKnown = bracketed === undefined ? host === "*" || isIP(host) === 4 : isIP(host) === 6;
  if (!isKnown) throw invalid(text, "the form is ADDRESS:PORT, [IPv6]:PORT, *:PORT, or off");
  const port = Port.safeParse(Number(digits));
  if (!port.success) throw invalid(text, "a port is a number from 1 to 65535");
  return { host: host === "*" ? null : host, port: port.data };
}

/** The text that {@link parseMetricsAddress} parses. */
export function formatMetricsAddress({ host, port }: MetricsAddress): string {
  return host === null ? `*:${port}` : `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Whether both are the same address, or both off. */
export function sameMetricsAddress(
  left: MetricsAddress | null | undefined,
  right: MetricsAddress | null | undefined,
): boolean {
  return left?.host === right?.host && left?.port === right?.port;
}

const invalid = (text: string, why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
