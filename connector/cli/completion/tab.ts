/** The completion library, as a module of its own: in the bundle, only a module of the project keeps its names. */
export { RootCommand, script } from "@bomb.sh/tab";
