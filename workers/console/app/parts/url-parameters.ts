/** Parameters of a page in its URL. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type * as z from "zod";

/**
 * The parameters of the page, and a function that changes some of them in place: the way back leads to the page before.
 * A parameter that is set to `undefined` leaves the URL.
 *
 * @param schema accepts everything: what it does not know gets a default
 */
export function useParameters<S extends z.ZodObject>(
  schema: S,
): [z.infer<S>, (change: Partial<z.input<S>>) => void] {
  const search: Record<string, unknown> = useSearch({ strict: false });
  const navigate = useNavigate();
  const parameters = useMemo(() => schema.parse(search), [schema, search]);
  const change = useCallback(
    (values: Partial<z.input<S>>) => {
      void navigate({
        to: ".",
        replace: true,
        resetScroll: false,
        search: (before: Record<string, unknown>) => ({ ...before, ...values }),
      } as Parameters<typeof navigate>[0]);
    },
    [navigate],
  );
  return [parameters, change];
}
