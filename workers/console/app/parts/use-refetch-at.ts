/** Reads a list again when an event says that it changed, and never otherwise. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

/** @param event the id of the last event that concerns the list */
export function useRefetchAt(queryKey: QueryKey, event: number): void {
  const queries = useQueryClient();
  const last = useRef(event);
  useEffect(() => {
    if (event === last.current) return;
    last.current = event;
    void queries.invalidateQueries({ queryKey });
  });
}
