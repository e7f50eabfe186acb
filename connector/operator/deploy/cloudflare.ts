/**
 * A client of Cloudflare's API (v4), for the calls of `edge deploy` that wrangler does not make. Each
 * response is an envelope {success, errors, result}, which a schema parses.
 */
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { dialServer } from "../../net/dial-server.ts";
import { HttpClient, textOf } from "../../net/http-client.ts";
import { proxyFor } from "../../net/proxy.ts";

export const CLOUDFLARE_API = "https://api.cloudflare.com/client/v4";

/** Timeout of a request, ms. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longest answer that is read, bytes. */
const MAX_ANSWER = 16 * 1024 * 1024;

export const Zone = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  account: z.object({ id: z.string(), name: z.string().optional() }),
});
export type Zone = z.infer<typeof Zone>;

/** A custom domain: the Worker that serves a hostname. */
const Domain = z.object({ hostname: z.string(), service: z.string() });
const DnsRecord = z.object({ name: z.string(), type: z.string(), content: z.string().optional() });
const Rule = z.object({
  action: z.string(),
  expression: z.string(),
  enabled: z.boolean().default(true),
  description: z.string().optional(),
});
export type Rule = z.infer<typeof Rule>;
const Associations = z.object({ hostnames: z.array(z.string()).default([]) });

const Envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
});

/** Error codes that mean a malformed or unknown token, besides the statuses 401 and 403. */
const TOKEN_ERRORS = new Set([1000, 6003, 6111, 9106, 9109, 10_000, 10_001]);

export interface CloudflareOptions {
  readonly token: string;
  /** {@link CLOUDFLARE_API} unless given. */
  readonly url?: string | undefined;
}

export class Cloudflare {
  readonly #token: string;
  readonly #http: HttpClient;

  constructor({ token, url }: CloudflareOptions) {
    this.#token = token;
    const api = (url ?? CLOUDFLARE_API).replace(/\/+$/, "");
    const proxy = proxyFor(api);
    this.#http = new HttpClient(api, (signal) =>
      dialServer(new URL(api), { proxy, timeoutMs: REQUEST_TIMEOUT_MS, signal }),
    );
  }

  /** The zone of a name; null when the token sees none. Needs Zone Read. */
  async zone(name: string): Promise<Zone | null> {
    const zones = await this.#request("GET", `/zones?${query({ name })}`, z.array(Zone));
    return zones.find((zone) => zone.name === name) ?? null;
  }

  /**
   * Name of the Worker with the hostname as its custom domain; null without one. Needs Workers Scripts Read.
   */
  async workerAt(account: string, hostname: string): Promise<string | null> {
    const path = `/accounts/${segment(account)}/workers/domains?${query({ hostname })}`;
    const domains = await this.#request("GET", path, z.array(Domain));
    return domains.find((domain) => domain.hostname === hostname)?.service ?? null;
  }

  /** DNS records of a hostname, as `TYPE CONTENT`. Needs DNS Read. */
  async dnsRecords(zone: string, hostname: string): Promise<string[]> {
    const path = `/zones/${segment(zone)}/dns_records?${query({ name: hostname })}`;
    const records = await this.#request("GET", path, z.array(DnsRecord));
    return records.map(({ type, content }) => `${type} ${content ?? ""}`.trim());
  }

  /** Custom firewall rules of a zone; null when the token may not read them. Needs Zone WAF Read. */
  async firewallRules(zone: string): Promise<readonly Rule[] | null> {
    const path = `/zones/${segment(zone)}/rulesets/phases/http_request_firewall_custom/entrypoint`;
    const answer = await this.#exchange("GET", path, undefined);
    // A zone without rules has no entry point ruleset.
    if (answer.status === 404) return [];
    if (answer.status === 403) return null;
    return this.#read(answer, path, z.object({ rules: z.array(Rule).default([]) })).rules;
  }

  /** Hostnames of a zone that request client certificates. Needs SSL and Certificates Read. */
  async certificateHostnames(zone: string): Promise<readonly string[]> {
    return (await this.#request("GET", associations(zone), Associations)).hostnames;
  }

  /** Replaces the list of such hostnames. Needs SSL and Certificates Write. */
  async setCertificateHostnames(zone: string, hostnames: readonly string[]): Promise<void> {
    await this.#request("PUT", associations(zone), Associations, { hostnames });
  }

  async #request<T>(method: "GET" | "PUT", path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    return this.#read(await this.#exchange(method, path, body), path, schema);
  }

  async #exchange(
    method: "GET" | "PUT",
    path: string,
    body: unknown,
  ): Promise<{ readonly status: number; readonly value: unknown }> {
    try {
      const answer = await this.#http.request(path, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return { status: answer.statusCode, value: parsed(await textOf(answer, MAX_ANSWER)) };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FairleadError("deploy.failed", `Cloudflare's API does not respond: ${why}.`, { cause });
    }
  }

  #read<T>(
    { status, value }: { readonly status: number; readonly value: unknown },
    path: string,
    schema: z.ZodType<T>,
  ): T {
    const envelope = Envelope.safeParse(value).data;
    const said = envelope?.errors.map(({ code, message }) => `${message} (${code})`).join("; ");
    const where = path.replace(/\?.*$/, "");
    if (status === 401 || status === 403 || envelope?.errors.some(({ code }) => TOKEN_ERRORS.has(code))) {
      throw new FairleadError(
        "deploy.account",
        `Cloudflare refused ${where}: ${said || `status ${status}`}.`,
      );
    }
    const parsed = schema.safeParse(envelope?.result);
    if (status >= 200 && status <= 299 && envelope?.success === true && parsed.success) return parsed.data;
    throw new FairleadError(
      "deploy.failed",
      `Cloudflare responded to ${where} with status ${status}: ${said || "a form that is not known"}.`,
    );
  }
}

const segment = encodeURIComponent;
const query = (parameters: Record<string, string>) => String(new URLSearchParams(parameters));
const associations = (zone: string) =>
  `/zones/${segment(zone)}/certificate_authorities/hostname_associations`;

/** The value of a JSON text; undefined for another text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
