/** IP addresses as the bytes of A and AAAA records. */

/** The 4 or 16 bytes of an address; null for another text. A zone id (`%eth0`) is no part of a record. */
export function addressBytes(text: string): readonly number[] | null {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** The family of an address; null for a text that is none. */
export function familyOf(text: string): 4 | 6 | null {
  const bytes = addressBytes(text);
  return bytes === null ? null : bytes.length === 4 ? 4 : 6;
}

/** Whether the address stands for every address of a machine, and so names none. */
export function isWildcard(text: string): boolean {
  return addressBytes(text)?.every((byte) => byte === 0) ?? false;
}

/** Whether only the machine itself reaches the address. */
export function isLoopback(text: string): boolean {
  const bytes = addressBytes(text);
  if (bytes === null) return false;
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

/** The name whose PTR record names the host of an address (RFC 1035 §3.5, RFC 3596 §2.5); null for another text. */
export function reverseName(text: string): string | null {
  const bytes = addressBytes(text);
  if (bytes === null) return null;
  if (bytes.length === 4) return `${bytes.toReversed().join(".")}.in-addr.arpa`;
  const digits = bytes.flatMap((byte) => [byte >> 4, byte & 15]).map((digit) => digit.toString(16));
  return `${digits.toReversed().join(".")}.ip6.arpa`;
}

/** The name of localhost's address, whose PTR record is no network's. */
const LOCALHOST = "1.0.0.127.in-addr.arpa";

/**
 * The origins of the reverse zones that together have the names of a range's addresses, and no others (RFC 1035 §3.5,
 * RFC 3596 §2.5). None for a text that is no CIDR notation, for a range of all addresses, and for one with 127.0.0.1.
 */
export function reverseZones(cidr: string): string[] {
  const [address = "", digits = ""] = cidr.split("/");
  const bytes = addressBytes(address);
  const prefix = Number(digits);
  const [unit, top] = bytes?.length === 4 ? [8, "in-addr.arpa"] : [4, "ip6.arpa"];
  if (bytes === null || !/^\d{1,3}$/.test(digits) || prefix === 0 || prefix > bytes.length * 8) return [];
  const units = unit === 8 ? bytes : bytes.flatMap((byte) => [byte >> 4, byte & 15]);
  const count = Math.ceil(prefix / unit);
  // The zones differ in their last label.
  const zones = 1 << (count * unit - prefix);
  const first = (units[count - 1] ?? 0) & ~(zones - 1);
  const rest = [
    ...units
      .slice(0, count - 1)
      .reverse()
      .map((value) => value.toString(unit === 8 ? 10 : 16)),
    top,
  ];
  const origins = Array.from({ length: zones }, (_, at) =>
    [(first + at).toString(unit === 8 ? 10 : 16), ...rest].join("."),
  );
  return origins.some((origin) => LOCALHOST.endsWith(`.${origin}`) || LOCALHOST === origin) ? [] : origins;
}

const REVERSE = [
  { form: /^(?:(?:0|[1-9]\d{0,2})\.){0,4}in-addr\.arpa$/, labels: 6 },
  { form: /^(?:[0-9a-f]\.){0,32}ip6\.arpa$/, labels: 34 },
];

/** Whether a name is that of a whole address, of a part of one, or none. */
export function reverseForm(name: string): "whole" | "part" | "none" {
  const kind = REVERSE.find(({ form }) => form.test(name));
  if (kind === undefined) return "none";
  return name.split(".").length === kind.labels ? "whole" : "part";
}

function ipv4Bytes(text: string): readonly number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function ipv6Bytes(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(groupBytes);
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 16 ? head : null;
  const gap = 16 - head.length - tail.length;
  return gap >= 2 ? [...head, ...new Array<number>(gap).fill(0), ...tail] : null;
}

/** The bytes of groups that colons separate; the last may be an IPv4 address. */
function groupBytes(text: string): readonly number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    const ipv4 = at === groups.length - 1 && group.includes(".") ? ipv4Bytes(group) : null;
    if (ipv4 !== null) bytes.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return null;
  }
  return bytes.length <= 16 ? bytes : null;
}
