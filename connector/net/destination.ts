/** Where a connection to the edge leads: the host and the port of its URL. */

export interface Destination {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The destination of a URL of `https:`, `wss:` or `http:`. */
export function destinationOf({
  protocol,
  hostname,
  port,
}: Pick<URL, "protocol" | "hostname" | "port">): Destination {
  const usual = protocol === "http:" ? 80 : 443;
  return { host: withoutBrackets(hostname), port: port === "" ? usual : Number(port) };
}

/** The host of a URL, in which an IPv6 address has brackets. */
export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, "");
