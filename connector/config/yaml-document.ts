/** The parser of YAML with positions, loaded with the first file: in the bundle, an import of the package has no names. */
export { LineCounter, parse, parseDocument } from "yaml";
