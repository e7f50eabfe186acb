/** A process that opens the state directory of its argument, says what came of it, and stays. */
import { openStateDirectory } from "../../../connector/state/directory.ts";
import { FairleadError } from "../../../protocol/errors.ts";

try {
  openStateDirectory(process.argv[2] ?? "", { role: "connector" });
  console.log("held");
} catch (error) {
  console.log(error instanceof FairleadError ? error.code : String(error));
}
process.stdin.resume();
