/** Files that are imported `with { type: "file" }`: the import is their path. */
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}

/** Files that are imported `with { type: "text" }`: the import is what they hold. */
declare module "*/page.js" {
  const text: string;
  export default text;
}
declare module "*/page.css" {
  const text: string;
  export default text;
}
