import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";

const ROOT = join(import.meta.dirname, "../../..");
const dockerfile = readFileSync(join(ROOT, "connector/Dockerfile"), "utf8");

describe("the connector's Dockerfile", () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  const [, image] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile) ?? [];

  it("builds on one image, by digest, and ships none of it but what is copied", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the Dockerfile's own variable
    expect(bases).toEqual(["${NODE_IMAGE}", "scratch"]);
    expect(image).toMatch(/^node:[\w.-]+@sha256:[0-9a-f]{64}$/);
  });

  it("ships the compiled code where Node looks for it, and root alone writes", () => {
    const [, place] = /^ENV .*NODE_COMPILE_CACHE=(\S+)$/m.exec(dockerfile) ?? [];
    expect(place).toBe("/fairlead/compiled");
    expect(dockerfile).toContain(`NODE_COMPILE_CACHE=${place} setpriv --reuid 1000`);
    expect(dockerfile).toContain("chown -R 0:0 compiled && chmod -R u=rwX,go=rX compiled");
    expect(dockerfile).toContain("cp -r compiled /image/fairlead/compiled");
  });

  it("has the Node.js that the project is tested with", () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));
    expect(image).toContain(`node:${devDependencies.node}-`);
  });
});
