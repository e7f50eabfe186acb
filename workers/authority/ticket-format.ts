/**
 * The form that every ticket has: `PREFIX base64url(JSON).base64url(HMAC-SHA-256)`, under a key that is derived for this
 * form alone, so that no ticket of one form passes for one of another.
 */
import type * as z from "zod";
import { decodeBase64, encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Key } from "./keys.ts";
import { deriveSecret } from "./sealer.ts";

/** Longest ticket that is read, characters. */
const MAX_TICKET = 2048;

export interface TicketFormatOptions<T> {
  readonly schema: z.ZodType<T>;
  /** What the key is derived for. */
  readonly purpose: string;
  /** The beginning of the text; nothing unless given. */
  readonly prefix?: string;
}

export class TicketFormat<T extends { readonly expires: number }> {
  readonly #options: TicketFormatOptions<T>;
  #lastKey: { pem: string; key: Key } | null = null;

  constructor(options: TicketFormatOptions<T>) {
    this.#options = options;
  }

  /** Signs a ticket. @returns its text */
  async issue(ticket: T, deploymentCaKeyPem: string): Promise<string> {
    const { prefix = "" } = this.#options;
    const encoder = new TextEncoder();
    const body = encodeBase64Url(encoder.encode(JSON.stringify(ticket)));
    const mac = await crypto.subtle.sign("HMAC", await this.#key(deploymentCaKeyPem), encoder.encode(body));
    return `${prefix}${body}.${encodeBase64Url(new Uint8Array(mac))}`;
  }

  /**
   * Verifies the text of a ticket that this deployment issued.
   * @throws FairleadError ticket.invalid, ticket.expired
   */
  async verify(text: string, { deploymentCaKey, now }: { deploymentCaKey: string; now: number }): Promise<T> {
    const { prefix = "" } = this.#options;
    const [body, signature, ...rest] =
      text.length > MAX_TICKET || !text.startsWith(prefix) ? [] : text.slice(prefix.length).split(".");
    const mac = signature === undefined ? null : decodeBase64(signature);
    if (body === undefined || mac === null || rest.length > 0) throw new FairleadError("ticket.invalid");
    const key = await this.#key(deploymentCaKey);
    // subtle.verify compares in constant time.
    const isGenuine = await crypto.subtle.verify("HMAC", key, mac, new TextEncoder().encode(body));
    if (!isGenuine) throw new FairleadError("ticket.invalid");
    const ticket = this.#read(body);
    if (now > ticket.expires) throw new FairleadError("ticket.expired");
    return ticket;
  }

  /** Parses a signed body, which may have the form of another version. */
  #read(body: string): T {
    const bytes = decodeBase64(body);
    try {
      return this.#options.schema.parse(JSON.parse(new TextDecoder().decode(bytes ?? undefined)));
    } catch (cause) {
      throw new FairleadError("ticket.invalid", undefined, { cause });
    }
  }

  /**
   * The HMAC key, derived once, since an isolate serves one deployment. The key is cached and not its promise,
   * since a promise belongs to the request that created it.
   */
  async #key(pem: string): Promise<Key> {
    if (this.#lastKey?.pem === pem) return this.#lastKey.key;
    const secret = await deriveSecret(pem, this.#options.purpose);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
    this.#lastKey = { pem, key };
    return key;
  }
}
