/** The embedded edge on workerd: its files, ports, certificates, restarts and refusals. */
import { X509Certificate } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import * as z from "zod";
import { makeDeploymentAuthority } from "../../connector/edge/credentials/certificates.ts";
import { EmbeddedEdge, type RunningEdge } from "../../connector/edge/embedded-edge.ts";
import { timeOf } from "../support/clock/bound.ts";
import { eventually } from "../support/clock/eventually.ts";
import {
  childrenOf,
  type EdgeProcess,
  ended,
  get,
  isRunning,
  makeClientCertificate,
  STUB_EDGE,
  servedSerial,
  startEdgeProcess,
} from "../support/edge/edge-client.ts";

let home: string;
let options: { state: string; api: string; gateway: string; bundle: string };
const cleanups: (() => Promise<void>)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-edge-"));
  options = {
    state: join(home, 'state "of" the édge'),
    api: "127.0.0.1:0",
    gateway: "127.0.0.1:0",
    bundle: STUB_EDGE,
  };
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(home, { recursive: true, force: true });
});

async function startEdge(
  more: object = {},
): Promise<{ edge: EmbeddedEdge; running: RunningEdge; ca: string }> {
  const edge = new EmbeddedEdge({ ...options, ...more });
  cleanups.push(() => edge.stop());
  const running = await edge.start();
  return { edge, running, ca: readFileSync(running.caFile, "utf8") };
}

async function startProcess(more: object = {}): Promise<EdgeProcess> {
  const started = await startEdgeProcess({ ...options, ...more });
  cleanups.push(async () => {
    started.child.kill("SIGKILL");
    await ended(started.child);
  });
  return started;
}

function read(name: string): string {
  return readFileSync(join(options.state, name), "utf8");
}

/** Returns the pid of an edge process's workerd. */
function workerdOf(edge: EdgeProcess): number {
  const found = childrenOf(edge.child.pid ?? 0).find(({ command }) => command.includes("serve --control-fd"));
  if (found === undefined) throw new Error("The edge process has no workerd.");
  return found.pid;
}

function site(more: { notAfter?: Date } = {}): Promise<{ cert: string; key: string }> {
  return makeClientCertificate({ certificate: read("ca.pem"), privateKey: read("ca-key.pem") }, more);
}

/** Returns the first answer that is no error, because workerd may be restarting. */
async function answered(ask: () => ReturnType<typeof get>): ReturnType<typeof get> {
  return await eventually("the edge answers", async () => {
    const answer = await ask();
    return answer.status === 200 ? answer : null;
  });
}

describe("fairlead edge start", () => {
  it("makes its files readable by the owner only, and passes URLs, CA and key hashes to the Worker", async () => {
    const { running, ca } = await startEdge();
    expect(statSync(options.state).mode & 0o777).toBe(0o700);
    for (const name of [
      "ca-key.pem",
      "server.pem",
      "server-key.pem",
      "admin-key",
      "edge.json",
      "workerd.capnp",
    ]) {
      expect(statSync(join(options.state, name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(running.caFile).mode & 0o777).toBe(0o644);
    expect(readFileSync(running.adminKeyFile, "utf8")).toMatch(/^flk_admin_[A-Za-z0-9_-]{43}\n$/);

    const answer = await get(`${running.apiUrl}/`, { ca });
    const { entrypoint, props, env } = JSON.parse(answer.body);
    expect(entrypoint).toBe("default");
    expect(props).toEqual({});
    expect(env.API_URL).toBe(running.apiUrl);
    expect(env.GATEWAY_URL).toBe(running.gatewayUrl);
    expect(env.DEPLOYMENT_CA).toBe(ca);
    const digest = async (text: string) =>
      Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("hex");
    expect(env.ADMIN_KEY_HASH).toBe(await digest(read("admin-key").trim()));
    expect(env.DEPLOYMENT_CA_KEY).toBe(await digest(read("ca-key.pem")));
  });

  it("keeps the CA's private key and the hash of the admin key out of workerd's configuration", async () => {
    await startEdge();
    const config = read("workerd.capnp");
    const secret = read("ca-key.pem").split("\n")[1] ?? "";
    expect(secret.length).toBeGreaterThan(40);
    expect(config).not.toContain(secret);
    expect(config).not.toMatch(/[0-9a-f]{64}/);
  });

  it("refuses clients without a good certificate at the gateway, and passes the verified certificate to the Worker", async () => {
    const { running, ca } = await startEdge();
    const codeOf = async (client: object) => {
      const answer = await get(`${running.gatewayUrl}/`, { ca, ...client });
      return [answer.status, JSON.parse(answer.body).error.code];
    };
    expect(await codeOf({})).toEqual([401, "certificate.required"]);
    const stranger = await makeClientCertificate(await makeDeploymentAuthority(Date.now()));
    expect(await codeOf(stranger)).toEqual([403, "certificate.untrusted"]);
    expect(await codeOf(await site({ notAfter: new Date(Date.now() - 1_000) }))).toEqual([
      403,
      "certificate.expired",
    ]);

    const proven = await site();
    // A client cannot set the header that the front sets.
    const forged = { "fairlead-cf": JSON.stringify({ tlsClientAuth: { certPresented: "1" } }) };
    for (const headers of [{}, forged]) {
      const answer = await get(`${running.gatewayUrl}/`, { ca, headers, ...proven });
      const der = new X509Certificate(proven.cert).raw.toString("base64");
      expect(JSON.parse(answer.body)).toMatchObject({
        entrypoint: "Gateway",
        props: { reportsClientCertificates: true },
        clientCertificate: { certPresented: "1", certVerified: "SUCCESS", certRFC9440: `:${der}:` },
      });
    }
  });

  it("lets workerd accept lanes from members only, on a port that stays the same", async () => {
    const { edge, running, ca } = await startEdge();
    const lanes = `https://127.0.0.1:${running.lanes?.port}`;
    await expect(get(`${lanes}/`, { ca })).rejects.toThrow(/certificate required/);
    const stranger = await makeClientCertificate(await makeDeploymentAuthority(Date.now()));
    await expect(get(`${lanes}/`, { ca, ...stranger })).rejects.toThrow(/alert/);
    const forged = { "fairlead-cf": JSON.stringify({ tlsClientAuth: { certPresented: "1" } }) };
    const answer = await get(`${lanes}/`, { ca, headers: forged, ...(await site()) });
    expect(JSON.parse(answer.body)).toMatchObject({
      entrypoint: "Gateway",
      props: { enforcesClientCertificates: true },
      clientCertificate: null,
    });
    await edge.stop();
    const off = await startEdge({ lanes: "off" });
    expect(off.running.lanes).toBeNull();
    await off.edge.stop();
    expect((await startEdge()).running.lanes).toEqual(running.lanes);
  });

  it("does not reach the Gateway entrypoint from the API address, whatever headers a request has", async () => {
    const { running, ca } = await startEdge();
    const forged = JSON.stringify({ tlsClientAuth: { certPresented: "1", certVerified: "SUCCESS" } });
    const headers = {
      Host: new URL(running.gatewayUrl).host,
      "CF-Blob": forged,
      "MF-CF-Blob": forged,
      "X-CF-Blob": forged,
      "CF-Worker": "Gateway",
      "CF-Connecting-IP": "192.0.2.1",
      "X-Forwarded-Host": new URL(running.gatewayUrl).host,
    };
    for (const path of ["/", "/v1/uplink", "/v1/lane"]) {
      const answer = await get(`${running.apiUrl}${path}`, { ca, headers, ...(await site()) });
      expect(JSON.parse(answer.body)).toMatchObject({
        entrypoint: "default",
        props: {},
        clientCertificate: null,
      });
    }
  });

  it("has all its data and the same addresses again after kill -9", async () => {
    const door = { address: "127.0.0.1:0", plain: true };
    const before = await startProcess({ door });
    const ca = readFileSync(before.said.caFile, "utf8");
    for (const path of ["count", "count", "router", "directory"]) {
      await get(`${before.said.apiUrl}/${path}`, { ca });
    }
    const workerd = workerdOf(before);
    before.child.kill("SIGKILL");
    await ended(before.child);
    await eventually("workerd ends", () => !isRunning(workerd));

    const { running } = await startEdge();
    expect(running.apiUrl).toBe(before.said.apiUrl);
    expect(running.gatewayUrl).toBe(before.said.gatewayUrl);
    expect(running.door).toEqual(before.said.door);
    expect(JSON.parse(read("edge.json"))).toMatchObject({ door: { plain: true } });
    expect(readFileSync(running.caFile, "utf8")).toBe(ca);
    expect(JSON.parse((await get(`${running.apiUrl}/count`, { ca })).body)).toEqual({ count: 3 });
    expect(JSON.parse((await get(`${running.apiUrl}/router`, { ca })).body)).toEqual({ count: 2 });
    expect(JSON.parse((await get(`${running.apiUrl}/directory`, { ca })).body)).toEqual({ count: 2 });
  });

  it("leaves no workerd behind when it is killed, and can start again at once", async () => {
    const before = await startProcess();
    const workerd = workerdOf(before);
    before.child.kill("SIGKILL");
    const after = await startProcess();
    expect(after.said.apiUrl).toBe(before.said.apiUrl);
    expect(isRunning(workerd)).toBe(false);
  });

  it("restarts workerd when workerd crashes", async () => {
    const edge = await startProcess();
    const ca = readFileSync(edge.said.caFile, "utf8");
    await get(`${edge.said.apiUrl}/count`, { ca });
    for (let round = 0; round < 3; round++) {
      const crashed = workerdOf(edge);
      process.kill(crashed, "SIGKILL");
      await eventually("workerd ends", () => !isRunning(crashed));
      await answered(() => get(`${edge.said.apiUrl}/`, { ca }));
    }
    expect(JSON.parse((await get(`${edge.said.apiUrl}/count`, { ca })).body)).toEqual({ count: 2 });
  });

  it("stops on SIGTERM with a WebSocket open that nobody closes, and leaves no process", async () => {
    const edge = await startProcess();
    const ca = readFileSync(edge.said.caFile, "utf8");
    const children = childrenOf(edge.child.pid ?? 0).flatMap(({ pid }) => [
      pid,
      ...childrenOf(pid).map((child) => child.pid),
    ]);
    const socket = new WebSocket(`${edge.said.gatewayUrl.replace("https", "wss")}/count`, {
      ca,
      ...(await site()),
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("error", () => {});
    edge.child.kill("SIGTERM");
    await ended(edge.child);
    expect(edge.child.exitCode).toBe(0);
    expect(children.length).toBeGreaterThan(1);
    await eventually("no process is left", () => children.every((pid) => !isRunning(pid)));
  });

  it("renews the server certificate before it expires, and serves the new one to new connections", async () => {
    // Long enough to read the first certificate on this machine.
    const first = await timeOf(async () => {
      const { edge, running, ca } = await startEdge();
      await get(`${running.apiUrl}/`, { ca });
      await edge.stop();
      rmSync(join(options.state, "server.pem"));
    });
    const { running, ca } = await startEdge({ certificateLifetimeMs: Math.max(6_000, 3 * first) });
    const lanes = `https://127.0.0.1:${running.lanes?.port}`;
    await get(`${running.apiUrl}/count`, { ca });
    const [before, ofLanes] = [await servedSerial(running.apiUrl, ca), await servedSerial(lanes, ca)];
    await eventually(
      "another certificate is served",
      async () => (await servedSerial(running.apiUrl, ca)) !== before,
    );
    // workerd gets a new certificate as well, for lanes. The next renewal may have come meanwhile.
    await eventually(
      "the lane port has a new certificate",
      async () => (await servedSerial(lanes, ca)) !== ofLanes,
    );
    // A request whose answer was lost with the former workerd has counted too.
    const counted = await answered(() => get(`${running.apiUrl}/count`, { ca }));
    expect(JSON.parse(counted.body).count).toBeGreaterThanOrEqual(2);
    await answered(async () => get(`${running.gatewayUrl}/`, { ca, ...(await site()) }));
  });

  it("makes another server certificate under the same CA when its hostname changes", async () => {
    const first = await startEdge();
    await first.edge.stop();
    const { running, ca } = await startEdge({ hostname: "localhost" });
    expect(ca).toBe(first.ca);
    expect(new URL(running.apiUrl).hostname).toBe("localhost");
    expect((await get(`${running.apiUrl}/`, { ca })).status).toBe(200);
  });

  it("refuses a second run on its state directory with state.locked", async () => {
    await startEdge();
    const second = await startEdgeProcess(options);
    await ended(second.child);
    expect(second.said.code).toBe("state.locked");
    await expect(new EmbeddedEdge(options).start()).rejects.toMatchObject({ code: "state.locked" });
  });

  it("names the address that another program holds, and leaves no process", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise((resolve) => other.close(() => resolve())));
    const bound = other.address();
    const gateway = `127.0.0.1:${bound !== null && typeof bound === "object" ? bound.port : 0}`;
    const error = await new EmbeddedEdge({ ...options, gateway }).start().catch((reason) => reason);
    expect(error).toMatchObject({ code: "edge.port_taken", message: expect.stringContaining(gateway) });
    await startEdge();
  });

  it.each(["api", "links", "lanes"] as const)(
    "chooses other ports when another program takes the free %s port before the edge listens there",
    async (which) => {
      const Ports = z.object({ ports: z.record(z.string(), z.number()) });
      const record = join(options.state, "edge.json");
      const other = createServer();
      cleanups.push(() => new Promise((resolve) => other.close(() => resolve())));
      let taken: number | undefined;
      const take = () => {
        if (existsSync(record)) {
          taken = Ports.parse(JSON.parse(readFileSync(record, "utf8"))).ports[which];
          other.listen(taken, "127.0.0.1");
        } else setImmediate(take);
      };
      take();
      const { running, ca } = await startEdge();
      expect(other.listening).toBe(true);
      const { ports } = Ports.parse(JSON.parse(readFileSync(record, "utf8")));
      expect(Object.values(ports)).not.toContain(taken);
      expect((await get(`${running.apiUrl}/`, { ca })).status).toBe(200);
    },
  );

  it("refuses to start without the CA key of an edge that has run, and makes no second CA", async () => {
    const { edge } = await startEdge();
    await edge.stop();
    rmSync(join(options.state, "ca-key.pem"));
    const error = await new EmbeddedEdge(options).start().catch((reason) => reason);
    expect(error).toMatchObject({ code: "state.corrupt", message: expect.stringContaining("ca-key.pem") });
    expect(existsSync(join(options.state, "ca-key.pem"))).toBe(false);
  });

  it("starts without the file of the admin key, and keeps its hash", async () => {
    const { edge, running, ca } = await startEdge();
    const { env } = JSON.parse((await get(running.apiUrl, { ca })).body);
    await edge.stop();
    rmSync(running.adminKeyFile);
    const again = await startEdge();
    expect(JSON.parse((await get(again.running.apiUrl, { ca })).body).env.ADMIN_KEY_HASH).toBe(
      env.ADMIN_KEY_HASH,
    );
    expect(existsSync(running.adminKeyFile)).toBe(false);
  });

  it("can be stopped while it is starting", async () => {
    const edge = new EmbeddedEdge(options);
    const starting = edge.start().catch((reason) => reason);
    await sleep(40);
    await edge.stop();
    expect(await starting).toMatchObject({ code: "edge.failed" });
    await startEdge();
  });

  it("names the build command when the built Worker is missing", async () => {
    const error = await new EmbeddedEdge({ ...options, bundle: home }).start().catch((reason) => reason);
    expect(error).toMatchObject({ code: "edge.failed", message: expect.stringContaining("build:edge") });
  });

  it("reports workerd's error when the Worker does not load", async () => {
    cpSync(STUB_EDGE, join(home, "broken"), { recursive: true });
    writeFileSync(join(home, "broken", "index.js"), 'throw new Error("not today");');
    const error = await new EmbeddedEdge({ ...options, bundle: join(home, "broken") })
      .start()
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: "edge.failed", message: expect.stringContaining("not today") });
  });

  it("runs the built Worker: the first admin key opens the API, which serves no uplinks", async () => {
    const { running, ca } = await startEdge({ bundle: undefined });
    const key = read("admin-key").trim();
    const networks = `${running.apiUrl}/v1/networks`;
    expect((await get(networks, { ca })).status).toBe(401);
    expect((await get(networks, { ca, headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    expect((await get(`${running.apiUrl}/v1/uplink`, { ca, ...(await site()) })).status).toBe(404);
    expect((await get(`${running.gatewayUrl}/v1/networks`, { ca, ...(await site()) })).status).not.toBe(200);
  });
});
