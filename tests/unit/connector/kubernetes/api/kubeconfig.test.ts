import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readKubeconfig } from "../../../../../connector/kubernetes/api/kubeconfig.ts";
import { readText, type TextSource } from "../../../../../connector/kubernetes/api/rotated-file.ts";

let directory: string;
let now = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fl-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const base64 = (text: string) => Buffer.from(text).toString("base64");

interface Given {
  readonly user?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  readonly current?: string;
}

/** Writes a kubeconfig with the contexts `shop` and `other`, and reads it. */
async function read({ user = { token: "t" }, cluster = {}, current = "shop" }: Given, context?: string) {
  const path = join(directory, "kubeconfig");
  const content = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": current,
    clusters: [
      { name: "east", cluster: { server: "https://east:6443/", ...cluster } },
      { name: "west", cluster: { server: "https://west:6443" } },
    ],
    users: [{ name: "me", user }],
    contexts: [
      { name: "shop", context: { cluster: "east", user: "me", namespace: "shop" } },
      { name: "other", context: { cluster: "west", user: "me" } },
      { name: "lost", context: { cluster: "north", user: "me" } },
    ],
  };
  await writeFile(path, stringify(content));
  return await readKubeconfig(path, { context, now: () => now });
}

const text = async (source: TextSource | undefined) =>
  source === undefined ? undefined : await readText(source);

describe("A kubeconfig", () => {
  it("gives the server, the namespace and the token of its current context", async () => {
    const { address, namespace, tokens } = await read({
      cluster: { "certificate-authority-data": base64("CA") },
    });
    expect(address).toMatchObject({
      url: "https://east:6443",
      ca: "CA",
      trustsAny: false,
      client: undefined,
    });
    expect(namespace).toBe("shop");
    expect(await tokens.token()).toBe("t");
  });

  it("gives those of a context that is named", async () => {
    const { address, namespace } = await read({}, "other");
    expect(address).toMatchObject({ url: "https://west:6443", ca: undefined });
    expect(namespace).toBeUndefined();
  });

  it("reads a token and certificates in files beside it, again when they may have been replaced", async () => {
    for (const name of ["token", "ca.pem", "cert.pem", "key.pem"]) {
      await writeFile(join(directory, name), `${name} 1\n`);
    }
    const { address, tokens } = await read({
      user: {
        tokenFile: "token",
        "client-certificate": "cert.pem",
        "client-key": join(directory, "key.pem"),
      },
      cluster: { "certificate-authority": "ca.pem" },
    });
    expect(await tokens.token()).toBe("token 1");
    expect(await text(address.ca)).toBe("ca.pem 1");
    expect(await text(address.client?.certificate)).toBe("cert.pem 1");
    expect(await text(address.client?.key)).toBe("key.pem 1");
    await writeFile(join(directory, "token"), "token 2");
    await writeFile(join(directory, "ca.pem"), "ca.pem 2");
    expect(await tokens.token()).toBe("token 1");
    now += 60_000;
    expect(await tokens.token()).toBe("token 2");
    expect(await text(address.ca)).toBe("ca.pem 2");
    await rm(join(directory, "token"));
    tokens.refused();
    expect(await tokens.token()).toBe("token 2");
  });

  it("takes data in the file before another file, and a client certificate without a token", async () => {
    const { address, tokens } = await read({
      user: {
        "client-certificate": "/nowhere",
        "client-certificate-data": base64("CERT"),
        "client-key-data": base64("KEY"),
      },
    });
    expect(address.client).toEqual({ certificate: "CERT", key: "KEY" });
    expect(await tokens.token()).toBeNull();
  });

  it.each([
    [
      "exec",
      { user: { exec: { command: "aws" } } },
      'the user "me" has "exec", which the connector does not use.',
    ],
    ["a password", { user: { username: "me" } }, 'the user "me" has "username"'],
    [
      "half a certificate",
      { user: { "client-key-data": "YQ==" } },
      "has a client certificate without its key",
    ],
    ["a proxy", { cluster: { "proxy-url": "http://proxy" } }, 'The cluster "east" has a proxy-url'],
    ["another scheme", { cluster: { server: "http://east" } }, "server: must be an https:// URL"],
    ["no current context", { current: "" }, "It has no current context"],
    ["a context that is not there", { current: "none" }, 'It has no context "none".'],
    ["a cluster that is not there", { current: "lost" }, 'It has no cluster "north".'],
  ] satisfies [string, Given, string][])(
    "with %s is refused with what is wrong",
    async (_, given, message) => {
      await expect(read(given)).rejects.toMatchObject({
        code: "kubernetes.kubeconfig_invalid",
        message: expect.stringContaining(message),
      });
    },
  );

  it("that is no YAML, or not there, is refused", async () => {
    const path = join(directory, "broken");
    await writeFile(path, "a: [");
    const options = { now: () => now };
    await expect(readKubeconfig(path, options)).rejects.toMatchObject({
      code: "kubernetes.kubeconfig_invalid",
    });
    await expect(readKubeconfig("/nowhere", options)).rejects.toMatchObject({ code: "file.unreadable" });
  });
});
