/** The process of one stack in one round: measures the stack that its argument names, and prints the figures as JSON. */
import { measureStack } from "./run.ts";
import { stackNamed } from "./stacks.ts";

const figures = await measureStack(stackNamed(process.argv[2] ?? ""));
// Sessions that were cut off linger for a while.
process.stdout.write(JSON.stringify(figures), () => process.exit(0));
