/** Test files that run at the same time. Many mostly wait, for processes or for time to pass. */
export const MAX_WORKERS = 4;
