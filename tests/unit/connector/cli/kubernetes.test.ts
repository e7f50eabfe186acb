import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { makeWorld, type World } from "../../../support/process/cli-world.ts";

const token = (await TestDeployment.create()).tokenFile();
let world: World;

beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.remove());

const manifest = (...options: string[]) => world.run("kubernetes", "manifest", ...options);
const encoded = Buffer.from(token).toString("base64");

describe("fairlead kubernetes manifest", () => {
  it("puts the token of a file or of standard input into a Secret, and allows traffic to its ports", async () => {
    const file = join(world.dir, "token.yaml");
    await writeFile(file, token);
    const fromFile = await manifest("--token", file);
    expect(fromFile).toMatchObject({ exit: 0, out: expect.stringContaining(`  token.yaml: ${encoded}\n`) });
    expect(fromFile.out).toContain(
      "    # The edge.\n    - ports:\n        - protocol: TCP\n          port: 1\n",
    );
    expect(fromFile.err).toContain("keep it secret");
    world.input = token;
    expect((await manifest("--token", "-")).out).toBe(fromFile.out);
  });

  it("says on standard error which image must be named, and what to do next", async () => {
    const { out, err } = await manifest("--namespace", "shop");
    expect(out).not.toContain("kind: Secret");
    expect(err).toContain("name it with --image");
    expect(err).toContain("needs the Secret fairlead-token");
    expect(err).toContain("objects of the namespace shop alone");
    expect((await manifest("--cluster-wide")).err).not.toContain("alone");
    expect(err).toContain("  kubectl -n shop rollout status deployment/fairlead-connector\n");
    expect((await manifest("--image", "registry.example/fairlead:1")).err).not.toContain("--image");
  });

  it("says that a token has expired", async () => {
    world.now = () => Date.parse("2100-01-01T00:00:00Z");
    world.input = token;
    expect((await manifest("--token", "-")).err).toContain("The token expired at");
  });

  it.each([
    [["--token", "missing.yaml"], "file.unreadable", "The token file missing.yaml"],
    [["--namespace", "Shop"], "request.invalid", "a namespace has 1 to 63 of"],
    [["--node-selector", "pool"], "request.invalid", '"pool" is not of the form KEY=VALUE.'],
    [["--toleration", "a=b:Never"], "request.invalid", "KEY[=VALUE][:EFFECT]"],
    [["--memory", "lots"], "request.invalid", "the form is that of 100m"],
    [["--label", "app.kubernetes.io/name=x"], "request.invalid", "the Deployment's own"],
    [["--cluster-wide", "--watch-namespaces", "a"], "request.invalid", "not both"],
    [["--watch-namespaces", "a,"], "request.invalid", "watchNamespaces"],
  ])("refuses %j", async (options, code, message) => {
    const { exit, out, err } = await manifest(...options);
    expect([exit === 0, out]).toEqual([false, ""]);
    expect(err).toContain(message);
    expect(err).toContain(`code: ${code}`);
  });
});
