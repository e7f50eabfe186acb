/**
 * Payloads of OPEN frames, written and read. Most streams of a session are for one or a few services, so the last
 * one each way is remembered.
 */
import { type Open, openPayload, parseOpen } from "./frames.ts";

export class OpenCache {
  #wroteService: string | null = null;
  #wroteHops = 0;
  #wrote = new Uint8Array(0);
  #readOpen: Open = { service: "" };
  #read = new Uint8Array(0);

  /** The payload that asks for a service. It must not be changed. */
  write(service: string, hops: number): Uint8Array {
    if (service !== this.#wroteService || hops !== this.#wroteHops) {
      this.#wrote = new Uint8Array(openPayload(hops === 0 ? { service } : { service, hops }));
      this.#wroteService = service;
      this.#wroteHops = hops;
    }
    return this.#wrote;
  }

  /** What a payload asks for. @throws FairleadError session.malformed */
  read(payload: Uint8Array): Open {
    if (!same(payload, this.#read)) {
      this.#readOpen = parseOpen(payload);
      this.#read = payload.slice();
    }
    return this.#readOpen;
  }
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return left.length > 0;
}
