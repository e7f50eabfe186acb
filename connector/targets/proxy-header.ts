/**
 * The header of the PROXY protocol, which tells a target of the client before the client's bytes
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.1 and 2.2). Version 2 names the calling site
 * as well, in two fields of the range for own use:
 *
 *     0xE0   the site's id, as its certificate has it
 *     0xE1   the site's name
 */
import ipaddr from "ipaddr.js";

/** Address and port. */
export interface ProxyEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  /** The client; null where it is not known. */
  readonly source: ProxyEndpoint | null;
  /** Where the connection goes. */
  readonly destination: ProxyEndpoint;
  /** The calling site, for version 2; null for a connection of the connector's own, such as a health check. */
  readonly site: { readonly id: string; readonly name: string } | null;
}

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
/** Version 2, with its command. haproxy (2.6) refuses the command PROXY without addresses. */
const COMMAND = { local: 0x20, proxy: 0x21 } as const;
const FAMILY = { unknown: 0x00, ipv4: 0x11, ipv6: 0x21 } as const;
const SITE_ID = 0xe0;
const SITE_NAME = 0xe1;

/** The header in the form of version 1: text. */
export function proxyHeaderV1({ source, destination }: ProxyHeader): Buffer {
  const pair = addressPair(source, destination);
  if (pair === null) return Buffer.from("PROXY UNKNOWN\r\n");
  const { family, from, to, ports } = pair;
  const name = family === "ipv4" ? "TCP4" : "TCP6";
  return Buffer.from(`PROXY ${name} ${from.toString()} ${to.toString()} ${ports.join(" ")}\r\n`);
}

/** The header in the form of version 2: binary. */
export function proxyHeaderV2({ source, destination, site }: ProxyHeader): Buffer {
  const pair = addressPair(source, destination);
  const addresses =
    pair === null
      ? Buffer.alloc(0)
      : Buffer.concat([
          Buffer.from(pair.from.toByteArray()),
          Buffer.from(pair.to.toByteArray()),
          ports(pair),
        ]);
  const fields = site === null ? [] : [field(SITE_ID, site.id), field(SITE_NAME, site.name)];
  const body = Buffer.concat([addresses, ...fields]);
  const head = Buffer.alloc(4);
  head[0] = pair === null ? COMMAND.local : COMMAND.proxy;
  head[1] = FAMILY[pair?.family ?? "unknown"];
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, head, body]);
}

interface AddressPair {
  readonly family: "ipv4" | "ipv6";
  readonly from: ipaddr.IPv4 | ipaddr.IPv6;
  readonly to: ipaddr.IPv4 | ipaddr.IPv6;
  readonly ports: readonly [number, number];
}

/** Both addresses in one family, as the header needs them; null where one is not known. */
function addressPair(source: ProxyEndpoint | null, destination: ProxyEndpoint): AddressPair | null {
  if (source === null || !ipaddr.isValid(source.address) || !ipaddr.isValid(destination.address)) return null;
  const [from, to] = [ipaddr.process(source.address), ipaddr.process(destination.address)];
  const ports = [source.port, destination.port] as const;
  if (from.kind() === "ipv4" && to.kind() === "ipv4") return { family: "ipv4", from, to, ports };
  return { family: "ipv6", from: mapped(from), to: mapped(to), ports };
}

const mapped = (address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv6 =>
  address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;

function ports({ ports: [from, to] }: AddressPair): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(from, 0);
  bytes.writeUInt16BE(to, 2);
  return bytes;
}

/** A field: type, length, value. */
function field(type: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
