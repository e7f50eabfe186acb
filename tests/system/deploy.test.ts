import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ROOT } from "../support/cluster.ts";

const outdir = mkdtempSync(join(tmpdir(), "fl-deploy-"));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

it("wrangler.toml is complete: a dry run of `wrangler deploy` builds the Worker with all its bindings", () => {
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [wrangler, "deploy", "--dry-run", "--outdir", outdir],
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
  );
  expect(stderr).not.toMatch(/\[ERROR\]|WARNING/);
  expect(status).toBe(0);
  for (const binding of ["env.REGISTRY (Registry)", "env.ROUTER (Router)", "env.DIRECTORY (Directory)"]) {
    expect(stdout).toContain(binding);
  }
  for (const variable of ["env.API_URL", "env.LINKS_URL", "env.LINKS_HOSTNAME"]) {
    expect(stdout).toContain(variable);
  }
  expect(readdirSync(outdir)).toContain("index.js");
});
