/** The client that a rate limit counts. */
import * as z from "zod";
import { clientGroup } from "../../protocol/front/client-address.ts";

/**
 * The client of a request. On the embedded edge, `request.cf` has its address: the front sets it, or workerd
 * at the lanes' socket (with the port). On Cloudflare, a header has it. A client of the embedded edge could
 * forge that header, so `request.cf` takes precedence.
 */
export function clientOf(request: { readonly headers: Headers; readonly cf?: unknown }): string {
  const reported = Reported.safeParse(request.cf);
  const address = reported.success ? reported.data.clientIp : request.headers.get("cf-connecting-ip");
  return clientGroup(address ?? "unknown");
}

const Reported = z.object({ clientIp: z.string() });
