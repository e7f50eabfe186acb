/**
 * Preloaded with `--import`: holds a program at its first rename by `node:fs/promises` until it is killed. So a test
 * finds a program in the middle of its work, however fast or slow the machine is.
 */
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** An interval keeps the process alive, as work would. */
promises.rename = () => new Promise(() => setInterval(() => undefined, 60_000));
syncBuiltinESMExports();
