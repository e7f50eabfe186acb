/**
 * DNS over HTTPS for the services of a network (RFC 8484), with a key that is good for nothing else. The key is in the
 * path, for clients that send no headers, or in `authorization`. The routes are outside of /v1: the form is the RFC's.
 */
import type { Context } from "hono";
import { MAX_MESSAGE_BYTES } from "../../protocol/dns/constants.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { networkDomain } from "../../protocol/names.ts";
import { answerDoh, DNS_MESSAGE, messageOfGet } from "../dns/doh.ts";
import { unwrap } from "../result.ts";
import { authenticateDns, type DnsAccess } from "./authentication.ts";
import { limitBody } from "./body-limit.ts";
import { type Api, type ApiEnv, registryOf } from "./context.ts";

/** The path of the service; the key may follow behind a slash. */
const PATH = "/dns-query";

/** After how long a client with too many queries in progress may try again, ms. */
const BUSY_MS = 1000;

export function addDns(api: Api): void {
  for (const path of [PATH, `${PATH}/:key`]) {
    api.get(path, async (c) => answer(c, () => Promise.resolve(messageOfGet(c.req.query("dns")))));
    api.post(path, limitBody(MAX_MESSAGE_BYTES), async (c) => answer(c, () => messageOfPost(c)));
  }
}

async function messageOfPost(c: Context<ApiEnv>): Promise<Uint8Array> {
  if (c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase() !== DNS_MESSAGE) {
    throw new FairleadError("dns.media_type");
  }
  return new Uint8Array(await c.req.arrayBuffer());
}

async function answer(c: Context<ApiEnv>, read: () => Promise<Uint8Array>): Promise<Response> {
  const access = await authenticateDns(c, c.req.param("key"));
  const { dns, dnsInProgress } = c.var.limits;
  const wait = dns.take(access.key, Date.now());
  if (wait > 0) throw new FairleadError("dns.limited", undefined, { retryAfterMs: wait });
  const response = await dnsInProgress.run(access.key, async () => await answerFor(c, access, await read()));
  if (response !== null) return response;
  const why = "Too many queries with one key are in progress.";
  throw new FairleadError("dns.limited", why, { retryAfterMs: BUSY_MS });
}

async function answerFor(
  c: Context<ApiEnv>,
  { site, network: id }: DnsAccess,
  bytes: Uint8Array,
): Promise<Response> {
  const network = await c.var.directory.findNetwork(id);
  if (network === null) throw new FairleadError("network.unknown");
  const registry = registryOf(c, network);
  const { message, maxAge } = await answerDoh(bytes, networkDomain(network.name), async (service) =>
    unwrap(await registry.reachableService(site, service)),
  );
  return new Response(message, {
    headers: { "content-type": DNS_MESSAGE, "cache-control": `private, max-age=${maxAge}` },
  });
}
