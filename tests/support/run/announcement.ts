/** Prints at the start of `npm test` how long the tests take. */
import { availableParallelism, loadavg } from "node:os";

/** Measured on two idle cores, from `npm test` to its end. */
const REFERENCE_MINUTES = 11;
const REFERENCE_CORES = 2;
/** Processes that the tests keep busy at the same time. Further cores do not help. */
const PROCESSES = 4;

/** Estimates the duration of the tests on `cores` with a load average of `load`, in whole minutes. */
export function expectedMinutes(cores: number, load: number): number {
  const slower = REFERENCE_CORES / Math.min(cores, PROCESSES);
  const busier = Math.max(1, (load + PROCESSES) / Math.max(cores, PROCESSES));
  return Math.ceil(REFERENCE_MINUTES * slower * busier);
}

if (import.meta.main) {
  const cores = availableParallelism();
  const [load = 0] = loadavg();
  const here = `${cores} ${cores === 1 ? "core" : "cores"} with a load of ${load.toFixed(1)}`;
  console.log(
    `The tests take about ${REFERENCE_MINUTES} minutes on ${REFERENCE_CORES} idle cores, and about ${expectedMinutes(cores, load)} here: ${here}.`,
  );
  console.log(
    "A busy machine takes longer, and no test fails for that. The last line says how many passed.\n",
  );
}
