/** DNS over HTTPS at the edge, asked by clients of Debian. */
import { type ExecFileException, execFile } from "node:child_process";
import { beforeAll, describe, expect } from "vitest";
import * as z from "zod";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { useEdge } from "../support/run/suite.ts";
import { serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let key: string;
let place: { readonly host: string; readonly port: number };

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge, "shop");
  const token = await network.token({ uses: 2 });
  const server = await serve((socket) => {
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
  });
  const [, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, bind: "127.98.0.1", expose: [`api=${server.at}`] }),
    suite.cluster.connector({ site: "west", token, bind: "127.98.4.0/24" }),
  ]);
  place = await west.listener("api");
  const made = await suite.edge.fairlead(
    "key",
    "create",
    "laptop",
    "--dns",
    "west",
    "--network",
    "shop",
    "--json",
  );
  key = z.object({ key: z.string() }).parse(made.json).key;
});

/** Runs a program to its end. Returns what it printed, whatever its exit status. */
function output(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000 }, (_: ExecFileException | null, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
  });
}

describe("DNS over HTTPS", () => {
  conformanceCase("curl finds the service by --doh-url", ["curl"], async () => {
    const text = await output(
      ...(["curl", "--silent", "--show-error", "--noproxy", "*", "--doh-insecure"] as const),
      ...["--doh-url", `${suite.edge.localUrl}/dns-query/${key}`, `http://api.shop.internal:${place.port}/`],
    );
    expect(text).toBe("hello");
  });
});
