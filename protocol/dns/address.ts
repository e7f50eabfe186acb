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
