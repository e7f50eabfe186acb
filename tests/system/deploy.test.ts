/** The Worker as wrangler deploys it: dry runs with the real wrangler. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FAIRLEAD, ROOT } from "../support/process/cluster.ts";

const outdir = mkdtempSync(join(tmpdir(), "fl-deploy-"));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

describe("wrangler.toml", () => {
  it("is complete: a dry run of `wrangler deploy` builds the Worker with all its bindings", () => {
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
    for (const variable of ["env.API_URL", "env.GATEWAY_URL", "env.GATEWAY_HOSTNAME"]) {
      expect(stdout).toContain(variable);
    }
    expect(readdirSync(outdir)).toContain("index.js");
  });
});

describe("fairlead edge deploy --dry-run", () => {
  it("prints every step without an account, after wrangler has checked the Worker, and changes nothing", () => {
    const state = join(outdir, "state");
    const words = [
      "--api",
      "edge.example.org",
      "--gateway",
      "gateway.example.org",
      "--worker",
      "my-edge",
      ...["--door-hostname", "*.example.org", "--door-hostname", "shop.example.org"],
      "--dry-run",
    ];
    const { PATH, TMPDIR } = process.env;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [FAIRLEAD, "edge", "deploy", ...words, "--state", state],
      { cwd: outdir, encoding: "utf8", env: { PATH, HOME: join(outdir, "home"), ...(TMPDIR && { TMPDIR }) } },
    );
    expect(stderr).not.toMatch(/\[ERROR\]|WARNING/);
    expect(status, stderr).toBe(0);
    // Bindings that wrangler lists for the Worker.
    for (const binding of ["env.REGISTRY (Registry)", "env.GATEWAY_HOSTNAME", "env.DEPLOYMENT_CA_KEY"]) {
      expect(stderr).toContain(binding);
    }
    for (const said of [
      "wrangler accepts the Worker and its configuration",
      "--name my-edge",
      "--domain gateway.example.org",
      "client certificates on for gateway.example.org",
      "curl https://edge.example.org/v1/health",
      "custom domains edge.example.org, gateway.example.org and shop.example.org",
      "the routes *.example.org/*",
    ]) {
      expect(stdout).toContain(said);
    }
    expect(existsSync(state)).toBe(false);
  });
});
