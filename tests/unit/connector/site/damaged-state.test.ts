/** A member's state directory with a file missing, damaged or replaced. */
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import type { StateDirectory } from "../../../../connector/state/directory.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryState } from "../../../support/process/directories.ts";

async function joined() {
  const state = await temporaryState();
  const deployment = await TestDeployment.create();
  const start = (more: Partial<SiteOptions> = {}) =>
    Site.start({
      ...{ state, boot: randomId("boot"), site: "west", tokens: [], api: deployment, log: silent },
      readToken: async () => parseToken(deployment.tokenFile()),
      ...more,
    });
  const site = await start({ tokens: ["token.yaml"] });
  return { state, deployment, start, site };
}

const FILES = ["key.pem", "ca.pem", "certificate.pem", "links.json", "site.json"];

const DAMAGES: Record<string, (path: string) => Promise<void>> = {
  missing: (path) => rm(path),
  empty: (path) => writeFile(path, ""),
  "cut off": (path) => truncate(path, 40),
  garbage: (path) => writeFile(path, Buffer.from([0, 255, 7, 200, 10])),
  "a directory": async (path) => {
    await rm(path);
    await mkdir(path);
  },
};

const CASES = FILES.flatMap((file) => Object.keys(DAMAGES).map((damage) => [file, damage] as const));

const everything = (state: StateDirectory) =>
  Promise.all(FILES.map((file) => state.read(file).catch(() => null)));

describe("a member's state directory", () => {
  it.each(CASES)("is state.corrupt when %s is %s, and is left alone", async (file, damage) => {
    const { state, deployment, start } = await joined();
    await DAMAGES[damage]?.(state.file(file));
    const before = await everything(state);
    await expect(start()).rejects.toMatchObject({
      code: "state.corrupt",
      message: expect.stringContaining(file),
      action: expect.stringMatching(/[Rr]estore/),
    });
    expect(await everything(state)).toEqual(before);
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("gets no new key with a token when its key is missing", async () => {
    const { state, start } = await joined();
    await state.remove("key.pem");
    await expect(start({ tokens: ["token.yaml"] })).rejects.toMatchObject({
      code: "state.corrupt",
      action: expect.stringContaining("fairlead site delete"),
    });
    await state.remove("site.json");
    await expect(start({ tokens: ["token.yaml"] })).rejects.toMatchObject({ code: "state.corrupt" });
    expect(await state.read("key.pem")).toBeNull();
  });

  it.each(["key.pem", "ca.pem"])("is state.corrupt with the %s of another site", async (file) => {
    const { state, start } = await joined();
    const other = await joined();
    await state.writeAtomic(file, (await other.state.read(file)) ?? "");
    await expect(start()).rejects.toMatchObject({
      code: "state.corrupt",
      message: expect.stringContaining("does not fit"),
    });
  });

  it("is the same site again with a token when site.json is missing", async () => {
    const { state, start, site } = await joined();
    await state.remove("site.json");
    const again = await start({ tokens: ["token.yaml"] });
    expect(again.membership.site).toEqual(site.membership.site);
    expect(again.keyPem).toBe(site.keyPem);
  });

  it("joins after a first start that was killed before any of its writes", async () => {
    for (const kept of [0, 1, 2, 3, 4]) {
      const { state, start } = await joined();
      for (const file of ["key.pem", "ca.pem", "certificate.pem", "links.json", "site.json"].slice(kept)) {
        await state.remove(file);
      }
      const site = await start({ tokens: ["token.yaml"] });
      expect(site.membership.site.name).toBe("west");
    }
  });

  it("names the newer program that wrote site.json", async () => {
    const { state, start } = await joined();
    const held = JSON.parse((await state.read("site.json"))?.toString("utf8") ?? "");
    await state.writeAtomic("site.json", JSON.stringify({ ...held, version: 3, software: "9.1.0" }));
    await expect(start()).rejects.toMatchObject({
      code: "state.corrupt",
      message: expect.stringContaining("was written by Fairlead 9.1.0"),
    });
  });
});
