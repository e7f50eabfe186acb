/** Opens the state directory of its argument, prints the result, and stays alive. */
import { openStateDirectory } from "../../../connector/state/directory.ts";
import { FairleadError } from "../../../protocol/errors.ts";

try {
  openStateDirectory(process.argv[2] ?? "", { role: "connector" });
  console.log("held");
} catch (error) {
  console.log(error instanceof FairleadError ? error.code : String(error));
}
process.stdin.resume();
