/**
 * A reference for tests of HTTP/1.1 observers: llhttp, which Node uses as well, in the build that undici has.
 * It throws for everything that is not valid.
 */
import { createRequire } from "node:module";
import * as z from "zod";

const load = createRequire(import.meta.url);
const wasm = z.instanceof(Uint8Array).parse(load("undici/lib/llhttp/llhttp-wasm.js"));

/** The part of WebAssembly that is used; the types of Node have less. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

const TYPE = { request: 1, response: 2 } as const;
const module = new Module(wasm);
const METHODS: readonly string[] = methodNames();

function methodNames(): string[] {
  const { METHODS: numbers } = z
    .object({ METHODS: z.record(z.string(), z.number()) })
    .parse(load("undici/lib/llhttp/constants.js"));
  const names: string[] = [];
  for (const [name, number] of Object.entries(numbers)) names[number] = name;
  return names;
}

export interface ParsedMessage {
  readonly method: string;
  url: string;
  status: number;
  upgrade: boolean;
  body: number;
  isComplete: boolean;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  llhttp_alloc(type: number): number;
  llhttp_execute(parser: number, at: number, length: number): number;
  llhttp_get_method(parser: number): number;
  malloc(bytes: number): number;
}

/** Parses one direction. `isBodyless`: whether the response of a number has no body, as to HEAD. */
export class LlhttpParser {
  readonly messages: ParsedMessage[] = [];
  readonly #exports: Exports;
  readonly #parser: number;
  /** Set once the connection has become another protocol. */
  isUpgraded = false;

  constructor(type: keyof typeof TYPE, isBodyless: (message: number) => boolean = () => false) {
    const current = () => this.messages.at(-1) ?? { url: "", body: 0, isComplete: false };
    const nothing = () => 0;
    const text = (at: number, length: number) =>
      Buffer.from(this.#exports.memory.buffer, at, length).toString("latin1");
    const instance = new Instance(module, {
      env: {
        wasm_on_message_begin: () => {
          this.messages.push({ method: "", url: "", status: 0, upgrade: false, body: 0, isComplete: false });
          return 0;
        },
        wasm_on_url: (_parser: number, at: number, length: number) => {
          current().url += text(at, length);
          return 0;
        },
        wasm_on_status: nothing,
        wasm_on_header_field: nothing,
        wasm_on_header_value: nothing,
        wasm_on_headers_complete: (parser: number, status: number, upgrade: number) => {
          const method = METHODS[this.#exports.llhttp_get_method(parser)] ?? "";
          Object.assign(current(), {
            status,
            upgrade: upgrade === 1,
            ...(type === "request" ? { method } : {}),
          });
          const final = this.messages.filter((each) => each.status === 101 || each.status >= 200).length;
          return type === "response" && status >= 200 && isBodyless(final - 1) ? 1 : 0;
        },
        wasm_on_body: (_parser: number, _at: number, length: number) => {
          current().body += length;
          return 0;
        },
        wasm_on_message_complete: () => {
          current().isComplete = true;
          return 0;
        },
      },
    });
    this.#exports = instance.exports as unknown as Exports;
    this.#parser = this.#exports.llhttp_alloc(TYPE[type]);
  }

  /** Parses a chunk. @throws Error when it is not valid HTTP/1.1. */
  execute(chunk: Uint8Array): void {
    if (this.isUpgraded || chunk.length === 0) return;
    const at = this.#exports.malloc(chunk.length);
    new Uint8Array(this.#exports.memory.buffer, at, chunk.length).set(chunk);
    const code = this.#exports.llhttp_execute(this.#parser, at, chunk.length);
    // 21 and 22: paused for an upgrade.
    if (code === 21 || code === 22) this.isUpgraded = true;
    else if (code !== 0) throw new Error(`llhttp ${code}`);
  }
}
