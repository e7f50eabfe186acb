/** Commands whose standard output cannot be written. */
import { describe, expect, it } from "vitest";
import { ControlClient } from "../../connector/control/client.ts";
import { eventually } from "../support/clock/eventually.ts";
import { FAIRLEAD } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();

/** Runs a shell script in which `fairlead ARGS…` is `"$@"`, as the admin of the edge. */
function shell(script: string, ...args: readonly string[]): ManagedProcess {
  return suite.cluster.spawn({
    name: `sh: ${script}`,
    command: "/bin/sh",
    args: ["-c", script, "sh", process.execPath, FAIRLEAD, ...args],
    env: suite.edge.env,
  });
}

describe("A command with a full standard output", () => {
  it("fails with output.failed", async () => {
    for (const args of [["--help"], ["network", "list"], ["network", "list", "--json"]]) {
      const command = shell('"$@" >/dev/full', ...args);
      expect(await command.exited).toMatchObject({ status: 1 });
      expect(command.stderr).toContain("output.failed");
      expect(command.stderr).toContain("ENOSPC");
    }
  });

  it("names the command that withdraws a secret which could not be shown", async () => {
    const { name } = await suite.cluster.network(suite.edge);
    const command = shell('"$@" >/dev/full', "token", "create", "--network", name);
    expect(await command.exited).toMatchObject({ status: 1 });
    const [, undo = ""] = /`fairlead (token revoke \S+ --yes)`/.exec(command.stderr) ?? [];
    expect((await suite.edge.fairlead(...undo.split(" "), "--network", name)).status).toBe(0);
    expect((await suite.edge.fairlead("token", "list", "--network", name)).stdout).toContain("revoked");
  });
});

describe("A command whose reader has left", () => {
  it("ends quietly with status 0", async () => {
    const command = shell('{ sleep 0.2; "$@"; echo "status $?" >&2; } | true', "--help");
    expect(await command.exited).toMatchObject({ status: 0 });
    expect(command.stderr).toBe("status 0");
  });
});

describe("connector run", () => {
  it("drops the log lines that cannot be written, and keeps running", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const scripts = { full: 'exec "$@" >/dev/full', closed: '{ exec "$@"; } | true' };
    for (const [site, script] of Object.entries(scripts)) {
      const stateDir = suite.cluster.fresh(site);
      const run = ["connector", "run", "--site", site, "--token", token, "--state", stateDir];
      const command = shell(script, ...run);
      const control = new ControlClient(stateDir);
      await eventually(
        `the uplink of ${site} is up`,
        async () => (await control.status()).uplink.state === "up",
      );
      expect(command.exit).toBeNull();
      // The connector is a child of the shell, in the same process group.
      process.kill(-command.pid, "SIGTERM");
      await eventually(`the connector of ${site} has ended`, () =>
        control.status().then(
          () => false,
          () => true,
        ),
      );
    }
  });
});
