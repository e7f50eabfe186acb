/** The completion scripts in real shells: in bash, and in zsh and fish where they are installed. */
import { accessSync, constants } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster, FAIRLEAD } from "../support/process/cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.create();
  const bin = cluster.path("fairlead");
  await writeFile(bin, `#!/bin/sh\nexec ${process.execPath} ${FAIRLEAD} "$@"\n`);
  await chmod(bin, 0o755);
});
afterAll(() => cluster.close());

/** Stands for the function of the package bash-completion: the words as bash has split them. */
const WORDS_OF_LINE = `_get_comp_words_by_ref() {
  words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
}`;

/** Runs a script of a shell, with `fairlead` in its path. Returns what it printed. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const PATH = `${cluster.directory}:${process.env.PATH}`;
  const shell = cluster.spawn({ name: command, command, args, env: { PATH, TERM: "dumb" } });
  expect(await shell.exited).toMatchObject({ status: 0 });
  return shell.stdout;
}

function isInstalled(shell: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => {
    try {
      accessSync(join(directory, shell), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

describe("The script of `fairlead completion`", () => {
  it("fills the words of a command line in bash", async () => {
    const script = `
      ${WORDS_OF_LINE}
      source <(fairlead completion bash)
      proposed() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); __fairlead_complete; printf '%s\\n' "\${COMPREPLY[@]}"; }
      proposed fairlead site re
      proposed fairlead debug ''
      proposed fairlead check api --f`;
    const printed = await run("bash", ["-c", script]);
    expect(printed.trim().split(/\s*\n/)).toEqual([
      expect.stringMatching(/^revoke/),
      expect.stringMatching(/^dump/),
      expect.stringMatching(/^--from/),
    ]);
  });

  it.skipIf(!isInstalled("zsh"))("fills the words of a command line in zsh", async () => {
    const script = `
      zmodload zsh/zpty
      zpty terminal 'zsh -f -i'
      zpty -w terminal 'PS1="% "; autoload -Uz compinit; compinit -u -D; source <(fairlead completion zsh); echo re""ady'
      zpty -r terminal shown '*ready*'
      zpty -w -n terminal $'fairlead debug d\\t'
      zpty -r terminal shown '*debug dump *'
      print -r -- "$shown"
      zpty -d terminal`;
    expect(await run("zsh", ["-f", "-c", script])).toContain("fairlead debug dump ");
  });

  it.skipIf(!isInstalled("fish"))("proposes the words of a command line in fish", async () => {
    const script = `
      source (fairlead completion fish | psub)
      complete -C 'fairlead debug '
      complete -C 'fairlead flows --fo'`;
    const printed = await run("fish", ["--no-config", "-c", script]);
    expect(printed.trim().split("\n")).toEqual([
      expect.stringMatching(/^dump\tWrite/),
      expect.stringMatching(/^--follow\t/),
    ]);
  });
});
