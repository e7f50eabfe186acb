/**
 * Payloads of OPEN frames, written and read. Most streams of a session are for one or a few services, so the last
 * one each way is remembered.
 */
import { openPayload, parseOpen } from "./frames.ts";

export class Opens {
  #wroteService: string | null = null;
  #wrote = new Uint8Array(0);
  #readService = "";
  #read = new Uint8Array(0);

  /** The payload that asks for a service. It must not be changed. */
  write(service: string): Uint8Array {
    if (service !== this.#wroteService) {
      this.#wrote = new Uint8Array(openPayload({ service }));
      this.#wroteService = service;
    }
    return this.#wrote;
  }

  /** The service that a payload asks for. @throws FairleadError session.malformed */
  read(payload: Uint8Array): string {
    if (!same(payload, this.#read)) {
      this.#readService = parseOpen(payload).service;
      this.#read = payload.slice();
    }
    return this.#readService;
  }
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return left.length > 0;
}
