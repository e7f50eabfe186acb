import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNT_DIRECTORY_VARIABLE, locateApi } from "../../../../../connector/kubernetes/api/location.ts";
import { readText } from "../../../../../connector/kubernetes/api/rotated-file.ts";

let account: string;

beforeAll(async () => {
  account = await mkdtemp(join(tmpdir(), "fl-"));
  for (const [name, content] of Object.entries({ token: "t", "ca.crt": "CA", namespace: "shop\n" })) {
    await writeFile(join(account, name), content);
  }
});

afterAll(async () => {
  await rm(account, { recursive: true });
});

const locate = (environment: Record<string, string>) =>
  locateApi({ environment: { [ACCOUNT_DIRECTORY_VARIABLE]: account, ...environment }, now: () => 0 });

describe("The API server around a pod", () => {
  it.each([
    ["10.96.0.1", "https://10.96.0.1:443"],
    ["fd00::1", "https://[fd00::1]:443"],
  ])("at %s is known by the files of the pod's account", async (host, url) => {
    const found = await locate({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: "443" });
    expect(found.address.url).toBe(url);
    expect(await readText(found.address.ca ?? "")).toBe("CA");
    expect(await found.tokens.token()).toBe("t");
    expect(found.namespace).toBe("shop");
  });

  it("prefers the namespace that the manifest names", async () => {
    const { namespace } = await locate({
      ...{ KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" },
      POD_NAMESPACE: "other",
    });
    expect(namespace).toBe("other");
  });

  it("is missing outside of a pod, and in one without a token", async () => {
    await expect(locate({})).rejects.toMatchObject({
      code: "kubernetes.not_in_cluster",
      message: expect.stringContaining("KUBERNETES_SERVICE_HOST"),
    });
    const pod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    await expect(locate({ ...pod, [ACCOUNT_DIRECTORY_VARIABLE]: "/nowhere" })).rejects.toMatchObject({
      code: "kubernetes.not_in_cluster",
      action: expect.stringContaining("automountServiceAccountToken"),
    });
  });
});
