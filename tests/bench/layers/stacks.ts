/** All stacks, by name. */
import { FLOOR } from "./floor.ts";
import { PATH } from "./path.ts";
import type { StackKind } from "./stack.ts";

export const STACKS: readonly StackKind[] = [...PATH, ...FLOOR];

/** @throws RangeError for a name that no stack has */
export function stackNamed(name: string): StackKind {
  const kind = STACKS.find(({ id }) => id === name);
  if (kind === undefined) throw new RangeError(`no stack ${name}: ${STACKS.map(({ id }) => id).join(", ")}`);
  return kind;
}
