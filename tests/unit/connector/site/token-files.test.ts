import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { startSite } from "../../../../connector/site/start.ts";
import { TokenFiles } from "../../../../connector/site/token-files.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryDirectory, temporaryState } from "../../../support/process/directories.ts";

describe("Token files", () => {
  it("are read anew, and noticed when they are replaced, made or damaged", async () => {
    const deployment = await TestDeployment.create();
    const [files, path] = [new TokenFiles(process.stdin), join(await temporaryDirectory(), "token.yaml")];
    const { signal } = new AbortController();
    await expect(files.read(path)).rejects.toMatchObject({ code: "file.unreadable" });
    const made = files.replaced(signal);
    await writeFile(path, deployment.tokenFile());
    await made;
    const first = await files.read(path);
    const replaced = files.replaced(signal);
    await writeFile(path, deployment.tokenFile());
    await replaced;
    expect(await files.read(path)).not.toEqual(first);
  });

  it("have a site wait for another token that joins it", async () => {
    const deployment = await TestDeployment.create();
    const [files, path] = [new TokenFiles(process.stdin), join(await temporaryDirectory(), "token.yaml")];
    const { signal } = new AbortController();
    await writeFile(path, deployment.tokenFile());
    deployment.failures.push(new FairleadError("token.expired"));
    const refused: string[] = [];
    const site = await startSite({
      ...{ state: await temporaryState(), boot: randomId("boot"), site: "west", tokens: [path] },
      ...{ readToken: (source) => files.read(source), api: deployment, log: silent, signal },
      tokenRefused: async ({ code }) => {
        refused.push(code);
        await writeFile(path, deployment.tokenFile());
        await files.replaced(signal);
      },
    });
    expect(refused).toEqual(["token.expired"]);
    expect(site?.membership.site.id).toBe(deployment.site);
  });
});
