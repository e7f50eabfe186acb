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
import { authenticateDns } from "./authentication.ts";
import { limitBody } from "./body-limit.ts";
import { type Api, type ApiEnv, registryOf } from "./context.ts";

/** The path of the service; the key may follow behind a slash. */
const PATH = "/dns-query";

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
  const { site, network: id } = await authenticateDns(c, c.req.param("key"));
  const bytes = await read();
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
