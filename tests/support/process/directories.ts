/** State directories for tests, removed after each test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openStateDirectory, type StateDirectory } from "../../../connector/state/directory.ts";

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fl-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export async function temporaryState(): Promise<StateDirectory> {
  const state = openStateDirectory(await temporaryDirectory(), { role: "connector" });
  onTestFinished(() => state.close());
  return state;
}
