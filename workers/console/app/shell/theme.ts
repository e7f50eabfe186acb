/** The theme: light, dark, or that of the system. public/before.js applies it before the page is painted. */
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "fairlead-theme";
const readers = new Set<() => void>();
const systemIsDark = () => matchMedia("(prefers-color-scheme: dark)");

function read(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

let theme: Theme | null = null;
const current = () => {
  theme ??= read();
  return theme;
};

function apply(): void {
  const isDark = current() === "dark" || (current() === "system" && systemIsDark().matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", isDark);
}

export function setTheme(next: Theme): void {
  theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is off: the choice holds until the page is left.
  }
  apply();
  for (const reader of readers) reader();
}

/** Follows the system's theme while that is chosen. */
export const followSystemTheme = (): void => systemIsDark().addEventListener("change", apply);

function subscribe(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, current);
