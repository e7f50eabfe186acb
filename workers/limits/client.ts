/** Whom a rate limit counts. */
import { z } from "zod";
import { clientGroup } from "../../protocol/front/client-address.ts";

/**
 * The client of a request. On the embedded edge `request.cf` tells its address: the front's word, or workerd's own at
 * the lanes' socket (with the port in it). On Cloudflare a header does, and only there is it to be believed, so it
 * goes second.
 */
export function clientOf(request: { readonly headers: Headers; readonly cf?: unknown }): string {
  const reported = Reported.safeParse(request.cf);
  const address = reported.success ? reported.data.clientIp : request.headers.get("cf-connecting-ip");
  return clientGroup(address ?? "unknown");
}

const Reported = z.object({ clientIp: z.string() });
