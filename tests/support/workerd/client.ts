/** Requests to the edge under test. */
import { createExecutionContext, listDurableObjectIds, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type * as z from "zod";
import { Admission } from "../../../protocol/api/admission.ts";
import { ErrorResponse } from "../../../protocol/api/envelope.ts";
import { CreatedKey, type Role } from "../../../protocol/api/keys.ts";
import { Network } from "../../../protocol/api/networks.ts";
import { CreatedToken } from "../../../protocol/api/tokens.ts";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import type { KeyPair } from "../../../workers/authority/keys.ts";
import worker from "../../../workers/worker/index.ts";
import type { AssertionParts } from "../authority/test-site.ts";
import { createAssertion, createCsr, newKeys, type TestSite } from "../authority/test-site.ts";
import { ADMIN_KEY, API_URL, GATEWAY_URL } from "./environment.ts";

/** Sends a request to the default entrypoint, with `cf` as the platform sets it. */
export async function ask(
  url: string,
  init: Omit<RequestInit, "cf"> & { cf?: unknown } = {},
  changes: Partial<Cloudflare.Env> = {},
): Promise<Response> {
  const request = new Request(url, init as RequestInit) as Parameters<typeof worker.fetch>[0];
  const ctx = createExecutionContext();
  const response = await worker.fetch(request, { ...env, ...changes }, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

/** Counts registries and routers. `reset()` empties objects but leaves them in this count. */
export async function countObjects(): Promise<[registries: number, routers: number]> {
  const registries = await listDurableObjectIds(env.REGISTRY);
  const routers = await listDurableObjectIds(env.ROUTER);
  return [registries.length, routers.length];
}

/** Calls the API with a key. Returns the raw answer. */
export function call(
  method: string,
  path: string,
  options: {
    key?: string | null;
    body?: unknown;
    address?: string;
    /** Changed variables. */
    changes?: Partial<Cloudflare.Env>;
  } = {},
) {
  const headers = new Headers({ "cf-connecting-ip": options.address ?? "192.0.2.1" });
  const key = options.key === undefined ? ADMIN_KEY : options.key;
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  if (options.body === undefined) return ask(`${API_URL}${path}`, { method, headers }, options.changes);
  headers.set("content-type", "application/json");
  const body = JSON.stringify(options.body);
  return ask(`${API_URL}${path}`, { method, headers, body }, options.changes);
}

/** Calls the API and parses the answer by the schema. @throws Error when the call fails */
export async function expectAnswer<T extends z.ZodType>(schema: T, answer: Response | Promise<Response>) {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return schema.parse(JSON.parse(text));
}

/** Returns status and code of an error answer. @throws Error when it has another form */
export async function errorOf(answer: Response | Promise<Response>): Promise<[number, string]> {
  const response = await answer;
  const parsed = ErrorResponse.parse(await response.json());
  if (response.headers.get("fairlead-request-id") !== parsed.requestId)
    throw new Error("The answer has no request id.");
  return [response.status, parsed.error.code];
}

export const createNetwork = (name: string) =>
  expectAnswer(Network, call("POST", "/v1/networks", { body: { name } }));

export const createToken = (network: string, body: object = {}) =>
  expectAnswer(CreatedToken, call("POST", `/v1/networks/${network}/tokens`, { body }));

export async function createKey(role: Role, networks?: string[]): Promise<string> {
  const body = networks === undefined ? { name: role, role } : { name: role, role, networks };
  return (await expectAnswer(CreatedKey, call("POST", "/v1/keys", { body }))).key;
}

/** Returns the claim in a token file. */
export function claimIn(file: string): string {
  const claim = /claim: (\S+)/.exec(file)?.[1];
  if (claim === undefined) throw new Error("The token file has no claim.");
  return claim;
}

/** Redeems a claim with a given or a new key. */
export async function redeem(claim: string, site: string, keys?: KeyPair) {
  const csr = encodeBase64(await createCsr(keys ?? (await newKeys())));
  return call("POST", "/v1/redeem", { key: null, body: { claim, site, csr } });
}

/** Joins a site to a network with a token. */
export async function join(network: string, name: string): Promise<TestSite> {
  const keys = await newKeys();
  const { file } = await createToken(network);
  const admission = await expectAnswer(Admission, redeem(claimIn(file), name, keys));
  const bytes = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return {
    networkId: admission.network.id,
    siteId: admission.site.id,
    keys,
    certificate: { certificate: bytes(admission.certificate), serial: "", notAfter: 0 },
    authority: { certificate: bytes(admission.authority), privateKey: new Uint8Array() },
  };
}

/** Makes Cloudflare's report of a connection with this certificate. */
export const reported = (certificate: Uint8Array) => ({
  tlsClientAuth: {
    certPresented: "1",
    certVerified: "FAILED:unable to get local issuer certificate",
    certRevoked: "0",
    certIssuerDN: "CN=network",
    certSubjectDN: "CN=site",
    certSerial: "01",
    certFingerprintSHA256: "00",
    certNotBefore: "Nov 23 06:28:00 2026 GMT",
    certNotAfter: "Nov 24 06:28:00 2026 GMT",
    certRFC9440: `:${encodeBase64(certificate)}:`,
    certRFC9440TooLarge: false,
    certChainRFC9440: "",
    certChainRFC9440TooLarge: false,
  },
});

/** Dials an uplink or lane at the gateway as a connector does, apart from the changes. */
export async function dial(
  site: TestSite,
  options: {
    path?: string;
    cf?: unknown;
    assertion?: AssertionParts;
    headers?: Record<string, string>;
    base?: string;
  } = {},
): Promise<Response> {
  const jwt = await createAssertion(site, options.assertion);
  return ask(`${options.base ?? GATEWAY_URL}${options.path ?? "/v1/uplink"}`, {
    headers: { upgrade: "websocket", authorization: `Bearer ${jwt}`, ...options.headers },
    cf: "cf" in options ? options.cf : reported(site.certificate.certificate),
  });
}
