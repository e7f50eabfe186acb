import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { Site } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { dialLane, dialUplink } from "../../../../connector/uplink/dial.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { clientSerial, type Script, ScriptedEdge } from "../../../support/edge/scripted-edge.ts";
import { temporaryState } from "../../../support/process/directories.ts";
import { startProxy } from "../../../support/traffic/connect-proxy.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const never = new AbortController().signal;

async function setUp(script: Script = {}, name?: string) {
  const deployment = await TestDeployment.create();
  const edge = await ScriptedEdge.start(deployment, script, name);
  const site = await Site.start({
    state: await temporaryState(),
    boot: randomId("boot"),
    site: "west",
    tokens: ["token"],
    api: deployment,
    readToken: async () => parseToken(deployment.tokenFile()),
    log: silent,
  });
  return { deployment, edge, site };
}

function useProxy(url: string): void {
  vi.stubEnv("HTTPS_PROXY", url);
  vi.stubEnv("https_proxy", url);
  vi.stubEnv("NO_PROXY", "");
  vi.stubEnv("no_proxy", "");
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe("dialWebSocket", () => {
  it("proves the site in TLS and in the request", async () => {
    const { edge, site } = await setUp();
    const socket = await dialUplink(site, never);
    const request = edge.requests[0];
    expect(request?.url).toBe("/v1/uplink");
    expect(request?.headers.authorization).toMatch(/^Bearer ey/);
    expect(request && clientSerial(request)).not.toBe("");
    socket.terminate();
  });

  it("sends a lane's ticket, and loses no message that follows the answer", async () => {
    const { edge, site } = await setUp({ open: (socket) => socket.send("preface") });
    const socket = await dialLane(site, "the ticket", never);
    await Promise.resolve();
    const [first] = await once(socket, "message");
    expect(String(first)).toBe("preface");
    expect(edge.requests[0]?.url).toBe("/v1/lane");
    expect(edge.requests[0]?.headers["fairlead-ticket"]).toBe("the ticket");
    expect(edge.requests[0]?.headers["sec-websocket-extensions"]).toBeUndefined();
    socket.terminate();
  });

  it("throws the code of a refusal", async () => {
    const { site } = await setUp({ upgrade: () => "site.revoked" });
    await expect(dialUplink(site, never)).rejects.toEqual(code("site.revoked"));
  });

  it("throws the fallback code when a server that is no edge answers", async () => {
    const { edge, site } = await setUp({ upgrade: () => ({ status: 503, body: "<html>" }) });
    await expect(dialUplink(site, never)).rejects.toEqual(code("uplink.lost"));
    edge.script.upgrade = () => ({ status: 503, body: "x".repeat(200_000) });
    await expect(dialLane(site, "t", never)).rejects.toEqual(code("lane.failed"));
  });

  it("follows no redirect", async () => {
    const { edge, site } = await setUp();
    const other = await ScriptedEdge.start(edge.deployment);
    edge.script.upgrade = () => ({ status: 307, body: "", location: `${other.url}/v1/uplink` });
    await expect(dialUplink(site, never)).rejects.toEqual(code("uplink.lost"));
    await expect(dialLane(site, "t", never)).rejects.toEqual(code("lane.failed"));
    expect(other.requests).toEqual([]);
  });

  it("trusts only the deployment CA", async () => {
    const { site } = await setUp();
    const other = await ScriptedEdge.start(await TestDeployment.create());
    const { membership, keyPem } = site;
    const impostor = {
      keyPem,
      membership: { ...membership, edge: { ...membership.edge, gateway: other.url } },
      assert: () => site.assert("uplink"),
    };
    await expect(dialUplink(impostor, never)).rejects.toEqual(code("edge.untrusted"));
  });

  it("does not accept a certificate for another name", async () => {
    const { site } = await setUp({}, "other.test");
    await expect(dialUplink(site, never)).rejects.toEqual(code("edge.untrusted"));
  });

  it("throws uplink.lost when the port is closed and when the dial is cancelled", async () => {
    const { edge, site } = await setUp();
    edge.stop();
    await expect(dialUplink(site, never)).rejects.toEqual(code("uplink.lost"));
    await expect(dialUplink(site, AbortSignal.abort())).rejects.toEqual(code("uplink.lost"));
  });
});

describe("dialWebSocket through a CONNECT proxy", () => {
  it("opens uplinks and lanes, and still verifies the edge's certificate", async () => {
    const { edge, site } = await setUp();
    const proxy = await startProxy();
    useProxy(proxy.url.replace("//", "//user:hunter2@"));
    const uplink = await dialUplink(site, never);
    const lane = await dialLane(site, "t", never);
    expect(proxy.requests.map((request) => request.target)).toEqual(Array(2).fill(`127.0.0.1:${edge.port}`));
    expect(proxy.requests[0]?.authorization).toBe(`Basic ${btoa("user:hunter2")}`);
    uplink.terminate();
    lane.terminate();
    const { site: misled } = await setUp({}, "other.test");
    await expect(dialUplink(misled, never)).rejects.toEqual(code("edge.untrusted"));
  });

  it("throws the code of a refusal by the edge", async () => {
    const { site } = await setUp({ upgrade: () => "certificate.revoked" });
    useProxy((await startProxy()).url);
    await expect(dialUplink(site, never)).rejects.toEqual(code("certificate.revoked"));
  });

  it("throws proxy.failed without the credentials when the proxy refuses", async () => {
    const { site } = await setUp();
    const proxy = await startProxy();
    proxy.refuse = 407;
    useProxy(proxy.url.replace("//", "//user:hunter2@"));
    const refusal = await dialUplink(site, never).catch((error: unknown) => error);
    expect(refusal).toEqual(code("proxy.failed"));
    expect(String(refusal)).not.toContain("hunter2");
  });

  it("throws proxy.failed when the proxy is absent or is no proxy", async () => {
    const { site } = await setUp();
    useProxy("http://127.0.0.1:1");
    await expect(dialUplink(site, never)).rejects.toEqual(code("proxy.failed"));
    const server = createServer((socket) => socket.end("SSH-2.0-nothing\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    useProxy(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
    await expect(dialUplink(site, never)).rejects.toEqual(code("proxy.failed"));
  });

  it("dials directly a host that NO_PROXY names", async () => {
    const { site } = await setUp();
    const proxy = await startProxy();
    useProxy(proxy.url);
    vi.stubEnv("NO_PROXY", "127.0.0.1");
    vi.stubEnv("no_proxy", "127.0.0.1");
    (await dialUplink(site, never)).terminate();
    expect(proxy.requests).toEqual([]);
  });
});
