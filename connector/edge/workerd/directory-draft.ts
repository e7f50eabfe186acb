/** A directory that is built beside its place and then put there, so that a reader finds a complete one or none. */
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Replaces a directory by what `make` writes into a draft. An interrupted build leaves the directory as it was, and the
 * next one removes its draft.
 */
export async function replaceDirectory(
  target: string,
  make: (draft: string) => Promise<void>,
): Promise<void> {
  await removeAbandoned(target);
  const draft = `${target}.${process.pid}`;
  try {
    await make(draft);
    await putInPlace(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function putInPlace(draft: string, target: string): Promise<void> {
  const old = `${draft}.old`;
  for (;;) {
    try {
      await rename(target, old).catch(ignore("ENOENT"));
      await rename(draft, target);
      break;
    } catch (thrown) {
      // Another build was put there in between, and has to go as well.
      ignore("ENOTEMPTY", "EEXIST")(thrown);
      await rm(old, { recursive: true, force: true });
    }
  }
  await rm(old, { recursive: true, force: true });
}

/** Removes drafts of builds that were killed. */
async function removeAbandoned(target: string): Promise<void> {
  const parent = dirname(target);
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid] = name.startsWith(`${basename(target)}.`) ? (/\.(\d+)(\.old)?$/.exec(name) ?? []) : [];
    if (pid !== undefined && !runs(Number(pid)))
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
}

function ignore(...codes: readonly string[]): (thrown: unknown) => void {
  return (thrown) => {
    if (!codes.includes(codeOf(thrown))) throw thrown;
  };
}

const codeOf = (thrown: unknown) => String((thrown as NodeJS.ErrnoException).code);
