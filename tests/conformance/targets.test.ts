/** nginx, haproxy and nghttpd as targets of the HTTP client, with TLS and PROXY headers. */
import { describe, expect, onTestFinished } from "vitest";
import { parseProxyProtocol, parseTargetTls } from "../../connector/config/target-options.ts";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../connector/edge/credentials/certificates.ts";
import { silent } from "../../connector/log.ts";
import { TargetPreambles } from "../../connector/targets/target-preamble.ts";
import { fieldOf } from "../../protocol/exchange/fields.ts";
import { eventually } from "../support/clock/eventually.ts";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { startHaproxy, startNghttpd, startNginx } from "../support/conformance/servers.ts";
import { freePort } from "../support/free-port.ts";
import { TestTarget } from "../support/traffic/test-exchange.ts";

async function identity() {
  const authority = await makeDeploymentAuthority(Date.now());
  const { certificate, privateKey } = await makeServerCertificate({
    names: ["127.0.0.1", "api.internal"],
    authority,
    now: Date.now(),
    lifetime: 3_600_000,
  });
  return { ca: authority.certificate, certificate, key: privateKey };
}

const preambles = (tls: string[], proxy: string[] = []) =>
  new TargetPreambles(
    { targetTls: tls.map(parseTargetTls), proxyProtocol: proxy.map(parseProxyProtocol) },
    silent,
  );

const GRPC = ["content-type", "application/grpc", "te", "trailers"];
const BIG = "0123456789abcdef".repeat(64 * 1024);

describe("HTTP/1.1 to a target", () => {
  conformanceCase("GET, HEAD, 304, ranges and an error on one connection", ["nginx"], async () => {
    const port = await freePort();
    await startNginx(
      port,
      (directory) =>
        `server { listen 127.0.0.1:${port}; root ${directory}; location = /n { return 200 $connection; } }`,
      { "a.txt": "hello nginx" },
    );
    const target = new TestTarget({ port });
    const first = await target.get({ path: "/n" }).answer;
    const whole = await target.get({ path: "/a.txt" }).answer;
    expect(whole.content).toBe("hello nginx");
    const head = await target.get({ path: "/a.txt", method: "HEAD" }).answer;
    expect(fieldOf(head.fields, "content-length")).toBe("11");
    const etag = fieldOf(whole.fields, "etag") ?? "";
    const same = await target.get({ path: "/a.txt", fields: ["if-none-match", etag] }).answer;
    expect(same.status).toBe(304);
    const part = await target.get({ path: "/a.txt", fields: ["range", "bytes=0-4"] }).answer;
    expect(part).toMatchObject({ status: 206, content: "hello" });
    expect((await target.get({ path: "/missing" }).answer).status).toBe(404);
    expect((await target.get({ path: "/n" }).answer).content).toBe(first.content);
    target.clients.close();
  });

  conformanceCase(
    "an upload that the target refuses early, with and without 100-continue",
    ["nginx"],
    async () => {
      const port = await freePort();
      await startNginx(
        port,
        () => `client_max_body_size 1k; server { listen 127.0.0.1:${port}; location / { return 200 ok; } }`,
      );
      const target = new TestTarget({ port });
      const length = String(BIG.length);
      const waiting = target.open({ fields: ["content-length", length, "expect", "100-continue"] });
      expect((await waiting.answer).status).toBe(413);
      expect(waiting.informational).toEqual([]);
      const eager = target.open({ fields: ["content-length", length] });
      eager.write(BIG.slice(0, 500_000));
      expect((await eager.answer).status).toBe(413);
      target.clients.close();
    },
  );

  conformanceCase("large content both ways, in chunks and with a length", ["nginx", "node"], async () => {
    const port = await freePort();
    const behind = await freePort();
    const { createServer } = await import("node:http");
    const echo = createServer((request, response) => request.pipe(response));
    await new Promise<void>((resolve) => echo.listen(behind, "127.0.0.1", resolve));
    onTestFinished(() => void echo.close());
    await startNginx(
      port,
      () => `client_max_body_size 0; server { listen 127.0.0.1:${port}; location / {
        proxy_pass http://127.0.0.1:${behind}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; } }`,
    );
    const target = new TestTarget({ port });
    for (const fields of [[], ["content-length", String(BIG.length)]]) {
      const exchange = target.open({ fields });
      for (let at = 0; at < BIG.length; at += 65_536) exchange.write(BIG.slice(at, at + 65_536));
      exchange.end();
      expect((await exchange.answer).content === BIG).toBe(true);
    }
    target.clients.close();
    echo.closeAllConnections();
  });

  conformanceCase("a connection that the target closes after a while", ["haproxy"], async () => {
    const port = await freePort();
    await startHaproxy(
      port,
      () => `frontend f
  bind 127.0.0.1:${port}
  timeout http-keep-alive 100ms
  http-request return status 200 content-type text/plain string hello`,
    );
    const target = new TestTarget({ port });
    expect((await target.get().answer).content).toBe("hello");
    await eventually("haproxy has closed the connection", () => target.clients.connections === 0);
    expect((await target.post("x").answer).status).toBe(200);
  });

  conformanceCase("a target that has no server behind it", ["haproxy"], async () => {
    const port = await freePort();
    await startHaproxy(port, () => `frontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b`);
    expect((await new TestTarget({ port }).get().answer).status).toBe(503);
  });
});

describe("HTTP/2 to a target", () => {
  conformanceCase("requests in one session, with prior knowledge", ["haproxy"], async () => {
    const port = await freePort();
    await startHaproxy(
      port,
      () => `frontend f
  bind 127.0.0.1:${port} proto h2
  http-request return status 200 content-type text/plain lf-string "%HV %[src_port]"`,
    );
    const target = new TestTarget({ port, protocol: "http2" });
    const answers = await Promise.all(Array.from({ length: 50 }, () => target.get().answer));
    expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
    expect(answers[0]?.content).toMatch(/^HTTP\/2/);
    target.clients.close();
  });

  conformanceCase("trailers of a response", ["nghttpd"], async () => {
    const port = await freePort();
    const trailers = ["--trailer", "grpc-status: 0", "--trailer", "x-sum: 7"];
    await startNghttpd(port, trailers, { "file.txt": "content" });
    const target = new TestTarget({ port, protocol: "http2" });
    const answer = await target.post("x", { path: "/file.txt", fields: GRPC }).answer;
    expect(answer).toMatchObject({ content: "content", trailers: ["grpc-status", "0", "x-sum", "7"] });
    target.clients.close();
  });
});

describe("TLS to a target", () => {
  conformanceCase("a CA of its own, SNI, and the certificate of the site", ["nginx"], async () => {
    const { ca, certificate, key } = await identity();
    const port = await freePort();
    const { directory } = await startNginx(
      port,
      (
        at,
      ) => `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${at}/server.pem; ssl_certificate_key ${at}/server.key;
        ssl_verify_client optional_no_ca; error_page 495 = @seen;
        location @seen { return 200 "$ssl_server_name $ssl_client_fingerprint $server_protocol"; } }`,
      { "server.pem": certificate, "server.key": key, "ca.pem": ca },
    );
    const files = `ca=${directory}/ca.pem,name=api.internal,cert=${directory}/server.pem,key=${directory}/server.key`;
    const target = new TestTarget({ port, preambles: preambles([`api=${files}`]) });
    const { content } = await target.get().answer;
    expect(content).toMatch(/^api\.internal [0-9a-f]{40} HTTP\/1\.1$/);
    const untrusted = new TestTarget({ port, preambles: preambles(["api=on"]) });
    await expect(untrusted.get().accepted).rejects.toThrow("no CA that is trusted");
    target.clients.close();
  });

  conformanceCase("HTTP/2 by ALPN", ["nginx", "haproxy"], async () => {
    const { ca, certificate, key } = await identity();
    const port = await freePort();
    const { directory } = await startNginx(
      port,
      (
        at,
      ) => `server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${at}/server.pem; ssl_certificate_key ${at}/server.key;
        location / { return 200 "$server_protocol"; } }`,
      { "server.pem": certificate, "server.key": key, "ca.pem": ca },
    );
    const other = await freePort();
    await startHaproxy(
      other,
      (at) => `frontend f
  bind 127.0.0.1:${other} ssl crt ${at}/both.pem alpn h2,http/1.1
  http-request return status 200 content-type text/plain lf-string "%HV"`,
      { "both.pem": `${certificate}\n${key}` },
    );
    for (const [place, expected] of [
      [port, "HTTP/2.0"],
      [other, "HTTP/2.0"],
    ] as const) {
      const options = preambles([`api=ca=${directory}/ca.pem`]);
      const target = new TestTarget({ port: place, protocol: "http2", preambles: options });
      expect((await target.get().answer).content).toBe(expected);
      target.clients.close();
    }
  });
});

describe("the PROXY protocol to a target", () => {
  const fields = ["x-forwarded-for", "192.0.2.7"];

  conformanceCase("versions 1 and 2 name the client", ["nginx", "haproxy"], async () => {
    const nginx = await freePort();
    await startNginx(
      nginx,
      () =>
        `server { listen 127.0.0.1:${nginx} proxy_protocol; location / { return 200 $proxy_protocol_addr; } }`,
    );
    const haproxy = await freePort();
    await startHaproxy(
      haproxy,
      () => `frontend f
  bind 127.0.0.1:${haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]"`,
    );
    for (const port of [nginx, haproxy]) {
      for (const version of ["v1", "v2"]) {
        const target = new TestTarget({ port, preambles: preambles([], [`api=${version}`]) });
        expect((await target.get({ fields }).answer).content, `${version} at ${port}`).toBe("192.0.2.7");
        target.clients.close();
      }
    }
  });

  conformanceCase("a client that is not known", ["nginx", "haproxy"], async () => {
    const nginx = await freePort();
    await startNginx(
      nginx,
      () => `server { listen 127.0.0.1:${nginx} proxy_protocol; location / { return 200 "seen"; } }`,
    );
    const haproxy = await freePort();
    await startHaproxy(
      haproxy,
      () => `frontend f
  bind 127.0.0.1:${haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "seen"`,
    );
    for (const port of [nginx, haproxy]) {
      for (const version of ["v1", "v2"]) {
        const target = new TestTarget({ port, preambles: preambles([], [`api=${version}`]) });
        expect((await target.get().answer).content, `${version} at ${port}`).toBe("seen");
        target.clients.close();
      }
    }
  });

  conformanceCase("the header comes before TLS", ["haproxy"], async () => {
    const { ca, certificate, key } = await identity();
    const port = await freePort();
    const { directory } = await startHaproxy(
      port,
      (at) => `frontend f
  bind 127.0.0.1:${port} accept-proxy ssl crt ${at}/both.pem
  http-request return status 200 content-type text/plain lf-string "%[src] %[ssl_fc]"`,
      { "both.pem": `${certificate}\n${key}`, "ca.pem": ca },
    );
    const options = preambles([`api=ca=${directory}/ca.pem`], ["api=v2"]);
    const target = new TestTarget({ port, preambles: options });
    expect((await target.get({ fields }).answer).content).toBe("192.0.2.7 1");
    target.clients.close();
  });
});
