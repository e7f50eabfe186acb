/** The documents of a provider: how the edge fetches them, with bounds on time, size and redirects. */
import * as z from "zod";
import { isLoopbackUrl, ProviderUrl } from "../../protocol/api/oidc.ts";
import { readAtMost } from "../read-at-most.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Time limit of a fetch, ms. */
export const FETCH_MS = 5_000;
/** Largest document that is read, bytes. */
const MAX_DOCUMENT = 256 * 1024;

/** A response of the provider, whose body is JSON. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Sends a request to the provider and parses the JSON of its response.
 * @throws Error when there is no response in time, or its body is too large or no JSON
 */
export async function askProvider(
  fetch: Fetch,
  url: string,
  init: { method?: "POST"; headers?: Record<string, string>; body?: string } = {},
): Promise<ProviderAnswer> {
  const response = await fetch(url, {
    ...init,
    headers: { accept: "application/json", ...init.headers },
    // A redirect would lead to a URL that was not checked.
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_MS),
  });
  if (response.body === null) throw new Error(`${url} responded with status ${response.status}.`);
  const bytes = await readAtMost(response.body as ReadableStream<Uint8Array>, MAX_DOCUMENT);
  if (bytes === null) throw new Error(`${url} is larger than ${MAX_DOCUMENT} bytes.`);
  const { status } = response;
  try {
    return { status, body: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch (cause) {
    throw new Error(`${url} responded with status ${status} and no JSON.`, { cause });
  }
}

/** Fetches a document. @throws Error when the status is not 200, and as {@link askProvider} */
export async function fetchDocument(fetch: Fetch, url: string): Promise<unknown> {
  const { status, body } = await askProvider(fetch, url);
  if (status !== 200) throw new Error(`${url} responded with status ${status}.`);
  return body;
}

/** The discovery document, as far as the edge reads it (OpenID Connect Discovery 1.0 §3). */
const Discovery = z.object({
  issuer: z.string(),
  jwks_uri: ProviderUrl,
  authorization_endpoint: ProviderUrl.optional(),
  token_endpoint: ProviderUrl.optional(),
  scopes_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  /** Whether authorization responses name the issuer (RFC 9207). */
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
export type Discovery = z.infer<typeof Discovery>;

/** Fetches and checks the discovery document of an issuer. @throws Error as {@link fetchDocument} */
export async function discover(fetch: Fetch, issuer: string): Promise<Discovery> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const found = Discovery.parse(await fetchDocument(fetch, url));
  if (found.issuer !== issuer) throw new Error(`The discovery document names the issuer "${found.issuer}".`);
  for (const [what, named] of [
    ["keys", found.jwks_uri],
    ["a token endpoint", found.token_endpoint],
  ] as const) {
    if (named !== undefined && isLoopbackUrl(named) && !isLoopbackUrl(issuer))
      throw new Error(`The discovery document names ${what} on loopback.`);
  }
  return found;
}
