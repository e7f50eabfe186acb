/** Where a connection to the edge leads: the host and the port of its URL. */

export interface Destination {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The destination of a URL of `https:` or `wss:`. */
export function destinationOf({ hostname, port }: Pick<URL, "hostname" | "port">): Destination {
  return { host: withoutBrackets(hostname), port: port === "" ? 443 : Number(port) };
}

/** The host of a URL, in which an IPv6 address has brackets. */
export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, "");
