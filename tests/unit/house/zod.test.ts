import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

/** The bundler keeps all of zod for `import { z }`: 220 KB, 10 ms of start and 7 MiB of memory more. */
const WHOLE_ZOD = /^import (?:type )?\{[^}]*\} from "zod"/m;

it("modules import zod as a namespace, of which the bundler keeps what is used", () => {
  const found = ["connector", "protocol", "workers"]
    .flatMap((root) => repositoryFiles(root))
    .filter((file) => /\.tsx?$/.test(file) && WHOLE_ZOD.test(readFileSync(join(ROOT, file), "utf8")));
  expect(found).toEqual([]);
});
