/** The parts of docs/ that are made from code. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cliPage } from "../../../scripts/cli.ts";
import { configSchema } from "../../../scripts/config-schema.ts";
import { withCosts } from "../../../scripts/cost.ts";
import { readDecisions, withDecisions } from "../../../scripts/decisions.ts";
import { errorsPage } from "../../../scripts/errors.ts";
import { chartFiles, withRights, withValues } from "../../../scripts/kubernetes.ts";
import { withRoles } from "../../../scripts/roles.ts";

const page = (name: string) => readFile(join(import.meta.dirname, "../../../docs", name), "utf8");

describe("the generated pages (run `npm run docs`)", () => {
  it("docs/cli.md is what the definitions of the commands say", async () => {
    expect(await page("cli.md")).toBe(cliPage());
  });

  it("docs/errors.md is what the table of errors says", async () => {
    expect(await page("errors.md")).toBe(errorsPage());
  });

  it("docs/security.md shows the table of roles that the edge enforces", async () => {
    const text = await page("security.md");
    expect(text).toBe(withRoles(text));
  });

  it("docs/cost.md shows what the model of `fairlead cost` estimates", async () => {
    const text = await page("cost.md");
    expect(text).toBe(withCosts(text));
  });

  it("docs/connector-config.schema.json describes the file that `connector run --config` reads", async () => {
    expect(await page("connector-config.schema.json")).toBe(configSchema());
  });

  it("docs/kubernetes.md shows the rights that the manifests give", async () => {
    const text = await page("kubernetes.md");
    expect(text).toBe(withRights(text));
  });

  it("the Helm chart and the kustomize bases are what the templates say", async () => {
    for (const [file, text] of Object.entries(chartFiles()))
      expect(await page(`../${file}`), file).toBe(text);
    const readme = await page("../connector/kubernetes/chart/README.md");
    expect(readme).toBe(withValues(readme));
  });

  it("docs/decisions/README.md lists every decision", async () => {
    const text = await page("decisions/README.md");
    expect(text).toBe(withDecisions(text, await readDecisions()));
  });
});
