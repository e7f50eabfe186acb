/** The completion script in a real bash. */
import { chmod, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cluster, FAIRLEAD } from "../support/process/cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.create();
});
afterAll(() => cluster.close());

/** Stands for the function of the package bash-completion: the words as bash has split them. */
const WORDS_OF_LINE = `_get_comp_words_by_ref() {
  words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
}`;

it("The script of `completion bash` fills the words of a command line", async () => {
  const bin = cluster.path("fairlead");
  await writeFile(bin, `#!/bin/sh\nexec ${process.execPath} ${FAIRLEAD} "$@"\n`);
  await chmod(bin, 0o755);
  const script = `
    ${WORDS_OF_LINE}
    source <(fairlead completion bash)
    COMP_WORDS=(fairlead site re) COMP_CWORD=2
    __fairlead_complete
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const bash = cluster.spawn({
    name: "bash",
    command: "bash",
    args: ["-c", script],
    env: { PATH: `${cluster.directory}:${process.env.PATH}` },
  });
  expect(await bash.exited).toMatchObject({ status: 0 });
  expect(bash.stdout.trim()).toMatch(/^revoke/);
});
