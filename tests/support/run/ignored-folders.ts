/** Folders that .gitignore names, for the list of test files. They may have anything in them. */
export const IGNORED_FOLDERS = ["**/.fairlead/**", "**/.wrangler/**", "**/coverage/**", "**/dist/**"];
