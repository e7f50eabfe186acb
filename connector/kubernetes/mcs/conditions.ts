/** Conditions in the status of ServiceExports and ServiceImports. */

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase words, joined by commas. */
  readonly reason: string;
  readonly message: string;
}

/** A condition as the API server has it. */
export interface StoredCondition extends Condition {
  readonly observedGeneration?: number | undefined;
  readonly lastTransitionTime: string;
}

/** Longest message that the definitions permit. */
const MAX_MESSAGE = 32_768;

/**
 * The conditions to store. Conditions of other types, which others set, stay. Null when nothing has changed: a write
 * without a change would be a change for all who watch.
 *
 * @param ours types of the conditions that a connector sets; one that is not in `wanted` goes
 * @param now RFC 3339 to the second
 */
export function nextConditions(
  stored: readonly StoredCondition[],
  wanted: readonly Condition[],
  { ours, generation, now }: { ours: readonly string[]; generation: number | undefined; now: string },
): StoredCondition[] | null {
  const next = [
    ...stored.filter(({ type }) => !ours.includes(type)),
    ...wanted.map(({ type, status, reason, message }) => {
      const before = stored.find((each) => each.type === type);
      return {
        ...{ type, status, reason, message: message.slice(0, MAX_MESSAGE) },
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      };
    }),
  ];
  const isEqual =
    next.length === stored.length && next.every((each) => stored.some((before) => isSame(before, each)));
  return isEqual ? null : next;
}

/** The wanted conditions that tell of something new. */
export const newConditions = (stored: readonly Condition[], wanted: readonly Condition[]): Condition[] =>
  wanted.filter((each) => !stored.some((before) => before.type === each.type && isAlike(before, each)));

const isAlike = (left: Condition, right: Condition): boolean =>
  left.status === right.status && left.reason === right.reason && left.message === right.message;

const isSame = (left: StoredCondition, right: StoredCondition): boolean =>
  left.type === right.type && isAlike(left, right) && left.observedGeneration === right.observedGeneration;
