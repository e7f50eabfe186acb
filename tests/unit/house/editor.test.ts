/** What an editor sees: the TypeScript language server, started as an editor starts it, on the root tsconfig.json. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

const ROOT = resolve(import.meta.dirname, "../../..");

/** Appended to an open file: the server reports the types that the file's project does not have. */
const PROBE = "\nexport type Probe = [DurableObjectState, NodeJS.Process, HTMLElement];\n";

const Message = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
});
const Settings = z.object({ items: z.array(z.unknown()) });
const Report = z.object({ items: z.array(z.object({ message: z.string() })) });

/** A language server, spoken to over its standard input and output. */
class LanguageServer {
  readonly #process = spawn(resolve(ROOT, "node_modules/.bin/tsc"), ["--lsp", "--stdio"], { cwd: ROOT });
  readonly #waiting = new Map<number | string, (result: unknown) => void>();
  #received = Buffer.alloc(0);
  #lastId = 0;

  constructor() {
    this.#process.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  request(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((answer, fail) => {
      this.#waiting.set(id, answer);
      this.#process.once("error", fail);
      this.#process.once("exit", () =>
        fail(new Error(`the language server ended before it answered ${method}`)),
      );
      this.#send({ id, method, params });
    });
  }

  notify(method: string, params: object): void {
    this.#send({ method, params });
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.kill();
    await exited;
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      const [, length] = /Content-Length: (\d+)/i.exec(this.#received.toString("latin1", 0, end)) ?? [];
      if (end === -1 || length === undefined || this.#received.length < end + 4 + Number(length)) return;
      const text = this.#received.toString("utf8", end + 4, end + 4 + Number(length));
      this.#received = this.#received.subarray(end + 4 + Number(length));
      this.#handle(Message.parse(JSON.parse(text)));
    }
  }

  #handle({ id, method, params, result }: z.infer<typeof Message>): void {
    if (id === undefined) return;
    if (method === undefined) this.#waiting.get(id)?.(result);
    else if (method !== "workspace/configuration") this.#send({ id, result: null });
    else this.#send({ id, result: Settings.parse(params).items.map(() => null) });
  }
}

describe("the root tsconfig.json in an editor", () => {
  let server: LanguageServer;

  beforeAll(async () => {
    server = new LanguageServer();
    const rootUri = pathToFileURL(ROOT).href;
    await server.request("initialize", {
      processId: process.pid,
      rootUri,
      capabilities: { textDocument: { diagnostic: {} } },
      workspaceFolders: [{ uri: rootUri, name: "fairlead" }],
    });
    server.notify("initialized", {});
  });

  afterAll(() => server.stop());

  /** Which of the probe's types the first file of a folder has. */
  async function typesIn(folder: string): Promise<{ workers: boolean; node: boolean; page: boolean }> {
    const files = (await readdir(resolve(ROOT, folder))).filter((name) => /\.tsx?$/.test(name));
    const file = `${folder}/${files.sort()[0]}`;
    const uri = pathToFileURL(resolve(ROOT, file)).href;
    const text = (await readFile(resolve(ROOT, file), "utf8")) + PROBE;
    server.notify("textDocument/didOpen", {
      textDocument: {
        uri,
        languageId: file.endsWith("x") ? "typescriptreact" : "typescript",
        version: 1,
        text,
      },
    });
    const report = Report.parse(await server.request("textDocument/diagnostic", { textDocument: { uri } }));
    const missing = (name: string) => report.items.some(({ message }) => message.includes(`'${name}'`));
    return {
      workers: !missing("DurableObjectState"),
      node: !missing("NodeJS"),
      page: !missing("HTMLElement"),
    };
  }

  it.each(["workers", "workers/router", "tests/edge/registry", "tests/support/workerd"])(
    "gives %s the types of Workers and not those of Node",
    async (folder) => {
      expect(await typesIn(folder)).toEqual({ workers: true, node: false, page: false });
    },
  );

  it.each(["connector/cli", "scripts", "tests/support/clock", "."])(
    "gives %s the types of Node and not those of Workers",
    async (folder) => {
      expect(await typesIn(folder)).toEqual({ workers: false, node: true, page: false });
    },
  );

  it("gives the console's application the types of a page and neither those of Workers nor of Node", async () => {
    expect(await typesIn("workers/console/app")).toEqual({ workers: false, node: false, page: true });
  });

  it("gives protocol neither the types of Workers nor those of Node", async () => {
    expect(await typesIn("protocol")).toEqual({ workers: false, node: false, page: false });
  });
});
