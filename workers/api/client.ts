/** Whom a rate limit counts. */
import { z } from "zod";

/**
 * The client of a request: workerd reports the peer's address itself, Cloudflare sets a header (and only there
 * is it to be believed, so it goes second). An IPv6 client has a whole /64 to itself and counts as one.
 */
export function clientOf(request: { readonly headers: Headers; readonly cf?: unknown }): string {
  const workerd = WorkerdCf.safeParse(request.cf);
  const address = workerd.success ? workerd.data.clientIp : request.headers.get("cf-connecting-ip");
  return groupOf(address ?? "unknown");
}

/** What workerd puts into `request.cf`. */
const WorkerdCf = z.object({ clientIp: z.string() });

/** An IPv4 address as it is; of an IPv6 address the first 64 bits. */
export function groupOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
